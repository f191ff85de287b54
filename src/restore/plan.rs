//! What is to be done with each license of a backup, by what the store has.

use std::io::Read;
use std::os::fd::BorrowedFd;

use rustix::fs::{self, OFlags, SeekFrom};
use rustix::io::Errno;

use crate::error::{At, Error, Result};
use crate::name::split as split_name;
use crate::operation::Control;
use crate::store::folders::Cursor;
use crate::store::sqlite;
use crate::store::staging::{Content, Staging, Step};
use crate::sys::{self, Identity, StoreFile, is_regular, reads_equal};

/// How a license of the store relates to the one in the backup.
pub(super) enum Existing {
    None,
    Equal,
    /// With what it holds, when it is to be replaced.
    Differs(Option<Content>),
    /// A folder, a link or a special file is where the license should be, or a file or link
    /// where its folder should be.
    InTheWay,
    /// It is the backup that is restored.
    OwnBackup,
}

/// What is to be done in the end.
pub(super) struct Plan {
    pub step: Step,
    /// What the store has there.
    pub old: Option<Content>,
}

/// What is to be done with a license.
pub(super) enum Planned {
    Staged(Plan),
    /// The store has it as it is in the backup.
    IsThere,
    /// What the store has in its place stays, and why.
    Kept(Error),
}

/// The backup that is restored, as a file that may be in the store.
#[derive(Default)]
pub struct OwnBackup {
    pub identity: Option<Identity>,
    pub name: Option<Vec<u8>>,
}

/// Tells what is to be done with licenses.
pub struct Planner<'a> {
    pub(super) staging: &'a Staging,
    pub(super) overwrite: bool,
    pub(super) backup: OwnBackup,
    pub(super) control: &'a Control,
}

/// The store's folder that was looked into last; None when there is no store yet.
pub(super) type StoreCursor<'a> = Option<Cursor<BorrowedFd<'a>>>;

impl Planner<'_> {
    /// What is to be done with a license that reads as `wanted` does, which is `size` bytes long.
    pub(super) fn plan(
        &self,
        store: &mut StoreCursor<'_>,
        name: &[u8],
        wanted: impl Read,
        size: u64,
        is_database: bool,
    ) -> Result<Planned> {
        if is_database {
            self.check_player(name)?;
        }
        let mut existing = if self.staging.is_fresh() {
            Existing::None
        } else {
            self.compare(store, name, wanted, size, is_database)?
        };
        let stays = matches!(existing, Existing::Equal) && !self.overwrite;
        let may_belong = !self.staging.is_fresh() && !is_database && !stays;
        if may_belong && self.belongs_to_database(store, name)? {
            existing = Existing::InTheWay;
        }
        self.decide(existing, name, is_database)
    }

    fn decide(&self, existing: Existing, name: &[u8], is_database: bool) -> Result<Planned> {
        let path = || self.staging.display_path(name);
        let step = |step, old| {
            let step = if is_database {
                Step::ReplaceDatabase
            } else {
                step
            };
            Planned::Staged(Plan { step, old })
        };
        Ok(match existing {
            Existing::None => step(Step::Add, None),
            Existing::Differs(Some(old)) => step(Step::Replace, Some(old)),
            Existing::Equal => Planned::IsThere,
            Existing::InTheWay if self.overwrite => return Err(Error::InTheWay(path())),
            Existing::InTheWay => Planned::Kept(Error::InTheWay(path())),
            Existing::OwnBackup => Planned::Kept(Error::OwnBackup(path())),
            Existing::Differs(None) => Planned::Kept(Error::Differs(path())),
        })
    }

    /// Opens what the store has under a name.
    fn open_existing(&self, store: &mut StoreCursor<'_>, name: &[u8]) -> sys::Result<StoreFile> {
        let Some(store) = store else {
            return Err(Errno::NOENT);
        };
        let (folder, last) = split_name(name);
        let folder = store.existing(folder)?;
        StoreFile::open(folder, last, OFlags::empty())
    }

    /// What the store has under a license's name, and whether it reads as `wanted`, which is
    /// `size` bytes long, does.
    fn compare(
        &self,
        store: &mut StoreCursor<'_>,
        name: &[u8],
        wanted: impl Read,
        size: u64,
        is_database: bool,
    ) -> Result<Existing> {
        let path = || self.staging.display_path(name);
        let file = match self.open_existing(store, name) {
            Err(Errno::NOENT) => return Ok(Existing::None),
            Err(Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => return Ok(Existing::InTheWay),
            file => file.at("read", path)?,
        };
        let stat = sys::fstat(&file).at("read", path)?;
        if !is_regular(&stat) {
            return Ok(Existing::InTheWay);
        }
        if self.backup.identity == Some(sys::identity(&stat))
            || self.backup.name.as_deref() == Some(name)
        {
            return Ok(Existing::OwnBackup);
        }
        if is_database {
            return self.compare_database(name, file, wanted, size);
        }
        if stat.st_size as u64 == size && reads_equal(&file, wanted, size).at("read", path)? {
            return Ok(Existing::Equal);
        }
        self.differs(&file, name)
    }

    /// What is to be replaced is known by its content.
    pub(super) fn differs(&self, existing: &StoreFile, name: &[u8]) -> Result<Existing> {
        if !self.overwrite {
            return Ok(Existing::Differs(None));
        }
        let path = || self.staging.display_path(name);
        let size = sys::fstat(existing).at("read", path)?.st_size as u64;
        fs::seek(existing, SeekFrom::Start(0)).at("read", path)?;
        let old = self.read_content(existing, size, name)?;
        Ok(Existing::Differs(Some(old)))
    }

    /// What a file holds from where it stands, which is about `size` bytes.
    pub(super) fn read_content(&self, file: impl Read, size: u64, name: &[u8]) -> Result<Content> {
        let check = || match self.control.check() {
            Ok(()) => Ok(()),
            Err(error) => Err(Stopped::By(error)),
        };
        match Content::read(file, size, check) {
            Ok(content) => Ok(content),
            Err(Stopped::By(error)) => Err(error),
            Err(Stopped::Failed(error)) => {
                Err(Error::io("read", self.staging.display_path(name), error))
            }
        }
    }

    /// Whether a license is called as what belongs to a database of the store: a log or
    /// journal of another one would destroy that.
    fn belongs_to_database(&self, store: &mut StoreCursor<'_>, name: &[u8]) -> Result<bool> {
        let Some(database) = sqlite::database_of(name) else {
            return Ok(false);
        };
        match self
            .open_existing(store, database)
            .and_then(|file| sqlite::is_database_file(&file))
        {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::ISDIR) => {
                Ok(false)
            }
            is_database => is_database.at("read", || self.staging.display_path(database)),
        }
    }
}

/// Why a file was not read to its end.
enum Stopped {
    By(Error),
    Failed(std::io::Error),
}

impl From<std::io::Error> for Stopped {
    fn from(error: std::io::Error) -> Self {
        Stopped::Failed(error)
    }
}
