//! Files of the library's own that are gone when they are closed: copies of a host's licenses, and
//! what others wait for.

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{self, AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{At, Error, Result};
use crate::sys::{self, xdg};

/// A folder, and where it is.
type Place = (OwnedFd, PathBuf);

/// Makes files in one folder.
pub struct Scratch {
    beside: Option<Place>,
    apart: OnceLock<Place>,
}

impl Scratch {
    /// In a folder that has to have room for what is in them anyway.
    pub fn beside(folder: BorrowedFd<'_>, path: &Path) -> Result<Self> {
        let folder = folder.try_clone_to_owned().at("open", path)?;
        Ok(Scratch {
            beside: Some((folder, path.to_owned())),
            apart: OnceLock::new(),
        })
    }

    /// In a folder of this user's alone, on this device.
    pub fn apart() -> Self {
        Scratch {
            beside: None,
            apart: OnceLock::new(),
        }
    }

    /// A new file, and the folder that it is in. It has no name, or loses it before anything is
    /// in it.
    pub fn file(&self) -> Result<(File, PathBuf)> {
        if let Some((folder, path)) = &self.beside
            && let Some(file) = nameless(folder).at("create a file in", path)?
        {
            return Ok((file.into(), path.clone()));
        }
        let (folder, path) = self.place_apart()?;
        match nameless(folder).at("create a file in", path)? {
            Some(file) => Ok((file.into(), path.clone())),
            None => Err(Errno::OPNOTSUPP).at("create a file in", path),
        }
    }

    fn place_apart(&self) -> Result<&Place> {
        if let Some(place) = self.apart.get() {
            return Ok(place);
        }
        let path = xdg::cache_folder().ok_or_else(|| Error::Scratch {
            path: PathBuf::from("$XDG_CACHE_HOME"),
            source: ErrorKind::NotFound.into(),
        })?;
        let place = (open_or_make(&path).at("create the folder", &path)?, path);
        // Another worker may have opened it meanwhile.
        Ok(self.apart.get_or_init(|| place))
    }
}

fn open_or_make(path: &Path) -> sys::Result<OwnedFd> {
    match sys::open_at(CWD, path, sys::FOLDER, Mode::empty()) {
        Err(Errno::NOENT) => {}
        opened => return opened,
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::NOENT);
    };
    let parent = open_or_make(parent)?;
    match fs::mkdirat(&parent, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno),
    }
    sys::open_at(&parent, name, sys::FOLDER, Mode::empty())
}

/// A file without a name; None where what has none cannot be used.
fn nameless(folder: &OwnedFd) -> sys::Result<Option<OwnedFd>> {
    let mode = Mode::RUSR | Mode::WUSR;
    #[cfg(linux_calls)]
    if let Ok(file) = sys::open_at(folder, c".", OFlags::TMPFILE | ACCESS, mode) {
        return Ok(Some(file));
    }
    for _ in 0..sys::NAME_TRIES {
        let name = format!(".wmlb-scratch-{:016x}", sys::random());
        let file = match sys::open_at(folder, &name, OFlags::CREATE | ACCESS, mode) {
            Err(Errno::EXIST) => continue,
            file => file?,
        };
        // Some file systems remove no file that is open, or do not give back what is in one that
        // has no name any more.
        return match fs::unlinkat(folder, &name, AtFlags::empty()) {
            Ok(()) if reads_back(file.as_fd()) => Ok(Some(file)),
            Ok(()) => Ok(None),
            Err(_) => {
                drop(file);
                fs::unlinkat(folder, &name, AtFlags::empty()).map(|()| None)
            }
        };
    }
    Err(Errno::EXIST)
}

/// How such files are opened.
const ACCESS: OFlags = OFlags::RDWR
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

fn reads_back(file: BorrowedFd<'_>) -> bool {
    let mut byte = [0];
    let read = rustix::io::pwrite(file, b"x", 0)
        .and_then(|_| rustix::io::pread(file, &mut byte, 0))
        .and_then(|_| fs::ftruncate(file, 0));
    read.is_ok() && byte == *b"x"
}
