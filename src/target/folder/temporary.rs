//! The file that a backup is written to: without a name where the system has such files, else
//! under one that is no license's.
//!
//! A temporary file with a name is locked as long as its writer lives, and its name says which
//! process that is: so one that a killed writer left is told from one in use, also where locks
//! are missing or are not seen by other systems.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::backup_folder::Folder;
use super::generations::Held;
use super::names::new_name;
use super::sharing::Sharing;
use crate::error::{At, Error, Result};
use crate::keep;
use crate::name::Reserved;
use crate::scratch::Scratch;
use crate::sys::{self, Part, ReadAt};
use crate::target::{Keeping, NewFile, Source};

/// Bytes after which the disk is set to work: it writes while the next are made, and less is
/// left to wait for in the end.
const STRETCH: u64 = 4 << 20;

pub(super) const MODE: Mode = Mode::RUSR.union(Mode::WUSR);

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
    /// The backup that was there at the last look.
    pub(super) earlier: Option<fs::Stat>,
    /// The same, where its blocks may be shared.
    shared: Option<Sharing>,
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
        sys::set_file_mode(temporary.file()?, MODE).at("create a file in", self.path())?;
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
                Err(errno) => return Err(errno).at("create a file in", self.path()),
            };
            let locked = fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
            let temporary = Temporary::new(self, file, Some(name.clone()));
            // Another backup's sweep may have been quicker, and hold the lock, or have removed
            // the file before the lock: then another one.
            reason = Errno::WOULDBLOCK;
            if locked == Err(Errno::WOULDBLOCK) {
                continue;
            }
            match sys::statat(&self.folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if sys::is_regular(&stat) => return Ok(temporary),
                Ok(_) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno).at("create a file in", self.path()),
            }
        }
        Err(reason).at("create a file in", self.path())
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
            earlier: None,
            shared: None,
        }
    }

    /// Whether the backup that is there is the one of the last look.
    fn is_as_seen(&self) -> Result<bool> {
        let now = self.folder.look()?;
        Ok(match (&self.earlier, &now) {
            (None, None) => true,
            (Some(before), Some(now)) => {
                // Some file systems make up inode numbers and times of change at each look.
                before.st_size == now.st_size && sys::modified(before) == sys::modified(now)
            }
            _ => false,
        })
    }

    /// Takes the place of the backup that is held, or of any where generations are not kept.
    fn commit_over(
        &mut self,
        overwrite: bool,
        keeping: Option<&Keeping>,
        held: Option<Held>,
    ) -> Result<()> {
        let Some(keeping) = keeping else {
            return self.commit(overwrite);
        };
        if let Some(held) = &held {
            let modified = sys::modified(&held.stat).seconds;
            let time = keeping.replaced.get().unwrap_or(modified);
            let time = time.clamp(*keep::TIMES.start(), *keep::TIMES.end());
            self.folder.keep_target(held, time)?;
        }
        self.commit(held.is_some())?;
        self.folder.forget(keeping);
        Ok(())
    }

    /// Has the file share what it is said to share.
    fn finish_sharing(&mut self) -> Result<()> {
        let (Some(shared), Some(file)) = (&mut self.shared, &self.file) else {
            return Ok(());
        };
        shared.finish(file).at("write", || self.folder.target())
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
        self.finish_sharing()?;
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

    fn takes_back(&self) -> bool {
        true
    }

    fn take_back(&mut self, bytes: u64) -> Result<()> {
        self.finish_sharing()?;
        let mut file = self.file()?;
        let end = self.written - bytes;
        file.set_len(end).at("cut", || self.folder.target())?;
        file.seek(SeekFrom::Start(end))
            .at("cut", || self.folder.target())?;
        self.written = end;
        self.begun = self.begun.min(end);
        Ok(())
    }

    fn share(&mut self, part: Part) -> Result<bool> {
        let (Some(shared), Some(mut file)) = (&mut self.shared, self.file.as_ref()) else {
            return Ok(false);
        };
        let is_shared = shared.share(part, file, self.written);
        if !is_shared.at("write", || self.folder.target())? {
            // What cannot be shared once, cannot be shared at all.
            self.shared = None;
            return Ok(false);
        }
        let end = self.written + part.length;
        file.seek(SeekFrom::Start(end))
            .at("write", || self.folder.target())?;
        self.written = end;
        self.begun = end;
        Ok(true)
    }

    fn synchronize(&mut self) -> Result<()> {
        self.finish_sharing()?;
        let file = self.file()?;
        sys::synchronize_file(file.as_fd()).at("write to the disk", || self.folder.target())
    }

    fn forget_cached(&self) {
        if let Some(file) = &self.file {
            sys::forget_cached(file.as_fd());
        }
    }

    fn earlier(&mut self) -> Result<Option<Source>> {
        // One that cannot be read can still be replaced.
        self.earlier = self.folder.look()?;
        let Some((file, stat)) = self.folder.open_target()? else {
            self.earlier = None;
            return Ok(None);
        };
        self.earlier = Some(stat);
        let file = Arc::new(file);
        self.shared = Some(Sharing::new(file.clone()));
        Ok(Some(Source {
            bytes: Box::new(file.clone()),
            path: self.path(),
            file: Some(file),
        }))
    }

    fn publish(
        mut self: Box<Self>,
        overwrite: bool,
        keeping: Option<&Keeping>,
        agrees: &mut dyn FnMut(Result<Option<Source>>) -> Result<()>,
    ) -> Result<()> {
        // Other backups may be put there meanwhile, one after the other.
        for _ in 0..sys::NAME_TRIES {
            // Some file systems replace no file that is open.
            self.shared = None;
            let held = match keeping {
                Some(keeping) if overwrite => self.folder.hold_target(keeping)?,
                _ => None,
            };
            if !overwrite || self.is_as_seen()? {
                match self.commit_over(overwrite, keeping, held) {
                    // It has appeared after the look.
                    Err(Error::BackupExists(_)) if overwrite => {}
                    committed => return committed,
                }
            }
            let earlier = self.earlier();
            agrees(earlier)?;
        }
        Err(Error::Disturbed(self.path()))
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
        if let Some(file) = &self.file {
            // A process that the host has forked meanwhile has the same lock, and may live long.
            let _ = fs::flock(file, FlockOperation::Unlock);
        }
        // Some file systems remove no file that is open.
        self.file = None;
        if let Some(name) = &self.name {
            let _ = sys::remove_file(&self.folder.folder, name);
        }
    }
}
