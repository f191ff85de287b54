//! Opens the files that batches name.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{self, FileType, OFlags};
use rustix::io::Errno;

use super::folder::Directory;
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::store::license::License;
use crate::store::sqlite::{Place, database_of};
use crate::store::{Batch, OpenError, Reader};
use crate::sys::{self, Care, StoreFile};

/// Opens the files that batches name. One a worker.
pub struct DirectoryReader {
    store: Arc<Directory>,
    /// The folder opened last, and its path: the next file is mostly in it too.
    folder: Option<OwnedFd>,
    folder_path: Vec<u8>,
    /// Added to the flags of open as long as the system allows it.
    no_access_time: OFlags,
}

impl DirectoryReader {
    pub fn new(store: Arc<Directory>) -> Self {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let no_access_time = OFlags::NOATIME;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let no_access_time = OFlags::empty();
        DirectoryReader {
            store,
            folder: None,
            folder_path: Vec::new(),
            no_access_time,
        }
    }

    /// Opens the batch's next entry. ELOOP: it has become a link.
    pub(super) fn open_file(&mut self, folder: &[u8], name: &[u8]) -> sys::Result<StoreFile> {
        if self.folder.is_none() || self.folder_path != folder {
            self.folder = None;
            self.folder_path.clear();
            self.folder_path.extend_from_slice(folder);
            let path = folder.strip_suffix(b"/").unwrap_or(b".");
            let root = self.store.root.as_fd();
            self.folder = Some(sys::open_beneath(root, path, sys::FOLDER)?);
        }
        let Some(folder) = &self.folder else {
            return Err(Errno::NOENT);
        };
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
    pub(super) fn place<'a>(&'a self, batch: &'a Batch, path: &'a Path) -> Result<Place<'a>> {
        match (&self.folder, batch.current()) {
            (Some(folder), Some((_, name))) => Ok(Place {
                folder: folder.as_fd(),
                name,
                path,
            }),
            _ => Err(Error::Changed(path.to_owned())),
        }
    }
}

impl Reader for DirectoryReader {
    fn open(&mut self, batch: &Batch) -> std::result::Result<License, OpenError> {
        let Some((folder, name)) = batch.current() else {
            return Err(OpenError::Gone);
        };
        let opened = self
            .open_file(folder, name)
            .and_then(|file| Ok((fs::fstat(&file)?, file)));
        match opened {
            Ok((before, file)) => match FileType::from_raw_mode(before.st_mode) {
                FileType::RegularFile => {
                    let fresh = self.store.clock.is_fresh(&before);
                    // What is called as if it belonged to a database is closed as if it did.
                    let care = match database_of(name) {
                        Some(_) => Care::IfOpen,
                        None => self.store.host.care(&before),
                    };
                    Ok(License::file(file, before, care, fresh))
                }
                _ => Err(OpenError::NotALicense),
            },
            // ENXIO: a socket, or a device without its driver.
            Err(Errno::LOOP | Errno::NXIO) => Err(OpenError::NotALicense),
            Err(Errno::NOENT | Errno::NOTDIR) => {
                // The folder may have been replaced: look it up again.
                self.folder = None;
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
}
