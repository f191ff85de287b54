//! Opens the files that batches name.

use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, OFlags};
use rustix::io::Errno;

use super::folder::Directory;
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::store::folders::Cursor;
use crate::store::license::License;
use crate::store::sqlite::{Place, database_of};
use crate::store::{Batch, Facts, OpenError, Reader};
use crate::sys::{self, Care, StoreFile};

/// Opens the files that batches name. One a worker.
pub struct DirectoryReader {
    store: Arc<Directory>,
    /// The folder opened last: the next file is mostly in it too.
    folder: Cursor<Arc<Directory>>,
    /// Added to the flags of open as long as the system allows it.
    no_access_time: OFlags,
}

impl DirectoryReader {
    pub fn new(store: Arc<Directory>) -> Self {
        #[cfg(linux_kernel)]
        let no_access_time = OFlags::NOATIME;
        #[cfg(not(linux_kernel))]
        let no_access_time = OFlags::empty();
        DirectoryReader {
            folder: Cursor::new(store.clone()),
            store,
            no_access_time,
        }
    }

    /// Opens the batch's next entry. ELOOP: it has become a link.
    pub(super) fn open_file(&mut self, folder: &[u8], name: &[u8]) -> sys::Result<StoreFile> {
        let path = folder.strip_suffix(b"/").unwrap_or(folder);
        let folder = self.folder.existing(path)?;
        match StoreFile::open(folder, name, self.no_access_time) {
            // Only for the owner of a file; others read it as everybody does.
            Err(Errno::PERM) if !self.no_access_time.is_empty() => {
                let file = StoreFile::open(folder, name, OFlags::empty())?;
                self.no_access_time = OFlags::empty();
                Ok(file)
            }
            result => result,
        }
    }

    /// Where a database is that was opened as the batch's next entry, and has this path.
    pub(super) fn place<'a>(&'a mut self, batch: &'a Batch, path: &'a Path) -> Result<Place<'a>> {
        let changed = || Error::Changed(path.to_owned());
        let (folder, name) = batch.current().ok_or_else(changed)?;
        let folder = folder.strip_suffix(b"/").unwrap_or(folder);
        Ok(Place {
            folder: self.folder.existing(folder).map_err(|_| changed())?,
            name,
            path,
        })
    }
}

impl Reader for DirectoryReader {
    fn open(&mut self, batch: &Batch) -> std::result::Result<License, OpenError> {
        let Some((folder, name)) = batch.current() else {
            return Err(OpenError::Gone);
        };
        let opened = self
            .open_file(folder, name)
            .and_then(|file| Ok((sys::fstat(&file)?, file)));
        match opened {
            Ok((before, file)) => match FileType::from_raw_mode(before.st_mode) {
                FileType::RegularFile => {
                    let fresh = self.store.clock.is_fresh(&before);
                    // What is called as if it belonged to a database is closed as if it did.
                    let care = match database_of(name) {
                        Some(_) => Care::IfOpen,
                        None => self.store.host.care(&before),
                    };
                    Ok(License::file(
                        file,
                        before,
                        care,
                        fresh,
                        self.store.facts(&before),
                    ))
                }
                _ => Err(OpenError::NotALicense),
            },
            // ENXIO: a socket, or a device without its driver.
            Err(Errno::LOOP | Errno::NXIO) => Err(OpenError::NotALicense),
            Err(Errno::NOENT | Errno::NOTDIR) => {
                // The folder may have been replaced: look it up again.
                self.folder = Cursor::new(self.store.clone());
                Err(OpenError::Gone)
            }
            Err(errno) => Err(OpenError::Failed(errno)),
        }
    }

    fn open_database(
        &mut self,
        batch: &Batch,
        license: License,
        path: &Path,
        control: &Control,
    ) -> Result<License> {
        license.database(&self.place(batch, path)?, control)
    }

    fn look(&mut self, batch: &Batch, at: usize) -> Option<Facts> {
        let (folder, name, is_accompanied) = batch.license_at(at)?;
        let path = folder.strip_suffix(b"/").unwrap_or(folder);
        let folder = self.folder.existing(path).ok()?;
        let stat = sys::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if !sys::is_regular(&stat) {
            return None;
        }
        let facts = self.store.facts(&stat)?;
        if is_accompanied {
            return facts.with_siblings(folder, name);
        }
        Some(facts)
    }
}
