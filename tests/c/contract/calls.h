/* What calls answer: names, handles, refusals, getters, words. Part of contract.c. */

/* ---- names and versions ---- */

static void names(void)
{
    int64_t hr;
    int32_t status;

#define CHECK_CODE(name, value)                                                           \
    CHECK_TEXT(wmlb_hresult_name(WMLB_##name), #name);                                    \
    CHECK(strlen(wmlb_hresult_message(WMLB_##name)) > 0);
    CODES(CHECK_CODE)

    CHECK_TEXT(wmlb_hresult_name(0x00005678), "unknown");
    CHECK_TEXT(wmlb_hresult_name(INT32_MIN), "unknown");
    for (hr = INT32_MIN; hr <= INT32_MAX; hr += 99991 * 11) {
        const char *name = wmlb_hresult_name((wmlb_hresult)hr);
        const char *message = wmlb_hresult_message((wmlb_hresult)hr);
        if (name == NULL || *name == 0 || message == NULL || *message == 0)
            CHECK(!"a name and a message for any value");
    }
    /* Static strings: the same one every time. */
    CHECK(wmlb_hresult_name(WMLB_E_FAIL) == wmlb_hresult_name(WMLB_E_FAIL));

    CHECK_TEXT(wmlb_status_name(WMLB_STATUS_ERROR), "WMT_ERROR");
    CHECK_TEXT(wmlb_status_name(WMLB_STATUS_BACKUPRESTORE_BEGIN), "WMT_BACKUPRESTORE_BEGIN");
    CHECK_TEXT(wmlb_status_name(WMLB_STATUS_BACKUPRESTORE_END), "WMT_BACKUPRESTORE_END");
    CHECK_TEXT(wmlb_status_name(28), "WMT_BACKUPRESTORE_CONNECTING");
    CHECK_TEXT(wmlb_status_name(29), "WMT_BACKUPRESTORE_DISCONNECTING");
    CHECK_TEXT(wmlb_status_name(30), "WMT_ERROR_WITHURL");
    CHECK_TEXT(wmlb_status_name(31), "WMT_RESTRICTED_LICENSE");
    CHECK_TEXT(wmlb_status_name(1), "unknown");
    CHECK_TEXT(wmlb_status_name(INT32_MIN), "unknown");
    for (status = -10; status < 5000; status++)
        if (wmlb_status_name(status) == NULL)
            CHECK(!"a name for any status");
}

static void versions(void)
{
    char version[64];
    snprintf(version, sizeof version, "%d.%d.%d", WMLB_VERSION_MAJOR, WMLB_VERSION_MINOR,
             WMLB_VERSION_PATCH);
    CHECK_TEXT(wmlb_version(), version);
    CHECK_TEXT(wmlb_version(), WMLB_VERSION);
    CHECK(wmlb_abi_version() == WMLB_ABI_VERSION);
}

/* ---- handles ---- */

static void check_all_refuse(wmlb_restorer *handle)
{
    recorder told;
    wmlb_hresult result = 77;
    wmlb_progress progress;
    int32_t type = 77;
    size_t size = 77, other = 77;
    uint8_t value[8] = {0};
    char text[8] = {0};

    recorder_init(&told);
    memset(&progress, 0x55, sizeof progress);
    progress.struct_size = sizeof progress;
    CHECK_HR(wmlb_restorer_backup_licenses(handle, 0, record, &told), WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_cancel_license_backup(handle), WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_cancel(handle), WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_wait(handle, 0, &result), WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_wait(handle, UINT32_MAX, &result), WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_get_progress(handle, &progress), WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_set_prop(handle, "Threads", WMLB_TYPE_DWORD, value, 4),
             WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_get_prop_by_name(handle, "Threads", &type, value, &size),
             WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_get_prop_count(handle, &size), WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_get_prop_by_index(handle, 0, text, &size, &type, value, &other),
             WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_remove_prop(handle, "Threads"), WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_remove_all_props(handle), WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_set_backup_path(handle, "/a"), WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_set_restore_path(handle, "/a"), WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_set_store_path(handle, "/a"), WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_get_last_error(handle, text, &size), WMLB_E_HANDLE);
    CHECK_HR(wmlb_restorer_release(handle), WMLB_E_HANDLE);
    /* The handle is checked before everything else. */
    CHECK_HR(wmlb_restorer_backup_licenses(handle, 0x80000000u, NULL, NULL), WMLB_E_HANDLE);

    CHECK(told.count == 0);
    CHECK(result == 77 && type == 77 && progress.licenses_done == 0x5555555555555555u);
    recorder_destroy(&told);
}

static void handles_that_are_none(void)
{
    int local = 0;
    wmlb_restorer *released = new_restorer(store, new_folder());
    CHECK_HR(wmlb_restorer_release(released), WMLB_S_OK);

    check_all_refuse(NULL);
    check_all_refuse(released);
    check_all_refuse((wmlb_restorer *)(void *)&local);
    check_all_refuse((wmlb_restorer *)(uintptr_t)1);
    check_all_refuse((wmlb_restorer *)UINTPTR_MAX);
    CHECK_HR(wmlb_restorer_create(NULL), WMLB_E_POINTER);
}

static int by_address(const void *left, const void *right)
{
    uintptr_t a = *(const uintptr_t *)left, b = *(const uintptr_t *)right;
    return (a > b) - (a < b);
}

static void handles_are_not_used_again(void)
{
    enum { COUNT = 2000 };
    static uintptr_t seen[COUNT];
    int i, twice = 0;
    for (i = 0; i < COUNT; i++) {
        wmlb_restorer *restorer = NULL;
        NEED(wmlb_restorer_create(&restorer) == WMLB_S_OK && restorer != NULL);
        seen[i] = (uintptr_t)restorer;
        CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    }
    qsort(seen, COUNT, sizeof *seen, by_address);
    for (i = 1; i < COUNT; i++)
        twice += seen[i] == seen[i - 1];
    CHECK(twice == 0);
}

static void default_restorer(void)
{
    wmlb_restorer *handle = wmlb_default_restorer();
    size_t count = 77;
    int32_t type = 77;
    char value[16];
    size_t size = sizeof value;
    wmlb_hresult result = 77;

    CHECK(handle != NULL);
    CHECK(wmlb_default_restorer() == handle);
    CHECK_HR(wmlb_restorer_release(handle), WMLB_E_ILLEGAL_METHOD_CALL);
    CHECK(wmlb_default_restorer() == handle);
    CHECK_HR(wmlb_remove_all_props(), WMLB_S_OK);
    CHECK_HR(wmlb_wait(0, &result), WMLB_S_FALSE);
    CHECK_HR(wmlb_cancel_license_backup(), WMLB_S_FALSE);

    /* Set without a handle, read with it, and the other way round. */
    CHECK_HR(wmlb_set_restore_path("/a"), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_get_prop_by_name(handle, WMLB_PROP_RESTORE_PATH, &type,
                                            (uint8_t *)value, &size),
             WMLB_S_OK);
    CHECK(type == WMLB_TYPE_STRING && size == 3);
    CHECK_TEXT(value, "/a");
    CHECK_HR(wmlb_restorer_remove_prop(handle, WMLB_PROP_RESTORE_PATH), WMLB_S_OK);
    CHECK_HR(wmlb_get_prop_count(&count), WMLB_S_OK);
    CHECK(count == 0);
    CHECK(result == 77);

    /* A whole backup, and words, without any handle. */
    {
        const char *folder = new_folder();
        recorder told;
        size_t length = 0;
        recorder_init(&told);
        CHECK_HR(wmlb_set_store_path(store), WMLB_S_OK);
        CHECK_HR(wmlb_set_backup_path(folder), WMLB_S_OK);
        CHECK_HR(wmlb_backup_licenses(0, record, &told), WMLB_S_OK);
        CHECK_HR(wmlb_wait(UINT32_MAX, &result), WMLB_S_OK);
        CHECK_HR(result, WMLB_S_OK);
        CHECK_BACKUP_IN(folder);
        CHECK_HR(wmlb_backup_licenses(0, record, &told), WMLB_NS_E_DRM_BACKUP_EXISTS);
        CHECK_HR(wmlb_get_last_error(NULL, &length), WMLB_S_OK);
        CHECK(length > strlen(folder));
        CHECK(strstr(last_error(handle), folder) != NULL);
        CHECK_HR(wmlb_remove_all_props(), WMLB_S_OK);
        recorder_destroy(&told);
    }
}

/* ---- starting ---- */

static void refused_starts(void)
{
    const char *folder = new_folder();
    recorder told;
    wmlb_hresult result = 77;
    wmlb_restorer *restorer = NULL;

    recorder_init(&told);
    NEED(wmlb_restorer_create(&restorer) == WMLB_S_OK);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, NULL, &told), WMLB_E_INVALIDARG);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0x2, record, &told), WMLB_E_INVALIDARG);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0x80000000u, record, &told),
             WMLB_E_INVALIDARG);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told),
             WMLB_NS_E_DRM_NOT_CONFIGURED);
    CHECK(strstr(last_error(restorer), "BackupPath") != NULL);

    CHECK_HR(wmlb_restorer_set_store_path(restorer, store), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_set_backup_path(restorer, folder), WMLB_S_OK);
    NEED(mkdir(folder, 0700) == 0);
    write_file(file_in(folder), "mine", 4);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told),
             WMLB_NS_E_DRM_BACKUP_EXISTS);
    CHECK(strstr(last_error(restorer), file_in(folder)) != NULL);
    /* What is wrong with the flags comes before the file that is there. */
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0x4, record, &told), WMLB_E_INVALIDARG);

    NEED(unlink(file_in(folder)) == 0);
    NEED(symlink("elsewhere", file_in(folder)) == 0);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, WMLB_BACKUP_OVERWRITE, record, &told),
             WMLB_E_ACCESSDENIED);

    /* None of these was an operation: no event, no result, no thread. */
    CHECK(told.count == 0);
    CHECK_HR(wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_S_FALSE);
    CHECK(result == 77);

    /* And none left the restorer busy. */
    NEED(unlink(file_in(folder)) == 0);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    CHECK_BACKUP_IN(folder);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
}

static void busy(void)
{
    const char *folder = new_folder();
    wmlb_restorer *restorer = new_restorer(store, folder);
    recorder told, other;

    recorder_init(&told);
    recorder_init(&other);
    told.hold_at = WMLB_STATUS_PROGRESS;
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    until_held(&told);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &other),
             WMLB_NS_E_DRM_BACKUPRESTORE_BUSY);
    /* Before it: callback and flags. After it: properties. */
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, NULL, &other), WMLB_E_INVALIDARG);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0x40, record, &other),
             WMLB_E_INVALIDARG);
    CHECK_HR(wmlb_restorer_remove_all_props(restorer), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &other),
             WMLB_NS_E_DRM_BACKUPRESTORE_BUSY);
    let_go(&told);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    CHECK(other.count == 0);
    CHECK(told.terminals == 1);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
    recorder_destroy(&other);
}

/* ---- getters ---- */

static void null_arguments(void)
{
    wmlb_restorer *restorer = NULL;
    size_t size = 77, other = 77;
    int32_t type = 77;
    uint8_t value[4] = {1, 0, 0, 0};
    char name[16] = "n";

    NEED(wmlb_restorer_create(&restorer) == WMLB_S_OK);
    CHECK_HR(wmlb_restorer_set_prop(restorer, NULL, WMLB_TYPE_DWORD, value, 4),
             WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_set_prop(restorer, "Threads", WMLB_TYPE_DWORD, NULL, 4),
             WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_set_prop(restorer, "Threads", WMLB_TYPE_DWORD, NULL, 0),
             WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_set_backup_path(restorer, NULL), WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_set_restore_path(restorer, NULL), WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_set_store_path(restorer, NULL), WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_get_prop_by_name(restorer, NULL, &type, value, &size),
             WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_get_prop_by_name(restorer, "Threads", NULL, value, &size),
             WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_get_prop_by_name(restorer, "Threads", &type, value, NULL),
             WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_get_prop_count(restorer, NULL), WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_set_restore_path(restorer, "/a"), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_get_prop_by_index(restorer, 0, name, NULL, &type, value, &other),
             WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_get_prop_by_index(restorer, 0, name, &size, NULL, value, &other),
             WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_get_prop_by_index(restorer, 0, name, &size, &type, value, NULL),
             WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_remove_prop(restorer, NULL), WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_get_last_error(restorer, name, NULL), WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_get_progress(restorer, NULL), WMLB_E_POINTER);
    CHECK(type == 77 && value[0] == 1);
    CHECK_TEXT(name, "n");
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
}

/* Reads a property into a buffer of `room` bytes; none of those behind it may change. */
static wmlb_hresult read_into(wmlb_restorer *restorer, const char *name, uint8_t *buffer,
                              size_t buffer_size, size_t room, size_t *size, int32_t *type)
{
    size_t i;
    wmlb_hresult hr;
    memset(buffer, 0xA5, buffer_size);
    *size = room;
    *type = 77;
    hr = wmlb_restorer_get_prop_by_name(restorer, name, type, buffer, size);
    for (i = room; i < buffer_size; i++)
        if (buffer[i] != 0xA5) {
            CHECK(!"nothing is written behind the buffer");
            break;
        }
    return hr;
}

static void two_call_getters(void)
{
    wmlb_restorer *restorer = NULL;
    uint8_t buffer[64];
    char name[64];
    size_t size = 77, name_size, needed, i;
    int32_t type = 77;
    uint32_t number;

    NEED(wmlb_restorer_create(&restorer) == WMLB_S_OK);
    CHECK_HR(wmlb_restorer_set_backup_path(restorer, "/some/folder"), WMLB_S_OK);
    needed = sizeof "/some/folder";

    /* The first call: the size, its NUL included, and the type. */
    CHECK_HR(wmlb_restorer_get_prop_by_name(restorer, "BackupPath", &type, NULL, &size),
             WMLB_S_OK);
    CHECK(size == needed && type == WMLB_TYPE_STRING);
    /* A size that happens to be there does not count without a buffer. */
    size = 1;
    CHECK_HR(wmlb_restorer_get_prop_by_name(restorer, "BackupPath", &type, NULL, &size),
             WMLB_S_OK);
    CHECK(size == needed);

    for (i = 0; i <= needed + 2; i++) {
        wmlb_hresult hr = read_into(restorer, "BackupPath", buffer, sizeof buffer, i, &size,
                                    &type);
        CHECK(size == needed);
        if (i < needed) {
            CHECK_HR(hr, TOO_SMALL);
            CHECK(type == 77 && (i == 0 || buffer[0] == 0xA5));
        } else {
            CHECK_HR(hr, WMLB_S_OK);
            CHECK(type == WMLB_TYPE_STRING);
            CHECK_TEXT((const char *)buffer, "/some/folder");
            CHECK(buffer[needed] == 0xA5);
        }
    }

    /* A number; one that is not set gives its default. */
    CHECK_HR(read_into(restorer, "CompressionLevel", buffer, sizeof buffer, 3, &size, &type),
             TOO_SMALL);
    CHECK(size == 4);
    CHECK_HR(read_into(restorer, "CompressionLevel", buffer, sizeof buffer, 4, &size, &type),
             WMLB_S_OK);
    memcpy(&number, buffer, 4);
    CHECK(size == 4 && type == WMLB_TYPE_DWORD && number == 1);
    /* Neither set nor with a default. */
    CHECK_HR(read_into(restorer, "RestorePath", buffer, sizeof buffer, 16, &size, &type),
             WMLB_S_FALSE);
    CHECK(size == 0 && buffer[0] == 0xA5);
    CHECK_HR(read_into(restorer, "backuppath", buffer, sizeof buffer, 16, &size, &type),
             WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY);
    CHECK_HR(read_into(restorer, "\xff", buffer, sizeof buffer, 16, &size, &type),
             WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY);

    /* By index: the same for two buffers. */
    CHECK_HR(wmlb_restorer_get_prop_count(restorer, &size), WMLB_S_OK);
    CHECK(size == 1);
    size = name_size = 0;
    type = 77;
    CHECK_HR(wmlb_restorer_get_prop_by_index(restorer, 0, NULL, &name_size, &type, NULL,
                                             &size),
             WMLB_S_OK);
    CHECK(name_size == sizeof "BackupPath" && size == needed && type == WMLB_TYPE_STRING);
    for (i = 0; i < 4; i++) {
        /* Each buffer too small or just large enough. */
        size_t name_room = sizeof "BackupPath" - (i & 1), room = needed - (i >> 1 & 1);
        wmlb_hresult hr;
        memset(buffer, 0xA5, sizeof buffer);
        memset(name, 0x5A, sizeof name);
        name_size = name_room;
        size = room;
        type = 77;
        hr = wmlb_restorer_get_prop_by_index(restorer, 0, name, &name_size, &type, buffer,
                                             &size);
        CHECK(name_size == sizeof "BackupPath" && size == needed);
        CHECK(name[name_room] == 0x5A && buffer[room] == 0xA5);
        if (i == 0) {
            CHECK_HR(hr, WMLB_S_OK);
            CHECK_TEXT(name, "BackupPath");
            CHECK_TEXT((const char *)buffer, "/some/folder");
        } else {
            CHECK_HR(hr, TOO_SMALL);
            CHECK(name[0] == 0x5A && buffer[0] == 0xA5 && type == 77);
        }
    }
    CHECK_HR(wmlb_restorer_get_prop_by_index(restorer, 1, name, &name_size, &type, buffer,
                                             &size),
             WMLB_E_INVALIDARG);
    CHECK_HR(wmlb_restorer_get_prop_by_index(restorer, SIZE_MAX, name, &name_size, &type,
                                             buffer, &size),
             WMLB_E_INVALIDARG);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
}

static void values_that_are_refused(void)
{
    wmlb_restorer *restorer = NULL;
    const uint32_t one[2] = {1, 0};
    const uint8_t *number = (const uint8_t *)one;
    size_t count = 77;

    NEED(wmlb_restorer_create(&restorer) == WMLB_S_OK);
#define SET(name, type, bytes, size)                                                      \
    wmlb_restorer_set_prop(restorer, name, type, (const uint8_t *)(bytes), size)
    CHECK_HR(SET("BackupPath", WMLB_TYPE_STRING, "/a", 2), WMLB_S_OK);
    CHECK_HR(SET("BackupPath", WMLB_TYPE_STRING, "/a", 3), WMLB_S_OK);
    CHECK_HR(SET("BackupPath", WMLB_TYPE_BINARY, "/a", 2), WMLB_E_INVALIDARG);
    CHECK_HR(SET("BackupPath", 99, "/a", 2), WMLB_E_INVALIDARG);
    CHECK_HR(SET("BackupPath", WMLB_TYPE_STRING, "", 0), WMLB_E_INVALIDARG);
    CHECK_HR(SET("BackupPath", WMLB_TYPE_STRING, "", 1), WMLB_E_INVALIDARG);
    CHECK_HR(SET("BackupPath", WMLB_TYPE_STRING, "/a\0b", 4), WMLB_E_INVALIDARG);
    CHECK_HR(SET("BackupPath", WMLB_TYPE_STRING, "/a\0", 4), WMLB_E_INVALIDARG);
    CHECK_HR(SET("BackupPath", WMLB_TYPE_STRING, "/\xff", 2), WMLB_E_INVALIDARG);
    CHECK_HR(SET("Backup", WMLB_TYPE_STRING, "/a", 2), WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY);
    CHECK_HR(SET("", WMLB_TYPE_STRING, "/a", 2), WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY);
    CHECK_HR(SET("Threads", WMLB_TYPE_DWORD, number, 8), WMLB_E_INVALIDARG);
    CHECK_HR(SET("Threads", WMLB_TYPE_DWORD, number, 3), WMLB_E_INVALIDARG);
    CHECK_HR(SET("Threads", WMLB_TYPE_QWORD, number, 8), WMLB_E_INVALIDARG);
    CHECK_HR(SET("Threads", WMLB_TYPE_DWORD, number, 4), WMLB_S_OK);
    CHECK_HR(SET("UnstatedRights", WMLB_TYPE_STRING, "maybe", 5), WMLB_E_INVALIDARG);
    CHECK_HR(SET("UnstatedRights", WMLB_TYPE_STRING, "deny", 4), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_set_store_path(restorer, ""), WMLB_E_INVALIDARG);
    CHECK_HR(wmlb_restorer_set_store_path(restorer, "/\xff"), WMLB_E_INVALIDARG);
#undef SET
    CHECK_HR(wmlb_restorer_get_prop_count(restorer, &count), WMLB_S_OK);
    CHECK(count == 3);
    CHECK_HR(wmlb_restorer_remove_prop(restorer, "Threads"), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_remove_prop(restorer, "Threads"), WMLB_S_FALSE);
    CHECK_HR(wmlb_restorer_remove_prop(restorer, "threads"), WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY);
    CHECK_HR(wmlb_restorer_remove_all_props(restorer), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_get_prop_count(restorer, &count), WMLB_S_OK);
    CHECK(count == 0);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
}

/* A caller's wmlb_progress of any size: older, newer, or cut in the middle of a field. */
static void progress_of_any_size(void)
{
    const char *folder = new_folder();
    wmlb_restorer *restorer = new_restorer(store, folder);
    wmlb_progress whole;
    recorder told;
    size_t size, i;

    recorder_init(&told);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    CHECK_HR(wait_for(restorer), WMLB_S_OK);
    memset(&whole, 0, sizeof whole);
    whole.struct_size = sizeof whole;
    CHECK_HR(wmlb_restorer_get_progress(restorer, &whole), WMLB_S_OK);
    CHECK(whole.struct_size == sizeof whole && whole.licenses_done == LICENSES);

    for (size = 0; size <= sizeof(wmlb_progress) + 32; size++) {
        union {
            wmlb_progress progress;
            uint8_t bytes[sizeof(wmlb_progress) + 64];
        } place;
        size_t written = size < sizeof whole ? size : sizeof whole;
        int clean = 1;
        memset(&place, 0xA5, sizeof place);
        place.progress.struct_size = size;
        CHECK_HR(wmlb_restorer_get_progress(restorer, &place.progress),
                 size < sizeof(size_t) ? WMLB_E_INVALIDARG : WMLB_S_OK);
        CHECK(place.progress.struct_size == size);
        for (i = sizeof(size_t); i < sizeof place; i++)
            clean &= place.bytes[i] == (i < written ? ((uint8_t *)&whole)[i] : 0xA5);
        CHECK(clean);
    }
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
}

/* ---- words ---- */

static void *fail_in_thread(void *argument)
{
    CHECK_HR(wmlb_restorer_set_prop(argument, "NoSuchProperty", 1, (const uint8_t *)"", 0),
             WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY);
    return NULL;
}

static void words(void)
{
    wmlb_restorer *restorer = NULL, *other = NULL;
    pthread_t thread;
    char before[4096], buffer[1024];
    size_t length = 77, needed;

    NEED(wmlb_restorer_create(&restorer) == WMLB_S_OK);
    NEED(wmlb_restorer_create(&other) == WMLB_S_OK);
    CHECK_HR(wmlb_restorer_get_last_error(restorer, NULL, &length), WMLB_S_OK);
    CHECK(length == 1);

    /* They belong to the restorer, not to the thread. */
    NEED(pthread_create(&thread, NULL, fail_in_thread, restorer) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    CHECK(strstr(last_error(restorer), "NoSuchProperty") != NULL);
    CHECK_TEXT(last_error(other), "");

    CHECK_HR(wmlb_restorer_get_last_error(restorer, NULL, &needed), WMLB_S_OK);
    CHECK(needed == strlen(last_error(restorer)) + 1);
    snprintf(before, sizeof before, "%s", last_error(restorer));
    for (length = 0; length < needed; length++) {
        size_t room = length;
        memset(buffer, 0x5A, sizeof buffer);
        CHECK_HR(wmlb_restorer_get_last_error(restorer, buffer, &room), TOO_SMALL);
        CHECK(room == needed && buffer[0] == 0x5A && buffer[length] == 0x5A);
    }
    memset(buffer, 0x5A, sizeof buffer);
    length = needed;
    CHECK_HR(wmlb_restorer_get_last_error(restorer, buffer, &length), WMLB_S_OK);
    CHECK_TEXT(buffer, before);
    CHECK(buffer[needed] == 0x5A);

    /* Neither a success nor its own failures change them. */
    CHECK_HR(wmlb_restorer_get_last_error(restorer, buffer, NULL), WMLB_E_POINTER);
    CHECK_HR(wmlb_restorer_set_backup_path(restorer, "/a"), WMLB_S_OK);
    CHECK_TEXT(last_error(restorer), before);
    /* The next failure does. */
    CHECK_HR(wmlb_restorer_set_backup_path(restorer, ""), WMLB_E_INVALIDARG);
    CHECK(strstr(last_error(restorer), "BackupPath") != NULL);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_release(other), WMLB_S_OK);
}
