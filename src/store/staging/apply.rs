//! Moves staged licences into a store as a journal says, or takes all of it back.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Mode, Stat};
use rustix::io::Errno;

use super::journal::{Fingerprint, JournalReader, Record, Step};
use super::{NEW, sidecars};
use crate::error::{Error, Result};
use crate::name::split as split_name;
use crate::operation::Control;
use crate::store::folders::{Cursor, look};
use crate::store::{player, sqlite};
use crate::sys::{self, StoreFile};

fn display_path(store: &Path, record: &Record) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    store.join(std::ffi::OsStr::from_bytes(&record.name))
}

/// Where the n-th record's replaced file is kept, where files cannot be exchanged.
pub(super) fn kept_name(number: u64) -> String {
    format!("old-{number}")
}

fn records(
    journal: File,
    path: &Path,
    mut each: impl FnMut(u64, Record) -> Result<()>,
) -> Result<()> {
    let mut records = JournalReader::new(journal);
    let mut number = 0;
    while let Some(record) = records
        .next()
        .map_err(|error| Error::io("read the journal of", path, error))?
    {
        each(number, record)?;
        number += 1;
    }
    Ok(())
}

/// Puts every staged file in its place.
pub fn apply(
    journal: File,
    staging: &OwnedFd,
    new: BorrowedFd<'_>,
    store: &OwnedFd,
    path: &Path,
    control: &Control,
) -> Result<()> {
    let mut from = Cursor::new(new);
    let mut to = Cursor::new(store.as_fd());
    // That of the database whose siblings were set aside, until it is replaced.
    let mut lock = None;
    records(journal, path, |number, record| {
        control.check()?;
        let (folder, name) = split_name(&record.name);
        let moved = to.existing(folder).and_then(|to| match record.step {
            Step::MakeFolder => make_folder(to, name),
            Step::SetAside => {
                lock = sqlite::lock(to, name)?;
                sidecars::set_aside(to, name, staging, number)
            }
            Step::Add => sys::rename_no_replace(from.existing(folder)?, name, to, name),
            Step::Replace => replace(from.existing(folder)?, to, name, staging, number),
        });
        if record.step != Step::SetAside {
            lock = None;
        }
        match moved {
            Ok(()) => Ok(()),
            Err(Errno::AGAIN) if record.step == Step::SetAside => {
                Err(Error::DatabaseInUse(display_path(path, &record)))
            }
            // What was there is gone, what was not is there, or a link was put in the way.
            Err(Errno::EXIST | Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => {
                Err(Error::Disturbed(display_path(path, &record)))
            }
            Err(errno) => {
                let path = display_path(path, &record);
                Err(Error::system("put in place", path, errno))
            }
        }
    })
}

/// Makes a folder; several workers may have noted the same one.
fn make_folder(above: BorrowedFd<'_>, name: &[u8]) -> std::result::Result<(), Errno> {
    match fs::mkdirat(above, name, Mode::RWXU) {
        Ok(()) => sys::set_folder_mode(above, name),
        Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Puts a staged file in the place of a licence, which is kept.
fn replace(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    name: &[u8],
    staging: &OwnedFd,
    number: u64,
) -> std::result::Result<(), Errno> {
    let kept = kept_name(number);
    let exchanged = match sys::exchange(from, name, to, name) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            fs::renameat(to, name, staging, &kept)?;
            false
        }
        result => result.map(|()| true)?,
    };
    let kept_at = match exchanged {
        true => look(from, name)?,
        false => look(staging.as_fd(), kept.as_bytes())?,
    };
    // Something else has taken the licence's place since it was looked at.
    if !kept_at.is_some_and(|stat| sys::is_regular(&stat)) {
        match exchanged {
            true => sys::exchange(from, name, to, name)?,
            false => sys::rename_no_replace(staging.as_fd(), kept.as_bytes(), to, name)?,
        }
        return Err(Errno::EXIST);
    }
    match exchanged {
        true => Ok(()),
        false => fs::renameat(from, name, to, name),
    }
}

/// Takes back what [`apply`] did, as far as it came. `real_path` is the store's, without
/// links.
pub fn undo(
    journal: File,
    staging: &OwnedFd,
    store: &OwnedFd,
    path: &Path,
    real_path: &Path,
) -> Result<()> {
    let mut from = Cursor::new(staging.as_fd());
    let mut to = Cursor::new(store.as_fd());
    let mut folders = Vec::new();
    let mut aside = None;
    // One failure does not keep the rest from being put back.
    let mut worst = None;
    records(journal, path, |number, record| {
        let (folder, _) = split_name(&record.name);
        match record.step {
            Step::MakeFolder => {
                folders.push(record.name);
                return Ok(());
            }
            Step::SetAside => {
                aside = Some(number);
                return Ok(());
            }
            Step::Add | Step::Replace => {}
        }
        let failed = |errno| Error::system("put back", display_path(path, &record), errno);
        let undone = match to.existing(folder) {
            // The folder was not made yet, or is none any more.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(errno) => Err(failed(errno)),
            Ok(to) => {
                let mut undo = Undo {
                    from: &mut from,
                    to,
                    record: &record,
                    staging,
                    number,
                };
                match aside.take() {
                    None => undo.file().map_err(failed),
                    Some(aside) => {
                        let lock = match undo.is_moved(aside) {
                            // Nobody is to use it meanwhile, or goes on to use what is taken away.
                            Ok(true) => undo.lock_database(path, real_path),
                            Ok(false) => Ok(None),
                            Err(errno) => Err(failed(errno)),
                        };
                        lock.and_then(|_lock| undo.database(aside).map_err(failed))
                    }
                }
            }
        };
        if let Err(error) = undone {
            worst.get_or_insert(error);
        }
        Ok(())
    })?;
    drop(to);
    for folder in folders.iter().rev() {
        let (above, name) = split_name(folder);
        let removed = Cursor::new(store.as_fd())
            .existing(above)
            .and_then(|above| fs::unlinkat(above, name, AtFlags::REMOVEDIR));
        match removed {
            // Not made yet, or somebody else keeps something in it or in its place by now.
            Ok(())
            | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::LOOP) => {}
            Err(errno) => {
                worst.get_or_insert(Error::system("put back", path, errno));
            }
        }
    }
    match worst {
        Some(error) => Err(error),
        None => sys::synchronize_file_system(store.as_fd())
            .map_err(|errno| Error::system("write to the disk", path, errno)),
    }
}

/// Takes back what was done with one record's licence.
struct Undo<'a, 's> {
    /// The staging folder's folders.
    from: &'a mut Cursor<'s>,
    /// The licence's folder in the store.
    to: BorrowedFd<'a>,
    record: &'a Record,
    staging: &'a OwnedFd,
    /// Which record it is.
    number: u64,
}

impl Undo<'_, '_> {
    fn name(&self) -> &[u8] {
        split_name(&self.record.name).1
    }

    /// Whether a file is the one that was restored, unchanged since.
    fn is_new(&self, stat: &Stat) -> bool {
        Fingerprint::of(stat) == self.record.fingerprint
    }

    /// What is in the licence's place.
    fn there(&self) -> std::result::Result<Option<Stat>, Errno> {
        look(self.to, self.name())
    }

    /// Whether the file that was replaced was moved away on its own.
    fn is_kept(&self) -> std::result::Result<bool, Errno> {
        Ok(look(self.staging.as_fd(), kept_name(self.number).as_bytes())?.is_some())
    }

    /// Where the licence was staged.
    fn staged(&mut self) -> std::result::Result<BorrowedFd<'_>, Errno> {
        let (folder, _) = split_name(&self.record.name);
        self.from.existing(&new_folder(folder))
    }

    fn file(&mut self) -> std::result::Result<(), Errno> {
        match self.record.step {
            Step::Add => self.add(),
            _ => self.replace(),
        }
    }

    fn add(&self) -> std::result::Result<(), Errno> {
        match self.there()? {
            Some(stat) if self.is_new(&stat) => {
                fs::unlinkat(self.to, self.name(), AtFlags::empty())
            }
            // Not moved there yet, or written to by somebody since: then it stays.
            _ => Ok(()),
        }
    }

    fn replace(&mut self) -> std::result::Result<(), Errno> {
        let there = self.there()?;
        let ours = there.as_ref().is_none_or(|stat| self.is_new(stat));
        if self.is_kept()? {
            return match ours {
                true => fs::renameat(self.staging, kept_name(self.number), self.to, self.name()),
                // Somebody has written another one since: that stays.
                false => Ok(()),
            };
        }
        if there.is_none() || !ours {
            return Ok(());
        }
        // The one that was replaced is where the new one was.
        let (to, record) = (self.to, self.record);
        let (_, name) = split_name(&record.name);
        fs::renameat(self.staged()?, name, to, name)
    }

    /// Whether there is anything to take back of what was done to a database.
    fn is_moved(&mut self, aside: u64) -> std::result::Result<bool, Errno> {
        let kept = sidecars::are_kept(self.to, self.name(), self.staging, aside)?;
        if kept || self.is_kept()? {
            return Ok(true);
        }
        if !self.there()?.is_some_and(|stat| self.is_new(&stat)) {
            return Ok(false);
        }
        let (_, name) = split_name(&self.record.name);
        let staged = look(self.staged()?, name)?;
        Ok(!staged.is_some_and(|stat| self.is_new(&stat)))
    }

    /// Keeps everybody else from a database that is about to be put back.
    fn lock_database(&self, path: &Path, real_path: &Path) -> Result<Option<StoreFile>> {
        use std::os::unix::ffi::OsStrExt;
        let display_path = || display_path(path, self.record);
        let real = real_path.join(std::ffi::OsStr::from_bytes(&self.record.name));
        if player::is_running(&real) {
            return Err(Error::PlayerRuns(display_path()));
        }
        sqlite::lock(self.to, self.name()).map_err(|errno| match errno {
            Errno::AGAIN => Error::DatabaseInUse(display_path()),
            errno => Error::system("put back", display_path(), errno),
        })
    }

    fn database(&mut self, aside: u64) -> std::result::Result<(), Errno> {
        // A log that somebody has written since belongs to the new one: both stay.
        let is_new = self.there()?.is_some_and(|stat| self.is_new(&stat));
        if is_new && sidecars::have_content(self.to, self.name())? {
            return Ok(());
        }
        self.file()?;
        sidecars::put_back(self.to, self.name(), self.staging, aside)
    }
}

/// Where a licence of this folder was staged.
fn new_folder(folder: &[u8]) -> Vec<u8> {
    match folder {
        b"" => NEW.as_bytes().to_vec(),
        folder => [NEW.as_bytes(), b"/", folder].concat(),
    }
}
