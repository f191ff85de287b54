//! The licenses of a store, as a backup would have them.

use std::path::PathBuf;
use std::sync::Arc;

use super::content::{Hash, Side};
use crate::error::{At, Error, Result, reserve};
use crate::operation::Control;
use crate::scratch::Scratch;
use crate::store::license::{License, Unread};
use crate::store::sqlite::Rows;
use crate::store::{Batch, Contents, OpenError, Reader, TRIES};

/// Bytes that are read at a time.
const PIECE: u64 = 1 << 20;

pub struct StoreSide<'a> {
    contents: Arc<dyn Contents>,
    reader: Box<dyn Reader>,
    /// Where databases are copied to that others wait for.
    scratch: &'a Scratch,
    control: &'a Control,
    buffer: Vec<u8>,
    /// The license, and the hash of its content if all of it was read.
    pub name: Vec<u8>,
    pub side: Side,
    pub hash: Option<blake3::Hash>,
    pub is_database: bool,
    /// The licenses in its rows, if it is compared and they can be told.
    pub rows: Option<Rows>,
}

/// What became of a license that was read.
enum Outcome {
    Read,
    Changed,
    /// It is the file of a database, to be opened as one.
    Database,
}

impl<'a> StoreSide<'a> {
    pub fn new(contents: Arc<dyn Contents>, scratch: &'a Scratch, control: &'a Control) -> Self {
        StoreSide {
            reader: contents.reader(),
            contents,
            scratch,
            control,
            buffer: Vec::new(),
            name: Vec::new(),
            side: Side::default(),
            hash: None,
            is_database: false,
            rows: None,
        }
    }

    fn path(&self) -> PathBuf {
        self.contents.display_path(&self.name)
    }

    /// Reads the batch's next license, whose name is set, again when it changes meanwhile: all of
    /// it if it has the size of the other one, else what is looked at. False when it is none any
    /// more.
    pub fn read(&mut self, batch: &Batch, other_size: Option<u64>) -> Result<bool> {
        for _ in 0..TRIES {
            let mut license = match self.reader.open(batch) {
                Ok(license) => license,
                // Its folder may have been replaced: looked up again, it may be there.
                Err(OpenError::Gone) => continue,
                Err(OpenError::NotALicense) => return Ok(false),
                Err(OpenError::Failed(errno)) => return Err(errno).at("open", || self.path()),
            };
            let mut outcome = self.read_once(&mut license, other_size)?;
            if let Outcome::Database = outcome {
                let path = self.path();
                let reader = &mut self.reader;
                license = reader.open_database(batch, license, &path, self.control)?;
                outcome = self.read_once(&mut license, other_size)?;
            }
            if let Outcome::Read = outcome {
                return Ok(true);
            }
        }
        match self.reader.open(batch) {
            // Gone: it is not in the store.
            Err(OpenError::Gone) => Ok(false),
            _ => Err(Error::Changed(self.path())),
        }
    }

    fn read_once(&mut self, license: &mut License, other_size: Option<u64>) -> Result<Outcome> {
        let (size, modified) = (license.size(), license.modified().seconds);
        let path = || self.contents.display_path(&self.name);
        let side = &mut self.side;
        let wanted = side.begin(size, modified)?;
        self.hash = None;
        self.is_database = license.is_prepared();
        self.rows = other_size.and_then(|_| license.hashed_rows(self.control));
        self.control.check()?;
        let read = license.read_next(&mut side.head, wanted).at("read", path)?;
        if license.reads_as_database(&side.head) {
            return Ok(Outcome::Database);
        }
        let wanted_tail = side.wanted_tail();
        license
            .read_end(&mut side.tail, wanted_tail)
            .at("read", path)?;
        if read < wanted {
            return Ok(Outcome::Changed);
        }
        let hashes = other_size == Some(size);
        if hashes && !self.hash_rest(license)? {
            return Ok(Outcome::Changed);
        }
        let is_same = if hashes || self.is_database {
            license.verify(self.control)
        } else {
            // Of what was read, nothing is compared.
            license.is_unchanged().map_err(Unread::Failed)
        };
        match is_same {
            Ok(true) => Ok(Outcome::Read),
            Ok(false) => Ok(Outcome::Changed),
            Err(Unread::Failed(errno)) => Err(errno).at("read", || self.path()),
            Err(Unread::Cause(error)) => Err(error),
        }
    }

    /// Hashes the license, of which the beginning was read; false when it has changed.
    fn hash_rest(&mut self, license: &mut License) -> Result<bool> {
        let mut hash = Hash::new(self.is_database);
        hash.add(&self.side.head);
        let mut rest = self.side.size - self.side.head.len() as u64;
        while rest > 0 {
            self.control.check()?;
            let length = rest.min(PIECE) as usize;
            self.buffer.clear();
            reserve(&mut self.buffer, length, "a license")?;
            let new_file = || Ok(self.scratch.file()?.0);
            if !license.make_way(&new_file, self.control)? {
                return Ok(false);
            }
            let read = license.read_next(&mut self.buffer, length);
            if read.at("read", || self.contents.display_path(&self.name))? < length {
                return Ok(false);
            }
            hash.add(&self.buffer);
            rest -= length as u64;
        }
        self.hash = Some(hash.finish());
        Ok(true)
    }
}
