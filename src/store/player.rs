//! What the players whose stores these are demand: nothing is restored while one runs, and nothing
//! of ours lies where a player deletes it.
//!
//! Whether a player runs is told by the locks that players hold on their folders. "No" is said
//! only if a lock says so beyond doubt: a restore under a player that runs loses licenses.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, Pid};

use crate::sys::{self, Care, StoreFile};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Running {
    Yes,
    No,
    Unknown,
}

/// Chromium's databases: content/browser/media/cdm_storage_common.h, and of 2022 and 2023
/// content/browser/media/media_license_manager.cc.
pub(crate) const CHROMIUM_DATABASES: [&str; 2] = ["CdmStorage.db", "Media Licenses.db"];

/// What is read of the list of sockets: more than any has.
const LONGEST_LIST: u64 = 16 << 20;

/// The folder `<profile>/gmp/<platform>` of a path below one of its plugins: Firefox deletes what
/// it does not know in the plugin's `storage`. (mozilla/gecko-dev
/// dom/media/gmp/GMPDiskStorage.cpp)
pub fn keeps_clear(path: &Path) -> Option<&Path> {
    let mut below = path;
    for above in path.ancestors().skip(1) {
        let plugin = above.parent()?.parent()?.ends_with("gmp");
        if plugin && (below.ends_with("storage") || below.ends_with("id")) {
            return above.parent();
        }
        below = above;
    }
    None
}

/// Whether the player that would lose or overwrite a license at this path runs.
pub fn is_running(path: &Path) -> bool {
    let is_chromium = CHROMIUM_DATABASES.iter().any(|name| path.ends_with(name));
    let has_own_processes = path.components().any(|name| name.as_os_str() == ".var");
    path.ancestors().any(|folder| {
        let profile = folder.parent().filter(|_| folder.ends_with("gmp"));
        (is_chromium && holds(folder, |folder| by_singleton(folder, has_own_processes)))
            || profile.is_some_and(|profile| holds(profile, by_profile_lock))
    })
}

/// Whether a player holds its lock on this folder.
fn holds(folder: &Path, lock: impl FnOnce(BorrowedFd<'_>) -> Running) -> bool {
    let folder = sys::open_at(CWD, folder, sys::PASSAGE, Mode::empty());
    folder.is_ok_and(|folder| lock(folder.as_fd()) == Running::Yes)
}

/// By the links that Chromium and Electron make in the folder of their data: `SingletonLock` to
/// "host-pid", `SingletonSocket` to a socket's path. A player that ends in order removes both.
/// (chromium/chromium chrome/browser/process_singleton_posix.cc)
pub fn by_singleton(user_data: BorrowedFd<'_>, has_own_processes: bool) -> Running {
    let lock = match read_link(user_data, "SingletonLock") {
        Ok(Some(lock)) => lock,
        Ok(None) => return Running::No,
        Err(_) => return Running::Unknown,
    };
    // A socket is seen from outside of a sandbox, too, unless that has a network of its own.
    let socket = read_link(user_data, "SingletonSocket").ok().flatten();
    if let Some(socket) = &socket
        && is_socket_open(socket, "self") == Some(true)
    {
        return Running::Yes;
    }
    let Some(dash) = lock.iter().rposition(|&byte| byte == b'-') else {
        return Running::Unknown;
    };
    let is_here = lock[..dash] == *rustix::system::uname().nodename().to_bytes();
    match parse_pid(&lock[dash + 1..]) {
        Some(pid) if is_here && !has_own_processes => match by_process(pid) {
            // A player listens at its socket, in whatever network it is. Another process has got
            // the number of one that has died.
            Running::Yes if socket.is_some_and(|it| is_closed_for(&it, pid)) => Running::Unknown,
            running => running,
        },
        _ => Running::Unknown,
    }
}

fn is_closed_for(socket: &[u8], pid: Pid) -> bool {
    is_socket_open(socket, &pid.as_raw_nonzero().to_string()) == Some(false)
}

/// By the locks that Firefox has on a profile: one of fcntl() on `.parentlock`, which works
/// through sandboxes, and the link `lock` to "address:+pid"; without the plus if the file system
/// has no such locks. (mozilla/gecko-dev toolkit/profile/nsProfileLock.cpp)
pub fn by_profile_lock(profile: BorrowedFd<'_>) -> Running {
    let link = read_link(profile, "lock");
    let signature = match &link {
        Ok(Some(target)) => Signature::parse(target),
        _ => None,
    };
    // If this process has the lock, closing a descriptor of the file would end it.
    if signature.as_ref().is_some_and(Signature::is_ours) {
        return Running::Yes;
    }
    match (is_file_locked(profile, ".parentlock"), link) {
        (Ok(true), _) => Running::Yes,
        (Ok(false) | Err(Errno::NOENT), Ok(None)) => Running::No,
        // A Firefox that made the link with a plus had the other lock, too.
        (Ok(false), _) if signature.as_ref().is_some_and(|it| it.has_file_lock) => Running::No,
        _ => match signature {
            // Nothing is known of another machine, and whether an address is another's would be a
            // question to the network.
            Some(it) if it.address.starts_with(b"127.") => by_process(it.pid),
            _ => Running::Unknown,
        },
    }
}

struct Signature {
    address: Vec<u8>,
    has_file_lock: bool,
    pid: Pid,
}

impl Signature {
    fn parse(target: &[u8]) -> Option<Self> {
        let colon = target.iter().position(|&byte| byte == b':')?;
        let (address, rest) = (&target[..colon], &target[colon + 1..]);
        let pid = rest.strip_prefix(b"+").unwrap_or(rest);
        Some(Signature {
            address: address.to_owned(),
            has_file_lock: rest.len() > pid.len(),
            pid: parse_pid(pid)?,
        })
    }

    fn is_ours(&self) -> bool {
        self.pid == rustix::process::getpid()
    }
}

fn by_process(pid: Pid) -> Running {
    match rustix::process::test_kill_process(pid) {
        // It may be another user's.
        Ok(()) | Err(Errno::PERM) => Running::Yes,
        Err(Errno::SRCH) if sys::sees_every_process() => Running::No,
        Err(_) => Running::Unknown,
    }
}

fn parse_pid(digits: &[u8]) -> Option<Pid> {
    // The number's parser would take a sign, which no player writes.
    let digits = digits.iter().all(u8::is_ascii_digit).then_some(digits)?;
    Pid::from_raw(std::str::from_utf8(digits).ok()?.parse().ok()?)
}

/// Where a link leads; None if there is nothing of this name.
fn read_link(folder: BorrowedFd<'_>, name: &str) -> Result<Option<Vec<u8>>, Errno> {
    match sys::readlinkat(folder, name) {
        Ok(target) => Ok(Some(target.into_bytes())),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Whether another process has a lock of fcntl() on a file.
fn is_file_locked(folder: BorrowedFd<'_>, name: &str) -> Result<bool, Errno> {
    let file = open_file(folder, name.as_ref())?;
    let found = rustix::process::fcntl_getlk(&file, &Flock::from(FlockType::WriteLock))?;
    Ok(found.is_some())
}

/// Whether a socket of this path is open in the network that a process is in; None where that
/// cannot be told.
fn is_socket_open(path: &[u8], process: &str) -> Option<bool> {
    let mut list = Vec::new();
    let file = File::open(format!("/proc/{process}/net/unix")).ok()?;
    let whole = file.take(LONGEST_LIST).read_to_end(&mut list);
    let is_open = path.starts_with(b"/")
        && list.split(|&byte| byte == b'\n').any(|line| {
            let before = line.strip_suffix(path);
            before.is_some_and(|before| before.ends_with(b" "))
        });
    // A part of the list may show one, and never that there is none.
    let is_whole = path.starts_with(b"/") && whole.is_ok_and(|read| (read as u64) < LONGEST_LIST);
    (is_open || is_whole).then_some(is_open)
}

/// Opens a regular file to read it. It is examined before, too: merely opening a device may do
/// something.
pub fn open_file(folder: BorrowedFd<'_>, name: &OsStr) -> Result<StoreFile, Errno> {
    let name = name.as_bytes();
    let before = sys::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if !sys::is_regular(&before) {
        return Err(Errno::INVAL);
    }
    let file = StoreFile::open(folder, name, OFlags::empty())?;
    // If this process is the player, it has locks on it.
    file.set_care(Care::IfOpen);
    let after = sys::fstat(&file)?;
    if !sys::is_regular(&after) {
        return Err(Errno::INVAL);
    }
    Ok(file)
}
