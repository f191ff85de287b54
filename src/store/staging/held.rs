//! A staging folder that this process holds, and how it is removed, or left.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::apply::Replay;
use super::layout::{Clear, ENDED, JOURNAL, KEPT, MARKER, clear, remove};
use super::location::{Location, Site};
use super::marker::HeldMarker;
use super::undo::Undone;
use crate::error::{At, Error, Result};
use crate::store::folders::look;
use crate::sys;

/// A staging folder whose marker this process holds.
pub struct Held {
    pub site: Site,
    pub name: String,
    pub folder: OwnedFd,
    /// Locked until the folder is removed.
    marker: Option<HeldMarker>,
    /// Files in the store that say that there is this folder beside it.
    pub signs: Vec<String>,
}

impl Held {
    pub fn new(site: Site, name: String, folder: OwnedFd, marker: HeldMarker) -> Self {
        Held {
            site,
            name,
            folder,
            marker: Some(marker),
            signs: Vec::new(),
        }
    }

    /// For what its journal says.
    pub fn replay<'a>(&'a self, location: &'a Location, store: BorrowedFd<'a>) -> Replay<'a> {
        Replay {
            staging: &self.folder,
            store,
            path: &location.path,
            real_path: location.real(),
            owner: None,
            folder_by_folder: !sys::is_local(store),
        }
    }

    /// All is put back, except for what is kept here.
    pub fn finish_undo(mut self, location: &Location, undone: Undone) -> Result<()> {
        let finished = self.try_to_finish(location, undone);
        if finished.is_err() {
            self.leave();
        }
        finished
    }

    fn try_to_finish(&mut self, location: &Location, undone: Undone) -> Result<()> {
        const ACTION: &str = "remove what a restore left beside";
        const WRITE: &str = "write to the disk";
        let path = &location.path;
        if undone.is_some_kept {
            match fs::renameat(&self.folder, JOURNAL, &self.folder, KEPT) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(Error::system(ACTION, path, errno)),
            }
            sys::synchronize_folder(&self.folder).at(WRITE, path)?;
            self.leave();
            self.remove_signs(location).at(ACTION, path)?;
            return clear(&self.folder, Clear::NotKept).at(ACTION, path);
        }
        if undone.was_store_made {
            match fs::unlinkat(&location.parent, &*location.name, AtFlags::REMOVEDIR) {
                // Somebody has put something there.
                Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                Err(errno) => return Err(Error::system("put back", path, errno)),
            }
        }
        for journal in [JOURNAL, KEPT] {
            remove(self.folder.as_fd(), journal).at(ACTION, path)?;
        }
        sys::synchronize_folder(&self.folder).at(WRITE, path)?;
        self.remove(location).at(ACTION, path)
    }

    /// Removes it with all that is in it.
    pub fn remove(&mut self, location: &Location) -> sys::Result<()> {
        self.remove_signs(location)?;
        clear(&self.folder, Clear::All)?;
        match location.holder(self.site) {
            Some(holder) => self.remove_emptied(holder),
            None => Ok(()),
        }
    }

    /// Removes the folder when there is nothing in it except the marker. That is closed before:
    /// some file systems remove nothing that is open, or keep it in the folder until it is closed.
    /// Who takes the folder for left over in that moment removes it too.
    pub fn remove_emptied(&mut self, holder: BorrowedFd<'_>) -> sys::Result<()> {
        self.marker = None;
        remove(self.folder.as_fd(), MARKER)?;
        match sys::remove_folder(holder, &*self.name) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Waits until the disk has the signs in the store, and the store's folder.
    pub fn synchronize_signs(&self, location: &Location) -> sys::Result<()> {
        let Some(store) = location.holder(Site::Inside) else {
            return Ok(());
        };
        for sign in &self.signs {
            let sign = sys::open_at(store, &**sign, sys::UNTRUSTED_FILE, Mode::empty())?;
            sys::synchronize_file(&sign)?;
        }
        sys::synchronize_folder(store)
    }

    /// They would be for nothing, and nobody could tell: so they are gone for good before the
    /// folder is.
    pub fn remove_signs(&self, location: &Location) -> sys::Result<()> {
        let Some(store) = location.holder(Site::Inside) else {
            return Ok(());
        };
        for sign in &self.signs {
            remove(store, sign)?;
        }
        if !self.signs.is_empty() {
            // Where that fails, they may come back with the next power cut, and are told of then.
            let _ = sys::synchronize_folder(store);
        }
        Ok(())
    }

    /// It stays, and this process is done with it.
    pub fn leave(&self) {
        // Without a marker nothing says that it is ours, except that it is empty.
        if !look(self.folder.as_fd(), MARKER.as_bytes()).is_ok_and(|there| there.is_some()) {
            return;
        }
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let _ = sys::open_at(&self.folder, ENDED, flags, Mode::RUSR | Mode::WUSR);
    }
}
