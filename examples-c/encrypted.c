/*
 * Encrypted backups: with a passphrase, or to public keys.
 *
 *     encrypted save STORE FOLDER [RECIPIENT...]     writes FOLDER/licenses.wmlb
 *     encrypted restore FOLDER STORE [KEY-FILE]
 *
 * A RECIPIENT is a public key, "age1...", and a KEY-FILE what age-keygen writes. Without
 * them a passphrase is asked for, or read from standard input when that is no terminal.
 *
 *     cc encrypted.c $(pkg-config --cflags --libs wmlb) -o encrypted
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wmlb.h>

#include "visible.h"

/* Says what failed, in the library's words: they name the path and the cause, and no secret. */
static int failure(const char *what, wmlb_hresult hr)
{
    const char *words = wmlb_hresult_message(hr);
    char *buffer = NULL;
    size_t size = 0;

    if (WMLB_SUCCEEDED(wmlb_get_last_error(NULL, &size)) && size > 1 &&
        (buffer = malloc(size)) != NULL &&
        WMLB_SUCCEEDED(wmlb_get_last_error(buffer, &size)))
        words = buffer;
    fprintf(stderr, "%s: ", what);
    print_visible(stderr, words, ' ');
    fprintf(stderr, " (%s)\n", wmlb_hresult_name(hr));
    free(buffer);
    return EXIT_FAILURE;
}

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t value_type,
                              const uint8_t *value, size_t value_len, void *user_data)
{
    (void)value_type;
    (void)value_len; /* a string has a NUL after it */
    (void)user_data;
    if (status == WMLB_STATUS_LICENSE_SKIPPED)
        print_line(stderr, "left as it is: ", (const char *)value, wmlb_hresult_message(hr));
    return WMLB_S_OK;
}

/* Overwrites a secret; volatile, so that the compiler does not leave it out. */
static void wipe(char *secret, size_t size)
{
    volatile char *byte = secret;

    while (size-- > 0)
        *byte++ = 0;
}

static wmlb_hresult set_text(const char *property, const char *text, size_t length)
{
    return wmlb_set_prop(property, WMLB_TYPE_STRING, (const uint8_t *)text, length);
}

/* Reads up to the end of the file, or of the line when `line` is set; at most size - 1 bytes.
   Read without stdio, which would keep a copy. */
static size_t read_secret(int file, char *secret, size_t size, int line)
{
    size_t length = 0;

    while (length < size - 1 && read(file, secret + length, 1) == 1) {
        if (line && secret[length] == '\n')
            break;
        length++;
    }
    secret[length] = '\0';
    return length;
}

/* Sets the property Passphrase to what the user types, which is not shown. */
static wmlb_hresult ask_passphrase(void)
{
    struct termios before, silent;
    int terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    char passphrase[1024];
    size_t length;
    wmlb_hresult hr;

    if (terminal) {
        silent = before;
        silent.c_lflag &= (tcflag_t)~ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        fputs("Passphrase: ", stderr);
    }
    length = read_secret(STDIN_FILENO, passphrase, sizeof passphrase, 1);
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    hr = set_text(WMLB_PROP_PASSPHRASE, passphrase, length);
    wipe(passphrase, sizeof passphrase); /* the library has its own copy, and wipes that */
    return hr;
}

/* Sets the property Identities to the content of a file: the library reads it as it is. */
static wmlb_hresult use_key_file(const char *path)
{
    static char keys[64 * 1024];
    FILE *file = fopen(path, "rb");
    size_t length;
    wmlb_hresult hr;

    if (file == NULL) {
        print_line(stderr, "", path, strerror(errno));
        return WMLB_E_FAIL;
    }
    length = read_secret(fileno(file), keys, sizeof keys, 0);
    fclose(file);
    hr = set_text(WMLB_PROP_IDENTITIES, keys, length);
    wipe(keys, sizeof keys);
    return hr;
}

/* Sets the property Recipients, which has one a line. */
static wmlb_hresult use_recipients(char **recipients, int count)
{
    size_t size = 1;
    char *lines;
    wmlb_hresult hr;
    int i;

    for (i = 0; i < count; i++)
        size += strlen(recipients[i]) + 1;
    lines = malloc(size);
    if (lines == NULL)
        return WMLB_E_OUTOFMEMORY;
    *lines = '\0';
    for (i = 0; i < count; i++)
        strcat(strcat(lines, recipients[i]), "\n");
    hr = set_text(WMLB_PROP_RECIPIENTS, lines, strlen(lines));
    free(lines);
    return hr;
}

/* Waits for what was started; hr tells whether it was. */
static wmlb_hresult finish(wmlb_hresult hr)
{
    wmlb_hresult result = WMLB_E_FAIL;

    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_wait(UINT32_MAX, &result);
    return WMLB_SUCCEEDED(hr) ? result : hr;
}

int main(int argc, char **argv)
{
    int saves = argc > 3 && strcmp(argv[1], "save") == 0;
    int restores = argc > 3 && strcmp(argv[1], "restore") == 0;
    wmlb_hresult hr;

    if (!saves && !(restores && argc <= 5)) {
        fprintf(stderr,
                "usage: %s save STORE FOLDER [RECIPIENT...]\n"
                "       %s restore FOLDER STORE [KEY-FILE]\n",
                argv[0], argv[0]);
        return EXIT_FAILURE;
    }
    hr = wmlb_set_store_path(argv[saves ? 2 : 3]);
    if (WMLB_SUCCEEDED(hr))
        hr = saves ? wmlb_set_backup_path(argv[3]) : wmlb_set_restore_path(argv[2]);
    if (WMLB_FAILED(hr))
        return failure("a path", hr);

    if (argc == 4)
        hr = ask_passphrase();
    else if (saves)
        hr = use_recipients(argv + 4, argc - 4);
    else
        hr = use_key_file(argv[4]);
    if (WMLB_FAILED(hr))
        return failure("the passphrase or key", hr);

    if (saves)
        hr = finish(wmlb_backup_licenses(0, on_status, NULL));
    else
        hr = finish(wmlb_restore_licenses(0, on_status, NULL));
    /* The library wipes the secrets here, not at the end of the process. */
    if (WMLB_FAILED(wmlb_remove_all_props()))
        fputs("the secrets were not wiped\n", stderr);
    if (hr == WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD)
        return failure("not the right passphrase or key", hr);
    if (WMLB_FAILED(hr))
        return failure(saves ? "the backup failed" : "the restore failed", hr);
    print_line(stdout, saves ? "saved in " : "restored to ", argv[3], NULL);
    return EXIT_SUCCESS;
}
