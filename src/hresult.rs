//! Result codes: their values, their names in the SDK, and words for people.
//!
//! The values are those of the Windows Media Format SDK (`nserror.h`, `winerror.h`).
//! The names without the `WMLB_` prefix, and the messages, are in [`TABLE`].

use std::ffi::CStr;

use rustix::io::Errno;

/// A result code with the values of a Windows HRESULT: negative is failure, zero
/// and above success. The constants below that begin with WMLB_S_, WMLB_E_ or
/// WMLB_NS_E_ are the codes this library returns; besides them it returns
/// WMLB_HRESULT_FROM_WIN32(code) for an error of the operating system.
#[allow(non_camel_case_types)]
pub type wmlb_hresult = i32;

/// 0x00000000: the call succeeded.
pub const WMLB_S_OK: wmlb_hresult = 0;
/// 0x00000001: the call succeeded, and there was nothing to do or to report.
pub const WMLB_S_FALSE: wmlb_hresult = 1;
/// 0x80004001: this build of the library leaves the function out.
pub const WMLB_E_NOTIMPL: wmlb_hresult = -2147467263;
/// 0x80004003: a pointer that is needed is NULL.
pub const WMLB_E_POINTER: wmlb_hresult = -2147467261;
/// 0x80004005: an error for which there is no better code; the words say more.
pub const WMLB_E_FAIL: wmlb_hresult = -2147467259;
/// 0x8000FFFF: a defect of the library; please report it with the words.
pub const WMLB_E_UNEXPECTED: wmlb_hresult = -2147418113;
/// 0x8000000E: the call is not allowed at this time or for this restorer.
pub const WMLB_E_ILLEGAL_METHOD_CALL: wmlb_hresult = -2147483634;
/// 0x80070005: permission denied, or a file of a kind that is left alone.
pub const WMLB_E_ACCESSDENIED: wmlb_hresult = -2147024891;
/// 0x80070006: the handle is NULL, released, made up, or from before a fork.
pub const WMLB_E_HANDLE: wmlb_hresult = -2147024890;
/// 0x8007000E: memory or threads have run out.
pub const WMLB_E_OUTOFMEMORY: wmlb_hresult = -2147024882;
/// 0x80070057: an argument has a value that is not allowed.
pub const WMLB_E_INVALIDARG: wmlb_hresult = -2147024809;
/// 0x80070020, HRESULT_FROM_WIN32(ERROR_SHARING_VIOLATION): a license or folder kept
/// changing, or was removed, while it was read; or a restore into the store is running.
pub const WMLB_E_SHARING_VIOLATION: wmlb_hresult = -2147024864;
/// 0x8007007A, HRESULT_FROM_WIN32(ERROR_INSUFFICIENT_BUFFER): the buffer is too small;
/// the size that is needed was written.
pub const WMLB_E_INSUFFICIENT_BUFFER: wmlb_hresult = -2147024774;
/// 0x80070102, HRESULT_FROM_WIN32(WAIT_TIMEOUT): the operation still runs.
pub const WMLB_E_TIMEOUT: wmlb_hresult = -2147024638;
/// 0xC00D2712: the license store failed.
pub const WMLB_NS_E_DRM_LICENSE_STORE_ERROR: wmlb_hresult = -1072879854;
/// 0xC00D2714: a license could not be saved in the store.
pub const WMLB_NS_E_DRM_LICENSE_STORE_SAVE_ERROR: wmlb_hresult = -1072879852;
/// 0xC00D2718: a license is not valid.
pub const WMLB_NS_E_DRM_INVALID_LICENSE: wmlb_hresult = -1072879848;
/// 0xC00D2728: the backup is from another device, and the flag
/// WMLB_RESTORE_INDIVIDUALIZE was not given.
pub const WMLB_NS_E_DRM_NEEDS_INDIVIDUALIZATION: wmlb_hresult = -1072879832;
/// 0xC00D272D: the backup or restore failed.
pub const WMLB_NS_E_BACKUP_RESTORE_FAILURE: wmlb_hresult = -1072879827;
/// 0xC00D2742: a backup file exists, and WMLB_BACKUP_OVERWRITE was not given.
pub const WMLB_NS_E_DRM_BACKUP_EXISTS: wmlb_hresult = -1072879806;
/// 0xC00D2743: the backup file is damaged or truncated.
pub const WMLB_NS_E_DRM_BACKUP_CORRUPT: wmlb_hresult = -1072879805;
/// 0xC00D2744: an operation is running on this restorer.
pub const WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: wmlb_hresult = -1072879804;
/// 0xC00D2745: the file is not a backup file, or one of a newer version.
pub const WMLB_NS_E_BACKUP_RESTORE_BAD_DATA: wmlb_hresult = -1072879803;
/// 0xC00D2749: there is no property of this name.
pub const WMLB_NS_E_DRM_INVALID_PROPERTY: wmlb_hresult = -1072879799;
/// 0xC00D2751: the passphrase or identity is wrong or missing.
pub const WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD: wmlb_hresult = -1072879791;
/// 0xC00D2753: the host's authorizer refused the restore.
pub const WMLB_NS_E_DRM_RESTORE_FRAUD: wmlb_hresult = -1072879789;
/// 0xC00D275F: the backup was made, but without the licenses that could not be
/// read (WMLB_BACKUP_PARTIAL). It comes with the END event, though it is negative: a
/// backup with this result is there and whole, and nothing was said to
/// wmlb_get_last_error().
pub const WMLB_NS_E_DRM_STORE_NOTALLSTORED: wmlb_hresult = -1072879777;
/// 0xC00D2764: a property that the operation needs is not set.
pub const WMLB_NS_E_DRM_NOT_CONFIGURED: wmlb_hresult = -1072879772;
/// 0xC00D2768: the operation was cancelled.
pub const WMLB_NS_E_DRM_OPERATION_CANCELED: wmlb_hresult = -1072879768;
/// 0xC00D2782: the license store is missing or is not a store.
pub const WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE: wmlb_hresult = -1072879742;
/// 0xC00D2783: the license store is damaged.
pub const WMLB_NS_E_DRM_DATASTORE_CORRUPT: wmlb_hresult = -1072879741;
/// 0xC00D2846: the service that authorizes restores cannot be reached.
pub const WMLB_NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE: wmlb_hresult = -1072879546;

/// The HRESULT of a Win32 error code (`HRESULT_FROM_WIN32` of `winerror.h`).
pub const fn from_win32(code: u16) -> wmlb_hresult {
    (0x8007_0000_u32 | code as u32) as wmlb_hresult
}

pub const FILE_NOT_FOUND: wmlb_hresult = from_win32(2);
pub const PATH_NOT_FOUND: wmlb_hresult = from_win32(3);
pub const TOO_MANY_OPEN_FILES: wmlb_hresult = from_win32(4);
pub const WRITE_PROTECT: wmlb_hresult = from_win32(19);
pub const NOT_SUPPORTED: wmlb_hresult = from_win32(50);
pub const FILE_EXISTS: wmlb_hresult = from_win32(80);
pub const DISK_FULL: wmlb_hresult = from_win32(112);
pub const BUSY: wmlb_hresult = from_win32(170);
pub const FILENAME_EXCED_RANGE: wmlb_hresult = from_win32(206);
pub const FILE_TOO_LARGE: wmlb_hresult = from_win32(223);
pub const DIRECTORY: wmlb_hresult = from_win32(267);
pub const IO_DEVICE: wmlb_hresult = from_win32(1117);
pub const CANT_RESOLVE_FILENAME: wmlb_hresult = from_win32(1921);

/// Value, the SDK's name, message.
#[rustfmt::skip]
const TABLE: &[(wmlb_hresult, &CStr, &CStr)] = &[
    (WMLB_S_OK, c"S_OK", c"The operation succeeded."),
    (WMLB_S_FALSE, c"S_FALSE", c"The operation succeeded; there was nothing to do."),
    (WMLB_E_NOTIMPL, c"E_NOTIMPL", c"This build of the library leaves the function out."),
    (WMLB_E_POINTER, c"E_POINTER", c"A pointer that is needed is NULL."),
    (WMLB_E_FAIL, c"E_FAIL", c"The operation failed."),
    (WMLB_E_UNEXPECTED, c"E_UNEXPECTED", c"A defect in the library ended the call."),
    (WMLB_E_ILLEGAL_METHOD_CALL, c"E_ILLEGAL_METHOD_CALL", c"The call is not allowed at this time or for this restorer."),
    (WMLB_E_ACCESSDENIED, c"E_ACCESSDENIED", c"Access is denied."),
    (WMLB_E_HANDLE, c"E_HANDLE", c"The handle is not that of a restorer."),
    (WMLB_E_OUTOFMEMORY, c"E_OUTOFMEMORY", c"Memory or threads have run out."),
    (WMLB_E_INVALIDARG, c"E_INVALIDARG", c"An argument has a value that is not allowed."),
    (WMLB_NS_E_DRM_LICENSE_STORE_ERROR, c"NS_E_DRM_LICENSE_STORE_ERROR", c"The license store failed."),
    (WMLB_NS_E_DRM_LICENSE_STORE_SAVE_ERROR, c"NS_E_DRM_LICENSE_STORE_SAVE_ERROR", c"A license could not be saved in the license store."),
    (WMLB_NS_E_DRM_INVALID_LICENSE, c"NS_E_DRM_INVALID_LICENSE", c"A license is not valid."),
    (WMLB_NS_E_DRM_NEEDS_INDIVIDUALIZATION, c"NS_E_DRM_NEEDS_INDIVIDUALIZATION", c"The backup was made on another device; restoring it here needs the user's agreement."),
    (WMLB_NS_E_BACKUP_RESTORE_FAILURE, c"NS_E_BACKUP_RESTORE_FAILURE", c"The backup or restore failed."),
    (WMLB_NS_E_DRM_BACKUP_EXISTS, c"NS_E_DRM_BACKUP_EXISTS", c"A backup file exists already."),
    (WMLB_NS_E_DRM_BACKUP_CORRUPT, c"NS_E_DRM_BACKUP_CORRUPT", c"The backup file is damaged or truncated."),
    (WMLB_NS_E_DRM_BACKUPRESTORE_BUSY, c"NS_E_DRM_BACKUPRESTORE_BUSY", c"An operation is running on this restorer already."),
    (WMLB_NS_E_BACKUP_RESTORE_BAD_DATA, c"NS_E_BACKUP_RESTORE_BAD_DATA", c"The file is not a backup file of a version this library reads."),
    (WMLB_NS_E_DRM_INVALID_PROPERTY, c"NS_E_DRM_INVALID_PROPERTY", c"There is no property of this name."),
    (WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD, c"NS_E_DRM_INVALID_SECURESTORE_PASSWORD", c"The passphrase or identity is wrong or missing."),
    (WMLB_NS_E_DRM_RESTORE_FRAUD, c"NS_E_DRM_RESTORE_FRAUD", c"The restore was refused."),
    (WMLB_NS_E_DRM_STORE_NOTALLSTORED, c"NS_E_DRM_STORE_NOTALLSTORED", c"Not all licenses could be stored."),
    (WMLB_NS_E_DRM_NOT_CONFIGURED, c"NS_E_DRM_NOT_CONFIGURED", c"A property that the operation needs is not set."),
    (WMLB_NS_E_DRM_OPERATION_CANCELED, c"NS_E_DRM_OPERATION_CANCELED", c"The operation was cancelled."),
    (WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE, c"NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE", c"The license store is missing or is not a store."),
    (WMLB_NS_E_DRM_DATASTORE_CORRUPT, c"NS_E_DRM_DATASTORE_CORRUPT", c"The license store is damaged."),
    (WMLB_NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE, c"NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE", c"The service that authorizes restores cannot be reached."),
    (FILE_NOT_FOUND, c"HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND)", c"The file does not exist."),
    (PATH_NOT_FOUND, c"HRESULT_FROM_WIN32(ERROR_PATH_NOT_FOUND)", c"The folder does not exist."),
    (TOO_MANY_OPEN_FILES, c"HRESULT_FROM_WIN32(ERROR_TOO_MANY_OPEN_FILES)", c"Too many files are open."),
    (WRITE_PROTECT, c"HRESULT_FROM_WIN32(ERROR_WRITE_PROTECT)", c"The file system is read-only."),
    (WMLB_E_SHARING_VIOLATION, c"HRESULT_FROM_WIN32(ERROR_SHARING_VIOLATION)", c"The file kept changing while it was read."),
    (NOT_SUPPORTED, c"HRESULT_FROM_WIN32(ERROR_NOT_SUPPORTED)", c"The request is not supported."),
    (FILE_EXISTS, c"HRESULT_FROM_WIN32(ERROR_FILE_EXISTS)", c"The file exists."),
    (DISK_FULL, c"HRESULT_FROM_WIN32(ERROR_DISK_FULL)", c"The disk is full."),
    (WMLB_E_INSUFFICIENT_BUFFER, c"HRESULT_FROM_WIN32(ERROR_INSUFFICIENT_BUFFER)", c"The buffer is too small."),
    (BUSY, c"HRESULT_FROM_WIN32(ERROR_BUSY)", c"The file or device is in use."),
    (FILENAME_EXCED_RANGE, c"HRESULT_FROM_WIN32(ERROR_FILENAME_EXCED_RANGE)", c"The file name is too long."),
    (FILE_TOO_LARGE, c"HRESULT_FROM_WIN32(ERROR_FILE_TOO_LARGE)", c"The file is larger than its file system or its limit allows."),
    (WMLB_E_TIMEOUT, c"HRESULT_FROM_WIN32(WAIT_TIMEOUT)", c"The time-out was reached before the operation ended."),
    (DIRECTORY, c"HRESULT_FROM_WIN32(ERROR_DIRECTORY)", c"A folder is needed, and the path is not one."),
    (IO_DEVICE, c"HRESULT_FROM_WIN32(ERROR_IO_DEVICE)", c"The device failed to read or write."),
    (CANT_RESOLVE_FILENAME, c"HRESULT_FROM_WIN32(ERROR_CANT_RESOLVE_FILENAME)", c"The path holds too many links."),
];

fn row(hr: wmlb_hresult) -> Option<&'static (wmlb_hresult, &'static CStr, &'static CStr)> {
    TABLE.iter().find(|(value, ..)| *value == hr)
}

/// The SDK's name of a result code; "unknown" for a value that has none here.
pub fn name(hr: wmlb_hresult) -> &'static CStr {
    row(hr).map_or(c"unknown", |(_, name, _)| name)
}

/// A sentence for a result code, for any value.
pub fn message(hr: wmlb_hresult) -> &'static CStr {
    match row(hr) {
        Some((_, _, message)) => message,
        None if hr >= 0 => c"The operation succeeded.",
        None => c"The operation failed with a code this library does not know.",
    }
}

/// The HRESULT of a system error: that of the nearest Win32 code.
pub fn from_errno(errno: Errno) -> wmlb_hresult {
    match errno {
        Errno::NOENT => FILE_NOT_FOUND,
        Errno::ACCESS | Errno::PERM => WMLB_E_ACCESSDENIED,
        Errno::MFILE | Errno::NFILE => TOO_MANY_OPEN_FILES,
        Errno::NOMEM => WMLB_E_OUTOFMEMORY,
        Errno::ROFS => WRITE_PROTECT,
        Errno::TXTBSY | Errno::AGAIN => WMLB_E_SHARING_VIOLATION,
        Errno::OPNOTSUPP => NOT_SUPPORTED,
        Errno::EXIST => FILE_EXISTS,
        Errno::NOSPC | Errno::DQUOT => DISK_FULL,
        Errno::BUSY => BUSY,
        Errno::NAMETOOLONG => FILENAME_EXCED_RANGE,
        Errno::FBIG => FILE_TOO_LARGE,
        Errno::NOTDIR => DIRECTORY,
        Errno::IO | Errno::STALE | Errno::NXIO => IO_DEVICE,
        Errno::LOOP => CANT_RESOLVE_FILENAME,
        _ => WMLB_E_FAIL,
    }
}
