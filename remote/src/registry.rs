//! The handles: numbers that stand for remotes and what is attached to restorers, looked up and
//! never dereferenced. A forked child has none, and takes no lock that its parent may have held.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use once_cell::race::OnceBox;
use rustix::process::{Pid, getpid};

use crate::error::{Error, HANDLE, Result};
use crate::http::random;
use crate::remote::Remote;
use crate::target::Target;

pub type Handle = usize;

#[derive(Clone)]
enum Object {
    Remote(Arc<Remote>),
    /// The remote's handle, since a target goes with it.
    Target(Handle, Arc<Target>),
}

struct Handles {
    factor: Handle,
    last: Handle,
    objects: BTreeMap<Handle, Object>,
}

struct Registry {
    process: Pid,
    handles: Mutex<Handles>,
    child: OnceBox<Registry>,
}

static FIRST: OnceBox<Registry> = OnceBox::new();

fn new(process: Pid) -> Box<Registry> {
    Box::new(Registry {
        process,
        handles: Mutex::new(Handles {
            factor: Handle::from_le_bytes(random()) | 1,
            last: 0,
            objects: BTreeMap::new(),
        }),
        child: OnceBox::new(),
    })
}

fn with<T>(body: impl FnOnce(&mut Handles) -> T) -> T {
    let process = getpid();
    let mut registry = FIRST.get_or_init(|| new(process));
    while registry.process != process {
        registry = registry.child.get_or_init(|| new(process));
    }
    body(
        &mut registry
            .handles
            .lock()
            .unwrap_or_else(PoisonError::into_inner),
    )
}

fn unknown() -> Error {
    Error::new(HANDLE, "the handle is not that of a remote in this process")
}

impl Handles {
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

pub fn insert(remote: Remote) -> Handle {
    with(|handles| handles.insert(Object::Remote(Arc::new(remote))))
}

pub fn find(handle: Handle) -> Result<Arc<Remote>> {
    match with(|handles| handles.objects.get(&handle).cloned()) {
        Some(Object::Remote(remote)) => Ok(remote),
        _ => Err(unknown()),
    }
}

pub fn attach(remote: Handle, target: Target) -> Result<Handle> {
    with(|handles| match handles.objects.get(&remote) {
        Some(Object::Remote(_)) => Ok(handles.insert(Object::Target(remote, Arc::new(target)))),
        _ => Err(unknown()),
    })
}

pub fn find_target(handle: Handle) -> Result<Arc<Target>> {
    match with(|handles| handles.objects.get(&handle).cloned()) {
        Some(Object::Target(_, target)) => Ok(target),
        _ => Err(unknown()),
    }
}

/// Takes a target out again.
pub fn detach(handle: Handle) {
    with(|handles| handles.objects.remove(&handle));
}

/// Takes a remote out, with all its targets: from here on, their handles are unknown.
pub fn remove(handle: Handle) -> Result<(Arc<Remote>, Vec<Arc<Target>>)> {
    with(|handles| {
        let Some(Object::Remote(remote)) = handles.objects.get(&handle).cloned() else {
            return Err(unknown());
        };
        handles.objects.remove(&handle);
        let mut targets = Vec::new();
        handles.objects.retain(|_, object| match object {
            Object::Target(of, target) if *of == handle => {
                targets.push(target.clone());
                false
            }
            _ => true,
        });
        Ok((remote, targets))
    })
}
