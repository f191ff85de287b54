//! A database of a store, as it is at one moment, for as long as it is read.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::fs::Stat;
use rustix::io::Errno;

use super::check::check;
use super::layers::view;
use super::locks::{self, Attempt, Lock};
use super::log::{Extent, INDEX_HEADER};
use super::magic::is_database_file;
use super::patience::Patience;
use super::rows::{Rows, is_empty, rows};
pub use super::sidecars::Place;
use super::sidecars::{Beside, Kept, Opened, Sidecars, State};
use super::tree::{Flaw, Format, HEADER};
use super::view::{Content, OpenFile, View};
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::store::TRIES;
use crate::sys::{self, Care, StoreFile, Time};

/// Bytes of the largest database that is checked before anything else is done with it.
const CHECKED_FIRST: u64 = 8 << 20;

/// Where the header says which version of the format can read the database: 2 is the one with a
/// log (<https://www.sqlite.org/fileformat.html>, 1.3.3).
const READ_VERSION: usize = 19;
const WITH_LOG: u8 = 2;

/// How long others may be kept from writing to it, or from moving what is in a log, while nobody
/// reads on.
const LONG: Duration = Duration::from_secs(5);
/// Bytes that are copied or hashed at a time.
const COPIED: usize = sys::SCRATCH;

/// Looks at the index of a log, while who writes to the log writes there too.
const LOOKS: u32 = 100;

/// A database that is read where it lies, and kept as it is by locks.
pub struct Database {
    place: Kept,
    state: Now,
    check: Check,
    /// Since when it is locked.
    opened: Instant,
    /// Set when the database goes: then nobody wants to know any more whether it is sound.
    unwanted: Arc<AtomicBool>,
}

/// A database at this moment.
struct Now {
    file: Arc<StoreFile>,
    before: Stat,
    modified: Time,
    view: Arc<View>,
    guard: Guard,
}

/// What keeps a database as it is.
enum Guard {
    /// The locks of a reader of the database and of one of its log. Of those with a log: what lies
    /// beside it. Nobody who keeps to the locks takes that away; and where there is no index of
    /// the log to be locked, whoever comes to use the log makes one, and so is seen.
    Locks {
        reader: Lock,
        _log: Option<Lock>,
        beside: Option<Beside>,
    },
    /// Where there are no locks: what was read before. If the same is read again afterwards, that
    /// is what there was all the time between.
    Content(blake3::Hash, State),
    /// What is left to be read is in a file of our own.
    Copied,
}

/// What came of an attempt to open one.
enum Tried {
    Opened(Box<Now>),
    /// Somebody else's lock is in the way.
    Busy,
    /// Something else has its name, or what is beside it, by now.
    Changed,
}

/// The look whether it is sound.
enum Check {
    /// It is to be done.
    Open,
    /// Somebody does it, and says here what was found.
    Begun(Receiver<std::result::Result<(), Flaw>>),
    Done,
}

impl Database {
    /// Opens the database that is open as `file`, and was found at `place`. Waits for those who
    /// write to it, but not for long.
    pub fn open(place: &Place<'_>, file: StoreFile, control: &Control) -> Result<Self> {
        let place = place.keep()?;
        file.set_care(Care::IfOpen);
        let mut file = Arc::new(file);
        let mut patience = Patience::new(control);
        let mut changes = 0;
        let mut reader = None;
        loop {
            control.check()?;
            match attempt(&place, &file, reader.take(), control)? {
                Tried::Opened(now) => {
                    return Ok(Database {
                        place,
                        state: *now,
                        check: Check::Open,
                        opened: Instant::now(),
                        unwanted: Arc::default(),
                    });
                }
                Tried::Busy => reader = patience.pause(&file, &place.path)?,
                Tried::Changed => {
                    changes += 1;
                    // Another file may be in its place.
                    let again = place.reopen()?;
                    let again = again.filter(|again| is_database_file(again) == Ok(true));
                    file = match again {
                        Some(again) if changes < TRIES || patience.lasts() => Arc::new(again),
                        _ => return Err(Error::Changed(place.path)),
                    };
                }
            }
        }
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.state.view.size()
    }

    /// When it was modified. The log counts: what is in it is not yet in the database.
    pub fn modified(&self) -> Time {
        self.state.modified
    }

    /// Reads what is at `offset`, as far as it lies in one piece; 0 bytes at the end.
    pub fn read_at(&self, out: &mut [u8], offset: u64) -> std::result::Result<usize, Errno> {
        self.state.view.read_at(out, offset)
    }

    /// Reads it from its beginning.
    pub fn reader(&self) -> impl Read + '_ {
        Reader {
            view: &self.state.view,
            offset: 0,
        }
    }

    /// Checks it now if it is small, and of a large one what takes no time.
    pub fn check_first(&mut self, control: &Control) -> Result<()> {
        if self.size() <= CHECKED_FIRST {
            self.find_sound(control)
        } else {
            Format::read(&*self.state.view)
                .map(drop)
                .map_err(|flaw| self.error(flaw, control))
        }
    }

    /// Its check, for others to do while it is read; None when somebody did it, or does.
    pub fn check(&mut self, control: &Control) -> Option<Box<dyn FnOnce() + Send>> {
        if !matches!(self.check, Check::Open) {
            return None;
        }
        let (sender, receiver) = mpsc::channel();
        self.check = Check::Begun(receiver);
        let (view, unwanted) = (self.state.view.clone(), self.unwanted.clone());
        let canceled = control.canceled();
        Some(Box::new(move || {
            let stops = || canceled() || unwanted.load(Ordering::Relaxed);
            let _ = sender.send(check(&*view, &stops));
        }))
    }

    /// Checks it, or waits for whoever does. An error says what is wrong.
    fn find_sound(&mut self, control: &Control) -> Result<()> {
        let found = match std::mem::replace(&mut self.check, Check::Done) {
            Check::Open => check(&*self.state.view, &|| control.check().is_err()),
            Check::Begun(found) => found.recv().unwrap_or(Err(Flaw::Stopped)),
            Check::Done => Ok(()),
        };
        found.map_err(|flaw| self.error(flaw, control))
    }

    /// Whether all that was read of it is of one moment. An error says what is wrong with it.
    pub fn verify(&mut self, control: &Control) -> Result<bool> {
        // In this order: what was checked is what was read.
        let sound = self.find_sound(control);
        if self.is_unchanged()? {
            sound.map(|()| true)
        } else {
            Ok(false)
        }
    }

    /// The same, of one whose content is not checked.
    pub fn is_unchanged(&self) -> Result<bool> {
        let failed = |errno| Error::system("read", &self.place.path, errno);
        if let Guard::Copied = self.state.guard {
            return Ok(true);
        }
        let before = &self.state.before;
        let now = sys::fstat(self.state.file.as_fd()).map_err(failed)?;
        if !sys::unchanged(before, &now) || !self.place.leads_to(before)? {
            return Ok(false);
        }
        match &self.state.guard {
            Guard::Locks { beside, .. } => match beside {
                Some(beside) => Ok(self.place.beside()? == *beside),
                None => Ok(true),
            },
            Guard::Content(hash, state) => {
                let again = hash_of(&self.state.view).map_err(failed)?;
                let state_again = self.place.sidecars()?.state().map_err(failed)?;
                Ok(again == *hash && state_again == *state)
            }
            Guard::Copied => Ok(true),
        }
    }

    /// Lets go of the locks, if somebody waits for that or they are held for long already, with
    /// what is to be read from `offset` on in a file of our own. False when it has changed before.
    pub fn make_way(
        &mut self,
        offset: u64,
        scratch: &dyn Fn() -> Result<File>,
        control: &Control,
    ) -> Result<bool> {
        let Guard::Locks { reader, .. } = &self.state.guard else {
            return Ok(true);
        };
        if !reader.is_waited_for() && self.opened.elapsed() < LONG {
            return Ok(true);
        }
        self.find_sound(control)?;
        // Where there is no room for it, they wait until it is read.
        let Ok(copy) = scratch().and_then(|copy| self.copy(copy, offset, control)) else {
            control.check()?;
            self.opened = Instant::now();
            return Ok(true);
        };
        if !self.is_unchanged()? {
            return Ok(false);
        }
        self.state.view = Arc::new(View::of_copy(copy, self.size()));
        self.state.guard = Guard::Copied;
        Ok(true)
    }

    fn copy(&self, copy: File, offset: u64, control: &Control) -> Result<File> {
        let failed = |errno| Error::system("copy", &self.place.path, errno);
        let mut buffer = vec![0; COPIED];
        let mut offset = offset;
        loop {
            control.check()?;
            let read = self.read_at(&mut buffer, offset).map_err(failed)?;
            if read == 0 {
                return Ok(copy);
            }
            let written = copy.write_all_at(&buffer[..read], offset);
            written.map_err(|error| Error::io("copy", &self.place.path, error))?;
            offset += read as u64;
        }
    }

    /// The licenses in the rows of a database, in the order of their names; None when it is none
    /// of a known schema. It is not locked any more when they are told.
    pub fn rows(place: &Place<'_>, mut file: StoreFile, control: &Control) -> Result<Option<Rows>> {
        for _ in 0..TRIES {
            let database = Self::open(place, file, control)?;
            let found = rows(&*database.state.view, false, &|| control.check().is_err());
            if database.is_unchanged()? {
                return found.map_err(|flaw| database.error(flaw, control));
            }
            match database.place.reopen()? {
                Some(again) => file = again,
                None => break,
            }
        }
        Err(Error::Changed(place.path.to_owned()))
    }

    /// The licenses in its rows, with their hashes, where that can be told; asked before anything
    /// is read of it.
    pub fn hashed_rows(&self, control: &Control) -> Option<Rows> {
        let rows = rows(&*self.state.view, true, &|| control.check().is_err());
        rows.ok().flatten()
    }

    /// Whether it holds no license, as far as that can be told.
    pub fn is_empty(&self, control: &Control) -> bool {
        is_empty(&*self.state.view, &|| control.check().is_err()).unwrap_or(false)
    }

    fn error(&self, flaw: Flaw, control: &Control) -> Error {
        let path = self.place.path.clone();
        match flaw {
            Flaw::Damaged(problem) => Error::Database { path, problem },
            Flaw::Failed(errno) => Error::system("read", path, errno),
            Flaw::TooLarge => Error::Memory("the rows of a database"),
            Flaw::Stopped => control.check().err().unwrap_or(Error::Changed(path)),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.unwanted.store(true, Ordering::Relaxed);
    }
}

struct Reader<'a> {
    view: &'a View,
    offset: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.view.read_at(out, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// Looks at a database, with the locks of its readers; one of them there may be already.
fn attempt(
    place: &Kept,
    file: &Arc<StoreFile>,
    reader: Option<Lock>,
    control: &Control,
) -> Result<Tried> {
    let failed = |errno| Error::system("read", &place.path, errno);
    let mut reader = match reader {
        Some(reader) => Some(reader),
        None => match Lock::of_reader(file).map_err(failed)? {
            Attempt::Held(reader) => Some(reader),
            Attempt::Busy => return Ok(Tried::Busy),
            Attempt::Unknown => None,
        },
    };
    let sidecars = place.sidecars()?;
    let header = header_of(file).map_err(failed)?;
    let logs = header[READ_VERSION] == WITH_LOG || sidecars.log.is_some();
    let (mut log_lock, mut extent) = (None, None);
    if let (true, Some(index), Some(_)) = (logs, &sidecars.index, &reader) {
        match Lock::of_log(&index.file).map_err(failed)? {
            Attempt::Held(lock) => {
                extent = find_extent(index).map_err(failed)?;
                log_lock = Some(lock);
            }
            Attempt::Busy => return Ok(Tried::Busy),
            Attempt::Unknown => reader = None,
        }
    }
    // With the locks, everything is looked at.
    let before = sys::fstat(file.as_fd()).map_err(failed)?;
    let beside = sidecars.beside();
    if !place.leads_to(&before)? || place.beside()? != beside {
        return Ok(Tried::Changed);
    }
    let state = sidecars.state().map_err(failed)?;
    let modified = modified(&before, &sidecars);
    let view = match view(place, file, &before, &header, sidecars, extent, control)? {
        Some(view) => Arc::new(view),
        None => return Ok(Tried::Changed),
    };
    let guard = match reader {
        Some(reader) => Guard::Locks {
            reader,
            _log: log_lock,
            beside: logs.then_some(beside),
        },
        None => Guard::Content(hash_of(&view).map_err(failed)?, state),
    };
    Ok(Tried::Opened(Box::new(Now {
        file: file.clone(),
        before,
        modified,
        view,
        guard,
    })))
}

fn header_of(file: &StoreFile) -> std::result::Result<[u8; HEADER], Errno> {
    let mut header = [0; HEADER];
    OpenFile::whole(file)?.read_page(&mut header, 0)?;
    Ok(header)
}

/// How far a log goes whose index is locked, for those who use it now. None when there are none:
/// then all of it counts that is whole. Nobody can begin to use it without the lock.
fn find_extent(index: &Opened) -> std::result::Result<Option<Extent>, Errno> {
    if !locks::is_index_in_use(index.file.as_fd())? {
        return Ok(None);
    }
    let mut header = [0; INDEX_HEADER];
    for _ in 0..LOOKS {
        OpenFile::whole(&index.file)?.read_page(&mut header, 0)?;
        if let Some(extent) = Extent::read(&header) {
            return Ok(Some(extent));
        }
        std::thread::yield_now();
    }
    // Whoever wrote to it was killed, and those who come after him wait for the lock.
    Ok(None)
}

fn modified(before: &Stat, sidecars: &Sidecars) -> Time {
    let log = sidecars.log.iter().map(|log| &log.stat);
    let written = log.filter(|log| log.st_size > 0);
    let times = written.chain([before]).map(sys::modified);
    let latest = times.max_by_key(|time| (time.seconds, time.nanoseconds));
    latest.unwrap_or_else(|| sys::modified(before))
}

fn hash_of(view: &View) -> std::result::Result<blake3::Hash, Errno> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; COPIED];
    let mut offset = 0;
    loop {
        match view.read_at(&mut buffer, offset)? {
            0 => return Ok(hasher.finalize()),
            read => {
                hasher.update(&buffer[..read]);
                offset += read as u64;
            }
        }
    }
}
