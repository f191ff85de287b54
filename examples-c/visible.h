/* Shows text that others made, names and paths above all, without what a terminal obeys. */
#ifndef VISIBLE_H
#define VISIBLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The next character of UTF-8 that ends with a NUL, and moves past it; -1 for a byte that is none
   of UTF-8 (RFC 3629, section 4: neither overlong forms nor surrogates). */
static inline int32_t next_character(const unsigned char **at)
{
    static const int32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *next = *at;
    int32_t first = *next++, character;
    int more = first < 0x80 ? 0 : first < 0xC2 ? -1 : first < 0xE0 ? 1 : first < 0xF0 ? 2
             : first < 0xF5 ? 3 : -1;

    *at = next;
    if (more < 0)
        return -1;
    character = more == 0 ? first : first & (0x3F >> more);
    for (int i = 0; i < more; i++, next++) {
        if ((*next & 0xC0) != 0x80)
            return -1;
        character = character << 6 | (*next & 0x3F);
    }
    if (character < smallest[more] || character > 0x10FFFF ||
        (character >= 0xD800 && character <= 0xDFFF))
        return -1;
    *at = next;
    return character;
}

/* Neither a control character (C0, DEL, C1) nor one that separates lines or turns the direction of
   writing (Unicode Standard Annex 9, section 2). */
static inline bool is_visible(int32_t character)
{
    return character >= 0x20 && !(character >= 0x7F && character <= 0x9F) &&
           character != 0x061C && character != 0x200E && character != 0x200F &&
           !(character >= 0x2028 && character <= 0x202E) &&
           !(character >= 0x2066 && character <= 0x2069);
}

/* Prints the text with '?' for all that is not visible; a line's end becomes `newline`. Returns the
   number of characters printed. */
static inline int print_visible(FILE *out, const char *text, char newline)
{
    const unsigned char *at = (const unsigned char *)text, *visible = at;
    int printed = 0;

    for (; *at != 0; printed++) {
        const unsigned char *start = at;
        int32_t character;

        if (*at >= 0x20 && *at < 0x7F) { /* nearly all of them */
            at++;
            continue;
        }
        character = next_character(&at);
        if (is_visible(character))
            continue;
        fwrite(visible, 1, (size_t)(start - visible), out);
        fputc(character == '\n' ? newline : '?', out);
        visible = at;
    }
    fwrite(visible, 1, (size_t)(at - visible), out);
    return printed;
}

/* Prints a line: words of the program's own, the text as above, and, unless that is NULL, why. */
static inline void print_line(FILE *out, const char *words, const char *text, const char *why)
{
    fputs(words, out);
    print_visible(out, text, ' ');
    if (why != NULL)
        fprintf(out, ": %s", why);
    fputc('\n', out);
}

#endif
