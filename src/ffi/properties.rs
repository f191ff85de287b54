//! Properties.

use std::ffi::c_char;

use super::guard::{call_on, do_on};
use super::pointer::{self, Output};
use super::wmlb_restorer;
use crate::error::{Error, Result};
use crate::hresult::{WMLB_S_FALSE, WMLB_S_OK, wmlb_hresult};
use crate::props::Found;
use crate::status::WMLB_TYPE_STRING;

/// Sets a property. A running operation keeps the values it started with.
///
/// name: one of WMLB_PROP_*, matched exactly. type: WMLB_TYPE_STRING or
/// WMLB_TYPE_DWORD, as the property has it. value: a string in UTF-8, with or without
/// a NUL at its end, or a uint32_t in the machine's byte order; it is copied.
/// value_len: its bytes, a NUL included if there is one.
///
/// Returns WMLB_S_OK; WMLB_E_HANDLE; WMLB_E_POINTER (name or value is NULL);
/// WMLB_NS_E_DRM_INVALID_PROPERTY (there is no property of this name);
/// WMLB_E_INVALIDARG (another type than the property's, an empty path or passphrase, a
/// NUL inside the string, invalid UTF-8, a number out of range, more than 1 MiB, a line
/// that is no recipient or identity: the words say which line, and never show it); or
/// WMLB_E_NOTIMPL (Passphrase, Recipients and Identities, in a build without
/// encryption).
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_set_prop(
    restorer: *mut wmlb_restorer,
    name: *const c_char,
    r#type: i32,
    value: *const u8,
    value_len: usize,
) -> wmlb_hresult {
    do_on(restorer, |restorer| {
        // SAFETY: the caller's promise, for both.
        let name = unsafe { pointer::name(name) }?;
        let value = unsafe { pointer::value(value, value_len, &name) }?;
        restorer.set_property(&name, r#type, value)
    })
}

/// Reads a property: call it with value NULL to learn the size, and again with a
/// buffer of that size.
///
/// name: one of WMLB_PROP_*. *type receives the type of the property. value: NULL, or
/// a buffer of *value_len bytes. *value_len receives the size of the value in bytes,
/// the NUL of a string included. A property that is not set gives its default.
///
/// Returns WMLB_S_OK; WMLB_S_FALSE (it is not set and has no default: the size is 0,
/// and *type is written); WMLB_E_ACCESSDENIED (Passphrase and Identities are
/// write-only); WMLB_E_HANDLE; WMLB_E_POINTER (name, type or value_len is NULL);
/// WMLB_NS_E_DRM_INVALID_PROPERTY (there is no property of this name); or
/// WMLB_E_INSUFFICIENT_BUFFER (the buffer is too small; only *value_len is
/// written).
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_get_prop_by_name(
    restorer: *mut wmlb_restorer,
    name: *const c_char,
    r#type: *mut i32,
    value: *mut u8,
    value_len: *mut usize,
) -> wmlb_hresult {
    call_on(restorer, |restorer| {
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
        Ok(found_result(&found))
    })
}

fn bytes_of(found: &Found) -> Vec<u8> {
    let setting = found.setting.as_ref();
    setting.map_or(Vec::new(), |setting| setting.to_bytes())
}

fn found_result(found: &Found) -> wmlb_hresult {
    match found.setting {
        Some(_) => WMLB_S_OK,
        None => WMLB_S_FALSE,
    }
}

/// Writes to *count how many properties are set.
///
/// Returns WMLB_S_OK, WMLB_E_HANDLE, or WMLB_E_POINTER (count is NULL).
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_get_prop_count(
    restorer: *mut wmlb_restorer,
    count: *mut usize,
) -> wmlb_hresult {
    do_on(restorer, |restorer| {
        let number = restorer.with_properties(|properties| properties.count());
        // SAFETY: the caller's promise.
        unsafe { pointer::write(count, number, "count") }
    })
}

/// Reads one of the properties that are set: as wmlb_restorer_get_prop_by_name(), and
/// its name too. Their order is fixed; setting and removing shifts the indexes.
///
/// index: 0 to the count less one. name: NULL, or a buffer of *name_len bytes.
/// *name_len receives the size of the name, its NUL included. The rest as there.
///
/// Returns WMLB_S_OK; WMLB_E_HANDLE; WMLB_E_POINTER (name_len, type or value_len is
/// NULL); WMLB_E_INVALIDARG (index is too large; nothing is written);
/// WMLB_E_ACCESSDENIED (the property is write-only); or WMLB_E_INSUFFICIENT_BUFFER (a
/// buffer is too small; only the two sizes are written).
/// Any thread; also in a callback.
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
    call_on(restorer, |restorer| {
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
        Ok(found_result(&found))
    })
}

/// Removes a property: what holds then is its default.
///
/// Returns WMLB_S_OK, WMLB_S_FALSE (it was not set), WMLB_E_HANDLE, WMLB_E_POINTER
/// (name is NULL), or WMLB_NS_E_DRM_INVALID_PROPERTY.
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_remove_prop(
    restorer: *mut wmlb_restorer,
    name: *const c_char,
) -> wmlb_hresult {
    call_on(restorer, |restorer| {
        // SAFETY: the caller's promise.
        let name = unsafe { pointer::name(name) }?;
        match restorer.with_properties(|properties| properties.remove(&name))? {
            true => Ok(WMLB_S_OK),
            false => Ok(WMLB_S_FALSE),
        }
    })
}

/// Removes all properties.
///
/// Returns WMLB_S_OK or WMLB_E_HANDLE.
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_remove_all_props(restorer: *mut wmlb_restorer) -> wmlb_hresult {
    do_on(restorer, |restorer| {
        restorer.with_properties(|properties| properties.remove_all());
        Ok(())
    })
}

/// Sets the property BackupPath to a NUL-terminated string; returns what
/// wmlb_restorer_set_prop() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_set_backup_path(
    restorer: *mut wmlb_restorer,
    path: *const c_char,
) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { set_path(restorer, "BackupPath", path) }
}

/// Sets the property RestorePath to a NUL-terminated string; returns what
/// wmlb_restorer_set_prop() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_set_restore_path(
    restorer: *mut wmlb_restorer,
    path: *const c_char,
) -> wmlb_hresult {
    // SAFETY: the caller's promise.
    unsafe { set_path(restorer, "RestorePath", path) }
}

/// Sets the property StorePath to a NUL-terminated string; returns what
/// wmlb_restorer_set_prop() does.
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
    do_on(restorer, |restorer| {
        // SAFETY: the caller's promise.
        let path = unsafe { pointer::path(path) }?;
        restorer.set_property(name, WMLB_TYPE_STRING, path)
    })
}
