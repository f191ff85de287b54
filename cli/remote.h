/* Backups in a bucket, for the wmlb command. The library that knows buckets is loaded when an
 * address is given, and need not be there otherwise. */
#ifndef WMLB_CLI_REMOTE_H
#define WMLB_CLI_REMOTE_H

#include <stdbool.h>
#include <wmlb.h>

#include "list.h"
#include "options.h"

/* Whether it is an address of a bucket. NULL is none. */
bool is_bucket(const char *path);

/* Opens the bucket of the arguments, and makes it what operations and lists of backups are about;
 * DONE, or the code to end with. */
int open_bucket(const struct arguments *arguments);

/* Gives it back, if one was opened. */
void close_bucket(void);

/* Ends what is running, whether it is at work or waits for a server. */
void cancel_all(void);

/* The words of the bucket's last failure; NULL when there are none. To be freed. */
char *bucket_words(void);

/* The devices that have backups in the bucket. */
wmlb_hresult list_devices(struct listing *listing);

/* The generations of a device. */
wmlb_hresult list_bucket(const char *device, struct listing *listing);

/* Removes those that a rule does not want, and what killed writers left, and shows each; with
 * dry_run, shows only. */
wmlb_hresult forget_in_bucket(const struct arguments *arguments, struct listing *listing);

/* The same after a backup, without a word. */
wmlb_hresult forget_replaced(const struct arguments *arguments);

#endif
