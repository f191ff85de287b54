//! The message of the last failure.

use std::ffi::c_char;

use super::guard::entry;
use super::pointer::Output;
use super::wmlb_restorer;
use crate::hresult::wmlb_hresult;
use crate::registry::{self, Handle};

/// Reads the message of the restorer's last failed call or operation: what was tried, on which
/// path, and the chain of causes, joined by ": ". It is "" if nothing has failed yet. Call the
/// function with buffer NULL to learn the size, and again with a buffer of that size; between the
/// two calls, other threads may change the message.
///
/// The message belongs to the restorer, not to the thread. Neither a success nor a failure of this
/// function changes it. It may contain names from the store or the backup, which are untrusted:
/// escape control characters before a terminal shows it.
///
/// Parameters:
/// - restorer: the handle.
/// - buffer: NULL, or a buffer of *len bytes. Receives the message, UTF-8, with its NUL.
/// - len: receives the size of the message in bytes, its NUL included.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: len is NULL
/// - WMLB_E_INSUFFICIENT_BUFFER: the buffer is too small; only *len is written
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_get_last_error(
    restorer: *mut wmlb_restorer,
    buffer: *mut c_char,
    len: *mut usize,
) -> wmlb_hresult {
    // Not `entry_on`, which would replace the message by that of its own failure.
    entry(|| {
        let restorer = registry::find(restorer as Handle)?;
        // SAFETY: the caller's promise.
        let output = unsafe { Output::new(buffer, len, "len") }?;
        let message = [restorer.last_error().as_bytes(), &[0]].concat();
        output.fit(&message)?;
        output.fill(&message);
        Ok(())
    })
}
