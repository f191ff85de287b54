/* The operations of the wmlb command. */
#ifndef WMLB_OPERATE_H
#define WMLB_OPERATE_H

#include <stdbool.h>
#include <wmlb.h>

#include "options.h"

/* Each does what its command does; the exit code. */
int back_up(const struct arguments *arguments);
int restore(const struct arguments *arguments);
int verify(const struct arguments *arguments);
int cat(const struct arguments *arguments);

/* Catches the signals that ask for the end; flags for sigaction. */
void catch_signals(int flags);

/* Whether a path stands for standard output, or for standard input. */
bool is_stream(const char *path, bool out);

/* The path of the store; NULL when there is no memory, or no store. To be freed. */
char *store_path(void);

/* Whether a failure is that a passphrase is needed, and a terminal gave it; *asked is whether it
 * was asked already. */
bool is_passphrase_given(const struct arguments *arguments, wmlb_hresult hr, bool *asked);

#endif
