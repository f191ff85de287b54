//! A directory store that is open.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{OFlags, Stat};
use rustix::io::Errno;

use super::clock::Clock;
use crate::error::Result;
use crate::store::folders::{cannot_open, locate_file};
use crate::store::staging::{self, LeftOvers, Shared};
use crate::store::{DATABASE, DIRECTORY, Facts, sqlite};
use crate::sys::{self, HostFiles, StoreFile};

/// A directory store, or one database of a folder.
pub struct Directory {
    pub(super) path: PathBuf,
    pub(super) root: OwnedFd,
    /// No restore begins while it is read.
    shared: Shared,
    /// The name of the one file that is the store.
    pub(super) only: Option<OsString>,
    /// What the times of its files are taken from.
    pub(super) clock: Clock,
    /// What this process has open besides.
    pub(super) host: HostFiles,
    /// The device whose files have times that tell whether they have changed.
    keeps_times: Option<u64>,
}

/// The device of a folder, if the times of its files tell whether they have changed.
fn keeps_times(root: &OwnedFd) -> Option<u64> {
    let stat = sys::fstat(root).ok().filter(|_| sys::keeps_times(root))?;
    Some(sys::identity(&stat).0)
}

impl Directory {
    /// Opens the folder at `path`, or the database, as a store, and puts back first what a
    /// killed restore left half done in it.
    pub fn open(path: &Path, left_overs: LeftOvers) -> Result<Arc<Self>> {
        match sys::open_trusted(path, sys::FOLDER) {
            Ok(root) => Ok(Arc::new(Directory {
                path: path.to_owned(),
                clock: Clock::of(&root),
                keeps_times: keeps_times(&root),
                shared: staging::share(root.as_fd(), path, left_overs)?,
                root,
                only: None,
                host: HostFiles::look(),
            })),
            Err(Errno::NOTDIR) => Self::open_database(path, left_overs),
            // A database that is not there may have been moved away by a killed restore.
            Err(Errno::NOENT) => {
                let opened = Self::open_database(path, left_overs);
                if opened.is_err() && left_overs == LeftOvers::Recover {
                    staging::tidy(path)?;
                }
                opened
            }
            Err(errno) => Err(cannot_open(path, errno)),
        }
    }

    fn open_database(path: &Path, left_overs: LeftOvers) -> Result<Arc<Self>> {
        let failed = |errno| cannot_open(path, errno);
        let (folder, only) = locate_file(path).map_err(failed)?;
        let root = sys::open_trusted(&folder, sys::FOLDER).map_err(failed)?;
        // A file has no restore of its own: it is one of its folder's.
        let shared = staging::share(root.as_fd(), &folder, left_overs)?;
        let file = StoreFile::open(&root, &*only, OFlags::empty()).map_err(failed)?;
        let regular = sys::is_regular(&sys::fstat(&file).map_err(failed)?);
        if !regular || !sqlite::is_database_file(&file).map_err(failed)? {
            return Err(failed(Errno::NOTDIR));
        }
        Ok(Arc::new(Directory {
            path: folder,
            clock: Clock::of(&root),
            keeps_times: keeps_times(&root),
            root,
            shared,
            only: Some(only),
            host: HostFiles::look(),
        }))
    }

    /// Whether no restore has begun since; to be asked when all was read.
    pub fn check(&self) -> Result<()> {
        self.shared.check()
    }

    /// What tells whether a file that looks like this has changed later, where something does.
    pub(super) fn facts(&self, stat: &Stat) -> Option<Facts> {
        let device = sys::identity(stat).0;
        (self.keeps_times == Some(device)).then(|| Facts::of(stat))
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

/// Of the folder.
impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}
