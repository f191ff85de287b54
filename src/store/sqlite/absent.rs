//! Databases of a build without SQLite: one that is at rest can be copied, any other cannot.

use std::path::{Path, PathBuf};
use std::sync::Weak;

use super::{Files, copy_file};
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::store::TRIES;
use crate::sys::Time;

/// Takes a snapshot of the database at `path` into the empty file at `into`. When the database
/// was modified.
pub fn snapshot(path: &Path, into: &Path, control: &Control) -> Result<Time> {
    for _ in 0..TRIES {
        let before = Files::look(path)?;
        if before.has_journal()? || before.has_log() {
            return Err(Error::NoSqlite(path.to_owned()));
        }
        copy_file(path, into, control)?;
        if before.is_unchanged()? {
            return Ok(before.modified());
        }
    }
    Err(Error::Changed(path.to_owned()))
}

/// Looks whether a database is sound: without SQLite it is taken as it is.
pub fn checker(
    _path: &Path,
    _wanted: Weak<()>,
    _control: &Control,
) -> Box<dyn FnOnce() -> bool + Send> {
    Box::new(|| true)
}

/// A row that is a licence: without SQLite there is none.
pub struct Row {
    pub name: Vec<u8>,
    pub size: u64,
    pub modified: Option<i64>,
}

pub enum Rows {}

pub fn rows(
    _path: &Path,
    _scratch: &mut dyn FnMut() -> Result<PathBuf>,
    _control: &Control,
) -> Result<Option<Rows>> {
    Ok(None)
}

impl Rows {
    pub fn each(&self, _path: &Path, _each: &mut dyn FnMut(Row) -> Result<bool>) -> Result<()> {
        match *self {}
    }
}
