//! System calls that exist on Linux only, each with a portable way beside it, and the
//! few that need `unsafe`.
//!
//! `linux_calls` is Linux, `linux_kernel` Android too, whose programs may make fewer calls. Both
//! are off with `--cfg wmlb_portable`: what other systems do is then tested on Linux (build.rs).

#[cfg(any(linux_kernel, target_vendor = "apple"))]
mod attributes;
mod bell;
mod contents;
mod durable;
mod lacking;
mod locks;
mod looks;
mod memory;
mod owner;
mod paths;
mod patience;
mod process;
mod runner;
mod secret_memory;
#[cfg(feature = "encryption")]
mod set_aside;
mod share;
#[cfg_attr(any(wmlb_loom, wmlb_shuttle), path = "../tests/model/spawn.rs")]
mod spawn;
mod store_file;
mod stream;
#[cfg_attr(any(wmlb_loom, wmlb_shuttle), allow(dead_code))]
mod threads;
pub mod xdg;

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

#[cfg(any(linux_kernel, target_vendor = "apple"))]
pub use attributes::copy_attributes;
pub use bell::Bell;
pub use contents::{ReadAt, ReadSeek, reads_equal};
pub use durable::{
    close, has_common_locks, is_local, keeps_times, report_late_errors, set_file_mode,
    synchronize_all, synchronize_file, synchronize_file_system, synchronize_folder,
};
pub use lacking::{
    Ownership, copy_mode, exchange, is_append_only, make_folder, open_made, rename_in_one_step,
    rename_no_replace, set_folder_mode, set_modified,
};
pub use locks::{Range, is_locked, lock, read_lock, unlock};
#[cfg(linux_calls)]
use looks::statx;
pub use looks::{fstat, readlinkat, stat, statat};
#[cfg(feature = "encryption")]
pub use memory::has_memory;
pub use memory::{SCRATCH, shortages};
pub use owner::{Life, Owner};
pub use paths::{is_removed, locate, open_trusted, path_of};
pub use patience::{remove_file, remove_folder};
pub use process::{Process, this_process};
pub use runner::Runner;
pub use secret_memory::{SecretBytes, clear_vector_registers};
#[cfg(feature = "encryption")]
pub use set_aside::SetAside;
pub use share::{Part, share};
pub use spawn::{Thread, scope};
pub use store_file::{Care, HostFiles, StoreFile};
pub use stream::{StreamWriter, read_stream};
pub use threads::{NicerThreads, end_thread, thread_waits};

// BLAKE3's C for this processor calls back a function of its crate's, which is therefore exported
// as if it were ours. A symbol that one object file calls hidden is hidden in all that is linked.
#[cfg(all(
    unix,
    not(target_vendor = "apple"),
    target_arch = "aarch64",
    target_endian = "little"
))]
std::arch::global_asm!(".hidden blake3_compress_in_place_portable");

/// What a system call gives. `error::At` says what was tried, and on which path.
pub type Result<T> = std::result::Result<T, Errno>;

/// How a file is opened to be read that somebody else may have put there: no link is followed, and
/// nobody is waited for at a pipe, and no terminal becomes that of the process.
pub(crate) const UNTRUSTED_FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// How folders are opened to be read.
pub(crate) const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY);

/// A file's or folder's device and inode: what it is, whatever it is called.
pub type Identity = (u64, u64);

// The types of these fields differ between systems.
#[allow(clippy::unnecessary_cast)]
pub fn identity(stat: &fs::Stat) -> Identity {
    (stat.st_dev as u64, stat.st_ino as u64)
}

/// Whether a file is a regular one.
pub fn is_regular(stat: &fs::Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// A point in time as a file has it: Unix seconds, and nanoseconds after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    pub seconds: i64,
    pub nanoseconds: u32,
}

/// When a file was last modified.
// The types of these fields differ between systems.
#[allow(clippy::unnecessary_cast)]
pub fn modified(stat: &fs::Stat) -> Time {
    Time {
        seconds: stat.st_mtime as i64,
        nanoseconds: stat.st_mtime_nsec as u32,
    }
}

/// When anything about a file was last changed; nobody can set that.
#[allow(clippy::unnecessary_cast)]
pub fn changed(stat: &fs::Stat) -> Time {
    Time {
        seconds: stat.st_ctime as i64,
        nanoseconds: stat.st_ctime_nsec as u32,
    }
}

/// Whether two looks at a file or folder show the same content.
pub fn unchanged(before: &fs::Stat, after: &fs::Stat) -> bool {
    let look = |stat: &fs::Stat| {
        (
            stat.st_ino,
            stat.st_size,
            (stat.st_mtime, stat.st_mtime_nsec),
            (stat.st_ctime, stat.st_ctime_nsec),
        )
    };
    look(before) == look(after)
}

/// How folders are opened that only lead to others: that takes no right to read them.
#[cfg(linux_calls)]
pub(crate) const PASSAGE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(linux_calls))]
pub(crate) const PASSAGE: OFlags = FOLDER;

/// Whether a process that cannot be found is not there: in a container, which has process
/// numbers of its own, it may run outside.
pub fn sees_every_process() -> bool {
    #[cfg(linux_calls)]
    {
        // The number of the first of all such name spaces is part of the kernel's interface
        // (PROC_PID_INIT_INO).
        fs::readlink("/proc/self/ns/pid", Vec::new())
            .is_ok_and(|target| target.as_bytes() == b"pid:[4026531836]")
    }
    #[cfg(not(linux_calls))]
    {
        true
    }
}

/// A number that others do not guess by accident: for names, not for secrets.
pub fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

/// Opens a file or folder; every one is opened so. A lease of another program's is waited for.
pub fn open_at(
    folder: impl AsFd,
    path: impl rustix::path::Arg,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd> {
    path.into_with_c_str(|path| {
        let open = || retry_on_intr(|| fs::openat(&folder, path, flags, mode));
        patience::open_patiently(open).and_then(off_standard)
    })
}

/// Gives a file another number when it has that of standard input, output or error: a host that
/// has closed those, and writes there all the same, would write to the file.
pub fn off_standard<F: From<OwnedFd> + Into<OwnedFd>>(file: F) -> Result<F> {
    let file = file.into();
    match file.as_raw_fd() {
        0..=2 => Ok(rustix::io::fcntl_dupfd_cloexec(&file, 3)?.into()),
        _ => Ok(file.into()),
    }
}

/// Opens `path` below `root`, following no link in any of its components.
pub fn open_beneath(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    #[cfg(linux_calls)]
    {
        use rustix::fs::ResolveFlags;
        /// Room for the longest path that one call takes (PATH_MAX with its NUL).
        const LONGEST: usize = 4095;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        if path.len() <= LONGEST {
            match retry_on_intr(|| fs::openat2(root, path, flags, Mode::empty(), resolve)) {
                // Kernels before 5.6 and some sandboxes do not have the call; EAGAIN says
                // that a rename elsewhere made the kernel give up.
                Err(errno) if durable::is_refused(errno) || errno == Errno::AGAIN => {}
                result => return result.and_then(off_standard),
            }
        }
    }
    let mut components = path.split(|&byte| byte == b'/').peekable();
    let mut folder = None::<OwnedFd>;
    while let Some(component) = components.next() {
        if component == b".." {
            return Err(Errno::XDEV);
        }
        let step = match components.peek() {
            Some(_) => FOLDER,
            None => flags,
        } | OFlags::NOFOLLOW;
        let parent = folder.as_ref().map_or(root, AsFd::as_fd);
        folder = Some(open_at(parent, component, step, Mode::empty())?);
    }
    folder.ok_or(Errno::NOENT)
}

/// Calls `each` with every entry of a folder but `.` and `..`. What stops the listing
/// short is an error, never the end of the list: a failing `readdir` of the C library is
/// not always told from its end.
pub fn list_folder(
    folder: BorrowedFd<'_>,
    buffer: &mut [MaybeUninit<u8>],
    mut each: impl FnMut(&[u8], FileType) -> Result<()>,
) -> Result<()> {
    let mut each_entry = |name: &[u8], kind| match name {
        b"." | b".." => Ok(()),
        name => each(name, kind),
    };
    #[cfg(linux_calls)]
    {
        let mut entries = fs::RawDir::new(folder, buffer);
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Err(Errno::INTR) => continue,
                entry => entry?,
            };
            each_entry(entry.file_name().to_bytes(), entry.file_type())?;
        }
    }
    #[cfg(not(linux_calls))]
    {
        let _ = buffer;
        for entry in fs::Dir::read_from(folder)? {
            let entry = entry?;
            // Folders do not tell there.
            #[cfg(any(target_os = "illumos", target_os = "solaris"))]
            let kind = FileType::Unknown;
            #[cfg(not(any(target_os = "illumos", target_os = "solaris")))]
            let kind = entry.file_type();
            each_entry(entry.file_name().to_bytes(), kind)?;
        }
    }
    Ok(())
}

/// A file without a name in `folder`, open for writing and reading back; None where the
/// system or the file system has no such files, or no way to name one later.
pub fn create_unnamed(folder: BorrowedFd<'_>) -> Option<OwnedFd> {
    #[cfg(linux_calls)]
    {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = open_at(folder, c".", flags, Mode::RUSR | Mode::WUSR).ok()?;
        // Naming it goes through /proc, which a sandbox may not have.
        statat(fs::CWD, proc_path(file.as_fd()), fs::AtFlags::empty()).ok()?;
        Some(file)
    }
    #[cfg(not(linux_calls))]
    {
        let _ = folder;
        None
    }
}

/// Random names that are tried. That so many are taken means that the file system says so of any.
pub(crate) const NAME_TRIES: u32 = 100;

/// Gives a file of [`create_unnamed`] a name; EEXIST when the name is taken.
pub fn name_unnamed(file: BorrowedFd<'_>, folder: BorrowedFd<'_>, name: &str) -> Result<()> {
    #[cfg(linux_calls)]
    {
        let follow = fs::AtFlags::SYMLINK_FOLLOW;
        fs::linkat(fs::CWD, proc_path(file), folder, name, follow)
    }
    #[cfg(not(linux_calls))]
    {
        let _ = (file, folder, name);
        Err(Errno::NOSYS)
    }
}

#[cfg(linux_kernel)]
fn proc_path(file: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Nothing tells what attributes a folder has.
#[cfg(not(any(linux_kernel, target_vendor = "apple")))]
pub fn copy_attributes(_: BorrowedFd<'_>, _: BorrowedFd<'_>) -> Result<()> {
    Err(Errno::NOSYS)
}

/// Whether a folder is where a file system, or a part of one, is mounted: nothing can be
/// renamed across its border.
pub fn is_mount_root(folder: BorrowedFd<'_>) -> bool {
    #[cfg(linux_calls)]
    {
        let flags = fs::AtFlags::EMPTY_PATH;
        statx(folder, c"", flags, fs::StatxFlags::empty()).is_ok_and(|stat| {
            stat.stx_attributes
                .contains(fs::StatxAttributes::MOUNT_ROOT)
        })
    }
    #[cfg(not(linux_calls))]
    {
        let _ = folder;
        false
    }
}

/// Has the disk begin to write a stretch of a file, without waiting for it. Advice only: what
/// fails now fails when the file is synchronized.
pub fn begin_writing_back(file: BorrowedFd<'_>, offset: u64, length: u64) {
    #[cfg(linux_calls)]
    {
        // SAFETY: the descriptor is open, and the call takes numbers only.
        unsafe {
            libc::sync_file_range(
                file.as_raw_fd(),
                offset as _,
                length as _,
                libc::SYNC_FILE_RANGE_WRITE,
            )
        };
    }
    #[cfg(not(linux_calls))]
    let _ = (file, offset, length);
}

/// Has the system read the beginning of a file to its memory, without waiting for it. Advice
/// only.
pub fn read_ahead(file: BorrowedFd<'_>, length: u64) {
    advise(file, length, Advice::WillNeed);
}

/// Asks the system to forget what it holds in memory of a file, so that the next read
/// comes from the disk. Advice only.
pub fn forget_cached(file: BorrowedFd<'_>) {
    advise(file, 0, Advice::DontNeed);
}

enum Advice {
    WillNeed,
    DontNeed,
}

/// Gives advice on the first bytes of a file, 0 for all.
fn advise(file: BorrowedFd<'_>, length: u64, advice: Advice) {
    #[cfg(any(linux_kernel, target_os = "freebsd"))]
    {
        let advice = match advice {
            Advice::WillNeed => fs::Advice::WillNeed,
            Advice::DontNeed => fs::Advice::DontNeed,
        };
        let _ = fs::fadvise(file, 0, std::num::NonZeroU64::new(length), advice);
    }
    #[cfg(not(any(linux_kernel, target_os = "freebsd")))]
    let _ = (file, length, advice);
}
