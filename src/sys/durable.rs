//! Whether what was written is safe. What a file system does not have is no failure where nothing
//! else could keep the promise better; what it says went wrong always is.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::{self, Mode};
use rustix::io::{Errno, retry_on_intr};

use super::{Result, synchronize_file_system};

/// Whether a file system, or a sandbox before it, says that it has no such call.
pub fn is_lacking(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS)
}

/// Waits until the disk has a file. Interrupted, it is asked again; any other failure is final:
/// after it, the system takes the lost pages for written.
pub fn synchronize_file(file: BorrowedFd<'_>) -> Result<()> {
    match retry_on_intr(|| fs::fsync(file)) {
        Err(errno) if is_lacking(errno) => match synchronize_file_system(file) {
            Err(errno) if is_lacking(errno) => {}
            result => result?,
        },
        result => result?,
    }
    report_late_errors(file)
}

/// Waits until the disk has a folder's entries. A file system that cannot be asked for them has
/// them safe as soon as it ever will.
pub fn synchronize_folder(folder: BorrowedFd<'_>) -> Result<()> {
    match retry_on_intr(|| fs::fsync(folder)) {
        Err(errno) if is_lacking(errno) => Ok(()),
        result => result,
    }
}

/// What a file system tells at the close of a file only, a share's that is full for instance:
/// each close of a descriptor asks for it, so that of a duplicate does.
pub fn report_late_errors(file: impl AsFd) -> Result<()> {
    let duplicate = rustix::io::fcntl_dupfd_cloexec(file, 3)?;
    let number = duplicate.as_raw_fd();
    std::mem::forget(duplicate);
    // SAFETY: the descriptor is ours, and nobody else closes it: it was just made, and forgotten.
    match unsafe { libc::close(number) } {
        0 => Ok(()),
        _ => match Errno::from_io_error(&std::io::Error::last_os_error()) {
            // It is closed all the same.
            None | Some(Errno::INTR) => Ok(()),
            Some(errno) => Err(errno),
        },
    }
}

/// Gives a file exactly this mode, whatever the process's umask is, where its file system has
/// modes that can be set: elsewhere the mode that it was made with has to do.
pub fn set_file_mode(file: impl AsFd, mode: Mode) -> Result<()> {
    match fs::fchmod(file, mode) {
        Err(errno) if errno == Errno::PERM || is_lacking(errno) => Ok(()),
        result => result,
    }
}

/// Whether a file system is one of this system's own, whose locks and times nobody else sees
/// otherwise. Linux's include/uapi/linux/magic.h: ext2 to ext4, XFS, Btrfs, F2FS, tmpfs,
/// overlayfs, FAT, exFAT.
pub fn is_local(file: impl AsFd) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        const KNOWN: [u32; 8] = [
            0xEF53,
            0x5846_5342,
            0x9123_683E,
            0xF2F5_2010,
            0x0102_1994,
            0x794C_7630,
            0x4D44,
            0x2011_BAB0,
        ];
        // The type of this field differs between processors.
        #[allow(clippy::unnecessary_cast)]
        fs::fstatfs(file).is_ok_and(|system| KNOWN.contains(&(system.f_type as u32)))
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = file;
        false
    }
}
