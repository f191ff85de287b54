//! The functions that take a handle.

use std::ffi::{c_char, c_void};

use super::guard::{call, call_on, do_on};
use super::pointer::{self, Output};
use super::{callback, wmlb_status_callback};
use crate::error::{Error, Result};
use crate::hresult::{WMLB_S_FALSE, WMLB_S_OK, wmlb_hresult};
use crate::props::Found;
use crate::registry::{self, Handle};
use crate::restorer::Restorer;
use crate::status::{WMLB_TYPE_STRING, wmlb_progress};

/// A restorer: properties, and at most one running operation. The pointer is a
/// number that the library looks up and never dereferences; a NULL, released or
/// made-up one gets WMLB_E_HANDLE. So does, in a child after fork, one from before.
pub struct wmlb_restorer {
    _private: [u8; 0],
}

/// Creates a restorer and writes its handle to *out. Give it back with
/// wmlb_restorer_release(). A program that needs only one can use the default
/// restorer instead, through the functions that take no handle.
///
/// Returns WMLB_S_OK, or WMLB_E_POINTER (out is NULL).
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_create(out: *mut *mut wmlb_restorer) -> wmlb_hresult {
    call(|| {
        // SAFETY: the caller's promise, here and below.
        unsafe { pointer::write(out, std::ptr::null_mut(), "out") }?;
        let handle = registry::create() as *mut wmlb_restorer;
        unsafe { pointer::write(out, handle, "out") }?;
        Ok(WMLB_S_OK)
    })
}

/// Releases a restorer: its handle is not valid any more. A running operation is
/// cancelled; its last event is still delivered, and the function returns when its
/// thread has ended. After that the callback is not called again, and what user_data
/// points to may be freed.
///
/// In a callback of the same restorer it returns at once, and no further event
/// comes, not even the last one.
///
/// Returns WMLB_S_OK, WMLB_E_HANDLE, or WMLB_E_ILLEGAL_METHOD_CALL (it is the
/// default restorer, which stays).
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_release(restorer: *mut wmlb_restorer) -> wmlb_hresult {
    call(|| {
        registry::find(restorer as Handle)?;
        registry::remove(restorer as Handle)
            .inspect_err(|error| {
                if let Ok(default) = registry::find(restorer as Handle) {
                    default.keep_error(error);
                }
            })?
            .release();
        Ok(WMLB_S_OK)
    })
}

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
/// Until the backup file takes its name, in one step, nothing is changed that was
/// there before: whatever fails, an earlier backup file is as it was.
///
/// Returns, checked in this order:
/// WMLB_E_HANDLE;
/// WMLB_E_INVALIDARG (callback is NULL, or there is an unknown flag);
/// WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (an operation is running);
/// WMLB_NS_E_DRM_NOT_CONFIGURED (BackupPath is not set, or there is no StorePath);
/// WMLB_NS_E_DRM_BACKUP_EXISTS (there is a backup file, and flags do not have
/// WMLB_BACKUP_OVERWRITE);
/// WMLB_E_ACCESSDENIED (licenses.wmlb is a link, a folder or a device);
/// WMLB_HRESULT_FROM_WIN32(code) (the folder cannot be examined);
/// WMLB_E_OUTOFMEMORY (no thread can be started).
///
/// Failures that the last event tells, besides those of the system:
/// WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE (there is no store at StorePath);
/// WMLB_NS_E_DRM_OPERATION_CANCELED;
/// WMLB_HRESULT_FROM_WIN32(32), a sharing violation (a license or folder kept
/// changing while it was read);
/// WMLB_NS_E_DRM_BACKUP_EXISTS (a backup file has appeared meanwhile);
/// WMLB_NS_E_DRM_BACKUP_CORRUPT (with WMLB_BACKUP_VERIFY: what was read back is not
/// what was written).
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
    call_on(restorer, |restorer| Ok(cancel(restorer)))
}

/// Cancels whatever operation is running, as wmlb_restorer_cancel_license_backup()
/// does a backup.
///
/// Returns WMLB_S_OK, WMLB_S_FALSE (none is running), or WMLB_E_HANDLE.
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_cancel(restorer: *mut wmlb_restorer) -> wmlb_hresult {
    call_on(restorer, |restorer| Ok(cancel(restorer)))
}

fn cancel(restorer: &Restorer) -> wmlb_hresult {
    match restorer.cancel() {
        true => WMLB_S_OK,
        false => WMLB_S_FALSE,
    }
}

/// Waits until the running operation has made its last event and its thread has
/// ended. Writes the result of the last operation to *result: the hr of its last
/// event. With no operation running it returns at once, any number of times.
///
/// timeout_ms: milliseconds; 0 only looks, UINT32_MAX waits without limit.
///
/// Returns WMLB_S_OK, WMLB_S_FALSE (there was no operation yet; *result is as it
/// was), WMLB_HRESULT_FROM_WIN32(258), a time-out (0x80070102; *result is as it
/// was), WMLB_E_HANDLE, WMLB_E_POINTER (result is NULL), or
/// WMLB_E_ILLEGAL_METHOD_CALL (in a callback).
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

/// Sets a property. A running operation keeps the values it started with.
///
/// name: one of WMLB_PROP_*, matched exactly. type: WMLB_TYPE_STRING or
/// WMLB_TYPE_DWORD, as the property has it. value: a string in UTF-8, with or without
/// a NUL at its end, or a uint32_t in the machine's byte order; it is copied.
/// value_len: its bytes, a NUL included if there is one.
///
/// Returns WMLB_S_OK; WMLB_E_HANDLE; WMLB_E_POINTER (name or value is NULL);
/// WMLB_NS_E_DRM_INVALID_PROPERTY (there is no property of this name);
/// WMLB_E_INVALIDARG (another type than the property's, an empty path, a NUL inside
/// the string, invalid UTF-8, a number out of range, more than 1 MiB); or
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
        let value = unsafe { pointer::value(value, value_len) }?;
        restorer.with_properties(|properties| properties.set(&name, r#type, value))
    })
}

/// Reads a property: call it with value NULL to learn the size, and again with a
/// buffer of that size.
///
/// name: one of WMLB_PROP_*. *type receives the type of the property. value: NULL, or
/// a buffer of *value_len bytes. *value_len receives the size of the value in bytes,
/// the NUL of a string included. A property that is not set gives its default.
///
/// Returns WMLB_S_OK; WMLB_S_FALSE (it is not set and has no default: the size is
/// 0); WMLB_E_HANDLE; WMLB_E_POINTER (name, type or value_len is NULL);
/// WMLB_NS_E_DRM_INVALID_PROPERTY (there is no property of this name); or
/// WMLB_HRESULT_FROM_WIN32(122) (the buffer is too small; only *value_len is
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
/// NULL); WMLB_E_INVALIDARG (index is too large); or WMLB_HRESULT_FROM_WIN32(122) (a
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
        restorer.with_properties(|properties| properties.set(name, WMLB_TYPE_STRING, path))
    })
}

/// Reads the words for the restorer's last failed call or operation: what was
/// tried, on which path, and the chain of causes, joined by ": ". "" when nothing
/// has failed yet. Call it with buffer NULL to learn the size, and again with a
/// buffer of that size; other threads may change the words in between.
///
/// buffer: NULL, or a buffer of *len bytes. *len receives the size of the string, its
/// NUL included.
///
/// The words are kept with the restorer, not with the thread. A success does not
/// change them, nor does a failure of this function.
///
/// Returns WMLB_S_OK, WMLB_E_HANDLE, WMLB_E_POINTER (len is NULL), or
/// WMLB_HRESULT_FROM_WIN32(122) (the buffer is too small; only *len is written).
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_get_last_error(
    restorer: *mut wmlb_restorer,
    buffer: *mut c_char,
    len: *mut usize,
) -> wmlb_hresult {
    // Not `call_on`, which would put the words of its own failure in their place.
    call(|| {
        let restorer = registry::find(restorer as Handle)?;
        // SAFETY: the caller's promise.
        let output = unsafe { Output::new(buffer, len, "len") }?;
        let words = [restorer.last_error().as_bytes(), &[0]].concat();
        output.fit(&words)?;
        output.fill(&words);
        Ok(WMLB_S_OK)
    })
}
