//! What a backup is made of: a folder that is read while it is listed, or what was copied of
//! a host's store.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::operation::Control;
use crate::status::wmlb_progress;
use crate::store::HOST;
use crate::store::directory::{Batch, Directory, Entry, Lister, OpenError, Reader};
use crate::store::host::{Index, Spool};
use crate::store::opened::License;

/// Where the contents are.
pub enum Source {
    Directory(Arc<Directory>),
    Host(Arc<Spool>),
}

impl Source {
    /// What kind of store it is, as a backup says.
    pub fn kind(&self) -> &'static str {
        match self {
            Source::Directory(store) => store.kind(),
            Source::Host(_) => HOST,
        }
    }

    pub fn opener(&self) -> Opener {
        match self {
            Source::Directory(store) => Opener::Directory(Reader::new(store.clone())),
            Source::Host(spool) => Opener::Host(spool.clone()),
        }
    }

    /// The path of a licence, for words; in a host's store that is its name.
    pub fn display_path(&self, name: &[u8]) -> PathBuf {
        match self {
            Source::Directory(store) => store.display_path(name),
            Source::Host(_) => OsStr::from_bytes(name).into(),
        }
    }
}

/// Opens what batches name. One a worker.
pub enum Opener {
    Directory(Reader),
    Host(Arc<Spool>),
}

impl Opener {
    /// Opens the next entry of a batch.
    pub fn open(&mut self, batch: &Batch) -> std::result::Result<License, OpenError> {
        match self {
            Opener::Directory(reader) => reader.open(batch),
            Opener::Host(spool) => match batch.peek() {
                Some(Entry::Spooled(place)) => Ok(License::spooled(spool.clone(), *place)),
                _ => Err(OpenError::Gone),
            },
        }
    }

    /// The database of this path, whose file was opened as the next entry of a batch.
    pub fn database(
        &self,
        batch: &Batch,
        license: License,
        path: &Path,
        control: &Control,
    ) -> Result<License> {
        match self {
            Opener::Directory(reader) => license.database(&reader.place(batch, path)?, control),
            // Those of hosts are bytes like others.
            Opener::Host(_) => Ok(license),
        }
    }
}

/// What is in a store, in the order of the archive.
pub enum List<'a> {
    Directory(Lister<'a>),
    /// With the bytes of its licences.
    Host(Index, u64),
}

impl List<'_> {
    /// The next piece of the list; None at its end.
    pub fn next_batch(&mut self) -> Result<Option<Batch>> {
        match self {
            List::Directory(lister) => lister.next_batch(),
            List::Host(index, _) => Ok(index.next_batch()),
        }
    }

    /// Entries listed so far.
    pub fn listed(&self) -> u64 {
        match self {
            List::Directory(lister) => lister.listed(),
            List::Host(index, _) => index.len() as u64,
        }
    }

    /// The progress at the beginning: what is known of the totals.
    pub fn totals(&self) -> wmlb_progress {
        match self {
            List::Directory(_) => wmlb_progress::default(),
            List::Host(index, bytes) => wmlb_progress {
                licenses_total: index.len() as u64,
                bytes_total: *bytes,
                ..Default::default()
            },
        }
    }
}
