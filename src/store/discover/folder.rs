//! Folders that a search looks into, by descriptor and without following links.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::store::player;
use crate::sys::{self, Identity};

/// How many names a search looks at below one place: more than any player makes.
const MOST_LOOKS: usize = 1 << 17;

/// How many looks are left below a place.
#[derive(Clone)]
struct Looks(Rc<Cell<usize>>);

impl Looks {
    /// Takes a look; false if none is left.
    fn take(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left > 0
    }
}

/// A folder, which stays open. What cannot be read of it is passed over.
pub struct Folder {
    descriptor: OwnedFd,
    path: PathBuf,
    looks: Looks,
}

impl Folder {
    /// Opens a folder that the user, the table of places or a player's settings name. Such a path
    /// may lead through links: users move a player's data elsewhere with them.
    pub fn open(path: &Path) -> Option<Self> {
        let descriptor = sys::open_at(CWD, path, sys::PASSAGE, Mode::empty()).ok()?;
        Some(Folder {
            descriptor,
            path: path.to_owned(),
            looks: Looks(Rc::new(Cell::new(MOST_LOOKS))),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    pub fn identity(&self) -> Option<Identity> {
        let stat = sys::fstat(&self.descriptor).ok()?;
        Some(sys::identity(&stat))
    }

    /// The folder at this path below, which may have several components.
    pub fn folder(&self, path: impl AsRef<OsStr>) -> Option<Folder> {
        let path = path.as_ref();
        if !self.looks.take() {
            return None;
        }
        let flags = sys::PASSAGE | OFlags::NOFOLLOW;
        let descriptor = sys::open_beneath(self.descriptor(), path.as_bytes(), flags).ok()?;
        Some(Folder {
            descriptor,
            path: self.path.join(path),
            looks: self.looks.clone(),
        })
    }

    /// The folders in this one.
    pub fn folders(&self) -> impl Iterator<Item = Folder> {
        let names = self.names(FileType::Directory).into_iter();
        names.filter_map(|name| self.folder(name))
    }

    /// The names in this folder, in order: those of this type, and those of which the file system
    /// does not tell the type.
    pub fn names(&self, wanted: FileType) -> Vec<OsString> {
        let mut names = Vec::new();
        let Ok(listed) = sys::open_at(&self.descriptor, c".", sys::FOLDER, Mode::empty()) else {
            return names;
        };
        let mut buffer = [MaybeUninit::uninit(); 8 << 10];
        // What was listed before an error counts.
        let _ = sys::list_folder(listed.as_fd(), &mut buffer, |name, kind| {
            if !self.looks.take() {
                return Err(Errno::OVERFLOW);
            }
            if kind == wanted || kind == FileType::Unknown {
                names.push(OsStr::from_bytes(name).to_owned());
            }
            Ok(())
        });
        names.sort_unstable();
        names
    }

    /// The name of the folder.
    pub fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    /// The path of the regular file of this name, and what it is; None if there is none.
    pub fn file(&self, name: impl AsRef<OsStr>) -> Option<(PathBuf, Identity)> {
        let name = name.as_ref();
        if !self.looks.take() {
            return None;
        }
        let stat: Stat = sys::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let identity = sys::identity(&stat);
        sys::is_regular(&stat).then(|| (self.path.join(name), identity))
    }

    /// What the regular file of this name begins with.
    pub fn read(&self, name: impl AsRef<OsStr>, length: u64) -> Option<Vec<u8>> {
        let file = player::open_file(self.descriptor(), name.as_ref()).ok()?;
        let mut bytes = Vec::new();
        (&file).take(length).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}
