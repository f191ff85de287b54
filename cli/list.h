/* The lists of the wmlb command. */
#ifndef WMLB_LIST_H
#define WMLB_LIST_H

#include "options.h"

/* What list and stores do; the exit code. */
int list(const struct arguments *arguments);

#endif
