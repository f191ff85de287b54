//! Where a store is, where its staging folder is, and what a killed restore left there.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::apply;
use super::journal::{JOURNAL_NAME, JournalReader};
use crate::error::{Error, Result};
use crate::name;
use crate::store::folders::{cannot_open, canonical, remove_folder};
use crate::store::player;
use crate::sys;

/// Where a store is, and where its staging folder would be.
pub struct Location {
    pub path: PathBuf,
    /// The same without links.
    real: PathBuf,
    pub parent: OwnedFd,
    /// The store's name in its parent.
    pub name: OsString,
    /// The store's folder, if there is one.
    pub store: Option<OwnedFd>,
    /// The folder that its staging folder is made in where there is a choice, if that is not
    /// the parent, and its path.
    beside: Option<OwnedFd>,
    beside_path: PathBuf,
    /// The name of its staging folder: the same for every process.
    pub staging: String,
}

impl Location {
    /// None when not even the folder is there that would hold the store.
    pub fn find(path: &Path) -> Result<Option<Self>> {
        let failed = |errno| cannot_open(path, errno);
        let real = match canonical(path) {
            Ok(real) => real,
            Err(Errno::NOENT) => {
                // A link that leads nowhere is no place for a store.
                let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                    return Err(failed(Errno::NOENT));
                };
                if path.symlink_metadata().is_ok() {
                    return Err(failed(Errno::NOENT));
                }
                match canonical(parent) {
                    Ok(parent) => parent.join(name),
                    Err(Errno::NOENT) => return Ok(None),
                    Err(errno) => return Err(failed(errno)),
                }
            }
            Err(errno) => return Err(failed(errno)),
        };
        // The root of everything has no name, and is its own parent.
        let parent = real.parent().unwrap_or(&real);
        let name = real.file_name().unwrap_or_default().to_owned();
        let open = |path: &Path| sys::open_at(fs::CWD, path, sys::FOLDER, Mode::empty());
        let store = match open(&real) {
            Ok(store) => Some(store),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(failed(errno)),
        };
        let open_passage = |path: &Path| sys::open_at(fs::CWD, path, sys::PASSAGE, Mode::empty());
        let far = player::keeps_clear(&real);
        let beside_path = far.unwrap_or(parent).to_owned();
        let below = real.strip_prefix(&beside_path).unwrap_or(&real);
        Ok(Some(Location {
            path: path.to_owned(),
            staging: staging_name(below.as_os_str().as_bytes()),
            parent: open_passage(parent).map_err(failed)?,
            beside: far.map(open_passage).transpose().map_err(failed)?,
            beside_path,
            real,
            name,
            store,
        }))
    }

    /// The folder that its staging folder is made in where there is a choice.
    pub fn beside(&self) -> &OwnedFd {
        self.beside.as_ref().unwrap_or(&self.parent)
    }

    /// Whether nothing may be put into the store but licences.
    pub fn is_kept_clear(&self) -> bool {
        self.beside.is_some()
    }

    /// Whether the staging folder that is there may be one of this user's restores.
    pub fn is_own_staging(&self, beside: bool) -> bool {
        let holder = match (&self.store, beside) {
            (Some(store), false) => store,
            _ => self.beside(),
        };
        let folder = sys::open_at(
            holder,
            &self.staging,
            sys::FOLDER | OFlags::NOFOLLOW,
            Mode::empty(),
        );
        folder.and_then(fs::fstat).is_ok_and(|stat| is_own(&stat))
    }

    /// The path of its staging folder, beside the store or in it.
    pub fn staging_path(&self, inside: bool) -> PathBuf {
        match inside {
            true => self.real.join(&self.staging),
            false => self.beside_path.join(&self.staging),
        }
    }

    /// The path of something in the store, without links as far as the store goes.
    pub fn real_path(&self, name: &[u8]) -> PathBuf {
        self.real.join(OsStr::from_bytes(name))
    }

    /// Undoes what a killed restore left undone, and removes what it left.
    pub fn recover(&self) -> Result<()> {
        let store = self.store.as_ref();
        for holder in [Some(self.beside()), store].into_iter().flatten() {
            let Some(folder) = self.open_left_over(holder)? else {
                continue;
            };
            let journal = open_journal(&folder, &self.path)?;
            let nothing_moved = journal.is_none();
            if let (Some(store), Some(journal)) = (store, journal) {
                apply::undo(journal, &folder, store, &self.path, &self.real)?;
            }
            let removed = remove_journal(&folder, &self.path).and_then(|()| {
                remove_folder(holder.as_fd(), &self.staging, &folder)
                    .map_err(|errno| self.failed("remove what a restore left beside", errno))
            });
            // A left-over that holds nothing of the store's does not keep it from being read.
            if !nothing_moved {
                removed?;
            }
        }
        Ok(())
    }

    /// The staging folder of a restore that is not there any more.
    fn open_left_over(&self, holder: &OwnedFd) -> Result<Option<OwnedFd>> {
        let flags = sys::FOLDER | OFlags::NOFOLLOW;
        let folder = match sys::open_at(holder, &self.staging, flags, Mode::empty()) {
            Ok(folder) => folder,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            Err(errno) => return Err(self.failed("look for a restore left beside", errno)),
        };
        let stat = self.examine(&folder)?;
        if !is_own(&stat) {
            return Ok(None);
        }
        match fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => Err(Error::StoreBusy(self.path.clone())),
            // Without locks a restore that is under way cannot be told from one that is not.
            Err(errno) => Err(self.failed("lock what a restore left beside", errno)),
            Ok(()) if self.examine(&folder)?.st_nlink == 0 => Ok(None),
            Ok(()) => Ok(Some(folder)),
        }
    }

    pub fn examine(&self, folder: &OwnedFd) -> Result<Stat> {
        fs::fstat(folder).map_err(|errno| self.failed("examine", errno))
    }

    pub fn failed(&self, action: &'static str, errno: Errno) -> Error {
        Error::system(action, &self.path, errno)
    }
}

/// Whether a folder was made by a restore of this user: one that others can write to was not.
fn is_own(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o077 == 0
}

/// Puts back what a killed restore into this store left undone.
pub fn recover(path: &Path) -> Result<()> {
    match Location::find(path)? {
        Some(location) => location.recover(),
        None => Ok(()),
    }
}

/// The journal in a staging folder, if there is one that is whole.
pub fn open_journal(folder: &OwnedFd, store: &Path) -> Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || match sys::open_at(folder, JOURNAL_NAME, flags, Mode::empty()) {
        Ok(file) => Ok(Some(File::from(file))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(Error::system("read the journal of", store, errno)),
    };
    let Some(journal) = open()? else {
        return Ok(None);
    };
    let mut records = JournalReader::new(journal);
    loop {
        match records.next() {
            Ok(Some(_)) => {}
            Ok(None) => return open(),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                ) =>
            {
                // Not finished, so nothing was moved yet.
                return Ok(None);
            }
            Err(error) => return Err(Error::io("read the journal of", store, error)),
        }
    }
}

/// From here on there is nothing to undo.
pub fn unlink_journal(folder: &OwnedFd, store: &Path) -> Result<()> {
    match fs::unlinkat(folder, JOURNAL_NAME, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(Error::system("remove the journal of", store, errno)),
    }
}

pub fn synchronize_folder(folder: &OwnedFd, store: &Path) -> Result<()> {
    rustix::io::retry_on_intr(|| fs::fsync(folder))
        .map_err(|errno| Error::system("write to the disk", store, errno))
}

pub fn remove_journal(folder: &OwnedFd, store: &Path) -> Result<()> {
    unlink_journal(folder, store)?;
    synchronize_folder(folder, store)
}

/// The name of the staging folder of the store at this path.
fn staging_name(path: &[u8]) -> String {
    let hash = blake3::hash(path);
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    name::staging(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}
