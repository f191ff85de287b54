//! The content of a licence that is open, wherever it lies.

use std::os::fd::OwnedFd;

use rustix::fs::{self, Stat};
use rustix::io::Errno;

use super::sqlite;
use crate::sys::{self, Time};

type Result<T> = std::result::Result<T, Errno>;

/// A licence that is open.
pub struct License {
    content: Content,
}

enum Content {
    /// A file of the store, and what it was when it was opened.
    File { file: OwnedFd, before: Stat },
    /// A snapshot of a database, in a file of its own.
    Snapshot {
        file: OwnedFd,
        size: u64,
        modified: Time,
    },
}

impl License {
    pub fn file(file: OwnedFd, before: Stat) -> Self {
        License {
            content: Content::File { file, before },
        }
    }

    /// A snapshot of a database that was modified then.
    pub fn snapshot(file: OwnedFd, modified: Time) -> Result<Self> {
        let size = fs::fstat(&file)?.st_size as u64;
        Ok(License {
            content: Content::Snapshot {
                file,
                size,
                modified,
            },
        })
    }

    pub fn is_snapshot(&self) -> bool {
        matches!(self.content, Content::Snapshot { .. })
    }

    /// Whether it is the file of a database, of which a snapshot is wanted.
    pub fn is_database(&self) -> Result<bool> {
        match &self.content {
            Content::File { file, .. } => sqlite::is_database_file(file),
            Content::Snapshot { .. } => Ok(false),
        }
    }

    /// The same, by the content that was read.
    pub fn reads_as_database(&self, content: &[u8]) -> bool {
        matches!(self.content, Content::File { .. }) && sqlite::is_database(content)
    }

    /// Bytes, as they were when it was opened.
    pub fn size(&self) -> u64 {
        match &self.content {
            Content::File { before, .. } => before.st_size as u64,
            Content::Snapshot { size, .. } => *size,
        }
    }

    pub fn modified(&self) -> Time {
        match &self.content {
            Content::File { before, .. } => sys::modified(before),
            Content::Snapshot { modified, .. } => *modified,
        }
    }

    fn descriptor(&self) -> &OwnedFd {
        match &self.content {
            Content::File { file, .. } | Content::Snapshot { file, .. } => file,
        }
    }

    /// Appends the whole content. More or fewer bytes than [`License::size`] mean that it
    /// has changed.
    pub fn read_whole(&self, out: &mut Vec<u8>) -> Result<u64> {
        let start = out.len();
        let read = |out: &Vec<u8>| (out.len() - start) as u64;
        // One byte more, so that a short read shows the end without another call.
        out.reserve(self.size() as usize + 1);
        loop {
            let room = out.capacity() - out.len();
            let got = rustix::io::retry_on_intr(|| {
                rustix::io::read(self.descriptor(), rustix::buffer::spare_capacity(out))
            })?;
            let ended = got == 0 || (got < room && read(out) == self.size());
            if ended || read(out) > self.size() {
                return Ok(read(out));
            }
        }
    }

    /// Appends the next `length` bytes; fewer mean that it ends here.
    pub fn read_next(&self, out: &mut Vec<u8>, length: usize) -> Result<usize> {
        let start = out.len();
        out.resize(start + length, 0);
        let mut filled = 0;
        while filled < length {
            let rest = &mut out[start + filled..];
            match rustix::io::retry_on_intr(|| rustix::io::read(self.descriptor(), &mut *rest))? {
                0 => break,
                got => filled += got,
            }
        }
        out.truncate(start + filled);
        Ok(filled)
    }

    /// Appends the last `length` bytes; what was read before and after does not matter to it.
    pub fn read_end(&self, out: &mut Vec<u8>, length: usize) -> Result<()> {
        let start = out.len();
        let mut offset = self.size().saturating_sub(length as u64);
        out.resize(start + length, 0);
        let mut rest = &mut out[start..];
        while !rest.is_empty() {
            let read = || rustix::io::pread(self.descriptor(), &mut *rest, offset);
            match rustix::io::retry_on_intr(read)? {
                0 => break,
                got => {
                    offset += got as u64;
                    rest = &mut rest[got..];
                }
            }
        }
        Ok(())
    }

    /// Whether it is still what it was when it was opened, and ends where it did.
    pub fn is_unchanged(&self) -> Result<bool> {
        match &self.content {
            Content::File { file, before } => Ok(sys::unchanged(before, &fs::fstat(file)?)),
            Content::Snapshot { .. } => Ok(true),
        }
    }
}
