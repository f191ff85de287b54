//! The functions that take no handle: they act on the default restorer.

use std::ffi::{c_char, c_void};

use super::guard::call_or;
use super::{operations, properties, restorer, wmlb_restorer, wmlb_status_callback};
use crate::hresult::wmlb_hresult;
use crate::registry;

/// The handle of the default restorer, which the functions without a handle act on.
/// Every function that takes a handle takes it too. It is never released, and in a
/// child after fork the default restorer is a new one.
///
/// Returns the handle; NULL only when memory has run out.
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_default_restorer() -> *mut wmlb_restorer {
    call_or(std::ptr::null_mut(), || {
        registry::default_restorer() as *mut wmlb_restorer
    })
}

/// Starts a backup on the default restorer. Set the property BackupPath first. flags,
/// callback, user_data, events and results are those of
/// wmlb_restorer_backup_licenses().
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_backup_licenses(
    flags: u32,
    callback: wmlb_status_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    operations::wmlb_restorer_backup_licenses(wmlb_default_restorer(), flags, callback, user_data)
}

/// As wmlb_restorer_cancel_license_backup(), on the default restorer.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_cancel_license_backup() -> wmlb_hresult {
    operations::wmlb_restorer_cancel_license_backup(wmlb_default_restorer())
}

/// Starts a restore on the default restorer. Set the property RestorePath first. flags,
/// callback, user_data, events and results are those of
/// wmlb_restorer_restore_licenses().
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restore_licenses(
    flags: u32,
    callback: wmlb_status_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    operations::wmlb_restorer_restore_licenses(wmlb_default_restorer(), flags, callback, user_data)
}

/// As wmlb_restorer_cancel_license_restore(), on the default restorer.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_cancel_license_restore() -> wmlb_hresult {
    operations::wmlb_restorer_cancel_license_restore(wmlb_default_restorer())
}

/// As wmlb_restorer_wait(), on the default restorer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_wait(timeout_ms: u32, result: *mut wmlb_hresult) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { operations::wmlb_restorer_wait(wmlb_default_restorer(), timeout_ms, result) }
}

/// As wmlb_restorer_set_prop(), on the default restorer.
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

/// As wmlb_restorer_get_prop_by_name(), on the default restorer.
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

/// As wmlb_restorer_get_prop_count(), on the default restorer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_get_prop_count(count: *mut usize) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { properties::wmlb_restorer_get_prop_count(wmlb_default_restorer(), count) }
}

/// As wmlb_restorer_get_prop_by_index(), on the default restorer.
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

/// As wmlb_restorer_remove_prop(), on the default restorer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_remove_prop(name: *const c_char) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { properties::wmlb_restorer_remove_prop(wmlb_default_restorer(), name) }
}

/// As wmlb_restorer_remove_all_props(), on the default restorer.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_remove_all_props() -> wmlb_hresult {
    properties::wmlb_restorer_remove_all_props(wmlb_default_restorer())
}

/// As wmlb_restorer_set_backup_path(), on the default restorer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_set_backup_path(path: *const c_char) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { properties::wmlb_restorer_set_backup_path(wmlb_default_restorer(), path) }
}

/// As wmlb_restorer_set_restore_path(), on the default restorer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_set_restore_path(path: *const c_char) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { properties::wmlb_restorer_set_restore_path(wmlb_default_restorer(), path) }
}

/// As wmlb_restorer_set_store_path(), on the default restorer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_set_store_path(path: *const c_char) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { properties::wmlb_restorer_set_store_path(wmlb_default_restorer(), path) }
}

/// As wmlb_restorer_get_last_error(), on the default restorer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_get_last_error(buffer: *mut c_char, len: *mut usize) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { restorer::wmlb_restorer_get_last_error(wmlb_default_restorer(), buffer, len) }
}
