//! What tells whether a license has changed, without reading it.

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, Stat};
use rustix::io::Errno;

use super::sqlite::{JOURNAL, LOG, SIBLINGS};
use crate::sys::{self, Time};

/// What tells whether a license has changed.
#[derive(Clone, Copy)]
pub struct Facts {
    file: File,
    /// Of a database: its journal, and its log.
    beside: [Option<File>; 2],
}

/// What tells whether a file has changed. Its device is not among it: that may get another number
/// when the system starts.
#[derive(Clone, Copy)]
struct File {
    inode: u64,
    size: u64,
    modified: Time,
    changed: Time,
}

impl File {
    // The types of these fields differ between systems.
    #[allow(clippy::unnecessary_cast)]
    fn of(stat: &Stat) -> Self {
        File {
            inode: stat.st_ino as u64,
            size: stat.st_size as u64,
            modified: sys::modified(stat),
            changed: sys::changed(stat),
        }
    }

    /// Appends it, in 40 bytes.
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.inode.to_le_bytes());
        out.extend_from_slice(&self.size.to_le_bytes());
        for time in [self.modified, self.changed] {
            out.extend_from_slice(&time.seconds.to_le_bytes());
            out.extend_from_slice(&time.nanoseconds.to_le_bytes());
        }
    }
}

impl Facts {
    /// Of a file with nothing beside it.
    pub fn of(stat: &Stat) -> Self {
        Facts {
            file: File::of(stat),
            beside: [None; 2],
        }
    }

    /// The same with what lies beside a file of this name, should it be a database. None where what
    /// that holds depends on more: a journal that is not empty may belong to several databases.
    pub fn with_siblings(self, folder: BorrowedFd<'_>, name: &[u8]) -> Option<Self> {
        let mut beside = [None; 2];
        for suffix in SIBLINGS {
            let sibling = [name, suffix.as_bytes()].concat();
            let stat = match sys::statat(folder, sibling, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT | Errno::NAMETOOLONG) => continue,
                Err(_) => return None,
            };
            if !sys::is_regular(&stat) {
                return None;
            }
            match suffix {
                JOURNAL if stat.st_size > 0 => return None,
                JOURNAL => beside[0] = Some(File::of(&stat)),
                LOG => beside[1] = Some(File::of(&stat)),
                // The index of the log, which follows from that.
                _ => {}
            }
        }
        Some(Facts { beside, ..self })
    }

    pub fn size(&self) -> u64 {
        self.file.size
    }

    /// The second of its last change, or a later one that it is said to be of.
    pub fn newest(&self) -> i64 {
        let files = self.beside.iter().flatten().chain([&self.file]);
        let newest = files.map(|file| file.modified.seconds.max(file.changed.seconds));
        newest.max().unwrap_or(i64::MAX)
    }

    /// Appends them.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.file.write(out);
        for (number, file) in (1..).zip(&self.beside) {
            if let Some(file) = file {
                out.push(number);
                file.write(out);
            }
        }
        out.push(0);
    }
}
