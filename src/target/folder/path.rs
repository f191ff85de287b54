//! Opens the folder of a backup, and makes it where it is missing.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, Mode};
use rustix::io::Errno;

use crate::error::{At, Result};
use crate::sys;

pub struct Opened {
    pub folder: OwnedFd,
    /// The folders in which another was made.
    pub parents: Vec<OwnedFd>,
}

/// Opens the folder at `path`; it is made when it is missing, and so are those above it.
pub fn open_or_make(path: &Path) -> Result<Opened> {
    match sys::open_trusted(path, sys::FOLDER) {
        Err(Errno::NOENT) => {}
        opened => {
            return Ok(Opened {
                folder: opened.at("open the folder", path)?,
                parents: Vec::new(),
            });
        }
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::NOENT).at("open the folder", path);
    };
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    let Opened {
        folder: parent,
        mut parents,
    } = open_or_make(parent)?;
    match fs::mkdirat(&parent, name, Mode::RWXU) {
        Ok(()) => sys::set_folder_mode(parent.as_fd(), name).at("create the folder", path)?,
        // Somebody else was quicker: fine too.
        Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno).at("create the folder", path),
    }
    let folder =
        sys::open_at(&parent, name, sys::FOLDER, Mode::empty()).at("open the folder", path)?;
    parents.push(parent);
    Ok(Opened { folder, parents })
}
