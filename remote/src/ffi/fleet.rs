//! Lists of devices and generations, and what is no longer kept.

use std::ffi::{c_char, c_void};

use super::core::{wmlb_generation_callback, wmlb_generation_info};
use super::guard::{self, c_string};
use super::remote::{device, on_remote, wmlb_remote};
use crate::error::{Error, S_FALSE, S_OK};
use crate::flags::WMLB_KEPT_CURRENT;
use crate::fleet::{self, Kind};

/// A device that has backups. The pointers are valid during the call only.
#[repr(C)]
pub struct wmlb_remote_device {
    /// The size of this struct in bytes, as the library knows it. Read no field beyond it.
    pub struct_size: usize,
    /// Its name, as wmlb_remote_attach() takes it.
    pub device: *const c_char,
    /// Its newest generation; "" if what names it is damaged, and then the rest is 0.
    pub generation: *const c_char,
    /// When that was made, in Unix seconds.
    pub created: i64,
    /// Bytes of it.
    pub size: u64,
    /// How many backups were published up to it.
    pub sequence: u64,
}

/// The function that receives devices, one call for each, on the thread that called the list.
///
/// Returns: WMLB_S_OK, or anything else that is not negative, to go on; a negative value to stop,
/// which becomes the result of the list. It must return normally.
pub type wmlb_remote_device_callback =
    Option<unsafe extern "C" fn(device: *const wmlb_remote_device, user_data: *mut c_void) -> i32>;

/// wmlb_remote_forget() tells what would be removed, and removes nothing.
pub const WMLB_REMOTE_DRY_RUN: u32 = 1;

/// wmlb_remote_removal.kind: a generation that the rule does not keep.
pub const WMLB_REMOTE_GENERATION: i32 = 1;
/// wmlb_remote_removal.kind: a backup that was uploaded and never published.
pub const WMLB_REMOTE_UNPUBLISHED: i32 = 2;
/// wmlb_remote_removal.kind: parts of a backup whose upload came to no end.
pub const WMLB_REMOTE_UPLOAD: i32 = 3;

/// What wmlb_remote_forget() removes. The pointers are valid during the call only.
#[repr(C)]
pub struct wmlb_remote_removal {
    /// The size of this struct in bytes, as the library knows it. Read no field beyond it.
    pub struct_size: usize,
    /// WMLB_REMOTE_GENERATION, WMLB_REMOTE_UNPUBLISHED or WMLB_REMOTE_UPLOAD.
    pub kind: i32,
    /// The name of the generation.
    pub generation: *const c_char,
    /// When it was made, in Unix seconds.
    pub created: i64,
    /// Bytes; 0 of an upload.
    pub size: u64,
}

/// The function that is told of removals, one call for each, after it; or, with
/// WMLB_REMOTE_DRY_RUN, instead of it.
///
/// Returns: as wmlb_remote_device_callback; to stop is WMLB_NS_E_DRM_OPERATION_CANCELED.
pub type wmlb_remote_removal_callback = Option<
    unsafe extern "C" fn(removal: *const wmlb_remote_removal, user_data: *mut c_void) -> i32,
>;

/// Lists the devices that have backups in a place, in the order of their names.
///
/// Parameters:
/// - remote: the handle.
/// - callback, user_data: receive them, after all were read.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_INVALIDARG: callback is NULL
/// - what the callback returned to stop
/// - those of requests, see wmlb_remote_probe()
///
/// Threads: any. It waits for the server, with up to 16 requests at once.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_remote_list_devices(
    remote: *mut wmlb_remote,
    callback: wmlb_remote_device_callback,
    user_data: *mut c_void,
) -> i32 {
    on_remote(remote, |remote| {
        let function = callback.ok_or_else(|| Error::argument("callback is NULL"))?;
        for found in fleet::devices(remote)? {
            let head = found.head.as_ref();
            let name = c_string(&found.name);
            let generation = c_string(head.map_or("", |head| &head.generation));
            let device = wmlb_remote_device {
                struct_size: size_of::<wmlb_remote_device>(),
                device: name.as_ptr(),
                generation: generation.as_ptr(),
                created: head.map_or(0, |head| head.created),
                size: head.map_or(0, |head| head.size),
                sequence: head.map_or(0, |head| head.sequence),
            };
            // SAFETY: the caller gave the function to be called like this; all outlives the call.
            let hr = unsafe { function(&device, user_data) };
            if hr < 0 {
                return Ok(hr);
            }
        }
        Ok(S_OK)
    })
}

/// Lists the generations of a device, the newest first. path is what wmlb_remote_attach() takes as
/// generation; licenses and bytes are UINT64_MAX, device_id and store "", since no file is opened;
/// kept_by is WMLB_KEPT_CURRENT of the one that restores find, and 0 of the others.
///
/// Parameters:
/// - remote: the handle.
/// - device: as wmlb_remote_attach().
/// - callback, user_data: receive them, after all were read.
///
/// Returns: as wmlb_remote_list_devices(); WMLB_E_INVALIDARG also if device is not one;
/// WMLB_NS_E_DRM_BACKUP_CORRUPT if what names the newest is damaged.
///
/// Threads: any. It waits for the server.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_remote_list_generations(
    remote: *mut wmlb_remote,
    device: *const c_char,
    callback: wmlb_generation_callback,
    user_data: *mut c_void,
) -> i32 {
    on_remote(remote, |remote| {
        let function = callback.ok_or_else(|| Error::argument("callback is NULL"))?;
        // SAFETY: the caller's promise.
        let device = unsafe { self::device(device) }?;
        for found in fleet::generations(remote, &device)? {
            let name = c_string(&found.name);
            let generation = wmlb_generation_info {
                struct_size: size_of::<wmlb_generation_info>(),
                path: name.as_ptr(),
                created: found.created,
                size: found.size,
                encrypted: found.is_encrypted.into(),
                licenses: u64::MAX,
                bytes: u64::MAX,
                device_id: c"".as_ptr(),
                store: c"".as_ptr(),
                kept_by: if found.is_newest {
                    WMLB_KEPT_CURRENT
                } else {
                    0
                },
            };
            // SAFETY: the caller gave the function to be called like this; all outlives the call.
            let hr = unsafe { function(&generation, user_data) };
            if hr < 0 {
                return Ok(hr);
            }
        }
        Ok(S_OK)
    })
}

/// Removes the generations of a device that a rule does not keep, and what writers that were killed
/// have left. Nothing that is younger than 24 hours by the server's clock is removed, and never the
/// newest generation.
///
/// Parameters:
/// - remote: the handle.
/// - device: as wmlb_remote_attach().
/// - keep: the rule, as the property Keep takes it ("last=3 daily=7"); NULL or "": all generations
///   are kept, and only what was left is removed.
/// - flags: 0, or WMLB_REMOTE_DRY_RUN.
/// - callback, user_data: are told of each; callback may be NULL.
///
/// Returns:
/// - WMLB_S_OK: something was removed, or would be
/// - WMLB_S_FALSE: there is nothing to remove
/// - WMLB_E_HANDLE
/// - WMLB_E_INVALIDARG: keep, device or flags are not what they may be
/// - those of requests, see wmlb_remote_probe(); what was told of before is removed
///
/// Threads: any. It waits for the server.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_remote_forget(
    remote: *mut wmlb_remote,
    device: *const c_char,
    keep: *const c_char,
    flags: u32,
    callback: wmlb_remote_removal_callback,
    user_data: *mut c_void,
) -> i32 {
    on_remote(remote, |remote| {
        if flags & !WMLB_REMOTE_DRY_RUN != 0 {
            return Err(Error::argument("flags has unknown bits"));
        }
        // SAFETY: the caller's promise.
        let device = unsafe { self::device(device) }?;
        // SAFETY: the caller's promise.
        let keep = unsafe { guard::text(keep, "keep") }?.unwrap_or_default();
        let dry_run = flags & WMLB_REMOTE_DRY_RUN != 0;
        let any = fleet::forget(remote, &device, keep, dry_run, |found| {
            let Some(function) = callback else {
                return true;
            };
            let name = c_string(&found.name);
            let removal = wmlb_remote_removal {
                struct_size: size_of::<wmlb_remote_removal>(),
                kind: match found.kind {
                    Kind::Generation => WMLB_REMOTE_GENERATION,
                    Kind::Unpublished => WMLB_REMOTE_UNPUBLISHED,
                    Kind::Upload => WMLB_REMOTE_UPLOAD,
                },
                generation: name.as_ptr(),
                created: found.created,
                size: found.size,
            };
            // SAFETY: the caller gave the function to be called like this; all outlives the call.
            unsafe { function(&removal, user_data) >= 0 }
        })?;
        Ok(if any { S_OK } else { S_FALSE })
    })
}
