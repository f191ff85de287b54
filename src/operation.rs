//! What a running operation shares with its restorer: the wish to cancel, the progress,
//! and the way its events take to the observer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::hresult::{WMLB_S_OK, wmlb_hresult};
use crate::status::{self, Cancellation, Event, Observer, Value, wmlb_progress};
use crate::sys;

/// At most 20 progress events a second.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);

/// The part of an operation that other threads see.
pub struct Control {
    cancellation: Arc<Cancellation>,
    silenced: AtomicBool,
    progress: Mutex<wmlb_progress>,
    /// Shortages of memory before this operation.
    shortages: u64,
}

impl Control {
    pub fn new(cancellation: Arc<Cancellation>) -> Self {
        Control {
            cancellation,
            silenced: AtomicBool::new(false),
            progress: Mutex::default(),
            shortages: sys::shortages(),
        }
    }

    /// Asks the operation to end soon.
    pub fn cancel(&self) {
        self.cancellation.ask();
    }

    /// Asks the operation to end soon and to make no further event, the terminal one
    /// included.
    pub fn cancel_silently(&self) {
        self.silenced.store(true, Ordering::Release);
        self.cancel();
    }

    /// An error when somebody asked for the end, or memory has run out.
    pub fn check(&self) -> Result<()> {
        if self.cancellation.is_asked() {
            return Err(Error::Canceled);
        }
        if sys::shortages() != self.shortages {
            return Err(Error::Memory("the operation"));
        }
        Ok(())
    }

    /// Whether somebody asked for the end, for those who outlive the operation.
    pub fn canceled(&self) -> impl Fn() -> bool + Send + 'static {
        let cancellation = self.cancellation.clone();
        move || cancellation.is_asked()
    }

    pub fn progress(&self) -> wmlb_progress {
        *self.progress.lock()
    }
}

/// What an operation does, ready to be run on its thread.
pub trait Job: Send {
    /// Runs it; what it gives is the code of the END event.
    fn run(&self, operation: &mut Operation<'_>) -> Result<wmlb_hresult>;

    /// The value of the END event: the path of the backup file.
    fn backup_file(&self) -> PathBuf;
}

/// How functions of the host's are called on a thread.
#[derive(Clone, Copy)]
pub struct HostCalls {
    /// The process that the operation belongs to; None for a list on the host's own thread alone.
    process: Option<sys::Process>,
}

impl HostCalls {
    /// On the host's own thread, which goes on in a child if the host wants it to.
    pub fn on_hosts_thread() -> Self {
        HostCalls { process: None }
    }

    /// On this thread, which other threads work for.
    pub fn with_helpers() -> Self {
        HostCalls {
            process: Some(sys::this_process()),
        }
    }

    pub fn call<T>(self, call: impl FnOnce() -> T) -> T {
        let answer = call();
        // A child that the host forked in its function has a copy of the operation's thread
        // and no other: it must not go on.
        if self.process.is_some_and(|own| !own.is_this()) {
            sys::end_thread();
        }
        answer
    }
}

/// The part of an operation that lives on its own thread.
pub struct Operation<'a> {
    control: &'a Control,
    observer: Box<dyn Observer>,
    host_calls: HostCalls,
    reported: Option<Instant>,
}

impl<'a> Operation<'a> {
    pub fn new(control: &'a Control, observer: Box<dyn Observer>) -> Self {
        Operation {
            control,
            observer,
            host_calls: HostCalls::with_helpers(),
            reported: None,
        }
    }

    pub fn control(&self) -> &'a Control {
        self.control
    }

    fn notify(&mut self, event: Event<'_>) -> wmlb_hresult {
        if self.control.silenced.load(Ordering::Acquire) {
            return WMLB_S_OK;
        }
        let host_calls = self.host_calls;
        host_calls.call(|| self.observer.notify(event))
    }

    /// Calls a function of the host's.
    pub fn call_host<T>(&self, call: impl FnOnce() -> T) -> T {
        self.host_calls.call(call)
    }

    /// For those who call functions of the host's for it, on its thread.
    pub fn host_calls(&self) -> HostCalls {
        self.host_calls
    }

    /// Makes an event; an error when the observer's answer, or anybody else, cancels.
    pub fn report(&mut self, status: i32, hr: wmlb_hresult, value: Value<'_>) -> Result<()> {
        if self.notify(Event { status, hr, value }) < 0 {
            self.control.cancel();
        }
        self.control.check()
    }

    /// Makes the terminal event; its answer is of no effect.
    pub fn report_end(&mut self, status: i32, hr: wmlb_hresult, value: Value<'_>) {
        self.notify(Event { status, hr, value });
    }

    /// Takes the counters as they are now, and makes a progress event unless the last
    /// one was a moment ago, or this is the state after the last license: that is reported once,
    /// by itself.
    pub fn advance(&mut self, progress: wmlb_progress) -> Result<()> {
        *self.control.progress.lock() = progress;
        match self.reported {
            _ if progress.is_complete() => self.control.check(),
            Some(at) if at.elapsed() < PROGRESS_INTERVAL => self.control.check(),
            _ => self.report_progress(progress),
        }
    }

    /// Takes the counters as they are now, and makes a progress event.
    pub fn report_progress(&mut self, progress: wmlb_progress) -> Result<()> {
        *self.control.progress.lock() = progress;
        self.reported = Some(Instant::now());
        let value = Value::Progress(&progress);
        self.report(status::WMLB_STATUS_PROGRESS, WMLB_S_OK, value)
    }
}
