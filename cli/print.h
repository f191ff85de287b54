/* What the wmlb command shows of texts and of terminals. */
#ifndef WMLB_PRINT_H
#define WMLB_PRINT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The signal that asks for the end, or 0. */
extern volatile sig_atomic_t signaled;

/* What others wrote must not give the terminal orders. Returns the characters printed. */
int print_plain(FILE *out, const char *text);

/* "1 license", "2 licenses". */
void print_licenses(FILE *out, uint64_t count);

/* "512 B", "1.5 MB". */
void print_size(FILE *out, uint64_t bytes);

/* Whether it is a terminal that can clear a line and has colors. */
bool is_able_terminal(FILE *out);

/* Waits until something can be read, or there is no more. False when a signal asks for the end. */
bool await_input(int file);

/* Seconds of a clock that nobody sets. */
double now(void);

#endif
