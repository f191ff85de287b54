/* What the wmlb command does with the generations of a backup. */
#ifndef WMLB_GENERATIONS_H
#define WMLB_GENERATIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <wmlb.h>

#include "list.h"

/* What the backup at RestorePath says of itself. */
wmlb_hresult show_backup_info(bool json);

/* Lists the generations at RestorePath. */
wmlb_hresult list_generations(struct listing *listing);

/* Removes those that the rule does not want, and says for each why it stays or goes; with
 * dry_run, says only. */
wmlb_hresult forget_generations(struct listing *listing, bool dry_run);

/* Sets RestorePath to the newest generation that was not made after a time, in the folder that
 * RestorePath is, or that has the file. S_FALSE: all were. */
wmlb_hresult choose_generation(const char *restore_path, int64_t time);

/* Reads a point in time; false when it is none. A day or a minute means its last second. */
bool read_time(const char *text, int64_t *time);

#endif
