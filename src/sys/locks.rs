//! Locks on ranges of files.

use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use super::Result;

/// Bytes of a file that are locked together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub start: u64,
    /// 0: to the end of the file, however long it gets.
    pub length: u64,
}

/// What a lock keeps others from: nothing, writing, or both.
#[derive(Clone, Copy)]
enum Lock {
    None,
    Read,
    Write,
}

/// Who has a lock on a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A process as a whole; 0 when it cannot be seen from here.
    Process(u32),
    /// Whoever has the file open in the same way.
    OpenFile,
}

/// Whether locks belong to the open file: unlike one that belongs to the process, such a lock is
/// in the way of this process's other locks too, and leaves them alone.
const OF_OPEN_FILES: bool = cfg!(linux_kernel);

/// Sets or looks for a lock of fcntl() that belongs to the open file, where the system has such.
fn record_lock(file: BorrowedFd<'_>, range: Range, lock: Lock, set: bool) -> Result<libc::flock> {
    use std::os::fd::AsRawFd;
    #[cfg(linux_kernel)]
    let commands = (libc::F_OFD_SETLK, libc::F_OFD_GETLK);
    #[cfg(not(linux_kernel))]
    let commands = (libc::F_SETLK, libc::F_GETLK);
    let command = if set { commands.0 } else { commands.1 };
    let kind = match lock {
        Lock::None => libc::F_UNLCK,
        Lock::Read => libc::F_RDLCK,
        Lock::Write => libc::F_WRLCK,
    };
    // SAFETY: zero bytes are a valid `flock`, a struct of numbers.
    let mut lock = unsafe { MaybeUninit::<libc::flock>::zeroed().assume_init() };
    lock.l_type = kind as _;
    lock.l_whence = libc::SEEK_SET as _;
    lock.l_start = range.start as _;
    lock.l_len = range.length as _;
    // SAFETY: the descriptor is open, and these commands take a pointer to a `flock`, which
    // is ours.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, &mut lock) } {
        -1 => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)),
        _ => Ok(lock),
    }
}

/// Who has a lock in this range of a file, other than by this open file; of several, one.
// The types of these fields differ between systems.
#[allow(clippy::unnecessary_cast)]
pub fn lock_holder(file: BorrowedFd<'_>, range: Range) -> Result<Option<Holder>> {
    let lock = record_lock(file, range, Lock::Write, false)?;
    if i32::from(lock.l_type) == libc::F_UNLCK as i32 {
        return Ok(None);
    }
    let process = u32::try_from(lock.l_pid);
    Ok(Some(process.map_or(Holder::OpenFile, Holder::Process)))
}

/// Whether anybody else has a lock in this range of a file.
pub fn is_locked(file: BorrowedFd<'_>, range: Range) -> Result<bool> {
    Ok(lock_holder(file, range)?.is_some())
}

/// Locks this range of a file, which must be open for writing, until it is closed; EAGAIN
/// when anybody else has a lock in it.
pub fn lock(file: BorrowedFd<'_>, range: Range) -> Result<()> {
    match record_lock(file, range, Lock::Write, true) {
        Err(Errno::ACCESS) => Err(Errno::AGAIN),
        locked => locked.map(drop),
    }
}

/// Keeps writers from this range of a file, and not other readers; EAGAIN when somebody keeps
/// readers from it. ENOSYS on systems whose locks belong to the process.
pub fn read_lock(file: BorrowedFd<'_>, range: Range) -> Result<()> {
    if !OF_OPEN_FILES {
        return Err(Errno::NOSYS);
    }
    match record_lock(file, range, Lock::Read, true) {
        Err(Errno::ACCESS) => Err(Errno::AGAIN),
        locked => locked.map(drop),
    }
}

/// Lets go of such a lock.
pub fn unlock(file: BorrowedFd<'_>, range: Range) {
    if OF_OPEN_FILES {
        let _ = record_lock(file, range, Lock::None, true);
    }
}
