//! The content of a licence that is open, wherever it lies.

use std::cell::Cell;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{self, SeekFrom, Stat};
use rustix::io::Errno;

use super::spool::{Spool, Spooled};
use super::sqlite::{self, AtRest};
use crate::operation::Control;
use crate::sys::{self, Time};

type Result<T> = std::result::Result<T, Errno>;

/// How long a writer that was interrupted in the middle of a write has to go on, between two
/// reads that are compared.
const BETWEEN_READS: Duration = Duration::from_millis(2);

/// Bytes that are compared at a time.
const PIECE: usize = 256 << 10;

/// A license that is open.
pub struct License {
    content: Content,
}

enum Content {
    /// A file of the store, and what it was when it was opened.
    File {
        file: OwnedFd,
        before: Stat,
        /// A hash of what was read so far, for one that may be being written to.
        fresh: Option<Box<blake3::Hasher>>,
    },
    /// A database that is read where it lies.
    AtRest {
        file: OwnedFd,
        database: Box<AtRest>,
    },
    /// A snapshot of a database, in a file of its own.
    Snapshot {
        file: OwnedFd,
        size: u64,
        modified: Time,
    },
    /// A copy of a licence of a host's store, of which so many bytes were read.
    Spooled {
        spool: Arc<Spool>,
        place: Spooled,
        read: Cell<u64>,
    },
}

impl License {
    /// A file; `is_fresh` says that it was changed a moment ago, or that nobody knows. The times of
    /// a file are set when a write begins, so one that was is believed when it reads the same
    /// twice only.
    pub fn file(file: OwnedFd, before: Stat, is_fresh: bool) -> Self {
        License {
            content: Content::File {
                file,
                before,
                fresh: is_fresh.then(Box::default),
            },
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

    pub fn spooled(spool: Arc<Spool>, place: Spooled) -> Self {
        License {
            content: Content::Spooled {
                spool,
                place,
                read: Cell::new(0),
            },
        }
    }

    /// The database of this path, which it is the file of, to be read from its beginning where
    /// it lies; None when that is not at rest.
    pub fn at_rest(self, path: &Path, control: &Control) -> crate::error::Result<Option<Self>> {
        let Content::File { file, .. } = self.content else {
            return Ok(None);
        };
        let Some(database) = AtRest::find(path, file.as_fd(), control)? else {
            return Ok(None);
        };
        Ok(fs::seek(&file, SeekFrom::Start(0)).ok().map(|_| License {
            content: Content::AtRest {
                file,
                database: Box::new(database),
            },
        }))
    }

    /// What is to be done about it besides, by others who go on with it meanwhile, if anything.
    pub fn check(&mut self) -> Option<Box<dyn FnOnce() + Send>> {
        match &mut self.content {
            Content::AtRest { database, .. } => database.check(),
            _ => None,
        }
    }

    /// Whether nothing is wrong with what is in it; waits for [`License::check`].
    pub fn is_sound(&mut self) -> bool {
        match &mut self.content {
            Content::AtRest { database, .. } => database.is_sound(),
            _ => true,
        }
    }

    pub fn is_at_rest(&self) -> bool {
        matches!(self.content, Content::AtRest { .. })
    }

    /// Whether it took work to have it like this: a snapshot, or a database that was checked.
    pub fn is_prepared(&self) -> bool {
        matches!(
            self.content,
            Content::AtRest { .. } | Content::Snapshot { .. }
        )
    }

    /// Whether it is the file of a database, which is not just read.
    pub fn is_database(&self) -> Result<bool> {
        match &self.content {
            Content::File { file, .. } => sqlite::is_database_file(file),
            Content::AtRest { .. } | Content::Snapshot { .. } | Content::Spooled { .. } => {
                Ok(false)
            }
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
            Content::AtRest { database, .. } => database.size(),
            Content::Snapshot { size, .. } => *size,
            Content::Spooled { place, .. } => place.size,
        }
    }

    pub fn modified(&self) -> Time {
        match &self.content {
            Content::File { before, .. } => sys::modified(before),
            Content::AtRest { database, .. } => database.modified(),
            Content::Snapshot { modified, .. } => *modified,
            Content::Spooled { place, .. } => Time {
                seconds: place.modified,
                nanoseconds: 0,
            },
        }
    }

    /// Reads on; 0 bytes at the end.
    fn read(&self, out: &mut [u8]) -> Result<usize> {
        match &self.content {
            Content::File { file, .. }
            | Content::AtRest { file, .. }
            | Content::Snapshot { file, .. } => {
                rustix::io::retry_on_intr(|| rustix::io::read(file, &mut *out))
            }
            Content::Spooled { read, .. } => {
                let got = self.read_at(out, read.get())?;
                read.set(read.get() + got as u64);
                Ok(got)
            }
        }
    }

    /// Reads what is at `offset`; 0 bytes at the end.
    fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize> {
        match &self.content {
            Content::File { file, .. }
            | Content::AtRest { file, .. }
            | Content::Snapshot { file, .. } => {
                rustix::io::retry_on_intr(|| rustix::io::pread(file, &mut *out, offset))
            }
            Content::Spooled { spool, place, .. } => {
                let rest = place.size.saturating_sub(offset);
                let length = (out.len() as u64).min(rest) as usize;
                spool.read_at(&mut out[..length], place.offset + offset)
            }
        }
    }

    /// Appends the whole content. More or fewer bytes than [`License::size`] mean that it
    /// has changed.
    pub fn read_whole(&mut self, out: &mut Vec<u8>) -> Result<u64> {
        let file = match &self.content {
            Content::File { file, .. }
            | Content::AtRest { file, .. }
            | Content::Snapshot { file, .. } => file,
            Content::Spooled { place, .. } => {
                return Ok(self.read_next(out, place.size as usize)? as u64);
            }
        };
        let start = out.len();
        let read = |out: &Vec<u8>| (out.len() - start) as u64;
        // One byte more, so that a short read shows the end without another call.
        out.reserve(self.size() as usize + 1);
        loop {
            let room = out.capacity() - out.len();
            let got = rustix::io::retry_on_intr(|| {
                rustix::io::read(file, rustix::buffer::spare_capacity(out))
            })?;
            let ended = got == 0 || (got < room && read(out) == self.size());
            if ended || read(out) > self.size() {
                return Ok(read(out));
            }
        }
    }

    /// Appends the next `length` bytes; fewer mean that it ends here.
    pub fn read_next(&mut self, out: &mut Vec<u8>, length: usize) -> Result<usize> {
        let start = out.len();
        out.resize(start + length, 0);
        let mut filled = 0;
        while filled < length {
            match self.read(&mut out[start + filled..])? {
                0 => break,
                got => filled += got,
            }
        }
        out.truncate(start + filled);
        if let Content::File {
            fresh: Some(hash), ..
        } = &mut self.content
        {
            hash.update(&out[start..]);
        }
        Ok(filled)
    }

    /// Whether a whole license, which was read once, reads the same a moment later, if there is
    /// any doubt.
    pub fn reads_again(&self, content: &[u8]) -> Result<bool> {
        if !matches!(self.content, Content::File { fresh: Some(_), .. }) {
            return Ok(true);
        }
        std::thread::sleep(BETWEEN_READS);
        let mut buffer = vec![0; content.len().min(PIECE)];
        let mut offset = 0;
        for piece in content.chunks(PIECE) {
            let again = &mut buffer[..piece.len()];
            if !self.fills(again, offset)? || again != piece {
                return Ok(false);
            }
            offset += piece.len() as u64;
        }
        self.is_unchanged()
    }

    /// The same for one that was read piece by piece.
    pub fn hashes_again(&self, control: &Control) -> Result<bool> {
        let Content::File {
            fresh: Some(hash), ..
        } = &self.content
        else {
            return Ok(true);
        };
        let mut again = blake3::Hasher::new();
        let mut buffer = vec![0; PIECE];
        let mut offset = 0;
        while offset < self.size() && control.check().is_ok() {
            let length = (self.size() - offset).min(PIECE as u64) as usize;
            if !self.fills(&mut buffer[..length], offset)? {
                return Ok(false);
            }
            again.update(&buffer[..length]);
            offset += length as u64;
        }
        Ok(again.finalize() == hash.finalize() && self.is_unchanged()?)
    }

    /// Fills the buffer with what is at `offset`; false when it ends before.
    fn fills(&self, mut out: &mut [u8], mut offset: u64) -> Result<bool> {
        while !out.is_empty() {
            match self.read_at(out, offset)? {
                0 => return Ok(false),
                got => {
                    out = &mut out[got..];
                    offset += got as u64;
                }
            }
        }
        Ok(true)
    }

    /// Appends the last `length` bytes; what was read before and after does not matter to it.
    pub fn read_end(&self, out: &mut Vec<u8>, length: usize) -> Result<()> {
        let start = out.len();
        let mut offset = self.size().saturating_sub(length as u64);
        out.resize(start + length, 0);
        let mut rest = &mut out[start..];
        while !rest.is_empty() {
            match self.read_at(rest, offset)? {
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
            Content::File { file, before, .. } => Ok(sys::unchanged(before, &fs::fstat(file)?)),
            Content::AtRest { file, database } => Ok(database.is_unchanged(file.as_fd())),
            Content::Snapshot { .. } | Content::Spooled { .. } => Ok(true),
        }
    }
}
