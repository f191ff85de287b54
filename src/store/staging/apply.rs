//! Moves staged licenses into a store, as a journal says.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;

use super::content::Content;
use super::journal::{Record, Step, display_path, each_record};
use super::layout::{NEW, kept_name, moving_name};
use super::sidecars;
use crate::error::{Error, Result};
use crate::name::split as split_name;
use crate::operation::Control;
use crate::store::folders::{Cursor, look, synchronize_tree};
use crate::store::sqlite;
use crate::sys::{self, Care, Ownership, StoreFile};

/// What a journal is about, for those who do or undo what it says.
pub struct Replay<'a> {
    /// The staging folder.
    pub staging: &'a OwnedFd,
    pub store: BorrowedFd<'a>,
    pub path: &'a Path,
    /// The store's path without links.
    pub real_path: &'a Path,
    /// Who folders are given to that are made.
    pub owner: Option<Ownership>,
    /// Whether the disk is waited for folder by folder, not for the file system as a whole.
    pub folder_by_folder: bool,
}

impl Replay<'_> {
    /// Puts every staged file in its place. They are safe there when this returns.
    pub fn apply(&self, journal: File, control: &Control) -> Result<()> {
        let flags = sys::FOLDER | OFlags::NOFOLLOW;
        let new = sys::open_at(self.staging, NEW, flags, Mode::empty())
            .map_err(|errno| Error::system("read what was staged for", self.path, errno))?;
        let mut moves = Moves {
            replay: self,
            from: Cursor::new(new.as_fd()),
            to: Folders::new(self),
        };
        each_record(journal, self.path, |number, record| {
            control.check()?;
            let done = moves.step(number, &record, control);
            done.map_err(|errno| self.cannot_put(&record, errno))
        })?;
        moves.to.finish()
    }

    fn cannot_put(&self, record: &Record, errno: Errno) -> Error {
        let path = display_path(self.path, record);
        match errno {
            Errno::CANCELED => Error::Canceled,
            Errno::AGAIN if record.step == Step::ReplaceDatabase => Error::DatabaseInUse(path),
            // What was there is gone, what was not is there, or a link was put in the way.
            Errno::EXIST | Errno::NOENT | Errno::LOOP | Errno::NOTDIR => Error::Disturbed(path),
            errno => Error::system("put in place", path, errno),
        }
    }
}

/// The folders of a store in which something is done, one after the other.
pub struct Folders<'a> {
    cursor: Cursor<BorrowedFd<'a>>,
    replay: &'a Replay<'a>,
    /// The one that the disk is to have when the next one comes, if it is waited for so.
    current: Option<Vec<u8>>,
}

impl<'a> Folders<'a> {
    pub fn new(replay: &'a Replay<'a>) -> Self {
        Folders {
            cursor: Cursor::new(replay.store),
            replay,
            current: None,
        }
    }

    pub fn open(&mut self, path: &[u8]) -> sys::Result<BorrowedFd<'_>> {
        if self.replay.folder_by_folder && self.current.as_deref() != Some(path) {
            self.synchronize()?;
            self.cursor.existing(path)?;
            self.current = Some(path.to_vec());
        }
        self.cursor.existing(path)
    }

    fn synchronize(&mut self) -> sys::Result<()> {
        let Some(path) = self.current.take() else {
            return Ok(());
        };
        match self.cursor.existing(&path) {
            // Whatever was done in it is gone with it.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
            folder => sys::synchronize_folder(folder?),
        }
    }

    /// Waits for what was done last.
    pub fn finish(mut self) -> Result<()> {
        let write = |errno| Error::system("write to the disk", self.replay.path, errno);
        if !self.replay.folder_by_folder {
            let done = sys::synchronize_file_system(self.replay.store).map_err(write)?;
            if done {
                return Ok(());
            }
            // A sandbox does not have the call. Which folders they were is not known any more.
            return synchronize_tree(self.replay.store, false).map_err(write);
        }
        self.synchronize()
            .and_then(|()| sys::synchronize_folder(self.replay.store))
            .map_err(write)
    }
}

struct Moves<'a> {
    replay: &'a Replay<'a>,
    from: Cursor<BorrowedFd<'a>>,
    to: Folders<'a>,
}

impl Moves<'_> {
    fn step(&mut self, number: u64, record: &Record, control: &Control) -> sys::Result<()> {
        let (folder, name) = split_name(&record.name);
        match record.step {
            // It was made by whoever opened it.
            Step::MakeStore => Ok(()),
            Step::MakeFolders => self.make_folders(record, control),
            Step::Add => {
                let from = self.from.existing(folder)?;
                add(
                    from,
                    self.to.open(folder)?,
                    name,
                    self.replay.staging,
                    number,
                )
            }
            Step::Replace => {
                let from = self.from.existing(folder)?;
                replace(
                    from,
                    self.to.open(folder)?,
                    name,
                    self.replay.staging,
                    number,
                )
            }
            Step::ReplaceDatabase => {
                let from = self.from.existing(folder)?;
                let to = self.to.open(folder)?;
                let _lock = sqlite::lock(to, name)?;
                check_database(to, name, record.old)?;
                sidecars::set_aside(to, name, self.replay.staging, number)?;
                match record.old {
                    Some(_) => replace(from, to, name, self.replay.staging, number),
                    None => add(from, to, name, self.replay.staging, number),
                }
            }
        }
    }

    /// Makes the folders of a name, as far as they are missing: several workers may have noted
    /// the same ones.
    fn make_folders(&mut self, record: &Record, control: &Control) -> sys::Result<()> {
        let folder_by_folder = self.replay.folder_by_folder;
        let owner = self.replay.owner;
        self.to.cursor.make(&record.name, |parent, made| {
            control.check().map_err(|_| Errno::CANCELED)?;
            if let Some(owner) = owner {
                owner.give(made)?;
            }
            if folder_by_folder {
                sys::synchronize_folder(parent)?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// Refuses a database that is not the one that was compared: what lies beside it belongs to another
/// content.
fn check_database(to: BorrowedFd<'_>, name: &[u8], old: Option<Content>) -> sys::Result<()> {
    let file = match StoreFile::open(to, name, OFlags::empty()) {
        Err(Errno::NOENT) => None,
        file => Some(file?),
    };
    let is_same = match (file, old) {
        (None, None) => true,
        (Some(file), Some(old)) => {
            file.set_care(Care::IfOpen);
            let which = Content::which(&file, &[old]);
            which.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))? == Some(0)
        }
        _ => false,
    };
    if is_same { Ok(()) } else { Err(Errno::EXIST) }
}

/// Puts a staged file where nothing is. Where that takes two steps, it can be in both places when
/// this is interrupted; so it is moved aside before: one that is still where it was staged was
/// never put anywhere, whatever the file system says of the other.
fn add(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    name: &[u8],
    staging: &OwnedFd,
    number: u64,
) -> sys::Result<()> {
    if sys::rename_in_one_step(from, name, to, name)? {
        return Ok(());
    }
    // Known already, nothing has to be moved back.
    if look(to, name)?.is_some() {
        return Err(Errno::EXIST);
    }
    let moving = moving_name(number);
    fs::renameat(from, name, staging, &moving)?;
    match sys::rename_no_replace(staging.as_fd(), moving.as_bytes(), to, name) {
        // It is somebody else's, and stays.
        Err(Errno::EXIST) => {
            fs::renameat(staging, &moving, from, name)?;
            Err(Errno::EXIST)
        }
        moved => moved,
    }
}

/// Puts a staged file in the place of a license, which is kept.
fn replace(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    name: &[u8],
    staging: &OwnedFd,
    number: u64,
) -> sys::Result<()> {
    let kept = kept_name(number);
    let is_license = |stat: Option<fs::Stat>| stat.is_some_and(|stat| sys::is_regular(&stat));
    if sys::exchange(from, name, to, name)? {
        if is_license(look(from, name)?) {
            return Ok(());
        }
        // Something else has taken the license's place since it was looked at.
        sys::exchange(from, name, to, name)?;
        return Err(Errno::EXIST);
    }
    fs::renameat(to, name, staging, &kept)?;
    if is_license(look(staging.as_fd(), kept.as_bytes())?) {
        return sys::rename_no_replace(from, name, to, name);
    }
    sys::rename_no_replace(staging.as_fd(), kept.as_bytes(), to, name)?;
    Err(Errno::EXIST)
}
