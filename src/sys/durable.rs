//! Whether what was written is safe. What a file system does not have is no failure where nothing
//! else could keep the promise better; what it says went wrong always is.

use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};

use rustix::fs::{self, Mode};
use rustix::io::{Errno, retry_on_intr};

use super::Result;

/// Whether a file system, or a sandbox before it, says that it has no such call.
pub fn is_lacking(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS)
}

/// The same of a call, or flag of one, that something else stands in for. Sandboxes refuse what
/// they do not know by all kinds of words. Where it was the file that was refused, what stands in
/// is refused too.
pub fn is_refused(errno: Errno) -> bool {
    is_lacking(errno) || [Errno::PERM, Errno::ACCESS, Errno::NOTTY, Errno::NOTSUP].contains(&errno)
}

/// Waits until the disk has a file. Interrupted, it is asked again; any other failure is final:
/// after it, the system takes the lost pages for written.
pub fn synchronize_file(file: impl AsFd) -> Result<()> {
    match retry_on_intr(|| fs::fsync(&file)) {
        Err(errno) if is_lacking(errno) => drop(synchronize_file_system(file.as_fd())?),
        result => result?,
    }
    report_late_errors(file)
}

/// Waits until the disk has a folder's entries. A file system that cannot be asked for them has
/// them safe as soon as it ever will.
pub fn synchronize_folder(folder: impl AsFd) -> Result<()> {
    match retry_on_intr(|| fs::fsync(&folder)) {
        Err(errno) if is_lacking(errno) => Ok(()),
        result => result,
    }
}

/// What a file system tells at the close of a file only, a share's that is full for instance:
/// each close of a descriptor asks for it, so that of a duplicate does.
pub fn report_late_errors(file: impl AsFd) -> Result<()> {
    close(rustix::io::fcntl_dupfd_cloexec(file, 3)?)
}

/// Closes a file, and says what is only said then.
pub fn close(file: impl Into<OwnedFd>) -> Result<()> {
    // SAFETY: the descriptor was owned, and nobody else closes it.
    match unsafe { libc::close(file.into().into_raw_fd()) } {
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
        Err(errno) if is_refused(errno) => Ok(()),
        result => result,
    }
}

/// Waits until the disk has all that was written to the file system that holds `file`; false when
/// there is no such call.
pub fn synchronize_file_system(file: BorrowedFd<'_>) -> Result<bool> {
    #[cfg(linux_calls)]
    match retry_on_intr(|| fs::syncfs(file)) {
        Err(errno) if is_refused(errno) => Ok(false),
        result => result.map(|()| true),
    }
    #[cfg(not(linux_calls))]
    {
        let _ = file;
        fs::sync();
        Ok(true)
    }
}

/// The same, of all file systems where one cannot be asked for.
pub fn synchronize_all(file: BorrowedFd<'_>) -> Result<()> {
    if !synchronize_file_system(file)? {
        fs::sync();
    }
    Ok(())
}

/// Whether a file is on a file system of one of these kinds, as Linux numbers them.
fn is_on(file: impl AsFd, kinds: &[u32]) -> bool {
    #[cfg(linux_kernel)]
    {
        // The type of this field differs between processors.
        #[allow(clippy::unnecessary_cast)]
        fs::fstatfs(file).is_ok_and(|system| kinds.contains(&(system.f_type as u32)))
    }
    #[cfg(not(linux_kernel))]
    {
        let _ = (file, kinds);
        false
    }
}

/// Whether a file system is one of this system's own: nobody else sees its locks and times
/// otherwise, and to wait for all of it waits for each file, and says what failed. FUSE ones are
/// not even asked then, and servers say it when a file is closed.
pub fn is_local(file: impl AsFd) -> bool {
    /// Linux's include/uapi/linux/magic.h, and the sources of each: ext2 to ext4, XFS, Btrfs,
    /// F2FS, tmpfs, overlayfs, FAT, exFAT, NTFS (ntfs3), bcachefs, ZFS, JFS, ReiserFS, NILFS,
    /// UBIFS, ramfs, eCryptfs, HFS+, sdcardfs.
    const KNOWN: [u32; 20] = [
        0xEF53,
        0x5846_5342,
        0x9123_683E,
        0xF2F5_2010,
        0x0102_1994,
        0x794C_7630,
        0x4D44,
        0x2011_BAB0,
        0x7366_746E,
        0x5346_544E,
        0xCA45_1A4E,
        0x2FC1_2FC1,
        0x3153_464A,
        0x5265_4973,
        0x3434,
        0x2405_1905,
        0x8584_58F6,
        0xF15F,
        0x482B,
        0x5DCA_2DF5,
    ];
    is_on(file, &KNOWN)
}

/// Whether a file that looks as it did, by its inode number and its times, is what it was: those of
/// a server, a daemon or a stick are made up, late, or can be set.
pub fn keeps_times(file: impl AsFd) -> bool {
    /// ext2 to ext4, XFS, Btrfs, F2FS, overlayfs, bcachefs, ZFS. Not tmpfs: what is written by
    /// way of a mapping does not change its times.
    const KEEPING: [u32; 7] = [
        0xEF53,
        0x5846_5342,
        0x9123_683E,
        0xF2F5_2010,
        0x794C_7630,
        0xCA45_1A4E,
        0x2FC1_2FC1,
    ];
    is_on(file, &KEEPING)
}

/// Whether a lock on a file is known to everybody who may use it. Those of a FUSE file system may
/// be of one mount only, unless it has a disk to itself.
pub fn has_common_locks(file: impl AsFd) -> bool {
    #[cfg(linux_kernel)]
    {
        /// Their servers have the locks: NFS, SMB (two), Ceph, GFS2, OCFS2, Lustre.
        const OF_A_SERVER: [u32; 7] = [
            0x6969,
            0xFF53_4D42,
            0xFE53_4D42,
            0x00C3_6400,
            0x0116_1970,
            0x7461_636F,
            0x0BD0_0BD0,
        ];
        let is_of_a_server = || is_on(&file, &OF_A_SERVER);
        let is_on_a_disk = || super::fstat(&file).is_ok_and(|stat| fs::major(stat.st_dev) != 0);
        is_local(&file) || is_of_a_server() || is_on_a_disk()
    }
    #[cfg(not(linux_kernel))]
    {
        let _ = file;
        true
    }
}
