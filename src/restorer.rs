//! The restorer: properties, and at most one running operation with its thread.

#[cfg(all(test, any(wmlb_loom, wmlb_shuttle)))]
#[path = "../tests/model/scenarios.rs"]
mod model;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::archive::envelope;
use crate::backup::{self, Backup, Rights};
use crate::error::{Error, Result};
use crate::hresult::wmlb_hresult;
use crate::operation::{Control, Job, Operation};
use crate::panics;
use crate::props::Properties;
use crate::restore::{self, Authorizer, Restore};
use crate::secret::wiping_stack;
use crate::status::{self, Observer, Value, wmlb_progress};
use crate::store::host::SetStore;
use crate::sync::{self, Condvar, lock, wait, wait_until};
use crate::sys;
use crate::verify::{self, Verify};

sync::thread_local! {
    // loom knows no other way to make one.
    #[allow(clippy::missing_const_for_thread_local)]
    /// The restorer whose operation this thread runs, and in which process: a child that is
    /// forked in a callback has the thread, but not the operation.
    static OPERATION_OF: Cell<Option<(*const Restorer, sys::Process)>> = Cell::new(None);
}

/// Which kind of operation runs; cancelling goes by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Backup,
    Restore,
    Verify,
}

struct Running {
    kind: Kind,
    control: Arc<Control>,
}

#[derive(Default)]
struct State {
    /// The operation that runs.
    running: Option<Running>,
    /// The thread of the last operation, until somebody has seen it end.
    thread: Option<sys::Thread>,
    /// Somebody is seeing it end.
    joining: bool,
    /// How many operations have started, and how many have ended.
    started: u64,
    ended: u64,
    /// The result of the last operation that ended.
    result: Option<wmlb_hresult>,
    /// The progress of the operation that runs, or of the last one.
    control: Option<Arc<Control>>,
    /// Nothing may start any more.
    released: bool,
}

#[derive(Default)]
pub struct Restorer {
    properties: Mutex<Properties>,
    last_error: Mutex<String>,
    authorizer: Mutex<Option<Arc<dyn Authorizer>>>,
    rights: Mutex<Option<Arc<dyn Rights>>>,
    store: Mutex<Option<Arc<SetStore>>>,
    state: sync::Mutex<State>,
    /// An operation has started or ended, or its thread has.
    changed: Condvar,
}

impl Restorer {
    pub fn set_property(&self, name: &str, value_type: i32, value: &[u8]) -> Result<()> {
        wiping_stack(|| {
            let (property, setting) = Properties::parse(name, value_type, value)?;
            envelope::check(property, &setting)?;
            self.properties.lock().set(property, setting);
            Ok(())
        })
    }

    pub fn with_properties<T>(&self, body: impl FnOnce(&mut Properties) -> T) -> T {
        body(&mut self.properties.lock())
    }

    /// Keeps the words of a failure for whoever asks.
    pub fn keep_error(&self, error: &Error) {
        let words = error.words();
        *self.last_error.lock() = words;
    }

    /// The words of the last failed call or operation; "" when there was none.
    pub fn last_error(&self) -> String {
        self.last_error.lock().clone()
    }

    pub fn progress(&self) -> wmlb_progress {
        let control = lock(&self.state).control.clone();
        control.map_or(wmlb_progress::default(), |control| control.progress())
    }

    /// Who is asked before a restore; None for nobody.
    pub fn set_authorizer(&self, authorizer: Option<Arc<dyn Authorizer>>) {
        *self.authorizer.lock() = authorizer;
    }

    /// Who is asked of licences in a backup; None for nobody.
    pub fn set_rights(&self, rights: Option<Arc<dyn Rights>>) {
        *self.rights.lock() = rights;
    }

    /// The host's own store; None for the one at StorePath.
    pub fn set_store(&self, store: Option<Arc<SetStore>>) {
        *self.store.lock() = store;
    }

    pub fn store(&self) -> Option<Arc<SetStore>> {
        self.store.lock().clone()
    }

    /// The properties as they are now.
    pub fn properties(&self) -> Properties {
        self.properties.lock().clone()
    }

    /// Starts a backup.
    pub fn back_up(self: &Arc<Self>, flags: u32, observer: Box<dyn Observer>) -> Result<()> {
        check_flags(flags, backup::FLAGS)?;
        self.start(Kind::Backup, observer, |properties| {
            let rights = self.rights.lock().clone();
            Ok(Box::new(Backup::prepare(
                properties,
                flags,
                self.store(),
                rights,
            )?))
        })
    }

    /// Starts a restore.
    pub fn restore(self: &Arc<Self>, flags: u32, observer: Box<dyn Observer>) -> Result<()> {
        check_flags(flags, restore::FLAGS)?;
        self.start(Kind::Restore, observer, |properties| {
            let authorizer = self.authorizer.lock().clone();
            Ok(Box::new(Restore::prepare(
                properties,
                flags,
                self.store(),
                authorizer,
            )?))
        })
    }

    /// Starts a verification.
    pub fn verify(self: &Arc<Self>, flags: u32, observer: Box<dyn Observer>) -> Result<()> {
        check_flags(flags, verify::FLAGS)?;
        self.start(Kind::Verify, observer, |properties| {
            Ok(Box::new(Verify::prepare(properties, flags)?))
        })
    }

    /// Starts an operation on a thread of its own. `prepare` refuses what can be refused
    /// at once; it is called only when no other operation runs.
    fn start(
        self: &Arc<Self>,
        kind: Kind,
        observer: Box<dyn Observer>,
        prepare: impl FnOnce(&Properties) -> Result<Box<dyn Job>>,
    ) -> Result<()> {
        let control = Arc::new(Control::new());
        let last = {
            let mut state = lock(&self.state);
            if state.released {
                return Err(Error::Handle);
            }
            if state.running.is_some() {
                return Err(Error::Busy);
            }
            state.running = Some(Running {
                kind,
                control: control.clone(),
            });
            // Whoever releases must not take it for the thread that is not there yet.
            state.thread.take()
        };
        if let Some(last) = last {
            // It has nothing left to do.
            last.join();
        }
        // Busy from here on; `prepare` looks at the disk, so no lock is held.
        let prepared = catch_unwind(AssertUnwindSafe(|| {
            let properties = self.properties();
            Ok((prepare(&properties)?, properties.niceness()))
        }));
        let started = prepared
            .unwrap_or_else(|panic| Err(Error::from_panic(&*panic)))
            .and_then(|(job, niceness)| {
                let restorer = self.clone();
                let shared = control.clone();
                // The state stays locked until the thread is in it, so that the
                // operation's end finds it there.
                let mut state = lock(&self.state);
                let blocked = sys::SignalsBlocked::new();
                let thread = sys::Thread::begin("wmlb".to_owned(), move || {
                    // Workers get it from this thread; the host's threads keep theirs.
                    sys::be_nicer(niceness);
                    restorer.run(&shared, observer, &*job);
                })
                .map_err(Error::Thread)?;
                drop(blocked);
                state.thread = Some(thread);
                state.control = Some(control);
                state.started += 1;
                Ok(())
            });
        if started.is_err() {
            lock(&self.state).running = None;
        }
        self.changed.notify_all();
        started
    }

    /// The operation's thread.
    fn run(self: Arc<Self>, control: &Control, observer: Box<dyn Observer>, job: &dyn Job) {
        let _ours = panics::enter();
        let own = Some((Arc::as_ptr(&self), sys::this_process()));
        OPERATION_OF.with(|operation_of| operation_of.set(own));
        let mut operation = Operation::new(control, observer);
        let outcome = catch_unwind(AssertUnwindSafe(|| job.run(&mut operation)))
            .unwrap_or_else(|panic| Err(Error::from_panic(&*panic)));
        let result = match &outcome {
            Ok(hr) => *hr,
            Err(error) => error.hresult(),
        };
        if let Err(error) = &outcome {
            self.keep_error(error);
        }
        // A panic here can only come from our own conversion of the event.
        let told = catch_unwind(AssertUnwindSafe(|| match &outcome {
            Ok(hr) => operation.report_end(
                status::WMLB_STATUS_BACKUPRESTORE_END,
                *hr,
                Value::Text(&job.backup_file().to_string_lossy()),
            ),
            Err(error) => match error.url() {
                Some(url) => operation.report_end(
                    status::WMLB_STATUS_ERROR_WITHURL,
                    result,
                    Value::Text(url),
                ),
                None => operation.report_end(
                    status::WMLB_STATUS_ERROR,
                    result,
                    Value::Text(&error.words()),
                ),
            },
        }));
        drop(told);
        // The observer is gone before anybody learns that the operation has ended.
        drop(operation);
        let mut state = lock(&self.state);
        state.running = None;
        state.result = Some(result);
        state.ended += 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Asks the running operation to end, if it is of this kind (None: of any). False when
    /// there is none.
    pub fn cancel(&self, kind: Option<Kind>) -> bool {
        match &lock(&self.state).running {
            Some(running) if kind.is_none_or(|kind| kind == running.kind) => {
                running.control.cancel();
                true
            }
            _ => false,
        }
    }

    /// The restorer in whose callback the caller is.
    fn calling_back() -> Option<*const Restorer> {
        let (restorer, process) = OPERATION_OF.with(Cell::get)?;
        (process == sys::this_process()).then_some(restorer)
    }

    /// Waits for the operation that runs, if one does; the result of the last that ended,
    /// None when there was none.
    pub fn wait(&self, timeout_ms: u32) -> Result<Option<wmlb_hresult>> {
        if Self::calling_back().is_some() {
            return Err(Error::IllegalCall(
                "a callback cannot wait for an operation: it might wait for itself",
            ));
        }
        let deadline = match timeout_ms {
            u32::MAX => None,
            timeout => Instant::now().checked_add(Duration::from_millis(timeout.into())),
        };
        let mut state = lock(&self.state);
        let awaited = state.started;
        while state.ended < awaited {
            state = match deadline {
                None => wait(&self.changed, state),
                Some(deadline) if Instant::now() >= deadline => {
                    return Err(Error::Timeout(timeout_ms));
                }
                Some(deadline) => wait_until(&self.changed, state, deadline),
            };
        }
        let result = state.result;
        // The thread is to be gone too, so that a host that counts its threads finds none
        // of ours. It has nothing left to do: this takes no time worth counting.
        while state.joining {
            state = wait(&self.changed, state);
        }
        if state.running.is_none()
            && let Some(thread) = state.thread.take()
        {
            state.joining = true;
            drop(state);
            // Its panics are caught in it.
            thread.join();
            lock(&self.state).joining = false;
            self.changed.notify_all();
        }
        Ok(result)
    }

    /// Ends the restorer: cancels what runs, and waits until it has ended; in the
    /// operation's own callback, sees to it that no other event comes.
    pub fn release(&self) {
        let own = Self::calling_back() == Some(std::ptr::from_ref(self));
        let thread = {
            let mut state = lock(&self.state);
            state.released = true;
            if let Some(running) = &state.running {
                match own {
                    true => running.control.cancel_silently(),
                    false => running.control.cancel(),
                }
            }
            if own {
                return;
            }
            while state.joining || (state.running.is_some() && state.thread.is_none()) {
                state = wait(&self.changed, state);
            }
            state.joining = true;
            state.thread.take()
        };
        if let Some(thread) = thread {
            thread.join();
        }
        lock(&self.state).joining = false;
        self.changed.notify_all();
    }
}

/// Refuses flags that an operation does not know.
fn check_flags(flags: u32, known: u32) -> Result<()> {
    match flags & !known {
        0 => Ok(()),
        unknown => Err(Error::Argument(format!(
            "unknown flags {unknown:#x}: this operation knows {known:#x}"
        ))),
    }
}
