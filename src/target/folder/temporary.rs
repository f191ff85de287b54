//! The file that a backup is written to: without a name where the system has such files, else
//! under one that is no license's.
//!
//! A temporary file with a name is locked as long as its writer lives, and its name says which
//! process that is: so one that a killed writer left is told from one in use, also where locks
//! are missing or are not seen by other systems.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::Folder;
use crate::error::{At, Error, Result};
use crate::name::Reserved;
use crate::scratch::Scratch;
use crate::sys::{self, Life, Owner, ReadAt};
use crate::target::NewFile;

const PREFIX: &str = ".licenses.wmlb.";
const SUFFIX: &str = ".tmp";
/// Hexadecimal digits between the two.
const DIGITS: usize = 16;
/// Bits of those that are random; the owner takes the others.
const RANDOM: u32 = 18;

/// How long nothing must have been written to a file of another system, whose locks cannot be
/// seen, until it counts as left over.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes after which the disk is set to work: it writes while the next are made, and less is
/// left to wait for in the end.
const STRETCH: u64 = 4 << 20;

pub(super) const MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The digits of a temporary file's name.
fn digits_of(name: &[u8]) -> Option<&str> {
    let digits = name
        .strip_prefix(PREFIX.as_bytes())?
        .strip_suffix(SUFFIX.as_bytes())?;
    let right = digits.len() == DIGITS && digits.iter().all(u8::is_ascii_hexdigit);
    std::str::from_utf8(digits).ok().filter(|_| right)
}

/// Whether a name is one of a temporary file.
pub fn is_temporary(name: &[u8]) -> bool {
    digits_of(name).is_some()
}

pub(super) fn new_name() -> String {
    let random = sys::random() & ((1 << RANDOM) - 1);
    let number = Owner::this().to_bits() << RANDOM | random;
    format!("{PREFIX}{number:016x}{SUFFIX}")
}

/// The process that a temporary file is named after.
fn owner_of(name: &[u8]) -> Option<Owner> {
    let number = u64::from_str_radix(digits_of(name)?, 16).ok()?;
    Some(Owner::from_bits(number >> RANDOM))
}

/// Removes temporary files that nobody holds. What cannot be removed stays: it is no
/// reason to fail.
pub fn sweep(folder: &OwnedFd) {
    // A descriptor of its own: the position in the folder belongs to it.
    let Ok(listed) = sys::open_at(folder, c".", sys::FOLDER, Mode::empty()) else {
        return;
    };
    // What is removed while a folder is listed hides others on some file systems.
    let mut names = Vec::new();
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
    let _ = sys::list_folder(listed.as_fd(), &mut buffer, |name, _| {
        if is_temporary(name) {
            names.push(name.to_vec());
        }
        Ok(())
    });
    for name in names {
        if is_left_over(folder, &name) {
            let _ = fs::unlinkat(folder, &name, AtFlags::empty());
        }
    }
}

/// Whether no writer of a temporary file lives. Its file is closed by then: some file systems
/// remove none that is open.
fn is_left_over(folder: &OwnedFd, name: &[u8]) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = sys::open_at(folder, name, flags, Mode::empty()) else {
        return false;
    };
    let Ok(stat) = fs::fstat(&file) else {
        return false;
    };
    if !sys::is_regular(&stat) {
        return false;
    }
    match fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => return false,
        Ok(()) if sys::is_local(&file) => return true,
        // Nobody here has it locked, or nobody can.
        _ => {}
    }
    match owner_of(name).map(Owner::life) {
        Some(Life::Ended) => true,
        Some(Life::Runs) => false,
        Some(Life::Unknown) | None => {
            let written = Duration::from_secs(sys::modified(&stat).seconds.max(0) as u64);
            SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH + written)
                .is_ok_and(|since| since > ABANDONED)
        }
    }
}

/// The file an archive is written to. Dropped before it is published, it is gone.
pub struct Temporary {
    pub(super) folder: Arc<Folder>,
    /// None when it is time to remove it.
    file: Option<File>,
    /// None: a file without a name, that goes with its last descriptor.
    pub(super) name: Option<String>,
    /// Bytes in it, and those of them that the disk was told of.
    written: u64,
    begun: u64,
}

impl Folder {
    /// A new file to write the archive to.
    pub fn temporary(self: &Arc<Self>) -> Result<Temporary> {
        let temporary = match sys::create_unnamed(self.folder.as_fd()) {
            Some(file) => {
                // Nobody else can see it, so nobody else can hold the lock. It counts from
                // the moment the file has a name.
                let _ = fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
                Temporary::new(self, file, None)
            }
            None => self.named_temporary()?,
        };
        sys::set_file_mode(temporary.file()?, MODE).at("create a file in", &self.path)?;
        Ok(temporary)
    }

    /// One that has a name.
    pub fn named_temporary(self: &Arc<Self>) -> Result<Temporary> {
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Why the last try was in vain.
        let mut reason = Errno::EXIST;
        for _ in 0..sys::NAME_TRIES {
            let name = new_name();
            let file = match sys::open_at(&self.folder, &name, flags, MODE) {
                Ok(file) => file,
                Err(Errno::EXIST) => {
                    reason = Errno::EXIST;
                    continue;
                }
                Err(errno) => return Err(errno).at("create a file in", &self.path),
            };
            let locked = fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
            let temporary = Temporary::new(self, file, Some(name.clone()));
            // Another backup's sweep may have been quicker, and hold the lock, or have removed
            // the file before the lock: then another one.
            let is_there = || {
                let stat = fs::statat(&self.folder, &name, AtFlags::SYMLINK_NOFOLLOW);
                stat.is_ok_and(|stat| sys::is_regular(&stat))
            };
            if locked != Err(Errno::WOULDBLOCK) && is_there() {
                return Ok(temporary);
            }
            reason = Errno::WOULDBLOCK;
        }
        Err(reason).at("create a file in", &self.path)
    }
}

impl Temporary {
    fn new(folder: &Arc<Folder>, file: OwnedFd, name: Option<String>) -> Self {
        Temporary {
            folder: folder.clone(),
            file: Some(file.into()),
            name,
            written: 0,
            begun: 0,
        }
    }

    pub(super) fn file(&self) -> Result<&File> {
        let closed = || Error::Defect("a temporary file that is closed".to_owned());
        self.file.as_ref().ok_or_else(closed)
    }
}

impl ReadAt for Temporary {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.file {
            Some(file) => file.read_at(buffer, offset),
            None => Ok(0),
        }
    }
}

impl NewFile for Temporary {
    fn append(&mut self, data: &[u8]) -> Result<()> {
        let mut file = self.file()?;
        file.write_all(data).at("write", || self.folder.target())?;
        let file = file.as_fd();
        let (written, begun) = (self.written + data.len() as u64, self.begun);
        if written - begun >= STRETCH {
            sys::begin_writing_back(file, begun, written - begun);
            self.begun = written;
        }
        self.written = written;
        Ok(())
    }

    fn synchronize(&mut self) -> Result<()> {
        let file = self.file()?;
        sys::synchronize_file(file.as_fd()).at("write to the disk", || self.folder.target())?;
        sys::forget_cached(file.as_fd());
        Ok(())
    }

    fn publish(self: Box<Self>, overwrite: bool) -> Result<()> {
        self.commit(overwrite)
    }

    fn path(&self) -> PathBuf {
        self.folder.target()
    }

    fn scratch(&self) -> Result<Scratch> {
        Scratch::beside(self.folder.folder.as_fd(), self.folder.path())
    }

    fn reserved(&self) -> Option<Reserved> {
        Some(self.folder.reserved())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Some file systems remove no file that is open.
        self.file = None;
        if let Some(name) = &self.name {
            let _ = fs::unlinkat(&self.folder.folder, name, AtFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_temporary_files() {
        let name = new_name();
        assert!(is_temporary(name.as_bytes()));
        assert_eq!(owner_of(name.as_bytes()), Some(Owner::this()));
        for other in [
            "licenses.wmlb",
            ".licenses.wmlb.0123456789abcdef",
            ".licenses.wmlb.0123456789abcde.tmp",
            ".licenses.wmlb.0123456789abcdeg.tmp",
            ".licenses.wmlb.0123456789abcdef.tmp-wal",
            "x.licenses.wmlb.0123456789abcdef.tmp",
        ] {
            assert!(!is_temporary(other.as_bytes()), "{other}");
        }
    }
}
