//! Which files are databases.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::Mode;

use super::tree;
use crate::store::folders::LICENSE;
use crate::sys;

/// Whether a file that begins like this is a database.
pub fn is_database(head: &[u8]) -> bool {
    head.starts_with(tree::MAGIC)
}

/// The same, of a file that is open.
pub fn is_database_file(file: impl AsFd) -> sys::Result<bool> {
    let mut head = [0; tree::MAGIC.len()];
    let mut filled = 0;
    while filled < head.len() {
        let rest = &mut head[filled..];
        match rustix::io::retry_on_intr(|| rustix::io::pread(&file, &mut *rest, filled as u64))? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(is_database(&head[..filled]))
}

/// Whether a file of a folder of the store is a database.
pub fn is_database_at(folder: BorrowedFd<'_>, name: &[u8]) -> bool {
    sys::open_at(folder, name, LICENSE, Mode::empty())
        .and_then(is_database_file)
        .is_ok_and(|database| database)
}
