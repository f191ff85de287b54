/* How the wmlb command comes by passphrases and secret keys. */
#define _POSIX_C_SOURCE 200809L /* open, tcsetattr */
#include "print.h"
#include "secret.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* No secret is left in memory, nor was in a buffer of stdio's. */
static char secret[1 << 20];

static void wipe(char *from, size_t length)
{
    for (volatile char *at = from; length > 0; length--)
        *at++ = 0;
}

static int cannot(const char *path, const char *what)
{
    begin_complaint();
    print_plain(stderr, path);
    fprintf(stderr, "%s\n", what);
    return 1;
}

static int cannot_read(const char *path)
{
    char why[128];

    snprintf(why, sizeof why, ": %s", strerror(errno));
    return cannot(path, why);
}

/* Some editors and shells begin a text with a byte order mark, which nobody sees or types. */
static int without_mark(const char *path, size_t start, size_t *length)
{
    char *text = secret + start;
    size_t size = *length - start;

    if (size >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0))
        return cannot(path, " is in UTF-16: it must be in UTF-8");
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        memmove(text, text + 3, size - 3);
        *length -= 3;
        wipe(secret + *length, 3);
    }
    return 0;
}

/* Adds what a file has, or its first line without the line's end, to the secret. */
static int add_from(int file, const char *path, bool first_line, size_t *length)
{
    size_t start = *length;

    for (;;) {
        ssize_t got;

        if (*length == sizeof secret)
            return cannot(path, " is too long");
        if (!await_input(file))
            return cannot(path, " was not read");
        /* Byte by byte: what follows the line is for others. */
        got = read(file, secret + *length, first_line ? 1 : sizeof secret - *length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return cannot_read(path);
        if (got == 0 || (first_line && secret[*length] == '\n'))
            break;
        *length += (size_t)got;
    }
    if (first_line && *length > 0 && secret[*length - 1] == '\r')
        --*length;
    return without_mark(path, start, length);
}

static int open_it(const char *path, int *file)
{
    *file = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return *file >= 0 ? 0 : cannot_read(path);
}

/* A line that is typed on a terminal, unseen. */
static int ask(const char *prompt, const struct termios *before, size_t *length)
{
    struct termios silent = *before;
    int code;

    silent.c_lflag &= (tcflag_t)~ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fputs(prompt, stderr); /* what is typed from now on counts, and is not seen */
    code = add_from(STDIN_FILENO, "the passphrase", true, length);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, before);
    fputc('\n', stderr);
    return code;
}

int set_passphrase(const char *path, bool is_new, wmlb_hresult *hr)
{
    struct termios before;
    size_t length = 0;
    int file, code = open_it(path, &file);

    if (code != 0)
        return code;
    if (file == STDIN_FILENO && tcgetattr(file, &before) == 0) {
        code = ask("Passphrase: ", &before, &length);
        if (code == 0 && is_new) {
            size_t both = length;
            code = ask("Once more: ", &before, &both);
            if (code == 0 && (both != 2 * length || memcmp(secret, secret + length, length) != 0))
                code = cannot("the passphrases", " are not the same");
        }
    } else {
        code = add_from(file, path, true, &length);
    }
    if (code == 0)
        *hr = wmlb_set_prop(WMLB_PROP_PASSPHRASE, WMLB_TYPE_STRING, (const uint8_t *)secret, length);
    wipe(secret, sizeof secret);
    if (file != STDIN_FILENO)
        close(file);
    return code;
}

int set_identities(const char *const *paths, wmlb_hresult *hr)
{
    size_t length = 0;
    int code = 0;

    for (; code == 0 && *paths != NULL; paths++) {
        int file;
        code = open_it(*paths, &file);
        if (code == 0) {
            code = add_from(file, *paths, false, &length);
            if (file != STDIN_FILENO)
                close(file);
        }
        if (code == 0 && length < sizeof secret)
            secret[length++] = '\n';
    }
    if (code == 0)
        *hr = wmlb_set_prop(WMLB_PROP_IDENTITIES, WMLB_TYPE_STRING, (const uint8_t *)secret, length);
    wipe(secret, sizeof secret);
    return code;
}
