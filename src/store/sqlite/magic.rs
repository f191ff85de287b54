//! Which files are databases.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::OFlags;

use super::tree;
use crate::sys::{self, Care, StoreFile};

/// Whether a file that begins like this is a database.
pub fn is_database(head: &[u8]) -> bool {
    head.starts_with(tree::MAGIC)
}

/// The same, of a file of a store that is open.
pub fn is_database_file(file: &StoreFile) -> sys::Result<bool> {
    let is_database = is_database_content(file)?;
    if is_database {
        file.set_care(Care::IfOpen);
    }
    Ok(is_database)
}

/// The same, of any file.
pub fn is_database_content(file: impl AsFd) -> sys::Result<bool> {
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
    StoreFile::open(folder, name, OFlags::empty())
        .and_then(|file| is_database_file(&file))
        .is_ok_and(|database| database)
}
