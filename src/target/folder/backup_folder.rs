//! The folder a backup goes to.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType};
use rustix::io::Errno;

use super::names::{FILE_NAME, is_reserved, sweep};
use super::path;
use crate::error::{At, Error, Result};
use crate::name::Reserved;
use crate::sys::{self, Identity};

/// Whether a backup may take the place of what is there.
pub fn may_replace(stat: &fs::Stat, target: &Path, overwrite: bool) -> Result<()> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if overwrite => Ok(()),
        FileType::RegularFile => Err(Error::BackupExists(target.to_owned())),
        _ => Err(Error::NotRegular(target.to_owned())),
    }
}

/// The names that are no licenses, should the folder at `path` be in a store; it need not be
/// there.
pub fn reserved_at(path: &Path) -> Option<Reserved> {
    let stat = sys::stat(path).ok()?;
    Some(Reserved {
        folder: sys::identity(&stat),
        is_reserved,
    })
}

/// The folder a backup goes to.
pub struct Folder {
    path: PathBuf,
    pub(super) folder: OwnedFd,
    identity: Identity,
    /// The folders in which [`Folder::open`] made another: their entries must be safe too.
    parents: Vec<OwnedFd>,
}

impl Folder {
    /// Opens the folder, makes it (mode 0700, parents too) when it is missing, and removes
    /// the temporary files that killed backups left in it.
    pub fn open(path: &Path) -> Result<Self> {
        let path::Opened { folder, parents } = path::open_or_make(path)?;
        let stat = sys::fstat(&folder).at("examine", path)?;
        let folder = Folder {
            path: path.to_owned(),
            identity: sys::identity(&stat),
            folder,
            parents,
        };
        sweep(&folder.folder);
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the backup file.
    pub fn target(&self) -> PathBuf {
        self.path.join(FILE_NAME)
    }

    pub fn reserved(&self) -> Reserved {
        Reserved {
            folder: self.identity,
            is_reserved,
        }
    }

    pub fn refuse_target(&self, overwrite: bool) -> Result<()> {
        match sys::statat(&self.folder, FILE_NAME, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => may_replace(&stat, &self.target(), overwrite),
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno).at("look for", self.target()),
        }
    }

    /// Makes the folder's entries, and those of the folders made for it, safe.
    pub fn synchronize(&self) -> Result<()> {
        let folders = self.parents.iter().chain([&self.folder]);
        for folder in folders {
            sys::synchronize_folder(folder.as_fd()).at("write to the disk", &self.path)?;
        }
        Ok(())
    }
}
