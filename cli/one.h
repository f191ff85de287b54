/* One license of a backup, into memory. */
#ifndef WMLB_ONE_H
#define WMLB_ONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wmlb.h>

struct one {
    uint8_t *data; /* to be freed */
    size_t length;
    bool found;
};

/* Makes the next restore of the default restorer one of this license, into *one. */
wmlb_hresult want_one(struct one *one, const char *name);

#endif
