//! The handles: numbers that stand for restorers and queues, looked up and never dereferenced.
//!
//! They belong to one process. A forked child finds a registry of its own, without touching a lock
//! that another thread of its parent may have held at the moment of the fork.

use std::collections::BTreeMap;
use std::sync::Arc;

use once_cell::race::OnceBox;
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::queue::Queue;
use crate::restorer::Restorer;
use crate::sys::{self, Process};

/// A number, as wide as the pointer it is dressed as. Zero stands for none.
pub type Handle = usize;

/// What a handle stands for.
#[derive(Clone)]
enum Object {
    Restorer(Arc<Restorer>),
    Queue(Arc<Queue>),
}

struct Handles {
    /// The step from one handle to the next. It is odd, so that all 2^64 multiples (2^32 where
    /// pointers are that short) differ.
    factor: Handle,
    last: Handle,
    objects: BTreeMap<Handle, Object>,
}

impl Handles {
    /// Gives an object a handle that was never used before, nor is close to one that was.
    fn insert(&mut self, object: Object) -> Handle {
        loop {
            self.last = self.last.wrapping_add(self.factor);
            if self.last != 0 && !self.objects.contains_key(&self.last) {
                self.objects.insert(self.last, object);
                return self.last;
            }
        }
    }
}

/// The registry of one process.
struct Registry {
    process: Process,
    default: Handle,
    handles: Mutex<Handles>,
    /// The registry of a process forked from it.
    child: OnceBox<Registry>,
}

/// The registry of the process that called first. The cell is once_cell's racing one: a cell that
/// waits for another thread would hang in a child that does not have that thread.
static FIRST: OnceBox<Registry> = OnceBox::new();

impl Registry {
    fn new(process: Process) -> Box<Self> {
        let mut handles = Handles {
            factor: sys::random() as Handle | 1,
            last: 0,
            objects: BTreeMap::new(),
        };
        Box::new(Registry {
            process,
            default: handles.insert(Object::Restorer(Arc::default())),
            handles: Mutex::new(handles),
            child: OnceBox::new(),
        })
    }

    fn current() -> &'static Registry {
        let process = sys::this_process();
        let mut registry = FIRST.get_or_init(|| Registry::new(process));
        while registry.process != process {
            registry = registry.child.get_or_init(|| Registry::new(process));
        }
        registry
    }
}

/// The handle of this process's default restorer.
pub fn default_restorer() -> Handle {
    Registry::current().default
}

fn insert(object: Object) -> Handle {
    Registry::current().handles.lock().insert(object)
}

fn find_object(handle: Handle) -> Option<Object> {
    let handles = Registry::current().handles.lock();
    handles.objects.get(&handle).cloned()
}

pub fn create() -> Handle {
    insert(Object::Restorer(Arc::default()))
}

pub fn find(handle: Handle) -> Result<Arc<Restorer>> {
    match find_object(handle) {
        Some(Object::Restorer(restorer)) => Ok(restorer),
        _ => Err(Error::Handle),
    }
}

/// Takes a restorer out of the registry: from here on, its handle is unknown.
pub fn remove(handle: Handle) -> Result<Arc<Restorer>> {
    let registry = Registry::current();
    if handle == registry.default {
        return Err(Error::IllegalCall(
            "the default restorer cannot be released",
        ));
    }
    let mut handles = registry.handles.lock();
    match handles.objects.get(&handle).cloned() {
        Some(Object::Restorer(restorer)) => {
            handles.objects.remove(&handle);
            Ok(restorer)
        }
        _ => Err(Error::Handle),
    }
}

pub fn create_queue() -> Handle {
    insert(Object::Queue(Arc::default()))
}

pub fn find_queue(handle: Handle) -> Result<Arc<Queue>> {
    match find_object(handle) {
        Some(Object::Queue(queue)) => Ok(queue),
        _ => Err(Error::Queue),
    }
}

/// Takes a queue out of the registry: from here on, its handle is unknown.
pub fn remove_queue(handle: Handle) -> Result<Arc<Queue>> {
    let mut handles = Registry::current().handles.lock();
    match handles.objects.get(&handle).cloned() {
        Some(Object::Queue(queue)) => {
            handles.objects.remove(&handle);
            Ok(queue)
        }
        _ => Err(Error::Queue),
    }
}
