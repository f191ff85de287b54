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
#[cfg(fuzzing)]
mod fuzzing;
mod journal;
mod layers;
mod locks;
mod log;
mod magic;
mod names;
mod patience;
mod record;
mod rows;
mod sidecars;
mod tree;
mod view;

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;

pub use database::{Database, Place};
#[cfg(fuzzing)]
pub use fuzzing::look;
pub use locks::is_locked;
pub use magic::{is_database, is_database_at, is_database_content, is_database_file};
pub use names::database_of;
pub(crate) use names::{INDEX, JOURNAL, LOG, SIBLINGS, WITH_CONTENT};
pub use rows::{Row, Rows};
pub use tree::HEADER;

use crate::operation::Control;
use crate::sys::{self, Care, StoreFile, reads_equal};

/// Where in a database's header SQLite counts: the change counter, the schema cookie, and by which
/// version of SQLite, at which change counter, it was written
/// (<https://www.sqlite.org/fileformat.html>, 1.3).
const COUNTERS: [std::ops::Range<usize>; 3] = [24..28, 40..44, 92..100];

/// Keeps everybody else from a database until what is given is closed; None when there is
/// none. EAGAIN when somebody reads or writes it.
pub fn lock(folder: BorrowedFd<'_>, name: &[u8]) -> sys::Result<Option<StoreFile>> {
    let open = |more| {
        let file = StoreFile::open(folder, name, more)?;
        file.set_care(Care::IfOpen);
        Ok(file)
    };
    match open(OFlags::RDWR) {
        Ok(file) => match sys::lock(file.as_fd(), locks::OF_DATABASE) {
            Err(errno) if !locks::knows_no_locks(errno) => Err(errno),
            _ => Ok(Some(file)),
        },
        // Who may not write to it can still see the locks of others.
        Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
            let file = open(OFlags::empty())?;
            if is_locked(&file)? {
                Err(Errno::AGAIN)
            } else {
                Ok(Some(file))
            }
        }
        // Nothing, or no file.
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO | Errno::ISDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Whether a database of which this is a copy holds no license, as far as that can be told.
pub fn copy_is_empty(copy: File, size: u64, control: &Control) -> bool {
    let view = view::View::of_copy(copy, size);
    rows::is_empty(&view, &|| control.check().is_err()).unwrap_or(false)
}

/// The licenses in the rows of a database of which this is a copy, with their hashes, where that
/// can be told.
pub fn rows_of_copy(copy: File, size: u64, control: &Control) -> Option<Rows> {
    let view = view::View::of_copy(copy, size);
    let rows = rows::rows(&view, true, &|| control.check().is_err());
    rows.ok().flatten()
}

/// Clears SQLite's own counters in what a database begins with: who reads it knows nothing of them.
pub fn clear_counters(beginning: &mut [u8]) {
    for range in COUNTERS {
        if let Some(counter) = beginning.get_mut(range) {
            counter.fill(0);
        }
    }
}

/// Whether two files hold the same database, as far as SQLite's own counters in their headers
/// do not matter.
pub fn reads_same(mut one: impl Read, mut other: impl Read, size: u64) -> io::Result<bool> {
    let mut heads = [[0; HEADER]; 2];
    if size < heads[0].len() as u64 {
        return reads_equal(one, other, size);
    }
    one.read_exact(&mut heads[0])?;
    other.read_exact(&mut heads[1])?;
    let rest = size - heads[0].len() as u64;
    for head in &mut heads {
        clear_counters(head);
    }
    Ok(heads[0] == heads[1] && reads_equal(one, other, rest)?)
}
