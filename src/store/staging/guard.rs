//! Who has a store: any number that read it share it, a restore has it alone.
//!
//! The lock is one of flock() on the store's folder, through an opening of its own. It is known
//! to one machine only; where a file system has no such locks, nothing keeps two operations of one
//! machine apart except the marker of a restore that runs already. That marker is what other
//! machines see of a restore; of who reads they see a lock on a file, where the share has such.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, FlockOperation, Mode};
use rustix::io::Errno;

use super::left_overs::Findings;
use super::location::Location;
use super::readers;
use crate::error::{At, Error, Result};
use crate::store::folders::cannot_open;
use crate::sys::{self, StoreFile};

/// What those who read a store do about a restore into it that did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOvers {
    /// They put the store back as it was.
    Recover,
    /// They refuse a store that is not as it was.
    Refuse,
}

/// Keeps restores out of a store as long as it lives.
pub struct Shared {
    location: Location,
    _lock: Option<Lock>,
    _for_others: Option<StoreFile>,
}

/// Shares the store whose folder is open as `store`, for reading. The store is whole from then
/// on; [`Error::StoreBusy`] when a restore has it, and [`Error::HalfRestored`] when one that did
/// not end is not for this caller to put back.
pub fn share(store: BorrowedFd<'_>, path: &Path, left_overs: LeftOvers) -> Result<Shared> {
    let lock = Lock::shared(store, path)?;
    // Before a marker is looked for: a restore makes that, and then looks for this.
    let mut for_others = readers::hold(store);
    let location = Location::of(store, path)?;
    let found = Findings::find(&location)?;
    if left_overs == LeftOvers::Refuse {
        if found.are_half_way() {
            return Err(found.refusal(&location));
        }
    } else {
        let are_half_way = found.are_half_way();
        if are_half_way {
            // Some file systems put nothing in the place of what is open.
            for_others = None;
        }
        if let (true, Some(lock)) = (are_half_way, &lock) {
            lock.change(FlockOperation::NonBlockingLockExclusive, path)?;
        }
        let is_there = found.put_right(&location)?;
        if let (true, Some(lock)) = (are_half_way, &lock) {
            lock.change(FlockOperation::NonBlockingLockShared, path)?;
        }
        if !is_there {
            return Err(cannot_open(path, Errno::NOENT));
        }
        if are_half_way {
            for_others = readers::hold(store);
            // Another machine's may have begun meanwhile.
            let found = Findings::find(&location)?;
            if found.are_half_way() {
                return Err(found.refusal(&location));
            }
        }
    }
    Ok(Shared {
        location,
        _lock: lock,
        _for_others: for_others,
    })
}

impl Shared {
    /// Whether the store is still shared: a restore on another machine may not have known of it,
    /// and does not have to wait. To be called when all was read. One that has begun and ended
    /// since is not seen.
    pub fn check(&self) -> Result<()> {
        let found = Findings::find(&self.location)?;
        if found.are_half_way() {
            return Err(found.refusal(&self.location));
        }
        Ok(())
    }
}

/// Removes what a killed restore left beside a store that is missing.
pub fn tidy(path: &Path) -> Result<()> {
    match Location::find(path)? {
        Some(location) if location.store.is_none() => {
            Findings::find(&location)?.put_right(&location).map(drop)
        }
        _ => Ok(()),
    }
}

/// A lock on the folder of a store.
pub struct Lock(OwnedFd);

impl Lock {
    /// Keeps everybody else from the store; None where there are no such locks.
    pub fn alone(store: BorrowedFd<'_>, path: &Path) -> Result<Option<Self>> {
        Self::take(store, path, FlockOperation::NonBlockingLockExclusive)
    }

    /// Keeps those from the store who want it alone.
    fn shared(store: BorrowedFd<'_>, path: &Path) -> Result<Option<Self>> {
        Self::take(store, path, FlockOperation::NonBlockingLockShared)
    }

    fn take(store: BorrowedFd<'_>, path: &Path, kind: FlockOperation) -> Result<Option<Self>> {
        // The lock belongs to the opening.
        let folder = sys::open_at(store, c".", sys::FOLDER, Mode::empty());
        let lock = Lock(folder.at("open the license store", path)?);
        match lock.try_change(kind) {
            Ok(()) => Ok(Some(lock)),
            Err(Errno::WOULDBLOCK) => Err(Error::StoreBusy(path.to_owned())),
            // The file system has none, or not on folders.
            Err(_) => Ok(None),
        }
    }

    fn change(&self, kind: FlockOperation, path: &Path) -> Result<()> {
        match self.try_change(kind) {
            Err(Errno::WOULDBLOCK) => Err(Error::StoreBusy(path.to_owned())),
            // None of this kind: no reason to leave a store half restored for ever.
            _ => Ok(()),
        }
    }

    fn try_change(&self, kind: FlockOperation) -> sys::Result<()> {
        rustix::io::retry_on_intr(|| fs::flock(&self.0, kind))
    }
}

impl Drop for Lock {
    /// A process that was forked meanwhile has the folder open too: closing it is not enough.
    fn drop(&mut self) {
        let _ = fs::flock(self.0.as_fd(), FlockOperation::Unlock);
    }
}
