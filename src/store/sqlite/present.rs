//! Snapshots by SQLite's own backup interface (<https://www.sqlite.org/backup.html>).

mod check;
mod rows;

use std::cell::Cell;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use check::check;
pub use check::checker;
pub use rows::rows;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::fstat;
use rustix::io::Errno;

use super::{
    COUNTERS, Files, HEADER, JOURNAL, LOG, Place, SIBLINGS, beside, copy_file, is_locked,
    open_plain,
};
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::store::TRIES;
use crate::sys::{self, Time};

/// How long a database that is locked is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long until it is tried again.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a gap between two transactions is looked for at a time. A writer that begins the
/// next one at once leaves the database unlocked for some 50 microseconds.
const GAP: Duration = Duration::from_millis(5);

/// How often a database that seems to need recovery is looked at again.
const RACES: u32 = 20;

/// Bytes of the longest path that SQLite opens (MAX_PATHNAME in its os_unix.c), and of what it
/// appends to it for a journal.
const LONGEST_PATH: usize = 512;
const LONGEST_SUFFIX: usize = JOURNAL.len();

/// Bytes that are copied between two looks at whether to cancel.
const STEP: i32 = 8 << 20;

/// Where the header says how large a page is, 1 for 65,536 bytes, and which version of the
/// format wrote the database, and which can read it: 2 is the one with a write-ahead log
/// (https://www.sqlite.org/fileformat.html, 1.3.2 and 1.3.3).
const PAGE_SIZE: usize = 16;
const VERSIONS: Range<usize> = 18..20;
const WITH_LOG: [u8; 2] = [2, 2];

/// Takes a snapshot of the database at `path` into the empty file at `into`. When the database
/// was modified.
pub fn snapshot(path: &Path, into: &Path, control: &Control) -> Result<Time> {
    if into.as_os_str().len() + LONGEST_SUFFIX > LONGEST_PATH {
        return Err(Error::Scratch {
            path: into.to_owned(),
            source: Errno::NAMETOOLONG.into(),
        });
    }
    let deadline = Instant::now() + PATIENCE;
    let mut attempt = 0;
    while attempt < TRIES || Instant::now() < deadline {
        let (before, way) = find_way(path, control)?;
        let way = match way {
            // Writers are kept waiting only if it does not work without.
            Way::Locked if attempt == 0 => Way::Polite,
            way => way,
        };
        let taken = match way {
            Way::Copy => recover_copy(path, into, &before, control)?,
            way => match Source::new(path, way, control)?.copy_pages(into, &before) {
                Ok(taken) => taken,
                Err(Stop::Failed(error)) => return Err(error),
                // A journal that is gone again looks to SQLite as if it had to be rolled back.
                Err(Stop::NeedsRecovery) if attempt < RACES => false,
                // It cannot be read without writing to it: so from a copy.
                Err(Stop::NeedsRecovery) => recover_copy(path, into, &before, control)?,
            },
        };
        if taken {
            check(path, into, control)?;
            return Ok(before.modified());
        }
        truncate(into)?;
        attempt += 1;
    }
    Err(Error::Changed(path.to_owned()))
}

/// How a database can be read.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// As it is, locked a few pages at a time: it may change in between.
    Polite,
    /// As it is, kept from changes by a lock.
    Locked,
    /// With the log that others write to.
    Shared,
    /// As it is, without a lock: with a log, but there is none now. To open it as usual
    /// would make one.
    Still,
    /// There is a log or a journal, and nobody to put it in order.
    Copy,
    /// Not now: whoever has it open with a log keeps it to himself. To open it when he has
    /// gone would make a log.
    Wait,
}

/// Looks at a database until it can be read, as long as there is patience.
fn find_way(path: &Path, control: &Control) -> Result<(Files, Way)> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let files = Files::look(path)?;
        match files.way()? {
            Way::Wait => control.check()?,
            way => return Ok((files, way)),
        }
        if Instant::now() >= deadline {
            return Err(Error::DatabaseInUse(path.to_owned()));
        }
        thread::sleep(PAUSE);
    }
}

impl Files {
    fn way(&self) -> Result<Way> {
        let file = open_plain(&self.path)?;
        let versions = &read_header(&file, &self.path)?[VERSIONS];
        let failed = |errno| Error::system("examine", &self.path, errno);
        let locked = is_locked(&file).map_err(failed)?;
        let logs = *versions == WITH_LOG || self.has_log();
        Ok(match (logs, locked) {
            // Whoever comes first rolls back what is in a journal, or writes what is in a log
            // to the database.
            (_, false) if self.has_log() || self.has_journal()? => Way::Copy,
            (false, _) => Way::Locked,
            // Whoever has a database with a log open has a lock on it.
            (true, true) if self.index.is_some() => Way::Shared,
            (true, true) => Way::Wait,
            (true, false) => Way::Still,
        })
    }
}

fn read_header(file: &File, path: &Path) -> Result<[u8; HEADER]> {
    let mut header = [0; HEADER];
    let read = file.read_exact_at(&mut header, 0);
    read.map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => damaged(path, "its header is cut off"),
        _ => Error::io("read", path, error),
    })?;
    Ok(header)
}

/// Gives a copy the counters that SQLite has counted on: the same database gives the same
/// bytes, whether they are SQLite's copy or the original's own.
fn keep_counters(original: &[u8; HEADER], copy: &Path) -> Result<()> {
    let failed = |source| Error::Scratch {
        path: copy.to_owned(),
        source,
    };
    let file = OpenOptions::new().write(true).open(copy);
    let file = file.and_then(|file| Ok(sys::off_standard(file)?));
    let file = file.map_err(failed)?;
    for range in COUNTERS {
        let at = range.start as u64;
        file.write_all_at(&original[range], at).map_err(failed)?;
    }
    Ok(())
}

enum Stop {
    NeedsRecovery,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// A database that is read.
struct Source<'a> {
    path: &'a Path,
    way: Way,
    /// Until when a lock is waited for.
    deadline: Cell<Instant>,
    control: &'a Control,
    file: File,
    /// When it was written to last.
    written: Cell<Option<Time>>,
}

impl<'a> Source<'a> {
    fn new(path: &'a Path, way: Way, control: &'a Control) -> Result<Self> {
        Ok(Source {
            path,
            way,
            deadline: Cell::new(Instant::now() + PATIENCE),
            control,
            file: open_plain(path)?,
            written: Cell::new(None),
        })
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = match self.way {
            Way::Still => Connection::open_with_flags(
                still_uri(self.path),
                flags | OpenFlags::SQLITE_OPEN_URI,
            ),
            _ => Connection::open_with_flags(self.path, flags),
        }?;
        // Waiting is done here, where it can be cancelled.
        connection.busy_timeout(Duration::ZERO)?;
        Ok(connection)
    }

    /// Waits for a lock, as long as there is patience. What it gives, if anything, keeps it
    /// until SQLite has it.
    fn pause(&self) -> Result<Option<Place<'_>>> {
        self.control.check()?;
        if Instant::now() >= self.deadline.get() {
            return Err(Error::DatabaseInUse(self.path.to_owned()));
        }
        let written = fstat(&self.file).ok().map(|stat| sys::modified(&stat));
        if self.written.replace(written) == written {
            thread::sleep(PAUSE);
            return Ok(None);
        }
        // Whoever has just written will write again: he is waited for without a nap.
        let until = Instant::now() + GAP;
        while Instant::now() < until {
            if let Some(place) = Place::take(&self.file) {
                return Ok(Some(place));
            }
            thread::yield_now();
        }
        Ok(None)
    }

    /// Opens the database. Unless it is read politely, the connection sees one state of it from
    /// here on.
    fn begin(&self) -> std::result::Result<Connection, Stop> {
        let failed = |error| failure(self.path, error);
        let connection = self.open().map_err(failed)?;
        if self.way == Way::Polite {
            return Ok(connection);
        }
        let mut place = None;
        loop {
            let begun = connection.execute_batch("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1");
            drop(place.take());
            match begun.map_err(failed) {
                Ok(()) => return Ok(connection),
                Err(Stop::Failed(Error::DatabaseInUse(_))) => {
                    let _ = connection.execute_batch("ROLLBACK");
                    place = self.pause()?;
                }
                Err(stop) => return Err(stop),
            }
        }
    }

    /// Copies the database. False when it changed meanwhile.
    fn copy_pages(&self, into: &Path, before: &Files) -> std::result::Result<bool, Stop> {
        let failed = |error| failure(self.path, error);
        let unwritten = |error| unwritten(into, error);
        let source = self.begin()?;
        // With a lock on it, it is looked at again.
        let locked = match self.way {
            Way::Locked => Some(Files::look(self.path)?),
            _ => None,
        };
        let before = locked.as_ref().unwrap_or(before);
        let header = read_header(&self.file, self.path)?;
        let page_size = match u16::from_be_bytes([header[PAGE_SIZE], header[PAGE_SIZE + 1]]) {
            1 => 1 << 16,
            size => i32::from(size).max(512),
        };
        let mut target = open_scratch(into).map_err(unwritten)?;
        let backup = Backup::new(&source, &mut target).map_err(unwritten)?;
        let mut remaining = i32::MAX;
        let mut place = None;
        loop {
            self.control.check()?;
            let step = backup.step(STEP / page_size);
            drop(place.take());
            match step {
                Ok(StepResult::Done) => break,
                // Somebody has written, and it began again.
                Ok(StepResult::More) if backup.progress().remaining >= remaining => {
                    return Ok(false);
                }
                Ok(StepResult::More) => {
                    remaining = backup.progress().remaining;
                    self.deadline.set(Instant::now() + PATIENCE);
                }
                Ok(_) => place = self.pause()?,
                Err(error) if writes(&error) => return Err(unwritten(error).into()),
                Err(error) => return Err(failed(error)),
            }
        }
        drop(backup);
        drop(target);
        // All of it is in the file, but for a log.
        let original = match self.way {
            Way::Shared => None,
            _ => read_header(&self.file, self.path).ok(),
        };
        let unchanged = match self.way {
            // A log is where others write, and what was begun to be read stays.
            Way::Shared => true,
            // This process's locks end when any of its threads closes the file: so the look.
            // Others may prepare to write meanwhile, which takes a journal.
            Way::Polite | Way::Locked => before.is_database_unchanged()?,
            Way::Still | Way::Copy | Way::Wait => before.is_unchanged()?,
        };
        if let (true, Some(original)) = (unchanged, original) {
            keep_counters(&original, into)?;
        }
        Ok(unchanged)
    }
}

/// The URI that opens a database as one that does not change.
fn still_uri(path: &Path) -> PathBuf {
    let mut uri = b"file:".to_vec();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => uri.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            _ => uri.push(byte),
        }
    }
    uri.extend_from_slice(b"?immutable=1");
    OsString::from_vec(uri).into()
}

/// Opens a file of ours. Nobody else reads it, and if anything fails nobody will.
fn open_scratch(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF",
    )?;
    Ok(connection)
}

/// Copies the database and what is beside it, and has SQLite bring the copy in order. False
/// when they changed meanwhile.
fn recover_copy(path: &Path, into: &Path, before: &Files, control: &Control) -> Result<bool> {
    let _leftovers = RemoveSiblings(into);
    let copied = copy_file(path, into, control).and_then(|()| {
        for (suffix, stat) in [(JOURNAL, &before.journal), (LOG, &before.log)] {
            if stat.is_some() {
                copy_file(&beside(path, suffix), &beside(into, suffix), control)?;
            }
        }
        Ok(())
    });
    if !before.is_unchanged()? {
        return Ok(false);
    }
    copied?;
    let failed = |error: rusqlite::Error| match (writes(&error), failure(path, error)) {
        (false, Stop::Failed(error)) => error,
        (false, Stop::NeedsRecovery) => damaged(path, "it cannot be recovered"),
        (true, _) => Error::Scratch {
            path: into.to_owned(),
            source: Errno::NOSPC.into(),
        },
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copy = Connection::open_with_flags(into, flags).map_err(failed)?;
    copy.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF;
         BEGIN IMMEDIATE; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)",
    )
    .map_err(failed)?;
    Ok(true)
}

struct RemoveSiblings<'a>(&'a Path);

impl Drop for RemoveSiblings<'_> {
    fn drop(&mut self) {
        for suffix in SIBLINGS {
            let _ = std::fs::remove_file(beside(self.0, suffix));
        }
    }
}

fn truncate(path: &Path) -> Result<()> {
    let truncated = OpenOptions::new().write(true).truncate(true).open(path);
    truncated.map(drop).map_err(|source| Error::Scratch {
        path: path.to_owned(),
        source,
    })
}

fn damaged(path: &Path, problem: impl Into<String>) -> Error {
    Error::Database {
        path: path.to_owned(),
        problem: problem.into(),
    }
}

/// What went wrong with the database that is read.
fn failure(path: &Path, error: rusqlite::Error) -> Stop {
    let system = |errno: Errno| Error::system("read", path, errno).into();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::DatabaseInUse(path.to_owned()).into()
        }
        Some(ErrorCode::ReadOnly) => Stop::NeedsRecovery,
        Some(ErrorCode::CannotOpen) => match open_plain(path) {
            Ok(_) if !is_link(&error) => Stop::NeedsRecovery,
            Ok(_) => Error::Changed(path.to_owned()).into(),
            Err(error) => error.into(),
        },
        Some(ErrorCode::PermissionDenied) => system(Errno::ACCESS),
        Some(ErrorCode::SystemIoFailure) => system(Errno::IO),
        Some(ErrorCode::OutOfMemory) => Error::Memory("a database").into(),
        _ => damaged(path, error.to_string()).into(),
    }
}

/// Whether a folder on the path has become a link.
fn is_link(error: &rusqlite::Error) -> bool {
    const LINK: i32 = rusqlite::ffi::SQLITE_CANTOPEN_SYMLINK;
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == LINK)
}

/// Whether it was a snapshot that could not be written, not a database that could not be read.
fn writes(error: &rusqlite::Error) -> bool {
    const WRITING: [i32; 4] = [
        rusqlite::ffi::SQLITE_FULL,
        rusqlite::ffi::SQLITE_IOERR_WRITE,
        rusqlite::ffi::SQLITE_IOERR_FSYNC,
        rusqlite::ffi::SQLITE_IOERR_TRUNCATE,
    ];
    error
        .sqlite_error()
        .is_some_and(|error| WRITING.contains(&error.extended_code))
}

/// What went wrong with the snapshot that is read.
fn unreadable(path: &Path, error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::OutOfMemory) => Error::Memory("a database"),
        _ => Error::Scratch {
            path: path.to_owned(),
            source: io::Error::other(error),
        },
    }
}

/// What went wrong with the snapshot that is written.
fn unwritten(path: &Path, error: rusqlite::Error) -> Error {
    let errno = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Errno::NOSPC,
        Some(ErrorCode::OutOfMemory) => Errno::NOMEM,
        // Of a file beside it. SQLite does not say why: what one more would give does.
        Some(ErrorCode::CannotOpen) => match File::open(path) {
            Err(error) => Errno::from_io_error(&error).unwrap_or(Errno::IO),
            Ok(_) => Errno::IO,
        },
        _ => Errno::IO,
    };
    Error::Scratch {
        path: path.to_owned(),
        source: errno.into(),
    }
}
