//! The restorer: properties, and at most one running operation with its thread.

#[cfg(all(test, any(wmlb_loom, wmlb_shuttle)))]
#[path = "../tests/model/scenarios.rs"]
pub(crate) mod model;
mod settings;

use std::borrow::Cow;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::archive::envelope;
use crate::backup::{self, Backup};
use crate::choice::Filter;
use crate::error::{Error, Result};
use crate::flags::WMLB_RUN_HERE;
use crate::hresult::{self, wmlb_hresult};
use crate::operation::{Control, Job, Operation};
use crate::panics;
use crate::props::Properties;
use crate::restore::{self, Authorizer, Restore};
use crate::rights::Rights;
use crate::secret::wiping_stack;
use crate::status::{self, Observer, Value, wmlb_progress};
use crate::store::host::SetStore;
use crate::sync::{self, Condvar, lock, wait, wait_until};
use crate::sys;
use crate::target::SetTarget;
use crate::verify::{self, Verify};

sync::thread_local! {
    // loom knows no other way to make one.
    #[allow(clippy::missing_const_for_thread_local)]
    /// The operation that this thread runs.
    static OPERATION: Cell<Option<Inside>> = Cell::new(None);
}

/// That a thread runs an operation.
#[derive(Clone, Copy)]
struct Inside {
    restorer: *const Restorer,
    /// A child that is forked in a callback has the thread, but not the operation.
    process: sys::Process,
    /// The thread is the host's own.
    here: bool,
}

/// The kinds of operations: a cancel may be meant for one of them.
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
    /// The operation that runs, or is about to.
    running: Option<Running>,
    /// The thread of the last operation, until it is joined.
    thread: Option<sys::Thread>,
    /// A thread is joining it.
    joining: bool,
    /// The numbers of operations that have started and that have ended.
    started: u64,
    ended: u64,
    /// The result of the last operation that ended.
    result: Option<wmlb_hresult>,
    /// The control of the operation that runs, or of the last one: it has the progress.
    control: Option<Arc<Control>>,
    /// No operation may start any more.
    released: bool,
}

/// An enumeration that runs, until this is dropped.
struct Listed<'a> {
    restorer: &'a Restorer,
    control: &'a Arc<Control>,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        let mut lists = self.restorer.lists.lock();
        lists.retain(|control| !Arc::ptr_eq(control, self.control));
    }
}

#[derive(Default)]
pub struct Restorer {
    properties: Mutex<Properties>,
    last_error: Mutex<String>,
    authorizer: Mutex<Option<Arc<dyn Authorizer>>>,
    rights: Mutex<Option<Arc<dyn Rights>>>,
    filter: Mutex<Option<Arc<dyn Filter>>>,
    store: Mutex<Option<Arc<SetStore>>>,
    target: Mutex<Option<Arc<dyn SetTarget>>>,
    /// The enumerations that run, each on its caller's thread.
    lists: Mutex<Vec<Arc<Control>>>,
    state: sync::Mutex<State>,
    /// Notified when an operation has started or ended, or its thread was joined.
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

    /// Keeps the message of a failure.
    pub fn keep_error(&self, error: &Error) {
        let message = error.message();
        *self.last_error.lock() = message;
    }

    /// The message of the last failed call or operation; "" if there was none.
    pub fn last_error(&self) -> String {
        self.last_error.lock().clone()
    }

    pub fn progress(&self) -> wmlb_progress {
        let control = lock(&self.state).control.clone();
        control.map_or(wmlb_progress::default(), |control| control.progress())
    }

    /// The properties as they are now.
    pub fn properties(&self) -> Properties {
        self.properties.lock().clone()
    }

    /// Starts a backup.
    pub fn back_up(
        self: &Arc<Self>,
        flags: u32,
        observer: Box<dyn Observer>,
    ) -> Result<wmlb_hresult> {
        let way = Way::of(flags, backup::FLAGS)?;
        self.start(Kind::Backup, way, observer, |properties| {
            Ok(Box::new(Backup::prepare(
                properties,
                flags,
                self.store(),
                self.target(),
                self.rights(),
            )?))
        })
    }

    /// Starts a restore.
    pub fn restore(
        self: &Arc<Self>,
        flags: u32,
        observer: Box<dyn Observer>,
    ) -> Result<wmlb_hresult> {
        let way = Way::of(flags, restore::FLAGS)?;
        self.start(Kind::Restore, way, observer, |properties| {
            let authorizer = self.authorizer.lock().clone();
            Ok(Box::new(Restore::prepare(
                properties,
                flags,
                self.store(),
                self.target(),
                authorizer,
                self.filter(),
            )?))
        })
    }

    /// Starts a verification.
    pub fn verify(
        self: &Arc<Self>,
        flags: u32,
        observer: Box<dyn Observer>,
    ) -> Result<wmlb_hresult> {
        let way = Way::of(flags, verify::FLAGS)?;
        self.start(Kind::Verify, way, observer, |properties| {
            Ok(Box::new(Verify::prepare(
                properties,
                flags,
                self.target(),
                self.filter(),
            )?))
        })
    }

    /// Starts an operation on a thread of its own, or runs it here and gives its result. `prepare`
    /// refuses what can be refused at once; it is called only if no other operation runs.
    fn start(
        self: &Arc<Self>,
        kind: Kind,
        way: Way,
        observer: Box<dyn Observer>,
        prepare: impl FnOnce(&Properties) -> Result<Box<dyn Job>>,
    ) -> Result<wmlb_hresult> {
        let elsewhere = Self::calling_back().is_some_and(|other| other != Arc::as_ptr(self));
        if way == Way::Here && elsewhere {
            return Err(Error::IllegalCall(
                "a callback cannot run an operation: it would keep its own waiting",
            ));
        }
        let control = Arc::new(Control::new(observer.cancellation()));
        if let Some(last) = self.claim(kind, &control)? {
            // It has nothing left to do.
            last.join();
        }
        // The restorer is busy from here on. No lock is held, since `prepare` looks at the disk.
        let prepared = catch_unwind(AssertUnwindSafe(|| {
            let properties = self.properties();
            Ok((prepare(&properties)?, properties.niceness()))
        }));
        let started = prepared
            .unwrap_or_else(|panic| Err(Error::from_panic(&*panic)))
            .and_then(|(job, niceness)| match way {
                Way::OwnThread => self.launch(control, niceness, observer, job),
                Way::Here => Ok(self.run_here(&control, niceness, observer, &*job)),
            });
        if started.is_err() {
            lock(&self.state).running = None;
        }
        self.changed.notify_all();
        started
    }

    /// Makes the restorer busy. Gives the thread of the last operation if nobody has joined it: a
    /// release must not take it for the thread of the operation that is about to start.
    fn claim(&self, kind: Kind, control: &Arc<Control>) -> Result<Option<sys::Thread>> {
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
        Ok(state.thread.take())
    }

    /// Starts the thread of an operation.
    fn launch(
        self: &Arc<Self>,
        control: Arc<Control>,
        niceness: u32,
        observer: Box<dyn Observer>,
        job: Box<dyn Job>,
    ) -> Result<wmlb_hresult> {
        let restorer = self.clone();
        let shared = control.clone();
        // The state stays locked until the thread is in it, where the end of the operation
        // expects it.
        let mut state = lock(&self.state);
        // The workers inherit it from this thread; the threads of the host keep theirs.
        let nicer = sys::NicerThreads::new(niceness);
        let thread = sys::Thread::begin("wmlb".to_owned(), move || {
            restorer.run(&shared, observer, &*job, Way::OwnThread);
        })
        .map_err(Error::Thread)?;
        drop(nicer);
        state.thread = Some(thread);
        state.control = Some(control);
        state.started += 1;
        Ok(hresult::WMLB_S_OK)
    }

    /// Runs an operation on the calling thread, which stays as it is.
    fn run_here(
        self: &Arc<Self>,
        control: &Arc<Control>,
        niceness: u32,
        observer: Box<dyn Observer>,
        job: &dyn Job,
    ) -> wmlb_hresult {
        let mut state = lock(&self.state);
        state.control = Some(control.clone());
        state.started += 1;
        drop(state);
        let _nicer = sys::NicerThreads::new(niceness);
        self.run(control, observer, job, Way::Here)
    }

    /// Runs an operation; its result.
    fn run(
        self: &Arc<Self>,
        control: &Control,
        observer: Box<dyn Observer>,
        job: &dyn Job,
        way: Way,
    ) -> wmlb_hresult {
        let _inside = panics::enter();
        let inside = Inside {
            restorer: Arc::as_ptr(self),
            process: sys::this_process(),
            here: way == Way::Here,
        };
        OPERATION.with(|operation| operation.set(Some(inside)));
        let mut operation = Operation::new(control, observer);
        let outcome = catch_unwind(AssertUnwindSafe(|| job.run(&mut operation)))
            .unwrap_or_else(|panic| Err(Error::from_panic(&*panic)));
        let result = outcome.as_ref().map_or_else(Error::hresult, |hr| *hr);
        if let Err(error) = &outcome {
            self.keep_error(error);
        }
        // Only the conversion of the event could panic; the operation has ended all the same.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            report_end(&mut operation, job, &outcome);
        }));
        let mut state = lock(&self.state);
        state.running = None;
        state.result = Some(result);
        state.ended += 1;
        drop(state);
        self.changed.notify_all();
        // Whoever learns of the end when the observer goes, as from a queue, can start the next
        // operation at once. Who waits for the end waits for this thread too.
        drop(operation);
        OPERATION.with(|operation| operation.set(None));
        result
    }

    /// Asks the running operation to end, if it is of this kind (None: of any, and the
    /// enumerations too). False if there is none.
    pub fn cancel(&self, kind: Option<Kind>) -> bool {
        let lists = match kind {
            None => self.lists.lock().clone(),
            Some(_) => Vec::new(),
        };
        lists.iter().for_each(|control| control.cancel());
        match &lock(&self.state).running {
            Some(running) if kind.is_none_or(|kind| kind == running.kind) => {
                running.control.cancel();
                true
            }
            _ => !lists.is_empty(),
        }
    }

    /// Runs an enumeration on the calling thread.
    pub fn list<T>(&self, body: impl FnOnce(&Control) -> Result<T>) -> Result<T> {
        let control = Arc::new(Control::new(Arc::default()));
        self.lists.lock().push(control.clone());
        let listed = Listed {
            restorer: self,
            control: &control,
        };
        let outcome = body(&control);
        drop(listed);
        outcome
    }

    /// Whether the caller is in a callback of an operation.
    pub fn is_in_callback() -> bool {
        Self::calling_back().is_some()
    }

    /// The restorer in whose callback the caller is.
    fn calling_back() -> Option<*const Restorer> {
        let inside = OPERATION.with(Cell::get)?;
        (inside.process == sys::this_process()).then_some(inside.restorer)
    }

    /// Whether the calling thread, which runs an operation, is the host's own.
    pub fn runs_here() -> bool {
        OPERATION.with(Cell::get).is_some_and(|inside| inside.here)
    }

    /// Waits until the running operation has ended. Gives the result of the last operation, None
    /// if there was none.
    pub fn wait(&self, timeout_ms: u32) -> Result<Option<wmlb_hresult>> {
        if Self::is_in_callback() {
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
        // The thread ends too, so that a host that counts its threads finds none of ours. It has
        // nothing left to do: joining it takes no time worth counting against the deadline.
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

    /// Ends the restorer: cancels the running operation, and waits until it has ended. In a
    /// callback of that operation it does not wait, but silences it: no other event comes.
    pub fn release(&self) {
        let own = Self::calling_back() == Some(std::ptr::from_ref(self));
        let thread = {
            let mut state = lock(&self.state);
            state.released = true;
            if let Some(running) = &state.running {
                if own {
                    running.control.cancel_silently();
                } else {
                    running.control.cancel();
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

/// Makes the last event of an operation.
fn report_end(operation: &mut Operation<'_>, job: &dyn Job, outcome: &Result<wmlb_hresult>) {
    let backup_file;
    let message;
    let (status, hr, text) = match outcome {
        Ok(hr) => {
            backup_file = job.backup_file();
            let path = backup_file.to_string_lossy();
            (status::WMLB_STATUS_BACKUPRESTORE_END, *hr, path)
        }
        Err(error) => match error.url() {
            Some(url) => (
                status::WMLB_STATUS_ERROR_WITHURL,
                error.hresult(),
                url.into(),
            ),
            None => {
                message = error.message();
                (
                    status::WMLB_STATUS_ERROR,
                    error.hresult(),
                    Cow::from(&message),
                )
            }
        },
    };
    operation.report_end(status, hr, Value::Text(&text));
}

/// Where an operation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    OwnThread,
    /// On the thread that starts it.
    Here,
}

impl Way {
    /// Refuses flags that an operation does not know.
    fn of(flags: u32, known: u32) -> Result<Way> {
        let known = known | WMLB_RUN_HERE;
        match flags & !known {
            0 if flags & WMLB_RUN_HERE != 0 => Ok(Way::Here),
            0 => Ok(Way::OwnThread),
            unknown => Err(Error::Argument(format!(
                "unknown flags {unknown:#x}: this operation knows {known:#x}"
            ))),
        }
    }
}
