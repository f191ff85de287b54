//! Tells what differs between a store and a backup, on the calling thread: both are gone through in
//! the order of names, and what both have is compared by content.

mod content;
mod rows;
mod saved;
mod stored;

use std::cmp::Ordering;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use content::Side;
use saved::BackupSide;
use stored::StoreSide;

use crate::archive::envelope::Decryption;
use crate::archive::reader::Archive;
use crate::choice::{Filter, Wanted};
use crate::error::Result;
use crate::hresult::{self, wmlb_hresult};
use crate::license::{Inspector, LicenseInfo, Right, Statement};
use crate::name;
use crate::operation::{Control, HostCalls};
use crate::props::{Properties, Property};
use crate::rights::{Policy, Rights};
use crate::scratch::Scratch;
use crate::store::host::SetStore;
use crate::store::sqlite;
use crate::store::{self, Batch, DATABASE, Entry, List, Wish};
use crate::target::{self, SetTarget, folder};

/// A license that differs: as it is in the backup, and as it is in the store.
pub struct Difference<'a> {
    pub in_backup: Option<LicenseInfo<'a>>,
    pub in_store: Option<LicenseInfo<'a>>,
}

/// Whoever is told of the differences; a negative answer ends the comparison, and is its result.
pub type Listener<'a> = &'a mut dyn FnMut(&Difference<'_>) -> wmlb_hresult;

/// What the host has set besides the properties.
pub struct Set {
    pub store: Option<Arc<SetStore>>,
    pub target: Option<Arc<dyn SetTarget>>,
    pub filter: Option<Arc<dyn Filter>>,
    pub rights: Option<Arc<dyn Rights>>,
}

/// Compares the store with the backup in the target, or in the file at RestorePath. S_FALSE if
/// nothing of what is wanted differs.
pub fn compare(
    properties: &Properties,
    set: Set,
    listener: Listener<'_>,
    control: &Control,
) -> Result<wmlb_hresult> {
    let origin = target::origin(properties, set.target)?;
    let store = store::of(properties, set.store)?;
    let decryption = Decryption::new(properties, false)?;
    let wanted = Wanted::new(properties, set.filter);
    // No backup has itself in it; with nothing else said, the next one goes where this one is.
    let place = origin.place();
    let backup_folder = properties.absolute_path(Property::BackupPath).ok();
    let backup_folder = backup_folder.or_else(|| place?.parent().map(Path::to_owned));
    let file = origin.open(HostCalls::on_hosts_thread(), control)?;
    let archive = Archive::open(file.bytes, file.path, &decryption, control)?;
    let scratch = Scratch::apart();
    let wish = Wish {
        reserved: backup_folder.and_then(|folder| folder::reserved_at(&folder)),
        partial: false,
        new_file: &|| scratch.file(),
    };
    let mut listing = store.list(wish, control)?;
    let is_one = archive.info.store == DATABASE && listing.contents.kind() == DATABASE;
    let comparison = Comparison {
        backup: BackupSide::new(wanted.open(archive)?, control)?,
        store: StoreSide::new(listing.contents.clone(), &scratch, control),
        scratch: &scratch,
        copy: None,
        is_one,
        judge: Judge {
            policy: Policy {
                denies_unstated: properties.denies_unstated_rights(),
                asks_host: set.rights.is_some(),
            },
            rights: set.rights,
            wanted: &wanted,
            inspector: Inspector::default(),
        },
        listener,
        answer: hresult::WMLB_S_FALSE,
        control,
    };
    let answer = comparison.run(&mut *listing.list)?;
    listing.contents.check()?;
    Ok(answer)
}

struct Comparison<'a> {
    backup: BackupSide<'a>,
    store: StoreSide<'a>,
    scratch: &'a Scratch,
    /// Of a database whose rows are compared: what the backup has.
    copy: Option<File>,
    /// Each is one database, whatever its file is called.
    is_one: bool,
    judge: Judge<'a>,
    listener: Listener<'a>,
    answer: wmlb_hresult,
    control: &'a Control,
}

impl Comparison<'_> {
    /// Merges the two.
    fn run(mut self, list: &mut dyn List) -> Result<wmlb_hresult> {
        let mut is_left = self.backup.advance()?;
        while let Some(mut batch) = list.next_batch()? {
            while let Some(entry) = batch.peek() {
                let is_license = matches!(entry, Entry::License | Entry::Spooled(_));
                if is_license && !self.entry(&batch, &mut is_left)? {
                    return Ok(self.answer);
                }
                batch.advance();
            }
        }
        while is_left {
            if !self.removed()? {
                break;
            }
            is_left = self.backup.advance()?;
        }
        Ok(self.answer)
    }

    /// Compares the next license of the store, and those of the backup before it, of which some are
    /// left. False when the listener wants no more.
    fn entry(&mut self, batch: &Batch, is_left: &mut bool) -> Result<bool> {
        self.store.name.clear();
        batch.append_name(&mut self.store.name);
        if !self.is_wanted(*is_left) {
            return Ok(true);
        }
        while *is_left && self.order() == Ordering::Less {
            if !self.removed()? {
                return Ok(false);
            }
            *is_left = self.backup.advance()?;
        }
        let in_both = *is_left && self.order() == Ordering::Equal;
        if !self.license(batch, in_both)? {
            return Ok(false);
        }
        if in_both {
            *is_left = self.backup.advance()?;
        }
        Ok(true)
    }

    /// Whether the store's license can be one of those that are wanted.
    fn is_wanted(&self, is_left: bool) -> bool {
        let wanted = self.judge.wanted;
        match (self.is_one, is_left) {
            (false, _) => wanted.can_have(&self.store.name),
            // It goes by its name in the backup, as in a restore.
            (true, true) => wanted.can_have(&self.backup.name),
            (true, false) => wanted.is_all(),
        }
    }

    /// How the name in the backup relates to that in the store.
    fn order(&self) -> Ordering {
        if self.is_one {
            return Ordering::Equal;
        }
        name::order(&self.backup.name, &self.store.name)
    }

    /// A license that the store does not have; false when the comparison ends.
    fn removed(&mut self) -> Result<bool> {
        self.control.check()?;
        if !self.judge.wanted.can_have(&self.backup.name) {
            return Ok(true);
        }
        self.backup.read(None, None)?;
        self.copy = None;
        self.tell(true, false)
    }

    /// A license that the store has.
    fn license(&mut self, batch: &Batch, in_both: bool) -> Result<bool> {
        self.control.check()?;
        let size = in_both.then_some(self.backup.side.size);
        if !self.store.read(batch, size)? {
            // It was removed after it was listed.
            return if in_both { self.removed() } else { Ok(true) };
        }
        // Without a place for a copy, rows are not told.
        let compares_rows = in_both && self.store.rows.is_some();
        self.copy = compares_rows
            .then(|| self.scratch.file().ok())
            .flatten()
            .map(|(file, _)| file);
        let copy = self.copy.as_ref();
        if in_both && self.store.hash.is_some() {
            self.backup.read(Some(self.store.is_database), copy)?;
            if self.backup.hash == self.store.hash {
                return Ok(true);
            }
        } else if in_both {
            self.backup.read(None, copy)?;
        }
        self.tell(in_both, true)
    }

    /// Tells of the license that both are at, or one of them is.
    fn tell(&mut self, in_backup: bool, in_store: bool) -> Result<bool> {
        let judge = &mut self.judge;
        let mut statements = <[Statement; 2]>::default();
        let [of_backup, of_store] = &mut statements;
        let difference = Difference {
            in_backup: in_backup
                .then(|| judge.info(&self.backup.name, &self.backup.side, of_backup))
                .transpose()?,
            in_store: in_store
                .then(|| judge.info(&self.store.name, &self.store.side, of_store))
                .transpose()?,
        };
        if !judge.admits(&difference)? {
            return Ok(true);
        }
        let answer = (self.listener)(&difference);
        self.answer = answer.min(hresult::WMLB_S_OK);
        Ok(answer >= 0 && self.tell_rows()?)
    }

    /// Tells which rows differ of the database that was told of, if that can be told. They come
    /// with it: whether they are wanted is not asked.
    fn tell_rows(&mut self) -> Result<bool> {
        let (Some(copy), Some(in_store)) = (self.copy.take(), self.store.rows.take()) else {
            return Ok(true);
        };
        let in_backup = sqlite::rows_of_copy(copy, self.backup.side.size, self.control);
        self.control.check()?;
        let Some(in_backup) = in_backup else {
            return Ok(true);
        };
        let names = [&self.backup.name[..], &self.store.name];
        rows::each_difference(names, [&in_backup, &in_store], &mut |difference| {
            let answer = (self.listener)(difference);
            self.answer = answer.min(hresult::WMLB_S_OK);
            self.control.check()?;
            Ok(answer >= 0)
        })
    }
}

/// Says what licenses are, and which are told of.
struct Judge<'a> {
    policy: Policy,
    rights: Option<Arc<dyn Rights>>,
    wanted: &'a Wanted,
    inspector: Inspector,
}

impl Judge<'_> {
    fn info<'i>(
        &mut self,
        name: &'i [u8],
        side: &Side,
        statement: &'i mut Statement,
    ) -> Result<LicenseInfo<'i>> {
        self.inspector.inspect(side.excerpt(), statement)?;
        Ok(LicenseInfo {
            name,
            size: side.size,
            modified: side.modified,
            statement,
        })
    }

    /// Whether a difference is one of the wanted licenses, and no license that backups leave out.
    fn admits(&self, difference: &Difference<'_>) -> Result<bool> {
        let (in_backup, in_store) = (&difference.in_backup, &difference.in_store);
        let ask = &mut |filter: &dyn Filter, license: &LicenseInfo<'_>| filter.admits(license);
        let Some(license) = in_backup.as_ref().or(in_store.as_ref()) else {
            return Ok(false);
        };
        if !self.wanted.has(license, ask)? {
            return Ok(false);
        }
        match (in_backup, in_store) {
            (None, Some(license)) => Ok(!self.denies(license)?),
            _ => Ok(true),
        }
    }

    fn denies(&self, license: &LicenseInfo<'_>) -> Result<bool> {
        let answer = match &self.rights {
            Some(host) => host.right_of(license)?,
            None => Right::NotStated,
        };
        Ok(self.policy.denies(license.statement.right, answer))
    }
}
