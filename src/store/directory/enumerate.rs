//! Lists a directory store on the calling thread.

use std::path::PathBuf;
use std::sync::Arc;

use super::folder::Directory;
use super::listing::Lister;
use super::reader::DirectoryReader;
use crate::error::{At, Error, Result, reserve};
use crate::name::Reserved;
use crate::operation::Control;
use crate::store::license::License;
use crate::store::sqlite::Rows;
use crate::store::{Batch, Entry, Glimpse, List, Listener, OpenError, Reader, TRIES};
use crate::sys;

/// Calls the listener with every license, and those that are rows of a database after that.
pub fn each(
    store: &Arc<Directory>,
    listener: &mut dyn Listener,
    reserved: Option<Reserved>,
    control: &Control,
) -> Result<()> {
    let mut lister = Lister::new(store.clone(), reserved, false, control)?;
    let mut looks = Looks {
        store,
        reader: DirectoryReader::new(store.clone()),
        control,
        name: Vec::new(),
        head: Vec::new(),
        tail: Vec::new(),
    };
    while let Some(mut batch) = lister.next_batch()? {
        while let Some(entry) = batch.peek() {
            if matches!(entry, Entry::License) && !looks.license(&batch, listener)? {
                return Ok(());
            }
            batch.advance();
        }
    }
    Ok(())
}

struct Looks<'a> {
    store: &'a Directory,
    reader: DirectoryReader,
    control: &'a Control,
    name: Vec<u8>,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Looks<'_> {
    fn path(&self) -> PathBuf {
        self.store.display_path(&self.name)
    }

    /// Tells of the batch's next license; false when the list is to end.
    fn license(&mut self, batch: &Batch, listener: &mut dyn Listener) -> Result<bool> {
        self.name.clear();
        batch.append_name(&mut self.name);
        let Some(license) = self.open(batch, listener)? else {
            return Ok(true);
        };
        let is_database = license.reads_as_database(&self.head);
        let goes_on = listener.license(Glimpse {
            name: &self.name,
            size: license.size(),
            modified: license.modified().seconds,
            content: Some((&self.head, &self.tail)),
        })?;
        if !goes_on || !is_database {
            return Ok(goes_on);
        }
        let path = self.path();
        let rows = license.rows(&self.reader.place(batch, &path)?, self.control)?;
        self.rows(&rows.unwrap_or_default(), listener)
    }

    /// Opens the batch's next license, and reads what is wanted of it; None when it is none any
    /// more.
    fn open(&mut self, batch: &Batch, listener: &dyn Listener) -> Result<Option<License>> {
        for _ in 0..TRIES {
            let mut license = match self.reader.open(batch) {
                Ok(license) => license,
                // Its folder may have been replaced: looked up again, it may be there.
                Err(OpenError::Gone) => continue,
                Err(OpenError::NotALicense) => return Ok(None),
                Err(OpenError::Failed(errno)) => return Err(errno).at("open", || self.path()),
            };
            let unchanged = self.read(&mut license, listener)?;
            // Whether a database changes is told by its locks.
            if unchanged || license.reads_as_database(&self.head) {
                return Ok(Some(license));
            }
        }
        match self.reader.open(batch) {
            // Gone: it is not in the store.
            Err(OpenError::Gone) => Ok(None),
            _ => Err(Error::Changed(self.path())),
        }
    }

    /// Reads what is wanted of a license; false when it changed meanwhile.
    fn read(&mut self, license: &mut License, listener: &dyn Listener) -> Result<bool> {
        self.head.clear();
        let wanted = listener.wanted_head(license.size());
        reserve(&mut self.head, wanted, "a license")?;
        self.read_excerpt(license, wanted, listener)
            .at("read", || self.path())
    }

    fn read_excerpt(
        &mut self,
        license: &mut License,
        wanted: usize,
        listener: &dyn Listener,
    ) -> sys::Result<bool> {
        self.tail.clear();
        let read = license.read_next(&mut self.head, wanted)?;
        let wanted_tail = listener.wanted_tail(&self.head, license.size());
        license.read_end(&mut self.tail, wanted_tail)?;
        Ok(read == wanted && license.is_unchanged()?)
    }

    /// Tells of the licenses that are rows of a database.
    fn rows(&self, rows: &Rows, listener: &mut dyn Listener) -> Result<bool> {
        for row in rows.each() {
            let goes_on = listener.license(Glimpse {
                name: &[&self.name, row.name].concat(),
                size: row.size,
                modified: row.modified.unwrap_or(i64::MIN),
                content: None,
            })?;
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
