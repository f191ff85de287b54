/* Backups of a store whenever it has changed. */
#ifndef WMLB_WATCH_H
#define WMLB_WATCH_H

#include "options.h"

/* Does what its command does until a signal asks for the end; the exit code. */
int watch(const struct arguments *arguments);

#endif
