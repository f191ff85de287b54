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

/* Says that all of them were; the exit code. */
int miss_generation(void);

/* A table of generations, and how many of its rows go. */
struct table {
    struct listing *listing;
    uint64_t going;
    bool forgets, dry_run;
};

/* Shows a row: a wmlb_generation_callback for a struct table. */
wmlb_hresult show_generation(const wmlb_generation_info *generation, void *user_data);

/* Columns of such tables, and a blank. INT64_MIN and UINT64_MAX are not known. */
void print_made(int64_t created, int width);
void print_amount(uint64_t amount, int width);

/* Reads a point in time; false when it is none. A day or a minute means its last second. */
bool read_time(const char *text, int64_t *time);

#endif
