//! Whether a file system takes several names for one: by case, by the form of accented letters, or
//! without what is at their ends.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::layout::{remove, scratch_name};
use crate::store::folders::look;
use crate::sys;

/// A name, and others that some file systems take for the same.
const NAMES: [(&str, [&str; 4]); 2] = [
    ("a\u{e9}", ["A\u{c9}", "ae\u{301}", "a\u{e9}.", "a\u{e9} "]),
    // For those that have no other letters.
    ("a", ["A", "a.", "a ", "a\u{200d}"]),
];

/// Whether two names may be one file in a staging folder, and so in its store.
pub fn folds_names(folder: &OwnedFd) -> sys::Result<bool> {
    for (name, others) in NAMES {
        let full = |end: &str| format!("{}{end}", scratch_name(0));
        let name = full(name);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        match sys::open_at(folder, &*name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(_) => {}
            Err(Errno::INVAL | Errno::ILSEQ | Errno::NOENT | Errno::ACCESS | Errno::PERM) => {
                continue;
            }
            Err(errno) => return Err(errno),
        }
        let found = others.iter().any(|other| {
            // What cannot be a name is not the same one.
            look(folder.as_fd(), full(other).as_bytes()).is_ok_and(|found| found.is_some())
        });
        remove(folder.as_fd(), &name)?;
        return Ok(found);
    }
    Ok(false)
}
