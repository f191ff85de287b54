//! Operations: start, cancel, wait, progress.

use std::ffi::c_void;

use super::guard::entry_on;
use super::{callback, pointer, wmlb_restorer, wmlb_status_callback};
use crate::error::Error;
use crate::hresult::{WMLB_S_FALSE, WMLB_S_OK, wmlb_hresult};
use crate::restorer::Kind;
use crate::status::wmlb_progress;

/// Starts a backup: saves copies of the licenses in the store (property StorePath, or the store
/// set with wmlb_restorer_set_store()) in the file licenses.wmlb in the folder BackupPath. The
/// folder is created if it is missing.
///
/// The function checks what can be checked at once, and returns; the backup then runs on a thread
/// of its own. Events may come before the function has returned. If it returned WMLB_S_OK, they
/// are:
/// - WMLB_STATUS_BACKUPRESTORE_BEGIN;
/// - any number of WMLB_STATUS_PROGRESS, WMLB_STATUS_RESTRICTED_LICENSE and
///   WMLB_STATUS_LICENSE_SKIPPED;
/// - WMLB_STATUS_BACKUPRESTORE_END or WMLB_STATUS_ERROR, the last event.
///
/// If it failed, there is no event.
///
/// The backup file takes its name in one step, when it is complete. Whatever fails before, an
/// earlier backup file stays as it was.
///
/// With the property Passphrase or Recipients the file is encrypted: an age file (version 1)
/// around the content that it has otherwise.
///
/// A SQLite database in the store is saved as it is at one moment, while other programs have it
/// open:
/// - The files beside it (-journal, -wal, -shm) are part of it, and not licenses.
/// - SQLite's locks are honored: programs with a log go on writing; without one, they wait until
///   the database is read. The locks of the host's own connections stay as they are.
/// - Nothing is written for it but the backup, and copies that have no name.
///
/// Parameters:
/// - restorer: the handle.
/// - flags: 0, or WMLB_BACKUP_* joined by |.
/// - callback: receives the events; see wmlb_status_callback.
/// - user_data: is passed to callback, and not touched otherwise.
///
/// Returns, checked in this order:
/// - WMLB_E_HANDLE
/// - WMLB_E_INVALIDARG: callback is NULL, or there is an unknown flag
/// - WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: an operation is running
/// - WMLB_NS_E_DRM_NOT_CONFIGURED: BackupPath is not set, or StorePath is not and has no default
/// - WMLB_E_INVALIDARG: Passphrase and Recipients are both set
/// - WMLB_NS_E_DRM_BACKUP_EXISTS: there is a backup file, and flags do not have
///   WMLB_BACKUP_OVERWRITE
/// - WMLB_E_ACCESSDENIED: licenses.wmlb is a link, a folder or a device
/// - WMLB_HRESULT_FROM_WIN32(code): the folder cannot be examined; 267 if BackupPath is, or leads
///   through, a file
/// - WMLB_E_OUTOFMEMORY: no thread can be started
/// - WMLB_S_OK
///
/// Failures in the last event, besides errors of the system:
/// - WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE: there is no store at StorePath
/// - WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: another program has locked a database for 5 seconds, or an
///   enumeration is using the store of the host
/// - WMLB_NS_E_DRM_DATASTORE_CORRUPT: a database is damaged
/// - WMLB_NS_E_DRM_OPERATION_CANCELED
/// - WMLB_E_SHARING_VIOLATION: a license or folder kept changing while it was read, or a restore
///   into the store is running
/// - WMLB_NS_E_DRM_INVALID_LICENSE or WMLB_E_POINTER: the store of the host gave a license that is
///   not as wmlb_store_ops says
/// - any negative value that a function of that store returned
/// - WMLB_NS_E_DRM_LICENSE_STORE_ERROR: the store has no licenses, and the backup that would be
///   replaced may have some; see WMLB_BACKUP_EMPTY
/// - WMLB_NS_E_DRM_BACKUP_EXISTS: a backup file has appeared since the start
/// - WMLB_NS_E_DRM_BACKUP_CORRUPT: with WMLB_BACKUP_VERIFY, the bytes that were read back are not
///   the ones that were written
/// - WMLB_E_OUTOFMEMORY: also, less is left than the 128 MiB that Passphrase takes
///
/// Threads: any; in a callback of the same restorer it is busy.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_backup_licenses(
    restorer: *mut wmlb_restorer,
    flags: u32,
    callback: wmlb_status_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        restorer.back_up(flags, callback::observer(callback, user_data)?)
    })
}

/// Starts a restore: brings the licenses in the backup file (property RestorePath: the folder that
/// was BackupPath, or the file itself) back into the store (property StorePath, or the store set
/// with wmlb_restorer_set_store()), all or none.
///
/// The whole file is read and checked before anything in the store is touched; then all licenses
/// take their places. A failure or a cancel puts everything back. After a kill, the next operation
/// on the store does that.
///
/// The property Only and wmlb_restorer_set_filter() choose among the licenses in the file: the
/// restore is about these then, as if there were no others.
///
/// A license that the store already has stays if it is equal. If it differs, it stays too, and is
/// reported with WMLB_STATUS_LICENSE_SKIPPED and WMLB_HRESULT_FROM_WIN32(80), unless flags have
/// WMLB_RESTORE_OVERWRITE.
///
/// SQLite databases:
/// - They are compared by their content and replaced as a whole. The files beside the old one
///   (-journal, -wal, -shm) go with it.
/// - A database that another program has open, as far as locks tell, is not touched; neither is
///   one that belongs to Chromium or Firefox while they run.
/// - WARNING: close the host's own connections to a database before it is restored. An idle one
///   with a rollback journal holds no lock: it would go on with the file that was replaced, and
///   what it writes there is lost.
/// - A backup of one database goes to the file that StorePath names, whatever its name is, or
///   into the folder there.
///
/// The events are those of a backup, with WMLB_STATUS_BACKUPRESTORE_CONNECTING before BEGIN, and,
/// when the secret has opened an encrypted file and the authorizer has agreed,
/// WMLB_STATUS_BACKUPRESTORE_DISCONNECTING. A refusal with an address ends in
/// WMLB_STATUS_ERROR_WITHURL. wmlb_progress.licenses_total says when the number of licenses is
/// known.
///
/// Parameters:
/// - restorer: the handle.
/// - flags: 0, or WMLB_RESTORE_* and WMLB_ALLOW_CLEAR joined by |.
/// - callback: receives the events; see wmlb_status_callback.
/// - user_data: is passed to callback, and not touched otherwise.
///
/// Returns, checked in this order:
/// - WMLB_E_HANDLE
/// - WMLB_E_INVALIDARG: callback is NULL, or there is an unknown flag
/// - WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: an operation is running
/// - WMLB_NS_E_DRM_NOT_CONFIGURED: RestorePath is not set, or StorePath is not and has no default
/// - WMLB_E_NOTIMPL: the store of the host has no put or no commit
/// - WMLB_E_OUTOFMEMORY: no thread can be started
/// - WMLB_S_OK
///
/// Failures in the last event, besides errors of the system:
/// - WMLB_NS_E_DRM_BACKUP_CORRUPT: the file is damaged or truncated
/// - WMLB_NS_E_BACKUP_RESTORE_BAD_DATA: it is not a backup file, or one of a newer version
/// - WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD: it is encrypted, and the secret that opens it
///   (Passphrase or Identities) is wrong or not set. Damage to the few lines that hold its key
///   looks the same; any other damage is WMLB_NS_E_DRM_BACKUP_CORRUPT if the secret is right. Also:
///   it is not encrypted although a secret is set, and flags do not have WMLB_ALLOW_CLEAR
/// - WMLB_HRESULT_FROM_WIN32(50): its passphrase has a work factor above 18. It was not tried; the
///   age command can open the file
/// - WMLB_E_OUTOFMEMORY: also, less is left than the 128 or 256 MiB that its passphrase takes, or
///   than a whole license, which the put of a host's store takes in one piece
/// - WMLB_E_NOTIMPL: it is encrypted, and this build has no encryption
/// - the answer of the authorizer, or of the filter, if it is negative
/// - WMLB_NS_E_DRM_NEEDS_INDIVIDUALIZATION: it is from another device, and flags do not have
///   WMLB_RESTORE_INDIVIDUALIZE
/// - WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE: StorePath cannot be a store, or is a file while the
///   backup is not that of one database
/// - WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: a database in the store, or the store of the host, is in
///   use, or the player whose store it is is running
/// - WMLB_E_ACCESSDENIED: with WMLB_RESTORE_OVERWRITE, a link, folder or special file is in the
///   way of a license
/// - WMLB_E_SHARING_VIOLATION: the store was changed during the restore, or another restore into
///   it is running
/// - WMLB_NS_E_DRM_INVALID_LICENSE, WMLB_E_POINTER, or any negative value that a function of the
///   host's store returned, as in a backup
/// - WMLB_NS_E_DRM_OPERATION_CANCELED
/// - WMLB_NS_E_BACKUP_RESTORE_FAILURE: the store could not be put back as it was; the next
///   operation on it tries again
///
/// Threads: any; in a callback of the same restorer it is busy.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_restore_licenses(
    restorer: *mut wmlb_restorer,
    flags: u32,
    callback: wmlb_status_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        restorer.restore(flags, callback::observer(callback, user_data)?)
    })
}

/// Starts a verification: reads the backup file (property RestorePath) and makes every check that
/// a restore makes, but touches no store. The events are those of a backup. The message of a
/// failure says where the damage is and which licenses it touches. It is about the licenses that
/// the property Only and the filter choose, and counts these.
///
/// Parameters:
/// - restorer: the handle.
/// - flags: 0, or WMLB_ALLOW_CLEAR.
/// - callback: receives the events; see wmlb_status_callback.
/// - user_data: is passed to callback, and not touched otherwise.
///
/// Returns, checked in this order:
/// - WMLB_E_HANDLE
/// - WMLB_E_INVALIDARG: callback is NULL, or there is an unknown flag
/// - WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: an operation is running
/// - WMLB_NS_E_DRM_NOT_CONFIGURED: RestorePath is not set
/// - WMLB_E_OUTOFMEMORY: no thread can be started
/// - WMLB_S_OK
///
/// Failures in the last event, besides errors of the system:
/// - WMLB_NS_E_DRM_BACKUP_CORRUPT, WMLB_NS_E_BACKUP_RESTORE_BAD_DATA,
///   WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD, WMLB_HRESULT_FROM_WIN32(50), WMLB_E_OUTOFMEMORY,
///   WMLB_E_NOTIMPL, WMLB_NS_E_DRM_OPERATION_CANCELED: as in a restore
/// - the answer of the filter, if it is negative
///
/// Threads: any; in a callback of the same restorer it is busy.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_verify_backup(
    restorer: *mut wmlb_restorer,
    flags: u32,
    callback: wmlb_status_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        restorer.verify(flags, callback::observer(callback, user_data)?)
    })
}

/// Cancels the running backup: asks it to end, and returns at once. Its last event then is
/// WMLB_STATUS_ERROR with WMLB_NS_E_DRM_OPERATION_CANCELED, or WMLB_STATUS_BACKUPRESTORE_END if
/// the backup file had its name already.
///
/// Parameters:
/// - restorer: the handle.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_S_FALSE: no backup is running
/// - WMLB_E_HANDLE
///
/// Threads: any, also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_cancel_license_backup(
    restorer: *mut wmlb_restorer,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| Ok(restorer.cancel(Some(Kind::Backup))))
}

/// Cancels the running restore: asks it to end, and returns at once. Its last event then is
/// WMLB_STATUS_ERROR with WMLB_NS_E_DRM_OPERATION_CANCELED, or WMLB_STATUS_BACKUPRESTORE_END if
/// the licenses had taken their places already.
///
/// Parameters:
/// - restorer: the handle.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_S_FALSE: no restore is running
/// - WMLB_E_HANDLE
///
/// Threads: any, also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_cancel_license_restore(
    restorer: *mut wmlb_restorer,
) -> wmlb_hresult {
    entry_on(
        restorer,
        |restorer| Ok(restorer.cancel(Some(Kind::Restore))),
    )
}

/// Cancels the running operation, of whatever kind: asks it to end, and returns at once. Its last
/// event then is WMLB_STATUS_ERROR with WMLB_NS_E_DRM_OPERATION_CANCELED, or
/// WMLB_STATUS_BACKUPRESTORE_END if it was done already. Enumerations by this restorer that are
/// running, on whatever thread, return WMLB_NS_E_DRM_OPERATION_CANCELED.
///
/// Parameters:
/// - restorer: the handle.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_S_FALSE: no operation is running
/// - WMLB_E_HANDLE
///
/// Threads: any, also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_cancel(restorer: *mut wmlb_restorer) -> wmlb_hresult {
    entry_on(restorer, |restorer| Ok(restorer.cancel(None)))
}

/// Waits until the running operation has made its last event and its thread has ended. If none is
/// running, the function returns at once, any number of times. If the restorer is released while
/// it waits, it still waits for the end of the operation.
///
/// Parameters:
/// - restorer: the handle.
/// - timeout_ms: milliseconds. 0 does not wait, UINT32_MAX waits without limit.
/// - result: receives the result of the last operation, which is the hr of its last event.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_S_FALSE: there was no operation yet; *result stays as it was
/// - WMLB_E_TIMEOUT: the operation still runs; *result stays as it was
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: result is NULL
/// - WMLB_E_ILLEGAL_METHOD_CALL: the call was made in a callback, of this or another restorer
///
/// Threads: any, except those of callbacks.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_wait(
    restorer: *mut wmlb_restorer,
    timeout_ms: u32,
    result: *mut wmlb_hresult,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        if result.is_null() {
            return Err(Error::Null("result"));
        }
        let Some(hr) = restorer.wait(timeout_ms)? else {
            return Ok(WMLB_S_FALSE);
        };
        // SAFETY: the caller's promise.
        unsafe { pointer::write(result, hr, "result") }?;
        Ok(WMLB_S_OK)
    })
}

/// Reads the progress of the running operation, or of the last one.
///
/// Parameters:
/// - restorer: the handle.
/// - out: receives the progress. Set out->struct_size to sizeof(wmlb_progress) before the call.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: out is NULL
/// - WMLB_E_INVALIDARG: struct_size is less than its own field takes
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_get_progress(
    restorer: *mut wmlb_restorer,
    out: *mut wmlb_progress,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        // SAFETY: the caller's promise.
        unsafe { pointer::write_struct(out, &restorer.progress(), "out") }
    })
}
