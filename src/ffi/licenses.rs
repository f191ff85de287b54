//! Lists of licenses.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char, c_void};

use super::guard::{self, entry_on};
use super::wmlb_restorer;
use crate::enumerate::{self, Listener};
use crate::error::{Error, Result};
use crate::hresult::wmlb_hresult;
use crate::license::{LicenseInfo, Right};
use crate::restorer::Restorer;
use crate::status::{WMLB_RIGHT_ALLOWED, WMLB_RIGHT_DENIED, WMLB_RIGHT_NOT_STATED};

/// A license, as far as it is known. The pointers are valid during the call only.
#[repr(C)]
pub struct wmlb_license_info {
    /// The size of this struct in bytes, as the library knows it. Read no field beyond it.
    pub struct_size: usize,
    /// Its path in the store, UTF-8; with U+FFFD for bytes that are not UTF-8.
    pub name: *const c_char,
    /// The exact bytes of its path: name_len of them, without a NUL.
    pub name_bytes: *const u8,
    pub name_len: usize,
    /// Its format, recognized by its content: "wmdrm-v1", "wmdrm-v7" (Windows Media DRM), "xmr"
    /// (PlayReady), "lcp" (Readium LCP; also an EPUB, PDF package or audiobook with such a license
    /// in it), "sqlite" (a database) or "opaque" (any other, and what does not parse).
    pub format: *const c_char,
    /// Its ID, as the format spells it: for "wmdrm-v7", LID; for "xmr", base64 of the 16 bytes of
    /// its rights ID; for "lcp", id. "" if it has none.
    pub license_id: *const c_char,
    /// The IDs of the keys that it holds, separated by newlines; at most 1,024 of them and 64 KiB.
    /// For "wmdrm-v1" and "wmdrm-v7", KID as the license spells it; for "xmr", base64 of the 16
    /// bytes, as KID in a WRMHEADER. "" if it names none.
    pub key_ids: *const c_char,
    /// Whether its owner lets it be backed up, according to the license itself: one of
    /// WMLB_RIGHT_*. wmlb_restorer_set_rights() and the property UnstatedRights do not change it.
    pub backup_right: i32,
    /// Its size in bytes.
    pub size: u64,
    /// The time when it was last modified, in Unix seconds; INT64_MIN: not stated.
    pub modified: i64,
    /// The times from which and until which it is valid, in Unix seconds; INT64_MIN: not stated, or
    /// only in a condition, which is not evaluated. For "wmdrm-v1", valid_until is the beginning
    /// of a day in UTC, since the format states no time of day.
    pub valid_from: i64,
    pub valid_until: i64,
}

/// The function that receives licenses, one call for each.
///
/// Parameters:
/// - license: valid during the call only.
/// - user_data: as it was passed to the enumeration.
///
/// Returns: WMLB_S_OK, or anything else that is not negative, to go on; a negative value to stop.
///
/// Threads: it is called on the thread that called the enumeration. During the call, every
/// function of this library may be called. After a fork() in it, the child must call exec() or
/// _exit() before the function returns.
///
/// The function must return normally. An exception or pthread_exit() that leaves it ends the
/// process with SIGABRT, and nothing is printed; the effect of a longjmp() that leaves it is
/// undefined. (In this version, what the call held is lost then: memory, open files, and the store
/// of a host, which stays in use.)
pub type wmlb_license_callback = Option<
    unsafe extern "C-unwind" fn(
        license: *const wmlb_license_info,
        user_data: *mut c_void,
    ) -> wmlb_hresult,
>;

/// The strings that a [`wmlb_license_info`] points to.
pub(super) struct Description {
    name: Cow<'static, CStr>,
    license_id: Cow<'static, CStr>,
    key_ids: Cow<'static, CStr>,
}

impl Description {
    pub fn new(license: &LicenseInfo<'_>) -> Self {
        // Paths of a file system have no NUL, one in a crafted backup file is refused before, and
        // IDs have none.
        let text = |text: &str| match text {
            "" => Cow::Borrowed(c""),
            text => Cow::Owned(CString::new(text).unwrap_or_default()),
        };
        Description {
            name: text(&String::from_utf8_lossy(license.name)),
            license_id: text(&license.statement.license_id),
            key_ids: text(&license.statement.key_ids),
        }
    }

    pub fn info(&self, license: &LicenseInfo<'_>) -> wmlb_license_info {
        let statement = license.statement;
        wmlb_license_info {
            struct_size: size_of::<wmlb_license_info>(),
            name: self.name.as_ptr(),
            name_bytes: license.name.as_ptr(),
            name_len: license.name.len(),
            format: statement.format().as_ptr(),
            license_id: self.license_id.as_ptr(),
            key_ids: self.key_ids.as_ptr(),
            backup_right: match statement.right {
                Right::Allowed => WMLB_RIGHT_ALLOWED,
                Right::NotStated => WMLB_RIGHT_NOT_STATED,
                Right::Denied => WMLB_RIGHT_DENIED,
            },
            size: license.size,
            modified: license.modified,
            valid_from: statement.valid_from.unwrap_or(i64::MIN),
            valid_until: statement.valid_until.unwrap_or(i64::MIN),
        }
    }
}

fn enumerate(
    restorer: *mut wmlb_restorer,
    callback: wmlb_license_callback,
    user_data: *mut c_void,
    list: fn(&Restorer, Listener<'_>) -> Result<wmlb_hresult>,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        let function = callback.ok_or(Error::NoCallback)?;
        list(restorer, &mut |license: &LicenseInfo<'_>| {
            let description = Description::new(license);
            let info = description.info(license);
            // SAFETY: the host gave the function to be called like this; what the struct
            // points to outlives the call.
            guard::host(|| unsafe { function(&info, user_data) })
        })
    })
}

/// Lists the licenses in the store (property StorePath, or the store set with
/// wmlb_restorer_set_store()): calls callback for each, in the order of their names, and returns
/// at the end of the list. It reads the beginning of each license, and also the end of a large one
/// that may be a package: 1 MiB at most.
///
/// After a database of Chromium (tables cdm_storage, versions 1 and 2, or licenses), the list has
/// the licenses in it, one per row, as they were at one moment:
/// - name is the name of the database, "/", the row's storage_key (none in the table licenses),
///   "/", the CDM as 32 hexadecimal digits, "/", and the row's file_name;
/// - format is "opaque", size is that of the data, and modified is INT64_MIN if the row does not
///   say.
///
/// The list of a backup does not have these, since a backup holds the database.
///
/// A store of the host is listed in the order in which its function next gives the licenses; its
/// functions are called on this thread.
///
/// Parameters:
/// - restorer: the handle.
/// - callback: receives the licenses; see wmlb_license_callback.
/// - user_data: is passed to callback, and not touched otherwise.
///
/// Returns:
/// - WMLB_S_OK
/// - the negative value that callback returned
/// - WMLB_NS_E_DRM_OPERATION_CANCELED: wmlb_restorer_cancel() was called
/// - WMLB_E_HANDLE
/// - WMLB_E_INVALIDARG: callback is NULL
/// - WMLB_NS_E_DRM_NOT_CONFIGURED: StorePath is not set and has no default
/// - WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE: there is no store at StorePath
/// - WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: another program has locked a database for 5 seconds, or an
///   operation or another enumeration is using the store of the host
/// - WMLB_NS_E_DRM_DATASTORE_CORRUPT: a database is damaged
/// - WMLB_HRESULT_FROM_WIN32(code): something in the store cannot be listed or read, or keeps
///   changing
/// - WMLB_NS_E_DRM_INVALID_LICENSE or WMLB_E_POINTER: the store of the host gave a license that is
///   not as wmlb_store_ops says
/// - the negative value that a function of the host's store returned
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_enumerate_store(
    restorer: *mut wmlb_restorer,
    callback: wmlb_license_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    enumerate(restorer, callback, user_data, |restorer, listener| {
        let host = restorer.store();
        restorer.list(|control| {
            enumerate::enumerate_store(&restorer.properties(), host, listener, control)
        })
    })
}

/// Lists the licenses in the backup file (property RestorePath), or those of them that the property
/// Only and the filter choose: calls callback for each, in the order of their names, and returns
/// at the end of the list. The file is checked on the way: when damage is found, callback has
/// received the licenses before it. Of a larger file, threads of the library (property Threads)
/// read ahead of callback; they have ended when the function returns.
///
/// Parameters:
/// - restorer: the handle.
/// - callback: receives the licenses; see wmlb_license_callback.
/// - user_data: is passed to callback, and not touched otherwise.
///
/// Returns:
/// - WMLB_S_OK
/// - the negative value that callback returned
/// - WMLB_NS_E_DRM_OPERATION_CANCELED: wmlb_restorer_cancel() was called
/// - WMLB_E_HANDLE
/// - WMLB_E_INVALIDARG: callback is NULL
/// - WMLB_NS_E_DRM_NOT_CONFIGURED: RestorePath is not set
/// - WMLB_NS_E_DRM_BACKUP_CORRUPT, WMLB_NS_E_BACKUP_RESTORE_BAD_DATA,
///   WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD, WMLB_HRESULT_FROM_WIN32(50), WMLB_E_OUTOFMEMORY,
///   WMLB_E_NOTIMPL: as in the last event of wmlb_restorer_restore_licenses()
/// - WMLB_HRESULT_FROM_WIN32(code): the file cannot be read
/// - the negative value that the filter returned
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_enumerate_backup(
    restorer: *mut wmlb_restorer,
    callback: wmlb_license_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    enumerate(restorer, callback, user_data, |restorer, listener| {
        let filter = restorer.filter();
        restorer.list(|control| {
            enumerate::enumerate_backup(
                &restorer.properties(),
                restorer.target(),
                filter,
                listener,
                control,
            )
        })
    })
}
