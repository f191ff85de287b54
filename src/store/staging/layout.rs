//! What is in a staging folder, by name. Nothing else in it is touched.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, Mode};
use rustix::io::Errno;

use crate::store::folders::empty_folder;
use crate::store::sqlite::INDEX;
use crate::sys;

/// Proves that a restore of the store made the folder. Made first, removed last.
pub const MARKER: &str = "marker";

/// The folder of what is to be in the store.
pub const NEW: &str = "new";

/// What will be done to the store, and may have been: it can be undone.
pub const JOURNAL: &str = "journal";

/// The journal's name when all of it is done, and nothing is undone any more.
pub const DONE: &str = "done";

/// The journal's name when all of it is undone except where somebody has written to the store
/// since: what was there before is kept.
pub const KEPT: &str = "kept";

/// Whoever made the folder is done with it, although the folder is there and its process may run.
pub const ENDED: &str = "ended";

/// What begins like this was in the store, and was moved here.
const OLD: &str = "old-";

/// What begins like this was staged, and is being put where nothing is.
const MOVING: &str = "moving-";

/// What begins like this is of no use to a later process.
const SCRATCH: &str = "scratch-";

/// Where the n-th record's replaced file is kept, unless it is where the new one was.
pub fn kept_name(number: u64) -> String {
    format!("{OLD}{number}")
}

/// Where what lay beside the n-th record's database is kept.
pub fn kept_sidecar(number: u64, suffix: &str) -> String {
    format!("{OLD}{number}{suffix}")
}

/// Where the n-th record's new file is while it gets another name in the store, where that takes
/// two steps.
pub fn moving_name(number: u64) -> String {
    format!("{MOVING}{number}")
}

pub fn scratch_name(number: u64) -> String {
    format!("{SCRATCH}{number}")
}

/// Where a license of this folder was staged.
pub fn new_folder(folder: &[u8]) -> Vec<u8> {
    match folder {
        b"" => NEW.as_bytes().to_vec(),
        folder => [NEW.as_bytes(), b"/", folder].concat(),
    }
}

/// What is removed of a staging folder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Clear {
    /// All of it.
    All,
    /// All except what was in the store and is of use, and what says so.
    NotKept,
}

/// Removes what is in a staging folder. The marker stays, and goes last, so that whatever is left
/// of the rest is known; a journal that says that all is done goes right before.
pub fn clear(folder: &OwnedFd, clear: Clear) -> sys::Result<()> {
    match sys::open_at(
        folder,
        NEW,
        sys::FOLDER | fs::OFlags::NOFOLLOW,
        Mode::empty(),
    ) {
        Ok(new) => empty_folder(new.as_fd())?,
        Err(errno) => unless_gone(errno)?,
    }
    // Whoever did not find it does not know that it is gone: a file system may have failed.
    sys::remove_folder(folder, NEW).or_else(unless_gone)?;
    let mut names = names_of(folder.as_fd(), SCRATCH)?;
    names.append(&mut names_of(folder.as_fd(), MOVING)?);
    let mut old = names_of(folder.as_fd(), OLD)?;
    // The index of a log is made anew from it.
    old.retain(|name| clear == Clear::All || name.ends_with(INDEX));
    names.append(&mut old);
    if clear == Clear::All {
        names.extend([JOURNAL, KEPT, DONE, ENDED].map(str::to_owned));
    }
    for name in names {
        remove(folder.as_fd(), &name)?;
    }
    Ok(())
}

/// The names in a folder that begin like this.
fn names_of(folder: BorrowedFd<'_>, prefix: &str) -> sys::Result<Vec<String>> {
    let listed = sys::open_at(folder, c".", sys::FOLDER, Mode::empty())?;
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
    let mut names = Vec::new();
    sys::list_folder(listed.as_fd(), &mut buffer, |name, _| {
        let ours = name.starts_with(prefix.as_bytes());
        if let (true, Ok(name)) = (ours, std::str::from_utf8(name)) {
            names.push(name.to_owned());
        }
        Ok(())
    })?;
    Ok(names)
}

/// Removes a file that may be gone already.
pub fn remove(folder: BorrowedFd<'_>, name: &str) -> sys::Result<()> {
    sys::remove_file(folder, name).or_else(unless_gone)
}

fn unless_gone(errno: Errno) -> sys::Result<()> {
    if errno == Errno::NOENT {
        Ok(())
    } else {
        Err(errno)
    }
}
