//! The filter: the host chooses among the licenses of a backup.

use std::ffi::c_void;
use std::sync::Arc;

use super::guard::{self, entry_on};
use super::licenses::{Description, wmlb_license_info};
use super::wmlb_restorer;
use crate::choice::Filter;
use crate::error::{Error, Result};
use crate::hresult::{WMLB_S_FALSE, WMLB_S_OK, wmlb_hresult};
use crate::license::LicenseInfo;

/// The function that chooses the licenses that a restore, a verification or the list of a backup is
/// about. It is called for each license that the property Only has left, in the order of their
/// names, before the first of them is restored: a restore with a filter reads the backup file once
/// for the filter, and the chosen licenses once more. It restores all of the chosen licenses, or
/// none. wmlb_restorer_compare() calls it for the licenses that differ.
///
/// Parameters:
/// - license: the license; valid during the call only.
/// - ctx: as it was passed to wmlb_restorer_set_filter().
///
/// Returns:
/// - WMLB_S_OK: the license is chosen
/// - WMLB_S_FALSE: it is left out, as if the backup did not have it
/// - a negative value ends the operation, and is its result
/// - anything else ends it with WMLB_E_INVALIDARG
///
/// Threads: it is called on the operation's thread, under the rules of wmlb_status_callback; in an
/// enumeration or a comparison on the caller's, under those of wmlb_license_callback.
pub type wmlb_filter_callback = Option<
    unsafe extern "C-unwind" fn(
        license: *const wmlb_license_info,
        ctx: *mut c_void,
    ) -> wmlb_hresult,
>;

struct HostFilter {
    function: unsafe extern "C-unwind" fn(*const wmlb_license_info, *mut c_void) -> wmlb_hresult,
    ctx: *mut c_void,
}

// SAFETY: the pointer is never dereferenced here, only handed back to the host, which agreed
// in the header to be called on the operation's thread.
unsafe impl Send for HostFilter {}
// SAFETY: as above; one operation, or one enumeration on its caller's thread, calls it at a time,
// and a host that lists on several threads gave the function for all of them.
unsafe impl Sync for HostFilter {}

impl Filter for HostFilter {
    fn admits(&self, license: &LicenseInfo<'_>) -> Result<bool> {
        let description = Description::new(license);
        let info = description.info(license);
        // SAFETY: the host gave the function to be called like this; what the struct points to
        // outlives the call.
        let answer = guard::host(|| unsafe { (self.function)(&info, self.ctx) });
        match answer {
            WMLB_S_OK => Ok(true),
            WMLB_S_FALSE => Ok(false),
            hr if hr < 0 => Err(Error::Filter(hr)),
            other => Err(Error::Argument(format!(
                "the host's filter answered {other} for {}",
                String::from_utf8_lossy(license.name)
            ))),
        }
    }
}

/// Sets the function that chooses among the licenses of a backup, in restores, verifications and
/// lists of it. A running operation keeps the one that it started with.
///
/// Parameters:
/// - restorer: the handle.
/// - filter: see wmlb_filter_callback; NULL for none.
/// - ctx: is passed to filter, and not touched otherwise. It must live as long as the function is
///   set and such an operation may run.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_set_filter(
    restorer: *mut wmlb_restorer,
    filter: wmlb_filter_callback,
    ctx: *mut c_void,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        restorer.set_filter(
            filter.map(|function| -> Arc<dyn Filter> { Arc::new(HostFilter { function, ctx }) }),
        );
        Ok(())
    })
}
