/* Numbers and layouts, at compile time. Part of contract.c. */

#define SAME(name, value) _Static_assert((name) == (value), #name " is not " #value)
#define CODE(name, value) _Static_assert((uint32_t)(name) == (value), #name " is not " #value)

_Static_assert(sizeof(wmlb_hresult) == 4 && (wmlb_hresult)-1 < 0, "an HRESULT is an int32_t");
_Static_assert(offsetof(wmlb_progress, struct_size) == 0, "struct_size comes first");
_Static_assert(sizeof(size_t) != 8 || sizeof(wmlb_progress) == 64, "size of wmlb_progress");
/* A number of 64 bits begins wherever one of 32 may on i686, elsewhere at multiples of 8. */
struct first_number {
    size_t size;
    uint64_t number;
};
#define FOLLOWS(name, place)                                                              \
    _Static_assert(offsetof(wmlb_progress, name) ==                                       \
                       offsetof(struct first_number, number) + (place) * 8,               \
                   "offset of " #name)
#if defined __i386__
_Static_assert(offsetof(struct first_number, number) == 4, "where the numbers begin");
#else
_Static_assert(offsetof(struct first_number, number) == 8, "where the numbers begin");
#endif
FOLLOWS(licenses_done, 0);
FOLLOWS(licenses_total, 1);
FOLLOWS(bytes_done, 2);
FOLLOWS(bytes_total, 3);
FOLLOWS(licenses_restricted, 4);
FOLLOWS(licenses_skipped, 5);
FOLLOWS(licenses_reused, 6);

SAME(WMLB_STATUS_ERROR, 0);
SAME(WMLB_STATUS_BACKUPRESTORE_BEGIN, 21);
SAME(WMLB_STATUS_BACKUPRESTORE_END, 27);
SAME(WMLB_STATUS_BACKUPRESTORE_CONNECTING, 28);
SAME(WMLB_STATUS_BACKUPRESTORE_DISCONNECTING, 29);
SAME(WMLB_STATUS_ERROR_WITHURL, 30);
SAME(WMLB_STATUS_RESTRICTED_LICENSE, 31);
SAME(WMLB_STATUS_PROGRESS, 0x1000);
SAME(WMLB_STATUS_LICENSE_SKIPPED, 0x1001);
SAME(WMLB_STATUS_FEWER_LICENSES, 0x1002);

SAME(WMLB_TYPE_DWORD, 0);
SAME(WMLB_TYPE_STRING, 1);
SAME(WMLB_TYPE_BINARY, 2);
SAME(WMLB_TYPE_BOOL, 3);
SAME(WMLB_TYPE_QWORD, 4);
SAME(WMLB_TYPE_WORD, 5);
SAME(WMLB_TYPE_GUID, 6);

SAME(WMLB_BACKUP_OVERWRITE, 0x1);
SAME(WMLB_BACKUP_PARTIAL, 0x100);
SAME(WMLB_BACKUP_VERIFY, 0x200);
SAME(WMLB_BACKUP_REREAD, 0x400);
SAME(WMLB_BACKUP_EMPTY, 0x800);
SAME(WMLB_RESTORE_INDIVIDUALIZE, 0x2);
SAME(WMLB_RESTORE_OVERWRITE, 0x100);
SAME(WMLB_ALLOW_CLEAR, 0x1000);

/* Every code of the contract: its constant, its value, and the name it must answer to. */
#define CODES(X)                                                                          \
    X(S_OK, 0)                                                                            \
    X(S_FALSE, 1)                                                                         \
    X(E_NOTIMPL, 0x80004001u)                                                             \
    X(E_POINTER, 0x80004003u)                                                             \
    X(E_FAIL, 0x80004005u)                                                                \
    X(E_UNEXPECTED, 0x8000FFFFu)                                                          \
    X(E_ILLEGAL_METHOD_CALL, 0x8000000Eu)                                                 \
    X(E_ACCESSDENIED, 0x80070005u)                                                        \
    X(E_HANDLE, 0x80070006u)                                                              \
    X(E_OUTOFMEMORY, 0x8007000Eu)                                                         \
    X(E_INVALIDARG, 0x80070057u)                                                          \
    X(NS_E_DRM_LICENSE_STORE_ERROR, 0xC00D2712u)                                          \
    X(NS_E_DRM_LICENSE_STORE_SAVE_ERROR, 0xC00D2714u)                                     \
    X(NS_E_DRM_INVALID_LICENSE, 0xC00D2718u)                                              \
    X(NS_E_DRM_NEEDS_INDIVIDUALIZATION, 0xC00D2728u)                                      \
    X(NS_E_BACKUP_RESTORE_FAILURE, 0xC00D272Du)                                           \
    X(NS_E_DRM_BACKUP_EXISTS, 0xC00D2742u)                                                \
    X(NS_E_DRM_BACKUP_CORRUPT, 0xC00D2743u)                                               \
    X(NS_E_DRM_BACKUPRESTORE_BUSY, 0xC00D2744u)                                           \
    X(NS_E_BACKUP_RESTORE_BAD_DATA, 0xC00D2745u)                                          \
    X(NS_E_DRM_INVALID_PROPERTY, 0xC00D2749u)                                             \
    X(NS_E_DRM_INVALID_SECURESTORE_PASSWORD, 0xC00D2751u)                                 \
    X(NS_E_DRM_RESTORE_FRAUD, 0xC00D2753u)                                                \
    X(NS_E_DRM_UNSUPPORTED_PROPERTY, 0xC00D275Du)                                         \
    X(NS_E_DRM_STORE_NOTALLSTORED, 0xC00D275Fu)                                           \
    X(NS_E_DRM_NOT_CONFIGURED, 0xC00D2764u)                                               \
    X(NS_E_DRM_OPERATION_CANCELED, 0xC00D2768u)                                           \
    X(NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE, 0xC00D2782u)                                    \
    X(NS_E_DRM_DATASTORE_CORRUPT, 0xC00D2783u)                                            \
    X(NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE, 0xC00D2846u)

#define ASSERT_CODE(name, value) CODE(WMLB_##name, value);
CODES(ASSERT_CODE)

CODE(WMLB_HRESULT_FROM_WIN32(122), 0x8007007Au);
CODE(WMLB_HRESULT_FROM_WIN32(258), 0x80070102u);
_Static_assert(WMLB_SUCCEEDED(WMLB_S_OK) && WMLB_SUCCEEDED(WMLB_S_FALSE), "successes");
_Static_assert(!WMLB_SUCCEEDED(WMLB_E_FAIL) && WMLB_FAILED(WMLB_E_FAIL), "a failure");
_Static_assert(!WMLB_FAILED(WMLB_S_OK) && !WMLB_FAILED(WMLB_S_FALSE), "not failures");
