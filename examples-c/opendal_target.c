/*
 * Backs up to any store that Apache OpenDAL knows (Google Cloud Storage, Azure, WebDAV, ...), and
 * brings the licenses back from there: a target (wmlb_restorer_set_target) over OpenDAL's C
 * binding. For S3 there is libwmlb-remote, which knows who won where several write at once:
 * OpenDAL's C binding cannot ask a server to refuse.
 *
 *     opendal_target backup STORE SCHEME [NAME=VALUE...]     replaces the backup that is there
 *     opendal_target verify STORE SCHEME [NAME=VALUE...]
 *     opendal_target restore STORE SCHEME [NAME=VALUE...]
 *
 *     opendal_target backup ~/licenses gcs bucket=players root=/living-room
 *
 * NAME=VALUE are the options of the service, as OpenDAL's documentation has them. Take one whose
 * files show when they are closed, as those of object stores do; with fs, set atomic_write_dir.
 *
 *     cc opendal_target.c $(pkg-config --cflags --libs wmlb) -lopendal_c -o opendal_target
 */
#include <opendal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wmlb.h>

#include "visible.h"

struct target {
    opendal_operator *place;
    opendal_writer *writer; /* what is being made */
    opendal_reader *reader; /* what was published */
    uint64_t at;            /* where the reader is */
};

/* What OpenDAL says, as a result code; it says more on standard error. */
static wmlb_hresult answer(const char *action, opendal_error *error)
{
    wmlb_hresult hr = WMLB_E_FAIL;
    char *words;

    if (error == NULL)
        return WMLB_S_OK;
    if (error->code == OPENDAL_NOT_FOUND)
        hr = WMLB_HRESULT_FROM_WIN32(2); /* there is no such file */
    else if (error->code == OPENDAL_PERMISSION_DENIED)
        hr = WMLB_E_ACCESSDENIED;
    words = malloc(error->message.len + 1);
    if (words != NULL) {
        memcpy(words, error->message.data, error->message.len);
        words[error->message.len] = 0;
        fprintf(stderr, "%s: ", action);
        print_visible(stderr, words, ' ');
        fputc('\n', stderr);
    }
    free(words);
    opendal_error_free(error);
    return hr;
}

static void close_reader(struct target *target)
{
    if (target->reader != NULL)
        opendal_reader_free(target->reader);
    target->reader = NULL;
}

static wmlb_hresult begin(void *ctx, uint64_t size_hint)
{
    struct target *target = ctx;
    opendal_result_operator_writer made =
        opendal_operator_writer(target->place, WMLB_BACKUP_FILE_NAME);

    (void)size_hint;
    target->writer = made.writer;
    return answer("begin", made.error);
}

static wmlb_hresult write_bytes(void *ctx, const uint8_t *data, size_t len)
{
    struct target *target = ctx;

    while (len > 0) {
        opendal_bytes bytes = {.data = (uint8_t *)data, .len = len, .capacity = len};
        opendal_result_writer_write done = opendal_writer_write(target->writer, &bytes);

        if (done.error != NULL)
            return answer("write", done.error);
        if (done.size == 0 || done.size > len)
            return WMLB_E_FAIL;
        data += done.size;
        len -= done.size;
    }
    return WMLB_S_OK;
}

/* With overwrite 0 nobody was there a moment ago: the library has called stat once more, since
 * WMLB_TARGET_CREATE_ONLY is not among the capabilities. */
static wmlb_hresult publish(void *ctx, int32_t overwrite)
{
    struct target *target = ctx;
    wmlb_hresult hr = answer("publish", opendal_writer_close(target->writer));

    (void)overwrite;
    if (WMLB_SUCCEEDED(hr)) {
        opendal_writer_free(target->writer);
        target->writer = NULL;
        close_reader(target);
    }
    return hr;
}

/* What was not closed never shows. Parts of it may be left in a bucket, until that drops them. */
static void abandon(void *ctx)
{
    struct target *target = ctx;

    opendal_writer_free(target->writer);
    target->writer = NULL;
}

static wmlb_hresult stat_file(void *ctx, wmlb_target_info *info)
{
    struct target *target = ctx;
    opendal_result_stat found = opendal_operator_stat(target->place, WMLB_BACKUP_FILE_NAME);

    if (found.error != NULL && found.error->code == OPENDAL_NOT_FOUND) {
        opendal_error_free(found.error);
        return WMLB_S_FALSE;
    }
    if (found.error != NULL)
        return answer("stat", found.error);
    info->size = opendal_metadata_content_length(found.meta);
    info->modified = opendal_metadata_last_modified_ms(found.meta) / 1000;
    opendal_metadata_free(found.meta);
    return WMLB_S_OK;
}

static wmlb_hresult read_bytes(void *ctx, uint64_t offset, uint8_t *buffer, size_t *len)
{
    struct target *target = ctx;
    opendal_result_reader_read done;

    if (target->reader == NULL) {
        opendal_result_operator_reader opened =
            opendal_operator_reader(target->place, WMLB_BACKUP_FILE_NAME);

        if (opened.error != NULL)
            return answer("open", opened.error);
        target->reader = opened.reader;
        target->at = 0;
    }
    if (target->at != offset) {
        opendal_result_reader_seek moved =
            opendal_reader_seek(target->reader, (int64_t)offset, OPENDAL_SEEK_SET);

        if (moved.error != NULL)
            return answer("seek", moved.error);
    }
    done = opendal_reader_read(target->reader, buffer, *len);
    if (done.error != NULL) {
        close_reader(target);
        return answer("read", done.error);
    }
    *len = done.size;
    target->at = offset + done.size;
    return WMLB_S_OK;
}

static const wmlb_target_ops ops = {
    .struct_size = sizeof ops,
    .capabilities = WMLB_TARGET_RANGES,
    .begin = begin,
    .write = write_bytes,
    .publish = publish,
    .abandon = abandon,
    .stat = stat_file,
    .read = read_bytes,
};

/* The place that the arguments name; NULL: it was said why not. */
static opendal_operator *open_place(const char *scheme, char **settings)
{
    opendal_operator_options *options = opendal_operator_options_new();
    opendal_result_operator_new made;

    for (; *settings != NULL; settings++) {
        char *value = strchr(*settings, '=');

        if (value == NULL)
            continue;
        *value++ = 0;
        opendal_operator_options_set(options, *settings, value);
    }
    made = opendal_operator_new(scheme, options);
    opendal_operator_options_free(options);
    return WMLB_SUCCEEDED(answer(scheme, made.error)) ? made.op : NULL;
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

/* On this thread: OpenDAL's calls wait for the server as they are. */
static wmlb_hresult operate(const char *action)
{
    wmlb_restorer *restorer = wmlb_default_restorer();

    if (strcmp(action, "backup") == 0)
        return wmlb_restorer_backup_licenses(restorer, WMLB_RUN_HERE | WMLB_BACKUP_OVERWRITE,
                                             on_status, NULL);
    if (strcmp(action, "verify") == 0)
        return wmlb_restorer_verify_backup(restorer, WMLB_RUN_HERE, on_status, NULL);
    return wmlb_restorer_restore_licenses(restorer, WMLB_RUN_HERE, on_status, NULL);
}

static int failure(wmlb_hresult hr)
{
    char words[4096] = "";
    size_t size = sizeof words;

    if (WMLB_FAILED(wmlb_get_last_error(words, &size)) || *words == 0)
        snprintf(words, sizeof words, "%s", wmlb_hresult_message(hr));
    print_line(stderr, "", words, wmlb_hresult_name(hr));
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct target target = {NULL, NULL, NULL, 0};
    wmlb_progress progress = {.struct_size = sizeof progress};
    const char *action = argc > 3 ? argv[1] : "";
    wmlb_hresult hr;

    if (strcmp(action, "backup") != 0 && strcmp(action, "verify") != 0 &&
        strcmp(action, "restore") != 0) {
        fputs("usage: opendal_target backup|verify|restore STORE SCHEME [NAME=VALUE...]\n", stderr);
        return 2;
    }
    target.place = open_place(argv[3], argv + 4);
    if (target.place == NULL)
        return EXIT_FAILURE;
    hr = wmlb_set_store_path(argv[2]);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_restorer_set_target(wmlb_default_restorer(), &ops, &target);
    if (WMLB_SUCCEEDED(hr))
        hr = operate(action);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_restorer_get_progress(wmlb_default_restorer(), &progress);
    if (WMLB_SUCCEEDED(hr))
        printf("%s: %llu licenses\n", action, (unsigned long long)progress.licenses_done);
    close_reader(&target);
    opendal_operator_free(target.place);
    return WMLB_FAILED(hr) ? failure(hr) : EXIT_SUCCESS;
}
