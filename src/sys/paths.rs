//! Where paths lead, one component at a time: a link that belongs to neither root nor the caller is
//! not followed, wherever in a path it is. Whoever may write to a folder above a store could lead
//! the library anywhere with one.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{self, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{PASSAGE, Result, open_at};

/// Links that are followed on the way, as Linux does it.
const MOST_LINKS: u32 = 40;

/// Where a path leads: to a name in a folder that is open. There may be nothing of that name, and
/// it is no link.
pub struct Place {
    pub folder: OwnedFd,
    /// `.` for the root of everything.
    pub name: OsString,
    /// The path without links.
    pub real: PathBuf,
    /// Whether the path itself is a link, and not only folders above.
    pub is_linked: bool,
}

/// Finds where a path leads. ENOENT when the folder is missing that it would be in, and EACCES when
/// there is a link on the way that somebody else has made.
pub fn locate(path: &Path) -> Result<Place> {
    let mut way = Way::from(path)?;
    loop {
        let Some(next) = way.rest.pop_front() else {
            let name = OsString::from(".");
            return Ok(way.end(name));
        };
        if next == ".." {
            way.folder = open_at(&way.folder, c"..", PASSAGE, Mode::empty())?;
            way.real.pop();
            continue;
        }
        let is_last = way.rest.is_empty();
        if let Some(target) = read_trusted_link(way.folder.as_fd(), &next)? {
            way.is_linked |= is_last;
            way.follow(&target)?;
        } else if is_last {
            way.real.push(&next);
            return Ok(way.end(next));
        } else {
            let flags = PASSAGE | OFlags::NOFOLLOW;
            way.folder = open_at(&way.folder, &*next, flags, Mode::empty())?;
            way.real.push(next);
        }
    }
}

/// Opens what a path leads to, as [`locate`] does.
pub fn open_trusted(path: &Path, flags: OFlags) -> Result<OwnedFd> {
    let place = locate(path)?;
    open_at(
        &place.folder,
        &*place.name,
        flags | OFlags::NOFOLLOW,
        Mode::empty(),
    )
}

/// A path that is being followed.
struct Way {
    folder: OwnedFd,
    real: PathBuf,
    rest: VecDeque<OsString>,
    is_linked: bool,
    links: u32,
}

impl Way {
    fn from(path: &Path) -> Result<Self> {
        let mut way = Way {
            folder: open_at(CWD, c".", PASSAGE, Mode::empty())?,
            real: PathBuf::new(),
            rest: VecDeque::new(),
            is_linked: false,
            links: 0,
        };
        if path.is_relative() {
            let current = rustix::process::getcwd(Vec::new())?;
            way.real = OsString::from_vec(current.into_bytes()).into();
        }
        way.put_before(path)?;
        Ok(way)
    }

    /// Goes on with a path, then with what is left.
    fn put_before(&mut self, path: &Path) -> Result<()> {
        if path.as_os_str().is_empty() {
            return Err(Errno::NOENT);
        }
        if path.is_absolute() {
            self.folder = open_at(CWD, c"/", PASSAGE, Mode::empty())?;
            self.real = "/".into();
        }
        for component in path.components().rev() {
            match component {
                Component::Normal(name) => self.rest.push_front(name.to_owned()),
                Component::ParentDir => self.rest.push_front("..".into()),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
        Ok(())
    }

    fn follow(&mut self, target: &OsStr) -> Result<()> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Errno::LOOP);
        }
        self.put_before(Path::new(target))
    }

    fn end(self, name: OsString) -> Place {
        Place {
            folder: self.folder,
            name,
            real: self.real,
            is_linked: self.is_linked,
        }
    }
}

/// Where a link of root's or this user's leads; None for what is no link, or is not there.
fn read_trusted_link(folder: BorrowedFd<'_>, name: &OsStr) -> Result<Option<OsString>> {
    let is_link = |stat: &Stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
    #[cfg(linux_kernel)]
    {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let link = match open_at(folder, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            link => link?,
        };
        let stat = super::fstat(&link)?;
        if !is_link(&stat) {
            return Ok(None);
        }
        check(&stat)?;
        // The link that was looked at, whatever has that name by now.
        let target = super::readlinkat(link, c"")?;
        Ok(Some(OsString::from_vec(target.into_bytes())))
    }
    #[cfg(not(linux_kernel))]
    {
        let look = || match super::statat(folder, name, fs::AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            stat => stat.map(|stat| Some(stat).filter(is_link)),
        };
        let Some(before) = look()? else {
            return Ok(None);
        };
        check(&before)?;
        let target = super::readlinkat(folder, name)?;
        match look()? {
            Some(after) if super::identity(&after) == super::identity(&before) => {
                Ok(Some(OsString::from_vec(target.into_bytes())))
            }
            _ => Err(Errno::AGAIN),
        }
    }
}

fn check(link: &Stat) -> Result<()> {
    let trusted = [0, rustix::process::geteuid().as_raw()];
    if trusted.contains(&link.st_uid) {
        Ok(())
    } else {
        Err(Errno::ACCESS)
    }
}

/// Whether a folder with a link count of 0, which is open, has no name any more: there are file
/// systems that count no links.
pub fn is_removed(folder: BorrowedFd<'_>) -> bool {
    #[cfg(linux_kernel)]
    if let Ok(path) = fs::readlink(super::proc_path(folder), Vec::new()) {
        return path.as_bytes().ends_with(b" (deleted)") && fs::stat(path).is_err();
    }
    #[cfg(not(linux_kernel))]
    let _ = folder;
    true
}

/// The path of a folder that is open; `otherwise`, without links, where the system does not tell.
pub fn path_of(folder: BorrowedFd<'_>, otherwise: &Path) -> Result<PathBuf> {
    #[cfg(linux_kernel)]
    if let Ok(path) = fs::readlink(super::proc_path(folder), Vec::new()) {
        let path = PathBuf::from(OsString::from_vec(path.into_bytes()));
        // What it says of a folder that is not below this process's root, or is gone, is no path.
        let same = |stat: Stat| {
            super::fstat(folder).is_ok_and(|own| super::identity(&own) == super::identity(&stat))
        };
        if super::stat(&path).is_ok_and(same) {
            return Ok(path);
        }
    }
    #[cfg(not(linux_kernel))]
    let _ = folder;
    locate(otherwise).map(|place| place.real)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder of its own for a test, which goes with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Self {
            let path =
                std::env::temp_dir().join(format!("wmlb-paths-{:016x}", super::super::random()));
            std::fs::create_dir(&path).expect("a folder for a test");
            Scratch(path.canonicalize().expect("its path"))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn paths_lead_where_the_system_says() {
        let scratch = Scratch::new();
        let root = &scratch.0;
        std::fs::create_dir_all(root.join("a/b")).expect("folders");
        for (name, target) in [
            ("up", "a/b/.."),
            ("absolute", root.join("a").to_str().unwrap_or_default()),
            ("a/chain", "../up/b"),
            ("nowhere", "a/missing"),
        ] {
            symlink(target, root.join(name)).expect("a link");
        }
        for (path, leads, is_linked) in [
            ("a/b", "a/b", false),
            ("a/./b/", "a/b", false),
            ("a/b/../b", "a/b", false),
            ("up/b", "a/b", false),
            ("absolute/chain", "a/b", true),
            ("nowhere", "a/missing", true),
            ("a/missing", "a/missing", false),
        ] {
            let place = locate(&root.join(path)).expect(path);
            assert_eq!(place.real, root.join(leads), "{path}");
            assert_eq!(place.is_linked, is_linked, "{path}");
        }
        assert_eq!(locate(&root.join("x/y")).err(), Some(Errno::NOENT));
        assert_eq!(locate(Path::new("/")).expect("the root").name, ".");
        let a = open_trusted(&root.join("up"), super::super::FOLDER).expect("a folder");
        assert_eq!(path_of(a.as_fd(), root).expect("its path"), root.join("a"));
    }

    #[test]
    fn links_that_go_round_in_a_circle_end() {
        let scratch = Scratch::new();
        symlink("one", scratch.0.join("other")).expect("a link");
        symlink("other", scratch.0.join("one")).expect("a link");
        assert_eq!(locate(&scratch.0.join("one")).err(), Some(Errno::LOOP));
    }
}
