//! A folder of licence files: every regular file below it, at any depth, is a licence, and
//! its path below the folder is its name.
//!
//! Listing and reading are apart: the [`Lister`] walks the folders in order and makes
//! [`Batch`]es of names; any number of [`Reader`]s open what the batches name.

mod folders;
mod journal;
mod listing;
mod moves;
mod staging;

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

pub use folders::{is_regular, make_folders, split_name};
pub use journal::{Fingerprint, JournalWriter, Step, append_record};
pub use listing::{Batch, Entry, Lister, Reserved};
pub use staging::Staging;

use crate::error::{Error, Result};
use crate::sys::{self, Time};

/// How often a folder is listed, or a file read, that changes meanwhile.
pub(crate) const TRIES: u32 = 3;

/// A directory store.
pub struct Directory {
    path: PathBuf,
    root: OwnedFd,
}

impl Directory {
    /// Opens a store, and puts back first what a killed restore left half done in it.
    pub fn open(path: &Path) -> Result<Arc<Self>> {
        staging::recover(path)?;
        let root =
            fs::open(path, sys::FOLDER, Mode::empty()).map_err(|errno| cannot_open(path, errno))?;
        Ok(Arc::new(Directory {
            path: path.to_owned(),
            root,
        }))
    }

    /// The path of something in the store, for words.
    pub fn display_path(&self, name: &[u8]) -> PathBuf {
        self.path.join(OsStr::from_bytes(name))
    }
}

/// Why a store cannot be opened. What is not there, or is no folder, is no store; other
/// failures are told as they are.
fn cannot_open(path: &Path, errno: Errno) -> Error {
    match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Error::Store {
            path: path.to_owned(),
            source: errno.into(),
        },
        errno => Error::system("open the license store", path, errno),
    }
}

/// A licence file that is open.
pub struct License {
    file: OwnedFd,
    before: Stat,
}

impl License {
    /// Bytes, as they were when it was opened.
    pub fn size(&self) -> u64 {
        self.before.st_size as u64
    }

    pub fn modified(&self) -> Time {
        sys::modified(&self.before)
    }

    /// Appends the whole content. More or fewer bytes than [`License::size`] mean that it
    /// has changed.
    pub fn read_whole(&self, out: &mut Vec<u8>) -> std::result::Result<u64, Errno> {
        let start = out.len();
        let read = |out: &Vec<u8>| (out.len() - start) as u64;
        // One byte more, so that a short read shows the end without another call.
        out.reserve(self.size() as usize + 1);
        loop {
            let room = out.capacity() - out.len();
            let got = rustix::io::retry_on_intr(|| {
                rustix::io::read(&self.file, rustix::buffer::spare_capacity(out))
            })?;
            let ended = got == 0 || (got < room && read(out) == self.size());
            if ended || read(out) > self.size() {
                return Ok(read(out));
            }
        }
    }

    /// Appends the next `length` bytes; fewer mean that the file ends here.
    pub fn read_next(&self, out: &mut Vec<u8>, length: usize) -> std::result::Result<usize, Errno> {
        let start = out.len();
        out.resize(start + length, 0);
        let mut filled = 0;
        while filled < length {
            let rest = &mut out[start + filled..];
            match rustix::io::retry_on_intr(|| rustix::io::read(&self.file, &mut *rest))? {
                0 => break,
                got => filled += got,
            }
        }
        out.truncate(start + filled);
        Ok(filled)
    }

    /// Appends the last `length` bytes; what was read before and after does not matter to it.
    pub fn read_end(&self, out: &mut Vec<u8>, length: usize) -> std::result::Result<(), Errno> {
        let start = out.len();
        let mut offset = self.size().saturating_sub(length as u64);
        out.resize(start + length, 0);
        let mut rest = &mut out[start..];
        while !rest.is_empty() {
            match rustix::io::retry_on_intr(|| rustix::io::pread(&self.file, &mut *rest, offset))? {
                0 => break,
                got => {
                    offset += got as u64;
                    rest = &mut rest[got..];
                }
            }
        }
        Ok(())
    }

    /// Whether it is still what it was when it was opened, and ends where it did.
    pub fn is_unchanged(&self) -> std::result::Result<bool, Errno> {
        Ok(sys::unchanged(&self.before, &fs::fstat(&self.file)?))
    }
}

/// Opens the files that batches name. One a worker.
pub struct Reader {
    store: Arc<Directory>,
    /// The folder opened last, and its path: the next file is mostly in it too.
    folder: Option<OwnedFd>,
    folder_path: Vec<u8>,
    /// Added to the flags of open as long as the system allows it.
    no_access_time: OFlags,
}

impl Reader {
    pub fn new(store: Arc<Directory>) -> Self {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let no_access_time = OFlags::NOATIME;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let no_access_time = OFlags::empty();
        Reader {
            store,
            folder: None,
            folder_path: Vec::new(),
            no_access_time,
        }
    }

    /// Opens the batch's next entry. ELOOP: it has become a link.
    fn open_file(&mut self, folder: &[u8], name: &[u8]) -> std::result::Result<OwnedFd, Errno> {
        if self.folder.is_none() || self.folder_path != folder {
            self.folder = None;
            self.folder_path.clear();
            self.folder_path.extend_from_slice(folder);
            let path = folder.strip_suffix(b"/").unwrap_or(b".");
            let root = self.store.root.as_fd();
            self.folder = Some(sys::open_beneath(root, path, sys::FOLDER)?);
        }
        let Some(folder) = &self.folder else {
            return Err(Errno::NOENT);
        };
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match fs::openat(folder, name, flags | self.no_access_time, Mode::empty()) {
            // Only for the owner of a file; others read it as everybody does.
            Err(Errno::PERM) if !self.no_access_time.is_empty() => {
                let file = fs::openat(folder, name, flags, Mode::empty())?;
                self.no_access_time = OFlags::empty();
                Ok(file)
            }
            result => result,
        }
    }

    /// Opens the next entry of a batch.
    pub fn open(&mut self, batch: &Batch) -> std::result::Result<License, OpenError> {
        let Some((folder, name)) = batch.current() else {
            return Err(OpenError::Gone);
        };
        let opened = self
            .open_file(folder, name)
            .and_then(|file| Ok((fs::fstat(&file)?, file)));
        match opened {
            Ok((before, file)) => match FileType::from_raw_mode(before.st_mode) {
                FileType::RegularFile => Ok(License { file, before }),
                _ => Err(OpenError::NotALicense),
            },
            // ENXIO: a socket, or a device without its driver.
            Err(Errno::LOOP | Errno::NXIO) => Err(OpenError::NotALicense),
            Err(Errno::NOENT | Errno::NOTDIR) => {
                // The folder may have been replaced: look it up again.
                self.folder = None;
                Err(OpenError::Gone)
            }
            Err(errno) => Err(OpenError::Failed(errno)),
        }
    }
}

/// Why a file was not opened.
pub enum OpenError {
    /// It is not there any more.
    Gone,
    /// It is a link or a special file by now.
    NotALicense,
    Failed(Errno),
}
