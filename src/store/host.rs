//! A store that the host keeps itself: its functions, called in order and one at a time, and
//! what is copied of its licenses.

mod index;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use index::Index;
pub use index::bad_name;

use super::license::License;
use super::spool::{Spool, Spooled};
use super::{
    Batch, Contents, Entry, Glimpse, HOST, List, Listener, Listing, OpenError, Opened, ReadAhead,
    Reader, Store, Wish, sqlite,
};

use crate::error::{Error, Result};
use crate::name;
use crate::name::Reserved;
use crate::operation::{Control, HostCalls, Operation};
use crate::status::wmlb_progress;

/// The functions of a host's store. They are called by a [`Session`], which keeps to their
/// order.
pub trait HostStore: Send + Sync {
    /// Whether licenses can be put into it.
    fn is_writable(&self) -> bool;
    fn open(&self, writing: bool) -> Result<()>;
    /// The next license, None at the end. It is the host's, and there until the next call,
    /// for which one has to have the token back.
    fn next<'a>(&self, token: &'a mut CallToken) -> Result<Option<HostLicense<'a>>>;
    fn put(&self, license: &HostLicense<'_>) -> Result<()>;
    fn commit(&self) -> Result<()>;
    fn close(&self);
}

/// The right to call a host's functions; only a [`Session`] has it.
pub struct CallToken(());

/// A license as it crosses the boundary.
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

    fn session(&self, writing: bool, calls: HostCalls) -> Result<Session<'_>> {
        let functions = &*self.functions;
        calls.call(|| functions.open(writing))?;
        Ok(Session {
            functions,
            calls,
            token: CallToken(()),
        })
    }

    fn claimed(&self, calls: HostCalls) -> Result<ClaimedSession<'_>> {
        let claim = self.claim()?;
        let session = self.session(false, calls)?;
        Ok(ClaimedSession {
            session,
            _claim: claim,
        })
    }

    /// Has the store to itself as long as the claim lives.
    pub fn claim(&self) -> Result<Claim<'_>> {
        if self.in_use.swap(true, Ordering::Acquire) {
            return Err(Error::HostStoreBusy);
        }
        Ok(Claim { store: self })
    }
}

/// Nobody else calls the store's functions.
pub struct Claim<'a> {
    store: &'a SetStore,
}

impl Claim<'_> {
    /// Opens the store; it is closed when the session is dropped.
    pub fn open(&mut self, writing: bool, calls: HostCalls) -> Result<Session<'_>> {
        self.store.session(writing, calls)
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
    token: CallToken,
}

impl Session<'_> {
    /// The next license, whose name is one that a license may have; None at the end.
    pub fn next(&mut self) -> Result<Option<HostLicense<'_>>> {
        let Session {
            functions,
            calls,
            token,
        } = self;
        let license = calls.call(|| functions.next(token))?;
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

impl Store for Arc<SetStore> {
    fn open<'a>(&'a self, operation: &Operation<'_>) -> Result<Box<dyn Opened + 'a>> {
        Ok(Box::new(self.claimed(operation.host_calls())?))
    }

    fn list<'a>(&'a self, wish: Wish<'_>, control: &'a Control) -> Result<Listing<'a>> {
        let claimed = self.claimed(HostCalls::on_hosts_thread())?;
        claimed.copy(wish, control, &mut || control.check())
    }

    fn each(
        &self,
        listener: &mut dyn Listener,
        _reserved: Option<Reserved>,
        _control: &Control,
    ) -> Result<()> {
        let mut claim = self.claim()?;
        let mut session = claim.open(false, HostCalls::on_hosts_thread())?;
        while let Some(license) = session.next()? {
            let HostLicense {
                name,
                data,
                modified,
            } = license;
            let size = data.len() as u64;
            let head = &data[..listener.wanted_head(size)];
            let tail = &data[data.len() - listener.wanted_tail(head, size)..];
            let glimpse = Glimpse {
                name,
                size,
                modified,
                content: Some((head, tail)),
            };
            if !listener.license(glimpse)? {
                break;
            }
        }
        Ok(())
    }
}

/// A claim, and the session that it is for.
struct ClaimedSession<'a> {
    session: Session<'a>,
    /// Let go of after the session.
    _claim: Claim<'a>,
}

impl Opened for ClaimedSession<'_> {
    fn list<'a>(
        self: Box<Self>,
        wish: Wish<'_>,
        operation: &mut Operation<'a>,
    ) -> Result<Listing<'a>> {
        let control = operation.control();
        // Nothing is done yet, but the user sees that it goes on, and may cancel.
        self.copy(wish, control, &mut || {
            operation.advance(wmlb_progress::default())
        })
    }
}

impl ClaimedSession<'_> {
    /// Copies all licenses of the store, and closes it. `check` is called before each.
    fn copy<'a>(
        mut self,
        wish: Wish<'_>,
        control: &Control,
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Listing<'a>> {
        let mut spool = Spool::default();
        let mut index = Index::default();
        loop {
            check()?;
            let Some(license) = self.session.next()? else {
                break;
            };
            let offset = spool.append(license.data, wish.new_file, control)?;
            let place = Spooled {
                offset,
                size: license.data.len() as u64,
                modified: license.modified,
            };
            index.add(license.name, place, sqlite::is_database(license.data))?;
        }
        drop(self);
        index.sort()?;
        Ok(Listing {
            list: Box::new(Copies {
                bytes: spool.size(),
                index,
            }),
            contents: Arc::new(Copied(Arc::new(spool))),
        })
    }
}

struct Copies {
    index: Index,
    bytes: u64,
}

impl List for Copies {
    fn next_batch(&mut self) -> Result<Option<Batch>> {
        Ok(self.index.next_batch())
    }

    fn listed(&self) -> u64 {
        self.index.len() as u64
    }

    fn totals(&self) -> Option<(u64, u64)> {
        Some((self.index.len() as u64, self.bytes))
    }
}

/// What was copied of a host's store.
struct Copied(Arc<Spool>);

impl Contents for Copied {
    fn kind(&self) -> &'static str {
        HOST
    }

    fn display_path(&self, name: &[u8]) -> PathBuf {
        OsStr::from_bytes(name).into()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Copied(self.0.clone()))
    }

    fn read_ahead(&self) -> Option<Box<dyn ReadAhead>> {
        None
    }
}

impl Reader for Copied {
    fn open(&mut self, batch: &Batch) -> std::result::Result<License, OpenError> {
        match batch.peek() {
            Some(Entry::Spooled(place)) => Ok(License::spooled(self.0.clone(), *place)),
            _ => Err(OpenError::Gone),
        }
    }

    /// Those of hosts are bytes like others.
    fn open_database(
        &mut self,
        _batch: &Batch,
        license: License,
        _path: &Path,
        _control: &Control,
    ) -> Result<License> {
        Ok(license)
    }
}
