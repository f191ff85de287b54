/* JSON, as the wmlb command writes it. */
#ifndef WMLB_JSON_H
#define WMLB_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* An object that is being written, on a line of its own. */
struct object {
    FILE *out;
    bool begun;
};

struct object begin_object(FILE *out);
/* Without the line's end, which is the caller's. */
void end_object(struct object *object);

/* What a terminal would obey is escaped, so that it still is what it was. */
void add_text(struct object *object, const char *name, const char *text);
/* An array with each of the lines of a text, which may be none. */
void add_lines(struct object *object, const char *name, const char *text);
void add_number(struct object *object, const char *name, uint64_t number);
/* null for a number that stands for one that is not known. */
void add_known(struct object *object, const char *name, uint64_t number, uint64_t unknown);
/* In Unix seconds; null for INT64_MIN. */
void add_time(struct object *object, const char *name, int64_t time);
void add_seconds(struct object *object, const char *name, double seconds);
/* An object in it, to be ended before it. */
struct object begin_inner(struct object *object, const char *name);
/* "true", "false" or "null". */
void add_word(struct object *object, const char *name, const char *word);
void add_hex(struct object *object, const char *name, const uint8_t *bytes, size_t length);

#endif
