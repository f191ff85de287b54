/* JSON, as the wmlb command writes it. */
#include "json.h"

#include <inttypes.h>
#include <string.h>

#include "../examples-c/visible.h"

struct object begin_object(FILE *out)
{
    fputc('{', out);
    return (struct object){.out = out};
}

void end_object(struct object *object)
{
    fputc('}', object->out);
}

/* Names are the command's own. */
static void begin_member(struct object *object, const char *name)
{
    fprintf(object->out, object->begun ? ", \"%s\": " : "\"%s\": ", name);
    object->begun = true;
}

struct object begin_inner(struct object *object, const char *name)
{
    begin_member(object, name);
    return begin_object(object->out);
}

/* A string of so many bytes; the library gives UTF-8. */
static void print_string(FILE *out, const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + length;

    fputc('"', out);
    while (at < end) {
        const unsigned char *start = at;
        int32_t character = next_character(&at);

        if (character == '"' || character == '\\')
            fprintf(out, "\\%c", (char)character);
        else if (is_visible(character))
            fwrite(start, 1, (size_t)(at - start), out);
        else /* no such character is beyond four digits */
            fprintf(out, "\\u%04x", character < 0 ? 0xFFFDU : (unsigned)character);
    }
    fputc('"', out);
}

void add_text(struct object *object, const char *name, const char *text)
{
    begin_member(object, name);
    print_string(object->out, text, strlen(text));
}

void add_lines(struct object *object, const char *name, const char *text)
{
    const char *separator = "";

    begin_member(object, name);
    fputc('[', object->out);
    while (*text != 0) {
        size_t length = strcspn(text, "\n");

        fputs(separator, object->out);
        print_string(object->out, text, length);
        separator = ", ";
        text += length + (text[length] == '\n');
    }
    fputc(']', object->out);
}

void add_number(struct object *object, const char *name, uint64_t number)
{
    begin_member(object, name);
    fprintf(object->out, "%" PRIu64, number);
}

void add_known(struct object *object, const char *name, uint64_t number, uint64_t unknown)
{
    if (number == unknown)
        add_word(object, name, "null");
    else
        add_number(object, name, number);
}

void add_time(struct object *object, const char *name, int64_t time)
{
    begin_member(object, name);
    if (time != INT64_MIN)
        fprintf(object->out, "%" PRId64, time);
    else
        fputs("null", object->out);
}

void add_seconds(struct object *object, const char *name, double seconds)
{
    begin_member(object, name);
    fprintf(object->out, "%.3f", seconds);
}

void add_word(struct object *object, const char *name, const char *word)
{
    begin_member(object, name);
    fputs(word, object->out);
}

void add_hex(struct object *object, const char *name, const uint8_t *bytes, size_t length)
{
    begin_member(object, name);
    fputc('"', object->out);
    for (size_t i = 0; i < length; i++)
        fprintf(object->out, "%02x", bytes[i]);
    fputc('"', object->out);
}
