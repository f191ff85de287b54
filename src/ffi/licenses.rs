//! Lists of licences.

use std::ffi::{CString, c_char, c_void};

use super::guard::{self, call_on};
use super::wmlb_restorer;
use crate::enumerate::{self, Listener};
use crate::error::{Error, Result};
use crate::hresult::wmlb_hresult;
use crate::license::{LicenseInfo, Right};
use crate::restorer::Restorer;

/// The right of a license to be backed up: its format does not state it, or under a
/// condition that is not evaluated here.
pub const WMLB_RIGHT_NOT_STATED: i32 = 0;
/// The owner allows backup.
pub const WMLB_RIGHT_ALLOWED: i32 = 1;
/// The owner forbids backup.
pub const WMLB_RIGHT_DENIED: i32 = 2;

/// What is known of a license. The pointers are valid during the call only.
#[repr(C)]
pub struct wmlb_license_info {
    /// Size of this struct in bytes, as the library knows it. Read no field that lies
    /// beyond.
    pub struct_size: usize,
    /// Its path in the store, UTF-8; with U+FFFD for what is not UTF-8.
    pub name: *const c_char,
    /// The exact bytes of its path, name_len of them, without a NUL.
    pub name_bytes: *const u8,
    pub name_len: usize,
    /// Its format, recognized by its content: "wmdrm-v1", "wmdrm-v7" (Windows Media DRM),
    /// "xmr" (PlayReady), "lcp" (Readium LCP; also an EPUB, PDF package or audiobook with
    /// such a license in it), "sqlite" (a database) or "opaque": any other, and what does
    /// not parse.
    pub format: *const c_char,
    /// Its ID, as the format spells it: "wmdrm-v7": LID; "xmr": base64 of the 16 bytes of
    /// its rights ID; "lcp": id. "" when it has none.
    pub license_id: *const c_char,
    /// The IDs of the keys it holds, newline-separated, at most 1,024 of them and 64 KiB. "wmdrm-v1",
    /// "wmdrm-v7": KID as the license spells it; "xmr": base64 of the 16 bytes, as KID in
    /// a WRMHEADER. "" when it names none.
    pub key_ids: *const c_char,
    /// Whether its owner lets it be backed up, by its own words: one of WMLB_RIGHT_*.
    /// Neither wmlb_restorer_set_rights() nor the property UnstatedRights changes it.
    pub backup_right: i32,
    /// Bytes.
    pub size: u64,
    /// When it was last modified, Unix seconds; INT64_MIN: not stated.
    pub modified: i64,
    /// From when and until when it is valid, Unix seconds; INT64_MIN: not stated, or only
    /// in a condition, which is not evaluated. Of a "wmdrm-v1" valid_until is the
    /// beginning of a day in UTC: it states no time of day.
    pub valid_from: i64,
    pub valid_until: i64,
}

/// The function that is told of licenses, one call for each.
///
/// license: valid during the call only. user_data: as it was passed. Return WMLB_S_OK
/// (or anything that is not negative) to go on, a negative value to stop.
///
/// It is called on the thread that called the enumeration. Every function of this
/// library may be called in it. It must return normally: an exception or pthread_exit that
/// leaves it ends the process with SIGABRT, and nothing is printed; a longjmp that leaves it
/// is undefined. (As this version is made, what the call held is lost then: memory, open
/// files, and a host's store, which stays in use.)
pub type wmlb_license_callback = Option<
    unsafe extern "C-unwind" fn(
        license: *const wmlb_license_info,
        user_data: *mut c_void,
    ) -> wmlb_hresult,
>;

/// What a [`wmlb_license_info`] points to.
pub(super) struct Description {
    name: CString,
    license_id: CString,
    key_ids: CString,
}

impl Description {
    pub fn new(license: &LicenseInfo<'_>) -> Self {
        // A NUL cannot be in a path of a file system; in that of a crafted backup file it is
        // refused before. No ID has one.
        let text = |text: &str| CString::new(text).unwrap_or_default();
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
    call_on(restorer, |restorer| {
        let function = callback.ok_or_else(|| Error::Argument("callback is NULL".to_owned()))?;
        list(restorer, &mut |license: &LicenseInfo<'_>| {
            let description = Description::new(license);
            let info = description.info(license);
            // SAFETY: the host gave the function to be called like this; what the struct
            // points to outlives the call.
            guard::host(|| unsafe { function(&info, user_data) })
        })
    })
}

/// Lists the licenses in the store (property StorePath): calls callback for each, on
/// this thread, in the order of their names, and returns when all were told. It reads
/// the beginning of each, of packages also the end: 1 MiB at the most.
///
/// After a database of Chromium's (tables cdm_storage, versions 1 and 2, or licenses) the
/// licenses in it are told, one a row, as they were at one moment: name is that of the
/// database, "/", the row's storage_key (in "licenses" there is none) and "/", the CDM as 32
/// hexadecimal digits and "/", the row's file_name; format is "opaque", size that of the
/// data, and modified INT64_MIN where the row does not say. In a backup they are not told:
/// it holds the database.
///
/// Of a store that the host keeps itself (wmlb_restorer_set_store()) it lists the licenses
/// in the order that next gives them in, and calls its functions on this thread.
///
/// callback: see wmlb_license_callback. user_data: passed to callback, and not touched
/// otherwise.
///
/// Returns WMLB_S_OK; the negative value that callback returned; WMLB_E_HANDLE;
/// WMLB_E_INVALIDARG (callback is NULL); WMLB_NS_E_DRM_NOT_CONFIGURED (there is no
/// StorePath); WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE;
/// WMLB_NS_E_DRM_BACKUPRESTORE_BUSY and WMLB_NS_E_DRM_DATASTORE_CORRUPT, as for
/// wmlb_restorer_backup_licenses(); or
/// WMLB_HRESULT_FROM_WIN32(code) (something in it cannot be listed or read, or
/// keeps changing). Of a host's store: the negative value that one of its functions
/// returned; WMLB_NS_E_DRM_INVALID_LICENSE or WMLB_E_POINTER (what next gave is not as it
/// should be); or WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (an operation, or another enumeration, is
/// using it).
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_enumerate_store(
    restorer: *mut wmlb_restorer,
    callback: wmlb_license_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    enumerate(restorer, callback, user_data, |restorer, listener| {
        let host = restorer.store();
        enumerate::enumerate_store(&restorer.properties(), host.as_deref(), listener)
    })
}

/// Lists the licenses in the backup file (property RestorePath), as
/// wmlb_restorer_enumerate_store() those in the store. The file is checked on the way:
/// when damage is found, licenses before it were told already.
///
/// Returns WMLB_S_OK; the negative value that callback returned; WMLB_E_HANDLE;
/// WMLB_E_INVALIDARG (callback is NULL); WMLB_NS_E_DRM_NOT_CONFIGURED (RestorePath is
/// not set); WMLB_NS_E_DRM_BACKUP_CORRUPT, WMLB_NS_E_BACKUP_RESTORE_BAD_DATA,
/// WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD, WMLB_HRESULT_FROM_WIN32(50),
/// WMLB_E_OUTOFMEMORY or WMLB_E_NOTIMPL, as for wmlb_restorer_restore_licenses(); or
/// WMLB_HRESULT_FROM_WIN32(code) (the file cannot be read).
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_enumerate_backup(
    restorer: *mut wmlb_restorer,
    callback: wmlb_license_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    enumerate(restorer, callback, user_data, |restorer, listener| {
        enumerate::enumerate_backup(&restorer.properties(), listener)
    })
}
