/*
 * The contract of wmlb.h as a C program relies on it: numbers, layouts, the life of an
 * operation, and every rule of the boundary. Each test stands alone; a failed check is
 * named on stderr with its line, and makes the program fail.
 */

#include "harness.h"

#include <locale.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "contract/numbers.h"

/* ---- what the tests share ---- */

#define LICENSES 40
#define LICENSE_SIZE 700

static const char *store;

/* A folder for a backup that no other test uses. It does not exist yet. */
static const char *new_folder(void)
{
    static int number;
    return in_workspace("backup-%d", number++);
}

static const char *file_in(const char *folder)
{
    static char path[PATH_MAX];
    NEED(snprintf(path, sizeof path, "%s/licenses.wmlb", folder) < (int)sizeof path);
    return path;
}

/* No backup file, no temporary one. */
#define CHECK_NOTHING_IN(folder) CHECK(entries(folder) == 0)

/* The backup file, and nothing beside it. */
#define CHECK_BACKUP_IN(folder)                                                           \
    do {                                                                                  \
        CHECK(is_there(file_in(folder)));                                                 \
        CHECK(entries(folder) == 1);                                                      \
    } while (0)

static wmlb_hresult wait_for(wmlb_restorer *restorer)
{
    wmlb_hresult result = 12345;
    CHECK_HR(wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_S_OK);
    return result;
}

#include "contract/calls.h"
#include "contract/life.h"
#include "contract/callbacks.h"
#include "contract/host.h"

/* ---- all of it ---- */

#define TEST(name) {#name, name}

/* No ^NAME that it begins with, and one of the other names, where there are any. */
static int is_chosen(const char *name, int count, char **choices)
{
    int i, names = 0, chosen = 0;
    for (i = 0; i < count; i++) {
        int is_left_out = choices[i][0] == '^';
        const char *choice = choices[i] + is_left_out;
        int begins = strncmp(name, choice, strlen(choice)) == 0;
        if (is_left_out && begins)
            return 0;
        names += !is_left_out;
        chosen |= begins;
    }
    return names == 0 || chosen;
}

int main(int count, char **arguments)
{
    const struct {
        const char *name;
        void (*body)(void);
    } tests[] = {
        TEST(names),
        TEST(versions),
        TEST(handles_that_are_none),
        TEST(handles_are_not_used_again),
        TEST(default_restorer),
        TEST(refused_starts),
        TEST(busy),
        TEST(life),
        TEST(failure_on_the_thread),
        TEST(two_at_once),
        TEST(what_is_passed_is_copied),
        TEST(properties_are_read_at_the_start),
        TEST(relative_paths),
        TEST(waiting),
        TEST(idle_only_after_the_terminal_callback),
        TEST(canceling),
        TEST(the_last_progress_still_cancels),
        TEST(answers_that_do_not_cancel),
        TEST(release_in_a_callback),
        TEST(release_from_another_thread),
        TEST(release_in_the_callback_of_another_restorer),
        TEST(user_data_may_go_in_the_terminal_callback),
        TEST(every_function_in_a_callback),
        TEST(cancel_in_a_callback),
        TEST(null_arguments),
        TEST(two_call_getters),
        TEST(values_that_are_refused),
        TEST(progress_of_any_size),
        TEST(words),
        TEST(the_host_stays_as_it_is),
        TEST(errno_stays),
        TEST(the_callbacks_thread),
        TEST(nothing_is_printed),
        TEST(forking),
        TEST(forking_among_many_operations),
        TEST(forking_in_a_callback),
        TEST(default_paths),
    };
    char store_path[PATH_MAX];
    size_t i;
    int ran = 0, threads = threads_of_process();

    begin_workspace();
    snprintf(store_path, sizeof store_path, "%s", in_workspace("store"));
    store = store_path;
    make_store(store, LICENSES, LICENSE_SIZE);
    for (i = 0; i < sizeof tests / sizeof *tests; i++) {
        /* With arguments: NAME for the tests that begin with it, ^NAME for the others. */
        if (!is_chosen(tests[i].name, count - 1, arguments + 1))
            continue;
        test_name = tests[i].name;
        tests[i].body();
        ran++;
        /* A thread that ends by itself must not be counted by the next test. */
        until_threads_are(threads);
    }
    end_workspace();
    printf("%d tests; ", ran);
    return summary("contract") || ran == 0;
}
