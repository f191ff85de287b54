//! What an undo could not put back, because somebody had written to its place: it stays in the
//! staging folder, until it is in its place. The store is used meanwhile, and restored to: so
//! nothing in it is touched for that.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use super::apply::Replay;
use super::journal::{Record, display_path, each_record};
use super::layout::kept_name;
use super::sidecars;
use super::undo::{Found, Undone, found};
use crate::error::{At, Result};
use crate::name::split as split_name;
use crate::store::folders::{Cursor, look};
use crate::sys;

impl Replay<'_> {
    /// Removes what is kept of which the store has the same by now.
    pub fn drop_kept(&self, journal: File) -> Result<Undone> {
        let mut store = Cursor::new(self.store);
        let mut undone = Undone::default();
        each_record(journal, self.path, |number, record| {
            let is_kept = self.is_kept(&mut store, number, &record);
            let path = || display_path(self.path, &record);
            undone.is_some_kept |= is_kept.at("put back", path)?;
            Ok(())
        })?;
        Ok(undone)
    }

    /// Whether something of a record has to stay.
    fn is_kept(
        &self,
        store: &mut Cursor<BorrowedFd<'_>>,
        number: u64,
        record: &Record,
    ) -> sys::Result<bool> {
        let staging = self.staging;
        let kept = kept_name(number);
        let is_file = look(staging.as_fd(), kept.as_bytes())?.is_some();
        if !is_file && !sidecars::are_kept(staging, number)? {
            return Ok(false);
        }
        let (folder, name) = split_name(&record.name);
        let to = match store.existing(folder) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(true),
            to => to?,
        };
        let is_in_place = is_file
            && found(record, staging, kept.as_bytes())? == Found::Old
            && found(record, to, name)? == Found::Old;
        if is_in_place {
            sys::remove_file(staging, &kept)?;
        }
        let all_beside = sidecars::drop_same(to, name, staging, number)?;
        Ok(is_file != is_in_place || !all_beside)
    }
}
