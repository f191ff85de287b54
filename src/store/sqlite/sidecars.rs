//! A database's own file and those beside it, opened by their names in its folder.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, OFlags, Stat};
use rustix::io::Errno;

use super::names::{INDEX, JOURNAL, LIST, LOG};
use super::view::OpenFile;
use crate::error::{Error, Result};
use crate::name;
use crate::sys::{self, Care, Identity, StoreFile};

/// Where a database is: its folder, its name in there, and its path for words.
pub struct Place<'a> {
    pub folder: BorrowedFd<'a>,
    pub name: &'a [u8],
    pub path: &'a Path,
}

impl Place<'_> {
    pub fn keep(&self) -> Result<Kept> {
        let folder = rustix::io::fcntl_dupfd_cloexec(self.folder, 3);
        Ok(Kept {
            folder: folder.map_err(|errno| Error::system("read", self.path, errno))?,
            name: self.name.to_vec(),
            path: self.path.to_owned(),
        })
    }
}

/// The same, for as long as the database is read.
pub struct Kept {
    folder: OwnedFd,
    name: Vec<u8>,
    pub path: PathBuf,
}

/// A file that is open, and what it was when it was opened.
pub struct Opened {
    pub file: Arc<StoreFile>,
    pub stat: Stat,
}

/// What lies beside a database.
#[derive(Default)]
pub struct Sidecars {
    pub journal: Option<Opened>,
    pub log: Option<Opened>,
    pub index: Option<Opened>,
}

/// What the log is and what its index, if they are there.
pub type Beside = [Option<Identity>; 2];

impl Sidecars {
    pub fn beside(&self) -> Beside {
        [&self.log, &self.index]
            .map(|opened| opened.as_ref().map(|opened| sys::identity(&opened.stat)))
    }

    /// What the journal and the log are like, to be compared with what they are later.
    pub fn state(&self) -> std::result::Result<State, Errno> {
        let of = |opened: &Opened| (sys::identity(&opened.stat), opened.stat.st_size);
        let begins = match &self.journal {
            Some(journal) => OpenFile::whole(&journal.file)?.begins_with_content()?,
            None => false,
        };
        Ok(State {
            journal: self.journal.as_ref().map(of),
            begins,
            log: self.log.as_ref().map(of),
        })
    }
}

#[derive(PartialEq, Eq)]
pub struct State {
    journal: Option<(Identity, i64)>,
    /// Whether there is anything in the journal.
    begins: bool,
    log: Option<(Identity, i64)>,
}

impl Kept {
    fn sidecar_name(&self, suffix: &str) -> Vec<u8> {
        [&self.name, suffix.as_bytes()].concat()
    }

    fn sidecar_path(&self, suffix: &str) -> PathBuf {
        let name = self.sidecar_name(suffix);
        self.path.with_file_name(std::ffi::OsStr::from_bytes(&name))
    }

    /// What has the name now, whatever it is; None when nothing has.
    fn identity(&self, suffix: &str) -> std::result::Result<Option<Identity>, Errno> {
        let name = self.sidecar_name(suffix);
        match sys::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(sys::identity(&stat))),
            // What cannot be called so is not there.
            Err(Errno::NOENT | Errno::NAMETOOLONG) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Whether the database's name still leads to this file.
    pub fn leads_to(&self, stat: &Stat) -> Result<bool> {
        let failed = |errno| Error::system("examine", &self.path, errno);
        Ok(self.identity("").map_err(failed)? == Some(sys::identity(stat)))
    }

    /// What the names of the log and its index lead to.
    pub fn beside(&self) -> Result<Beside> {
        let look = |suffix| {
            let failed = |errno| Error::system("examine", self.sidecar_path(suffix), errno);
            self.identity(suffix).map_err(failed)
        };
        Ok([look(LOG)?, look(INDEX)?])
    }

    /// Opens what has the database's name now; None when nothing has, or a link.
    pub fn reopen(&self) -> Result<Option<StoreFile>> {
        match self.open_file(&self.name) {
            Ok(file) => Ok(Some(file)),
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => Ok(None),
            Err(errno) => Err(Error::system("open", &self.path, errno)),
        }
    }

    fn open_file(&self, name: &[u8]) -> sys::Result<StoreFile> {
        let file = StoreFile::open(&self.folder, name, OFlags::empty())?;
        file.set_care(Care::IfOpen);
        Ok(file)
    }

    pub fn sidecars(&self) -> Result<Sidecars> {
        Ok(Sidecars {
            journal: self.open(JOURNAL)?,
            log: self.open(LOG)?,
            index: self.open(INDEX)?,
        })
    }

    /// Whether the transaction of a journal is committed that names this list of databases: the
    /// list would lie beside the first of them, and does not. What is not in this folder is not
    /// looked for, since whoever may write here can name anything, and the journal counts.
    pub fn is_committed(&self, list: Option<&[u8]>) -> Result<bool> {
        let name = list.map(|list| name::split(list).1).unwrap_or_default();
        let Some(first) = name.windows(LIST.len()).rposition(|part| part == LIST) else {
            return Ok(false);
        };
        let is_there =
            |name: &[u8]| match sys::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => Ok(sys::is_regular(&stat)),
                Err(Errno::NOENT | Errno::NAMETOOLONG | Errno::INVAL) => Ok(false),
                Err(errno) => Err(Error::system("examine", &self.path, errno)),
            };
        Ok(is_there(&name[..first])? && !is_there(name)?)
    }

    /// Opens what has the name; None when nothing has. What is no file is an error: SQLite would
    /// use it, whatever it is.
    fn open(&self, suffix: &str) -> Result<Option<Opened>> {
        let path = || self.sidecar_path(suffix);
        let file = match self.open_file(&self.sidecar_name(suffix)) {
            Ok(file) => Arc::new(file),
            Err(Errno::NOENT | Errno::NAMETOOLONG) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO) => return Err(Error::Sidecar(path())),
            Err(errno) => return Err(Error::system("read", path(), errno)),
        };
        let stat = sys::fstat(&*file);
        let stat = stat.map_err(|errno| Error::system("examine", path(), errno))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Some(Opened { file, stat })),
            _ => Err(Error::Sidecar(path())),
        }
    }
}
