//! The locks that programs with SQLite hold on a database, and how a reader joins in
//! (<https://www.sqlite.org/lockingv3.html>, <https://www.sqlite.org/walformat.html>, 2.3).
//!
//! They are taken as locks of the open file, on files that are open for reading only: nobody
//! else's are touched, this process's own SQLite included.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::io::Errno;

use crate::sys::{self, Range, StoreFile};

const PENDING_BYTE: u64 = 0x4000_0000;

/// Of the database: who waits for the readers to go, who prepares to write, who reads.
const PENDING: Range = bytes(PENDING_BYTE, 1);
const RESERVED: Range = bytes(PENDING_BYTE + 1, 1);
const SHARED: Range = bytes(PENDING_BYTE + 2, 510);

/// All of these.
pub(super) const OF_DATABASE: Range = bytes(PENDING_BYTE, 512);

/// Of the index of the log: who moves the log's content to the database, or rebuilds the index.
const CHECKPOINT_AND_RECOVERY: Range = bytes(121, 2);
/// The last of the marks of readers. One of them keeps the log from being begun anew; the others
/// stay free, for readers that have to set one.
const READER: Range = bytes(127, 1);
/// Who has the index open.
const IN_USE: Range = bytes(128, 1);

const fn bytes(start: u64, length: u64) -> Range {
    Range { start, length }
}

/// What came of an attempt to lock.
pub enum Attempt {
    Held(Lock),
    /// Somebody else's lock is in the way.
    Busy,
    /// There are no locks to be had: the file system has none, or the system has none that belong
    /// to the open file.
    Unknown,
}

/// A lock, which goes with this.
pub struct Lock {
    file: Arc<StoreFile>,
    ranges: &'static [Range],
}

impl Drop for Lock {
    fn drop(&mut self) {
        for &range in self.ranges {
            sys::unlock((*self.file).as_fd(), range);
        }
    }
}

impl Lock {
    fn take(file: &Arc<StoreFile>, ranges: &'static [Range]) -> Result<Attempt, Errno> {
        let lock = Lock {
            file: file.clone(),
            ranges,
        };
        for &range in ranges {
            match sys::read_lock((**file).as_fd(), range) {
                Ok(()) => {}
                Err(Errno::AGAIN) => return Ok(Attempt::Busy),
                Err(errno) if knows_no_locks(errno) => return Ok(Attempt::Unknown),
                Err(errno) => return Err(errno),
            }
        }
        Ok(Attempt::Held(lock))
    }

    /// The lock of a reader of the database: nobody writes to its file but from a log.
    pub fn of_reader(database: &Arc<StoreFile>) -> Result<Attempt, Errno> {
        // In this order, and the first one only for a moment: whoever has it waits to write.
        let pending = match Self::take(database, &[PENDING])? {
            Attempt::Held(lock) => lock,
            other => return Ok(other),
        };
        let shared = Self::take(database, &[SHARED]);
        drop(pending);
        shared
    }

    /// The locks of a reader of the log, by its index: what is in the log stays there, and is
    /// not moved to the database. Writers go on.
    pub fn of_log(index: &Arc<StoreFile>) -> Result<Attempt, Errno> {
        Self::take(index, &[CHECKPOINT_AND_RECOVERY, READER])
    }

    /// Whether somebody waits to write to the database for this lock to go.
    pub fn is_waited_for(&self) -> bool {
        sys::is_locked((*self.file).as_fd(), PENDING) == Ok(true)
    }
}

/// Whether anybody prepares to write to the database: then what is in its journal is not to be
/// rolled back.
pub fn is_reserved(database: BorrowedFd<'_>) -> Result<bool, Errno> {
    or_no_locks(sys::is_locked(database, RESERVED))
}

/// Whether anybody has the index of the log open.
pub fn is_index_in_use(index: BorrowedFd<'_>) -> Result<bool, Errno> {
    or_no_locks(sys::is_locked(index, IN_USE))
}

/// Whether anybody else reads or writes a database at this moment, or has it open with a log.
pub fn is_locked(database: impl AsFd) -> Result<bool, Errno> {
    or_no_locks(sys::is_locked(database.as_fd(), OF_DATABASE))
}

fn or_no_locks(locked: Result<bool, Errno>) -> Result<bool, Errno> {
    match locked {
        Err(errno) if knows_no_locks(errno) => Ok(false),
        locked => locked,
    }
}

/// Whether a file system, or what keeps this process from the system's calls, has no locks at all.
pub fn knows_no_locks(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::NOLCK | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_sqlite() {
        // os.h: PENDING_BYTE, RESERVED_BYTE, SHARED_FIRST, SHARED_SIZE.
        assert_eq!((PENDING.start, PENDING.length), (1 << 30, 1));
        assert_eq!((RESERVED.start, RESERVED.length), ((1 << 30) + 1, 1));
        assert_eq!((SHARED.start, SHARED.length), ((1 << 30) + 2, 510));
        // os_unix.c: UNIX_SHM_BASE is 120, where the lock of the writer is; wal.c counts from it:
        // checkpoint 1, recovery 2, five marks of readers from 3 on; UNIX_SHM_DMS is 128.
        let (write, marks) = (120, 5);
        assert_eq!(CHECKPOINT_AND_RECOVERY, bytes(write + 1, 2));
        assert_eq!(READER, bytes(write + 3 + marks - 1, 1));
        assert_eq!(IN_USE, bytes(write + 8, 1));
        // Nothing of ours is in the way of who writes to the log.
        for range in [CHECKPOINT_AND_RECOVERY, READER] {
            assert!(range.start > write);
        }
    }
}
