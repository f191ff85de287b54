//! The host's word on the rights of licences.

use std::ffi::c_void;
use std::sync::Arc;

use super::guard::{self, do_on};
use super::licenses::{
    Description, WMLB_RIGHT_ALLOWED, WMLB_RIGHT_DENIED, WMLB_RIGHT_NOT_STATED, wmlb_license_info,
};
use super::wmlb_restorer;
use crate::backup::Rights;
use crate::error::{Error, Result};
use crate::hresult::wmlb_hresult;
use crate::license::{LicenseInfo, Right};

/// The function that says whether a license may be backed up, for a host that knows its
/// DRM system better than the license's clear text tells.
///
/// license: what the license says of itself; valid during the call only. ctx: as it was
/// passed. Return WMLB_RIGHT_ALLOWED or WMLB_RIGHT_DENIED, which override what the
/// license says, or WMLB_RIGHT_NOT_STATED to keep that (license->backup_right); when
/// that is WMLB_RIGHT_NOT_STATED too, the property UnstatedRights decides. Any other
/// value ends the backup with WMLB_E_INVALIDARG.
///
/// It is called on the operation's thread, between the events of a backup, for every
/// license that could be read, in no particular order. One that is larger than 2 MiB is
/// asked of when its beginning was read, and may still turn out not to be readable; one
/// that changes while it is read may be asked of again. But for the value that is
/// returned, what holds in a wmlb_status_callback holds in it.
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
        let answer = {
            // SAFETY: the host gave the function to be called like this; what the struct
            // points to outlives the call.
            guard::host(|| unsafe { (self.function)(&info, self.ctx) })
        };
        match answer {
            WMLB_RIGHT_NOT_STATED => Ok(Right::NotStated),
            WMLB_RIGHT_ALLOWED => Ok(Right::Allowed),
            WMLB_RIGHT_DENIED => Ok(Right::Denied),
            other => Err(Error::Argument(format!(
                "the host's rights function answered {other} of {}, which is no WMLB_RIGHT_*",
                String::from_utf8_lossy(license.name)
            ))),
        }
    }
}

/// Sets the function that is asked of each license in a backup; NULL for none. A running
/// backup keeps what it started with.
///
/// rights: see wmlb_rights_callback. ctx: passed to it, and not touched otherwise; it
/// must live as long as the function is set and a backup may run.
///
/// Returns WMLB_S_OK or WMLB_E_HANDLE.
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_set_rights(
    restorer: *mut wmlb_restorer,
    rights: wmlb_rights_callback,
    ctx: *mut c_void,
) -> wmlb_hresult {
    do_on(restorer, |restorer| {
        restorer.set_rights(
            rights.map(|function| -> Arc<dyn Rights> { Arc::new(HostRights { function, ctx }) }),
        );
        Ok(())
    })
}
