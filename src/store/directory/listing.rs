//! Walks a directory store, and makes the list of its licenses piece by piece.

use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::folder::Directory;
use crate::error::{Error, Result};
use crate::name::{self, Reserved};
use crate::operation::Control;
use crate::store::batch::{Batch, Builder, Entry};
use crate::store::folders::Cursor;
use crate::store::{List as StoreList, TRIES, sqlite};
use crate::sys::{self, Identity};

/// Folders of the walk that are kept open. One farther up is opened again by its path.
const OPEN_FOLDERS: usize = 16;

const LISTING_BUFFER: usize = 64 << 10;
/// Bytes that an entry takes there besides its name, at the most (getdents64(2)).
const ENTRY_OVERHEAD: usize = 32;

/// What a listing says an entry is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    License,
    Folder,
    Other,
}

/// A name in a folder that is being walked.
struct Listed {
    start: u32,
    length: u16,
    kind: Kind,
    /// Something in the folder is called as if it belonged to it.
    is_accompanied: bool,
}

impl Listed {
    /// Where in the level's names it is.
    fn range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + usize::from(self.length)
    }
}

/// The names in a folder, in the order of their bytes.
struct List {
    names: Vec<u8>,
    entries: Vec<Listed>,
}

impl List {
    fn each(&self) -> impl Iterator<Item = (&[u8], Kind)> {
        let entries = self.entries.iter();
        entries.map(|entry| (&self.names[entry.range()], entry.kind))
    }

    /// Marks what others are called as if they belonged to.
    fn accompany(&mut self) {
        let List { names, entries } = self;
        let found = |entry: &Listed| {
            let database = sqlite::database_of(&names[entry.range()])?;
            let index = entries.binary_search_by(|other| names[other.range()].cmp(database));
            index.ok()
        };
        let accompanied: Vec<_> = entries.iter().filter_map(found).collect();
        for index in accompanied {
            entries[index].is_accompanied = true;
        }
    }

    /// Whether the system gave all of it at one moment. From one call to the next, a file that
    /// is renamed may get a place that was passed already.
    fn is_of_one_call(&self) -> bool {
        self.names.len() + ENTRY_OVERHEAD * self.entries.len() < LISTING_BUFFER / 2
    }
}

/// A folder that is being walked.
struct Level {
    /// Open while the walk is not too far below it, and there are folders in it.
    folder: Option<OwnedFd>,
    identity: Identity,
    /// Bytes of [`Lister::path`] that are this folder's path, its slash included.
    path_length: usize,
    names: Vec<u8>,
    entries: std::vec::IntoIter<Listed>,
}

/// Walks a store depth first, each folder's entries in the order of their bytes.
pub struct Lister<'a> {
    store: Arc<Directory>,
    reserved: Option<Reserved>,
    /// Whether a folder that cannot be listed is an entry of the batch, not a failure.
    partial: bool,
    control: &'a Control,
    levels: Vec<Level>,
    /// Finds again what was closed.
    cursor: Cursor<Arc<Directory>>,
    path: Vec<u8>,
    buffer: Vec<MaybeUninit<u8>>,
    /// The batch that is being gathered, and what could not be entered: after an error the list
    /// goes on with it.
    batch: Builder,
    failed: Option<Listed>,
    /// Entries listed so far.
    listed: u64,
}

impl StoreList for Lister<'_> {
    fn listed(&self) -> u64 {
        self.listed
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        while !self.batch.is_full() {
            let Some(level) = self.levels.last_mut() else {
                break;
            };
            let listed = self.failed.take().or_else(|| level.entries.next());
            let Some(listed) = listed else {
                self.levels.pop();
                let parent = self.levels.last().map_or(0, |level| level.path_length);
                self.path.truncate(parent);
                continue;
            };
            let range = listed.range();
            let entry = match listed.kind {
                Kind::Folder => match self.enter(range.clone()) {
                    Ok(()) => continue,
                    Err(error) if self.partial && error.concerns_one_license() => {
                        Entry::Unlisted(Box::new(error))
                    }
                    Err(error) => {
                        self.failed = Some(listed);
                        return Err(error);
                    }
                },
                Kind::License => Entry::License,
                Kind::Other => Entry::Other,
            };
            let Some(level) = self.levels.last() else {
                break;
            };
            let folder = &self.path[..level.path_length];
            self.batch.push(folder, &level.names[range], entry);
            if listed.is_accompanied {
                self.batch.accompany();
            }
        }
        let batch = std::mem::take(&mut self.batch).finish();
        self.listed += batch.as_ref().map_or(0, |batch| batch.len() as u64);
        Ok(batch)
    }

    fn totals(&self) -> Option<(u64, u64)> {
        None
    }
}

impl<'a> Lister<'a> {
    pub fn new(
        store: Arc<Directory>,
        reserved: Option<Reserved>,
        partial: bool,
        control: &'a Control,
    ) -> Result<Self> {
        let mut lister = Lister {
            cursor: Cursor::new(store.clone()),
            store,
            reserved,
            partial,
            control,
            levels: Vec::new(),
            path: Vec::new(),
            buffer: vec![MaybeUninit::uninit(); LISTING_BUFFER],
            batch: Builder::default(),
            failed: None,
            listed: 0,
        };
        let root = sys::open_at(&lister.store.root, c".", sys::FOLDER, Mode::empty())
            .map_err(|errno| Error::system("open the license store", &lister.store.path, errno))?;
        let level = match &lister.store.only {
            None => lister.list(root)?,
            Some(only) => lister.list_only(only.as_bytes(), &root)?,
        };
        lister.levels.push(level);
        Ok(lister)
    }

    /// Goes down into the folder whose name is this range of the current level's names.
    fn enter(&mut self, name: Range<usize>) -> Result<()> {
        self.control.check()?;
        self.reopen_current()?;
        let Some(level) = self.levels.last() else {
            return Ok(());
        };
        let Some(parent) = &level.folder else {
            return Ok(());
        };
        let name = &level.names[name];
        let flags = sys::FOLDER | OFlags::NOFOLLOW;
        let opened = sys::open_at(parent, name, flags, Mode::empty());
        let path_length = self.path.len();
        self.path.extend_from_slice(name);
        self.path.push(b'/');
        let level = opened
            .map_err(|errno| self.lost("open the folder", errno))
            .and_then(|folder| self.list(folder));
        match level {
            Ok(level) => {
                self.levels.push(level);
                if let Some(far) = self.levels.len().checked_sub(OPEN_FOLDERS + 1) {
                    self.levels[far].folder = None;
                }
                Ok(())
            }
            Err(error) => {
                self.path.truncate(path_length);
                Err(error)
            }
        }
    }

    /// Opens the current level's folder again when the walk has been far below it.
    fn reopen_current(&mut self) -> Result<()> {
        let Some(level) = self.levels.last() else {
            return Ok(());
        };
        if level.folder.is_some() {
            return Ok(());
        }
        let path = &self.path[..level.path_length];
        let path = path.strip_suffix(b"/").unwrap_or(path);
        let folder = self
            .cursor
            .existing(path)
            .and_then(|folder| sys::open_at(folder, c".", sys::FOLDER, Mode::empty()))
            .map_err(|errno| self.lost("open the folder", errno))?;
        let stat = sys::fstat(&folder).map_err(|errno| self.lost("examine the folder", errno))?;
        if sys::identity(&stat) != level.identity {
            return Err(self.changed());
        }
        if let Some(level) = self.levels.last_mut() {
            level.folder = Some(folder);
        }
        Ok(())
    }

    fn folder_path(&self) -> PathBuf {
        self.store.display_path(&self.path)
    }

    fn changed(&self) -> Error {
        Error::Changed(self.folder_path())
    }

    /// A failure on the folder at the end of the path. One that was there a moment ago and
    /// is gone, or no folder any more, means that the store changes.
    fn lost(&self, action: &'static str, errno: Errno) -> Error {
        match errno {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => self.changed(),
            errno => Error::system(action, self.folder_path(), errno),
        }
    }

    /// Lists the folder at the end of the path, until it does not change meanwhile.
    fn list(&mut self, folder: OwnedFd) -> Result<Level> {
        let examine = |lister: &Self| {
            sys::fstat(&folder).map_err(|errno| lister.lost("examine the folder", errno))
        };
        let mut before = examine(self)?;
        let mut previous = None::<List>;
        for _ in 0..TRIES {
            let list = self.list_once(&folder, sys::identity(&before))?;
            let after = examine(self)?;
            // A folder that was removed lists as if it were empty.
            if after.st_nlink == 0 && sys::is_removed(folder.as_fd()) {
                break;
            }
            // Whoever writes to a database makes and removes a journal beside it, as often as
            // he writes. What else there is, is in both lists if it did not come or go.
            let same = |previous: &List| list.is_of_one_call() && previous.each().eq(list.each());
            if sys::unchanged(&before, &after) || previous.as_ref().is_some_and(same) {
                let List { names, entries } = list;
                let folders = entries.iter().any(|entry| entry.kind == Kind::Folder);
                return Ok(Level {
                    folder: folders.then_some(folder),
                    identity: sys::identity(&after),
                    path_length: self.path.len(),
                    names,
                    entries: entries.into_iter(),
                });
            }
            previous = Some(list);
            before = after;
            fs::seek(&folder, fs::SeekFrom::Start(0))
                .map_err(|errno| self.lost("list the folder", errno))?;
        }
        Err(self.changed())
    }

    /// The list of a store that is one file in the folder `root`.
    fn list_only(&self, only: &[u8], root: &OwnedFd) -> Result<Level> {
        let stat = sys::fstat(root).map_err(|errno| self.lost("examine the folder", errno))?;
        let identity = sys::identity(&stat);
        // The backup would take its place.
        if self
            .reserved
            .is_some_and(|reserved| reserved.has(identity, only))
        {
            return Err(Error::BackupExists(self.store.display_path(only)));
        }
        Ok(Level {
            folder: None,
            identity,
            path_length: 0,
            names: only.to_vec(),
            entries: vec![Listed {
                start: 0,
                length: only.len() as u16,
                kind: Kind::License,
                is_accompanied: true,
            }]
            .into_iter(),
        })
    }

    /// Takes out what belongs to a database in the same folder: it is part of its snapshot.
    fn drop_siblings(&self, folder: &OwnedFd, list: &mut List) -> Result<()> {
        list.accompany();
        let List { names, entries } = list;
        let is_sibling = |entry: &Listed| {
            sqlite::database_of(&names[entry.range()]).is_some_and(|database| {
                let found = entries.binary_search_by(|other| names[other.range()].cmp(database));
                // What is a database itself is a license, whatever it is called.
                found.is_ok()
                    && sqlite::is_database_at(folder.as_fd(), database)
                    && !sqlite::is_database_at(folder.as_fd(), &names[entry.range()])
            })
        };
        let siblings = entries.iter().enumerate();
        let siblings: Vec<_> = siblings
            .filter(|(_, entry)| entry.kind == Kind::License && is_sibling(entry))
            .map(|(index, _)| index)
            .collect();
        self.control.check()?;
        let (mut index, mut siblings) = (0, siblings.into_iter().peekable());
        entries.retain(|_| {
            index += 1;
            siblings.next_if_eq(&(index - 1)).is_none()
        });
        Ok(())
    }

    /// What is listed, without what belongs to databases.
    fn list_once(&mut self, folder: &OwnedFd, identity: Identity) -> Result<List> {
        let mut names = Vec::new();
        let mut entries = Vec::new();
        let reserved = self.reserved.filter(|reserved| reserved.folder == identity);
        // A restore that began after the store was opened may have its folder there.
        let holds_staging = self.levels.is_empty();
        let control = self.control;
        let listing = sys::list_folder(folder.as_fd(), &mut self.buffer, |name, kind| {
            if reserved.is_some_and(|reserved| reserved.has(identity, name))
                || (holds_staging && name::is_staging(name))
            {
                return Ok(());
            }
            if entries.len() % 1024 == 0 && control.check().is_err() {
                return Err(Errno::CANCELED);
            }
            let kind = match kind {
                FileType::Unknown => {
                    match sys::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                        Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                        // Gone already: the folder has changed, and is listed again.
                        Err(Errno::NOENT) => return Ok(()),
                        Err(errno) => return Err(errno),
                    }
                }
                kind => kind,
            };
            let start = names.len();
            // Folders can be large.
            names.try_reserve(name.len()).map_err(|_| Errno::NOMEM)?;
            entries.try_reserve(1).map_err(|_| Errno::NOMEM)?;
            names.extend_from_slice(name);
            entries.push(Listed {
                start: u32::try_from(start).map_err(|_| Errno::OVERFLOW)?,
                length: u16::try_from(name.len()).map_err(|_| Errno::NAMETOOLONG)?,
                kind: match kind {
                    FileType::RegularFile => Kind::License,
                    FileType::Directory => Kind::Folder,
                    _ => Kind::Other,
                },
                is_accompanied: false,
            });
            Ok(())
        });
        match listing {
            Ok(()) => {
                entries
                    .sort_unstable_by(|one, other| names[one.range()].cmp(&names[other.range()]));
                let mut list = List { names, entries };
                self.drop_siblings(folder, &mut list)?;
                Ok(list)
            }
            Err(errno) => {
                if errno == Errno::CANCELED {
                    control.check()?;
                }
                Err(self.lost("list the folder", errno))
            }
        }
    }
}
