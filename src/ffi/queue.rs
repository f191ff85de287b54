//! Events that are fetched.

use std::ffi::c_void;

use super::guard::entry;
use super::pointer;
use crate::error::{Error, Result};
use crate::hresult::{WMLB_S_FALSE, WMLB_S_OK, wmlb_hresult};
use crate::queue::{Entry, Event};
use crate::registry::{self, Handle};

/// A queue of events, for hosts that cannot be called on a foreign thread: they fetch the events of
/// operations in a loop of their own. The pointer is a number that the library looks up and never
/// dereferences: NULL, released and made-up handles get WMLB_E_HANDLE, and so do, in a child after
/// fork(), handles from before it.
///
///     wmlb_queue *queue;
///     wmlb_event event = {sizeof event};
///     hr = wmlb_queue_create(&queue);
///     hr = wmlb_backup_licenses(0, wmlb_queue_push, queue);
///     while ((hr = wmlb_queue_next(queue, UINT32_MAX, &event)) == WMLB_S_OK)
///         show(&event);                                        // WMLB_S_FALSE: it was the last
///     wmlb_queue_release(queue);
///
/// One queue serves any number of operations, of any restorers, also at the same time. An operation
/// feeds the queue that is its user_data, from the call that starts it until its restorer is idle
/// again: when its last event can be fetched, the next operation can be started.
pub struct wmlb_queue {
    _private: [u8; 0],
}

/// An event of a queue. Before wmlb_queue_next() fills one in, set struct_size to
/// sizeof(wmlb_event). The other fields are what wmlb_status_callback is given.
#[repr(C)]
pub struct wmlb_event {
    /// The size of this struct in bytes, as the program that made it knows it.
    pub struct_size: usize,
    /// One of WMLB_STATUS_*.
    pub status: i32,
    /// The result code that belongs to the event.
    pub hr: wmlb_hresult,
    /// One of WMLB_TYPE_*; 0 without a value.
    pub value_type: i32,
    /// The value, valid until the next wmlb_queue_next() or wmlb_queue_release(); NULL if the event
    /// carries none.
    pub value: *const u8,
    /// The size of the value in bytes; a string is followed by a NUL that is not counted.
    pub value_len: usize,
}

/// Creates a queue. Give it back with wmlb_queue_release().
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
pub unsafe extern "C" fn wmlb_queue_create(out: *mut *mut wmlb_queue) -> wmlb_hresult {
    entry(|| {
        // SAFETY: the caller's promise, here and below.
        unsafe { pointer::write(out, std::ptr::null_mut(), "out") }?;
        let handle = registry::create_queue() as *mut wmlb_queue;
        unsafe { pointer::write(out, handle, "out") }
    })
}

/// Adds an event to a queue. It is a wmlb_status_callback: pass it to the function that starts an
/// operation, with the queue as user_data.
///
/// - A WMLB_STATUS_PROGRESS takes the place of an older one of the same operation that is still
///   unread, and goes to the end. All other events keep their order, and none is lost.
/// - At 1,024 unread events, the operation waits until some are fetched or it is canceled. An
///   operation on the host's own thread (WMLB_RUN_HERE) does not wait, since that thread may be the
///   one that fetches.
///
/// Callbacks and threads of the host may call it too, to pass events of their own to the thread
/// that fetches. Such a call does not wait, and its event does not replace a WMLB_STATUS_PROGRESS.
///
/// Parameters:
/// - status, hr, value_type, value, value_len: those of a wmlb_status_callback; copied.
/// - queue: the handle.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_NS_E_DRM_OPERATION_CANCELED: the event was added, and its operation is to end
/// - WMLB_E_HANDLE: also if the queue was released meanwhile
/// - WMLB_E_POINTER: value is NULL, and value_len is not 0
/// - WMLB_E_INVALIDARG: value_len is more than 1 MiB
/// - WMLB_E_OUTOFMEMORY: memory has run out; a last event is added all the same, with a shorter
///   message
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn wmlb_queue_push(
    status: i32,
    hr: wmlb_hresult,
    value_type: i32,
    value: *const u8,
    value_len: usize,
    queue: *mut c_void,
) -> wmlb_hresult {
    entry(|| {
        let queue = registry::find_queue(queue as Handle)?;
        let value = if value.is_null() && value_len == 0 {
            None
        } else {
            // SAFETY: the caller's promise.
            Some(unsafe { pointer::value(value, value_len, "value of an event") }?)
        };
        queue.push(&Event {
            status,
            hr,
            value_type,
            value,
        })
    })
}

/// Fetches the next event.
///
/// Parameters:
/// - queue: the handle.
/// - timeout_ms: milliseconds to wait for an event. 0 does not wait, UINT32_MAX waits without
///   limit.
/// - event: receives the event. Set event->struct_size to sizeof(wmlb_event) before the call.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_S_FALSE: no operation feeds the queue, and nothing is left; *event stays as it was
/// - WMLB_E_TIMEOUT: there is no event yet; *event stays as it was
/// - WMLB_E_HANDLE: also if the queue was released meanwhile
/// - WMLB_E_POINTER: event is NULL
/// - WMLB_E_INVALIDARG: struct_size is less than its own field takes
/// - WMLB_E_ILLEGAL_METHOD_CALL: the call was made in a callback, and timeout_ms is not 0
///
/// Threads: any, one at a time.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_queue_next(
    queue: *mut wmlb_queue,
    timeout_ms: u32,
    event: *mut wmlb_event,
) -> wmlb_hresult {
    entry(|| {
        let queue = registry::find_queue(queue as Handle)?;
        let nothing = wmlb_event {
            struct_size: 0,
            status: 0,
            hr: 0,
            value_type: 0,
            value: std::ptr::null(),
            value_len: 0,
        };
        // SAFETY: the caller's promise, here and below. Nothing is fetched that cannot be given.
        unsafe { pointer::check_struct(event, "event") }?;
        let write = |entry: &Entry| -> Result<()> {
            let value = entry.value();
            let given = wmlb_event {
                status: entry.status,
                hr: entry.hr,
                value_type: entry.value_type,
                value: value.map_or(std::ptr::null(), <[u8]>::as_ptr),
                value_len: value.map_or(0, <[u8]>::len),
                ..nothing
            };
            unsafe { pointer::write_struct(event, &given, "event") }
        };
        match queue.next(timeout_ms, write)? {
            Some(written) => written.map(|()| WMLB_S_OK),
            None => Ok(WMLB_S_FALSE),
        }
    })
}

/// A descriptor for the host's loop (poll, epoll, GLib, libuv, asyncio): it is readable while there
/// are events. Then call wmlb_queue_next() with a timeout_ms of 0 until it does not return
/// WMLB_S_OK. It is readable, too, if an operation has ended without a last event, because its
/// restorer was released in a callback, until wmlb_queue_next() has returned WMLB_S_FALSE.
///
/// The descriptor is always the same. It belongs to the library: poll it, and do not read, write or
/// close it. wmlb_queue_release() closes it, so take it out of the loop before that.
///
/// Parameters:
/// - queue: the handle.
/// - fd: receives the descriptor.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: fd is NULL
/// - WMLB_HRESULT_FROM_WIN32(4): no more descriptors can be opened
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_queue_fd(queue: *mut wmlb_queue, fd: *mut i32) -> wmlb_hresult {
    entry(|| {
        let queue = registry::find_queue(queue as Handle)?;
        if fd.is_null() {
            return Err(Error::Null("fd"));
        }
        // SAFETY: the caller's promise.
        unsafe { pointer::write(fd, queue.descriptor()?, "fd") }
    })
}

/// Cancels the operations that feed a queue, as a negative answer of a callback would, and returns
/// at once. Their last events still come.
///
/// Parameters:
/// - queue: the handle.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_S_FALSE: no operation feeds it
/// - WMLB_E_HANDLE
///
/// Threads: any, also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_queue_cancel(queue: *mut wmlb_queue) -> wmlb_hresult {
    entry(|| Ok(registry::find_queue(queue as Handle)?.cancel()))
}

/// Releases a queue: its handle is not valid any more. The operations that feed it are canceled;
/// the function does not wait for their end, and their last events are not delivered.
/// (wmlb_restorer_wait() and wmlb_restorer_release() wait for it.) Unread events are dropped.
///
/// Parameters:
/// - queue: the handle.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
///
/// Threads: any, also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_queue_release(queue: *mut wmlb_queue) -> wmlb_hresult {
    entry(|| {
        registry::remove_queue(queue as Handle)?.release();
        Ok(())
    })
}
