//! Properties.

use std::ffi::c_char;

use super::guard::entry_on;
use super::pointer::{self, Output};
use super::wmlb_restorer;
use crate::error::{Error, Result};
use crate::hresult::wmlb_hresult;
use crate::props::Found;
use crate::status::WMLB_TYPE_STRING;

/// Sets a property. A running operation keeps the values that it started with.
///
/// Parameters:
/// - restorer: the handle.
/// - name: one of WMLB_PROP_*, matched exactly.
/// - type: WMLB_TYPE_STRING or WMLB_TYPE_DWORD, as the property has it.
/// - value: a string in UTF-8, with or without a NUL at its end, or a uint32_t in the byte order
///   of the machine. It is copied.
/// - value_len: the size of the value in bytes; with the NUL if there is one, at most 1 MiB.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: name or value is NULL
/// - WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY: there is no property of this name
/// - WMLB_E_INVALIDARG: the type is not the property's, a path or passphrase is empty, the string
///   has a NUL inside or is not UTF-8, the number is out of range, the value is too large, or a
///   line is not a recipient or identity; the message says which line, and never shows it
/// - WMLB_E_NOTIMPL: the property is Passphrase, Recipients or Identities, and this build has no
///   encryption
/// - WMLB_E_OUTOFMEMORY
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_set_prop(
    restorer: *mut wmlb_restorer,
    name: *const c_char,
    r#type: i32,
    value: *const u8,
    value_len: usize,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        // SAFETY: the caller's promise, for both.
        let name = unsafe { pointer::name(name) }?;
        let value = unsafe { pointer::value(value, value_len, &name) }?;
        restorer.set_property(&name, r#type, value)
    })
}

/// Reads a property. Call the function with value NULL to learn the size, and again with a buffer
/// of that size. A property that is not set gives its default.
///
/// Parameters:
/// - restorer: the handle.
/// - name: one of WMLB_PROP_*.
/// - type: receives the type of the property.
/// - value: NULL, or a buffer of *value_len bytes. Receives the value: a string in UTF-8 with its
///   NUL, or a uint32_t in the byte order of the machine.
/// - value_len: receives the size of the value in bytes, the NUL of a string included.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_S_FALSE: the property is not set and has no default; the size is 0, and *type is written
/// - WMLB_E_ACCESSDENIED: the property is write-only (Passphrase and Identities)
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: name, type or value_len is NULL
/// - WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY: there is no property of this name
/// - WMLB_E_INSUFFICIENT_BUFFER: the buffer is too small; only *value_len is written
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_get_prop_by_name(
    restorer: *mut wmlb_restorer,
    name: *const c_char,
    r#type: *mut i32,
    value: *mut u8,
    value_len: *mut usize,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        // SAFETY: the caller's promise, here and below.
        let name = unsafe { pointer::name(name) }?;
        if r#type.is_null() {
            return Err(Error::Null("type"));
        }
        let output = unsafe { Output::new(value, value_len, "value_len") }?;
        let found = restorer.with_properties(|properties| properties.find(&name))?;
        let bytes = bytes_of(&found);
        output.fit(&bytes)?;
        output.fill(&bytes);
        unsafe { pointer::write(r#type, found.value_type, "type") }?;
        // Without a value: S_FALSE.
        Ok(found.setting.is_some())
    })
}

fn bytes_of(found: &Found) -> Vec<u8> {
    let setting = found.setting.as_ref();
    setting.map_or(Vec::new(), |setting| setting.to_bytes())
}

/// Counts the properties that are set.
///
/// Parameters:
/// - restorer: the handle.
/// - count: receives the number, with those that are write-only.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: count is NULL
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_get_prop_count(
    restorer: *mut wmlb_restorer,
    count: *mut usize,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        let number = restorer.with_properties(|properties| properties.count());
        // SAFETY: the caller's promise.
        unsafe { pointer::write(count, number, "count") }
    })
}

/// Reads the name and the value of one of the properties that are set. Their order is fixed;
/// setting and removing properties shifts the indexes.
///
/// Parameters:
/// - restorer: the handle.
/// - index: 0 to the count less one.
/// - name: NULL, or a buffer of *name_len bytes. Receives the name, with its NUL.
/// - name_len: receives the size of the name in bytes, its NUL included.
/// - type, value, value_len: as in wmlb_restorer_get_prop_by_name().
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: name_len, type or value_len is NULL
/// - WMLB_E_INVALIDARG: index is too large; nothing is written
/// - WMLB_E_ACCESSDENIED: the property is write-only; nothing is written
/// - WMLB_E_INSUFFICIENT_BUFFER: a buffer is too small; only the two sizes are written
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_get_prop_by_index(
    restorer: *mut wmlb_restorer,
    index: usize,
    name: *mut c_char,
    name_len: *mut usize,
    r#type: *mut i32,
    value: *mut u8,
    value_len: *mut usize,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        // SAFETY: the caller's promise, here and below.
        let name_output = unsafe { Output::new(name, name_len, "name_len") }?;
        if r#type.is_null() {
            return Err(Error::Null("type"));
        }
        let output = unsafe { Output::new(value, value_len, "value_len") }?;
        let found = restorer.with_properties(|properties| properties.find_nth(index))?;
        let name = [found.name.as_bytes(), &[0]].concat();
        let bytes = bytes_of(&found);
        // Both sizes are written, whichever buffer is too small.
        let fits: Result<()> = name_output.fit(&name).and(output.fit(&bytes));
        fits?;
        name_output.fill(&name);
        output.fill(&bytes);
        unsafe { pointer::write(r#type, found.value_type, "type") }?;
        // Without a value: S_FALSE.
        Ok(found.setting.is_some())
    })
}

/// Removes a property; from then on, it has its default.
///
/// Parameters:
/// - restorer: the handle.
/// - name: one of WMLB_PROP_*.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_S_FALSE: the property was not set
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: name is NULL
/// - WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY: there is no property of this name
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_remove_prop(
    restorer: *mut wmlb_restorer,
    name: *const c_char,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        // SAFETY: the caller's promise.
        let name = unsafe { pointer::name(name) }?;
        restorer.with_properties(|properties| properties.remove(&name))
    })
}

/// Removes all properties; from then on, they have their defaults.
///
/// Parameters:
/// - restorer: the handle.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_remove_all_props(restorer: *mut wmlb_restorer) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        restorer.with_properties(|properties| properties.remove_all());
        Ok(())
    })
}

/// Sets the property BackupPath, as wmlb_restorer_set_prop() does.
///
/// Parameters:
/// - restorer: the handle.
/// - path: a NUL-terminated string in UTF-8.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: path is NULL
/// - WMLB_E_INVALIDARG: path is empty, not UTF-8, or longer than 1 MiB
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_set_backup_path(
    restorer: *mut wmlb_restorer,
    path: *const c_char,
) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { set_path(restorer, "BackupPath", path) }
}

/// Sets the property RestorePath, as wmlb_restorer_set_prop() does.
///
/// Parameters:
/// - restorer: the handle.
/// - path: a NUL-terminated string in UTF-8.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: path is NULL
/// - WMLB_E_INVALIDARG: path is empty, not UTF-8, or longer than 1 MiB
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_set_restore_path(
    restorer: *mut wmlb_restorer,
    path: *const c_char,
) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { set_path(restorer, "RestorePath", path) }
}

/// Sets the property StorePath, as wmlb_restorer_set_prop() does.
///
/// Parameters:
/// - restorer: the handle.
/// - path: a NUL-terminated string in UTF-8.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: path is NULL
/// - WMLB_E_INVALIDARG: path is empty, not UTF-8, or longer than 1 MiB
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_set_store_path(
    restorer: *mut wmlb_restorer,
    path: *const c_char,
) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { set_path(restorer, "StorePath", path) }
}

/// # Safety
/// `path` is NULL or a NUL-terminated string.
unsafe fn set_path(
    restorer: *mut wmlb_restorer,
    name: &'static str,
    path: *const c_char,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        // SAFETY: the caller's promise.
        let path = unsafe { pointer::path(path) }?;
        restorer.set_property(name, WMLB_TYPE_STRING, path)
    })
}
