//! Operations: start, cancel, wait, progress.

use std::ffi::c_void;

use super::guard::{call_on, do_on};
use super::{callback, pointer, wmlb_restorer, wmlb_status_callback};
use crate::error::Error;
use crate::hresult::{WMLB_S_FALSE, WMLB_S_OK, wmlb_hresult};
use crate::restorer::{Kind, Restorer};
use crate::status::wmlb_progress;

/// Starts a backup: saves copies of the licenses in the store (property StorePath)
/// in the file licenses.wmlb in the folder that the property BackupPath names. The
/// folder is created when it is missing.
///
/// flags: 0, or WMLB_BACKUP_* joined by |. callback: is told how it goes; see
/// wmlb_status_callback. user_data: passed to callback, and not touched otherwise.
///
/// The function checks what can be checked at once and returns; the backup then runs
/// on its own thread. If it returned WMLB_S_OK, callback is called with
/// WMLB_STATUS_BACKUPRESTORE_BEGIN and later, as the last event, with either
/// WMLB_STATUS_BACKUPRESTORE_END or WMLB_STATUS_ERROR. If it returned a failure,
/// callback is not called at all. Events may come before the function has returned.
///
/// With wmlb_restorer_set_store() the store is one that the host keeps itself, and
/// StorePath does not count; here and in a restore.
///
/// With the property Passphrase or Recipients the file is encrypted: an age file (version
/// 1) around what it holds otherwise.
///
/// A SQLite database in the store is saved as a snapshot of one moment, made by SQLite, while
/// other programs go on writing to it; what lies beside it (-journal, -wal, -shm) is in the
/// snapshot and no license of its own. As long as it takes, the snapshot lies in a hidden
/// file in the backup folder; of an encrypted backup, in $XDG_CACHE_HOME/wmlb, else
/// ~/.cache/wmlb. A program that has such a database open itself, through another copy of
/// SQLite than this library's, must close it first: to read a file ends the locks that its
/// own process has on it.
///
/// Until the backup file takes its name, in one step, nothing is changed that was
/// there before: whatever fails, an earlier backup file is as it was.
///
/// Returns, checked in this order:
/// WMLB_E_HANDLE;
/// WMLB_E_INVALIDARG (callback is NULL, or there is an unknown flag);
/// WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (an operation is running);
/// WMLB_NS_E_DRM_NOT_CONFIGURED (BackupPath is not set, or there is no StorePath);
/// WMLB_E_INVALIDARG (Passphrase and Recipients are both set);
/// WMLB_NS_E_DRM_BACKUP_EXISTS (there is a backup file, and flags do not have
/// WMLB_BACKUP_OVERWRITE);
/// WMLB_E_ACCESSDENIED (licenses.wmlb is a link, a folder or a device);
/// WMLB_HRESULT_FROM_WIN32(code) (the folder cannot be examined; 267 when BackupPath is
/// or leads through a file);
/// WMLB_E_OUTOFMEMORY (no thread can be started).
///
/// Failures that the last event tells, besides those of the system:
/// WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE (there is no store at StorePath);
/// WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (another program has kept a database locked for 5
/// seconds);
/// WMLB_NS_E_DRM_DATASTORE_CORRUPT (a database is damaged);
/// WMLB_E_NOTIMPL (a database is in use, and this build has no SQLite);
/// WMLB_NS_E_DRM_OPERATION_CANCELED;
/// WMLB_E_SHARING_VIOLATION (a license or folder kept changing while it was read, or a
/// restore into the store is running);
/// of a host's store: the negative value that one of its functions returned;
/// WMLB_NS_E_DRM_INVALID_LICENSE or WMLB_E_POINTER (what next gave is not as it should be,
/// see wmlb_store_ops); WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (an enumeration is using it);
/// WMLB_NS_E_DRM_BACKUP_EXISTS (a backup file has appeared meanwhile);
/// WMLB_NS_E_DRM_BACKUP_CORRUPT (with WMLB_BACKUP_VERIFY: what was read back is not
/// what was written);
/// WMLB_E_OUTOFMEMORY (also: less than the 128 MiB that Passphrase takes).
///
/// Any thread; in a callback of the same restorer it is busy.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_backup_licenses(
    restorer: *mut wmlb_restorer,
    flags: u32,
    callback: wmlb_status_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    do_on(restorer, |restorer| {
        restorer.back_up(flags, callback::observer(callback, user_data)?)
    })
}

/// Cancels the running backup: asks it to end and returns at once. The last event
/// then is WMLB_STATUS_ERROR with WMLB_NS_E_DRM_OPERATION_CANCELED, or
/// WMLB_STATUS_BACKUPRESTORE_END if the backup file had its name already.
///
/// Returns WMLB_S_OK, WMLB_S_FALSE (no backup is running), or WMLB_E_HANDLE.
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_cancel_license_backup(
    restorer: *mut wmlb_restorer,
) -> wmlb_hresult {
    call_on(restorer, |restorer| {
        Ok(cancel(restorer, Some(Kind::Backup)))
    })
}

/// Starts a restore: brings the licenses in the backup file (property RestorePath: the
/// folder that BackupPath was, or the file itself) back into the store (property
/// StorePath), all or none.
///
/// The whole file is read and checked before anything in the store is touched; then all
/// licenses take their places. Whatever fails, or a cancel, puts everything back; after
/// a kill the next operation on the store does. A license that the store has already
/// stays if it is equal; if it differs it stays too and is reported with
/// WMLB_STATUS_LICENSE_SKIPPED, hr WMLB_HRESULT_FROM_WIN32(80), unless flags have
/// WMLB_RESTORE_OVERWRITE.
///
/// A SQLite database is compared by what it holds, and replaced whole; what lay beside the
/// old one (-journal, -wal, -shm) goes with it. One that another program has open, as far as
/// locks tell, is not touched, nor is what belongs to Chromium or Firefox while they run. A
/// backup of one database goes to the file that StorePath names, whatever its name, or into
/// the folder there.
///
/// flags: 0, or WMLB_RESTORE_* joined by |. callback, user_data: as for
/// wmlb_restorer_backup_licenses(). Before WMLB_STATUS_BACKUPRESTORE_BEGIN there are
/// WMLB_STATUS_BACKUPRESTORE_CONNECTING and, when the secret has opened an encrypted
/// file and the authorizer has agreed, WMLB_STATUS_BACKUPRESTORE_DISCONNECTING. The
/// number of licenses is not known before the last one was read.
///
/// Returns, checked in this order:
/// WMLB_E_HANDLE;
/// WMLB_E_INVALIDARG (callback is NULL, or there is an unknown flag);
/// WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (an operation is running);
/// WMLB_NS_E_DRM_NOT_CONFIGURED (RestorePath is not set, or there is no StorePath);
/// WMLB_E_NOTIMPL (the host's store has no put or no commit);
/// WMLB_E_OUTOFMEMORY (no thread can be started).
///
/// Failures that the last event tells, besides those of the system:
/// WMLB_NS_E_DRM_BACKUP_CORRUPT (the file is damaged or truncated);
/// WMLB_NS_E_BACKUP_RESTORE_BAD_DATA (it is no backup file, or of a newer version);
/// WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD (it is encrypted, and Passphrase or
/// Identities, whichever it takes, is not set or another. Damage of the few lines that
/// hold its key cannot be told from that; any other damage is, if the secret is right);
/// WMLB_HRESULT_FROM_WIN32(50) (a passphrase encrypts it with more work than this library
/// does, the factor 18: the passphrase was not tried. The age command can open it);
/// WMLB_E_OUTOFMEMORY (also: less than the 128 or 256 MiB that its passphrase takes);
/// WMLB_E_NOTIMPL (it is encrypted, and this build has no encryption);
/// what the authorizer answered, with WMLB_STATUS_ERROR_WITHURL if it gave an address;
/// WMLB_NS_E_DRM_NEEDS_INDIVIDUALIZATION (it is from another device, and flags do not
/// have WMLB_RESTORE_INDIVIDUALIZE);
/// WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE (StorePath cannot be a store, or is a file and
/// the backup not that of one database);
/// WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (a database in the store is in use, or the player whose
/// store it is is running);
/// WMLB_E_ACCESSDENIED (with WMLB_RESTORE_OVERWRITE: a link, folder or special file is
/// in the way of a license);
/// WMLB_E_SHARING_VIOLATION (the store was changed meanwhile,
/// or another restore into it is running);
/// of a host's store what is said there of a backup, and WMLB_E_OUTOFMEMORY (also: for a
/// license as a whole, which put takes in one piece);
/// WMLB_NS_E_DRM_OPERATION_CANCELED;
/// WMLB_NS_E_BACKUP_RESTORE_FAILURE (the store could not be put back as it was; the
/// next operation on it tries again).
///
/// Any thread; in a callback of the same restorer it is busy.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_restore_licenses(
    restorer: *mut wmlb_restorer,
    flags: u32,
    callback: wmlb_status_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    do_on(restorer, |restorer| {
        restorer.restore(flags, callback::observer(callback, user_data)?)
    })
}

/// Cancels the running restore, as wmlb_restorer_cancel_license_backup() does a backup.
///
/// Returns WMLB_S_OK, WMLB_S_FALSE (no restore is running), or WMLB_E_HANDLE.
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_cancel_license_restore(
    restorer: *mut wmlb_restorer,
) -> wmlb_hresult {
    call_on(restorer, |restorer| {
        Ok(cancel(restorer, Some(Kind::Restore)))
    })
}

/// Starts a verification: reads the backup file (property RestorePath) and makes every
/// check that a restore makes, but touches no store. It makes the events of a backup;
/// the words of a failure say where the damage is and which licenses it touches.
///
/// flags: 0. callback, user_data: as for wmlb_restorer_backup_licenses().
///
/// Returns, checked in this order:
/// WMLB_E_HANDLE;
/// WMLB_E_INVALIDARG (callback is NULL, or flags are not 0);
/// WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (an operation is running);
/// WMLB_NS_E_DRM_NOT_CONFIGURED (RestorePath is not set);
/// WMLB_E_OUTOFMEMORY (no thread can be started).
///
/// Failures that the last event tells, besides those of the system:
/// WMLB_NS_E_DRM_BACKUP_CORRUPT, WMLB_NS_E_BACKUP_RESTORE_BAD_DATA,
/// WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD, WMLB_HRESULT_FROM_WIN32(50),
/// WMLB_E_OUTOFMEMORY, WMLB_E_NOTIMPL and WMLB_NS_E_DRM_OPERATION_CANCELED, as for
/// wmlb_restorer_restore_licenses().
///
/// Any thread; in a callback of the same restorer it is busy.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_verify_backup(
    restorer: *mut wmlb_restorer,
    flags: u32,
    callback: wmlb_status_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    do_on(restorer, |restorer| {
        restorer.verify(flags, callback::observer(callback, user_data)?)
    })
}

/// Cancels whatever operation is running, as wmlb_restorer_cancel_license_backup()
/// does a backup.
///
/// Returns WMLB_S_OK, WMLB_S_FALSE (none is running), or WMLB_E_HANDLE.
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_cancel(restorer: *mut wmlb_restorer) -> wmlb_hresult {
    call_on(restorer, |restorer| Ok(cancel(restorer, None)))
}

fn cancel(restorer: &Restorer, kind: Option<Kind>) -> wmlb_hresult {
    match restorer.cancel(kind) {
        true => WMLB_S_OK,
        false => WMLB_S_FALSE,
    }
}

/// Waits until the running operation has made its last event and its thread has
/// ended. Writes the result of the last operation to *result: the hr of its last
/// event. With no operation running it returns at once, any number of times. If the
/// restorer is released meanwhile, the operation's end is waited for all the same.
///
/// timeout_ms: milliseconds; 0 only looks, UINT32_MAX waits without limit.
///
/// Returns WMLB_S_OK, WMLB_S_FALSE (there was no operation yet; *result is as it
/// was), WMLB_E_TIMEOUT (*result is as it was), WMLB_E_HANDLE, WMLB_E_POINTER (result is NULL), or
/// WMLB_E_ILLEGAL_METHOD_CALL (in a callback, of this or another restorer).
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_wait(
    restorer: *mut wmlb_restorer,
    timeout_ms: u32,
    result: *mut wmlb_hresult,
) -> wmlb_hresult {
    call_on(restorer, |restorer| {
        if result.is_null() {
            return Err(Error::Null("result"));
        }
        match restorer.wait(timeout_ms)? {
            Some(hr) => {
                // SAFETY: the caller's promise.
                unsafe { pointer::write(result, hr, "result") }?;
                Ok(WMLB_S_OK)
            }
            None => Ok(WMLB_S_FALSE),
        }
    })
}

/// Writes to *out how far the running operation is, or how far the last one came.
/// Set out->struct_size to sizeof(wmlb_progress) before the call.
///
/// Returns WMLB_S_OK, WMLB_E_HANDLE, WMLB_E_POINTER (out is NULL), or
/// WMLB_E_INVALIDARG (struct_size is too small for itself).
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_get_progress(
    restorer: *mut wmlb_restorer,
    out: *mut wmlb_progress,
) -> wmlb_hresult {
    do_on(restorer, |restorer| {
        // SAFETY: the caller's promise.
        unsafe { pointer::write_progress(out, &restorer.progress()) }
    })
}
