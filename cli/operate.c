/* The operations of the wmlb command. */
#define _POSIX_C_SOURCE 200809L /* sigaction */
#include "operate.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "one.h"
#include "plan.h"
#include "print.h"
#include "remote.h"
#include "run.h"
#include "secret.h"
#include "stores.h"
#include "words.h"

static void on_signal(int number)
{
    signaled = number;
}

/* What was ignored when the command was started, by nohup or a shell's &, stays so. A second
 * signal ends the command on the spot, should the first not: nothing is lost by that. */
void catch_signals(int flags)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags | (int)SA_RESETHAND};
    struct sigaction before;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
}

bool is_stream(const char *path, bool out)
{
    return path != NULL &&
           (strcmp(path, "-") == 0 || strcmp(path, out ? "/dev/stdout" : "/dev/stdin") == 0);
}

char *store_path(void)
{
    size_t size = 0;
    int32_t type;
    char *path = NULL;

    if (WMLB_SUCCEEDED(wmlb_get_prop_by_name(WMLB_PROP_STORE_PATH, &type, NULL, &size)) &&
        size > 0 && (path = malloc(size)) != NULL &&
        WMLB_FAILED(wmlb_get_prop_by_name(WMLB_PROP_STORE_PATH, &type, (uint8_t *)path, &size))) {
        free(path);
        path = NULL;
    }
    return path;
}

bool is_passphrase_given(const struct arguments *arguments, wmlb_hresult hr, bool *asked)
{
    bool wanted = hr == WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD && !*asked &&
                  arguments->passphrase == NULL && arguments->command->bit != BACKUP &&
                  !is_stream(arguments->path, false) && isatty(STDIN_FILENO) &&
                  isatty(STDERR_FILENO);
    int code;

    if (!wanted || !is_passphrase_missing())
        return false;
    *asked = true;
    hr = WMLB_S_OK;
    catch_signals(0);
    code = set_passphrase("-", false, &hr);
    catch_signals(SA_RESTART);
    return code == DONE && WMLB_SUCCEEDED(hr) && !signaled;
}

typedef wmlb_hresult start_function(struct wmlb_restorer *, uint32_t, wmlb_status_callback,
                                    void *);

/* Runs an operation to its end; its result. */
static wmlb_hresult run_it(start_function *start, uint32_t flags, struct run *run)
{
    wmlb_hresult result = WMLB_E_FAIL;
    wmlb_hresult hr = start(wmlb_default_restorer(), flags, show_event, run);

    if (WMLB_FAILED(hr))
        return hr;
    while ((hr = wmlb_wait(50, &result)) == WMLB_E_TIMEOUT)
        if (signaled)
            cancel_all();
    clear_bar(run);
    return WMLB_FAILED(hr) ? hr : result;
}

/* Runs an operation, and says what became of it: with `shows`, also when all is well. */
static int operate(const struct arguments *arguments, start_function *start, uint32_t flags,
                   FILE *out, bool shows)
{
    unsigned command = arguments->command->bit;
    struct run run = begin_run(arguments, out);
    char *store = command != VERIFY ? store_path() : NULL;
    bool asked = false;
    wmlb_hresult hr;
    int code;

    run.quiet |= command == CAT;
    run.bar &= !run.quiet;
    while (is_passphrase_given(arguments, hr = run_it(start, flags, &run), &asked))
        run.start = now();
    code = exit_code(hr);
    if (run.kept_earlier && !signaled) {
        begin_complaint();
        fputs("the earlier backup stays\n", stderr);
        show_failure(&run, hr);
        code = FAILED;
    } else if (WMLB_FAILED(hr) && hr != WMLB_NS_E_DRM_STORE_NOTALLSTORED) {
        show_failure(&run, hr);
        code = complain(hr, run.verbose);
    } else if (shows) {
        if (is_stream(arguments->path, command == BACKUP) || is_bucket(arguments->path)) {
            free(run.file);
            run.file = NULL;
        }
        show_result(&run, arguments->command, store);
    }
    if (command == RESTORE && code == DONE && run.progress.licenses_skipped > 0)
        code = NOT_ALL;
    free(run.file);
    free(store);
    return code;
}

/* Each of the stores that players have, into a folder of its own. */
static int back_up_all(const struct arguments *arguments, uint32_t flags)
{
    struct stores stores;
    wmlb_hresult hr = find_stores(&stores);
    int code = WMLB_FAILED(hr) ? complain(hr, GIVEN(arguments, VERBOSE)) : DONE;

    if (code == DONE && stores.count == 0) {
        begin_complaint();
        fputs("no stores found\n", stderr);
        code = FAILED;
    }
    for (size_t i = 0; i < stores.count && WMLB_SUCCEEDED(hr) && !signaled; i++) {
        char *folder = own_folder(arguments->path, &stores.list[i]);
        int one;

        hr = folder != NULL ? wmlb_set_backup_path(folder) : WMLB_E_OUTOFMEMORY;
        if (WMLB_SUCCEEDED(hr))
            hr = wmlb_set_store_path(stores.list[i].path);
        free(folder);
        if (WMLB_SUCCEEDED(hr))
            one = operate(arguments, wmlb_restorer_backup_licenses, flags, stdout, true);
        else
            one = complain(hr, GIVEN(arguments, VERBOSE));
        /* What failed comes before what is not complete. */
        code = code == DONE || (code == NOT_ALL && one != DONE) ? one : code;
    }
    free_stores(&stores);
    return code;
}

int back_up(const struct arguments *arguments)
{
    FILE *out = is_stream(arguments->path, true) ? stderr : stdout;
    uint32_t flags = 0;
    wmlb_hresult hr;
    int code;

    flags |= GIVEN(arguments, REPLACE) || GIVEN(arguments, KEEP) || GIVEN(arguments, FORCE)
                 ? WMLB_BACKUP_OVERWRITE : 0;
    flags |= GIVEN(arguments, EMPTY) ? WMLB_BACKUP_EMPTY : 0;
    flags |= GIVEN(arguments, REREAD) ? WMLB_BACKUP_REREAD : 0;
    flags |= GIVEN(arguments, PARTIAL) ? WMLB_BACKUP_PARTIAL : 0;
    flags |= GIVEN(arguments, CHECK) ? WMLB_BACKUP_VERIFY : 0;
    if (GIVEN(arguments, EVERY_STORE))
        return back_up_all(arguments, flags);
    code = operate(arguments, wmlb_restorer_backup_licenses, flags, out, true);
    if ((code == DONE || code == NOT_ALL) && is_bucket(arguments->path) &&
        GIVEN(arguments, KEEP) && WMLB_FAILED(hr = forget_replaced(arguments)))
        code = complain(hr, GIVEN(arguments, VERBOSE));
    return code;
}

/* Whether there was any license that was wanted. */
static int check_any(void)
{
    wmlb_progress progress = {.struct_size = sizeof progress};

    if (WMLB_SUCCEEDED(wmlb_restorer_get_progress(wmlb_default_restorer(), &progress)) &&
        progress.licenses_done + progress.licenses_skipped > 0)
        return DONE;
    begin_complaint();
    fputs("there is no such license in the backup\n", stderr);
    return FAILED;
}

/* What a restore would do, but for the store. */
static int try_restore(const struct arguments *arguments, uint32_t flags)
{
    struct plan plan = {
        .store = store_path(),
        .tells = GIVEN(arguments, VERBOSE),
        .json = GIVEN(arguments, JSON),
        .out = stdout,
    };
    bool replaces = (flags & WMLB_RESTORE_OVERWRITE) != 0;
    wmlb_hresult hr = plan.store != NULL ? want_plan(&plan) : WMLB_E_OUTOFMEMORY;
    int code = WMLB_FAILED(hr) ? complain(hr, GIVEN(arguments, VERBOSE))
                               : operate(arguments, wmlb_restorer_restore_licenses,
                                         flags | WMLB_RESTORE_OVERWRITE, stdout, false);

    if (code == DONE && !GIVEN(arguments, QUIET))
        show_plan(&plan, replaces);
    if (code == DONE && plan.different > 0 && !replaces)
        code = NOT_ALL;
    free(plan.store);
    return code;
}

int restore(const struct arguments *arguments)
{
    uint32_t flags = 0;
    int code;

    flags |= GIVEN(arguments, FORCE) ? WMLB_RESTORE_OVERWRITE : 0;
    flags |= GIVEN(arguments, INDIVIDUALIZE) ? WMLB_RESTORE_INDIVIDUALIZE : 0;
    flags |= GIVEN(arguments, ALLOW_CLEAR) ? WMLB_ALLOW_CLEAR : 0;
    if (GIVEN(arguments, DRY_RUN))
        code = try_restore(arguments, flags);
    else
        code = operate(arguments, wmlb_restorer_restore_licenses, flags, stdout, true);
    return code == DONE && arguments->only != NULL ? check_any() : code;
}

int verify(const struct arguments *arguments)
{
    uint32_t flags = GIVEN(arguments, ALLOW_CLEAR) ? WMLB_ALLOW_CLEAR : 0;

    return operate(arguments, wmlb_restorer_verify_backup, flags, stdout, true);
}

int cat(const struct arguments *arguments)
{
    struct one one = {.data = NULL};
    wmlb_hresult hr = want_one(&one, arguments->name);
    int code = WMLB_FAILED(hr) ? complain(hr, GIVEN(arguments, VERBOSE))
                               : operate(arguments, wmlb_restorer_restore_licenses,
                                         WMLB_RESTORE_OVERWRITE | WMLB_RESTORE_INDIVIDUALIZE,
                                         stdout, false);

    if (code == DONE)
        code = one.found ? DONE : check_any();
    if (code == DONE)
        fwrite(one.data, 1, one.length, stdout);
    free(one.data);
    return code;
}
