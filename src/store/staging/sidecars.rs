//! What lies beside a database that is replaced: moved into the staging folder, and back.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs;
use rustix::io::Errno;

use super::layout::kept_sidecar;
use crate::store::folders::look;
use crate::store::sqlite::{self, SIBLINGS, WITH_CONTENT};
use crate::sys;

/// Moves the siblings of the n-th record's database out of the store.
pub fn set_aside(
    store: BorrowedFd<'_>,
    database: &[u8],
    staging: &OwnedFd,
    number: u64,
) -> sys::Result<()> {
    for suffix in SIBLINGS {
        let name = [database, suffix.as_bytes()].concat();
        let kept = kept_sidecar(number, suffix);
        // What is a database itself is a license, whatever it is called.
        if sqlite::is_database_at(store, &name) {
            continue;
        }
        match fs::renameat(store, &name, staging, &kept) {
            Ok(()) => {}
            // No file is there that may have such a long name.
            Err(Errno::NOENT | Errno::NAMETOOLONG) => continue,
            Err(errno) => return Err(errno),
        }
        // A folder is none of SQLite's. What else is no file it would act on, or wait for.
        let is_folder = |stat: fs::Stat| fs::FileType::from_raw_mode(stat.st_mode).is_dir();
        if look(staging.as_fd(), kept.as_bytes())?.is_some_and(is_folder) {
            sys::rename_no_replace(staging.as_fd(), kept.as_bytes(), store, &name)?;
        }
    }
    Ok(())
}

/// Whether there are any in the staging folder.
pub fn are_kept(staging: &OwnedFd, number: u64) -> sys::Result<bool> {
    for suffix in SIBLINGS {
        if look(staging.as_fd(), kept_sidecar(number, suffix).as_bytes())?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a database has siblings that count: somebody wrote to it.
pub fn have_content(store: BorrowedFd<'_>, database: &[u8]) -> sys::Result<bool> {
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

/// Moves them back beside the database that they belong to. Nobody else has it open. False when
/// some stay away: there are others by now that count.
pub fn put_back(
    store: BorrowedFd<'_>,
    database: &[u8],
    staging: &OwnedFd,
    number: u64,
) -> sys::Result<bool> {
    let mut all = true;
    for suffix in SIBLINGS {
        let name = [database, suffix.as_bytes()].concat();
        let kept = kept_sidecar(number, suffix);
        match sys::rename_no_replace(staging.as_fd(), kept.as_bytes(), store, &name) {
            Ok(()) | Err(Errno::NOENT | Errno::NAMETOOLONG) => {}
            Err(Errno::EXIST) => {
                let there = look(store, &name)?;
                // Made by somebody who only read.
                let is_idle = |stat: &fs::Stat| {
                    sys::is_regular(stat) && (stat.st_size == 0 || !WITH_CONTENT.contains(&suffix))
                };
                if there.as_ref().is_some_and(is_idle) {
                    fs::renameat(staging, &kept, store, &name)?;
                } else {
                    all = false;
                }
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(all)
}
