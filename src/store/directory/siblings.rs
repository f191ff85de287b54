//! What lies beside a database that is replaced: moved into the staging folder, and back.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs;
use rustix::io::Errno;

use super::folders::is_regular;
use super::moves::{kept_name, look};
use crate::store::sqlite::SIBLINGS;
use crate::sys;

/// The name of a sibling in the store, and where the n-th record's is kept.
fn names(database: &[u8], number: u64, suffix: &str) -> (Vec<u8>, String) {
    let name = [database, suffix.as_bytes()].concat();
    (name, kept_name(number) + suffix)
}

/// Moves the siblings of a database out of the store.
pub fn set_aside(
    store: BorrowedFd<'_>,
    database: &[u8],
    staging: &OwnedFd,
    number: u64,
) -> Result<(), Errno> {
    for suffix in SIBLINGS {
        let (name, kept) = names(database, number, suffix);
        match fs::renameat(store, &name, staging, &kept) {
            Ok(()) => {}
            // What cannot be called so is not there.
            Err(Errno::NOENT | Errno::NAMETOOLONG) => continue,
            Err(errno) => return Err(errno),
        }
        // A folder or a link is none of SQLite's.
        if !look(staging.as_fd(), kept.as_bytes())?.is_some_and(|stat| is_regular(&stat)) {
            sys::rename_no_replace(staging.as_fd(), kept.as_bytes(), store, &name)?;
        }
    }
    Ok(())
}

/// Moves them back.
pub fn put_back(
    store: BorrowedFd<'_>,
    database: &[u8],
    staging: &OwnedFd,
    number: u64,
) -> Result<(), Errno> {
    for suffix in SIBLINGS {
        let (name, kept) = names(database, number, suffix);
        match sys::rename_no_replace(staging.as_fd(), kept.as_bytes(), store, &name) {
            // Not set aside, or somebody has made a new one.
            Ok(()) | Err(Errno::NOENT | Errno::EXIST | Errno::NAMETOOLONG) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
