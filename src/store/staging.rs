//! Brings licences into a directory store, all or none.
//!
//! They are written to a staging folder on the store's file system first. When all are
//! there and on the disk, they take their places: the staging folder's content becomes the
//! store where that was missing or empty; else each file is moved into the store, and what it
//! replaces into the staging folder, after a journal of all that was written. As long as
//! there is a whole journal the move can be undone, by this process or a later one; without
//! one, nothing in the store was touched.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

mod apply;
mod guard;
mod journal;
mod location;
mod sidecars;

use guard::Lock;
pub use guard::{LeftOvers, Shared, share, tidy};
use journal::JOURNAL_NAME;
pub use journal::{Fingerprint, JournalWriter, Step, append_record};
use location::recover;
use location::{Location, open_journal, remove_journal, synchronize_folder, unlink_journal};

use super::folders::{is_empty, remove_folder};
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::sys;

/// The folder in the staging folder that holds what is to be in the store.
pub const NEW: &str = "new";

/// The staging folder of a restore that is under way. Dropped without a commit, it is gone,
/// and the store is as it was.
pub struct Staging {
    location: Location,
    /// It lies in the store, not beside it.
    inside: bool,
    /// The content becomes the store: that was missing or empty.
    fresh: bool,
    /// The process's umask takes rights away that staged files are to have.
    needs_modes: bool,
    /// The journal has to stay, and what it needs: the store could not be put back.
    keep: bool,
    folder: OwnedFd,
    /// None when it is time to remove it, which takes a descriptor.
    new: Option<OwnedFd>,
    parents: MadeParents,
    /// Nobody reads the store meanwhile.
    _alone: Option<Lock>,
}

/// Folders that were made for a store that was missing. Dropped, they are removed again,
/// unless there is something in them by then.
struct MadeParents(Vec<PathBuf>);

impl MadeParents {
    fn make_above(&mut self, path: &Path) -> Result<()> {
        let missing = |folder: &&Path| fs::lstat(*folder).is_err_and(|errno| errno == Errno::NOENT);
        let folders: Vec<_> = path.ancestors().skip(1).take_while(missing).collect();
        for folder in folders.into_iter().rev() {
            let failed = |errno| Error::system("create the folder", folder, errno);
            match fs::mkdir(folder, Mode::RWXU) {
                Ok(()) => self.0.push(folder.to_owned()),
                Err(Errno::EXIST) => continue,
                Err(errno) => return Err(failed(errno)),
            }
            let (parent, name) = (folder.parent(), folder.file_name());
            if let (Some(parent), Some(name)) = (parent, name) {
                let parent =
                    sys::open_at(fs::CWD, parent, sys::PASSAGE, Mode::empty()).map_err(failed)?;
                sys::set_folder_mode(parent.as_fd(), name.as_bytes()).map_err(failed)?;
            }
        }
        Ok(())
    }
}

impl Drop for MadeParents {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            let _ = fs::rmdir(folder);
        }
    }
}

impl Staging {
    /// Makes a staging folder for the store at `path`. The folders above it are made where
    /// they are missing.
    pub fn begin(path: &Path) -> Result<Self> {
        let failed = |errno| Error::system("make a folder for a restore beside", path, errno);
        let mut parents = MadeParents(Vec::new());
        if Location::find(path)?.is_none() {
            parents.make_above(path)?;
        }
        let Some(location) = Location::find(path)? else {
            return Err(failed(Errno::NOENT));
        };
        let store = location.store.as_ref();
        let alone = store.map(|store| Lock::alone(store.as_fd(), path));
        let alone = alone.transpose()?.flatten();
        location.recover()?;
        let beside_device = location.examine(location.beside())?.st_dev;
        let mut beside = true;
        if let Some(store) = &location.store {
            // Renames stay within a file system.
            beside = location.examine(store)?.st_dev == beside_device
                && !sys::is_mount_root(store.as_fd());
        }
        let make = |holder: &OwnedFd| fs::mkdirat(holder, &location.staging, Mode::RWXU);
        let mut made = match beside {
            true => make(location.beside()),
            false => Err(Errno::XDEV),
        };
        if let (Err(Errno::XDEV | Errno::ACCESS | Errno::PERM | Errno::ROFS), Some(store)) =
            (made, &location.store)
            && !location.is_kept_clear()
        {
            beside = false;
            made = make(store);
        }
        match made {
            Ok(()) => {}
            // By another restore, a moment ago: what was left was removed before.
            Err(Errno::EXIST) if location.is_own_staging(beside) => {
                return Err(Error::StoreBusy(path.to_owned()));
            }
            Err(Errno::EXIST) => {
                return Err(Error::InTheWay(location.staging_path(!beside)));
            }
            Err(errno) => return Err(failed(errno)),
        }
        let holder = match (&location.store, beside) {
            (Some(store), false) => store,
            _ => location.beside(),
        };
        let clean_up = |errno| {
            let _ = fs::unlinkat(holder, &location.staging, AtFlags::REMOVEDIR);
            failed(errno)
        };
        sys::set_folder_mode(holder.as_fd(), location.staging.as_bytes()).map_err(clean_up)?;
        let flags = sys::FOLDER | OFlags::NOFOLLOW;
        let folder =
            sys::open_at(holder, &location.staging, flags, Mode::empty()).map_err(clean_up)?;
        // Another process's recovery may have taken it for a left-over.
        let locked = fs::flock(&folder, FlockOperation::NonBlockingLockExclusive);
        if locked == Err(Errno::WOULDBLOCK) || location.examine(&folder)?.st_nlink == 0 {
            return Err(Error::StoreBusy(path.to_owned()));
        }
        let new = fs::mkdirat(&folder, NEW, Mode::RWXU)
            .and_then(|()| fs::statat(&folder, NEW, AtFlags::SYMLINK_NOFOLLOW))
            .and_then(|stat| {
                sys::set_folder_mode(folder.as_fd(), NEW.as_bytes())?;
                Ok((stat, sys::open_at(&folder, NEW, flags, Mode::empty())?))
            });
        let (stat, new) = match new {
            Ok(made) => made,
            Err(errno) => {
                let _ = remove_folder(holder.as_fd(), &location.staging, &folder);
                return Err(failed(errno));
            }
        };
        let mut staging = Staging {
            inside: !beside,
            fresh: beside,
            keep: false,
            parents,
            _alone: alone,
            needs_modes: stat.st_mode & 0o700 != 0o700,
            folder,
            new: Some(new),
            location,
        };
        if let Some(store) = &staging.location.store
            && staging.fresh
        {
            // What replaces it must belong to whom it belongs to, and be open to whom it is open.
            let (old, new) = (staging.location.examine(store)?, stat);
            staging.fresh = (old.st_uid, old.st_gid) == (new.st_uid, new.st_gid)
                && is_empty(store)
                    .map_err(|errno| Error::system("list the license store", path, errno))?
                && staging.takes_attributes_of(store);
        }
        Ok(staging)
    }

    /// Gives what is to be the store the attributes of what is; false where that cannot be done.
    fn takes_attributes_of(&self, store: &OwnedFd) -> bool {
        let new = self.new_folder();
        // An access control list has the mode in it; that of the store comes in the end.
        sys::copy_attributes(store.as_fd(), new).is_ok() && fs::fchmod(new, Mode::RWXU).is_ok()
    }

    /// Whether there is nothing in the store, so that nothing can be in the way.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The store's folder; None when there is no store yet.
    pub fn store(&self) -> Option<BorrowedFd<'_>> {
        self.location.store.as_ref().map(AsFd::as_fd)
    }

    /// The folder of what is to be in the store.
    pub fn new_folder(&self) -> BorrowedFd<'_> {
        self.new.as_ref().unwrap_or(&self.folder).as_fd()
    }

    /// Whether modes have to be set by hand.
    pub fn needs_modes(&self) -> bool {
        self.needs_modes
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
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = sys::open_at(&self.folder, JOURNAL_NAME, flags, mode)
            .and_then(|file| fs::fchmod(&file, mode).map(|()| file))
            .map_err(|errno| self.failed("write the journal of", errno))?;
        Ok(JournalWriter::new(file.into()))
    }

    fn failed(&self, action: &'static str, errno: Errno) -> Error {
        self.location.failed(action, errno)
    }

    /// Puts everything in its place. With an error the store is as it was, but for
    /// [`Error::NotPutBack`]: then the next operation tries again.
    pub fn commit(mut self, journal: Option<JournalWriter>, control: &Control) -> Result<()> {
        let write = |errno| Error::system("write to the disk", &self.location.path, errno);
        sys::synchronize_file_system(self.new_folder()).map_err(write)?;
        control.check()?;
        if self.fresh {
            return self.commit_fresh();
        }
        let Some(journal) = journal else {
            return Err(Error::Defect("a restore without a journal".to_owned()));
        };
        journal
            .finish()
            .map_err(|error| Error::io("write the journal of", &self.location.path, error))?;
        rustix::io::retry_on_intr(|| fs::fsync(&self.folder)).map_err(write)?;
        // Whatever happens in it, a panic too: what is not undone here is by the next operation.
        self.keep = true;
        let moved = self.move_all(control);
        self.keep = matches!(moved, Err(Error::NotPutBack { .. }));
        moved
    }

    /// Moves what the journal says into the store, or nothing.
    fn move_all(&self, control: &Control) -> Result<()> {
        let path = &self.location.path;
        let Some(store) = &self.location.store else {
            return Err(Error::Defect(
                "a store that is missing is not empty".to_owned(),
            ));
        };
        let read = || match open_journal(&self.folder, path)? {
            Some(journal) => Ok(journal),
            None => Err(self.failed("read the journal of", Errno::IO)),
        };
        let moved = read()
            .and_then(|journal| {
                apply::apply(
                    journal,
                    &self.folder,
                    self.new_folder(),
                    store,
                    path,
                    control,
                )
            })
            .and_then(|()| {
                sys::synchronize_file_system(store.as_fd())
                    .map_err(|errno| self.failed("write to the disk", errno))
            })
            .and_then(|()| unlink_journal(&self.folder, path));
        let Err(error) = moved else {
            // The restore is done; only whether a power cut would undo it is open.
            return synchronize_folder(&self.folder, path);
        };
        let undone = read()
            .and_then(|journal| {
                let real = self.location.real_path(b"");
                apply::undo(journal, &self.folder, store, path, &real)
            })
            .and_then(|()| remove_journal(&self.folder, path));
        match undone {
            Ok(()) => Err(error),
            Err(worse) => Err(Error::NotPutBack {
                path: path.clone(),
                source: Box::new(worse),
            }),
        }
    }

    /// The staged content becomes the store, in one step.
    fn commit_fresh(&mut self) -> Result<()> {
        let Location { parent, name, .. } = &self.location;
        if let Some(store) = &self.location.store {
            // Whoever could use the empty store can use the new one.
            let mode = Mode::from_raw_mode(self.location.examine(store)?.st_mode & 0o7777);
            fs::fchmod(self.new_folder(), mode)
                .map_err(|errno| self.failed("put in place", errno))?;
        }
        // To make the new name safe takes the right to read the parent.
        let readable = sys::open_at(parent, c".", sys::FOLDER, Mode::empty());
        match fs::renameat(&self.folder, NEW, parent, name) {
            Ok(()) => {}
            // Somebody has put something there meanwhile.
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {
                return Err(Error::Disturbed(self.location.path.clone()));
            }
            Err(errno) => return Err(self.failed("put in place", errno)),
        }
        match &readable {
            Ok(parent) if self.parents.0.is_empty() => {
                rustix::io::retry_on_intr(|| fs::fsync(parent))
            }
            // That of folders above it that were made is to be safe too.
            _ => sys::synchronize_file_system(self.new_folder()),
        }
        .map_err(|errno| self.failed("write to the disk", errno))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        let holder = match (&self.location.store, self.inside) {
            (Some(store), true) => store,
            _ => self.location.beside(),
        };
        self.new = None;
        // The journal first: without it, nobody looks for what it speaks of. What cannot be
        // removed now is removed by the next operation.
        let _ = remove_journal(&self.folder, &self.location.path);
        let _ = remove_folder(holder.as_fd(), &self.location.staging, &self.folder);
    }
}
