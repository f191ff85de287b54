//! How a backup file takes its name: whole and safe on the disk, or not at all.
//!
//! The archive is written to a temporary file in the backup folder, without a name where
//! the system has such files. Only when it is on the disk does it take the name, in one
//! step that either fails or puts the whole file in place of nothing or of the old one.
//! A temporary file with a name is locked as long as its writer lives, so that one left by
//! a killed writer is told from one in use.

use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::sys::{self, Identity, reads_equal};

/// The name of the backup file in its folder.
pub(crate) const FILE_NAME: &str = "licenses.wmlb";

const TEMPORARY_PREFIX: &str = ".licenses.wmlb.";
const TEMPORARY_SUFFIX: &str = ".tmp";
/// Hexadecimal digits between the two.
const TEMPORARY_DIGITS: usize = 16;

/// Whether a name in the backup folder is one that backups use.
pub fn is_reserved(name: &[u8]) -> bool {
    name == FILE_NAME.as_bytes() || is_temporary(name)
}

/// A temporary file, or what belongs to one: anything that goes on with `-` after its name.
fn is_temporary(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(TEMPORARY_PREFIX.as_bytes()) else {
        return false;
    };
    let Some((digits, rest)) = rest.split_at_checked(TEMPORARY_DIGITS) else {
        return false;
    };
    let Some(rest) = rest.strip_prefix(TEMPORARY_SUFFIX.as_bytes()) else {
        return false;
    };
    digits.iter().all(u8::is_ascii_hexdigit) && (rest.is_empty() || rest.starts_with(b"-"))
}

fn temporary_name() -> String {
    format!("{TEMPORARY_PREFIX}{:016x}{TEMPORARY_SUFFIX}", sys::random())
}

/// The quick look before an operation starts: is there a backup file that may not be
/// replaced?
pub fn check_target(folder: &Path, overwrite: bool) -> Result<()> {
    let target = folder.join(FILE_NAME);
    match fs::statat(fs::CWD, &target, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => may_replace(&stat, &target, overwrite),
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(Error::system("look for", target, errno)),
    }
}

fn may_replace(stat: &fs::Stat, target: &Path, overwrite: bool) -> Result<()> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if overwrite => Ok(()),
        FileType::RegularFile => Err(Error::BackupExists(target.to_owned())),
        _ => Err(Error::NotRegular(target.to_owned())),
    }
}

/// The folder a backup goes to.
pub struct Folder {
    path: PathBuf,
    folder: OwnedFd,
    identity: Identity,
    /// The folders in which [`Folder::open`] made another: their entries must be safe too.
    parents: Vec<File>,
}

impl Folder {
    /// Opens the folder, makes it (mode 0700, parents too) when it is missing, and removes
    /// the temporary files that killed backups left in it.
    pub fn open(path: &Path) -> Result<Self> {
        let mut parents = Vec::new();
        let folder = open_or_make(path, &mut parents)?;
        let stat = fs::fstat(&folder).map_err(|errno| Error::system("examine", path, errno))?;
        let folder = Folder {
            path: path.to_owned(),
            identity: sys::identity(&stat),
            folder,
            parents,
        };
        folder.sweep();
        Ok(folder)
    }

    pub fn identity(&self) -> Identity {
        self.identity
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the backup file.
    pub fn target(&self) -> PathBuf {
        self.path.join(FILE_NAME)
    }

    /// Removes temporary files that nobody holds. What cannot be removed stays: it is no
    /// reason to fail.
    fn sweep(&self) {
        // A descriptor of its own: the position in the folder belongs to it.
        let Ok(folder) = sys::open_at(&self.folder, c".", sys::FOLDER, Mode::empty()) else {
            return;
        };
        let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
        let _ = sys::list_folder(folder.as_fd(), &mut buffer, |name, _| {
            if is_temporary(name) {
                self.sweep_one(name);
            }
            Ok(())
        });
    }

    fn sweep_one(&self, name: &[u8]) {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(file) = sys::open_at(&self.folder, name, flags, Mode::empty()) else {
            return;
        };
        let regular = fs::fstat(&file)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
        if regular && fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::unlinkat(&self.folder, name, AtFlags::empty());
        }
    }

    /// A new file to write the archive to.
    pub fn temporary(&self) -> Result<Temporary<'_>> {
        let temporary = match sys::create_unnamed(self.folder.as_fd()) {
            Some(file) => {
                // Nobody else can see it, so nobody else can hold the lock. It counts from
                // the moment the file has a name.
                let _ = fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
                Temporary {
                    folder: self,
                    file: file.into(),
                    name: None,
                }
            }
            None => self.named_temporary()?,
        };
        self.set_mode(&temporary.file)?;
        Ok(temporary)
    }

    /// Whatever the process's umask is.
    fn set_mode(&self, file: &File) -> Result<()> {
        fs::fchmod(file, Mode::RUSR | Mode::WUSR)
            .map_err(|errno| Error::system("create a file in", &self.path, errno))
    }

    /// One that has a name.
    pub fn named_temporary(&self) -> Result<Temporary<'_>> {
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let failed = |errno| Error::system("create a file in", &self.path, errno);
        // Why the last try was in vain.
        let mut reason = Errno::EXIST;
        for _ in 0..sys::NAME_TRIES {
            let name = temporary_name();
            let file = match sys::open_at(&self.folder, &name, flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => file,
                Err(Errno::EXIST) => {
                    reason = Errno::EXIST;
                    continue;
                }
                Err(errno) => return Err(failed(errno)),
            };
            let locked = fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
            let temporary = Temporary {
                folder: self,
                file: file.into(),
                name: Some(name),
            };
            match locked {
                // Another backup's sweep was quicker, and removes the file: another one.
                Err(Errno::WOULDBLOCK) => {}
                // A file system without locks, where nobody sweeps either.
                Err(_) => return Ok(temporary),
                Ok(()) if fs::fstat(&temporary.file).map_err(failed)?.st_nlink > 0 => {
                    return Ok(temporary);
                }
                // It was removed before the lock.
                Ok(()) => {}
            }
            reason = Errno::WOULDBLOCK;
        }
        Err(failed(reason))
    }

    fn refuse_target(&self, overwrite: bool) -> Result<()> {
        let target = self.target();
        match fs::statat(&self.folder, FILE_NAME, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => may_replace(&stat, &target, overwrite),
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(Error::system("look for", target, errno)),
        }
    }

    /// Makes the folder's entries, and those of the folders made for it, safe.
    fn synchronize(&self) -> Result<()> {
        let folders = self.parents.iter().map(AsFd::as_fd);
        for folder in folders.chain([self.folder.as_fd()]) {
            synchronize(folder)
                .map_err(|errno| Error::system("write to the disk", &self.path, errno))?;
        }
        Ok(())
    }
}

/// Waits until the disk has it. Interrupted, it is asked again; any other failure is final:
/// after it, the system takes the lost pages for written.
fn synchronize(file: BorrowedFd<'_>) -> std::result::Result<(), Errno> {
    rustix::io::retry_on_intr(|| fs::fsync(file))
}

fn open_or_make(path: &Path, parents: &mut Vec<File>) -> Result<OwnedFd> {
    match sys::open_at(fs::CWD, path, sys::FOLDER, Mode::empty()) {
        Err(Errno::NOENT) => {}
        result => return result.map_err(|errno| Error::system("open the folder", path, errno)),
    }
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Err(Error::system("open the folder", path, Errno::NOENT)),
    };
    let parent = open_or_make(parent, parents)?;
    match fs::mkdir(path, Mode::RWXU) {
        Ok(()) => sys::set_folder_mode(fs::CWD, path)
            .map_err(|errno| Error::system("create the folder", path, errno))?,
        // Somebody else was quicker: fine too.
        Err(Errno::EXIST) => {}
        Err(errno) => return Err(Error::system("create the folder", path, errno)),
    }
    parents.push(parent.into());
    sys::open_at(fs::CWD, path, sys::FOLDER, Mode::empty())
        .map_err(|errno| Error::system("open the folder", path, errno))
}

/// The file an archive is written to. Dropped without a commit, it is gone.
pub struct Temporary<'a> {
    folder: &'a Folder,
    file: File,
    /// None: a file without a name, that goes with its last descriptor.
    name: Option<String>,
}

impl Temporary<'_> {
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The path of a file that has a name.
    pub fn path(&self) -> PathBuf {
        let name = self.name.as_deref().unwrap_or_default();
        self.folder.path.join(name)
    }

    /// The file, without its name: it is gone when it is closed.
    pub fn into_unnamed(self) -> Result<File> {
        self.file
            .try_clone()
            .map_err(|error| Error::io("open", self.path(), error))
    }

    /// Waits until the disk has the file.
    pub fn synchronize(&self) -> Result<()> {
        synchronize(self.file.as_fd())
            .map_err(|errno| Error::system("write to the disk", self.folder.target(), errno))
    }

    /// Puts the file, which must be synchronized, in the place of nothing, or with
    /// `overwrite` of the backup file that is there.
    pub fn commit(mut self, overwrite: bool) -> Result<()> {
        self.folder.refuse_target(overwrite)?;
        match self.name.clone() {
            None => self.commit_unnamed(overwrite)?,
            Some(name) => self.commit_named(&name, overwrite)?,
        }
        self.folder.synchronize()
    }

    fn commit_unnamed(&mut self, overwrite: bool) -> Result<()> {
        let folder = self.folder.folder.as_fd();
        match sys::name_unnamed(self.file.as_fd(), folder, FILE_NAME) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) if !overwrite => {
                return Err(Error::BackupExists(self.folder.target()));
            }
            Err(Errno::EXIST) => {}
            Err(errno) if cannot_link(errno) => return self.commit_copy(overwrite),
            Err(errno) => return Err(self.failed(errno)),
        }
        for _ in 0..sys::NAME_TRIES {
            let name = temporary_name();
            match sys::name_unnamed(self.file.as_fd(), folder, &name) {
                Ok(()) => {
                    self.name = Some(name.clone());
                    return self.commit_named(&name, overwrite);
                }
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(self.failed(errno)),
            }
        }
        Err(self.failed(Errno::EXIST))
    }

    /// Where a sandbox forbids links, a file without a name can never get one: its content
    /// moves to one that has a name from the start.
    fn commit_copy(&mut self, overwrite: bool) -> Result<()> {
        let mut named = self.folder.named_temporary()?;
        let copied = self
            .file
            .rewind()
            .and_then(|()| io::copy(&mut self.file, &mut named.file));
        copied.map_err(|error| Error::io("write", self.folder.target(), error))?;
        self.folder.set_mode(&named.file)?;
        named.synchronize()?;
        // What was checked was the first file, not this one.
        sys::forget_cached(named.file.as_fd());
        let length = self.file.metadata().map(|metadata| metadata.len());
        let same = length.and_then(|length| {
            self.file.rewind()?;
            named.file.rewind()?;
            reads_equal(&self.file, &named.file, length)
        });
        if !same.map_err(|error| Error::io("read back", self.folder.target(), error))? {
            return Err(Error::Corrupt {
                path: self.folder.target(),
                what: "what was read back is not what was written".to_owned(),
            });
        }
        match named.name.clone() {
            Some(name) => named.commit_named(&name, overwrite),
            None => Err(Error::Defect("a named file without a name".to_owned())),
        }
    }

    fn commit_named(&mut self, name: &str, overwrite: bool) -> Result<()> {
        let folder = self.folder.folder.as_fd();
        let renamed = match overwrite {
            true => fs::renameat(folder, name, folder, FILE_NAME),
            false => sys::rename_no_replace(folder, name, folder, FILE_NAME),
        };
        match renamed {
            Ok(()) => {
                self.name = None;
                Ok(())
            }
            Err(Errno::EXIST) if !overwrite => Err(Error::BackupExists(self.folder.target())),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    fn failed(&self, errno: Errno) -> Error {
        Error::system("put in place", self.folder.target(), errno)
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let _ = fs::unlinkat(&self.folder.folder, name, AtFlags::empty());
        }
    }
}

/// Refusals of a link that are no matter of this file or disk: rules of a sandbox, or a
/// file system that has unnamed files but no links.
fn cannot_link(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::PERM | Errno::ACCESS | Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOENT
    )
}
