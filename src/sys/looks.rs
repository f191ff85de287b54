//! Looks at files. A file system behind a server or a daemon (CIFS, NFS, FUSE) may say EINTR to any
//! of them, whatever the handlers of signals ask for, and lists run on a thread whose signals are
//! the host's: a look that was interrupted is taken again.

use std::ffi::CString;
use std::os::fd::AsFd;

use rustix::fs::{self, AtFlags, Stat};
#[cfg(linux_calls)]
use rustix::fs::{Statx, StatxFlags};
use rustix::io::{Result, retry_on_intr};
use rustix::path::Arg;

pub fn fstat(file: impl AsFd) -> Result<Stat> {
    retry_on_intr(|| fs::fstat(&file))
}

pub fn stat(path: impl Arg) -> Result<Stat> {
    path.into_with_c_str(|path| retry_on_intr(|| fs::stat(path)))
}

pub fn statat(folder: impl AsFd, path: impl Arg, flags: AtFlags) -> Result<Stat> {
    path.into_with_c_str(|path| retry_on_intr(|| fs::statat(&folder, path, flags)))
}

#[cfg(linux_calls)]
pub fn statx(folder: impl AsFd, path: impl Arg, flags: AtFlags, mask: StatxFlags) -> Result<Statx> {
    path.into_with_c_str(|path| retry_on_intr(|| fs::statx(&folder, path, flags, mask)))
}

/// Where a link leads.
pub fn readlinkat(folder: impl AsFd, path: impl Arg) -> Result<CString> {
    path.into_with_c_str(|path| retry_on_intr(|| fs::readlinkat(&folder, path, Vec::new())))
}
