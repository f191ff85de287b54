//! A file of a store that is open to be read, and closed with care.
//!
//! When a process closes any descriptor of a file, it loses all the locks of fcntl() that it has on
//! it, whoever in it took them: a player's own SQLite would go on without, and others would take
//! the log away under it. So before a file of a database is closed it is asked whether this process
//! has it open besides; if it has, the descriptor is kept for as long as that is so, and used again
//! when the file is opened next.

use std::collections::HashSet;
use std::io::{self, Read};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::locks::{Holder, lock_holder};
use super::{
    FOLDER, Identity, Range, Result, UNTRUSTED_FILE, identity, list_folder, open_at, open_beneath,
};

/// How the files of a store are opened. That they are told to block nobody tells them from those
/// that others open.
pub const STORE_FILE: OFlags = UNTRUSTED_FILE;

/// Descriptors that could not be closed yet, by what they are of.
static KEPT: Mutex<Vec<(Identity, OwnedFd)>> = Mutex::new(Vec::new());
/// How many there are.
static KEPT_COUNT: AtomicUsize = AtomicUsize::new(0);

/// So many at the most: there are no more than files of databases that this process has open,
/// unless a file system says of each that it is another one every time.
const MOST_KEPT: usize = 256;

/// How long another thread may have them. In a child of a fork in that moment it has them for ever.
const TURN: Duration = Duration::from_secs(1);

const WHOLE: Range = Range {
    start: 0,
    length: 0,
};

/// What is looked at before a file is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Care {
    /// Nothing: it is none of a database.
    None,
    /// Whether this process has a lock on it: it is not known yet what it is.
    IfLocked,
    /// Whether this process has it open: who has may lock it at any moment.
    IfOpen,
}

/// A file of a store that is open to be read.
#[derive(Debug)]
pub struct StoreFile {
    file: ManuallyDrop<OwnedFd>,
    /// A [`Care`].
    care: AtomicU8,
}

impl AsFd for StoreFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Read for &StoreFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&*self.file, out)?)
    }
}

impl StoreFile {
    /// Opens a file of a store by its name in a folder, following no link.
    pub fn open(
        folder: impl AsFd,
        name: impl rustix::path::Arg + Copy,
        more: OFlags,
    ) -> Result<Self> {
        let folder = folder.as_fd();
        let kept = match KEPT_COUNT.load(Ordering::Relaxed) {
            0 => None,
            MOST_KEPT.. => return Err(Errno::MFILE),
            // What is kept is for reading only.
            _ if more.contains(OFlags::RDWR) => None,
            _ => take_kept(folder, name),
        };
        let file = match kept {
            Some(file) => file,
            None => open_at(folder, name, STORE_FILE | more, Mode::empty())?,
        };
        Ok(StoreFile {
            file: ManuallyDrop::new(file),
            care: AtomicU8::new(Care::IfLocked as u8),
        })
    }

    /// The same by its path below a folder.
    pub fn open_beneath(root: BorrowedFd<'_>, path: &[u8]) -> Result<Self> {
        match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => {
                let folder = open_beneath(root, &path[..slash], FOLDER)?;
                Self::open(folder, &path[slash + 1..], OFlags::empty())
            }
            None => Self::open(root, path, OFlags::empty()),
        }
    }

    /// It is known by now what it is.
    pub fn set_care(&self, care: Care) {
        self.care.store(care as u8, Ordering::Relaxed);
    }
}

impl Drop for StoreFile {
    fn drop(&mut self) {
        // SAFETY: it is not used after this.
        let file = unsafe { ManuallyDrop::take(&mut self.file) };
        let care = *self.care.get_mut();
        if care != Care::None as u8 && may_lose_locks(file.as_fd(), care == Care::IfOpen as u8) {
            keep(file);
        }
    }
}

/// The kept descriptor of what has this name, to be read from its beginning.
fn take_kept(folder: BorrowedFd<'_>, name: impl rustix::path::Arg) -> Option<OwnedFd> {
    let stat = super::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let wanted = identity(&stat);
    let mut kept = KEPT.try_lock_for(TURN)?;
    let found = kept.iter().position(|(identity, _)| *identity == wanted)?;
    let (_, file) = kept.swap_remove(found);
    KEPT_COUNT.store(kept.len(), Ordering::Relaxed);
    fs::seek(&file, fs::SeekFrom::Start(0)).ok()?;
    Some(file)
}

fn keep(file: OwnedFd) {
    let kept = super::fstat(&file).ok().zip(KEPT.try_lock_for(TURN));
    match kept {
        Some((stat, mut kept)) => {
            kept.push((identity(&stat), file));
            KEPT_COUNT.store(kept.len(), Ordering::Relaxed);
        }
        // It stays open, and nobody knows.
        None => std::mem::forget(file),
    }
}

/// Whether this process would lose locks by closing this descriptor, now or in a moment.
fn may_lose_locks(file: BorrowedFd<'_>, in_a_moment: bool) -> bool {
    let holder = lock_holder(file, WHOLE);
    match holder {
        Ok(Some(Holder::Process(process))) if process == std::process::id() => return true,
        // Of several who have locks one is told: it may be another process.
        Ok(Some(Holder::Process(_))) => {}
        // Kernels before 3.15 do not tell.
        Err(_) => {}
        _ if !in_a_moment => return false,
        _ => {}
    }
    let Ok(stat) = super::fstat(file) else {
        return false;
    };
    let mut found = false;
    let looked = each_open_file(|number, stat_of| {
        found |= number != file.as_raw_fd() && identity(stat_of) == identity(&stat);
    });
    match looked {
        Ok(()) => found,
        // Without such a list the locks alone tell.
        Err(_) => matches!(holder, Ok(Some(_))),
    }
}

/// Calls `each` with every regular file that this process has open, but for those of ours.
fn each_open_file(mut each: impl FnMut(RawFd, &fs::Stat)) -> Result<()> {
    let folder = open_at(fs::CWD, c"/proc/self/fd", FOLDER, Mode::empty())
        .or_else(|_| open_at(fs::CWD, c"/dev/fd", FOLDER, Mode::empty()))?;
    let mut buffer = [MaybeUninit::uninit(); 4096];
    list_folder(folder.as_fd(), &mut buffer, |name, _| {
        let number = std::str::from_utf8(name)
            .ok()
            .and_then(|name| name.parse().ok());
        let Some(number) = number.filter(|&number: &RawFd| number >= 0) else {
            return Ok(());
        };
        // SAFETY: it is used for two calls, and whatever it is of by then, or if it is of nothing
        // any more, they only tell about it.
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        if let Ok(stat) = super::fstat(file)
            && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && !fs::fcntl_getfl(file).is_ok_and(|flags| flags.contains(OFlags::NONBLOCK))
        {
            each(number, &stat);
        }
        Ok(())
    })
}

/// The regular files that this process has open besides ours, at one moment.
#[derive(Default)]
pub struct HostFiles(HashSet<Identity>);

impl HostFiles {
    /// Looks at them, and closes what was kept for those that are not open any more.
    pub fn look() -> Self {
        let mut open = HashSet::new();
        let looked = each_open_file(|_, stat| {
            open.insert(identity(stat));
        });
        if looked.is_ok() && KEPT_COUNT.load(Ordering::Relaxed) > 0 {
            let mut done = Vec::new();
            if let Some(mut kept) = KEPT.try_lock_for(TURN) {
                let (stay, go) = std::mem::take(&mut *kept)
                    .into_iter()
                    .partition(|(identity, _)| open.contains(identity));
                (*kept, done) = (stay, go);
                KEPT_COUNT.store(kept.len(), Ordering::Relaxed);
            }
            // Who has a lock by a descriptor like ours keeps it.
            for (_, file) in done {
                if may_lose_locks(file.as_fd(), false) {
                    keep(file);
                }
            }
        }
        HostFiles(open)
    }

    /// What care it takes to close a file that is none of a database.
    pub fn care(&self, stat: &fs::Stat) -> Care {
        if self.0.contains(&identity(stat)) {
            Care::IfOpen
        } else {
            Care::None
        }
    }
}
