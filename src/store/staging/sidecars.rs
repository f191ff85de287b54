//! What lies beside a database that is replaced: moved into the staging folder, and back.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs;
use rustix::io::Errno;

use super::apply::kept_name;
use super::journal::Fingerprint;
use crate::store::folders::look;
use crate::store::sqlite::{self, SIBLINGS, WITH_CONTENT};
use crate::sys;

/// The database that siblings belong to, as it is now. What is kept of them is called after
/// that: beside a database that was written to since they would destroy it.
fn state(store: BorrowedFd<'_>, database: &[u8]) -> Result<String, Errno> {
    let stat = look(store, database)?;
    Ok(stat.map_or("none".to_owned(), |stat| Fingerprint::of(&stat).to_string()))
}

/// The name of a sibling in the store, and where the n-th record's is kept.
fn names(database: &[u8], number: u64, state: &str, suffix: &str) -> (Vec<u8>, String) {
    let name = [database, suffix.as_bytes()].concat();
    (name, format!("{}-{state}{suffix}", kept_name(number)))
}

/// Moves the siblings of a database out of the store.
pub fn set_aside(
    store: BorrowedFd<'_>,
    database: &[u8],
    staging: &OwnedFd,
    number: u64,
) -> Result<(), Errno> {
    let state = state(store, database)?;
    for suffix in SIBLINGS {
        let (name, kept) = names(database, number, &state, suffix);
        // What is a database itself is a licence, whatever it is called.
        if sqlite::is_database_at(store, &name) {
            continue;
        }
        match fs::renameat(store, &name, staging, &kept) {
            Ok(()) => {}
            // What cannot be called so is not there.
            Err(Errno::NOENT | Errno::NAMETOOLONG) => continue,
            Err(errno) => return Err(errno),
        }
        // A folder or a link is none of SQLite's.
        if !look(staging.as_fd(), kept.as_bytes())?.is_some_and(|stat| sys::is_regular(&stat)) {
            sys::rename_no_replace(staging.as_fd(), kept.as_bytes(), store, &name)?;
        }
    }
    Ok(())
}

/// Whether there are any that would be put back beside the database as it is now.
pub fn are_kept(
    store: BorrowedFd<'_>,
    database: &[u8],
    staging: &OwnedFd,
    number: u64,
) -> Result<bool, Errno> {
    let state = state(store, database)?;
    for suffix in SIBLINGS {
        let (_, kept) = names(database, number, &state, suffix);
        if look(staging.as_fd(), kept.as_bytes())?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a database has siblings that count: somebody wrote to it.
pub fn have_content(store: BorrowedFd<'_>, database: &[u8]) -> Result<bool, Errno> {
    for suffix in WITH_CONTENT {
        let name = [database, suffix.as_bytes()].concat();
        match look(store, &name) {
            Ok(Some(stat)) if sys::is_regular(&stat) && stat.st_size > 0 => return Ok(true),
            Ok(_) | Err(Errno::NAMETOOLONG) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(false)
}

/// Moves them back, if the database is what it was when they were moved away. Nobody else
/// has it open.
pub fn put_back(
    store: BorrowedFd<'_>,
    database: &[u8],
    staging: &OwnedFd,
    number: u64,
) -> Result<(), Errno> {
    let state = state(store, database)?;
    for suffix in SIBLINGS {
        let (name, kept) = names(database, number, &state, suffix);
        let put = sys::rename_no_replace(staging.as_fd(), kept.as_bytes(), store, &name);
        match put {
            Ok(()) | Err(Errno::NOENT | Errno::NAMETOOLONG) => {}
            Err(Errno::EXIST) => {
                let there = look(store, &name)?;
                // Made by somebody who only read.
                let idle = |stat: &fs::Stat| {
                    sys::is_regular(stat) && (stat.st_size == 0 || !WITH_CONTENT.contains(&suffix))
                };
                if there.as_ref().is_some_and(idle) {
                    fs::renameat(staging, &kept, store, &name)?;
                }
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
