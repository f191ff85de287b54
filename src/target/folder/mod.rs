//! A folder as a target: the backup file is `licenses.wmlb` in it.

mod commit;
mod path;
mod temporary;

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use commit::may_replace;

use super::{NewFile, Source, Target};
use crate::error::{At, Error, Result};
use crate::name::Reserved;
use crate::sys::{self, Identity};

/// The name of the backup file in its folder.
pub(crate) const FILE_NAME: &str = "licenses.wmlb";

/// Whether a name in the backup folder is one that backups use.
fn is_reserved(name: &[u8]) -> bool {
    name == FILE_NAME.as_bytes() || temporary::is_temporary(name)
}

/// The names that are no licenses, should the folder at `path` be in a store; it need not be
/// there.
pub fn reserved_at(path: &Path) -> Option<Reserved> {
    let stat = fs::stat(path).ok()?;
    Some(Reserved {
        folder: sys::identity(&stat),
        is_reserved,
    })
}

/// The folder that BackupPath names.
pub struct FolderTarget {
    /// As it was set, for the caller.
    pub path: PathBuf,
    /// Where that is, whatever becomes the working directory meanwhile.
    pub absolute: PathBuf,
}

impl Target for FolderTarget {
    fn display_path(&self) -> PathBuf {
        self.path.join(FILE_NAME)
    }

    fn check(&self, overwrite: bool) -> Result<()> {
        let target = self.absolute.join(FILE_NAME);
        match fs::statat(CWD, &target, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => may_replace(&stat, &target, overwrite),
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno).at("look for", target),
        }
    }

    fn create(&self) -> Result<Box<dyn NewFile>> {
        let folder = Arc::new(Folder::open(&self.absolute)?);
        Ok(Box::new(folder.temporary()?))
    }
}

/// The folder a backup goes to.
pub struct Folder {
    path: PathBuf,
    folder: OwnedFd,
    identity: Identity,
    /// The folders in which [`Folder::open`] made another: their entries must be safe too.
    parents: Vec<OwnedFd>,
}

impl Folder {
    /// Opens the folder, makes it (mode 0700, parents too) when it is missing, and removes
    /// the temporary files that killed backups left in it.
    pub fn open(path: &Path) -> Result<Self> {
        let path::Opened { folder, parents } = path::open_or_make(path)?;
        let stat = fs::fstat(&folder).at("examine", path)?;
        let folder = Folder {
            path: path.to_owned(),
            identity: sys::identity(&stat),
            folder,
            parents,
        };
        temporary::sweep(&folder.folder);
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the backup file.
    pub fn target(&self) -> PathBuf {
        self.path.join(FILE_NAME)
    }

    fn reserved(&self) -> Reserved {
        Reserved {
            folder: self.identity,
            is_reserved,
        }
    }

    fn refuse_target(&self, overwrite: bool) -> Result<()> {
        match fs::statat(&self.folder, FILE_NAME, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => may_replace(&stat, &self.target(), overwrite),
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno).at("look for", self.target()),
        }
    }

    /// Makes the folder's entries, and those of the folders made for it, safe.
    fn synchronize(&self) -> Result<()> {
        let folders = self.parents.iter().chain([&self.folder]);
        for folder in folders {
            sys::synchronize_folder(folder.as_fd()).at("write to the disk", &self.path)?;
        }
        Ok(())
    }
}

/// The path of the backup file that a RestorePath means: itself, or the file in the folder.
pub fn file_in(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join(FILE_NAME)
    } else {
        path.to_owned()
    }
}

/// Opens the backup file at `path`, or the one in the folder there.
pub fn open(path: &Path) -> Result<Source> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let open = |path: &Path| {
        let file = sys::open_at(CWD, path, flags, Mode::empty()).at("open", path)?;
        let stat = fs::fstat(&file).at("open", path)?;
        Ok::<_, Error>((file, FileType::from_raw_mode(stat.st_mode)))
    };
    let (mut file, mut kind) = open(path)?;
    let mut path = path.to_owned();
    if kind == FileType::Directory {
        path.push(FILE_NAME);
        (file, kind) = open(&path)?;
    }
    match kind {
        FileType::RegularFile => Ok(Source {
            bytes: Box::new(File::from(file)),
            path,
        }),
        _ => Err(Errno::ACCESS).at("read", path),
    }
}
