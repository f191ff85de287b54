//! Threads, made with the system's own call: the standard library's takes memory in a way that
//! ends the process when there is none.

use std::ffi::{CString, c_void};
use std::io;
use std::marker::PhantomData;
use std::mem::{MaybeUninit, forget};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut};

use super::threads::{NicerThreads, SignalsBlocked, be_nicer};

/// Bytes of stack, as the standard library has them.
const STACK: usize = 2 << 20;

/// A thread that runs, or has ended. One that is dropped ends by itself.
pub struct Thread(libc::pthread_t);

// SAFETY: any thread may join or detach it; where the type is a pointer, the C library alone
// follows it.
unsafe impl Send for Thread {}

struct Start<'a> {
    name: CString,
    /// How much nicer than its maker it is.
    niceness: u32,
    body: Box<dyn FnOnce() + Send + 'a>,
}

impl Thread {
    /// Begins a thread. Its name, of at most 15 bytes, is what debuggers show. A panic in it ends
    /// it and nothing else.
    pub fn begin(name: String, body: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let body = Box::new(body);
        // SAFETY: what it uses is there for as long as it likes.
        unsafe { begin(name, body) }
    }

    /// Waits until it has ended.
    pub fn join(self) {
        // SAFETY: nobody has joined or detached it; that is done by taking it.
        unsafe { libc::pthread_join(self.0, null_mut()) };
        forget(self);
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // SAFETY: as for the join.
        unsafe { libc::pthread_detach(self.0) };
    }
}

/// Begins a thread. It blocks all signals.
///
/// # Safety
/// What `body` uses stays until the thread has ended.
unsafe fn begin(name: String, body: Box<dyn FnOnce() + Send + '_>) -> io::Result<Thread> {
    let name = CString::new(name)?;
    let start = Box::into_raw(Box::new(Start {
        name,
        niceness: NicerThreads::steps(),
        body,
    }));
    // It inherits what its maker has.
    let _blocked = SignalsBlocked::new();
    let mut attributes = MaybeUninit::uninit();
    let mut thread = MaybeUninit::uninit();
    // SAFETY: the attributes are made before they are used; the thread is made by the call if it
    // gives 0, and then `start` is its own.
    unsafe {
        let mut error = libc::pthread_attr_init(attributes.as_mut_ptr());
        if error == 0 {
            libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), STACK);
            error =
                libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), run, start.cast());
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
        }
        match error {
            0 => Ok(Thread(thread.assume_init())),
            error => {
                drop(Box::from_raw(start));
                Err(io::Error::from_raw_os_error(error))
            }
        }
    }
}

extern "C" fn run(start: *mut c_void) -> *mut c_void {
    // SAFETY: it was made for this thread by `begin`.
    let Start {
        name,
        niceness,
        body,
    } = *unsafe { Box::from_raw(start.cast::<Start<'_>>()) };
    set_name(&name);
    drop(name);
    be_nicer(niceness);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(body)) {
        // It could panic itself.
        forget(panic);
    }
    null::<c_void>().cast_mut()
}

/// A thread without a name is as good.
fn set_name(name: &CString) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: the call reads a string that ends.
    unsafe {
        libc::prctl(libc::PR_SET_NAME, name.as_ptr());
    }
    #[cfg(any(target_os = "macos", target_os = "ios"))]
    // SAFETY: as above.
    unsafe {
        libc::pthread_setname_np(name.as_ptr());
    }
    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "macos",
        target_os = "ios"
    )))]
    let _ = name;
}

/// Threads that use what their maker has.
pub struct Scope<'env> {
    threads: Vec<Thread>,
    /// The lifetime is neither made longer nor shorter.
    lifetime: PhantomData<&'env mut &'env ()>,
}

/// Gives `body` a way to begin threads, and returns when all of them have ended.
pub fn scope<'env, T>(body: impl FnOnce(&mut Scope<'env>) -> T) -> T {
    body(&mut Scope {
        threads: Vec::new(),
        lifetime: PhantomData,
    })
}

impl<'env> Scope<'env> {
    /// As [`Thread::begin`].
    pub fn begin(&mut self, name: String, body: impl FnOnce() + Send + 'env) -> io::Result<()> {
        // Before there is a thread that nobody would wait for.
        self.threads.reserve(1);
        // SAFETY: what has the lifetime outlives the call of `scope`, which does not return,
        // however it ends, before the thread has ended.
        let thread = unsafe { begin(name, Box::new(body)) }?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        for thread in self.threads.drain(..) {
            thread.join();
        }
    }
}
