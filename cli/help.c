/* The help of the wmlb command, from its tables. */
#include "help.h"

#include <string.h>

enum { WIDTH = 80 };

/* Prints words from a column on, in lines that begin at an indentation. */
static void print_wrapped(FILE *out, const char *words, size_t column, size_t indentation)
{
    while (*words != 0) {
        size_t length = strcspn(words, " ");

        if (column > indentation && column + 1 + length > WIDTH) {
            fprintf(out, "\n%*s", (int)indentation, "");
            column = indentation;
        } else if (column > indentation) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", (int)length, words);
        column += length;
        words += length;
        words += strspn(words, " ");
    }
    fputc('\n', out);
}

void show_overview(FILE *out)
{
    fputs("usage: wmlb COMMAND [OPTION...] [PATH]\n\n", out);
    for (const struct command *command = commands; command->name != NULL; command++)
        fprintf(out, "  %-12s %s\n", command->name, command->summary);
    fputs("\nwmlb COMMAND --help, or wmlb help COMMAND, says more. -h is --help; wmlb -V or\n"
          "--version: the version.\n\n"
          "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 done, but not for all licenses: some\n"
          "could not be read, or differ and were kept; 4 there is a backup already;\n"
          "5 passphrase or identity wrong or missing; 6 the file is damaged, or no backup;\n"
          "7 the store and the backup differ; 130 interrupted (128 + signal).\n", out);
}

void show_help(const struct command *command)
{
    printf("usage: wmlb %s [OPTION...]%s%s\n", command->name, *command->operands ? " " : "",
           command->operands);
    print_wrapped(stdout, command->purpose, 0, 0);
    putchar('\n');
    for (const struct option_row *row = options; row->name != NULL; row++) {
        char letter[] = "    ";
        size_t column;

        if (!(row->commands & command->bit))
            continue;
        if (row->letter != 0)
            memcpy(letter, (char[]){'-', row->letter, ','}, 3);
        column = (size_t)printf("  %s--%s%s%s", letter, row->name, row->value ? " " : "",
                                row->value ? row->value : "");
        if (column > 28) {
            putchar('\n');
            column = 0;
        }
        printf("%*s", (int)(30 - column), "");
        print_wrapped(stdout, row->text, 30, 30);
    }
}
