//! Restorers.

use super::guard::entry;
use super::handle::wmlb_restorer;
use super::pointer;
use crate::hresult::wmlb_hresult;
use crate::registry;

/// Creates a restorer. Give it back with wmlb_restorer_release(). A program that needs only one
/// restorer can use the default restorer instead, through the functions that take no handle.
///
/// Parameters:
/// - out: receives the handle; NULL on failure.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_POINTER: out is NULL
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_create(out: *mut *mut wmlb_restorer) -> wmlb_hresult {
    entry(|| {
        // SAFETY: the caller's promise, here and below.
        unsafe { pointer::write(out, std::ptr::null_mut(), "out") }?;
        let handle = registry::create() as *mut wmlb_restorer;
        unsafe { pointer::write(out, handle, "out") }
    })
}
