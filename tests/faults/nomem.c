/*
 * Goes between a program and the C library (LD_PRELOAD): the n-th allocation fails, or all from
 * the n-th on. Counted are those of all threads between two calls of wmlb_fault_marker; the
 * second prints how many failed, and how many there were.
 *
 *     WMLB_FAIL_ALLOCATION=N or N+; 0 for none
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t),
    *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);

static atomic_int counting;
static atomic_long count, failed;
static long first;
static int for_good;

void wmlb_fault_marker(void)
{
    if (!counting) {
        const char *wanted = getenv("WMLB_FAIL_ALLOCATION");
        first = wanted == NULL ? 0 : atol(wanted);
        for_good = wanted != NULL && strchr(wanted, '+') != NULL;
        counting = 1;
    } else {
        char line[64];
        counting = 0;
        int length = snprintf(line, sizeof line, "allocations: %ld of %ld\n", failed, count);
        if (write(STDOUT_FILENO, line, (size_t)length) != length)
            abort();
    }
}

static int fails(void)
{
    if (!counting)
        return 0;
    long number = ++count;
    if (first == 0 || number < first || (number > first && !for_good))
        return 0;
    failed++;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }

void *calloc(size_t number, size_t size) { return fails() ? NULL : __libc_calloc(number, size); }

void *realloc(void *memory, size_t size) { return fails() ? NULL : __libc_realloc(memory, size); }

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size) { return aligned_alloc(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    void *found = aligned_alloc(alignment, size);
    if (found == NULL)
        return ENOMEM;
    *memory = found;
    return 0;
}
