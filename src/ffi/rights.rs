//! The rights function: the host says whether a license may be backed up.

use std::ffi::c_void;
use std::sync::Arc;

use super::guard::{self, entry_on};
use super::licenses::{Description, wmlb_license_info};
use super::wmlb_restorer;
use crate::error::{Error, Result};
use crate::hresult::wmlb_hresult;
use crate::license::{LicenseInfo, Right};
use crate::rights::Rights;
use crate::status::{WMLB_RIGHT_ALLOWED, WMLB_RIGHT_DENIED, WMLB_RIGHT_NOT_STATED};

/// The function that says whether a license may be backed up, for hosts that know more about their
/// DRM system than the clear text of the license states.
///
/// It is called between the events of a backup, for every license that could be read, in no
/// particular order. For a license that is larger than 2 MiB, it is called when the beginning has
/// been read; the rest may still turn out to be unreadable. For a license that changes while it is
/// read, it may be called again. wmlb_restorer_compare() calls it, on the thread of its caller, for
/// the licenses that the backup does not have.
///
/// Parameters:
/// - license: what the license says of itself; valid during the call only.
/// - ctx: as it was passed to wmlb_restorer_set_rights().
///
/// Returns:
/// - WMLB_RIGHT_ALLOWED or WMLB_RIGHT_DENIED: overrides what the license says
/// - WMLB_RIGHT_NOT_STATED: keeps what the license says (license->backup_right); if that is
///   WMLB_RIGHT_NOT_STATED too, the property UnstatedRights decides
/// - anything else ends the backup, or the comparison, with WMLB_E_INVALIDARG
///
/// Threads: it is called on the operation's thread, under the rules of wmlb_status_callback,
/// except for the value that is returned.
pub type wmlb_rights_callback =
    Option<unsafe extern "C-unwind" fn(license: *const wmlb_license_info, ctx: *mut c_void) -> i32>;

struct HostRights {
    function: unsafe extern "C-unwind" fn(*const wmlb_license_info, *mut c_void) -> i32,
    ctx: *mut c_void,
}

// SAFETY: the pointer is never dereferenced here, only handed back to the host, which agreed
// in the header to be called on the operation's thread.
unsafe impl Send for HostRights {}
// SAFETY: as above; only the operation's thread calls it.
unsafe impl Sync for HostRights {}

impl Rights for HostRights {
    fn right_of(&self, license: &LicenseInfo<'_>) -> Result<Right> {
        let description = Description::new(license);
        let info = description.info(license);
        // SAFETY: the host gave the function to be called like this; what the struct points to
        // outlives the call.
        let answer = guard::host(|| unsafe { (self.function)(&info, self.ctx) });
        match answer {
            WMLB_RIGHT_NOT_STATED => Ok(Right::NotStated),
            WMLB_RIGHT_ALLOWED => Ok(Right::Allowed),
            WMLB_RIGHT_DENIED => Ok(Right::Denied),
            other => Err(Error::Argument(format!(
                "the host's rights function answered {other} for {}, which is not a WMLB_RIGHT_*",
                String::from_utf8_lossy(license.name)
            ))),
        }
    }
}

/// Sets the function that is asked about each license in a backup. A running backup keeps the one
/// that it started with.
///
/// Parameters:
/// - restorer: the handle.
/// - rights: see wmlb_rights_callback; NULL for none.
/// - ctx: is passed to rights, and not touched otherwise. It must live as long as the function is
///   set and a backup may run.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_set_rights(
    restorer: *mut wmlb_restorer,
    rights: wmlb_rights_callback,
    ctx: *mut c_void,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        restorer.set_rights(
            rights.map(|function| -> Arc<dyn Rights> { Arc::new(HostRights { function, ctx }) }),
        );
        Ok(())
    })
}
