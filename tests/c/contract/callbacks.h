/* Releasing, and what may be called in a callback. Part of contract.c. */

/* ---- releasing ---- */

/* What a callback is told, and when it is to release the restorer. */
typedef struct releasing {
    wmlb_restorer *restorer;
    int32_t at;
    pthread_mutex_t *lock;
    pthread_cond_t *changed;
    int *calls;
    int *released;
} releasing;

/* Frees its user_data right after the release: nothing may touch it from there on, which
   the memory checkers watch. */
static wmlb_hresult release_and_free(int32_t status, wmlb_hresult hr, int32_t type,
                                     const uint8_t *value, size_t length, void *user_data)
{
    releasing *mine = user_data;
    (void)hr, (void)type, (void)value, (void)length;
    pthread_mutex_lock(mine->lock);
    ++*mine->calls;
    pthread_mutex_unlock(mine->lock);
    if (status == mine->at) {
        releasing copy = *mine;
        CHECK_HR(wmlb_restorer_release(mine->restorer), WMLB_S_OK);
        CHECK_HR(wmlb_restorer_release(mine->restorer), WMLB_E_HANDLE);
        CHECK_HR(wmlb_restorer_cancel(mine->restorer), WMLB_E_HANDLE);
        memset(mine, 0x5A, sizeof *mine);
        free(mine);
        pthread_mutex_lock(copy.lock);
        *copy.released = *copy.calls;
        pthread_cond_broadcast(copy.changed);
        pthread_mutex_unlock(copy.lock);
    }
    return WMLB_S_OK;
}

static void release_in_a_callback(void)
{
    const int32_t moments[] = {WMLB_STATUS_BACKUPRESTORE_BEGIN, WMLB_STATUS_PROGRESS,
                               WMLB_STATUS_BACKUPRESTORE_END};
    size_t i;
    for (i = 0; i < sizeof moments / sizeof *moments; i++) {
        const char *folder = new_folder();
        int threads = threads_of_process();
        pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
        int calls = 0, released = 0;
        releasing *mine = malloc(sizeof *mine);
        wmlb_hresult result = 77;

        NEED(mine != NULL);
        mine->restorer = new_restorer(store, folder);
        mine->at = moments[i];
        mine->lock = &lock;
        mine->changed = &changed;
        mine->calls = &calls;
        mine->released = &released;
        {
            wmlb_restorer *restorer = mine->restorer;
            CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, release_and_free, mine),
                     WMLB_S_OK);
            pthread_mutex_lock(&lock);
            while (released == 0)
                pthread_cond_wait(&changed, &lock);
            pthread_mutex_unlock(&lock);
            CHECK_HR(wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_E_HANDLE);
        }
        /* No handle is left to wait with; the thread ends by itself. */
        until_threads_are(threads);
        CHECK(calls == released);
        if (moments[i] == WMLB_STATUS_BACKUPRESTORE_END)
            CHECK_BACKUP_IN(folder);
        else
            CHECK_NOTHING_IN(folder);
    }
}

static void *release_in_thread(void *argument)
{
    CHECK_HR(wmlb_restorer_release(argument), WMLB_S_OK);
    return NULL;
}

static void release_from_another_thread(void)
{
    const int32_t moments[] = {WMLB_STATUS_BACKUPRESTORE_BEGIN, WMLB_STATUS_PROGRESS,
                               WMLB_STATUS_BACKUPRESTORE_END};
    size_t i;
    for (i = 0; i < sizeof moments / sizeof *moments; i++) {
        const char *folder = new_folder();
        wmlb_restorer *restorer = new_restorer(store, folder);
        recorder *told = malloc(sizeof *told);
        waiter waiting_one;
        pthread_t releasing_thread, waiting_thread;
        int events;

        NEED(told != NULL);
        recorder_init(told);
        told->hold_at = moments[i];
        CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, told), WMLB_S_OK);
        until_held(told);
        waiting_one.restorer = restorer;
        NEED(pthread_create(&waiting_thread, NULL, wait_in_thread, &waiting_one) == 0);
        NEED(pthread_create(&releasing_thread, NULL, release_in_thread, restorer) == 0);
        /* The handle goes first; the release then waits for the callback. */
        while (wmlb_restorer_cancel(restorer) != WMLB_E_HANDLE)
            sched_yield();
        let_go(told);
        NEED(pthread_join(releasing_thread, NULL) == 0);

        /* From here on nothing is told: all of this may go at once. */
        events = told->count;
        CHECK(told->terminals == 1);
        if (moments[i] == WMLB_STATUS_BACKUPRESTORE_END) {
            CHECK_HR(last_event(told)->hr, WMLB_S_OK);
            CHECK_BACKUP_IN(folder);
        } else {
            CHECK(last_event(told)->status == WMLB_STATUS_ERROR);
            CHECK_HR(last_event(told)->hr, WMLB_NS_E_DRM_OPERATION_CANCELED);
            CHECK_NOTHING_IN(folder);
        }
        CHECK(told->inside == 0 && told->count == events);
        recorder_destroy(told);
        memset(told, 0x5A, sizeof *told);
        free(told);

        /* Who waited meanwhile is let go: with the result, or too late for the handle. */
        NEED(pthread_join(waiting_thread, NULL) == 0);
        CHECK(waiting_one.hr == WMLB_S_OK || waiting_one.hr == WMLB_E_HANDLE);
        check_all_refuse(restorer);
    }
}

static void release_another_one(recorder *recorder)
{
    CHECK_HR(wmlb_restorer_release(recorder->context), WMLB_S_OK);
}

static void release_in_the_callback_of_another_restorer(void)
{
    const char *folder = new_folder(), *other_folder = new_folder();
    wmlb_restorer *restorer = new_restorer(store, folder);
    wmlb_restorer *other = new_restorer(store, other_folder);
    recorder told, other_told;

    recorder_init(&told);
    recorder_init(&other_told);
    other_told.hold_at = WMLB_STATUS_BACKUPRESTORE_BEGIN;
    CHECK_HR(wmlb_restorer_backup_licenses(other, 0, record, &other_told), WMLB_S_OK);
    until_held(&other_told);
    told.act_at = WMLB_STATUS_BACKUPRESTORE_BEGIN;
    told.act = release_another_one;
    told.context = other;
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    while (wmlb_restorer_cancel(other) != WMLB_E_HANDLE)
        sched_yield();
    let_go(&other_told);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    /* It was the release from another thread: with its terminal event. */
    CHECK(other_told.terminals == 1);
    CHECK_HR(last_event(&other_told)->hr, WMLB_NS_E_DRM_OPERATION_CANCELED);
    CHECK_BACKUP_IN(folder);
    CHECK_NOTHING_IN(other_folder);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
    recorder_destroy(&other_told);
}

static wmlb_hresult free_at_the_end(int32_t status, wmlb_hresult hr, int32_t type,
                                    const uint8_t *value, size_t length, void *user_data)
{
    (void)hr, (void)type, (void)value, (void)length;
    if (is_terminal(status)) {
        memset(user_data, 0x5A, 64);
        free(user_data);
    }
    return WMLB_S_OK;
}

static void user_data_may_go_in_the_terminal_callback(void)
{
    const char *folder = new_folder();
    wmlb_restorer *restorer = new_restorer(store, folder);
    void *user_data = malloc(64);
    NEED(user_data != NULL);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, free_at_the_end, user_data),
             WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    CHECK_BACKUP_IN(folder);
}

/* ---- inside a callback ---- */

typedef struct inside {
    wmlb_restorer *own, *other;
    const char *folder, *other_folder;
    recorder other_told;
} inside;

static void call_everything(recorder *told)
{
    inside *inside = told->context;
    wmlb_restorer *made = NULL;
    wmlb_progress progress;
    wmlb_hresult result = 77;
    size_t size = 0, count = 0;
    int32_t type = 77;
    char value[PATH_MAX], name[64], thread[16];
    size_t name_size = sizeof name;
    uint32_t level = 3;

    NEED(pthread_getname_np(pthread_self(), thread, sizeof thread) == 0);
    CHECK_TEXT(thread, "wmlb");

    CHECK_HR(wmlb_restorer_wait(inside->own, 0, &result), WMLB_E_ILLEGAL_METHOD_CALL);
    CHECK_HR(wmlb_restorer_wait(inside->other, UINT32_MAX, &result),
             WMLB_E_ILLEGAL_METHOD_CALL);
    CHECK_HR(wmlb_wait(0, &result), WMLB_E_ILLEGAL_METHOD_CALL);
    CHECK(result == 77);
    CHECK_HR(wmlb_restorer_backup_licenses(inside->own, 0, record, told),
             WMLB_NS_E_DRM_BACKUPRESTORE_BUSY);
    CHECK_HR(wmlb_restorer_release(wmlb_default_restorer()), WMLB_E_ILLEGAL_METHOD_CALL);

    memset(&progress, 0, sizeof progress);
    progress.struct_size = sizeof progress;
    CHECK_HR(wmlb_restorer_get_progress(inside->own, &progress), WMLB_S_OK);
    size = sizeof value;
    CHECK_HR(wmlb_restorer_get_prop_by_name(inside->own, WMLB_PROP_BACKUP_PATH, &type,
                                            (uint8_t *)value, &size),
             WMLB_S_OK);
    CHECK_TEXT(value, inside->folder);
    CHECK_HR(wmlb_restorer_get_prop_count(inside->own, &count), WMLB_S_OK);
    CHECK(count == 2);
    size = sizeof value;
    CHECK_HR(wmlb_restorer_get_prop_by_index(inside->own, 0, name, &name_size, &type,
                                             (uint8_t *)value, &size),
             WMLB_S_OK);
    CHECK_HR(wmlb_restorer_set_prop(inside->own, WMLB_PROP_COMPRESSION_LEVEL,
                                    WMLB_TYPE_DWORD, (const uint8_t *)&level, 4),
             WMLB_S_OK);
    CHECK_HR(wmlb_restorer_remove_prop(inside->own, WMLB_PROP_COMPRESSION_LEVEL), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_set_restore_path(inside->own, "/a"), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_remove_prop(inside->own, WMLB_PROP_RESTORE_PATH), WMLB_S_OK);
    size = sizeof value;
    CHECK_HR(wmlb_restorer_get_last_error(inside->own, value, &size), WMLB_S_OK);
    CHECK(strcmp(wmlb_version(), WMLB_VERSION) == 0);
    CHECK_TEXT(wmlb_status_name(WMLB_STATUS_ERROR), "WMT_ERROR");

    CHECK_HR(wmlb_restorer_create(&made), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_remove_all_props(made), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_cancel_license_backup(made), WMLB_S_FALSE);
    CHECK_HR(wmlb_restorer_release(made), WMLB_S_OK);

    /* Another restorer's operation may be started from here. */
    CHECK_HR(wmlb_restorer_backup_licenses(inside->other, 0, record, &inside->other_told),
             WMLB_S_OK);
}

static void every_function_in_a_callback(void)
{
    const int32_t moments[] = {WMLB_STATUS_BACKUPRESTORE_BEGIN,
                               WMLB_STATUS_BACKUPRESTORE_END};
    size_t i;
    for (i = 0; i < sizeof moments / sizeof *moments; i++) {
        inside inside;
        recorder told;
        inside.folder = new_folder();
        inside.other_folder = new_folder();
        inside.own = new_restorer(store, inside.folder);
        inside.other = new_restorer(store, inside.other_folder);
        recorder_init(&inside.other_told);
        recorder_init(&told);
        told.act_at = moments[i];
        told.act = call_everything;
        told.context = &inside;
        CHECK_HR(wmlb_restorer_backup_licenses(inside.own, 0, record, &told), WMLB_S_OK);
        CHECK_HR(wait_for(inside.own), WMLB_S_OK);
        CHECK_HR(wait_for(inside.other), WMLB_S_OK);
        CHECK(inside.other_told.terminals == 1);
        CHECK_BACKUP_IN(inside.folder);
        CHECK_BACKUP_IN(inside.other_folder);
        CHECK_HR(wmlb_restorer_release(inside.own), WMLB_S_OK);
        CHECK_HR(wmlb_restorer_release(inside.other), WMLB_S_OK);
        recorder_destroy(&told);
        recorder_destroy(&inside.other_told);
    }
}

static void cancel_own(recorder *recorder)
{
    CHECK_HR(wmlb_restorer_cancel_license_backup(recorder->context), WMLB_S_OK);
}

static void cancel_in_a_callback(void)
{
    const char *folder = new_folder();
    wmlb_restorer *restorer = new_restorer(store, folder);
    recorder told;
    recorder_init(&told);
    told.act_at = WMLB_STATUS_PROGRESS;
    told.act = cancel_own;
    told.context = restorer;
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    check_canceled(restorer, &told, folder);
}
