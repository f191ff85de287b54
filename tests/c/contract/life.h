/* The life of an operation: events, waiting, canceling. Part of contract.c. */

/* ---- the life of an operation ---- */

static void check_life(uint32_t flags, uint32_t threads)
{
    const char *folder = new_folder();
    wmlb_restorer *restorer = new_restorer(store, folder);
    wmlb_progress progress;
    recorder told;
    int i;

    recorder_init(&told);
    set_threads(restorer, threads);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, flags, record, &told), WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);

    NEED(told.count >= 3);
    CHECK(told.events[0].status == WMLB_STATUS_BACKUPRESTORE_BEGIN);
    CHECK(told.events[0].hr == WMLB_S_OK && told.events[0].type == 0);
    CHECK(told.events[0].is_null && told.events[0].length == 0);
    for (i = 1; i < told.count - 1; i++) {
        const event *event = &told.events[i];
        CHECK(event->status == WMLB_STATUS_PROGRESS && event->hr == WMLB_S_OK);
        CHECK(event->type == WMLB_TYPE_BINARY && event->length == sizeof(wmlb_progress));
        CHECK(event->progress.struct_size == sizeof(wmlb_progress));
        if (i > 1)
            CHECK(event->progress.licenses_done >= event[-1].progress.licenses_done);
    }
    /* The one after the last license. */
    CHECK(told.events[told.count - 2].progress.licenses_done == LICENSES);
    CHECK(told.events[told.count - 2].progress.licenses_total == LICENSES);
    CHECK(told.events[told.count - 2].progress.bytes_done == LICENSES * LICENSE_SIZE);
    CHECK(told.events[told.count - 2].progress.bytes_total == LICENSES * LICENSE_SIZE);

    CHECK(last_event(&told)->status == WMLB_STATUS_BACKUPRESTORE_END);
    CHECK_HR(last_event(&told)->hr, WMLB_S_OK);
    CHECK(last_event(&told)->type == WMLB_TYPE_STRING);
    CHECK(last_event(&told)->length == strlen(file_in(folder)));
    CHECK_TEXT(last_event(&told)->text, file_in(folder));
    CHECK(told.terminals == 1 && !told.overlapped && !told.other_thread);
    CHECK(!pthread_equal(told.thread, pthread_self()));
    CHECK_BACKUP_IN(folder);

    /* The result stays, and the progress with it. */
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    memset(&progress, 0, sizeof progress);
    progress.struct_size = sizeof progress;
    CHECK_HR(wmlb_restorer_get_progress(restorer, &progress), WMLB_S_OK);
    CHECK(progress.licenses_done == LICENSES && progress.licenses_total == LICENSES);
    CHECK(progress.licenses_restricted == 0 && progress.licenses_skipped == 0);
    CHECK_TEXT(last_error(restorer), "");
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
}

static void life(void)
{
    check_life(0, 0);
    check_life(0, 1);
    check_life(0, 3);
    check_life(WMLB_BACKUP_VERIFY | WMLB_BACKUP_PARTIAL | WMLB_BACKUP_OVERWRITE, 0);
}

static void failure_on_the_thread(void)
{
    const char *folder = new_folder();
    const char *missing = in_workspace("no-such-store");
    wmlb_restorer *restorer = new_restorer(missing, folder);
    recorder told;

    recorder_init(&told);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE);
    CHECK(told.events[0].status == WMLB_STATUS_BACKUPRESTORE_BEGIN);
    CHECK(last_event(&told)->status == WMLB_STATUS_ERROR && told.terminals == 1);
    CHECK_HR(last_event(&told)->hr, WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE);
    CHECK(last_event(&told)->type == WMLB_TYPE_STRING);
    CHECK(strstr(last_event(&told)->text, missing) != NULL);
    CHECK_TEXT(last_error(restorer), last_event(&told)->text);
    CHECK_NOTHING_IN(folder);

    /* The same restorer goes on with the next operation, which has its own result. */
    CHECK_HR(wmlb_restorer_set_store_path(restorer, store), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    CHECK(told.terminals == 2);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
}

static void two_at_once(void)
{
    const char *folders[2];
    wmlb_restorer *restorers[2];
    recorder told[2];
    int i;
    for (i = 0; i < 2; i++) {
        folders[i] = new_folder();
        restorers[i] = new_restorer(store, folders[i]);
        recorder_init(&told[i]);
        told[i].hold_at = WMLB_STATUS_BACKUPRESTORE_BEGIN;
        CHECK_HR(wmlb_restorer_backup_licenses(restorers[i], 0, record, &told[i]),
                 WMLB_S_OK);
    }
    for (i = 0; i < 2; i++)
        until_held(&told[i]);
    CHECK(!pthread_equal(told[0].thread, told[1].thread));
    for (i = 0; i < 2; i++)
        let_go(&told[i]);
    for (i = 0; i < 2; i++) {
        CHECK_HR(wait_for(restorers[i]), WMLB_S_OK);
        CHECK_BACKUP_IN(folders[i]);
        CHECK_HR(wmlb_restorer_release(restorers[i]), WMLB_S_OK);
        recorder_destroy(&told[i]);
    }
}

static void what_is_passed_is_copied(void)
{
    const char *folder = new_folder();
    wmlb_restorer *restorer = NULL;
    recorder told;
    char *path = strdup(store), *name = strdup(WMLB_PROP_BACKUP_PATH);
    uint8_t *value = (uint8_t *)strdup(folder);

    NEED(path != NULL && name != NULL && value != NULL);
    NEED(wmlb_restorer_create(&restorer) == WMLB_S_OK);
    CHECK_HR(wmlb_restorer_set_store_path(restorer, path), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_set_prop(restorer, name, WMLB_TYPE_STRING, value, strlen(folder)),
             WMLB_S_OK);
    memset(path, 'x', strlen(store));
    memset(name, 'x', strlen(WMLB_PROP_BACKUP_PATH));
    memset(value, 'x', strlen(folder));
    free(path);
    free(name);
    free(value);
    recorder_init(&told);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    CHECK_BACKUP_IN(folder);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
}

static void properties_are_read_at_the_start(void)
{
    const char *folder = new_folder();
    wmlb_restorer *restorer = new_restorer(store, folder);
    recorder told;

    recorder_init(&told);
    told.hold_at = WMLB_STATUS_BACKUPRESTORE_BEGIN;
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    until_held(&told);
    CHECK_HR(wmlb_restorer_set_store_path(restorer, "/nowhere"), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_set_backup_path(restorer, "/nowhere"), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_remove_prop(restorer, WMLB_PROP_BACKUP_PATH), WMLB_S_OK);
    let_go(&told);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    CHECK_TEXT(last_event(&told)->text, file_in(folder));
    CHECK_BACKUP_IN(folder);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
}

static void relative_paths(void)
{
    wmlb_restorer *restorer = NULL;
    recorder told;
    char before[PATH_MAX];

    NEED(getcwd(before, sizeof before) != NULL);
    NEED(chdir(workspace) == 0);
    NEED(wmlb_restorer_create(&restorer) == WMLB_S_OK);
    CHECK_HR(wmlb_restorer_set_store_path(restorer, "store"), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_set_backup_path(restorer, "relative/deeper"), WMLB_S_OK);
    recorder_init(&told);
    told.hold_at = WMLB_STATUS_BACKUPRESTORE_BEGIN;
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    until_held(&told);
    /* They count from the working directory at the start. */
    NEED(chdir("/") == 0);
    let_go(&told);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    CHECK_TEXT(last_event(&told)->text, "relative/deeper/licenses.wmlb");
    CHECK_BACKUP_IN(in_workspace("relative/deeper"));
    NEED(chdir(before) == 0);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
}

/* ---- waiting ---- */

typedef struct waiter {
    wmlb_restorer *restorer;
    wmlb_hresult hr, result;
} waiter;

static void *wait_in_thread(void *argument)
{
    waiter *waiter = argument;
    waiter->result = 77;
    waiter->hr = wmlb_restorer_wait(waiter->restorer, UINT32_MAX, &waiter->result);
    return NULL;
}

static void waiting(void)
{
    enum { WAITERS = 4 };
    const char *folder = new_folder();
    wmlb_restorer *restorer = new_restorer(store, folder);
    pthread_t threads[WAITERS];
    waiter waiters[WAITERS];
    recorder told;
    wmlb_hresult result = 77;
    int i;

    recorder_init(&told);
    CHECK_HR(wmlb_restorer_wait(restorer, 0, &result), WMLB_S_FALSE);
    CHECK_HR(wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_S_FALSE);
    CHECK_HR(wmlb_restorer_wait(restorer, 0, NULL), WMLB_E_POINTER);

    told.hold_at = WMLB_STATUS_BACKUPRESTORE_BEGIN;
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    until_held(&told);
    CHECK_HR(wmlb_restorer_wait(restorer, 0, &result), TIMED_OUT);
    CHECK_HR(wmlb_restorer_wait(restorer, 5, &result), TIMED_OUT);
    CHECK_HR(wmlb_restorer_wait(restorer, 0, NULL), WMLB_E_POINTER);
    CHECK(result == 77);
    for (i = 0; i < WAITERS; i++) {
        waiters[i].restorer = restorer;
        NEED(pthread_create(&threads[i], NULL, wait_in_thread, &waiters[i]) == 0);
    }
    let_go(&told);
    for (i = 0; i < WAITERS; i++) {
        NEED(pthread_join(threads[i], NULL) == 0);
        CHECK_HR(waiters[i].hr, WMLB_S_OK);
        CHECK_HR(waiters[i].result, WMLB_S_OK);
    }
    CHECK_HR(wmlb_restorer_wait(restorer, 0, &result), WMLB_S_OK);
    CHECK_HR(result, WMLB_S_OK);

    /* While the next one runs there is no result, not even the earlier one's. */
    result = 77;
    told.let_go = 0;
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, WMLB_BACKUP_OVERWRITE, record, &told),
             WMLB_S_OK);
    until_held(&told);
    CHECK_HR(wmlb_restorer_wait(restorer, 0, &result), TIMED_OUT);
    CHECK(result == 77);
    CHECK_HR(wmlb_restorer_cancel(restorer), WMLB_S_OK);
    let_go(&told);
    CHECK_HR(wait_for(restorer), WMLB_NS_E_DRM_OPERATION_CANCELED);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
}

/* The terminal callback is part of the operation: until it has returned nobody who waits
   goes on, and a new operation cannot start. */
static void idle_only_after_the_terminal_callback(void)
{
    const char *folder = new_folder();
    wmlb_restorer *restorer = new_restorer(store, folder);
    recorder told;
    wmlb_hresult result = 77;

    recorder_init(&told);
    told.hold_at = WMLB_STATUS_BACKUPRESTORE_END;
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    until_held(&told);
    CHECK_HR(wmlb_restorer_wait(restorer, 5, &result), TIMED_OUT);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, WMLB_BACKUP_OVERWRITE, record, &told),
             WMLB_NS_E_DRM_BACKUPRESTORE_BUSY);
    CHECK(result == 77);
    /* Too late: the file has its name. */
    CHECK(WMLB_SUCCEEDED(wmlb_restorer_cancel(restorer)));
    let_go(&told);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    CHECK_HR(last_event(&told)->hr, WMLB_S_OK);
    CHECK_BACKUP_IN(folder);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
}

/* ---- canceling ---- */

static void *cancel_in_thread(void *argument)
{
    CHECK_HR(wmlb_restorer_cancel_license_backup(argument), WMLB_S_OK);
    return NULL;
}

static void check_canceled(wmlb_restorer *restorer, recorder *told, const char *folder)
{
    CHECK_HR(wait_for(restorer), WMLB_NS_E_DRM_OPERATION_CANCELED);
    CHECK(told->terminals == 1);
    CHECK(last_event(told)->status == WMLB_STATUS_ERROR);
    CHECK_HR(last_event(told)->hr, WMLB_NS_E_DRM_OPERATION_CANCELED);
    CHECK(last_event(told)->type == WMLB_TYPE_STRING && last_event(told)->length > 0);
    CHECK_NOTHING_IN(folder);
    /* Nothing runs any more. */
    CHECK_HR(wmlb_restorer_cancel(restorer), WMLB_S_FALSE);
    CHECK_HR(wmlb_restorer_cancel_license_backup(restorer), WMLB_S_FALSE);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(told);
}

static void canceling(void)
{
    const int32_t moments[] = {WMLB_STATUS_BACKUPRESTORE_BEGIN, WMLB_STATUS_PROGRESS};
    size_t i;

    for (i = 0; i < sizeof moments / sizeof *moments; i++) {
        const char *folder = new_folder();
        wmlb_restorer *restorer = new_restorer(store, folder);
        recorder told;
        pthread_t thread;

        CHECK_HR(wmlb_restorer_cancel(restorer), WMLB_S_FALSE);
        CHECK_HR(wmlb_restorer_cancel_license_backup(restorer), WMLB_S_FALSE);
        recorder_init(&told);
        told.hold_at = moments[i];
        CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
        until_held(&told);
        NEED(pthread_create(&thread, NULL, cancel_in_thread, restorer) == 0);
        NEED(pthread_join(thread, NULL) == 0);
        /* It may be asked twice. */
        CHECK_HR(wmlb_restorer_cancel(restorer), WMLB_S_OK);
        let_go(&told);
        check_canceled(restorer, &told, folder);

        folder = new_folder();
        restorer = new_restorer(store, folder);
        recorder_init(&told);
        told.answer_at = moments[i];
        told.answer = i == 0 ? WMLB_E_FAIL : -1;
        CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
        check_canceled(restorer, &told, folder);
    }
}

/* Answers no to the progress after the last license, and to no other. */
static wmlb_hresult refuse_the_last(int32_t status, wmlb_hresult hr, int32_t type,
                                    const uint8_t *value, size_t length, void *user_data)
{
    wmlb_progress progress;
    record(status, hr, type, value, length, user_data);
    if (status != WMLB_STATUS_PROGRESS)
        return WMLB_S_OK;
    memcpy(&progress, value, sizeof progress);
    return progress.licenses_done == LICENSES ? WMLB_E_FAIL : WMLB_S_OK;
}

static void the_last_progress_still_cancels(void)
{
    const char *folder = new_folder();
    wmlb_restorer *restorer = new_restorer(store, folder);
    recorder told;
    recorder_init(&told);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, refuse_the_last, &told), WMLB_S_OK);
    check_canceled(restorer, &told, folder);
}

static void answers_that_do_not_cancel(void)
{
    const struct {
        int32_t status;
        wmlb_hresult answer;
    } cases[] = {
        {WMLB_STATUS_BACKUPRESTORE_BEGIN, WMLB_S_FALSE},
        {WMLB_STATUS_PROGRESS, INT32_MAX},
        {WMLB_STATUS_BACKUPRESTORE_END, WMLB_E_FAIL},
    };
    size_t i;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *folder = new_folder();
        wmlb_restorer *restorer = new_restorer(store, folder);
        recorder told;
        recorder_init(&told);
        told.answer_at = cases[i].status;
        told.answer = cases[i].answer;
        CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
        CHECK_HR(wait_for(restorer), WMLB_S_OK);
        CHECK_BACKUP_IN(folder);
        CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
        recorder_destroy(&told);
    }
}
