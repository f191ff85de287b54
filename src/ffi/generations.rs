//! What backups say of themselves, and the generations of one.

use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

use super::guard::{self, entry_on};
use super::wmlb_restorer;
use crate::error::{Error, Result};
use crate::generations::{self, GenerationInfo, Listener};
use crate::hresult::wmlb_hresult;
use crate::operation::Control;
use crate::props::Properties;
use crate::target::SetTarget;

/// A generation of a backup, as far as it is known. The pointers are valid during the call only.
#[repr(C)]
pub struct wmlb_generation_info {
    /// The size of this struct in bytes, as the library knows it. Read no field beyond it.
    pub struct_size: usize,
    /// The absolute path of the file, as the property RestorePath takes it; with U+FFFD for bytes
    /// that are not UTF-8. "" for a target.
    pub path: *const c_char,
    /// The time when the backup was made, in Unix seconds. If the content cannot be read: the time
    /// in the name of the file, or INT64_MIN for licenses.wmlb.
    pub created: i64,
    /// The size of the file in bytes; UINT64_MAX for a stream.
    pub size: u64,
    /// 1: it is encrypted; 0: it is not.
    pub encrypted: i32,
    /// The number of licenses in it, and of their bytes, as the end of the file states them; the
    /// file is not checked. UINT64_MAX if they cannot be read, as in an encrypted file without its
    /// secret.
    pub licenses: u64,
    pub bytes: u64,
    /// The ID of the device that made it, in hexadecimal, and the kind of its store: "directory",
    /// "sqlite" or "host". "" if they cannot be read.
    pub device_id: *const c_char,
    pub store: *const c_char,
    /// WMLB_KEPT_* joined by |: what keeps it, according to the property Keep. 0: nothing does, or
    /// the call does not determine it (wmlb_restorer_backup_info()).
    pub kept_by: u32,
}

/// The function that receives generations, one call for each.
///
/// Parameters:
/// - generation: valid during the call only.
/// - user_data: as it was passed to the function that lists them.
///
/// Returns: WMLB_S_OK, or anything else that is not negative, to go on; a negative value to stop.
///
/// Threads: it is called on the thread that called the list. During the call, every function of
/// this library may be called.
///
/// The function must return normally. An exception or pthread_exit() that leaves it ends the
/// process with SIGABRT, and nothing is printed; the effect of a longjmp() that leaves it is
/// undefined. (In this version, what the call held is lost then: memory and open files.)
pub type wmlb_generation_callback = Option<
    unsafe extern "C-unwind" fn(
        generation: *const wmlb_generation_info,
        user_data: *mut c_void,
    ) -> wmlb_hresult,
>;

/// A callback that was given.
type Function =
    unsafe extern "C-unwind" fn(*const wmlb_generation_info, *mut c_void) -> wmlb_hresult;

/// What tells of generations.
type List =
    fn(&Properties, Option<Arc<dyn SetTarget>>, Listener<'_>, &Control) -> Result<wmlb_hresult>;

fn list(
    restorer: *mut wmlb_restorer,
    callback: wmlb_generation_callback,
    user_data: *mut c_void,
    list: List,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        let function = callback.ok_or(Error::NoCallback)?;
        let listener = &mut |generation: &GenerationInfo| tell(function, generation, user_data);
        let (properties, target) = (restorer.properties(), restorer.target());
        restorer.list(|control| list(&properties, target, listener, control))
    })
}

fn tell(function: Function, generation: &GenerationInfo, user_data: *mut c_void) -> wmlb_hresult {
    // What a crafted backup says may have a NUL in it.
    let text = |text: &str| CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default();
    let said = generation.info.as_ref();
    let path = text(&generation.path.to_string_lossy());
    let device = text(said.map_or("", |info| &info.device));
    let store = text(said.map_or("", |info| &info.store));
    let (licenses, bytes) = generation.amount.unwrap_or((u64::MAX, u64::MAX));
    let info = wmlb_generation_info {
        struct_size: size_of::<wmlb_generation_info>(),
        path: path.as_ptr(),
        created: generation.created.unwrap_or(i64::MIN),
        size: generation.size,
        encrypted: generation.encrypted.into(),
        licenses,
        bytes,
        device_id: device.as_ptr(),
        store: store.as_ptr(),
        kept_by: generation.kept_by,
    };
    // SAFETY: the host gave the function to be called like this; what the struct points to
    // outlives the call.
    guard::host(|| unsafe { function(&info, user_data) })
}

/// Describes the backup (property RestorePath: the folder or the file, or the target that is set):
/// calls callback once, and returns. It reads only the beginning and the end of the file, and does
/// not check the rest; wmlb_restorer_verify_backup() does.
///
/// An encrypted file is opened if Passphrase or Identities is set. If neither is set, the call
/// succeeds all the same, and unknown fields have the values that wmlb_generation_info states.
/// licenses and bytes are unknown for a pipe and for a target without WMLB_TARGET_RANGES.
///
/// Parameters:
/// - restorer: the handle.
/// - callback: receives the backup; see wmlb_generation_callback.
/// - user_data: is passed to callback, and not touched otherwise.
///
/// Returns:
/// - WMLB_S_OK
/// - the negative value that callback returned
/// - WMLB_NS_E_DRM_OPERATION_CANCELED: wmlb_restorer_cancel() was called
/// - WMLB_E_HANDLE
/// - WMLB_E_INVALIDARG: callback is NULL
/// - WMLB_NS_E_DRM_NOT_CONFIGURED: RestorePath is not set
/// - WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD: a secret is set, and does not open the file
/// - WMLB_NS_E_DRM_BACKUP_CORRUPT, WMLB_NS_E_BACKUP_RESTORE_BAD_DATA, WMLB_HRESULT_FROM_WIN32(50),
///   WMLB_E_OUTOFMEMORY, WMLB_E_NOTIMPL: as in the last event of
///   wmlb_restorer_restore_licenses()
/// - WMLB_HRESULT_FROM_WIN32(code): the file cannot be read
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_backup_info(
    restorer: *mut wmlb_restorer,
    callback: wmlb_generation_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    list(restorer, callback, user_data, generations::tell_of_backup)
}

/// Lists the generations of a backup: calls callback for licenses.wmlb and each generation (see
/// the property Keep) in the folder RestorePath, or in that of the file RestorePath, the newest
/// first, and returns at the end of the list. It reads the beginning and the end of each file; one
/// that is damaged is listed too. kept_by says what the property Keep would keep, and so
/// what wmlb_restorer_forget_generations() would remove.
///
/// Encrypted files are opened if Passphrase or Identities is set; for each that a passphrase
/// encrypts, that takes a third of a second.
///
/// Parameters:
/// - restorer: the handle.
/// - callback: receives the generations; see wmlb_generation_callback.
/// - user_data: is passed to callback, and not touched otherwise.
///
/// Returns:
/// - WMLB_S_OK, also if there is none
/// - the negative value that callback returned
/// - WMLB_NS_E_DRM_OPERATION_CANCELED: wmlb_restorer_cancel() was called
/// - WMLB_E_HANDLE
/// - WMLB_E_INVALIDARG: callback is NULL
/// - WMLB_NS_E_DRM_NOT_CONFIGURED: RestorePath is not set
/// - WMLB_E_NOTIMPL: a target is set
/// - WMLB_HRESULT_FROM_WIN32(code): the folder or a file in it cannot be read
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_enumerate_generations(
    restorer: *mut wmlb_restorer,
    callback: wmlb_generation_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    list(restorer, callback, user_data, generations::enumerate)
}

/// Removes the generations that the property Keep does not want: lists all, as
/// wmlb_restorer_enumerate_generations() does, and at the end of the list removes those with
/// kept_by 0, unless callback returned WMLB_S_FALSE for them. licenses.wmlb is never removed.
///
/// Parameters:
/// - restorer: the handle.
/// - callback: receives the generations; see wmlb_generation_callback. If it returns a negative
///   value, nothing is removed.
/// - user_data: is passed to callback, and not touched otherwise.
///
/// Returns:
/// - WMLB_S_OK
/// - what wmlb_restorer_enumerate_generations() returns; nothing was removed then
/// - WMLB_NS_E_DRM_NOT_CONFIGURED: also, Keep is not set
/// - WMLB_HRESULT_FROM_WIN32(code): also, a file cannot be removed
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_forget_generations(
    restorer: *mut wmlb_restorer,
    callback: wmlb_generation_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    list(restorer, callback, user_data, generations::forget)
}
