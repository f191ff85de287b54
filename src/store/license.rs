//! The content of a license that is open, wherever it lies.

use std::cell::Cell;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::Stat;
use rustix::io::Errno;

use super::facts::Facts;
use super::spool::{Spool, Spooled};
use super::sqlite::{self, Database, Place, Rows};
use crate::error::Error;
use crate::operation::Control;
use crate::sys::{self, Care, Result, StoreFile, Time};

/// How long a writer that was interrupted in the middle of a write has to go on, between two
/// reads that are compared.
const BETWEEN_READS: Duration = Duration::from_millis(2);

/// Bytes that are compared at a time.
const PIECE: usize = sys::SCRATCH;

/// A license that is open.
pub struct License {
    content: Content,
    /// What it was when it was opened, where that tells whether it is the same later.
    facts: Option<Facts>,
}

enum Content {
    /// A file of the store, and what it was when it was opened.
    File {
        file: StoreFile,
        before: Stat,
        /// What it takes to close it if it is none of a database.
        care: Care,
        /// A hash of what was read so far, for one that may be being written to.
        fresh: Option<Box<blake3::Hasher>>,
    },
    /// A database, of which so many bytes were read.
    Database {
        database: Box<Database>,
        read: Cell<u64>,
    },
    /// A copy of a license of a host's store, of which so many bytes were read.
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
    pub fn file(
        file: StoreFile,
        before: Stat,
        care: Care,
        is_fresh: bool,
        facts: Option<Facts>,
    ) -> Self {
        License {
            facts,
            content: Content::File {
                file,
                before,
                care,
                fresh: is_fresh.then(Box::default),
            },
        }
    }

    pub fn spooled(spool: Arc<Spool>, place: Spooled) -> Self {
        License {
            facts: None,
            content: Content::Spooled {
                spool,
                place,
                read: Cell::new(0),
            },
        }
    }

    /// The database at this place, which it is the file of.
    pub fn database(self, place: &Place<'_>, control: &Control) -> crate::error::Result<Self> {
        // Before it is read, so that what changes from then on shows.
        let facts = self.facts;
        let facts = facts.and_then(|facts| facts.with_siblings(place.folder, place.name));
        let Content::File { file, .. } = self.content else {
            return Err(Error::Changed(place.path.to_owned()));
        };
        let mut database = Database::open(place, file, control)?;
        database.check_first(control)?;
        Ok(License {
            facts: facts.filter(|facts| facts.size() == database.size()),
            content: Content::Database {
                database: Box::new(database),
                read: Cell::new(0),
            },
        })
    }

    /// The licenses in the rows of the database at this place, which it is the file of.
    pub fn rows(self, place: &Place<'_>, control: &Control) -> crate::error::Result<Option<Rows>> {
        match self.content {
            Content::File { file, .. } => Database::rows(place, file, control),
            _ => Ok(None),
        }
    }

    /// The licenses in its rows if it is a database, with their hashes, where that can be told;
    /// asked before anything is read of it.
    pub fn hashed_rows(&self, control: &Control) -> Option<Rows> {
        match &self.content {
            Content::Database { database, .. } => database.hashed_rows(control),
            Content::File { .. } | Content::Spooled { .. } => None,
        }
    }

    /// Whether it is a database that holds no license; asked before anything is read of it.
    pub fn is_empty(&self, control: &Control) -> bool {
        match &self.content {
            Content::Database { database, .. } => database.is_empty(control),
            Content::File { .. } | Content::Spooled { .. } => false,
        }
    }

    /// What is to be done about it besides, by others who go on with it meanwhile, if anything.
    pub fn check(&mut self, control: &Control) -> Option<Box<dyn FnOnce() + Send>> {
        match &mut self.content {
            Content::Database { database, .. } => database.check(control),
            _ => None,
        }
    }

    /// Called between two reads: lets go of what others wait for, by way of a file of our own.
    /// False when it has changed before.
    pub fn make_way(
        &mut self,
        scratch: &dyn Fn() -> crate::error::Result<File>,
        control: &Control,
    ) -> crate::error::Result<bool> {
        match &mut self.content {
            Content::Database { database, read } => database.make_way(read.get(), scratch, control),
            _ => Ok(true),
        }
    }

    /// Whether it took work to have it like this: a database that was locked and checked.
    pub fn is_prepared(&self) -> bool {
        matches!(self.content, Content::Database { .. })
    }

    /// Whether it is the file of a database, which is not just read.
    pub fn is_database(&self) -> Result<bool> {
        match &self.content {
            Content::File { file, care, .. } => {
                let is_database = sqlite::is_database_file(file)?;
                if !is_database {
                    file.set_care(*care);
                }
                Ok(is_database)
            }
            Content::Database { .. } | Content::Spooled { .. } => Ok(false),
        }
    }

    /// The same, by the content that was read.
    pub fn reads_as_database(&self, content: &[u8]) -> bool {
        let Content::File { file, care, .. } = &self.content else {
            return false;
        };
        let is_database = sqlite::is_database(content);
        file.set_care(if is_database { Care::IfOpen } else { *care });
        is_database
    }

    /// What tells whether it is the same later.
    pub fn facts(&self) -> Option<Facts> {
        self.facts
    }

    /// Bytes, as they were when it was opened.
    pub fn size(&self) -> u64 {
        match &self.content {
            Content::File { before, .. } => before.st_size as u64,
            Content::Database { database, .. } => database.size(),
            Content::Spooled { place, .. } => place.size,
        }
    }

    pub fn modified(&self) -> Time {
        match &self.content {
            Content::File { before, .. } => sys::modified(before),
            Content::Database { database, .. } => database.modified(),
            Content::Spooled { place, .. } => Time {
                seconds: place.modified,
                nanoseconds: 0,
            },
        }
    }

    /// Reads on; 0 bytes at the end.
    fn read(&self, out: &mut [u8]) -> Result<usize> {
        match &self.content {
            Content::File { file, .. } => {
                rustix::io::retry_on_intr(|| rustix::io::read(file, &mut *out))
            }
            Content::Database { read, .. } | Content::Spooled { read, .. } => {
                let got = self.read_at(out, read.get())?;
                read.set(read.get() + got as u64);
                Ok(got)
            }
        }
    }

    /// Reads what is at `offset`; 0 bytes at the end.
    fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize> {
        match &self.content {
            Content::File { file, .. } => {
                rustix::io::retry_on_intr(|| rustix::io::pread(file, &mut *out, offset))
            }
            Content::Database { database, .. } => database.read_at(out, offset),
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
            Content::File { file, .. } => file,
            Content::Database { .. } | Content::Spooled { .. } => {
                return Ok(self.read_next(out, self.size() as usize)? as u64);
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
                break;
            }
        }
        let read = read(out);
        self.note(&out[start..]);
        Ok(read)
    }

    /// Notes what was read of a file that may be being written to.
    fn note(&mut self, data: &[u8]) {
        if let Content::File {
            fresh: Some(hash), ..
        } = &mut self.content
        {
            hash.update(data);
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
        self.note(&out[start..]);
        Ok(filled)
    }

    /// Whether a file is unchanged, and reads the same a moment later if there is any doubt.
    fn is_as_read(&self, control: &Control) -> Result<bool> {
        let Content::File {
            fresh: Some(hash), ..
        } = &self.content
        else {
            return self.is_unchanged();
        };
        std::thread::sleep(BETWEEN_READS);
        let mut again = blake3::Hasher::new();
        let mut buffer = vec![0; PIECE.min(self.size() as usize)];
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
            Content::File { file, before, .. } => Ok(sys::unchanged(before, &sys::fstat(file)?)),
            Content::Database { .. } | Content::Spooled { .. } => Ok(true),
        }
    }

    /// The same when all of it was read, and whether nothing is wrong with what is in it.
    pub fn verify(&mut self, control: &Control) -> std::result::Result<bool, Unread> {
        match &mut self.content {
            Content::Database { database, .. } => database.verify(control).map_err(Unread::Cause),
            Content::File { .. } => self.is_as_read(control).map_err(Unread::Failed),
            Content::Spooled { .. } => Ok(true),
        }
    }
}

/// Why a license was not read.
pub enum Unread {
    Failed(Errno),
    /// It says what it is about.
    Cause(Error),
}
