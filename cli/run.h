/* What the wmlb command shows of an operation. */
#ifndef WMLB_RUN_H
#define WMLB_RUN_H

#include <stdbool.h>
#include <stdio.h>
#include <wmlb.h>

#include "options.h"

/* What the callback of an operation knows; the caller looks at it when that has ended. */
struct run {
    FILE *out;  /* where results go */
    bool json, quiet, verbose;
    bool bar, drawn;
    bool forced;       /* whoever would be asked agrees */
    bool asks;
    bool kept_earlier; /* the user wanted no backup with fewer licenses */
    double start, last;
    uint64_t told; /* lines about licenses that were left out */
    char *file;    /* of the backup, when it is done; to be freed */
    wmlb_progress progress;
};

struct run begin_run(const struct arguments *arguments, FILE *out);
void clear_bar(struct run *run);

/* A wmlb_status_callback for a struct run. */
wmlb_hresult show_event(int32_t status, wmlb_hresult hr, int32_t type, const uint8_t *value,
                        size_t len, void *user_data);

/* Says what was done, and with which store; NULL for none. */
void show_result(struct run *run, const struct command *command, const char *store);

/* Says what failed to those who read JSON. */
void show_failure(const struct run *run, wmlb_hresult hr);

#endif
