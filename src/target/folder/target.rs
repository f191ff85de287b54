//! A folder as a target, and as where a backup file comes from.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, OFlags, Stat};
use rustix::io::Errno;

use super::backup_folder::{Folder, may_replace};
use super::generation::FILE_NAME;
use crate::error::{At, Error, Result};
use crate::operation::{Control, HostCalls, Operation};
use crate::sys;
use crate::target::{NewFile, Origin, Source, Target};

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
        match sys::statat(CWD, &target, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => may_replace(&stat, &target, overwrite),
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno).at("look for", target),
        }
    }

    fn reads_back(&self) -> bool {
        true
    }

    fn create(
        self: Arc<Self>,
        _overwrite: bool,
        _operation: &Operation<'_>,
    ) -> Result<Box<dyn NewFile>> {
        let folder = Arc::new(Folder::open(&self.absolute)?);
        Ok(Box::new(folder.temporary()?))
    }
}

/// The file, or the folder that it is in, that RestorePath names.
pub struct FolderOrigin {
    pub path: PathBuf,
}

impl Origin for FolderOrigin {
    fn display_path(&self) -> PathBuf {
        file_in(&self.path)
    }

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn open(self: Arc<Self>, _calls: HostCalls, _control: &Control) -> Result<Source> {
        open(&self.path)
    }

    fn place(&self) -> Option<PathBuf> {
        Some(file_in(&self.path))
    }
}

/// The path of the backup file that a RestorePath means: itself, or the file in the folder.
fn file_in(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join(FILE_NAME)
    } else {
        path.to_owned()
    }
}

fn is_stream(stat: &Stat) -> bool {
    matches!(
        FileType::from_raw_mode(stat.st_mode),
        FileType::Fifo | FileType::Socket
    )
}

/// Opens the backup file at `path`, or the one in the folder there.
pub fn open(path: &Path) -> Result<Source> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let open = |path: &Path| {
        let file = match sys::open_trusted(path, flags) {
            // A link to what has no name, as /dev/stdin is to a pipe.
            Err(Errno::NOENT) if sys::stat(path).is_ok_and(|stat| is_stream(&stat)) => {
                return Err(Error::NotAFile(path.to_owned()));
            }
            file => file.at("open", path)?,
        };
        let stat = sys::fstat(&file).at("open", path)?;
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
            file: None,
        }),
        _ => Err(Error::NotAFile(path)),
    }
}
