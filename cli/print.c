/* What the wmlb command shows of texts and of terminals. */
#define _POSIX_C_SOURCE 200809L /* fileno, clock_gettime */
#include "print.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../examples-c/visible.h"

int print_plain(FILE *out, const char *text)
{
    return print_visible(out, text, '?');
}

void print_licenses(FILE *out, uint64_t count)
{
    fprintf(out, "%" PRIu64 " license%s", count, count == 1 ? "" : "s");
}

void print_size(FILE *out, uint64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double size = (double)bytes / 1e3;
    size_t unit = 0;

    if (bytes < 1000) {
        fprintf(out, "%" PRIu64 " B", bytes);
        return;
    }
    for (; size >= 999.95 && unit + 1 < sizeof units / sizeof *units; unit++)
        size /= 1e3;
    fprintf(out, "%.1f %s", size, units[unit]);
}

bool is_able_terminal(FILE *out)
{
    const char *terminal = getenv("TERM");

    return isatty(fileno(out)) && (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

bool await_input(int file)
{
    struct pollfd input = {.fd = file, .events = POLLIN};

    /* A signal that comes right before the wait begins does not end it. */
    while (!signaled && poll(&input, 1, 50) <= 0)
        ;
    return !signaled;
}

double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
