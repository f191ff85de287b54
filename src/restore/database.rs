//! What is to be heeded when a database is restored.

use std::io::Read;
use std::os::fd::AsFd;

use rustix::fs::Mode;

use super::plan::{Existing, Planner};
use crate::error::{Error, Result};
use crate::name::split as split_name;
use crate::store::player;
use crate::store::sqlite::{self, Database, Place};
use crate::sys::{self, StoreFile};

impl Planner<'_> {
    /// Refuses to touch the database of a player that runs: it would write its own over it.
    pub(super) fn check_player(&self, name: &[u8]) -> Result<()> {
        if player::is_running(&self.staging.real_path(name)) {
            Err(Error::PlayerRuns(self.staging.display_path(name)))
        } else {
            Ok(())
        }
    }

    /// Whether what the store has under a database's name holds the same. What is in its log
    /// counts, and what a journal would roll back does not.
    pub(super) fn compare_database(
        &self,
        name: &[u8],
        existing: StoreFile,
        wanted: impl Read,
        size: u64,
    ) -> Result<Existing> {
        let failed = |errno| Error::system("read", self.staging.display_path(name), errno);
        if sqlite::is_locked(&existing).map_err(failed)? {
            return Err(Error::DatabaseInUse(self.staging.display_path(name)));
        }
        if !sqlite::is_database_file(&existing).map_err(failed)? {
            return self.differs(&existing, name);
        }
        let differs = self.differs(&existing, name)?;
        let (folder, last) = split_name(name);
        let folder = match (self.staging.store(), folder) {
            (None, _) => return Ok(Existing::None),
            (Some(store), b"") => sys::open_at(store, c".", sys::FOLDER, Mode::empty()),
            (Some(store), folder) => sys::open_beneath(store, folder, sys::FOLDER),
        };
        let path = self.staging.display_path(name);
        let place = Place {
            folder: folder.as_ref().map_err(|&errno| failed(errno))?.as_fd(),
            name: last,
            path: &path,
        };
        let database = match Database::open(&place, existing, self.control) {
            Ok(database) if database.size() == size => database,
            // Whatever it holds, it is not what was saved.
            Ok(_) | Err(Error::Database { .. } | Error::Sidecar(_)) => {
                return Ok(differs);
            }
            Err(error) => return Err(error),
        };
        let same = sqlite::reads_same(database.reader(), wanted, size)
            .map_err(|error| Error::io("read", &path, error))?;
        if !database.is_unchanged()? {
            return Err(Error::Changed(path));
        }
        Ok(if same { Existing::Equal } else { differs })
    }
}
