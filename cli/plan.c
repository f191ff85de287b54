/* What a restore would bring: it is done to a store that only compares. */
#define _POSIX_C_SOURCE 200809L /* openat, O_NOFOLLOW */
#include "plan.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "print.h"
#include "receiver.h"

enum comparison { ADDED, SAME, DIFFERENT };

static const char *const names[] = {"new", "same", "differs"};

/* Whether a file that is open has this content. */
static bool has_content(int file, const uint8_t *data, size_t length)
{
    static uint8_t piece[1 << 16];
    size_t done = 0;
    ssize_t got;

    while ((got = read(file, piece, sizeof piece)) > 0) {
        if ((size_t)got > length - done || memcmp(piece, data + done, (size_t)got) != 0)
            return false;
        done += (size_t)got;
    }
    return got == 0 && done == length;
}

static enum comparison compare(const char *path, const wmlb_store_license *license)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    enum comparison found = DIFFERENT;
    struct stat status;

    if (file < 0)
        return lstat(path, &status) != 0 ? ADDED : DIFFERENT;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
        (uint64_t)status.st_size == license->data_len &&
        has_content(file, license->data, license->data_len))
        found = SAME;
    close(file);
    return found;
}

static void tell(const struct plan *plan, const char *name, const wmlb_store_license *license,
                 enum comparison found)
{
    if (plan->json) {
        struct object event = begin_object(plan->out);

        add_text(&event, "event", "license");
        add_text(&event, "name", name);
        add_text(&event, "state", names[found]);
        add_number(&event, "size", license->data_len);
        end_object(&event);
        fputc('\n', plan->out);
    } else if (plan->tells) {
        fprintf(plan->out, "%-8s ", names[found]);
        print_plain(plan->out, name);
        fputc('\n', plan->out);
    }
}

static wmlb_hresult put(void *ctx, const wmlb_store_license *license)
{
    struct plan *plan = ctx;
    size_t before = strlen(plan->store) + 1;
    char *path = malloc(before + license->name_len + 1);
    enum comparison found;

    if (path == NULL)
        return WMLB_E_OUTOFMEMORY;
    sprintf(path, "%s/", plan->store);
    memcpy(path + before, license->name, license->name_len);
    path[before + license->name_len] = 0;
    found = compare(plan->is_file ? plan->store : path, license);
    plan->added += found == ADDED;
    plan->same += found == SAME;
    plan->different += found == DIFFERENT;
    tell(plan, path + before, license, found);
    free(path);
    return WMLB_S_OK;
}

static wmlb_hresult commit(void *ctx)
{
    (void)ctx;
    return WMLB_S_OK;
}

wmlb_hresult want_plan(struct plan *plan)
{
    struct stat status;

    plan->is_file = stat(plan->store, &status) == 0 && S_ISREG(status.st_mode);
    return restore_to(put, commit, plan);
}

void show_plan(const struct plan *plan, bool replaces)
{
    uint64_t brought = plan->added + plan->same + (replaces ? plan->different : 0);

    if (plan->json) {
        struct object event = begin_object(plan->out);

        add_text(&event, "event", "plan");
        add_text(&event, "store", plan->store);
        add_number(&event, "new", plan->added);
        add_number(&event, "same", plan->same);
        add_number(&event, "different", plan->different);
        add_word(&event, "replaces", replaces ? "true" : "false");
        end_object(&event);
        fputc('\n', plan->out);
        return;
    }
    fputs("would restore ", plan->out);
    print_licenses(plan->out, brought);
    fputs(" to ", plan->out);
    print_plain(plan->out, plan->store);
    fprintf(plan->out, ": %" PRIu64 " new, %" PRIu64 " there already", plan->added, plan->same);
    if (plan->different > 0)
        fprintf(plan->out, replaces ? ", %" PRIu64 " replaced"
                                    : "; %" PRIu64 " that differ stay, unless --force is given",
                plan->different);
    fputc('\n', plan->out);
}
