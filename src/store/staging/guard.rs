//! Who has a store: any number that read it share it, a restore has it alone.
//!
//! The lock is one of flock() on the store's folder, through an opening of its own. It is known
//! to one machine only; where a file system has no such locks, nothing keeps the two apart.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, FlockOperation, Mode};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::sys;

/// What is done about a restore into the store that was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOvers {
    /// The store is put back as it was.
    Recover,
    /// A store that is not as it was is refused.
    Refuse,
}

/// Keeps restores out of a store as long as it lives.
pub struct Shared {
    _lock: Option<Lock>,
}

/// Shares the store whose folder is open as `store`, for reading. The store is whole from then
/// on; [`Error::StoreBusy`] when a restore has it.
pub fn share(store: BorrowedFd<'_>, path: &Path, left_overs: LeftOvers) -> Result<Shared> {
    let lock = Lock::take(store, path, FlockOperation::NonBlockingLockShared)?;
    // Both ways recover until the marker in left-overs tells whose they are.
    let (LeftOvers::Recover | LeftOvers::Refuse) = left_overs;
    super::recover(path)?;
    Ok(Shared { _lock: lock })
}

/// Removes what a killed restore left beside a store that is missing.
pub fn tidy(path: &Path) -> Result<()> {
    super::recover(path)
}

/// A lock on the folder of a store.
pub struct Lock(OwnedFd);

impl Lock {
    /// Keeps everybody else from the store; None where there are no such locks.
    pub fn alone(store: BorrowedFd<'_>, path: &Path) -> Result<Option<Self>> {
        Self::take(store, path, FlockOperation::NonBlockingLockExclusive)
    }

    fn take(store: BorrowedFd<'_>, path: &Path, lock: FlockOperation) -> Result<Option<Self>> {
        // The lock belongs to the opening.
        let folder = sys::open_at(store, c".", sys::FOLDER, Mode::empty())
            .map_err(|errno| Error::system("open the license store", path, errno))?;
        match rustix::io::retry_on_intr(|| fs::flock(&folder, lock)) {
            Ok(()) => Ok(Some(Lock(folder))),
            Err(Errno::WOULDBLOCK) => Err(Error::StoreBusy(path.to_owned())),
            // The file system has none, or not on folders.
            Err(_) => Ok(None),
        }
    }
}

impl Drop for Lock {
    /// A process that was forked meanwhile has the folder open too: closing it is not enough.
    fn drop(&mut self) {
        let _ = fs::flock(self.0.as_fd(), FlockOperation::Unlock);
    }
}
