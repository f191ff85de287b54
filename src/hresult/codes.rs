//! The result codes that have a constant in the header: value, name in the SDK, message. The
//! message also begins the comment of the constant there.

result_codes! {
    WMLB_S_OK = 0x00000000, c"S_OK",
        c"The operation succeeded.";
    WMLB_S_FALSE = 0x00000001, c"S_FALSE",
        c"The operation succeeded; there was nothing to do.";
    WMLB_E_NOTIMPL = 0x80004001, c"E_NOTIMPL",
        c"This build of the library leaves the function out.";
    WMLB_E_POINTER = 0x80004003, c"E_POINTER",
        c"A pointer that is needed is NULL.";
    /// There is no better code for the error; the message of the error says more.
    WMLB_E_FAIL = 0x80004005, c"E_FAIL",
        c"The operation failed.";
    /// Please report it, with the message of the error.
    WMLB_E_UNEXPECTED = 0x8000FFFF, c"E_UNEXPECTED",
        c"A defect in the library ended the call.";
    WMLB_E_ILLEGAL_METHOD_CALL = 0x8000000E, c"E_ILLEGAL_METHOD_CALL",
        c"The call is not allowed at this time or for this restorer.";
    /// Either permission is missing, or the file is of a kind that the library does not touch.
    WMLB_E_ACCESSDENIED = 0x80070005, c"E_ACCESSDENIED",
        c"Access is denied.";
    /// It is NULL, released, made up, or from before a fork.
    WMLB_E_HANDLE = 0x80070006, c"E_HANDLE",
        c"The handle is not that of a restorer.";
    WMLB_E_OUTOFMEMORY = 0x8007000E, c"E_OUTOFMEMORY",
        c"Memory or threads have run out.";
    WMLB_E_INVALIDARG = 0x80070057, c"E_INVALIDARG",
        c"An argument has a value that is not allowed.";
    /// A license or folder kept changing, or was removed, while it was read; or a restore into
    /// the store is running.
    WMLB_E_SHARING_VIOLATION = 0x80070020, c"HRESULT_FROM_WIN32(ERROR_SHARING_VIOLATION)",
        c"The file kept changing while it was read.";
    /// The size that is needed was written.
    WMLB_E_INSUFFICIENT_BUFFER = 0x8007007A, c"HRESULT_FROM_WIN32(ERROR_INSUFFICIENT_BUFFER)",
        c"The buffer is too small.";
    WMLB_E_TIMEOUT = 0x80070102, c"HRESULT_FROM_WIN32(WAIT_TIMEOUT)",
        c"The time-out was reached before the operation ended.";
    WMLB_NS_E_DRM_LICENSE_STORE_ERROR = 0xC00D2712, c"NS_E_DRM_LICENSE_STORE_ERROR",
        c"The license store failed.";
    WMLB_NS_E_DRM_LICENSE_STORE_SAVE_ERROR = 0xC00D2714, c"NS_E_DRM_LICENSE_STORE_SAVE_ERROR",
        c"A license could not be saved in the license store.";
    WMLB_NS_E_DRM_INVALID_LICENSE = 0xC00D2718, c"NS_E_DRM_INVALID_LICENSE",
        c"A license is not valid.";
    /// The agreement is the flag WMLB_RESTORE_INDIVIDUALIZE.
    WMLB_NS_E_DRM_NEEDS_INDIVIDUALIZATION = 0xC00D2728, c"NS_E_DRM_NEEDS_INDIVIDUALIZATION",
        c"The backup was made on another device; restoring it here needs the user's agreement.";
    WMLB_NS_E_BACKUP_RESTORE_FAILURE = 0xC00D272D, c"NS_E_BACKUP_RESTORE_FAILURE",
        c"The backup or restore failed.";
    /// WMLB_BACKUP_OVERWRITE would replace it.
    WMLB_NS_E_DRM_BACKUP_EXISTS = 0xC00D2742, c"NS_E_DRM_BACKUP_EXISTS",
        c"A backup file exists already.";
    WMLB_NS_E_DRM_BACKUP_CORRUPT = 0xC00D2743, c"NS_E_DRM_BACKUP_CORRUPT",
        c"The backup file is damaged or truncated.";
    /// Also: a database, its player, or the store of the host is in use.
    WMLB_NS_E_DRM_BACKUPRESTORE_BUSY = 0xC00D2744, c"NS_E_DRM_BACKUPRESTORE_BUSY",
        c"An operation is running on this restorer already.";
    WMLB_NS_E_BACKUP_RESTORE_BAD_DATA = 0xC00D2745, c"NS_E_BACKUP_RESTORE_BAD_DATA",
        c"The file is not a backup file of a version this library reads.";
    /// This library does not return it: a property without a value is
    /// WMLB_NS_E_DRM_NOT_CONFIGURED, an unknown one WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY.
    WMLB_NS_E_DRM_INVALID_PROPERTY = 0xC00D2749, c"NS_E_DRM_INVALID_PROPERTY",
        c"A property is not valid.";
    WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD = 0xC00D2751,
        c"NS_E_DRM_INVALID_SECURESTORE_PASSWORD",
        c"The passphrase or identity is wrong or missing.";
    /// The authorizer of the host answers with it by custom.
    WMLB_NS_E_DRM_RESTORE_FRAUD = 0xC00D2753, c"NS_E_DRM_RESTORE_FRAUD",
        c"The restore was refused.";
    WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY = 0xC00D275D, c"NS_E_DRM_UNSUPPORTED_PROPERTY",
        c"There is no property of this name.";
    /// The backup was made, without the licenses that could not be read (WMLB_BACKUP_PARTIAL).
    /// The code comes with the END event, although it is negative: a backup with this result is
    /// there and whole, and wmlb_get_last_error() says nothing of it.
    WMLB_NS_E_DRM_STORE_NOTALLSTORED = 0xC00D275F, c"NS_E_DRM_STORE_NOTALLSTORED",
        c"Not all licenses could be stored.";
    WMLB_NS_E_DRM_NOT_CONFIGURED = 0xC00D2764, c"NS_E_DRM_NOT_CONFIGURED",
        c"A property that the operation needs is not set.";
    WMLB_NS_E_DRM_OPERATION_CANCELED = 0xC00D2768, c"NS_E_DRM_OPERATION_CANCELED",
        c"The operation was canceled.";
    WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE = 0xC00D2782, c"NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE",
        c"The license store is missing or is not a store.";
    WMLB_NS_E_DRM_DATASTORE_CORRUPT = 0xC00D2783, c"NS_E_DRM_DATASTORE_CORRUPT",
        c"The license store is damaged.";
    WMLB_NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE = 0xC00D2846,
        c"NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE",
        c"The service that authorizes restores cannot be reached.";
}
