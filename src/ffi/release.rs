//! The end of a restorer.

use super::guard::entry;
use super::wmlb_restorer;
use crate::hresult::wmlb_hresult;
use crate::registry::{self, Handle};

/// Releases a restorer: its handle is not valid any more.
///
/// A running operation is canceled. Its last event is still delivered (END, if the cancel came too
/// late), and the function returns when its thread has ended. After that, the callback is not
/// called again, and user_data may be freed.
///
/// In a callback of the same restorer, the function returns at once, and no further event comes,
/// not even the last one.
///
/// Parameters:
/// - restorer: the handle; not the one of the default restorer, which stays.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_ILLEGAL_METHOD_CALL: it is the default restorer
///
/// Threads: any, also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_release(restorer: *mut wmlb_restorer) -> wmlb_hresult {
    entry(|| {
        let handle = restorer as Handle;
        let found = registry::find(handle)?;
        let removed = registry::remove(handle).inspect_err(|error| found.keep_error(error))?;
        drop(found);
        removed.release();
        Ok(())
    })
}
