//! The proof that a restore of this store made a folder, and whether that restore may still run.
//!
//! A marker says which folder it is in and which store that belongs to, by what holds under another
//! mount path, for another user and after another mount: the folder's own name, and the store's
//! name below the folder that both are in. It is locked as long as the restore runs.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::layout::{ENDED, MARKER};
use crate::store::folders::look;
use crate::sys::{self, Life, Range, Runner};

const MAGIC: &str = "wmlb restore 1";

/// More than any marker has.
const LONGEST: u64 = 64 << 10;

/// What a marker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The name of the folder that it is in.
    pub folder: String,
    /// Which store the folder belongs to.
    pub store: String,
    /// The store's path, as one line, and who began the restore.
    pub path: String,
    pub user: u32,
    pub process: Runner,
}

impl Marker {
    pub fn new(folder: &str, store: String, path: &Path) -> Self {
        Marker {
            folder: folder.to_owned(),
            store,
            path: one_line(path),
            user: rustix::process::geteuid().as_raw(),
            process: Runner::this(),
        }
    }

    /// Whether the restore was begun under this path of the store.
    pub fn is_about(&self, path: &Path) -> bool {
        self.path == one_line(path)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let Marker {
            folder,
            store,
            path,
            user,
            process,
        } = self;
        let lines = format!(
            "{MAGIC}\nfolder {folder}\nstore {store}\npath {path}\nuser {user}\nprocess {process}\n"
        );
        let check = check(&lines);
        format!("{lines}check {check}\n").into_bytes()
    }

    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let lines = &text[..=text.strip_suffix('\n')?.rfind('\n')?];
        let mut each = text.lines();
        let mut value = |key: &str| each.next()?.strip_prefix(key)?.strip_prefix(' ');
        let marker = Marker {
            folder: {
                value("wmlb").filter(|rest| *rest == &MAGIC["wmlb ".len()..])?;
                value("folder")?.to_owned()
            },
            store: value("store")?.to_owned(),
            path: value("path")?.to_owned(),
            user: value("user")?.parse().ok()?,
            process: Runner::parse(value("process")?)?,
        };
        let checked = value("check")? == check(lines);
        (checked && marker.to_bytes() == bytes).then_some(marker)
    }
}

fn one_line(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().escape_ascii().to_string()
}

fn check(lines: &str) -> String {
    blake3::hash(lines.as_bytes()).to_hex()[..32].to_owned()
}

/// A marker's file that is open, and locked where the file system has locks.
pub struct HeldMarker {
    file: OwnedFd,
    lock: Option<Lock>,
}

enum Lock {
    Range,
    Whole,
}

const RANGE: Range = Range {
    start: 0,
    length: 1,
};

/// Locks a marker; None where there are no locks, and EAGAIN when somebody has the lock. Shares
/// hand on locks of files; those of folders mostly are known to one machine only.
fn lock(file: &OwnedFd) -> sys::Result<Option<Lock>> {
    // Elsewhere such a lock is the process's, and ends with any descriptor of the file.
    if cfg!(linux_kernel) {
        match sys::lock(file.as_fd(), RANGE) {
            Ok(()) => return Ok(Some(Lock::Range)),
            Err(Errno::AGAIN) => return Err(Errno::AGAIN),
            Err(_) => {}
        }
    }
    let whole = FlockOperation::NonBlockingLockExclusive;
    match rustix::io::retry_on_intr(|| fs::flock(file, whole)) {
        Ok(()) => Ok(Some(Lock::Whole)),
        Err(Errno::WOULDBLOCK) => Err(Errno::AGAIN),
        Err(_) => Ok(None),
    }
}

impl HeldMarker {
    /// Makes the marker of a folder that was just made. ENOENT when somebody has removed the folder
    /// as one that was left empty; EAGAIN when somebody is about to.
    pub fn create(folder: &OwnedFd, marker: &Marker) -> sys::Result<Self> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = sys::open_at(folder, MARKER, flags, mode)?;
        sys::set_file_mode(&file, mode)?;
        let lock = lock(&file)?;
        let mut file = File::from(file);
        file.write_all(&marker.to_bytes())
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        // On a share the others see it when it is closed.
        sys::report_late_errors(&file)?;
        if look(folder.as_fd(), MARKER.as_bytes())?.is_none() {
            return Err(Errno::NOENT);
        }
        Ok(HeldMarker {
            file: file.into(),
            lock,
        })
    }

    /// Opens and reads the marker in a folder: what it says, if it is one. None when there is no
    /// file of that name.
    pub fn open(folder: &OwnedFd) -> sys::Result<Option<(OwnedFd, Vec<u8>)>> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = |access| sys::open_at(folder, MARKER, flags | access, Mode::empty());
        // Locks for one alone take a file that can be written to.
        let file = match open(OFlags::RDWR) {
            Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => open(OFlags::RDONLY),
            file => file,
        };
        let file = match file {
            Err(Errno::NOENT | Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Ok(None),
            file => file?,
        };
        Ok(read_marker(&file)?.map(|bytes| (file, bytes)))
    }

    /// Locks a marker that was opened, if nobody has the lock.
    pub fn hold(file: OwnedFd) -> sys::Result<Option<Self>> {
        match lock(&file) {
            Err(Errno::AGAIN) => Ok(None),
            lock => lock.map(|lock| Some(HeldMarker { file, lock })),
        }
    }

    /// Whether the restore runs whose marker this is. To hold the lock is a proof where everybody
    /// who might have it would be known of; elsewhere the process is looked for.
    pub fn life(&self, folder: &OwnedFd, marker: &Marker) -> sys::Result<Life> {
        let is_proof = self.lock.is_some() && sys::has_common_locks(&self.file);
        if is_proof || look(folder.as_fd(), ENDED.as_bytes())?.is_some() {
            return Ok(Life::Ended);
        }
        Ok(marker.process.life())
    }
}

impl Drop for HeldMarker {
    /// A process that was forked meanwhile has the file open too: closing it is not enough.
    fn drop(&mut self) {
        match self.lock {
            Some(Lock::Range) => sys::unlock(self.file.as_fd(), RANGE),
            Some(Lock::Whole) => drop(fs::flock(&self.file, FlockOperation::Unlock)),
            None => {}
        }
    }
}

/// Whether a marker's file says nothing: it was just made, or the power failed before what it says
/// was on the disk. Then ext4 may know its length already, and gives zeros.
pub fn says_nothing(bytes: &[u8]) -> bool {
    (bytes.len() as u64) < LONGEST && bytes.iter().all(|byte| *byte == 0)
}

/// What a marker's file holds; None when it is no file of that kind.
pub fn read_marker(file: &OwnedFd) -> sys::Result<Option<Vec<u8>>> {
    let stat = sys::fstat(file)?;
    if !sys::is_regular(&stat) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let file = File::from(rustix::io::fcntl_dupfd_cloexec(file, 3)?);
    let read = file.take(LONGEST).read_to_end(&mut bytes);
    read.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker() -> Marker {
        Marker::new(
            ".wmlb-restore-0123456789abcdef",
            "0123456789abcdef0123456789abcdef".to_owned(),
            Path::new("/a b/new\nline/\u{e9}"),
        )
    }

    #[test]
    fn what_was_written_is_read() {
        let marker = marker();
        assert_eq!(Marker::parse(&marker.to_bytes()), Some(marker));
    }

    #[test]
    fn a_marker_that_is_cut_or_changed_anywhere_is_none() {
        let bytes = marker().to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(Marker::parse(&bytes[..end]), None, "cut after {end}");
            let mut changed = bytes.clone();
            changed[end] ^= 1;
            assert_eq!(Marker::parse(&changed), None, "changed at {end}");
        }
        assert_eq!(Marker::parse(&[&bytes[..], b"\n"].concat()), None);
        assert_eq!(Marker::parse(&[&bytes[..], b"x"].concat()), None);
    }
}
