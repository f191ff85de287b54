/*
 * One operation of the library, for the fault loops:
 *
 *     client OPERATION STORE FOLDER [SECRET]
 *
 * OPERATION: backup, unverified (a backup that is not read back), verify, list, restore, or look
 * (lists the store). STORE: a path, or "host" for a store in this program's memory. FOLDER: where
 * the backup file is. SECRET: "passphrase:WORDS", or "keys:RECIPIENT,IDENTITY", or nothing for a
 * clear backup.
 *
 * Prints the result, the last event's code and a digest of what was listed. Exit code 0: the
 * operation said S_OK; 1: it failed; 3: what it said in one place disagrees with another.
 *
 * Under WMLB_MEASURED=1 it prints "memory: KIB" before that, the most that it has taken.
 *
 * Under WMLB_TRACED=1 it has its parent trace it, and stops itself right before the operation
 * and right after it: so nothing but the operation's own system calls are interfered with.
 */

#include "wmlb.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

enum { SUCCEEDED = 0, FAILED = 1, DISAGREES = 3 };

static const char *problem;

static void expect(int holds, const char *words)
{
    if (!holds && problem == NULL)
        problem = words;
}

/* Of nomem.c, when that is there: between two calls allocations may fail. */
extern void wmlb_fault_marker(void) __attribute__((weak));

static void mark(void)
{
    if (wmlb_fault_marker != NULL)
        wmlb_fault_marker();
}

static void stop_for_the_tracer(void)
{
    if (getenv("WMLB_TRACED") != NULL)
        raise(SIGSTOP);
}

/* ---- events ---- */

static int first_events, last_events, last_status = -1;
static wmlb_hresult last_hr;

static wmlb_hresult on_event(int32_t status, wmlb_hresult hr, int32_t type, const uint8_t *value,
                             size_t length, void *data)
{
    (void)type, (void)value, (void)length, (void)data;
    expect(last_events == 0, "an event after the last one");
    first_events += status == WMLB_STATUS_BACKUPRESTORE_BEGIN;
    if (status == WMLB_STATUS_BACKUPRESTORE_END || status == WMLB_STATUS_ERROR ||
        status == WMLB_STATUS_ERROR_WITHURL) {
        last_events++;
        last_status = status;
        last_hr = hr;
    }
    return WMLB_S_OK;
}

/* ---- a list, as one number ---- */

static uint64_t digest = 14695981039346656037u;
static unsigned listed;

static void add(const void *bytes, size_t length)
{
    const uint8_t *byte = bytes;
    while (length-- > 0)
        digest = (digest ^ *byte++) * 1099511628211u;
}

static wmlb_hresult on_license(const wmlb_license_info *license, void *data)
{
    (void)data;
    listed++;
    add(license->name_bytes, license->name_len);
    add(&license->size, sizeof license->size);
    add(&license->modified, sizeof license->modified);
    add(license->format, strlen(license->format));
    return WMLB_S_OK;
}

/* ---- a store in memory ---- */

enum { HOST_LICENSES = 10, HOST_SIZE = 700 };

static int host_open, host_next, host_put, host_committed;

static void host_license(int number, char *name, uint8_t *content)
{
    sprintf(name, number % 3 == 0 ? "folder/%d" : "%d", number);
    for (int byte = 0; byte < HOST_SIZE; byte++)
        content[byte] = (uint8_t)(byte * (number + 3) >> 2);
}

static wmlb_hresult store_open(void *context, int32_t for_writing)
{
    (void)context, (void)for_writing;
    expect(!host_open, "the store is opened twice");
    host_open = 1;
    host_next = host_put = 0;
    return WMLB_S_OK;
}

static wmlb_hresult store_next(void *context, wmlb_store_license *license)
{
    static char name[32];
    static uint8_t content[HOST_SIZE];
    (void)context;
    if (host_next == HOST_LICENSES)
        return WMLB_S_FALSE;
    host_license(host_next++, name, content);
    license->name = (const uint8_t *)name;
    license->name_len = strlen(name);
    license->data = content;
    license->data_len = sizeof content;
    license->modified = 1600000000;
    return WMLB_S_OK;
}

static wmlb_hresult store_put(void *context, const wmlb_store_license *license)
{
    char name[32];
    uint8_t content[HOST_SIZE];
    (void)context;
    for (int number = 0; number < HOST_LICENSES; number++) {
        host_license(number, name, content);
        if (license->name_len == strlen(name) && memcmp(license->name, name, strlen(name)) == 0 &&
            license->data_len == sizeof content &&
            memcmp(license->data, content, sizeof content) == 0) {
            host_put++;
            return WMLB_S_OK;
        }
    }
    expect(0, "a license is put that was never backed up");
    return WMLB_S_OK;
}

static wmlb_hresult store_commit(void *context)
{
    (void)context;
    expect(host_put == HOST_LICENSES, "not every license was put before the commit");
    host_committed++;
    return WMLB_S_OK;
}

static void store_close(void *context)
{
    (void)context;
    expect(host_open, "the store is closed twice");
    host_open = 0;
}

/* ---- memory ---- */

/* Of this program alone: what getrusage says begins with what its parent had. */
static void print_memory(void)
{
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            printf("memory: %ld\n", atol(line + 6));
    if (file != NULL)
        fclose(file);
}

/* ---- the operation ---- */

static wmlb_restorer *restorer;

static void need(wmlb_hresult hr, const char *what)
{
    if (WMLB_FAILED(hr)) {
        mark();
        printf("%s: %d\n", what, hr);
        exit(DISAGREES);
    }
}

static void string(const char *property, const char *value)
{
    need(wmlb_restorer_set_prop(restorer, property, WMLB_TYPE_STRING, (const uint8_t *)value,
                                strlen(value)),
         property);
}

static void number(const char *property, uint32_t value)
{
    need(wmlb_restorer_set_prop(restorer, property, WMLB_TYPE_DWORD, (const uint8_t *)&value,
                                sizeof value),
         property);
}

static void set_secret(char *secret)
{
    char *identity;
    if (strncmp(secret, "passphrase:", 11) == 0) {
        string(WMLB_PROP_PASSPHRASE, secret + 11);
    } else if (strncmp(secret, "keys:", 5) == 0 && (identity = strchr(secret, ',')) != NULL) {
        *identity++ = '\0';
        string(WMLB_PROP_RECIPIENTS, secret + 5);
        string(WMLB_PROP_IDENTITIES, identity);
    } else {
        need(WMLB_E_INVALIDARG, "secret");
    }
}

int main(int count, char **arguments)
{
    if (count < 4)
        return 2;
    const char *operation = arguments[1], *threads = getenv("WMLB_THREADS");
    int on_host = strcmp(arguments[2], "host") == 0, looks = strcmp(operation, "look") == 0;
    int is_list = looks || strcmp(operation, "list") == 0;
    wmlb_store_ops ops = {sizeof ops,  store_open,   store_next,
                          store_put,   store_commit, store_close};
    wmlb_hresult started, result = WMLB_E_FAIL;

    setvbuf(stdout, NULL, _IOFBF, 4096);
    mark();
    need(wmlb_restorer_create(&restorer), "create");
    if (on_host)
        need(wmlb_restorer_set_store(restorer, &ops, NULL), "store");
    else
        string(WMLB_PROP_STORE_PATH, arguments[2]);
    string(WMLB_PROP_BACKUP_PATH, arguments[3]);
    string(WMLB_PROP_RESTORE_PATH, arguments[3]);
    number(WMLB_PROP_THREADS, threads == NULL ? 1 : (uint32_t)atoi(threads));
    if (count > 4)
        set_secret(arguments[4]);
    if (getenv("WMLB_TRACED") != NULL && ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        need(WMLB_E_FAIL, "ptrace");

    stop_for_the_tracer();
    if (is_list) {
        started = looks ? wmlb_restorer_enumerate_store(restorer, on_license, NULL)
                        : wmlb_restorer_enumerate_backup(restorer, on_license, NULL);
        result = started;
    } else {
        if (strcmp(operation, "backup") == 0)
            started = wmlb_restorer_backup_licenses(
                restorer, WMLB_BACKUP_OVERWRITE | WMLB_BACKUP_VERIFY, on_event, NULL);
        else if (strcmp(operation, "unverified") == 0)
            started = wmlb_restorer_backup_licenses(restorer, WMLB_BACKUP_OVERWRITE, on_event, NULL);
        else if (strcmp(operation, "verify") == 0)
            started = wmlb_restorer_verify_backup(restorer, 0, on_event, NULL);
        else if (strcmp(operation, "restore") == 0)
            started = wmlb_restorer_restore_licenses(
                restorer, WMLB_RESTORE_OVERWRITE | WMLB_RESTORE_INDIVIDUALIZE, on_event, NULL);
        else
            started = WMLB_E_INVALIDARG;
        if (WMLB_SUCCEEDED(started))
            expect(wmlb_restorer_wait(restorer, UINT32_MAX, &result) == WMLB_S_OK, "wait fails");
        else
            result = started;
    }
    stop_for_the_tracer();

    if (!is_list && WMLB_SUCCEEDED(started)) {
        expect(last_events == 1, "there is not one last event");
        expect(last_hr == result, "the last event's code is not the result");
        expect((last_status == WMLB_STATUS_BACKUPRESTORE_END) == WMLB_SUCCEEDED(result),
               "the last event's status is not the result's");
        expect(first_events == 1 || WMLB_FAILED(result), "there is not one first event");
    } else {
        expect(last_events == 0, "an event of what did not start");
    }
    expect(!host_open, "the store is left open");
    if (on_host && strcmp(operation, "restore") == 0)
        expect(host_committed == (result == WMLB_S_OK), "the store is not what the result says");
    static char words[64 << 10]; /* names are long */
    size_t length = sizeof words;
    if (WMLB_FAILED(result))
        need(wmlb_restorer_get_last_error(restorer, words, &length), "last error");
    wmlb_progress progress = {.struct_size = sizeof progress};
    need(wmlb_restorer_get_progress(restorer, &progress), "progress");
    if (progress.licenses_reused > 0)
        printf("reused: %llu\n", (unsigned long long)progress.licenses_reused);
    need(wmlb_restorer_release(restorer), "release");
    mark();
    if (getenv("WMLB_MEASURED") != NULL)
        print_memory();
    printf("%d %d %u %016llx %s\n", result, last_events ? last_hr : result, listed,
           (unsigned long long)digest, problem ? problem : words);
    if (problem != NULL)
        return DISAGREES;
    return result == WMLB_S_OK ? SUCCEEDED : FAILED;
}
