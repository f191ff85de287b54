//! Folders below a folder that is open: made, emptied, removed, without following a link.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

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

/// A name's folder and last component.
pub fn split_name(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&name[..slash], &name[slash + 1..]),
        None => (b"", name),
    }
}

/// Whether a file is a regular one.
pub fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}
