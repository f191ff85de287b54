//! SQLite databases in a store: what one holds at one moment, whatever other processes do to it
//! meanwhile.
//!
//! SQLite itself has no part in that, and nothing is written, anywhere. The database is read
//! where it lies, under the locks that SQLite's own readers take ([`locks`]), with what is in its
//! log or is to be rolled back from its journal put in its place ([`view`], [`log`], [`journal`]).
//! Its structure is checked ([`check`]), and the licenses in its rows are found ([`rows`]), by
//! reading pages; no word of a schema is ever executed.

mod check;
mod columns;
mod database;
mod journal;
mod locks;
mod log;
mod patience;
mod record;
mod rows;
mod sidecars;
mod tree;
mod view;

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

pub use database::{Database, Place};
pub use locks::is_locked;
pub use rows::Row;

use super::folders::LICENSE;
use crate::sys::{self, reads_equal};

/// Where in a database's header SQLite counts: the change counter, the schema cookie, and by which
/// version of SQLite, at which change counter, it was written
/// (<https://www.sqlite.org/fileformat.html>, 1.3).
const COUNTERS: [std::ops::Range<usize>; 3] = [24..28, 40..44, 92..100];

/// What is appended to a database's name for the files that belong to it: the journal that a
/// transaction is rolled back from, the log that others are written to, and the index of that
/// (<https://www.sqlite.org/tempfiles.html>).
pub(crate) const SIBLINGS: [&str; 3] = [JOURNAL, LOG, INDEX];
/// Those without which a database is not what it was.
pub(crate) const WITH_CONTENT: [&str; 2] = [JOURNAL, LOG];
const JOURNAL: &str = "-journal";
const LOG: &str = "-wal";
const INDEX: &str = "-shm";

/// Whether a file that begins like this is a database.
pub fn is_database(head: &[u8]) -> bool {
    head.starts_with(tree::MAGIC)
}

/// The same, of a file that is open.
pub fn is_database_file(file: impl AsFd) -> std::result::Result<bool, Errno> {
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

/// Keeps everybody else from a database until what is given is closed; None when there is
/// none. EAGAIN when somebody reads or writes it.
pub fn lock(folder: BorrowedFd<'_>, name: &[u8]) -> std::result::Result<Option<OwnedFd>, Errno> {
    let access = |access| sys::open_at(folder, name, LICENSE | access, Mode::empty());
    match access(OFlags::RDWR) {
        Ok(file) => match sys::lock(file.as_fd(), locks::OF_DATABASE) {
            Err(errno) if !locks::knows_no_locks(errno) => Err(errno),
            _ => Ok(Some(file)),
        },
        // Who may not write to it can still see the locks of others.
        Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
            let file = access(OFlags::RDONLY)?;
            match is_locked(&file)? {
                true => Err(Errno::AGAIN),
                false => Ok(Some(file)),
            }
        }
        // Nothing, or no file.
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO | Errno::ISDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// The name of the database that a file belongs to, if it is called as if it did.
pub fn database_of(name: &[u8]) -> Option<&[u8]> {
    let database = SIBLINGS
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix.as_bytes()));
    database.filter(|database| !database.is_empty())
}

/// Whether two files hold the same database, as far as SQLite's own counters in their headers
/// do not matter.
pub fn reads_same(mut one: impl Read, mut other: impl Read, size: u64) -> io::Result<bool> {
    let mut heads = [[0; tree::HEADER]; 2];
    if size < heads[0].len() as u64 {
        return reads_equal(one, other, size);
    }
    one.read_exact(&mut heads[0])?;
    other.read_exact(&mut heads[1])?;
    let rest = size - heads[0].len() as u64;
    for range in COUNTERS {
        heads[0][range.clone()].fill(0);
        heads[1][range].fill(0);
    }
    Ok(heads[0] == heads[1] && reads_equal(one, other, rest)?)
}

/// Whether a file of a folder of the store is a database.
pub fn is_database_at(folder: BorrowedFd<'_>, name: &[u8]) -> bool {
    sys::open_at(folder, name, LICENSE, Mode::empty())
        .and_then(is_database_file)
        .is_ok_and(|database| database)
}
