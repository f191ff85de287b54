/* The lists of the wmlb command. */
#ifndef WMLB_LIST_H
#define WMLB_LIST_H

#include <stdbool.h>
#include <stdint.h>
#include <wmlb.h>

#include "json.h"
#include "options.h"

/* A table, or JSON, with the number of its rows so far. */
struct listing {
    bool json, is_array;
    bool names; /* and nothing else of licenses */
    uint64_t count;
};

/* An object of the array, on a line of its own. */
struct object begin_row(struct listing *listing);

/* What is known of a license. */
void add_license(struct object *object, const wmlb_license_info *license);

/* What list, diff, info, stores, devices, generations and forget do; the exit code. */
int list(const struct arguments *arguments);

#endif
