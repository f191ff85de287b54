//! SQLite databases in a store: what one holds is taken as one consistent snapshot, whatever
//! other processes do to it meanwhile. It is never written to.
//!
//! How databases and what lies beside them are told from other files is here; SQLite itself
//! in `present`, and in `absent`, for a build without the feature `sqlite`, what can be done
//! without it.

#[cfg(not(feature = "sqlite"))]
mod absent;
#[cfg(feature = "sqlite")]
mod present;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, Stat};
use rustix::io::Errno;

#[cfg(not(feature = "sqlite"))]
use absent as body;
#[cfg(feature = "sqlite")]
use present as body;

pub use body::snapshot;

use crate::error::{Error, Result};
use crate::operation::Control;
use crate::sys::{self, Time};

/// What a database begins with (<https://www.sqlite.org/fileformat.html>, 1.3.1).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// What is appended to a database's name for the files that belong to it: the journal that a
/// transaction is rolled back from, the log that others are written to, and the index of that
/// (<https://www.sqlite.org/tempfiles.html>).
pub(crate) const SIBLINGS: [&str; 3] = [JOURNAL, LOG, INDEX];
const JOURNAL: &str = "-journal";
const LOG: &str = "-wal";
const INDEX: &str = "-shm";

/// The bytes on which whoever reads or writes a database holds locks: PENDING, RESERVED and
/// the range of SHARED (<https://www.sqlite.org/src/file/src/os.h>).
const LOCKS: sys::Range = sys::Range {
    start: 0x4000_0000,
    length: 512,
};

/// Whether a file that begins like this is a database.
pub fn is_database(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// The same, of a file that is open.
pub fn is_database_file(file: impl AsFd) -> std::result::Result<bool, Errno> {
    let mut head = [0; MAGIC.len()];
    let read = rustix::io::retry_on_intr(|| rustix::io::pread(&file, &mut head, 0))?;
    Ok(is_database(&head[..read]))
}

/// Whether anybody else reads or writes a database at this moment, or has it open with a log.
pub fn is_locked(database: impl AsFd) -> std::result::Result<bool, Errno> {
    sys::is_locked(database.as_fd(), LOCKS)
}

/// The name of the database that a file belongs to, if it is called as if it did.
pub fn database_of(name: &[u8]) -> Option<&[u8]> {
    let database = SIBLINGS
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix.as_bytes()));
    database.filter(|database| !database.is_empty())
}

/// The path of what lies beside a database.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A database and the files beside it, as they were at one moment.
struct Files {
    path: PathBuf,
    database: Stat,
    journal: Option<Stat>,
    log: Option<Stat>,
    #[cfg(feature = "sqlite")]
    index: Option<Stat>,
}

impl Files {
    fn look(path: &Path) -> Result<Self> {
        let look = |path: PathBuf| match rustix::fs::lstat(&path) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::system("examine", path, errno)),
        };
        let database = look(path.to_owned())?;
        Ok(Files {
            path: path.to_owned(),
            database: database.ok_or_else(|| Error::Changed(path.to_owned()))?,
            journal: look(beside(path, JOURNAL))?,
            log: look(beside(path, LOG))?,
            #[cfg(feature = "sqlite")]
            index: look(beside(path, INDEX))?,
        })
    }

    /// When the database was modified. The log counts: what is in it is not yet in the
    /// database.
    fn modified(&self) -> Time {
        let log = self.log.iter().filter(|log| log.st_size > 0);
        let times = log.chain([&self.database]).map(sys::modified);
        let latest = times.max_by_key(|time| (time.seconds, time.nanoseconds));
        latest.unwrap_or_else(|| sys::modified(&self.database))
    }

    fn has_log(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.st_size > 0)
    }

    /// Whether nothing was written since. The index is memory that processes share, not data.
    fn is_unchanged(&self) -> Result<bool> {
        let now = Files::look(&self.path)?;
        let same = |before: &Option<Stat>, now: &Option<Stat>| match (before, now) {
            (Some(before), Some(now)) => sys::unchanged(before, now),
            (None, None) => true,
            _ => false,
        };
        Ok(sys::unchanged(&self.database, &now.database)
            && same(&self.journal, &now.journal)
            && same(&self.log, &now.log))
    }
}

/// Opens a file of a store, not through a link.
fn open_plain(path: &Path) -> Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path)
        .map_err(|error| Error::io("read", path, error))
}

/// Copies a file, for a snapshot.
fn copy_file(from: &Path, to: &Path, control: &Control) -> Result<()> {
    let unwritten = |source| Error::Scratch {
        path: to.to_owned(),
        source,
    };
    let mut source = open_plain(from)?;
    let mut target = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(to)
        .map_err(unwritten)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        control.check()?;
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => target.write_all(&buffer[..read]).map_err(unwritten)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("read", from, error)),
        }
    }
}
