//! What a target is.

use std::cell::Cell;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::keep::Rule;
use crate::name::Reserved;
use crate::operation::{Control, HostCalls, Operation};
use crate::scratch::Scratch;
use crate::sys::{Part, ReadAt, ReadSeek};

/// Where backups go.
pub trait Target: Send + Sync {
    /// The path of the backup file, for the caller.
    fn display_path(&self) -> PathBuf;

    /// The quick look before an operation starts: an error when there is a backup file that may
    /// not be replaced.
    fn check(&self, overwrite: bool) -> Result<()>;

    /// Whether what was written can be read back before it is published.
    fn reads_back(&self) -> bool;

    /// Begins a new backup file. Dropped before it is published, it never was.
    fn create(
        self: Arc<Self>,
        overwrite: bool,
        operation: &Operation<'_>,
    ) -> Result<Box<dyn NewFile>>;
}

/// Where a backup comes from.
pub trait Origin: Send + Sync {
    /// The path of the backup file, for the caller.
    fn display_path(&self) -> PathBuf;

    /// The quick look before an operation starts.
    fn check(&self) -> Result<()>;

    fn open(self: Arc<Self>, calls: HostCalls, control: &Control) -> Result<Source>;

    /// Where its file is, if it has a path.
    fn place(&self) -> Option<PathBuf>;
}

/// A target that is set in the place of folders: backups go there and come from there.
pub trait SetTarget: Target + Origin {}

/// A backup file that is being written. It is only ever appended to.
pub trait NewFile: ReadAt + Send {
    /// Appends; an error names the file that is to be.
    fn append(&mut self, data: &[u8]) -> Result<()>;

    /// Whether what was appended can be taken back.
    fn takes_back(&self) -> bool {
        false
    }

    /// Takes the last bytes back, where that can be done.
    fn take_back(&mut self, _bytes: u64) -> Result<()> {
        Err(Error::Defect("what is only appended to, cut".to_owned()))
    }

    /// Whether [`NewFile::share`] takes any part, which need not be read then.
    fn shares_all(&self) -> bool {
        false
    }

    /// Appends a part of the file that [`NewFile::earlier`] gave last, where its blocks can be
    /// shared; false where they cannot.
    fn share(&mut self, _part: Part) -> Result<bool> {
        Ok(false)
    }

    /// Waits until what was appended is safe.
    fn synchronize(&mut self) -> Result<()>;

    /// Forgets what memory still holds of it, where that can be done: what is read next is what was
    /// stored.
    fn forget_cached(&self) {}

    /// The backup that it is to take the place of, if there is one now.
    fn earlier(&mut self) -> Result<Option<Source>>;

    /// Puts the file, which must be synchronized, in its place: that of nothing, or with
    /// `overwrite` that of an earlier backup. Where that is another than [`NewFile::earlier`] gave
    /// last, `agrees` is asked, and an error of it ends it. With `keeping` the earlier one stays as
    /// a generation, where the target has such.
    fn publish(
        self: Box<Self>,
        overwrite: bool,
        keeping: Option<&Keeping>,
        agrees: &mut dyn FnMut(Result<Option<Source>>) -> Result<()>,
    ) -> Result<()>;

    /// The path it will have.
    fn path(&self) -> PathBuf;

    /// A place beside it, if it lies in a folder, for files that are gone with the backup.
    fn scratch(&self) -> Result<Scratch> {
        Ok(Scratch::apart())
    }

    /// A folder that it lies in, and which names there are not licenses.
    fn reserved(&self) -> Option<Reserved> {
        None
    }
}

/// How generations are kept in a backup.
pub struct Keeping<'a> {
    pub control: &'a Control,
    pub rule: Rule,
    /// When the new backup was made.
    pub created: i64,
    /// When the backup was made that [`NewFile::earlier`], or `agrees`, was about last, as far as
    /// that can be told.
    pub replaced: Cell<Option<i64>>,
}

/// A backup file that is read.
pub struct Source {
    pub bytes: Box<dyn ReadSeek>,
    pub path: PathBuf,
    /// The same bytes for many readers, where it is a file.
    pub file: Option<Arc<File>>,
}
