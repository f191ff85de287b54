//! The host's authorizer of restores.

use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::Arc;

use super::guard::{self, do_on};
use super::wmlb_restorer;
use crate::hresult::wmlb_hresult;
use crate::restore::{Answer, Authorizer, Request};

/// What an authorizer is asked. The pointers are valid during the call only.
#[repr(C)]
pub struct wmlb_restore_request {
    /// Size of this struct in bytes, as the library knows it. Read no field that lies
    /// beyond.
    pub struct_size: usize,
    /// When the backup was made, Unix seconds.
    pub created: i64,
    /// ID of the device that made it, hexadecimal; "" when that could not be told.
    pub device_id: *const c_char,
    /// 1: that is this device; 0: it is another, or cannot be told.
    pub same_device: i32,
    /// The flags of the restore.
    pub flags: u32,
}

/// The function that may refuse a restore.
///
/// request: valid during the call only. url: a buffer of url_len bytes, all 0, for a
/// NUL-terminated address in UTF-8 that the user may go to. ctx: as it was passed.
/// Return WMLB_S_OK (or anything that is not negative) to allow the restore, a negative
/// value, by custom WMLB_NS_E_DRM_RESTORE_FRAUD, to refuse it: that is the result of the
/// operation then, and its last event is WMLB_STATUS_ERROR_WITHURL with the address, or
/// WMLB_STATUS_ERROR when there is none.
///
/// It is called on the operation's thread, before anything is touched, between the
/// CONNECTING and DISCONNECTING events; what holds in a wmlb_status_callback holds in it.
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

/// Bytes of an address, its NUL included: what browsers are known to take.
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
        let hr = {
            // SAFETY: the host gave the function to be called like this; what the struct
            // points to, and the buffer, outlive the call.
            guard::host(|| unsafe {
                (self.function)(&request, url.as_mut_ptr().cast(), url.len(), self.ctx)
            })
        };
        let url = CStr::from_bytes_until_nul(&url).unwrap_or_default();
        Answer {
            hr,
            url: url.to_string_lossy().into_owned(),
        }
    }
}

/// Sets the function that is asked before a restore; NULL for none. A running restore
/// keeps what it started with.
///
/// authorizer: see wmlb_authorizer_callback. ctx: passed to it, and not touched
/// otherwise; it must live as long as the function is set and a restore may run.
///
/// Returns WMLB_S_OK or WMLB_E_HANDLE.
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_set_authorizer(
    restorer: *mut wmlb_restorer,
    authorizer: wmlb_authorizer_callback,
    ctx: *mut c_void,
) -> wmlb_hresult {
    do_on(restorer, |restorer| {
        restorer.set_authorizer(
            authorizer.map(|function| -> Arc<dyn Authorizer> {
                Arc::new(HostAuthorizer { function, ctx })
            }),
        );
        Ok(())
    })
}
