//! The status callback.

use std::ffi::c_void;
use std::sync::Arc;

use super::guard;
use super::queue::wmlb_queue_push;
use crate::error::{Error, Result};
use crate::hresult::wmlb_hresult;
use crate::queue::Feed;
use crate::registry::{self, Handle};
use crate::status::{
    Cancellation, Event, Observer, Value, WMLB_TYPE_BINARY, WMLB_TYPE_DWORD, WMLB_TYPE_STRING,
    wmlb_progress,
};

/// The function that receives the events of an operation.
///
/// Parameters:
/// - status: one of WMLB_STATUS_*.
/// - hr: the result code that belongs to the event; in the last event, the result of the
///   operation.
/// - value_type: one of WMLB_TYPE_*; 0 without a value.
/// - value: the value, valid during the call only; NULL if the event carries none.
/// - value_len: the size of the value in bytes; 0 without one. A string is followed by a NUL that
///   is not counted.
/// - user_data: as it was passed to the function that started the operation.
///
/// Returns: WMLB_S_OK, or anything else that is not negative, to go on; a negative value to cancel
/// the operation. The answer to the last event has no effect.
///
/// Threads: it is called on the operation's own thread, one call at a time, in order.
/// - The thread blocks all signals. It is nicer than the host's, as the property Niceness says.
/// - The operation waits while the function runs. If there is much to do, hand the event to a
///   thread of your own.
///
/// During the call, every function of this library may be called, with these exceptions:
/// - wmlb_wait() and wmlb_restorer_wait() return WMLB_E_ILLEGAL_METHOD_CALL.
/// - Starting an operation on the same restorer returns WMLB_NS_E_DRM_BACKUPRESTORE_BUSY.
/// - wmlb_restorer_release() of the same restorer returns at once: its handle is gone, the
///   operation is canceled, and no further event comes, not even the last one. user_data is not
///   touched again once the function has returned.
/// - Two callbacks must not release each other's restorers at the same time: each would wait for
///   the other.
///
/// The function must return normally:
/// - An exception or pthread_exit() that leaves it ends the process with SIGABRT, so that no half
///   of an operation goes on. Nothing is printed, and nothing is cleaned up.
/// - A longjmp() that leaves it goes to the stack of another thread; its effect is undefined.
/// - After a fork() in it, the child must call exec() or _exit() before the function returns.
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
    /// That of the queue that is the host's user data.
    feed: Option<Feed>,
}

// SAFETY: the pointer is never dereferenced here, only handed back to the host, which
// agreed in the header to be called on the operation's thread.
unsafe impl Send for CallbackObserver {}

/// The observer that calls the host's function.
pub fn observer(
    callback: wmlb_status_callback,
    user_data: *mut c_void,
) -> Result<Box<dyn Observer>> {
    let function = callback.ok_or(Error::NoCallback)?;
    let feed = match registry::find_queue(user_data as Handle) {
        Ok(queue) => Some(queue.attach()?),
        Err(error) if std::ptr::fn_addr_eq(function, wmlb_queue_push as Function) => {
            return Err(error);
        }
        Err(_) => None,
    };
    Ok(Box::new(CallbackObserver {
        function,
        user_data,
        feed,
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
            Value::Counts(counts) => (
                WMLB_TYPE_BINARY,
                counts.as_ptr().cast(),
                size_of_val(counts),
            ),
        };
        // SAFETY: the host gave the function to be called like this; the value outlives the
        // call.
        let call = || unsafe {
            (self.function)(
                event.status,
                event.hr,
                value_type,
                value,
                length,
                self.user_data,
            )
        };
        match &self.feed {
            Some(feed) => feed.during(|| guard::host(call)),
            None => guard::host(call),
        }
    }

    fn cancellation(&self) -> Arc<Cancellation> {
        let feed = self.feed.as_ref();
        feed.map_or_else(Arc::default, Feed::cancellation)
    }
}
