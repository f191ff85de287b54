//! Lists the licenses of a store or of a backup file, on the calling thread.

use std::sync::Arc;

use crate::archive::envelope::Decryption;
use crate::archive::reader::Archive;
use crate::choice::{self, Filter, Wanted};
use crate::error::Result;
use crate::hresult::{self, wmlb_hresult};
use crate::license::{self, Excerpt, Inspector, LicenseInfo, Statement};
use crate::operation::{Control, HostCalls};
use crate::props::{Properties, Property};
use crate::store::host::SetStore;
use crate::store::{self, Glimpse};
use crate::target::{self, SetTarget, folder};

/// Whoever is told of the licenses; a negative answer ends the list, and is its result.
pub type Listener<'a> = &'a mut dyn FnMut(&LicenseInfo<'_>) -> wmlb_hresult;

/// Lists the host's store, in the host's order, or else the one at StorePath, in the order of
/// names.
pub fn enumerate_store(
    properties: &Properties,
    host: Option<Arc<SetStore>>,
    listener: Listener<'_>,
    control: &Control,
) -> Result<wmlb_hresult> {
    let backup_folder = properties.absolute_path(Property::BackupPath).ok();
    let reserved = backup_folder.and_then(|folder| folder::reserved_at(&folder));
    let mut looks = Looks {
        listener,
        inspector: Inspector::default(),
        statement: Statement::default(),
        answer: hresult::WMLB_S_OK,
        control,
    };
    store::of(properties, host)?.each(&mut looks, reserved, control)?;
    Ok(looks.answer)
}

/// Inspects what a store shows of its licenses.
struct Looks<'a> {
    listener: Listener<'a>,
    inspector: Inspector,
    statement: Statement,
    answer: wmlb_hresult,
    control: &'a Control,
}

impl store::Listener for Looks<'_> {
    fn wanted_head(&self, size: u64) -> usize {
        license::most_of_head(size)
    }

    fn wanted_tail(&self, head: &[u8], size: u64) -> usize {
        license::wanted_tail(head, size)
    }

    fn license(&mut self, glimpse: Glimpse<'_>) -> Result<bool> {
        let Glimpse {
            name,
            size,
            modified,
            content,
        } = glimpse;
        match content {
            Some((head, tail)) => {
                let excerpt = Excerpt::large(head, tail, size);
                self.inspector.inspect(excerpt, &mut self.statement)?;
            }
            // What a CDM keeps in a row is its own.
            None => self.statement = Statement::default(),
        }
        let answer = (self.listener)(&LicenseInfo {
            name,
            size,
            modified,
            statement: &self.statement,
        });
        if answer < 0 {
            self.answer = answer;
            return Ok(false);
        }
        self.control.check()?;
        Ok(true)
    }
}

/// Lists what is wanted of the backup in the target, or of the file at RestorePath, in the order of
/// names, and checks it on the way.
pub fn enumerate_backup(
    properties: &Properties,
    target: Option<Arc<dyn SetTarget>>,
    filter: Option<Arc<dyn Filter>>,
    listener: Listener<'_>,
    control: &Control,
) -> Result<wmlb_hresult> {
    let origin = target::origin(properties, target)?;
    let is_here = origin.place().is_some();
    let decryption = Decryption::new(properties, false)?;
    let wanted = Wanted::new(properties, filter);
    let calls = HostCalls::with_helpers();
    let file = origin.open(calls, control)?;
    let archive = Archive::open(file.bytes, file.path, &decryption, control)?;
    let mut answer = hresult::WMLB_S_OK;
    let ask: choice::Ask<'_> = &mut |filter, license| calls.call(|| filter.admits(license));
    wanted.each(archive, is_here, control, ask, &mut |license| {
        let answered = calls.call(|| listener(license));
        if answered < 0 {
            answer = answered;
        }
        Ok(answered >= 0)
    })?;
    Ok(answer)
}
