/*
 * The program that is measured: one backup to a folder, to a descriptor of a file, or to a pipe
 * that another process reads, which is closed before that process is waited for.
 *
 *     targets folder STORE FOLDER
 *     targets file STORE FILE
 *     targets pipe STORE FILE      what is read goes to the file
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wmlb.h>

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t value_type,
                              const uint8_t *value, size_t value_len, void *user_data)
{
    (void)hr, (void)value_type, (void)value_len, (void)user_data;
    if (status == WMLB_STATUS_ERROR)
        fprintf(stderr, "%s\n", (const char *)value);
    return WMLB_S_OK;
}

/* What a shell's "> FILE" behind the pipe would do, and as durably as a folder's backup is. */
static int take(int from, int to)
{
    ssize_t got;
    while ((got = splice(from, NULL, to, NULL, 1 << 20, 0)) > 0)
        ;
    return got < 0 || fsync(to) != 0;
}

int main(int argc, char **argv)
{
    wmlb_hresult hr, result = WMLB_E_FAIL;
    wmlb_restorer *restorer = wmlb_default_restorer();
    int ends[2] = {-1, -1}, file = -1, status = 0;
    pid_t child = -1;

    if (argc != 4) {
        fputs("usage: targets folder|file|pipe STORE TO\n", stderr);
        return 2;
    }
    hr = wmlb_set_store_path(argv[2]);
    if (strcmp(argv[1], "folder") == 0) {
        hr = wmlb_set_backup_path(argv[3]);
    } else {
        file = open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (strcmp(argv[1], "pipe") == 0) {
            if (pipe2(ends, O_CLOEXEC) != 0)
                return 1;
            child = fork();
            if (child == 0) {
                close(ends[1]);
                _exit(take(ends[0], file));
            }
            close(ends[0]);
            close(file);
            file = ends[1];
        }
        if (WMLB_SUCCEEDED(hr))
            hr = wmlb_restorer_set_target_fd(restorer, file);
        close(file);
    }
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_backup_licenses(0, on_status, NULL);
    if (WMLB_FAILED(hr) || WMLB_FAILED(wmlb_wait(UINT32_MAX, &result))) {
        fputs("targets: the backup did not start\n", stderr);
        return 1;
    }
    /* The library's own end of the pipe. */
    hr = wmlb_restorer_set_target(restorer, NULL, NULL);
    if (child > 0 && (waitpid(child, &status, 0) != child || status != 0))
        return 1;
    return WMLB_FAILED(result) || WMLB_FAILED(hr);
}
