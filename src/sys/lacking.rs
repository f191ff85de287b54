//! What file systems lack: modes, owners, times, links, renames with flags. Whatever is not there
//! is no failure where another way does as well.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::{FOLDER, PASSAGE, Result, Time, durable, open_at, remove_file};

/// For what is only a nicety: that it is refused is no failure.
fn unless_refused(done: Result<()>) -> Result<()> {
    match done {
        Err(errno) if durable::is_refused(errno) => Ok(()),
        done => done,
    }
}

/// Renames a file; EEXIST when the new name is taken.
pub fn rename_no_replace<Name: rustix::path::Arg + Copy>(
    from_folder: BorrowedFd<'_>,
    from: Name,
    to_folder: BorrowedFd<'_>,
    to: Name,
) -> Result<()> {
    if rename_in_one_step(from_folder, from, to_folder, to)? {
        return Ok(());
    }
    match fs::linkat(from_folder, from, to_folder, to, AtFlags::empty()) {
        Ok(()) => {
            let removed = remove_file(from_folder, from);
            if removed.is_err() {
                // It is where it was, under that name alone.
                let _ = remove_file(to_folder, to);
            }
            return removed;
        }
        Err(Errno::EXIST) => return Err(Errno::EXIST),
        // Whatever it says: there are file systems for each errno. What is left cannot do it in
        // one step.
        Err(_) => {}
    }
    match super::statat(to_folder, to, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => fs::renameat(from_folder, from, to_folder, to),
        Err(errno) => Err(errno),
    }
}

/// Renames a file in one step; EEXIST when the new name is taken. False where it takes two steps:
/// NFS, many FUSE ones.
pub fn rename_in_one_step<Name: rustix::path::Arg + Copy>(
    from_folder: BorrowedFd<'_>,
    from: Name,
    to_folder: BorrowedFd<'_>,
    to: Name,
) -> Result<bool> {
    #[cfg(any(linux_calls, target_vendor = "apple"))]
    match fs::renameat_with(from_folder, from, to_folder, to, fs::RenameFlags::NOREPLACE) {
        Err(errno) if durable::is_refused(errno) => Ok(false),
        result => result.map(|()| true),
    }
    #[cfg(not(any(linux_calls, target_vendor = "apple")))]
    {
        let _ = (from_folder, from, to_folder, to);
        Ok(false)
    }
}

/// Exchanges two files in one step; false where that cannot be done.
pub fn exchange(
    from_folder: BorrowedFd<'_>,
    from: &[u8],
    to_folder: BorrowedFd<'_>,
    to: &[u8],
) -> Result<bool> {
    #[cfg(any(linux_calls, target_vendor = "apple"))]
    match fs::renameat_with(from_folder, from, to_folder, to, fs::RenameFlags::EXCHANGE) {
        Err(errno) if durable::is_refused(errno) => Ok(false),
        result => result.map(|()| true),
    }
    #[cfg(not(any(linux_calls, target_vendor = "apple")))]
    {
        let _ = (from_folder, from, to_folder, to);
        Ok(false)
    }
}

/// Makes a folder for its owner alone, whatever the umask takes away, and opens it.
pub fn make_folder<Name: rustix::path::Arg + Copy>(
    parent: BorrowedFd<'_>,
    name: Name,
) -> Result<OwnedFd> {
    fs::mkdirat(parent, name, Mode::RWXU)?;
    let made = open_made(parent, name);
    if made.is_err() {
        let _ = fs::unlinkat(parent, name, AtFlags::REMOVEDIR);
    }
    made
}

/// Opens a folder that was just made, by this thread or another, with all rights of its owner.
pub fn open_made<Name: rustix::path::Arg + Copy>(
    parent: BorrowedFd<'_>,
    name: Name,
) -> Result<OwnedFd> {
    set_folder_mode(parent, name)?;
    open_at(parent, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())
}

/// Gives a folder of this user's the rights that a umask may have taken away. Another folder
/// that was put in its place keeps its mode.
pub fn set_folder_mode<Name: rustix::path::Arg + Copy>(
    parent: impl AsFd,
    name: Name,
) -> Result<()> {
    let folder = open_at(parent, name, PASSAGE | OFlags::NOFOLLOW, Mode::empty())?;
    let stat = super::fstat(&folder)?;
    let own = stat.st_uid == rustix::process::geteuid().as_raw();
    if !own || stat.st_mode & 0o700 == 0o700 {
        return Ok(());
    }
    #[cfg(linux_kernel)]
    let set = fs::chmod(super::proc_path(folder.as_fd()), Mode::RWXU);
    #[cfg(not(linux_kernel))]
    let set = fs::fchmod(&folder, Mode::RWXU);
    match set {
        // No /proc: whether the folder can be used shows when it is opened.
        Err(Errno::NOENT) => Ok(()),
        set => unless_refused(set),
    }
}

/// Gives a folder the mode of another.
pub fn copy_mode(from: &Stat, to: impl AsFd) -> Result<()> {
    let wanted = from.st_mode & 0o7777;
    if super::fstat(&to)?.st_mode & 0o7777 == wanted {
        return Ok(());
    }
    unless_refused(fs::fchmod(to, Mode::from_raw_mode(wanted)))
}

/// Who a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    user: u32,
    group: u32,
}

impl Ownership {
    pub fn of(stat: &Stat) -> Self {
        Ownership {
            user: stat.st_uid,
            group: stat.st_gid,
        }
    }

    /// The same, if this process is root's and what it makes would belong to somebody else.
    pub fn to_give(self) -> Option<Self> {
        let own = Ownership {
            user: rustix::process::geteuid().as_raw(),
            group: rustix::process::getegid().as_raw(),
        };
        (own.user == 0 && own != self).then_some(self)
    }

    /// Gives a file or folder to this owner. Where owners are fixed it has the one that it has.
    pub fn give(self, file: impl AsFd) -> Result<()> {
        let (user, group) = (Uid::from_raw(self.user), Gid::from_raw(self.group));
        unless_refused(fs::fchown(file, Some(user), Some(group)))
    }
}

/// Sets when a file was last modified.
pub fn set_modified(file: impl AsFd, modified: Time) -> Result<()> {
    let times = Timestamps {
        // File systems of libfuse 2 drop a call that leaves one of the two out.
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: fs::UTIME_NOW,
        },
        last_modification: Timespec {
            tv_sec: modified.seconds,
            tv_nsec: modified.nanoseconds.into(),
        },
    };
    unless_refused(fs::futimens(file, &times))
}

/// Whether a folder takes new names and gives none back (chattr +a).
pub fn is_append_only(folder: BorrowedFd<'_>) -> bool {
    #[cfg(linux_kernel)]
    {
        fs::ioctl_getflags(folder).is_ok_and(|flags| flags.contains(fs::IFlags::APPEND))
    }
    #[cfg(not(linux_kernel))]
    {
        let _ = folder;
        false
    }
}
