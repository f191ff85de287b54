//! What tells whether a file has changed, without reading it.

use rustix::fs::Stat;

use crate::sys::{self, Time};

/// What tells whether a file has changed. Its device is not among it: that may get another number
/// when the system starts.
#[derive(Clone, Copy)]
pub struct Facts {
    inode: u64,
    size: u64,
    modified: Time,
    changed: Time,
}

impl Facts {
    // The types of these fields differ between systems.
    #[allow(clippy::unnecessary_cast)]
    pub fn of(stat: &Stat) -> Self {
        Facts {
            inode: stat.st_ino as u64,
            size: stat.st_size as u64,
            modified: sys::modified(stat),
            changed: sys::changed(stat),
        }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// The second of its last change, or a later one that it is said to be of.
    pub fn newest(&self) -> i64 {
        self.modified.seconds.max(self.changed.seconds)
    }

    /// Appends them, in 40 bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.inode.to_le_bytes());
        out.extend_from_slice(&self.size.to_le_bytes());
        for time in [self.modified, self.changed] {
            out.extend_from_slice(&time.seconds.to_le_bytes());
            out.extend_from_slice(&time.nanoseconds.to_le_bytes());
        }
    }
}
