//! What a store is: what can be listed and read, and whoever is told of it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::batch::Batch;
use super::facts::Facts;
use super::license::License;
use crate::error::Result;
use crate::name::Reserved;
use crate::operation::{Control, Operation};

/// The kinds of stores, as a backup says them.
pub(crate) const DIRECTORY: &str = "directory";
/// One SQLite database.
pub(crate) const DATABASE: &str = "sqlite";
/// One that the host keeps itself.
pub(crate) const HOST: &str = "host";

/// A store, not open yet.
pub trait Store: Send + Sync {
    /// Opens it to be read; what a killed restore left half done in it is put back first.
    fn open<'a>(&'a self, operation: &Operation<'_>) -> Result<Box<dyn Opened + 'a>>;

    /// Calls the listener with every license, on the calling thread.
    fn each(
        &self,
        listener: &mut dyn Listener,
        reserved: Option<Reserved>,
        control: &Control,
    ) -> Result<()>;

    /// What is in it, in the order of an archive, for the calling thread.
    fn list<'a>(&'a self, wish: Wish<'_>, control: &'a Control) -> Result<Listing<'a>>;
}

/// A store that is open.
pub trait Opened {
    /// What is in it, in the order of an archive.
    fn list<'a>(
        self: Box<Self>,
        wish: Wish<'_>,
        operation: &mut Operation<'a>,
    ) -> Result<Listing<'a>>;
}

/// What is wanted of a list.
pub struct Wish<'a> {
    /// Names that are no licenses.
    pub reserved: Option<Reserved>,
    /// A folder that cannot be listed is an entry, not a failure.
    pub partial: bool,
    /// Makes a file that is gone when it is closed, and says where it lies.
    pub new_file: &'a dyn Fn() -> Result<(File, PathBuf)>,
}

/// A store's list, and what its entries name.
pub struct Listing<'a> {
    pub list: Box<dyn List + 'a>,
    pub contents: Arc<dyn Contents>,
}

/// What is in a store, in the order of an archive.
pub trait List {
    /// The next piece of the list; None at its end. After an error, a list of a folder goes on
    /// where it failed.
    fn next_batch(&mut self) -> Result<Option<Batch>>;

    /// Entries listed so far.
    fn listed(&self) -> u64;

    /// How many licenses there are, and their bytes, if that is known from the beginning.
    fn totals(&self) -> Option<(u64, u64)>;
}

/// The contents of a store's licenses, shared by all who read them.
pub trait Contents: Send + Sync {
    /// What kind of store it is, as a backup says.
    fn kind(&self) -> &'static str;

    /// Whether what was read is of one store, when all of it was.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The path of a license, for messages; in a host's store that is its name.
    fn display_path(&self, name: &[u8]) -> PathBuf;

    fn reader(&self) -> Box<dyn Reader>;

    /// Reads ahead of the readers, where that can be worth it.
    fn read_ahead(&self) -> Option<Box<dyn ReadAhead>>;
}

/// Opens what batches name; one a worker.
pub trait Reader: Send {
    /// Opens the next entry of a batch.
    fn open(&mut self, batch: &Batch) -> std::result::Result<License, OpenError>;

    /// The database of this path, whose file was opened as the next entry of a batch.
    fn open_database(
        &mut self,
        batch: &Batch,
        license: License,
        path: &Path,
        control: &Control,
    ) -> Result<License>;

    /// What tells whether a license has changed, the one of a batch that so many others come
    /// before; it is not opened. None where that cannot be told.
    fn look(&mut self, _batch: &Batch, _at: usize) -> Option<Facts> {
        None
    }
}

/// Why a license was not opened.
pub enum OpenError {
    /// It is not there any more.
    Gone,
    /// It is a link or a special file by now.
    NotALicense,
    Failed(Errno),
}

/// Whoever is told of a store's licenses.
pub trait Listener {
    /// Bytes that are wanted from the beginning of a license of this size.
    fn wanted_head(&self, size: u64) -> usize;

    /// Bytes that are wanted from the end of one that begins like this.
    fn wanted_tail(&self, head: &[u8], size: u64) -> usize;

    /// A license; false ends the list.
    fn license(&mut self, license: Glimpse<'_>) -> Result<bool>;
}

/// What is seen of a license in a list.
pub struct Glimpse<'a> {
    pub name: &'a [u8],
    pub size: u64,
    /// Unix seconds; `i64::MIN` where nothing states it.
    pub modified: i64,
    /// What was wanted of its beginning and its end; None for a row of a database, which is what
    /// its player makes of it.
    pub content: Option<(&'a [u8], &'a [u8])>,
}

/// Reads ahead of the readers of a store, while the disk is what they wait for.
pub trait ReadAhead: Send + Sync {
    /// Called by a reader before each license; `prefetched` of the batch's next entries were asked
    /// for already.
    fn advance(&self, waits: &mut Waits, batch: &Batch, prefetched: &mut usize);

    /// Ends it for good. All its descriptors are given back when this returns, also to the second
    /// of two who ask at once.
    fn end(&self);
}

/// What one reader notes of its waiting.
#[derive(Default)]
pub struct Waits {
    pub licenses: u64,
    /// How often its thread had waited at the last look.
    pub before: u64,
}
