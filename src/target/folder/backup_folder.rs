//! The folder a backup goes to.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType, Mode};
use rustix::io::Errno;

use super::generation::FILE_NAME;
use super::names::{is_reserved, sweep};
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
        match self.look()? {
            Some(stat) => may_replace(&stat, &self.target(), overwrite),
            None => Ok(()),
        }
    }

    /// What has the backup file's name, if anything has.
    pub fn look(&self) -> Result<Option<fs::Stat>> {
        match sys::statat(&self.folder, FILE_NAME, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno).at("look for", self.target()),
        }
    }

    /// Opens the backup file that is there.
    pub fn open_target(&self) -> Result<Option<(File, fs::Stat)>> {
        let flags = sys::UNTRUSTED_FILE;
        let file = match sys::open_at(&self.folder, FILE_NAME, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::MLINK) => return Err(Error::NotRegular(self.target())),
            file => file.at("open", self.target())?,
        };
        let stat = sys::fstat(&file).at("open", self.target())?;
        match sys::is_regular(&stat) {
            true => Ok(Some((file.into(), stat))),
            false => Err(Error::NotRegular(self.target())),
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
