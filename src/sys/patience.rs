//! What other programs, or a file system that is behind, keep from being done for a moment.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::fs::{self, AtFlags};
use rustix::io::Errno;

use super::{Result, is_local};

/// Opens what may have a lease of another program (`F_SETLEASE`; Samba has such): who opens a file
/// without waiting is told EAGAIN, and the holder gives the lease back as soon as it can.
pub fn open_patiently<T>(open: impl FnMut() -> Result<T>) -> Result<T> {
    /// As long as Linux itself gives the holder, by default (`/proc/sys/fs/lease-break-time`),
    /// is longer than anybody waits.
    const TRIES: u32 = 500;
    const PAUSE: Duration = Duration::from_millis(10);
    patiently(TRIES, PAUSE, |errno| errno == Errno::AGAIN, open)
}

/// Removes a file. Some file systems remove none that is open, and FUSE ones hear of a close some
/// time after it.
pub fn remove_file(folder: impl AsFd, name: impl rustix::path::Arg + Copy) -> Result<()> {
    let is_open = |errno| matches!(errno, Errno::BUSY | Errno::TXTBSY | Errno::OPNOTSUPP);
    let remove = || fs::unlinkat(&folder, name, AtFlags::empty());
    patiently(TRIES_TO_REMOVE, PAUSE_TO_REMOVE, is_open, remove)
}

/// Removes a folder. Some file systems keep a file that was removed while it was open, or heard of
/// its close too late, under another name for a moment.
pub fn remove_folder(folder: impl AsFd, name: impl rustix::path::Arg + Copy) -> Result<()> {
    let remove = || fs::unlinkat(&folder, name, AtFlags::REMOVEDIR);
    match remove() {
        Err(Errno::NOTEMPTY | Errno::BUSY) if !is_local(&folder) => {}
        removed => return removed,
    }
    let is_used = |errno| matches!(errno, Errno::NOTEMPTY | Errno::BUSY);
    patiently(TRIES_TO_REMOVE, PAUSE_TO_REMOVE, is_used, remove)
}

const TRIES_TO_REMOVE: u32 = 250;
const PAUSE_TO_REMOVE: Duration = Duration::from_millis(2);

fn patiently<T>(
    tries: u32,
    pause: Duration,
    may_pass: impl Fn(Errno) -> bool,
    mut body: impl FnMut() -> Result<T>,
) -> Result<T> {
    for _ in 1..tries {
        match body() {
            Err(errno) if may_pass(errno) => std::thread::sleep(pause),
            done => return done,
        }
    }
    body()
}
