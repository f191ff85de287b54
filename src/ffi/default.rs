//! The functions that take no handle: they act on the default restorer.

use std::ffi::{c_char, c_void};

use super::guard::entry_or;
use super::{last_error, operations, properties, wmlb_restorer, wmlb_status_callback};
use crate::hresult::wmlb_hresult;
use crate::registry;

/// The default restorer: there is one per process, and the functions without a handle act on it.
/// Every function that takes a handle takes this one too. It is never released. In a child after
/// fork(), the default restorer is a new one.
///
/// Returns: the handle; NULL if memory has run out.
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_default_restorer() -> *mut wmlb_restorer {
    entry_or(std::ptr::null_mut(), || {
        registry::default_restorer() as *mut wmlb_restorer
    })
}

/// Sets a property of the default restorer. Parameters, results and threads are those of
/// wmlb_restorer_set_prop().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_set_prop(
    name: *const c_char,
    r#type: i32,
    value: *const u8,
    value_len: usize,
) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe {
        properties::wmlb_restorer_set_prop(wmlb_default_restorer(), name, r#type, value, value_len)
    }
}

/// Reads a property of the default restorer. Parameters, results and threads are those of
/// wmlb_restorer_get_prop_by_name().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_get_prop_by_name(
    name: *const c_char,
    r#type: *mut i32,
    value: *mut u8,
    value_len: *mut usize,
) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe {
        properties::wmlb_restorer_get_prop_by_name(
            wmlb_default_restorer(),
            name,
            r#type,
            value,
            value_len,
        )
    }
}

/// Counts the properties of the default restorer that are set. Parameters, results and threads are
/// those of wmlb_restorer_get_prop_count().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_get_prop_count(count: *mut usize) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { properties::wmlb_restorer_get_prop_count(wmlb_default_restorer(), count) }
}

/// Reads the name and the value of one of the properties of the default restorer that are set.
/// Parameters, results and threads are those of wmlb_restorer_get_prop_by_index().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_get_prop_by_index(
    index: usize,
    name: *mut c_char,
    name_len: *mut usize,
    r#type: *mut i32,
    value: *mut u8,
    value_len: *mut usize,
) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe {
        properties::wmlb_restorer_get_prop_by_index(
            wmlb_default_restorer(),
            index,
            name,
            name_len,
            r#type,
            value,
            value_len,
        )
    }
}

/// Removes a property of the default restorer. Parameters, results and threads are those of
/// wmlb_restorer_remove_prop().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_remove_prop(name: *const c_char) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { properties::wmlb_restorer_remove_prop(wmlb_default_restorer(), name) }
}

/// Removes all properties of the default restorer. Results and threads are those of
/// wmlb_restorer_remove_all_props().
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_remove_all_props() -> wmlb_hresult {
    properties::wmlb_restorer_remove_all_props(wmlb_default_restorer())
}

/// Sets the property BackupPath of the default restorer. Parameters, results and threads are those
/// of wmlb_restorer_set_backup_path().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_set_backup_path(path: *const c_char) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { properties::wmlb_restorer_set_backup_path(wmlb_default_restorer(), path) }
}

/// Sets the property RestorePath of the default restorer. Parameters, results and threads are those
/// of wmlb_restorer_set_restore_path().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_set_restore_path(path: *const c_char) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { properties::wmlb_restorer_set_restore_path(wmlb_default_restorer(), path) }
}

/// Sets the property StorePath of the default restorer. Parameters, results and threads are those
/// of wmlb_restorer_set_store_path().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_set_store_path(path: *const c_char) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { properties::wmlb_restorer_set_store_path(wmlb_default_restorer(), path) }
}

/// Starts a backup on the default restorer. Parameters, results, events and threads are those of
/// wmlb_restorer_backup_licenses().
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_backup_licenses(
    flags: u32,
    callback: wmlb_status_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    operations::wmlb_restorer_backup_licenses(wmlb_default_restorer(), flags, callback, user_data)
}

/// Starts a restore on the default restorer. Parameters, results, events and threads are those of
/// wmlb_restorer_restore_licenses().
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restore_licenses(
    flags: u32,
    callback: wmlb_status_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    operations::wmlb_restorer_restore_licenses(wmlb_default_restorer(), flags, callback, user_data)
}

/// Cancels the running backup of the default restorer. Results and threads are those of
/// wmlb_restorer_cancel_license_backup().
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_cancel_license_backup() -> wmlb_hresult {
    operations::wmlb_restorer_cancel_license_backup(wmlb_default_restorer())
}

/// Cancels the running restore of the default restorer. Results and threads are those of
/// wmlb_restorer_cancel_license_restore().
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_cancel_license_restore() -> wmlb_hresult {
    operations::wmlb_restorer_cancel_license_restore(wmlb_default_restorer())
}

/// Waits until the running operation of the default restorer has ended. Parameters, results and
/// threads are those of wmlb_restorer_wait().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_wait(timeout_ms: u32, result: *mut wmlb_hresult) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { operations::wmlb_restorer_wait(wmlb_default_restorer(), timeout_ms, result) }
}

/// Reads the message of the last failed call or operation of the default restorer. Parameters,
/// results and threads are those of wmlb_restorer_get_last_error().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_get_last_error(buffer: *mut c_char, len: *mut usize) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { last_error::wmlb_restorer_get_last_error(wmlb_default_restorer(), buffer, len) }
}
