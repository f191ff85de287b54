//! What is to be heeded when a database is restored.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::Ordering;

use super::stager::{Existing, Stager};
use crate::error::{Error, Result};
use crate::store::{player, sqlite};
use crate::sys;

impl Stager<'_> {
    /// Refuses to touch the database of a player that runs: it would write its own over it.
    pub(super) fn check_player(&self, name: &[u8]) -> Result<()> {
        match player::is_running(&self.staging.real_path(name)) {
            true => Err(Error::PlayerRuns(self.staging.display_path(name))),
            false => Ok(()),
        }
    }

    /// Whether what the store has under a database's name holds the same. What is in its log
    /// counts, and what a journal would roll back does not: so a snapshot of it is compared.
    pub(super) fn compare_database(
        &self,
        name: &[u8],
        existing: File,
        wanted: impl Read,
        size: u64,
    ) -> Result<Existing> {
        let failed = |errno| self.failed("read", name, errno);
        if sqlite::is_locked(&existing).map_err(failed)? {
            return Err(Error::DatabaseInUse(self.staging.display_path(name)));
        }
        if !sqlite::is_database_file(&existing).map_err(failed)? {
            return Ok(Existing::Differs);
        }
        // To close it later would take away the locks that SQLite will have on it.
        drop(existing);
        let number = self.scratch.fetch_add(1, Ordering::Relaxed);
        let path = self.staging.scratch_path(number);
        let scratch = |source| Error::Scratch {
            path: path.clone(),
            source,
        };
        let snapshot = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|file| Ok(sys::off_standard(file)?))
            .map_err(scratch)?;
        let taken = sqlite::snapshot(&self.staging.real_path(name), &path, self.control);
        fs::remove_file(&path).map_err(scratch)?;
        match taken {
            Ok(_) => {}
            // Whatever it holds, it is not what was saved.
            Err(Error::Database { .. } | Error::NoSqlite(_)) => return Ok(Existing::Differs),
            Err(error) => return Err(error),
        }
        let length = snapshot.metadata().map_err(scratch)?.len();
        let same =
            length == size && sqlite::reads_same(&snapshot, wanted, size).map_err(scratch)?;
        Ok(match same {
            true => Existing::Equal,
            false => Existing::Differs,
        })
    }
}
