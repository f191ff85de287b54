/* How the wmlb command says what went wrong. */
#ifndef WMLB_WORDS_H
#define WMLB_WORDS_H

#include <stdbool.h>
#include <stdio.h>
#include <wmlb.h>

/* The few colors, on terminals that have them, unless NO_COLOR is set. */
enum color { PLAIN, RED, YELLOW, BOLD };

/* What begins a color; "" where there is none. */
const char *color(FILE *out, enum color wanted);

/* Prints the beginning of each message on standard error. */
void begin_complaint(void);

/* Prints the reason for which a license was left out. */
void print_reason(FILE *out, wmlb_hresult hr);

/* The words of the last failure, in which options have the names that they have here; NULL when
 * there is no memory for them. To be freed. */
char *failure_words(wmlb_hresult hr);

/* Whether the last failure was that a backup needs a passphrase, and none was given. */
bool is_passphrase_missing(void);

/* Says what failed, with its result code if it is wanted. The exit code for it. */
int complain(wmlb_hresult hr, bool with_code);

int exit_code(wmlb_hresult hr);

#endif
