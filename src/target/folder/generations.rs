//! The generations of a backup in its folder: backups that others have replaced.
//!
//! The backup that is about to be replaced gets its second name before the new one takes the first,
//! so that it always has one; only when that is safe on the disk are other generations removed.

use std::cmp::Reverse;
use std::fs::File;
use std::io::Seek;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{self, AtFlags, FlockOperation, Mode, Stat, Uid};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::backup_folder::Folder;
use super::generation::{FILE_NAME, Generation, MOST};
use crate::error::{At, Error, Result};
use crate::keep::{self, Rule};
use crate::sys::{self, reads_equal};
use crate::target::{Keeping, Source};

/// The generations in a folder.
pub struct Generations {
    folder: OwnedFd,
    path: PathBuf,
    /// The newest first.
    pub kept: Vec<Generation>,
    pub has_current: bool,
}

impl Generations {
    /// Those in the folder at `path`, or in that of the file there.
    pub fn at(path: &Path) -> Result<Self> {
        let (path, folder) = match sys::open_trusted(path, sys::FOLDER) {
            Err(Errno::NOTDIR) => {
                let above = path.parent().unwrap_or(Path::new("/"));
                (above, sys::open_trusted(above, sys::FOLDER))
            }
            folder => (path, folder),
        };
        Self::in_folder(folder.at("open the folder", path)?, path)
    }

    /// A name that is given to the last backup before it is replaced is no other generation.
    fn in_folder(folder: OwnedFd, path: &Path) -> Result<Self> {
        let mut kept = named(&folder).at("list", path)?;
        kept.sort_unstable_by_key(|&generation| Reverse(order(generation)));
        let current = open(folder.as_fd(), Generation::Current).at("open", path)?;
        let owners = Owners::in_folder(&folder).at("examine", path)?;
        kept.retain(|&generation| {
            let look = sys::statat(&folder, generation.name(), AtFlags::SYMLINK_NOFOLLOW);
            let Ok(stat) = look else {
                return false;
            };
            let is_current = || {
                current.as_ref().is_some_and(|(file, other)| {
                    is_same(folder.as_fd(), generation, &stat, file, other)
                })
            };
            sys::is_regular(&stat) && owners.count(&stat) && !is_current()
        });
        Ok(Generations {
            folder,
            path: path.to_owned(),
            kept,
            has_current: current.is_some(),
        })
    }

    pub fn path_of(&self, generation: Generation) -> PathBuf {
        self.path.join(generation.name())
    }

    /// Opens one; None where there is none any more.
    pub fn open(&self, generation: Generation) -> Result<Option<(Source, Stat)>> {
        let path = || self.path_of(generation);
        let opened = open(self.folder.as_fd(), generation).at("open", path)?;
        Ok(opened.map(|(file, stat)| {
            let source = Source {
                bytes: Box::new(file),
                path: path(),
                file: None,
            };
            (source, stat)
        }))
    }

    pub fn remove(&self, generation: Generation) -> Result<()> {
        let removed = sys::remove_file(&self.folder, &*generation.name());
        match removed {
            Err(Errno::NOENT) => Ok(()),
            removed => removed.at("remove", || self.path_of(generation)),
        }
    }

    /// In the order of their times, the newest first, and why each stays. `current` is when the
    /// last one was made.
    pub fn judge(&self, current: i64, rule: Option<Rule>) -> Vec<(Generation, u32)> {
        let time = |generation: &Generation| match *generation {
            Generation::Current => current,
            Generation::Kept { time, .. } => time,
        };
        let mut list = self.kept.clone();
        let mut at = None;
        if self.has_current {
            let now = time(&Generation::Current);
            let place = list.partition_point(|other| time(other) > now);
            list.insert(place, Generation::Current);
            at = Some(place);
        }
        let times: Vec<i64> = list.iter().map(time).collect();
        let kept = keep::kept_by(rule, &times, at);
        list.into_iter().zip(kept).collect()
    }
}

fn order(generation: Generation) -> (i64, u32) {
    match generation {
        Generation::Current => (i64::MAX, u32::MAX),
        Generation::Kept { time, number } => (time, number),
    }
}

/// Opens a generation to read it; None where there is none, or what has its name is no file.
fn open(folder: BorrowedFd<'_>, generation: Generation) -> sys::Result<Option<(File, Stat)>> {
    let flags = sys::UNTRUSTED_FILE;
    let file = match sys::open_at(folder, &*generation.name(), flags, Mode::empty()) {
        Err(Errno::NOENT | Errno::LOOP | Errno::MLINK) => return Ok(None),
        file => file?,
    };
    let stat = sys::fstat(&file)?;
    Ok(sys::is_regular(&stat).then(|| (file.into(), stat)))
}

/// Whether a generation is the same backup as an open file.
fn is_same(
    folder: BorrowedFd<'_>,
    generation: Generation,
    stat: &Stat,
    mut file: &File,
    other: &Stat,
) -> bool {
    if stat.st_size != other.st_size {
        return false;
    }
    if sys::identity(stat) == sys::identity(other) {
        return true;
    }
    // A copy, where a file cannot have two names. When it was made stands in its beginning, so that
    // others are told soon.
    let Ok(Some((copy, _))) = open(folder, generation) else {
        return false;
    };
    file.rewind().is_ok() && reads_equal(copy, file, other.st_size as u64).unwrap_or(false)
}

/// The generations whose names are in a folder, whatever has them.
fn named(folder: &OwnedFd) -> sys::Result<Vec<Generation>> {
    let mut found = Vec::new();
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
    // A descriptor of its own: the position in the folder belongs to it.
    let listed = sys::open_at(folder, c".", sys::FOLDER, Mode::empty())?;
    sys::list_folder(listed.as_fd(), &mut buffer, |name, _| {
        found.extend(Generation::of(name));
        Ok(())
    })?;
    Ok(found)
}

/// Whose files count as generations. In a folder where everybody may make files and remove only
/// their own, those of others must not take the places of ours in a rule.
enum Owners {
    All,
    These(Uid, Uid),
}

impl Owners {
    fn in_folder(folder: &OwnedFd) -> sys::Result<Self> {
        let stat = sys::fstat(folder)?;
        let is_sticky = Mode::from_raw_mode(stat.st_mode).contains(Mode::SVTX);
        Ok(if is_sticky {
            Owners::These(geteuid(), Uid::from_raw(stat.st_uid))
        } else {
            Owners::All
        })
    }

    fn count(&self, stat: &Stat) -> bool {
        let owner = Uid::from_raw(stat.st_uid);
        match self {
            Owners::All => true,
            Owners::These(caller, of_folder) => owner == *caller || owner == *of_folder,
        }
    }
}

/// The backup that is there. Backups that keep generations replace it one after the other.
pub struct Held {
    file: File,
    pub stat: Stat,
}

impl Drop for Held {
    fn drop(&mut self) {
        // A process that the host has forked meanwhile has the same lock, and may live long.
        let _ = fs::flock(&self.file, FlockOperation::Unlock);
    }
}

impl Folder {
    /// Holds the backup that is there; None where there is none.
    pub fn hold_target(&self, keeping: &Keeping) -> Result<Option<Held>> {
        const TRIES: u32 = 500;
        const PAUSE: Duration = Duration::from_millis(10);
        for _ in 0..TRIES {
            let Some((file, stat)) = self.open_target()? else {
                return Ok(None);
            };
            // Where there are no locks, the look before the commit has to do.
            if fs::flock(&file, FlockOperation::NonBlockingLockExclusive) != Err(Errno::WOULDBLOCK)
            {
                let held = Held { file, stat };
                // It may have been replaced before it was locked.
                if self.is_there(&held)? {
                    return Ok(Some(held));
                }
            }
            keeping.control.check()?;
            std::thread::sleep(PAUSE);
        }
        Err(Error::BackupInUse(self.target()))
    }

    /// Whether the backup that is there is the one that is held. Sizes and times do not tell: they
    /// may be those of another one that was made in the same moment.
    fn is_there(&self, held: &Held) -> Result<bool> {
        let same = |stat: &Stat| {
            let folder = self.folder.as_fd();
            is_same(folder, Generation::Current, stat, &held.file, &held.stat)
        };
        Ok(self.look()?.is_some_and(|now| same(&now)))
    }

    /// Gives the backup that is there a second name, or a copy, which is safe on the disk then.
    pub fn keep_target(self: &Arc<Self>, held: &Held, time: i64) -> Result<()> {
        let mut same_second = named(&self.folder).at("list", self.path())?;
        same_second.retain(|generation| order(*generation).0 == time);
        // A backup that was killed may have kept it already.
        if same_second.iter().any(|&other| self.is_kept(other, held)) {
            return self.synchronize();
        }
        // Of one second, that with the highest number is the newest.
        let highest = same_second.iter().map(|&other| order(other).1).max();
        let mut copy = None;
        for number in highest.unwrap_or(0) + 1..=MOST {
            let generation = Generation::Kept { time, number };
            let kept = match &mut copy {
                None => self.link_target(held, generation),
                Some(copy) => self.place_copy(copy, &generation.name()),
            };
            let kept = match kept {
                // Whatever the reason is, it is one against a second name.
                Err(errno) if errno != Errno::EXIST && copy.is_none() => {
                    let made = copy.insert(self.copy_of(&held.file)?);
                    self.place_copy(made, &generation.name())
                }
                kept => kept,
            };
            match kept {
                Ok(()) => return self.synchronize(),
                // It has appeared after the look.
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno).at("keep", self.target()),
            }
        }
        Err(Errno::EXIST).at("keep", self.target())
    }

    fn is_kept(&self, generation: Generation, held: &Held) -> bool {
        let folder = self.folder.as_fd();
        let stat = sys::statat(folder, generation.name(), AtFlags::SYMLINK_NOFOLLOW);
        let same = |stat: &Stat| is_same(folder, generation, stat, &held.file, &held.stat);
        stat.is_ok_and(|stat| sys::is_regular(&stat) && same(&stat))
    }

    fn link_target(&self, held: &Held, generation: Generation) -> sys::Result<()> {
        let folder = self.folder.as_fd();
        let name = generation.name();
        match sys::name_unnamed(held.file.as_fd(), folder, &name) {
            Err(errno) if errno != Errno::EXIST => {}
            named => return named,
        }
        // There may be no /proc. What has the name of the backup by now may be something else.
        fs::linkat(folder, FILE_NAME, folder, &*name, AtFlags::empty())?;
        if self.is_kept(generation, held) {
            return Ok(());
        }
        sys::remove_file(folder, &*name)?;
        Err(Errno::STALE)
    }

    /// Removes the generations that a rule does not want. What cannot be removed stays until the
    /// next time: the backup has succeeded.
    pub fn forget(&self, keeping: &Keeping) {
        let listed = sys::open_at(&self.folder, c".", sys::FOLDER, Mode::empty())
            .at("open the folder", self.path())
            .and_then(|folder| Generations::in_folder(folder, self.path()));
        let Ok(generations) = listed else {
            return;
        };
        for (generation, kept) in generations.judge(keeping.created, Some(keeping.rule)) {
            if kept == 0 {
                let _ = generations.remove(generation);
            }
        }
    }
}
