/* What a restore would bring: it is done to a store that only compares. */
#ifndef WMLB_PLAN_H
#define WMLB_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <wmlb.h>

struct plan {
    char *store;  /* its path; to be freed */
    bool is_file; /* a database by itself */
    bool tells;   /* of each license */
    bool json;
    FILE *out;
    uint64_t added, same, different;
};

/* Makes the next restores of the default restorer fill a plan. */
wmlb_hresult want_plan(struct plan *plan);

/* The sum of a plan, in which what differs is replaced or not. */
void show_plan(const struct plan *plan, bool replaces);

#endif
