//! Handles, and the words of their failures.

use std::ffi::c_char;

use super::guard::call;
use super::pointer::{self, Output};
use crate::hresult::{WMLB_S_OK, wmlb_hresult};
use crate::registry::{self, Handle};

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
/// cancelled; its last event is still delivered (END, if the cancel came too late), and
/// the function returns when its thread has ended. After that the callback is not called again, and what user_data
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
/// WMLB_E_INSUFFICIENT_BUFFER (the buffer is too small; only *len is written).
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
