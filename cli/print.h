/* What the wmlb command shows of progress, licenses and stores. */
#ifndef WMLB_PRINT_H
#define WMLB_PRINT_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <wmlb.h>

/* The signal that asks for the end, or 0. */
extern volatile sig_atomic_t signaled;

/* What others wrote must not give the terminal orders. Returns the characters printed. */
int print_plain(FILE *out, const char *text);

/* Waits until something can be read, or there is no more. False when a signal asks for the end. */
bool await_input(int file);

/* What the callback of an operation knows; main looks at it when that has ended. */
struct run {
    bool quiet, bar, drawn;
    bool forced;       /* nobody is asked */
    bool kept_earlier; /* the user wanted no backup with fewer licenses */
    double last;
    wmlb_progress progress;
};

struct run begin_run(bool quiet, bool forced);
void clear_bar(struct run *run);

/* A wmlb_status_callback for a struct run. */
wmlb_hresult show_event(int32_t status, wmlb_hresult hr, int32_t type, const uint8_t *value,
                        size_t len, void *user_data);

/* Prints a JSON string, and members of an object that are not its first. A time that is not stated
 * is null. */
void print_json(const char *text);
void print_json_member(const char *name, const char *text);
void print_json_time(const char *name, int64_t time);

/* A table, or JSON, with the number of its rows so far. */
struct listing {
    bool json;
    uint64_t count;
};

/* A wmlb_license_callback and a wmlb_store_callback for a struct listing. */
wmlb_hresult show_license(const wmlb_license_info *license, void *user_data);
wmlb_hresult show_store(const wmlb_store_info *store, void *user_data);

/* A wmlb_store_callback for places, which needs none. */
wmlb_hresult show_place(const wmlb_store_info *place, void *user_data);

#endif
