//! Whether what a database's file holds is a sound database.

use std::path::Path;
use std::sync::Weak;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{damaged, still_uri, unreadable};
use crate::error::Result;
use crate::operation::Control;

/// Instructions of SQLite's, or pages, between two looks at whether to cancel.
const CHECKED_AT_ONCE: i32 = 100;

/// Looks whether the snapshot of the database at `path` is a sound database.
pub fn check(path: &Path, snapshot: &Path, control: &Control) -> Result<()> {
    let look = || find_damage(snapshot, OpenFlags::empty(), control.canceled());
    let checked = match look() {
        // SQLite calls damage what it had no memory to look at: that is not found again.
        Ok(Some(_)) => look(),
        checked => checked,
    };
    control.check()?;
    let found = checked.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            damaged(path, error.to_string())
        }
        _ => unreadable(snapshot, error),
    })?;
    match found {
        Some(problem) => Err(damaged(path, problem)),
        None => Ok(()),
    }
}

/// Looks whether a database that nobody writes to is known to be sound, as long as somebody
/// has what is `wanted`. What is wrong otherwise is for those to tell who lock it.
pub fn checker(
    path: &Path,
    wanted: Weak<()>,
    control: &Control,
) -> Box<dyn FnOnce() -> bool + Send> {
    let (path, canceled) = (path.to_owned(), control.canceled());
    let stops = move || canceled() || wanted.strong_count() == 0;
    let flags = OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Box::new(move || matches!(find_damage(&path, flags, stops), Ok(None)))
}

/// The first damage that is found, without a lock and without a change to anything.
fn find_damage(
    path: &Path,
    flags: OpenFlags,
    stops: impl FnMut() -> bool + Send + 'static,
) -> rusqlite::Result<Option<String>> {
    let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(still_uri(path), flags)?;
    connection.progress_handler(CHECKED_AT_ONCE, Some(stops))?;
    // What a table's rows ought to be is its owner's matter, and what its schema would have run
    // is not run.
    connection.execute_batch(
        "PRAGMA ignore_check_constraints = ON; PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON",
    )?;
    let mut statement = match connection.prepare("PRAGMA quick_check(100)") {
        Ok(statement) => statement,
        Err(error) => return unknowable(error),
    };
    let mut rows = statement.query([])?;
    loop {
        match rows.next() {
            Ok(Some(row)) => {
                let text: String = row.get(0)?;
                if text != "ok" && !text.contains(" value in ") {
                    return Ok(Some(text));
                }
            }
            Ok(None) => return Ok(None),
            Err(error) => return unknowable(error),
        }
    }
}

/// A database that needs something which this SQLite has not, such as a module of its
/// owner's, may be sound all the same.
fn unknowable(error: rusqlite::Error) -> rusqlite::Result<Option<String>> {
    match error.sqlite_error_code() {
        Some(ErrorCode::Unknown) => Ok(None),
        _ => Err(error),
    }
}
