//! What the players whose stores these are demand: whether one runs, by the locks that players
//! hold on their folders, and where nothing of ours may lie.
//!
//! "No" is said only when the lock says so beyond doubt: who restores under a player that
//! runs loses licences.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, Pid};

use crate::sys;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Running {
    Yes,
    No,
    Unknown,
}

/// Chromium's databases: content/browser/media/cdm_storage_common.h, and of 2022 and 2023
/// content/browser/media/media_license_manager.cc.
pub(crate) const CHROMIUM_DATABASES: [&str; 2] = ["CdmStorage.db", "Media Licenses.db"];

/// More than any list of sockets has.
const LONGEST_LIST: u64 = 16 << 20;

/// The folder `<profile>/gmp/<platform>`, for a path below one of its plugins: Firefox
/// deletes what it does not know in the plugin's `storage`. (mozilla/gecko-dev
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

/// Whether the player whose licence is to be at `path` runs, and would lose or overwrite it.
pub fn is_running(path: &Path) -> bool {
    let is_chromium = CHROMIUM_DATABASES.iter().any(|name| path.ends_with(name));
    let has_own_processes = || path.components().any(|name| name.as_os_str() == ".var");
    path.ancestors().any(|folder| {
        (is_chromium && by_singleton(folder, has_own_processes()) == Running::Yes)
            || (folder.ends_with("gmp")
                && folder
                    .parent()
                    .is_some_and(|profile| by_profile_lock(profile) == Running::Yes))
    })
}

/// By the links that Chromium and Electron make in the folder of their data:
/// `SingletonLock` to "host-pid", `SingletonSocket` to a socket's path. Whoever ends in
/// order removes both. (chromium/chromium chrome/browser/process_singleton_posix.cc)
pub fn by_singleton(user_data: &Path, has_own_processes: bool) -> Running {
    let lock = match read_link(&user_data.join("SingletonLock")) {
        Ok(Some(lock)) => lock,
        Ok(None) => return Running::No,
        Err(_) => return Running::Unknown,
    };
    // A socket is seen from outside of a sandbox too, unless that has a network of its own.
    if let Ok(Some(socket)) = read_link(&user_data.join("SingletonSocket"))
        && is_socket_open(socket.as_bytes())
    {
        return Running::Yes;
    }
    let lock = lock.as_bytes();
    let Some(dash) = lock.iter().rposition(|&byte| byte == b'-') else {
        return Running::Unknown;
    };
    let here = lock[..dash] == *rustix::system::uname().nodename().to_bytes();
    match parse_pid(&lock[dash + 1..]) {
        Some(pid) if here && !has_own_processes => by_process(pid),
        _ => Running::Unknown,
    }
}

/// By the locks that Firefox has on a profile: one of fcntl() on `.parentlock`, which works
/// through sandboxes, and the link `lock` to "address:+pid"; without the plus where the file
/// system has no such locks. (mozilla/gecko-dev toolkit/profile/nsProfileLock.cpp)
pub fn by_profile_lock(profile: &Path) -> Running {
    let link = read_link(&profile.join("lock"));
    let signature = match &link {
        Ok(Some(target)) => Signature::parse(target.as_bytes()),
        _ => None,
    };
    // Closing a descriptor of the file would end a lock of this process's own.
    if signature.as_ref().is_some_and(Signature::is_ours) {
        return Running::Yes;
    }
    match (is_file_locked(&profile.join(".parentlock")), link) {
        (Ok(true), _) => Running::Yes,
        (Ok(false) | Err(Errno::NOENT), Ok(None)) => Running::No,
        // Who made the link with a plus had the other lock.
        (Ok(false), _) if signature.as_ref().is_some_and(|it| it.has_file_lock) => Running::No,
        _ => match signature {
            // Of another machine nothing is known, and whether an address is another's
            // would be a question to the network.
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
        // It may be somebody else's.
        Ok(()) | Err(Errno::PERM) => Running::Yes,
        Err(Errno::SRCH) if sys::sees_every_process() => Running::No,
        Err(_) => Running::Unknown,
    }
}

fn parse_pid(digits: &[u8]) -> Option<Pid> {
    // A sign, which the number's parser would take, is none of ours.
    let digits = digits.iter().all(u8::is_ascii_digit).then_some(digits)?;
    Pid::from_raw(std::str::from_utf8(digits).ok()?.parse().ok()?)
}

/// Where a link leads; None when there is nothing of that name.
fn read_link(path: &Path) -> io::Result<Option<OsString>> {
    match fs::read_link(path) {
        Ok(target) => Ok(Some(target.into_os_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether another process has a lock of fcntl() on a file.
fn is_file_locked(path: &Path) -> Result<bool, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = open_file(path, flags)?;
    let found = rustix::process::fcntl_getlk(&file, &Flock::from(FlockType::WriteLock))?;
    Ok(found.is_some())
}

/// Whether a socket of this path is open; false where the system has no list of them.
fn is_socket_open(path: &[u8]) -> bool {
    let mut list = Vec::new();
    let Ok(file) = File::open("/proc/self/net/unix") else {
        return false;
    };
    // What could be read of it will do.
    let _ = file.take(LONGEST_LIST).read_to_end(&mut list);
    path.starts_with(b"/")
        && list.split(|&byte| byte == b'\n').any(|line| {
            let before = line.strip_suffix(path);
            before.is_some_and(|before| before.ends_with(b" "))
        })
}

/// Opens a regular file. What else it is, is looked at before too: merely opening a device
/// may do something.
pub fn open_file(path: &Path, flags: OFlags) -> Result<File, Errno> {
    let regular = |stat: &rustix::fs::Stat| match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        _ => Err(Errno::INVAL),
    };
    regular(&rustix::fs::stat(path)?)?;
    let file = sys::open_at(CWD, path, flags, Mode::empty())?;
    regular(&rustix::fs::fstat(&file)?)?;
    Ok(file.into())
}
