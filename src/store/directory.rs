//! A folder of licence files: every regular file below it, at any depth, is a licence, and
//! its path below the folder is its name.
//!
//! Listing and reading are apart: the [`Lister`] walks the folders in order and makes
//! [`Batch`]es of names; any number of [`Reader`]s open what the batches name.

mod ahead;
mod batch;
mod folders;
mod journal;
mod listing;
mod location;
mod moves;
mod siblings;
mod staging;

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, FileType, Mode, OFlags};
use rustix::io::Errno;

pub use ahead::{ReadAhead, Waits};
pub use batch::{Batch, Entry};
pub use folders::{is_regular, make_folders, split_name};
pub use journal::{Fingerprint, JournalWriter, Step, append_record};
pub use listing::{Lister, Reserved};
pub use staging::Staging;

use super::opened::License;
use super::{DATABASE, DIRECTORY, sqlite};
use crate::error::{Error, Result};
use crate::sys;

/// A directory store, or one database of a folder.
pub struct Directory {
    path: PathBuf,
    root: OwnedFd,
    /// The name of the one file that is the store.
    only: Option<OsString>,
}

impl Directory {
    /// Opens the folder at `path`, or the database, as a store, and puts back first what a
    /// killed restore left half done in it.
    pub fn open(path: &Path) -> Result<Arc<Self>> {
        // A file has no restore of its own: it is one of its folder's.
        let is_file = match fs::stat(path) {
            Ok(stat) => is_regular(&stat),
            Err(Errno::NOENT | Errno::NOTDIR) => false,
            Err(errno) => return Err(cannot_open(path, errno)),
        };
        if !is_file {
            location::recover(path)?;
        }
        match sys::open_at(fs::CWD, path, sys::FOLDER, Mode::empty()) {
            Ok(root) => Ok(Arc::new(Directory {
                path: path.to_owned(),
                root,
                only: None,
            })),
            // A database that is not there may have been moved away by a killed restore.
            Err(Errno::NOTDIR | Errno::NOENT) => Self::open_database(path),
            Err(errno) => Err(cannot_open(path, errno)),
        }
    }

    fn open_database(path: &Path) -> Result<Arc<Self>> {
        let failed = |errno| cannot_open(path, errno);
        let (folder, only) = locate_file(path).map_err(failed)?;
        location::recover(&folder)?;
        let root = sys::open_at(fs::CWD, &folder, sys::FOLDER, Mode::empty()).map_err(failed)?;
        let file = sys::open_at(&root, &only, LICENSE, Mode::empty()).map_err(failed)?;
        let regular = is_regular(&fs::fstat(&file).map_err(failed)?);
        if !regular || !sqlite::is_database_file(&file).map_err(failed)? {
            return Err(failed(Errno::NOTDIR));
        }
        Ok(Arc::new(Directory {
            path: folder,
            root,
            only: Some(only),
        }))
    }

    /// What kind of store it is, as a backup says.
    pub fn kind(&self) -> &'static str {
        match self.only {
            None => DIRECTORY,
            Some(_) => DATABASE,
        }
    }

    /// The path of something in the store, for words.
    pub fn display_path(&self, name: &[u8]) -> PathBuf {
        self.path.join(OsStr::from_bytes(name))
    }
}

/// The folder and the name, without links, of a file that need not be there.
pub fn locate_file(path: &Path) -> std::result::Result<(PathBuf, OsString), Errno> {
    let real = match canonical(path) {
        Err(Errno::NOENT) if path.symlink_metadata().is_err() => {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                return Err(Errno::NOENT);
            };
            canonical(parent)?.join(name)
        }
        real => real?,
    };
    let name = real.file_name().ok_or(Errno::ISDIR)?.to_owned();
    Ok((real.parent().unwrap_or(&real).to_owned(), name))
}

/// The path without links.
fn canonical(path: &Path) -> std::result::Result<PathBuf, Errno> {
    path.canonicalize()
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// How licences are opened.
const LICENSE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Whether a file of a folder of the store is a database.
fn is_database(folder: BorrowedFd<'_>, name: &[u8]) -> bool {
    sys::open_at(folder, name, LICENSE, Mode::empty())
        .and_then(sqlite::is_database_file)
        .is_ok_and(|database| database)
}

/// Why a store cannot be opened. What is not there, or is no folder, is no store; other
/// failures are told as they are.
pub fn cannot_open(path: &Path, errno: Errno) -> Error {
    match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Error::Store {
            path: path.to_owned(),
            source: errno.into(),
        },
        errno => Error::system("open the license store", path, errno),
    }
}

/// Opens the files that batches name. One a worker.
pub struct Reader {
    store: Arc<Directory>,
    /// The folder opened last, and its path: the next file is mostly in it too.
    folder: Option<OwnedFd>,
    folder_path: Vec<u8>,
    /// Added to the flags of open as long as the system allows it.
    no_access_time: OFlags,
}

impl Reader {
    pub fn new(store: Arc<Directory>) -> Self {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let no_access_time = OFlags::NOATIME;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let no_access_time = OFlags::empty();
        Reader {
            store,
            folder: None,
            folder_path: Vec::new(),
            no_access_time,
        }
    }

    /// Opens the batch's next entry. ELOOP: it has become a link.
    fn open_file(&mut self, folder: &[u8], name: &[u8]) -> std::result::Result<OwnedFd, Errno> {
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
        match sys::open_at(folder, name, LICENSE | self.no_access_time, Mode::empty()) {
            // Only for the owner of a file; others read it as everybody does.
            Err(Errno::PERM) if !self.no_access_time.is_empty() => {
                let file = sys::open_at(folder, name, LICENSE, Mode::empty())?;
                self.no_access_time = OFlags::empty();
                Ok(file)
            }
            result => result,
        }
    }

    /// Opens the next entry of a batch.
    pub fn open(&mut self, batch: &Batch) -> std::result::Result<License, OpenError> {
        let Some((folder, name)) = batch.current() else {
            return Err(OpenError::Gone);
        };
        let opened = self
            .open_file(folder, name)
            .and_then(|file| Ok((fs::fstat(&file)?, file)));
        match opened {
            Ok((before, file)) => match FileType::from_raw_mode(before.st_mode) {
                FileType::RegularFile => Ok(License::file(file, before)),
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
}

impl Reader {
    /// Where a database is that was opened as the batch's next entry, and has this path.
    pub fn place<'a>(&'a self, batch: &'a Batch, path: &'a Path) -> Result<sqlite::Place<'a>> {
        match (&self.folder, batch.current()) {
            (Some(folder), Some((_, name))) => Ok(sqlite::Place {
                folder: folder.as_fd(),
                name,
                path,
            }),
            _ => Err(Error::Changed(path.to_owned())),
        }
    }
}

/// Why a file was not opened.
pub enum OpenError {
    /// It is not there any more.
    Gone,
    /// It is a link or a special file by now.
    NotALicense,
    Failed(Errno),
}
