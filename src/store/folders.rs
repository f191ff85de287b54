//! Folders below a folder that is open: made, emptied, removed, without following a link; and
//! where a store's path leads.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::error::Error;
use crate::sys;

/// Names that are held in memory while a folder is removed.
const NAMES_AT_ONCE: usize = 4096;

/// Removes a folder with all that is in it, however deep: what lies in a folder is
/// moved up before the folder is removed.
pub fn remove_folder(
    holder: BorrowedFd<'_>,
    name: &str,
    folder: &OwnedFd,
) -> std::result::Result<(), Errno> {
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
    let mut names_of = |folder: &OwnedFd| {
        let mut names = Vec::new();
        fs::seek(folder, fs::SeekFrom::Start(0))?;
        let listed = sys::list_folder(folder.as_fd(), &mut buffer, |name, _| {
            names.push(name.to_vec());
            match names.len() {
                // A piece of the list is enough: it is asked for until it is empty.
                NAMES_AT_ONCE => Err(Errno::CANCELED),
                _ => Ok(()),
            }
        });
        match listed {
            Ok(()) | Err(Errno::CANCELED) => Ok::<_, Errno>(names),
            Err(errno) => Err(errno),
        }
    };
    loop {
        let names = names_of(folder)?;
        if names.is_empty() {
            break;
        }
        for name in names {
            match fs::unlinkat(folder, &name, AtFlags::empty()) {
                Ok(()) => continue,
                Err(Errno::ISDIR | Errno::PERM) => {}
                Err(errno) => return Err(errno),
            }
            // An empty one takes no descriptor, of which there may be no more.
            match fs::unlinkat(folder, &name, AtFlags::REMOVEDIR) {
                Ok(()) => continue,
                Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            let flags = sys::FOLDER | OFlags::NOFOLLOW;
            let below = sys::open_at(folder, &name, flags, Mode::empty())?;
            loop {
                let names = names_of(&below)?;
                if names.is_empty() {
                    break;
                }
                for inner in names {
                    match fs::unlinkat(&below, &inner, AtFlags::empty()) {
                        Ok(()) => {}
                        Err(Errno::ISDIR | Errno::PERM) => {
                            move_up(below.as_fd(), &inner, folder.as_fd())?;
                        }
                        Err(errno) => return Err(errno),
                    }
                }
            }
            fs::unlinkat(folder, &name, AtFlags::REMOVEDIR)?;
        }
    }
    fs::unlinkat(holder, name, AtFlags::REMOVEDIR)
}

/// Moves a folder under a name that is free.
fn move_up(
    from: BorrowedFd<'_>,
    name: &[u8],
    to: BorrowedFd<'_>,
) -> std::result::Result<(), Errno> {
    for _ in 0..sys::NAME_TRIES {
        let free = format!("moved-{:016x}", sys::random());
        match sys::rename_no_replace(from, name, to, free.as_bytes()) {
            Err(Errno::EXIST | Errno::NOTEMPTY) => {}
            result => return result,
        }
    }
    Err(Errno::EXIST)
}

/// Whether there is nothing in a folder.
pub fn is_empty(folder: &OwnedFd) -> std::result::Result<bool, Errno> {
    let listed = sys::open_at(folder, c".", sys::FOLDER, Mode::empty())?;
    let mut empty = true;
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
    sys::list_folder(listed.as_fd(), &mut buffer, |_, _| {
        empty = false;
        Ok(())
    })?;
    Ok(empty)
}

/// Opens the folder at `path` below `root`, and makes it and those above it where they are
/// missing. No link is followed.
pub fn make_folders(
    root: BorrowedFd<'_>,
    path: &[u8],
    set_modes: bool,
) -> std::result::Result<OwnedFd, Errno> {
    if path.is_empty() {
        return sys::open_at(root, c".", sys::FOLDER, Mode::empty());
    }
    match sys::open_beneath(root, path, sys::FOLDER) {
        Err(Errno::NOENT) => {}
        result => return result,
    }
    let flags = sys::FOLDER | OFlags::NOFOLLOW;
    let mut folder = None::<OwnedFd>;
    for component in path.split(|&byte| byte == b'/') {
        let parent = folder.as_ref().map_or(root, AsFd::as_fd);
        match fs::mkdirat(parent, component, Mode::RWXU) {
            Ok(()) if set_modes => sys::set_folder_mode(parent, component)?,
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        folder = Some(sys::open_at(parent, component, flags, Mode::empty())?);
    }
    folder.ok_or(Errno::NOENT)
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
pub fn canonical(path: &Path) -> std::result::Result<PathBuf, Errno> {
    path.canonicalize()
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
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

/// A folder below a root, kept open while names in it follow each other.
pub struct Cursor<'a> {
    root: BorrowedFd<'a>,
    open: Option<(Vec<u8>, OwnedFd)>,
}

impl<'a> Cursor<'a> {
    pub fn new(root: BorrowedFd<'a>) -> Self {
        Cursor { root, open: None }
    }

    /// The folder at `path`.
    pub fn existing(&mut self, path: &[u8]) -> std::result::Result<BorrowedFd<'_>, Errno> {
        let folder = match self.open.take() {
            Some((open, folder)) if open == path => folder,
            _ if path.is_empty() => sys::open_at(self.root, c".", sys::FOLDER, Mode::empty())?,
            _ => sys::open_beneath(self.root, path, sys::FOLDER)?,
        };
        let (_, folder) = &*self.open.insert((path.to_vec(), folder));
        Ok(folder.as_fd())
    }
}

/// What a folder has under a name; None when there is nothing.
pub fn look(folder: BorrowedFd<'_>, name: &[u8]) -> std::result::Result<Option<fs::Stat>, Errno> {
    match fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}
