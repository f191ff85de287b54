//! What lies beside a database that is replaced: moved into the staging folder, and back.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, OFlags};
use rustix::io::Errno;

use super::layout::kept_sidecar;
use crate::store::folders::look;
use crate::store::sqlite::{self, SIBLINGS, WITH_CONTENT};
use crate::sys::{self, StoreFile};

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

/// Whether two files have the same content.
fn is_same(
    store: BorrowedFd<'_>,
    name: &[u8],
    staging: &OwnedFd,
    kept: &[u8],
) -> sys::Result<bool> {
    let open = |folder: BorrowedFd<'_>, name: &[u8]| {
        let file = match StoreFile::open(folder, name, OFlags::empty()) {
            // None, a link, or a socket.
            Err(Errno::NOENT | Errno::NAMETOOLONG | Errno::LOOP | Errno::NXIO) => return Ok(None),
            file => file?,
        };
        let stat = fs::fstat(&file)?;
        Ok::<_, Errno>(sys::is_regular(&stat).then_some((file, stat.st_size as u64)))
    };
    let files = open(store, name)?.zip(open(staging.as_fd(), kept)?);
    let Some(((there, size), (kept, kept_size))) = files else {
        return Ok(false);
    };
    if size != kept_size {
        return Ok(false);
    }
    let equal = sys::reads_equal(&there, &kept, size);
    equal.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// Removes those of which there are the same beside the database; false when others are kept.
pub fn drop_same(
    store: BorrowedFd<'_>,
    database: &[u8],
    staging: &OwnedFd,
    number: u64,
) -> sys::Result<bool> {
    let mut all = true;
    for suffix in SIBLINGS {
        let kept = kept_sidecar(number, suffix);
        if look(staging.as_fd(), kept.as_bytes())?.is_none() {
            continue;
        }
        let name = [database, suffix.as_bytes()].concat();
        if is_same(store, &name, staging, kept.as_bytes())? {
            sys::remove_file(staging, &kept)?;
        } else {
            all = false;
        }
    }
    Ok(all)
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
                if is_same(store, &name, staging, kept.as_bytes())? {
                    // By a rename that was in two steps.
                    sys::remove_file(staging, &kept)?;
                } else if there.as_ref().is_some_and(is_idle) {
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
