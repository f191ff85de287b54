//! Takes back what was done to a store, as far as it was, by a journal.
//!
//! Each file is known by its content. What is in the store and is neither what was put there nor
//! what was there before was written by somebody since, and stays. Nothing that was in the store
//! before is deleted, unless what is in its place is proven to be the same.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{self, AtFlags, OFlags};
use rustix::io::Errno;

use super::apply::{Folders, Replay};
use super::content::Content;
use super::journal::{Record, Step, display_path, each_record};
use super::layout::{kept_name, new_folder};
use super::sidecars;
use crate::error::{At, Error, Result};
use crate::name::split as split_name;
use crate::store::folders::{Cursor, look};
use crate::store::{player, sqlite};
use crate::sys::{self, StoreFile};

/// How a store is after what was done to it was taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Somebody has written to the places of some licenses since: what was there before is kept in
    /// the staging folder. Without that, each is in its place again.
    pub is_some_kept: bool,
    /// There was no store before.
    pub was_store_made: bool,
}

impl Replay<'_> {
    /// Takes back what was done, as far as it was.
    pub fn undo(&self, journal: File) -> Result<Undone> {
        let mut undoing = Undoing {
            replay: self,
            staged: Cursor::new(self.staging.as_fd()),
            folders: Folders::new(self),
            made: Vec::new(),
            undone: Undone::default(),
        };
        // One failure does not keep the rest from being put back.
        let mut worst = None;
        each_record(journal, self.path, |number, record| {
            if let Err(error) = undoing.record(number, record) {
                worst.get_or_insert(error);
            }
            Ok(())
        })?;
        let Undoing {
            folders,
            made,
            undone,
            ..
        } = undoing;
        for record in made.iter().rev() {
            let removed = remove_made(self.store, &record.name, record.reached as usize);
            if let Err(errno) = removed {
                let path = display_path(self.path, record);
                worst.get_or_insert(Error::system("put back", path, errno));
            }
        }
        if let Some(error) = worst {
            return Err(error);
        }
        folders.finish()?;
        Ok(undone)
    }
}

struct Undoing<'a> {
    replay: &'a Replay<'a>,
    /// Folders of the staging folder.
    staged: Cursor<BorrowedFd<'a>>,
    folders: Folders<'a>,
    /// Folders that were made.
    made: Vec<Record>,
    undone: Undone,
}

impl Undoing<'_> {
    fn record(&mut self, number: u64, record: Record) -> Result<()> {
        match record.step {
            Step::MakeFolders => {
                self.made.push(record);
                return Ok(());
            }
            Step::MakeStore => {
                self.undone.was_store_made = true;
                return Ok(());
            }
            Step::Add | Step::Replace | Step::ReplaceDatabase => {}
        }
        let path = || display_path(self.replay.path, &record);
        let (folder, name) = split_name(&record.name);
        let mut license = License {
            replay: self.replay,
            staged: &mut self.staged,
            record: &record,
            number,
        };
        let in_place = match self.folders.open(folder) {
            // The folder was not made yet, or is none any more.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {
                license.keep().at("put back", path)?
            }
            to => license.put_right(to.at("put back", path)?, name)?,
        };
        self.undone.is_some_kept |= !in_place;
        Ok(())
    }
}

/// What a place has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// What the restore puts there.
    New,
    /// What was there.
    Old,
    Other,
}

/// One license that is put back.
struct License<'a, 's> {
    replay: &'a Replay<'a>,
    staged: &'a mut Cursor<BorrowedFd<'s>>,
    record: &'a Record,
    /// Which record it is.
    number: u64,
}

impl License<'_, '_> {
    /// Takes back what was done to it, in this folder of the store and under this name; false when
    /// what was there before is kept in the staging folder.
    fn put_right(&mut self, to: BorrowedFd<'_>, name: &[u8]) -> Result<bool> {
        let path = || display_path(self.replay.path, self.record);
        match self.record.step {
            Step::MakeStore | Step::MakeFolders => Ok(true),
            Step::Add => self.remove(to, name).at("put back", path),
            Step::Replace => self.put_back(to, name).at("put back", path),
            Step::ReplaceDatabase => self.put_back_database(to, name),
        }
    }

    /// What a folder has under a name.
    fn found(&self, folder: impl AsFd, name: &[u8]) -> sys::Result<Found> {
        found(self.record, folder, name)
    }

    /// Takes away what was added. While it is still staged it was not, and somebody else has made a
    /// file of the same content.
    fn remove(&mut self, to: BorrowedFd<'_>, name: &[u8]) -> sys::Result<bool> {
        if self.found(to, name)? == Found::New && self.was_moved()? {
            sys::remove_file(to, name)?;
        }
        Ok(true)
    }

    /// Whether it is not where it was staged any more: no move leaves it there, not for a moment.
    fn was_moved(&mut self) -> sys::Result<bool> {
        let (_, name) = split_name(&self.record.name);
        match self.staged() {
            Err(Errno::NOENT) => Ok(true),
            folder => Ok(look(folder?, name)?.is_none()),
        }
    }

    /// Puts back what was replaced.
    fn put_back(&mut self, to: BorrowedFd<'_>, name: &[u8]) -> sys::Result<bool> {
        let there = self.found(to, name)?;
        let kept = kept_name(self.number);
        let staging = self.replay.staging;
        let found = self.found(staging, kept.as_bytes())?;
        match (found, there) {
            (Found::Nothing, _) => self.put_back_exchanged(to, name, there),
            (_, Found::Nothing | Found::New) => {
                move_back(staging.as_fd(), kept.as_bytes(), to, name, there)?;
                Ok(true)
            }
            // By a rename that was in two steps.
            (Found::Old, Found::Old) => {
                sys::remove_file(staging, &kept)?;
                Ok(true)
            }
            (_, Found::Old | Found::Other) => Ok(false),
        }
    }

    /// The same where the two were exchanged: what was replaced is where the new one was.
    fn put_back_exchanged(
        &mut self,
        to: BorrowedFd<'_>,
        name: &[u8],
        there: Found,
    ) -> sys::Result<bool> {
        match (self.staged_is()?, there) {
            // It is in its place, or never was away.
            (_, Found::Old) | (Found::Nothing | Found::New, _) => Ok(true),
            (_, Found::New) | (Found::Old, Found::Nothing) => {
                move_back(self.staged()?, name, to, name, there)?;
                Ok(true)
            }
            (_, Found::Nothing | Found::Other) => self.keep_staged(),
        }
    }

    /// Keeps what was replaced, for which there is no place; true when there is nothing to keep.
    fn keep(&mut self) -> sys::Result<bool> {
        let staging = self.replay.staging;
        if matches!(
            self.record.step,
            Step::MakeStore | Step::MakeFolders | Step::Add
        ) {
            return Ok(true);
        }
        let is_kept = look(staging.as_fd(), kept_name(self.number).as_bytes())?.is_some();
        if is_kept || sidecars::are_kept(staging, self.number)? {
            return Ok(false);
        }
        match self.staged_is()? {
            Found::Nothing | Found::New => Ok(true),
            Found::Old | Found::Other => self.keep_staged(),
        }
    }

    /// What is staged is removed; this is not.
    fn keep_staged(&mut self) -> sys::Result<bool> {
        let (_, name) = split_name(&self.record.name);
        let staging = self.replay.staging;
        let kept = kept_name(self.number);
        fs::renameat(self.staged()?, name, staging, kept)?;
        Ok(false)
    }

    /// The folder that it was staged in.
    fn staged(&mut self) -> sys::Result<BorrowedFd<'_>> {
        let (folder, _) = split_name(&self.record.name);
        self.staged.existing(&new_folder(folder))
    }

    fn staged_is(&mut self) -> sys::Result<Found> {
        let (folder, name) = split_name(&self.record.name);
        match self.staged.existing(&new_folder(folder)) {
            Err(Errno::NOENT) => Ok(Found::Nothing),
            staged => found(self.record, staged?, name),
        }
    }

    /// Puts a database back, with what lay beside it.
    fn put_back_database(&mut self, to: BorrowedFd<'_>, name: &[u8]) -> Result<bool> {
        let path = || display_path(self.replay.path, self.record);
        let staging = self.replay.staging;
        let there = self.found(to, name).at("put back", path)?;
        let is_away = sidecars::are_kept(staging, self.number).at("put back", path)?;
        // Nobody is to use it meanwhile, or goes on to use what is taken away.
        let _lock = if is_away || there == Found::New {
            self.lock(to, name)?
        } else {
            None
        };
        // A log that somebody has written since belongs to the new one: both stay.
        if there == Found::New && sidecars::have_content(to, name).at("put back", path)? {
            return self.keep().at("put back", path);
        }
        let in_place = match self.record.old {
            Some(_) => self.put_back(to, name).at("put back", path)?,
            None => self.remove(to, name).at("put back", path)?,
        };
        if !is_away {
            return Ok(in_place);
        }
        let expected = match self.record.old {
            Some(_) => Found::Old,
            None => Found::Nothing,
        };
        // Beside any other content they would destroy it.
        if self.found(to, name).at("put back", path)? != expected {
            return Ok(false);
        }
        let back = sidecars::put_back(to, name, staging, self.number).at("put back", path)?;
        Ok(back && in_place)
    }

    /// Keeps everybody else from a database that is about to be put back.
    fn lock(&self, to: BorrowedFd<'_>, name: &[u8]) -> Result<Option<StoreFile>> {
        use std::os::unix::ffi::OsStrExt;
        let path = || display_path(self.replay.path, self.record);
        let real = std::ffi::OsStr::from_bytes(&self.record.name);
        if player::is_running(&self.replay.real_path.join(real)) {
            return Err(Error::PlayerRuns(path()));
        }
        match sqlite::lock(to, name) {
            Err(Errno::AGAIN) => Err(Error::DatabaseInUse(path())),
            lock => lock.at("put back", path),
        }
    }
}

/// What a folder has under a name.
pub fn found(record: &Record, folder: impl AsFd, name: &[u8]) -> sys::Result<Found> {
    let file = match StoreFile::open(&folder, name, OFlags::empty()) {
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        // A link, or a socket.
        Err(Errno::LOOP | Errno::NXIO) => return Ok(Found::Other),
        file => file?,
    };
    if !sys::is_regular(&sys::fstat(&file)?) {
        return Ok(Found::Other);
    }
    // Where both are the same, there is nothing to put back.
    let contents = [record.old.unwrap_or(record.new), record.new];
    let which = Content::which(&file, &contents);
    let which = which.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(match (which, record.old) {
        (Some(0), Some(_)) => Found::Old,
        (Some(_), _) => Found::New,
        (None, _) => Found::Other,
    })
}

/// Moves what was replaced to its place, where there is nothing or what the restore put there.
fn move_back(
    from: BorrowedFd<'_>,
    kept: &[u8],
    to: BorrowedFd<'_>,
    name: &[u8],
    there: Found,
) -> sys::Result<()> {
    if there == Found::New {
        match fs::renameat(from, kept, to, name) {
            // No rename over a file; or what was there is no file.
            Err(Errno::EXIST | Errno::NOTDIR | Errno::ISDIR) => {
                sys::remove_file(to, name)?;
            }
            moved => return moved,
        }
    }
    sys::rename_no_replace(from, kept, to, name)
}

/// Removes the folders of a path that were made, from the innermost to the first one after
/// `reached`. Folders on the way are opened by halves, so that a deep path takes neither many
/// descriptors nor time that grows with its square.
fn remove_made(root: BorrowedFd<'_>, path: &[u8], reached: usize) -> sys::Result<()> {
    let start = if reached == 0 { 0 } else { reached + 1 };
    let Some(made) = path.get(start..).filter(|made| !made.is_empty()) else {
        return Ok(());
    };
    let names: Vec<_> = made.split(|&byte| byte == b'/').collect();
    let mut cursor = Cursor::new(root);
    let above = match cursor.existing(&path[..reached]) {
        Err(errno) => return unless_changed(errno),
        above => above?,
    };
    match remove_chain(above, &names) {
        Err(errno) => unless_changed(errno),
        Ok(()) => Ok(()),
    }
}

fn remove_chain(root: BorrowedFd<'_>, names: &[&[u8]]) -> sys::Result<()> {
    let [.., last] = names else {
        return Ok(());
    };
    if names.len() == 1 {
        return fs::unlinkat(root, *last, AtFlags::REMOVEDIR);
    }
    let (upper, lower) = names.split_at(names.len() / 2);
    match sys::open_beneath(root, &upper.join(&b'/'), sys::FOLDER) {
        // These were not made yet.
        Err(Errno::NOENT) => {}
        middle => match remove_chain(middle?.as_fd(), lower) {
            Err(Errno::NOENT) => {}
            removed => removed?,
        },
    }
    remove_chain(root, upper)
}

/// Not made yet; or somebody else keeps something in it or in its place by now.
fn unless_changed(errno: Errno) -> sys::Result<()> {
    match errno {
        Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::LOOP => Ok(()),
        errno => Err(errno),
    }
}
