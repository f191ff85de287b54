//! A store that the host keeps itself: its functions, called in order and one at a time, and
//! what is copied of its licences.

mod index;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use index::Index;

pub use super::spool::{Spool, Spooled};

use crate::error::{Error, Result};
use crate::name;
use crate::operation::HostCalls;

/// Bytes of a name that stand in words about it, at the most.
const LONGEST_SHOWN: usize = 256;

/// The functions of a host's store. They are called by a [`Session`], which keeps to their
/// order.
pub trait HostStore: Send + Sync {
    /// Whether licences can be put into it.
    fn is_writable(&self) -> bool;
    fn open(&self, writing: bool) -> Result<()>;
    /// The next licence, None at the end. It is the host's, and there until the next call,
    /// for which one has to have the turn back.
    fn next<'a>(&self, turn: &'a mut Turn) -> Result<Option<HostLicense<'a>>>;
    fn put(&self, license: &HostLicense<'_>) -> Result<()>;
    fn commit(&self) -> Result<()>;
    fn close(&self);
}

/// The right to call a host's functions; only a [`Session`] has it.
pub struct Turn(());

/// A licence as it crosses the boundary.
pub struct HostLicense<'a> {
    pub name: &'a [u8],
    pub data: &'a [u8],
    /// Unix seconds.
    pub modified: i64,
}

/// The store that a host has set.
pub struct SetStore {
    functions: Box<dyn HostStore>,
    in_use: AtomicBool,
}

impl SetStore {
    pub fn new(functions: impl HostStore + 'static) -> Arc<Self> {
        Arc::new(SetStore {
            functions: Box::new(functions),
            in_use: AtomicBool::new(false),
        })
    }

    pub fn is_writable(&self) -> bool {
        self.functions.is_writable()
    }

    /// Has the store to itself as long as the claim lives.
    pub fn claim(&self) -> Result<Claim<'_>> {
        match self.in_use.swap(true, Ordering::Acquire) {
            true => Err(Error::HostStoreBusy),
            false => Ok(Claim { store: self }),
        }
    }
}

/// Nobody else calls the store's functions.
pub struct Claim<'a> {
    store: &'a SetStore,
}

impl Claim<'_> {
    /// Opens the store; it is closed when the session is dropped.
    pub fn open(&mut self, writing: bool, calls: HostCalls) -> Result<Session<'_>> {
        let functions = &*self.store.functions;
        calls.call(|| functions.open(writing))?;
        Ok(Session {
            functions,
            calls,
            turn: Turn(()),
        })
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.store.in_use.store(false, Ordering::Release);
    }
}

/// A host's store that is open.
pub struct Session<'a> {
    functions: &'a dyn HostStore,
    calls: HostCalls,
    turn: Turn,
}

impl Session<'_> {
    /// The next licence, whose name is one that a licence may have; None at the end.
    pub fn next(&mut self) -> Result<Option<HostLicense<'_>>> {
        let Session {
            functions,
            calls,
            turn,
        } = self;
        let license = calls.call(|| functions.next(turn))?;
        if let Some(license) = &license {
            name::check(license.name).map_err(|why| bad_name(license.name, why))?;
        }
        Ok(license)
    }

    pub fn put(&mut self, license: &HostLicense<'_>) -> Result<()> {
        self.calls.call(|| self.functions.put(license))
    }

    pub fn commit(&mut self) -> Result<()> {
        self.calls.call(|| self.functions.commit())
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.calls.call(|| self.functions.close());
    }
}

pub fn bad_name(name: &[u8], why: &'static str) -> Error {
    let shown = &name[..name.len().min(LONGEST_SHOWN)];
    let more = if shown.len() < name.len() { "..." } else { "" };
    Error::HostName {
        // In quotes, and with escapes: it may be anything.
        name: format!("{:?}{more}", String::from_utf8_lossy(shown)),
        why,
    }
}
