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
mod rest;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, Stat};
use rustix::io::Errno;

#[cfg(not(feature = "sqlite"))]
use absent as body;
#[cfg(feature = "sqlite")]
use present as body;

pub use body::{rows, snapshot};
pub use rest::AtRest;

use super::folders::LICENSE;
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::sys::{self, Time, reads_equal};

/// What a database begins with (<https://www.sqlite.org/fileformat.html>, 1.3.1).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Bytes of its header, and where in it SQLite counts: the change counter, the schema cookie,
/// and by which version of SQLite, at which change counter, it was written (1.3).
const HEADER: usize = 100;
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

/// The bytes on which whoever reads or writes a database holds locks: PENDING, RESERVED and
/// the range of SHARED (<https://www.sqlite.org/src/file/src/os.h>).
const LOCKS: sys::Range = sys::Range {
    start: 0x4000_0000,
    length: 512,
};

/// Those of them that concern readers.
#[cfg(feature = "sqlite")]
const READERS: [sys::Range; 2] = [
    sys::Range {
        start: 0x4000_0000,
        length: 1,
    },
    sys::Range {
        start: 0x4000_0002,
        length: 510,
    },
];

/// Whether a file that begins like this is a database.
pub fn is_database(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// The same, of a file that is open.
pub fn is_database_file(file: impl AsFd) -> std::result::Result<bool, Errno> {
    let mut head = [0; MAGIC.len()];
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

/// Whether anybody else reads or writes a database at this moment, or has it open with a log.
pub fn is_locked(database: impl AsFd) -> std::result::Result<bool, Errno> {
    match sys::is_locked(database.as_fd(), LOCKS) {
        Err(errno) if knows_no_locks(errno) => Ok(false),
        locked => locked,
    }
}

/// The place of a reader in a database, kept for SQLite to take it.
#[cfg(feature = "sqlite")]
struct Place<'a>(&'a File);

#[cfg(feature = "sqlite")]
impl<'a> Place<'a> {
    /// Takes the locks of a reader, in the order that SQLite does: whoever has them keeps a
    /// writer from his next transaction. None while one is writing.
    fn take(database: &'a File) -> Option<Self> {
        let [pending, shared] = READERS;
        sys::read_lock(database.as_fd(), pending).ok()?;
        let place = Place(database);
        sys::read_lock(database.as_fd(), shared).ok()?;
        Some(place)
    }
}

#[cfg(feature = "sqlite")]
impl Drop for Place<'_> {
    fn drop(&mut self) {
        for range in READERS {
            sys::unlock(self.0.as_fd(), range);
        }
    }
}

/// Whether a file system has no locks at all.
fn knows_no_locks(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::NOLCK | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP
    )
}

/// Keeps everybody else from a database until what is given is closed; None when there is
/// none. EAGAIN when somebody reads or writes it.
pub fn lock(folder: BorrowedFd<'_>, name: &[u8]) -> std::result::Result<Option<OwnedFd>, Errno> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let open = |access| sys::open_at(folder, name, flags | access, Mode::empty());
    match open(OFlags::RDWR) {
        Ok(file) => match sys::lock(file.as_fd(), LOCKS) {
            Err(errno) if !knows_no_locks(errno) => Err(errno),
            _ => Ok(Some(file)),
        },
        // Who may not write to it can still see the locks of others.
        Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
            let file = open(OFlags::RDONLY)?;
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
            // A folder or a link that is called so is none of SQLite's.
            Ok(stat) => Ok(Some(stat).filter(sys::is_regular)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::system("examine", path, errno)),
        };
        let database = look(path.to_owned())?;
        // What cannot be called so is not there.
        let look = |sibling| match look(sibling) {
            Err(Error::System { source, .. })
                if Errno::from_io_error(&source) == Some(Errno::NAMETOOLONG) =>
            {
                Ok(None)
            }
            looked => looked,
        };
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

    /// Whether there is a journal that a transaction is to be rolled back from, or is as long as
    /// nobody has ended it. One that begins with a zero is kept to be used again.
    fn has_journal(&self) -> Result<bool> {
        match &self.journal {
            Some(journal) if journal.st_size > 0 => {}
            _ => return Ok(false),
        }
        let mut first = [0];
        match open_plain(&beside(&self.path, JOURNAL)) {
            Ok(mut journal) => match journal.read(&mut first) {
                Ok(read) => Ok(read == 1 && first[0] != 0),
                Err(error) => Err(Error::io("read", beside(&self.path, JOURNAL), error)),
            },
            Err(Error::System { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn has_log(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.st_size > 0)
    }

    /// Whether nothing was written to the database itself since.
    #[cfg(feature = "sqlite")]
    fn is_database_unchanged(&self) -> Result<bool> {
        let now = Files::look(&self.path)?;
        Ok(sys::unchanged(&self.database, &now.database))
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
    for range in COUNTERS {
        heads[0][range.clone()].fill(0);
        heads[1][range].fill(0);
    }
    Ok(heads[0] == heads[1] && reads_equal(one, other, rest)?)
}

/// Opens a file of a store, not through a link.
fn open_plain(path: &Path) -> Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path)
        .and_then(|file| Ok(sys::off_standard(file)?))
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
        .and_then(|file| Ok(sys::off_standard(file)?))
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

/// Whether a file of a folder of the store is a database.
pub fn is_database_at(folder: BorrowedFd<'_>, name: &[u8]) -> bool {
    sys::open_at(folder, name, LICENSE, Mode::empty())
        .and_then(is_database_file)
        .is_ok_and(|database| database)
}
