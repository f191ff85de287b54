/* What the host keeps: its streams, its signals, its forks, its environment. Part of contract.c. */

/* ---- the host ---- */

extern char **environ;

typedef struct state {
    sigset_t mask;
    struct sigaction actions[NSIG];
    stack_t stack;
    struct itimerval timer;
    struct rlimit files;
    mode_t umask;
    char directory[PATH_MAX];
    char locale[1024];
    char **environment;
    char *variables;
    size_t variables_length;
    unsigned char files_open[1024];
    int threads;
} state;

static void state_of_process(state *state)
{
    FILE *copy;
    char **variable;
    int i;

    memset(state, 0, sizeof *state);
    pthread_sigmask(SIG_SETMASK, NULL, &state->mask);
    for (i = 1; i < NSIG; i++)
        sigaction(i, NULL, &state->actions[i]);
    sigaltstack(NULL, &state->stack);
    getitimer(ITIMER_REAL, &state->timer);
    getrlimit(RLIMIT_NOFILE, &state->files);
    state->umask = umask(0);
    umask(state->umask);
    NEED(getcwd(state->directory, sizeof state->directory) != NULL);
    snprintf(state->locale, sizeof state->locale, "%s", setlocale(LC_ALL, NULL));
    state->environment = environ;
    copy = open_memstream(&state->variables, &state->variables_length);
    NEED(copy != NULL);
    for (variable = environ; *variable != NULL; variable++)
        fprintf(copy, "%p %s\n", (void *)*variable, *variable);
    fclose(copy);
    for (i = 0; i < (int)sizeof state->files_open; i++)
        state->files_open[i] = fcntl(i, F_GETFD) >= 0;
    state->threads = threads_of_process();
}

static void the_host_stays_as_it_is(void)
{
    const char *folder = new_folder();
    wmlb_restorer *restorer;
    recorder told;
    static state before, after;
    int i, changed = 0;
    sigset_t some;
    mode_t umask_before;

    /* Something that is not what every process starts with. */
    sigemptyset(&some);
    sigaddset(&some, SIGUSR2);
    NEED(pthread_sigmask(SIG_BLOCK, &some, NULL) == 0);
    umask_before = umask(0123);

    state_of_process(&before);
    restorer = new_restorer(store, folder);
    recorder_init(&told);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told),
             WMLB_NS_E_DRM_BACKUP_EXISTS);
    CHECK_HR(wmlb_restorer_set_store_path(restorer, "/no/such/store"), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 1, record, &told), WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    until_threads_are(before.threads);
    state_of_process(&after);

    for (i = 1; i < NSIG; i++) {
        CHECK(sigismember(&before.mask, i) == sigismember(&after.mask, i));
        changed += before.actions[i].sa_handler != after.actions[i].sa_handler ||
                   before.actions[i].sa_flags != after.actions[i].sa_flags;
    }
    CHECK(changed == 0);
    CHECK(before.stack.ss_sp == after.stack.ss_sp &&
          before.stack.ss_flags == after.stack.ss_flags);
    CHECK(after.timer.it_value.tv_sec == 0 && after.timer.it_value.tv_usec == 0);
    CHECK(before.files.rlim_cur == after.files.rlim_cur);
    CHECK(before.umask == after.umask && after.umask == 0123);
    CHECK_TEXT(after.directory, before.directory);
    CHECK_TEXT(after.locale, before.locale);
    CHECK(before.environment == after.environment);
    CHECK_TEXT(after.variables, before.variables);
    CHECK(memcmp(before.files_open, after.files_open, sizeof before.files_open) == 0);
    CHECK(before.threads == after.threads);

    umask(umask_before);
    NEED(pthread_sigmask(SIG_UNBLOCK, &some, NULL) == 0);
    free(before.variables);
    free(after.variables);
    recorder_destroy(&told);
}

static void errno_stays(void)
{
    const char *folder = new_folder();
    wmlb_restorer *restorer = NULL;
    recorder told;
    wmlb_hresult result = 77;
    size_t size = 0;
    int32_t type;

    recorder_init(&told);
#define KEEPS_ERRNO(call)                                                                 \
    do {                                                                                  \
        wmlb_hresult hr_;                                                                 \
        int errno_;                                                                       \
        errno = 4242;                                                                     \
        hr_ = (call);                                                                     \
        errno_ = errno;                                                                   \
        check_(errno_ == 4242, __FILE__, __LINE__, "%s changes errno to %d", #call, errno_); \
        CHECK_HR(hr_, WMLB_S_OK);                                                         \
    } while (0)
    KEEPS_ERRNO(wmlb_restorer_create(&restorer));
    KEEPS_ERRNO(wmlb_restorer_set_store_path(restorer, store));
    KEEPS_ERRNO(wmlb_restorer_set_backup_path(restorer, folder));
    KEEPS_ERRNO(wmlb_restorer_get_prop_by_name(restorer, "BackupPath", &type, NULL, &size));
    KEEPS_ERRNO(wmlb_restorer_backup_licenses(restorer, 0, record, &told));
    KEEPS_ERRNO(wmlb_restorer_wait(restorer, UINT32_MAX, &result));
    KEEPS_ERRNO(wmlb_restorer_get_last_error(restorer, NULL, &size));
    KEEPS_ERRNO(wmlb_restorer_release(restorer));
#undef KEEPS_ERRNO
    CHECK_HR(result, WMLB_S_OK);
    recorder_destroy(&told);
}

static unsigned char open_before[1024];

static void look_around(recorder *told)
{
    sigset_t mask;
    int i, closes_on_exec = 1;
    (void)told;
    NEED(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0);
    for (i = 1; i < NSIG; i++)
        /* Two between the classes are the C library's own. */
        if (i != SIGKILL && i != SIGSTOP && (i < 32 || i >= SIGRTMIN))
            check_(sigismember(&mask, i) == 1, __FILE__, __LINE__, "signal %d is blocked", i);
    for (i = 0; i < (int)sizeof open_before; i++) {
        int flags = fcntl(i, F_GETFD);
        if (flags >= 0 && !open_before[i])
            closes_on_exec &= flags & FD_CLOEXEC;
    }
    CHECK(closes_on_exec);
}

static void the_callbacks_thread(void)
{
    const int32_t moments[] = {WMLB_STATUS_BACKUPRESTORE_BEGIN, WMLB_STATUS_PROGRESS,
                               WMLB_STATUS_BACKUPRESTORE_END};
    size_t i;
    int file;
    for (i = 0; i < sizeof moments / sizeof *moments; i++) {
        const char *folder = new_folder();
        wmlb_restorer *restorer = new_restorer(store, folder);
        recorder told;
        recorder_init(&told);
        for (file = 0; file < (int)sizeof open_before; file++)
            open_before[file] = fcntl(file, F_GETFD) >= 0;
        told.act_at = moments[i];
        told.act = look_around;
        CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
        CHECK_HR(wait_for(restorer), WMLB_S_OK);
        CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
        recorder_destroy(&told);
    }
}

static void successes_and_failures(void)
{
    const char *folder = in_workspace("quiet");
    wmlb_restorer *restorer = new_restorer(store, folder);
    recorder told;
    recorder_init(&told);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told),
             WMLB_NS_E_DRM_BACKUP_EXISTS);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, NULL, &told), WMLB_E_INVALIDARG);
    CHECK_HR(wmlb_restorer_set_store_path(restorer, "/no/such/store"), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 1, record, &told), WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE);
    CHECK_HR(wmlb_restorer_set_store_path(restorer, store), WMLB_S_OK);
    told.answer_at = WMLB_STATUS_PROGRESS;
    told.answer = WMLB_E_FAIL;
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 1, record, &told), WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_NS_E_DRM_OPERATION_CANCELED);
    check_all_refuse(NULL);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
}

static void nothing_is_printed(void)
{
    int ends[2], printed = 0;
    pid_t child;
    char byte;

    NEED(pipe(ends) == 0);
    fflush(NULL);
    child = fork();
    NEED(child >= 0);
    if (child == 0) {
        alarm(120);
        /* The checks' own words go where they always do; 1 and 2 are the library's. */
        checks_report = fdopen(dup(2), "w");
        NEED(checks_report != NULL && dup2(ends[1], 1) == 1 && dup2(ends[1], 2) == 2);
        close(ends[0]);
        close(ends[1]);
        checks_failed = 0;
        successes_and_failures();
        fflush(checks_report);
        _exit(checks_failed == 0 ? 0 : 1);
    }
    close(ends[1]);
    while (read(ends[0], &byte, 1) == 1)
        printed++;
    close(ends[0]);
    CHECK(child_result(child) == 0);
    CHECK(printed == 0);
}

/* ---- fork ---- */

static wmlb_restorer *from_before, *default_before;
static uint32_t threads_of_child;

/* In a child: what is from before the fork is unknown, and everything works anew. */
static void be_a_child(void)
{
    char folder[PATH_MAX];
    wmlb_restorer *restorer;
    wmlb_hresult result = 77;
    size_t count = 77;
    recorder told;

    check_all_refuse(from_before);
    check_all_refuse(default_before);
    CHECK(wmlb_default_restorer() != default_before);
    CHECK(wmlb_default_restorer() == wmlb_default_restorer());
    CHECK_HR(wmlb_get_prop_count(&count), WMLB_S_OK);
    CHECK(count == 0);
    CHECK_HR(wmlb_cancel_license_backup(), WMLB_S_FALSE);
    CHECK_HR(wmlb_wait(0, &result), WMLB_S_FALSE);
    CHECK_TEXT(last_error(wmlb_default_restorer()), "");

    snprintf(folder, sizeof folder, "%s/child-%ld", workspace, (long)getpid());
    restorer = new_restorer(store, folder);
    set_threads(restorer, threads_of_child);
    recorder_init(&told);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    CHECK_BACKUP_IN(folder);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
}

static void be_a_child_and_a_parent(void)
{
    wmlb_restorer *mine = new_restorer(store, "/a");
    be_a_child();
    from_before = mine;
    default_before = wmlb_default_restorer();
    CHECK_CHILD(be_a_child);
    CHECK_HR(wmlb_restorer_cancel(mine), WMLB_S_FALSE);
}

static void forking(void)
{
    const char *folder = new_folder();
    recorder told;

    from_before = new_restorer(store, folder);
    default_before = wmlb_default_restorer();
    CHECK_HR(wmlb_set_backup_path("/a"), WMLB_S_OK);

    /* Idle, over two generations, and with an operation in the middle of its work. */
    CHECK_CHILD(be_a_child);
    CHECK_CHILD(be_a_child_and_a_parent);
    from_before = new_restorer(store, folder);
    recorder_init(&told);
    told.hold_at = WMLB_STATUS_PROGRESS;
    CHECK_HR(wmlb_restorer_backup_licenses(from_before, 0, record, &told), WMLB_S_OK);
    until_held(&told);
    CHECK_CHILD(be_a_child);
    let_go(&told);

    /* The parent goes on as if nothing had been. */
    CHECK_HR(wait_for(from_before), WMLB_S_OK);
    CHECK_BACKUP_IN(folder);
    CHECK_HR(wmlb_restorer_release(from_before), WMLB_S_OK);
    CHECK(wmlb_default_restorer() == default_before);
    CHECK_HR(wmlb_remove_all_props(), WMLB_S_OK);
    recorder_destroy(&told);
}

/* The more threads of the parent wait in the library at the fork, the more of what they
   wait in is found by the child, whose own threads then take their stacks: none of it may
   be in the child's way. */
static void forking_among_many_operations(void)
{
    enum { OPERATIONS = 12, CHILDREN = 40 };
    static recorder told[OPERATIONS];
    wmlb_restorer *restorers[OPERATIONS];
    int i, result = 0;

    default_before = wmlb_default_restorer();
    for (i = 0; i < OPERATIONS; i++) {
        restorers[i] = new_restorer(store, new_folder());
        set_threads(restorers[i], 2);
        recorder_init(&told[i]);
        told[i].hold_at = WMLB_STATUS_PROGRESS;
        CHECK_HR(wmlb_restorer_backup_licenses(restorers[i], 0, record, &told[i]),
                 WMLB_S_OK);
        until_held(&told[i]);
    }
    from_before = restorers[0];
    threads_of_child = 40;
    for (i = 0; i < CHILDREN && result == 0; i++)
        result = in_child(be_a_child);
    check_(result == 0, __FILE__, __LINE__, "child %d ended with %d (a signal if < 0)", i,
           result);
    threads_of_child = 0;
    for (i = 0; i < OPERATIONS; i++) {
        let_go(&told[i]);
        CHECK_HR(wait_for(restorers[i]), WMLB_S_OK);
        CHECK_HR(wmlb_restorer_release(restorers[i]), WMLB_S_OK);
        recorder_destroy(&told[i]);
    }
}

static void be_a_child_of_a_callback(void)
{
    char folder[PATH_MAX];
    wmlb_restorer *restorer;
    recorder told;

    check_all_refuse(from_before);
    snprintf(folder, sizeof folder, "%s/child-%ld", workspace, (long)getpid());
    restorer = new_restorer(store, folder);
    recorder_init(&told);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    pthread_mutex_lock(&told.lock);
    while (told.terminals == 0)
        pthread_cond_wait(&told.changed, &told.lock);
    pthread_mutex_unlock(&told.lock);
    CHECK_HR(last_event(&told)->hr, WMLB_S_OK);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    CHECK_BACKUP_IN(folder);
}

static void fork_here(recorder *told)
{
    (void)told;
    CHECK_CHILD(be_a_child_of_a_callback);
}

static void forking_in_a_callback(void)
{
    const char *folder = new_folder();
    recorder told;

    from_before = new_restorer(store, folder);
    recorder_init(&told);
    told.act_at = WMLB_STATUS_BACKUPRESTORE_BEGIN;
    told.act = fork_here;
    CHECK_HR(wmlb_restorer_backup_licenses(from_before, 0, record, &told), WMLB_S_OK);
    CHECK_HR(wait_for(from_before), WMLB_S_OK);
    CHECK_BACKUP_IN(folder);
    CHECK_HR(wmlb_restorer_release(from_before), WMLB_S_OK);
    recorder_destroy(&told);
}

/* ---- defaults from the environment, in a child that may change its own ---- */

static void check_store_path(const char *expected)
{
    char value[PATH_MAX];
    size_t size = sizeof value;
    int32_t type = 77;
    CHECK_HR(wmlb_get_prop_by_name("StorePath", &type, (uint8_t *)value, &size), WMLB_S_OK);
    CHECK_TEXT(value, expected);
}

static void default_paths_body(void)
{
    recorder told;
    setenv("WMLB_STORE_PATH", "/one", 1);
    setenv("XDG_DATA_HOME", "/two", 1);
    setenv("HOME", "/three", 1);
    check_store_path("/one");
    unsetenv("WMLB_STORE_PATH");
    check_store_path("/two/wmlb/licenses");
    unsetenv("XDG_DATA_HOME");
    check_store_path("/three/.local/share/wmlb/licenses");
    unsetenv("HOME");
    CHECK_HR(wmlb_set_backup_path("/a"), WMLB_S_OK);
    recorder_init(&told);
    CHECK_HR(wmlb_backup_licenses(0, record, &told), WMLB_NS_E_DRM_NOT_CONFIGURED);
    CHECK(strstr(last_error(wmlb_default_restorer()), "StorePath") != NULL);
    CHECK(told.count == 0);
}

static void default_paths(void)
{
    CHECK_CHILD(default_paths_body);
}
