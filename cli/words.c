/* How the wmlb command says what went wrong. */
#define _POSIX_C_SOURCE 200809L /* fileno */
#include "words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "print.h"

const char *color(FILE *out, enum color wanted)
{
    static const char *const escapes[] = {"\033[0m", "\033[1;31m", "\033[33m", "\033[1m"};
    const char *refused = getenv("NO_COLOR"); /* https://no-color.org */

    if ((refused != NULL && *refused != 0) || !is_able_terminal(out))
        return "";
    return escapes[wanted];
}

void begin_complaint(void)
{
    fprintf(stderr, "%swmlb:%s ", color(stderr, RED), color(stderr, PLAIN));
}

int exit_code(wmlb_hresult hr)
{
    switch (hr) {
    case WMLB_NS_E_DRM_STORE_NOTALLSTORED:
        return NOT_ALL;
    case WMLB_NS_E_DRM_BACKUP_EXISTS:
        return EXISTS;
    case WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD:
        return LOCKED;
    case WMLB_NS_E_DRM_BACKUP_CORRUPT:
    case WMLB_NS_E_BACKUP_RESTORE_BAD_DATA:
        return DAMAGED;
    case WMLB_E_INVALIDARG:
        return USAGE;
    case WMLB_NS_E_DRM_OPERATION_CANCELED:
        return signaled ? 128 + signaled : FAILED;
    default:
        return WMLB_SUCCEEDED(hr) ? DONE : FAILED;
    }
}

void print_reason(FILE *out, wmlb_hresult hr)
{
    const char *message = wmlb_hresult_message(hr);
    size_t length = strlen(message);

    if (hr == WMLB_HRESULT_FROM_WIN32(80)) { /* ERROR_FILE_EXISTS */
        fputs("it differs: --force replaces it", out);
        return;
    }
    if (hr == WMLB_E_ACCESSDENIED) {
        fputs("no permission, or neither file nor folder", out);
        return;
    }
    if (length > 0 && message[length - 1] == '.')
        length--;
    if (length > 0)
        fprintf(out, "%c%.*s", tolower((unsigned char)*message), (int)length - 1, message + 1);
}

#define NO_PASSPHRASE "and no passphrase is set"

/* Words of the library's about its functions, and what they are called here. */
static const char *const own_words[][2] = {
    {", and WMLB_BACKUP_OVERWRITE was not given", ": give --replace or --force to replace it"},
    {": it stays, since WMLB_BACKUP_EMPTY was not given", ": it stays; give --empty to replace it"},
    {", and WMLB_RESTORE_INDIVIDUALIZE was not given", ": give --individualize to restore it here"},
    {NO_PASSPHRASE, "and needs its passphrase: give --passphrase-file"},
    {"and no identity is set", "and needs the secret key of a recipient: give --identity"},
    {"and its passphrase is another", "and its passphrase is not this one"},
    {"and no identity that is set opens it", "and none of these identities opens it"},
    {"although a passphrase or identities are set", "although a passphrase or identity is given"},
    {"it may have replaced an encrypted backup", "it may have replaced an encrypted backup; give "
                                                 "--allow-clear to take it all the same"},
    {"WMLB_BACKUP_VERIFY", "--verify"},
    {"property BackupPath", "FOLDER"},
    {"property RestorePath", "BACKUP"},
    {"property StorePath is not set", "there is no home folder: give --store"},
    {"property StorePath", "--store"},
    {"property Passphrase", "--passphrase-file"},
    {"property Recipients", "--recipient"},
    {"property Identities", "--identity"},
    {"property Only", "--only"},
    {"property Keep", "--keep"},
};

/* Replaces the first `length` bytes at `at`, which is in *text. */
static bool replace(char **text, char *at, size_t length, const char *with)
{
    size_t before = (size_t)(at - *text), more = strlen(with);
    char *made = malloc(before + more + strlen(at + length) + 1);

    if (made == NULL)
        return false;
    memcpy(made, *text, before);
    memcpy(made + before, with, more);
    strcpy(made + before + more, at + length);
    free(*text);
    *text = made;
    return true;
}

/* Takes the numbers of the system's errors out, which their words precede. */
static void drop_numbers(char *text)
{
    static const char begin[] = " (os error ";
    char *at, *end;

    while ((at = strstr(text, begin)) != NULL && (end = strchr(at, ')')) != NULL)
        memmove(at, end + 1, strlen(end + 1) + 1);
}

/* The words of the library's; NULL when there are none. To be freed. */
static char *last_words(void)
{
    size_t length = 0;
    char *words = NULL;

    if (WMLB_SUCCEEDED(wmlb_get_last_error(NULL, &length)) && length > 1 &&
        (words = malloc(length)) != NULL && WMLB_FAILED(wmlb_get_last_error(words, &length))) {
        free(words);
        words = NULL;
    }
    return words;
}

bool is_passphrase_missing(void)
{
    char *words = last_words();
    bool missing = words != NULL && strstr(words, NO_PASSPHRASE) != NULL;

    free(words);
    return missing;
}

char *failure_words(wmlb_hresult hr)
{
    char *words = last_words(), *at;

    if (words == NULL)
        return strdup(wmlb_hresult_message(hr));
    for (size_t i = 0; i < sizeof own_words / sizeof *own_words; i++)
        if ((at = strstr(words, own_words[i][0])) != NULL &&
            !replace(&words, at, strlen(own_words[i][0]), own_words[i][1]))
            break;
    drop_numbers(words);
    return words;
}

int complain(wmlb_hresult hr, bool with_code)
{
    char *words = failure_words(hr);

    begin_complaint();
    if (hr == WMLB_NS_E_DRM_OPERATION_CANCELED && signaled)
        fputs("interrupted: nothing has changed", stderr);
    else
        print_plain(stderr, words != NULL ? words : wmlb_hresult_message(hr));
    if (with_code)
        fprintf(stderr, " (%s)", wmlb_hresult_name(hr));
    fputc('\n', stderr);
    free(words);
    return exit_code(hr);
}
