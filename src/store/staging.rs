//! Brings licenses into a directory store, all or none.
//!
//! They are written to a staging folder on the store's file system first. When all are there and
//! on the disk, they take their places: the staging folder's content becomes the store where that
//! was missing or empty; else each file is moved into the store, and what it replaces into the
//! staging folder, after a journal of all that was written. As long as there is a whole journal
//! the move can be undone, by this process or a later one; without one, nothing in the store was
//! touched. What each step relies on: docs/architecture.md.

use std::ffi::OsString;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

mod apply;
mod content;
mod draft;
mod fold;
mod guard;
mod held;
mod journal;
mod kept;
mod layout;
mod left_overs;
mod location;
mod marker;
mod parents;
mod readers;
mod sidecars;
mod undo;

pub use content::Content;
pub use guard::{LeftOvers, Shared, share, tidy};
pub use journal::{JournalWriter, Record, Step};

use draft::Draft;
use guard::Lock;
use held::Held;
use layout::{DONE, JOURNAL, NEW, scratch_name};
use left_overs::Findings;
use location::{Location, Site};
use parents::MadeParents;

use crate::error::{At, Error, Result};
use crate::operation::Control;
use crate::store::folders::{cannot_open, synchronize_tree};
use crate::sys::{self, Ownership};

const PUT: &str = "put in place";
const WRITE: &str = "write to the disk";

/// The staging folder of a restore that is under way. Dropped without a commit, it is gone, and
/// the store is as it was.
pub struct Staging {
    location: Location,
    /// None when it is done with.
    held: Option<Held>,
    /// The folder of what is to be in the store; None when it is time to remove it, which takes a
    /// descriptor.
    new: Option<OwnedFd>,
    /// What a sign in the store says.
    sign: Vec<u8>,
    /// The content becomes the store: that was missing or empty.
    is_fresh: bool,
    /// The process's umask takes rights away that staged files are to have.
    needs_modes: bool,
    /// Who staged files and folders are given to.
    owner: Option<Ownership>,
    /// The disk is waited for file by file.
    file_by_file: bool,
    /// Several names may be one.
    folds: bool,
    /// The store could not be put back: the journal has to stay, and what it needs.
    is_left: bool,
    parents: MadeParents,
    /// Nobody reads the store meanwhile.
    _alone: Option<Lock>,
}

impl Staging {
    /// Makes a staging folder for the store at `path`. The folders above it are made where
    /// they are missing.
    pub fn begin(path: &Path) -> Result<Self> {
        let mut parents = MadeParents::default();
        if Location::find(path)?.is_none() {
            parents.make_above(path)?;
        }
        let (location, alone) = Self::claim(path)?;
        // The store's; that of a store that is missing is the owner of the folder that it will
        // be in.
        let above = location
            .holder(Site::Inside)
            .unwrap_or(location.parent.as_fd());
        let owner = Ownership::of(&location.examine(above)?).to_give();
        let Draft {
            held,
            new,
            marker,
            is_fresh,
            needs_modes,
        } = Draft::make(&location, owner)?;
        let file_by_file = !sys::is_local(new.as_fd());
        let mut staging = Staging {
            location,
            held: Some(held),
            new: Some(new),
            sign: marker.to_bytes(),
            is_fresh,
            needs_modes,
            owner,
            file_by_file,
            folds: false,
            is_left: false,
            parents,
            _alone: alone,
        };
        if staging.store().is_some_and(readers::are_there) {
            return Err(Error::StoreBusy(path.to_owned()));
        }
        if !is_fresh {
            let folder = &staging.held()?.folder;
            staging.folds = fold::folds_names(folder).at("examine", path)?;
        }
        Ok(staging)
    }

    /// Has the store alone, and puts right what earlier restores left.
    fn claim(path: &Path) -> Result<(Location, Option<Lock>)> {
        loop {
            let location = Location::find(path)?;
            let location = location.ok_or_else(|| cannot_open(path, Errno::NOENT))?;
            let store = location.holder(Site::Inside);
            let alone = store
                .map(|store| Lock::alone(store, path))
                .transpose()?
                .flatten();
            if Findings::find(&location)?.put_right(&location)? {
                return Ok((location, alone));
            }
        }
    }

    fn held(&self) -> Result<&Held> {
        let gone = || Error::Defect("a restore goes on after its end".to_owned());
        self.held.as_ref().ok_or_else(gone)
    }

    /// Whether there is nothing in the store, so that nothing can be in the way.
    pub fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// The store's folder; None when there is no store yet.
    pub fn store(&self) -> Option<BorrowedFd<'_>> {
        self.location.holder(Site::Inside)
    }

    /// The folder of what is to be in the store.
    pub fn new_folder(&self) -> BorrowedFd<'_> {
        self.new.as_ref().unwrap_or(&self.location.parent).as_fd()
    }

    /// Whether two names of the backup may be one in the store.
    pub fn folds_names(&self) -> bool {
        self.folds
    }

    /// Whether the disk has to be waited for with each file.
    pub fn is_file_by_file(&self) -> bool {
        self.file_by_file
    }

    /// Gives a staged file, which was just made, the rights and the owner that it is to have.
    pub fn dress_file(&self, made: impl AsFd) -> sys::Result<()> {
        if self.needs_modes {
            sys::set_file_mode(&made, Mode::RUSR | Mode::WUSR)?;
        }
        self.dress_folder(made)
    }

    /// The same for a folder, which has its rights already.
    pub fn dress_folder(&self, made: impl AsFd) -> sys::Result<()> {
        match self.owner {
            Some(owner) => owner.give(made),
            None => Ok(()),
        }
    }

    /// The path of something in the store, for words.
    pub fn display_path(&self, name: &[u8]) -> PathBuf {
        self.location.path.join(OsString::from_vec(name.to_vec()))
    }

    /// The same, without links as far as the store goes.
    pub fn real_path(&self, name: &[u8]) -> PathBuf {
        self.location.real_path(name)
    }

    /// A journal of what will be done to the store.
    pub fn journal(&self) -> Result<JournalWriter> {
        let journal = journal::create_journal(&self.held()?.folder);
        let mut journal = journal.at("write the journal of", &self.location.path)?;
        if self.location.store.is_none() {
            let mut record = Vec::new();
            Record::new(Step::MakeStore, b"").append_to(&mut record);
            journal
                .write(&record)
                .at("write the journal of", &self.location.path)?;
        }
        Ok(journal)
    }

    /// Puts everything in its place. With an error the store is as it was, except with
    /// [`Error::NotPutBack`]: then the next operation tries again.
    pub fn commit(mut self, journal: Option<JournalWriter>, control: &Control) -> Result<()> {
        if self.is_fresh {
            self.synchronize()?;
            control.check()?;
            return self.become_store();
        }
        let Some(journal) = journal else {
            return Err(Error::Defect("a restore without a journal".to_owned()));
        };
        // Where there is a journal, there is a sign, and all is staged: after a power cut too.
        self.leave_sign()?;
        self.synchronize()?;
        journal
            .finish()
            .at("write the journal of", &self.location.path)?;
        sys::synchronize_folder(&self.held()?.folder).at(WRITE, &self.location.path)?;
        control.check()?;
        // Whatever happens in it, a panic too: what is not undone here is by the next operation.
        self.is_left = true;
        let moved = self.move_all(control);
        self.is_left = matches!(moved, Err(Error::NotPutBack { .. }));
        moved
    }

    /// Waits until the disk has what was staged.
    fn synchronize(&mut self) -> Result<()> {
        let path = &self.location.path;
        if !self.file_by_file {
            if sys::synchronize_file_system(self.new_folder()).at(WRITE, path)? {
                return Ok(());
            }
            // A sandbox does not have the call.
            synchronize_tree(self.new_folder(), true).at(WRITE, path)?;
            self.file_by_file = true;
        }
        synchronize_tree(self.new_folder(), false).at(WRITE, path)?;
        let held = self.held()?;
        if held.signs.is_empty() {
            return Ok(());
        }
        held.synchronize_signs(&self.location).at(WRITE, path)
    }

    /// Puts a file into the store that says that there is a staging folder beside it: under another
    /// name of the store, that folder may not be seen.
    fn leave_sign(&mut self) -> Result<()> {
        const ACTION: &str = "note in it a restore into";
        let held = self.held()?;
        let Some(store) = self.location.holder(Site::Inside) else {
            return Ok(());
        };
        let is_seen = held.site == Site::Inside
            || self.location.is_kept_clear()
            || sys::is_append_only(store);
        if is_seen {
            return Ok(());
        }
        let path = &self.location.path;
        let name = scratch_name(0);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = sys::open_at(&held.folder, &*name, flags, mode).at(ACTION, path)?;
        sys::set_file_mode(&file, mode).at(ACTION, path)?;
        let mut file = std::fs::File::from(file);
        file.write_all(&self.sign).at(ACTION, path)?;
        sys::close(file).at(ACTION, path)?;
        let sign = draft::free_name(&self.location, Site::Inside, store).at(ACTION, path)?;
        sys::rename_no_replace(held.folder.as_fd(), &*name, store, &*sign).at(ACTION, path)?;
        // Whatever comes next, it is removed with the folder.
        if let Some(held) = &mut self.held {
            held.signs.push(sign);
        }
        Ok(())
    }

    /// Moves what the journal says into the store, or nothing.
    fn move_all(&mut self, control: &Control) -> Result<()> {
        self.make_store()?;
        let held = self.held()?;
        let path = &self.location.path;
        let Some(store) = self.location.holder(Site::Inside) else {
            return Err(Error::Defect(
                "a store that was made is not there".to_owned(),
            ));
        };
        let journal = || match journal::open_journal(&held.folder, JOURNAL, path)? {
            Some(journal) => Ok(journal),
            None => Err(self.location.failed("read the journal of", Errno::IO)),
        };
        let mut replay = held.replay(&self.location, store);
        replay.owner = self.owner;
        replay.folder_by_folder = self.file_by_file;
        let moved = journal()
            .and_then(|journal| replay.apply(journal, control))
            .and_then(|()| settle(&held.folder, path));
        let Err(error) = moved else {
            return Ok(());
        };
        let undone = journal().and_then(|journal| replay.undo(journal));
        let undone = undone.and_then(|undone| match self.held.take() {
            Some(held) => held.finish_undo(&self.location, undone),
            None => Ok(()),
        });
        match undone {
            Ok(()) => Err(error),
            Err(worse) => Err(Error::NotPutBack {
                path: self.location.path.clone(),
                source: Box::new(worse),
            }),
        }
    }

    /// Makes the store that was missing and cannot come by one rename.
    fn make_store(&mut self) -> Result<()> {
        if self.location.store.is_some() {
            return Ok(());
        }
        let Location { parent, name, .. } = &self.location;
        let store = match sys::make_folder(parent.as_fd(), &**name) {
            Err(Errno::EXIST) => return Err(self.disturbed()),
            store => store.at(PUT, &self.location.path)?,
        };
        self.location.store = Some(store);
        let dressed = self.dress_store();
        if dressed.is_err() {
            // There is nothing in it.
            let _ = self.held()?.remove_signs(&self.location);
            let Location { parent, name, .. } = &self.location;
            let _ = fs::unlinkat(parent, &**name, AtFlags::REMOVEDIR);
            self.location.store = None;
        }
        dressed
    }

    /// Gives the store that was made what one has that was there before.
    fn dress_store(&mut self) -> Result<()> {
        let Some(store) = &self.location.store else {
            return Ok(());
        };
        self.dress_folder(store).at(PUT, &self.location.path)?;
        self.leave_sign()?;
        let signs = self.held()?.synchronize_signs(&self.location);
        signs.at(WRITE, &self.location.path)
    }

    fn disturbed(&self) -> Error {
        Error::Disturbed(self.location.path.clone())
    }

    /// The staged content becomes the store, in one step.
    fn become_store(&mut self) -> Result<()> {
        let path = &self.location.path;
        let Location { parent, name, .. } = &self.location;
        let old = match &self.location.store {
            None => None,
            Some(store) => Some(self.location.examine(store)?),
        };
        if let Some(old) = &old {
            // Whoever could use the empty store can use the new one.
            sys::copy_mode(old, self.new_folder()).at(PUT, path)?;
        }
        let folder = &self.held()?.folder;
        // To make the new name safe takes the right to read the parent.
        let readable = sys::open_at(parent, c".", sys::FOLDER, Mode::empty());
        match fs::renameat(folder, NEW, parent, name) {
            Ok(()) => {}
            // Somebody has put something there meanwhile.
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => return Err(self.disturbed()),
            Err(errno) => return Err(self.location.failed(PUT, errno)),
        }
        let safe = match &readable {
            Ok(parent) if self.parents.is_empty() => sys::synchronize_folder(parent),
            Ok(parent) if self.file_by_file => {
                sys::synchronize_folder(parent).and_then(|()| self.parents.synchronize())
            }
            // That of folders above it that were made is to be safe too.
            _ => sys::synchronize_all(self.new_folder()),
        };
        let Err(errno) = safe else {
            return Ok(());
        };
        let back = fs::renameat(parent, name, folder, NEW).and_then(|()| {
            match (&old, &self.location.store) {
                (Some(old), Some(store)) => self.make_empty_store(old, store),
                _ => Ok(()),
            }
        });
        let error = self.location.failed(WRITE, errno);
        match back {
            Ok(()) => Err(error),
            Err(_) => Err(Error::NotSafe {
                path: path.clone(),
                source: Box::new(error),
            }),
        }
    }

    /// Makes the empty store again that was replaced.
    fn make_empty_store(&self, old: &fs::Stat, store: &OwnedFd) -> sys::Result<()> {
        let Location { parent, name, .. } = &self.location;
        let made = sys::make_folder(parent.as_fd(), &**name)?;
        if let Some(owner) = Ownership::of(old).to_give() {
            owner.give(&made)?;
        }
        let _ = sys::copy_attributes(store.as_fd(), made.as_fd());
        sys::copy_mode(old, &made)
    }
}

/// From here on there is nothing to undo.
fn settle(folder: &OwnedFd, path: &Path) -> Result<()> {
    fs::renameat(folder, JOURNAL, folder, DONE).at("finish the journal of", path)?;
    let Err(errno) = sys::synchronize_folder(folder) else {
        return Ok(());
    };
    // After a power cut it could be either.
    fs::renameat(folder, DONE, folder, JOURNAL).at("finish the journal of", path)?;
    Err(Error::system(WRITE, path, errno))
}

impl Drop for Staging {
    fn drop(&mut self) {
        let Some(mut held) = self.held.take() else {
            return;
        };
        if self.is_left {
            held.leave();
            return;
        }
        self.new = None;
        // The journal first: without it, nobody looks for what it speaks of. What cannot be
        // removed now is removed by the next operation.
        let journal = sys::remove_file(&held.folder, JOURNAL);
        if journal.is_ok() {
            let _ = sys::synchronize_folder(&held.folder);
        }
        if held.remove(&self.location).is_err() {
            held.leave();
        }
    }
}
