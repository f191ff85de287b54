/* The help of the wmlb command. */
#ifndef WMLB_HELP_H
#define WMLB_HELP_H

#include <stdio.h>

#include "options.h"

void show_overview(FILE *out);
void show_help(const struct command *command);

#endif
