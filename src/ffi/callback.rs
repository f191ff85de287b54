//! The host's status callback.

use std::ffi::c_void;

use super::guard;
use crate::error::{Error, Result};
use crate::hresult::wmlb_hresult;
use crate::status::{
    Event, Observer, Value, WMLB_TYPE_BINARY, WMLB_TYPE_DWORD, WMLB_TYPE_STRING, wmlb_progress,
};

/// The function that is told of an operation's events.
///
/// status: one of WMLB_STATUS_*. hr: how the event went; in the last event, the
/// result of the operation. value_type: one of WMLB_TYPE_*. value: NULL when the
/// event carries none (value_type and value_len are then 0). value_len: its bytes; a
/// string has a NUL after them that is not counted. user_data: as it was passed when
/// the operation was started.
///
/// Return WMLB_S_OK (or anything that is not negative) to go on, a negative value to
/// cancel the operation. What is returned from the last event has no effect.
///
/// It is called on the operation's own thread, which blocks all signals: one call at
/// a time, in order; the thread is nicer than the host's, as the property Niceness says.
/// value is valid only during the call. The operation waits while
/// the function runs, so it should return soon: hand the event to your own thread if
/// there is much to do.
///
/// It must return normally. An exception or pthread_exit that leaves it ends the process
/// with SIGABRT, and nothing is printed; it is not cleaned up after, so that no half of an
/// operation goes on. A longjmp that leaves it would be to another thread's stack: what
/// comes of that is undefined. After a fork in it, the child must exec or _exit before it
/// returns.
///
/// In it, every function of this library may be called, but: wmlb_wait and
/// wmlb_restorer_wait return WMLB_E_ILLEGAL_METHOD_CALL, starting an operation on the
/// same restorer returns WMLB_NS_E_DRM_BACKUPRESTORE_BUSY, and wmlb_restorer_release
/// of the same restorer returns at once: its handle is gone, the operation is
/// cancelled, and no further event comes, not even the last one; user_data is not
/// touched again once the call of the callback has returned. Two callbacks must
/// not release each other's restorers at the same time: each would wait for the other.
pub type wmlb_status_callback = Option<
    unsafe extern "C-unwind" fn(
        status: i32,
        hr: wmlb_hresult,
        value_type: i32,
        value: *const u8,
        value_len: usize,
        user_data: *mut c_void,
    ) -> wmlb_hresult,
>;

/// A callback that was given.
type Function = unsafe extern "C-unwind" fn(
    i32,
    wmlb_hresult,
    i32,
    *const u8,
    usize,
    *mut c_void,
) -> wmlb_hresult;

struct CallbackObserver {
    function: Function,
    user_data: *mut c_void,
}

// SAFETY: the pointer is never dereferenced here, only handed back to the host, which
// agreed in the header to be called on the operation's thread.
unsafe impl Send for CallbackObserver {}

/// The observer that calls the host's function.
pub fn observer(
    callback: wmlb_status_callback,
    user_data: *mut c_void,
) -> Result<Box<dyn Observer>> {
    let function = callback.ok_or_else(|| Error::Argument("callback is NULL".to_owned()))?;
    Ok(Box::new(CallbackObserver {
        function,
        user_data,
    }))
}

impl Observer for CallbackObserver {
    fn notify(&mut self, event: Event<'_>) -> wmlb_hresult {
        let text;
        let (value_type, value, length) = match event.value {
            Value::None => (WMLB_TYPE_DWORD, std::ptr::null(), 0),
            Value::Text(value) => {
                text = [value.as_bytes(), &[0]].concat();
                (WMLB_TYPE_STRING, text.as_ptr(), value.len())
            }
            Value::Progress(progress) => (
                WMLB_TYPE_BINARY,
                std::ptr::from_ref(progress).cast(),
                size_of::<wmlb_progress>(),
            ),
        };
        // SAFETY: the host gave the function to be called like this; the value outlives the
        // call.
        guard::host(|| unsafe {
            (self.function)(
                event.status,
                event.hr,
                value_type,
                value,
                length,
                self.user_data,
            )
        })
    }
}
