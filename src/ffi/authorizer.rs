//! The authorizer: a function of the host that may refuse a restore.

use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::Arc;

use super::guard::{self, entry_on};
use super::wmlb_restorer;
use crate::hresult::wmlb_hresult;
use crate::restore::{Answer, Authorizer, Request};

/// The question to an authorizer. The pointers are valid during the call only.
#[repr(C)]
pub struct wmlb_restore_request {
    /// The size of this struct in bytes, as the library knows it. Read no field beyond it.
    pub struct_size: usize,
    /// The time when the backup was made, in Unix seconds.
    pub created: i64,
    /// The ID of the device that made it, in hexadecimal; "" if it is not known.
    pub device_id: *const c_char,
    /// 1: this device made it; 0: another one did, or it is not known.
    pub same_device: i32,
    /// The flags of the restore.
    pub flags: u32,
}

/// The function that may refuse a restore. It is called between the events CONNECTING and
/// DISCONNECTING, before anything is touched.
///
/// Parameters:
/// - request: the question; valid during the call only.
/// - url: a buffer of url_len bytes, all 0, for an address that the user may go to:
///   NUL-terminated, UTF-8.
/// - url_len: the size of that buffer in bytes.
/// - ctx: as it was passed to wmlb_restorer_set_authorizer().
///
/// Returns: WMLB_S_OK, or anything else that is not negative, to allow the restore. A negative
/// value, by custom WMLB_NS_E_DRM_RESTORE_FRAUD, refuses it and is the result of the operation;
/// its last event is WMLB_STATUS_ERROR_WITHURL with the address, or WMLB_STATUS_ERROR if there is
/// none.
///
/// Threads: it is called on the operation's thread, under the rules of wmlb_status_callback.
pub type wmlb_authorizer_callback = Option<
    unsafe extern "C-unwind" fn(
        request: *const wmlb_restore_request,
        url: *mut c_char,
        url_len: usize,
        ctx: *mut c_void,
    ) -> wmlb_hresult,
>;

type Function = unsafe extern "C-unwind" fn(
    *const wmlb_restore_request,
    *mut c_char,
    usize,
    *mut c_void,
) -> wmlb_hresult;

/// Room for an address, its NUL included: the length that browsers are known to take.
const URL_LENGTH: usize = 2048;

struct HostAuthorizer {
    function: Function,
    ctx: *mut c_void,
}

// SAFETY: the pointer is never dereferenced here, only handed back to the host, which agreed
// in the header to be called on the operation's thread.
unsafe impl Send for HostAuthorizer {}
// SAFETY: as above; only the operation's thread calls it.
unsafe impl Sync for HostAuthorizer {}

impl Authorizer for HostAuthorizer {
    fn authorize(&self, request: &Request<'_>) -> Answer {
        // The ID was read from JSON; one with a NUL is none of ours.
        let device_id = CString::new(request.device).unwrap_or_default();
        let request = wmlb_restore_request {
            struct_size: size_of::<wmlb_restore_request>(),
            created: request.created,
            device_id: device_id.as_ptr(),
            same_device: request.same_device.into(),
            flags: request.flags,
        };
        let mut url = vec![0_u8; URL_LENGTH];
        // SAFETY: the host gave the function to be called like this; the buffer, and what the
        // struct points to, outlive the call.
        let hr = guard::host(|| unsafe {
            (self.function)(&request, url.as_mut_ptr().cast(), url.len(), self.ctx)
        });
        let url = CStr::from_bytes_until_nul(&url).unwrap_or_default();
        Answer {
            hr,
            url: url.to_string_lossy().into_owned(),
        }
    }
}

/// Sets the function that is asked before a restore. A running restore keeps the one that it
/// started with.
///
/// Parameters:
/// - restorer: the handle.
/// - authorizer: see wmlb_authorizer_callback; NULL for none.
/// - ctx: is passed to authorizer, and not touched otherwise. It must live as long as the function
///   is set and a restore may run.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_set_authorizer(
    restorer: *mut wmlb_restorer,
    authorizer: wmlb_authorizer_callback,
    ctx: *mut c_void,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        restorer.set_authorizer(
            authorizer.map(|function| -> Arc<dyn Authorizer> {
                Arc::new(HostAuthorizer { function, ctx })
            }),
        );
        Ok(())
    })
}
