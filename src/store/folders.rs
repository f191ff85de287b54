//! Folders below a folder that is open: found, made, emptied, without following a link; and where a
//! store's path leads.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::error::Error;
use crate::name::split;
use crate::sys::{self, StoreFile};

/// Names that are held in memory of each folder while it is emptied.
const NAMES_AT_ONCE: usize = 4096;

/// Removes all that is in a folder, however deep. Each folder is listed anew until there is
/// nothing in it: many file systems list one as it was when it was opened.
pub fn empty_folder(folder: BorrowedFd<'_>) -> sys::Result<()> {
    let device = sys::fstat(folder)?.st_dev;
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
    let mut cursor = Cursor::new(folder);
    // The folders down to the one that is being emptied; of each the ones in it that have
    // something in them.
    let mut path = Vec::new();
    let mut levels = vec![Vec::<Vec<u8>>::new()];
    while let Some(below) = levels.last_mut() {
        if let Some(name) = below.pop() {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            levels.push(Vec::new());
            continue;
        }
        let open = match cursor.existing(&path) {
            Err(Errno::NOENT) if !path.is_empty() => None,
            open => Some(open?),
        };
        if let Some(open) = open {
            // Nothing of ours is on another file system.
            if sys::fstat(open)?.st_dev != device {
                return Err(Errno::XDEV);
            }
            if remove_names(open, &mut buffer, below)? {
                continue;
            }
        }
        levels.pop();
        if levels.is_empty() {
            break;
        }
        let (above, name) = split(&path);
        match sys::remove_folder(cursor.existing(above)?, name) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
        path.truncate(above.len());
    }
    Ok(())
}

/// Waits until the disk has each folder of a tree, and each file in them where `files` says so.
pub fn synchronize_tree(folder: BorrowedFd<'_>, files: bool) -> sys::Result<()> {
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
    let mut cursor = Cursor::new(folder);
    let mut paths = vec![Vec::<u8>::new()];
    while let Some(path) = paths.pop() {
        let open = cursor.existing(&path)?;
        let listed = sys::open_at(open, c".", sys::FOLDER, Mode::empty())?;
        let mut below = Vec::new();
        sys::list_folder(listed.as_fd(), &mut buffer, |name, kind| {
            let kind = match kind {
                FileType::Unknown => look(open, name)?.map_or(FileType::Unknown, |stat| {
                    FileType::from_raw_mode(stat.st_mode)
                }),
                kind => kind,
            };
            if kind == FileType::Directory {
                let slash = if path.is_empty() { &b""[..] } else { b"/" };
                below.push([&path, slash, name].concat());
            } else if files {
                sys::synchronize_file(StoreFile::open(open, name, OFlags::empty())?)?;
            }
            Ok(())
        })?;
        sys::synchronize_folder(listed)?;
        paths.append(&mut below);
    }
    Ok(())
}

/// Removes what can be removed at once of what is in a folder, and notes the folders in it that
/// cannot. False when there was nothing: names may be listed of what is gone already.
fn remove_names(
    folder: BorrowedFd<'_>,
    buffer: &mut [std::mem::MaybeUninit<u8>],
    below: &mut Vec<Vec<u8>>,
) -> sys::Result<bool> {
    let listed = sys::open_at(folder, c".", sys::FOLDER, Mode::empty())?;
    let mut names = Vec::new();
    let listing = sys::list_folder(listed.as_fd(), buffer, |name, kind| {
        names.push((name.to_vec(), kind));
        // A piece of the list is enough: it is asked for until it is empty.
        if names.len() == NAMES_AT_ONCE {
            Err(Errno::CANCELED)
        } else {
            Ok(())
        }
    });
    let failed = listing.err().filter(|errno| *errno != Errno::CANCELED);
    let mut any = false;
    for (name, kind) in names {
        let as_file = if kind == FileType::Directory {
            Err(Errno::ISDIR)
        } else {
            sys::remove_file(folder, &name)
        };
        let removed = match as_file {
            Err(Errno::ISDIR | Errno::PERM) => fs::unlinkat(folder, &name, AtFlags::REMOVEDIR),
            removed => removed,
        };
        match removed {
            Ok(()) => any = true,
            Err(Errno::NOENT) => {}
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                any = true;
                below.push(name);
            }
            Err(errno) => return Err(errno),
        }
    }
    match failed {
        // There is less to list by now.
        Some(errno) if !any => Err(errno),
        _ => Ok(any),
    }
}

/// Whether there is nothing in a folder. Some file systems still list what is gone.
pub fn is_empty(folder: impl AsFd) -> sys::Result<bool> {
    let listed = sys::open_at(folder, c".", sys::FOLDER, Mode::empty())?;
    let mut empty = true;
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
    sys::list_folder(listed.as_fd(), &mut buffer, |name, _| {
        empty = empty && look(listed.as_fd(), name)?.is_none();
        Ok(())
    })?;
    Ok(empty)
}

/// The folder and the name, without links, of a file that need not be there. A link that leads
/// nowhere is no place for one.
pub fn locate_file(path: &Path) -> sys::Result<(PathBuf, OsString)> {
    let place = sys::locate(path)?;
    if place.is_linked && look(place.folder.as_fd(), place.name.as_bytes())?.is_none() {
        return Err(Errno::NOENT);
    }
    let name = place.real.file_name().ok_or(Errno::ISDIR)?.to_owned();
    Ok((place.real.parent().unwrap_or(&place.real).to_owned(), name))
}

/// Why a store cannot be opened. What is not there, or is no folder, is no store; other
/// failures are told as they are.
pub fn cannot_open(path: &Path, errno: Errno) -> Error {
    match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Error::Store {
            path: path.to_owned(),
            source: errno.into(),
        },
        errno => Error::system("open the license store", path, errno),
    }
}

/// A folder below a root, kept open while names in it follow each other; of one deep down some on
/// the way too, so that its neighbors are not looked for from the root.
pub struct Cursor<Root> {
    root: Root,
    path: Vec<u8>,
    /// How much of the path leads to each. Of a deep one those are open that are one, two, four,
    /// eight ... folders above it: whatever comes next is near to one of them.
    open: Vec<(usize, OwnedFd)>,
}

impl<Root: AsFd> Cursor<Root> {
    pub fn new(root: Root) -> Self {
        Cursor {
            root,
            path: Vec::new(),
            open: Vec::new(),
        }
    }

    /// The folder at `path`.
    pub fn existing(&mut self, path: &[u8]) -> sys::Result<BorrowedFd<'_>> {
        self.go_back(path);
        while self.reached() < path.len() {
            let end = next_stop(path, self.reached());
            let rest = &path[self.start_of_next()..end];
            let folder = sys::open_beneath(self.last(), rest, sys::FOLDER)?;
            self.go_to(&path[..end], folder);
        }
        self.thin_out();
        Ok(self.last())
    }

    /// Closes folders on the way, but for those that are one, two, four ... above the last.
    fn thin_out(&mut self) {
        const FEW: usize = 8;
        if self.open.len() <= FEW {
            return;
        }
        let last = depth(&self.path);
        let distance = |end: usize| last - depth(&self.path[..end]);
        let mut kept = usize::MAX;
        self.open.retain(|&(end, _)| {
            let step = distance(end)
                .checked_ilog2()
                .map_or(0, |log| log as usize + 1);
            let is_first = step != kept;
            kept = step;
            is_first
        });
    }

    /// The same; what is missing of it is made. `made` is called with the folder above and each one
    /// that was.
    pub fn make(
        &mut self,
        path: &[u8],
        mut made: impl FnMut(BorrowedFd<'_>, BorrowedFd<'_>) -> sys::Result<()>,
    ) -> sys::Result<BorrowedFd<'_>> {
        match self.existing(path) {
            Err(Errno::NOENT) => {}
            // The borrow of what is returned would last.
            found => {
                found?;
                return Ok(self.last());
            }
        }
        while self.reached() < path.len() {
            let end = next_stop(path, self.reached());
            let rest = &path[self.start_of_next()..end];
            let mut folder = None::<OwnedFd>;
            for name in rest.split(|&byte| byte == b'/') {
                let parent = folder.as_ref().map_or(self.last(), AsFd::as_fd);
                folder = Some(match sys::make_folder(parent, name) {
                    Err(Errno::EXIST) => sys::open_made(parent, name)?,
                    new => {
                        let new = new?;
                        made(parent, new.as_fd())?;
                        new
                    }
                });
            }
            let folder = folder.ok_or(Errno::NOENT)?;
            self.go_to(&path[..end], folder);
        }
        Ok(self.last())
    }

    /// How much of a path there is; what is missing may be longer than one folder.
    pub fn reach(&mut self, path: &[u8]) -> sys::Result<usize> {
        match self.existing(path) {
            Ok(_) => return Ok(path.len()),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
        let mut reached = self.reached();
        let mut folder = None::<OwnedFd>;
        while reached < path.len() {
            let start = if reached == 0 { 0 } else { reached + 1 };
            let end = end_of_component(path, start);
            let parent = folder.as_ref().map_or(self.last(), AsFd::as_fd);
            let flags = sys::FOLDER | OFlags::NOFOLLOW;
            match sys::open_at(parent, &path[start..end], flags, Mode::empty()) {
                Err(Errno::NOENT) => break,
                next => folder = Some(next?),
            }
            reached = end;
        }
        Ok(reached)
    }

    /// Lets go of what does not lead to a path.
    fn go_back(&mut self, path: &[u8]) {
        let common = self
            .path
            .iter()
            .zip(path)
            .take_while(|(one, other)| one == other);
        let common = common.count();
        let is_whole = |path: &[u8]| path.get(common).is_none_or(|&byte| byte == b'/');
        let leads_there =
            |end: usize| end < common || (end == common && is_whole(&self.path) && is_whole(path));
        while self.open.last().is_some_and(|&(end, _)| !leads_there(end)) {
            self.open.pop();
        }
        self.path.truncate(self.reached());
    }

    fn go_to(&mut self, path: &[u8], folder: OwnedFd) {
        self.path.clear();
        self.path.extend_from_slice(path);
        self.open.push((path.len(), folder));
    }

    fn reached(&self) -> usize {
        self.open.last().map_or(0, |&(end, _)| end)
    }

    fn start_of_next(&self) -> usize {
        match self.reached() {
            0 => 0,
            end => end + 1,
        }
    }

    fn last(&self) -> BorrowedFd<'_> {
        self.open
            .last()
            .map_or(self.root.as_fd(), |(_, folder)| folder.as_fd())
    }
}

fn end_of_component(path: &[u8], start: usize) -> usize {
    let rest = path[start..].iter().position(|&byte| byte == b'/');
    rest.map_or(path.len(), |length| start + length)
}

/// How many folders a path leads through.
fn depth(path: &[u8]) -> usize {
    if path.is_empty() {
        return 0;
    }
    1 + path.iter().filter(|&&byte| byte == b'/').count()
}

/// Where on the way the next folder is kept open, after one at `reached`: as many folders above the
/// last one as a power of two says.
fn next_stop(path: &[u8], reached: usize) -> usize {
    let start = if reached == 0 { 0 } else { reached + 1 };
    let left = depth(&path[start..]);
    if left <= 1 {
        return path.len();
    }
    let above = 1 << (left - 1).ilog2();
    let mut end = end_of_component(path, start);
    for _ in above + 1..left {
        end = end_of_component(path, end + 1);
    }
    end
}

/// What a folder has under a name; None when there is nothing.
pub fn look(folder: BorrowedFd<'_>, name: &[u8]) -> sys::Result<Option<fs::Stat>> {
    match sys::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("wmlb-folders-{:016x}", sys::random()));
            std::fs::create_dir(&path).expect("a folder for a test");
            Scratch(path)
        }

        fn open(&self) -> OwnedFd {
            sys::open_at(fs::CWD, &self.0, sys::FOLDER, Mode::empty()).expect("it is there")
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let folder = self.open();
            let _ = empty_folder(folder.as_fd());
            let _ = std::fs::remove_dir(&self.0);
        }
    }

    fn identity(folder: BorrowedFd<'_>) -> sys::Identity {
        sys::identity(&sys::fstat(folder).expect("it is open"))
    }

    #[test]
    fn a_cursor_finds_what_is_found_from_the_root() {
        let scratch = Scratch::new();
        let root = scratch.open();
        let deep = [&b"deep"[..]; 1500].join(&b'/');
        let paths = [
            &b"a/b/c"[..],
            b"a/b",
            b"a/bc",
            b"a",
            b"",
            b"a/b/c/d",
            &deep,
            &deep[..5000 / 5 * 5 - 1],
            &deep,
            b"ab",
        ];
        let mut cursor = Cursor::new(root.as_fd());
        for path in paths {
            cursor.make(path, |_, _| Ok(())).expect("made");
        }
        let mut cursor = Cursor::new(root.as_fd());
        for path in paths {
            let found = identity(cursor.existing(path).expect("found"));
            let expected = if path.is_empty() {
                identity(root.as_fd())
            } else {
                let folder = sys::open_beneath(root.as_fd(), path, sys::FOLDER).expect("there");
                identity(folder.as_fd())
            };
            assert!(
                found == expected,
                "{} bytes of {}",
                path.len(),
                path[..4.min(path.len())].escape_ascii()
            );
            assert!(cursor.open.len() < 16);
        }
        assert_eq!(cursor.existing(b"a/x/y").err(), Some(Errno::NOENT));
        for (path, reached) in [
            (&b"a/x/y"[..], 1),
            (b"x", 0),
            (b"a/b/c", 5),
            (b"a/b/c/e", 5),
        ] {
            assert_eq!(cursor.reach(path), Ok(reached), "{}", path.escape_ascii());
        }
        let longer = [&deep[..], b"/x/y"].concat();
        assert_eq!(cursor.reach(&longer), Ok(deep.len()));
    }

    #[test]
    fn a_cursor_follows_no_link() {
        let scratch = Scratch::new();
        let root = scratch.open();
        std::fs::create_dir(scratch.0.join("there")).expect("a folder");
        std::os::unix::fs::symlink("there", scratch.0.join("link")).expect("a link");
        let mut cursor = Cursor::new(root.as_fd());
        for path in [&b"link"[..], b"link/x"] {
            let refused = [Errno::LOOP, Errno::NOTDIR];
            assert!(
                cursor
                    .existing(path)
                    .is_err_and(|errno| refused.contains(&errno))
            );
            assert!(
                cursor
                    .make(path, |_, _| Ok(()))
                    .is_err_and(|errno| refused.contains(&errno))
            );
        }
        assert_eq!(cursor.existing(b"../x").err(), Some(Errno::XDEV));
    }

    #[test]
    fn folders_are_emptied_however_deep_and_wide() {
        let scratch = Scratch::new();
        let root = scratch.open();
        let mut cursor = Cursor::new(root.as_fd());
        for number in 0..500 {
            let path = format!("wide/{number}");
            let folder = cursor.make(path.as_bytes(), |_, _| Ok(())).expect("made");
            if number % 7 == 0 {
                let flags = OFlags::CREATE | OFlags::WRONLY;
                sys::open_at(folder, c"file", flags, Mode::RUSR).expect("a file");
            }
        }
        cursor
            .make(&[&b"d"[..]; 1200].join(&b'/'), |_, _| Ok(()))
            .expect("made");
        empty_folder(root.as_fd()).expect("emptied");
        assert_eq!(is_empty(&root), Ok(true));
    }
}
