//! The main job: from the license store into a backup file.

mod earlier;
mod frame;
mod large;
mod main_side;
mod messages;
mod packing;
mod reuse;
mod rights;
mod shared;
mod source;
mod taking;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use earlier::{Amount, Earlier, Opened};
use main_side::BackupMain;
use reuse::Reuse;
use shared::Packing;
use source::Sources;

use crate::archive::envelope::{self, Decryption, Encryption};
use crate::archive::output::Append;
use crate::archive::writer::{Finished, Writer};
use crate::archive::{FORMAT, Info};
use crate::device;
use crate::error::{Error, Result};
use crate::flags::{
    WMLB_BACKUP_EMPTY, WMLB_BACKUP_OVERWRITE, WMLB_BACKUP_PARTIAL, WMLB_BACKUP_REREAD,
    WMLB_BACKUP_VERIFY,
};
use crate::hresult::{self, wmlb_hresult};
use crate::keep::Rule;
use crate::operation::{Control, Job, Operation};
use crate::pipeline;
use crate::props::Properties;
use crate::rights::{Policy, Rights};
use crate::scratch::Scratch;
use crate::status::{self, Value};
use crate::store::host::SetStore;
use crate::store::{self, Contents, Listing, Store, Wish};
use crate::sys::Part;
use crate::target::{self, Keeping, NewFile, SetTarget, Source, Target};

/// The flags of a backup.
pub(crate) const FLAGS: u32 = WMLB_BACKUP_OVERWRITE
    | WMLB_BACKUP_PARTIAL
    | WMLB_BACKUP_VERIFY
    | WMLB_BACKUP_REREAD
    | WMLB_BACKUP_EMPTY;

/// A backup that is ready to run.
pub struct Backup {
    target: Arc<dyn Target>,
    store: Box<dyn Store>,
    flags: u32,
    encryption: Option<Encryption>,
    /// What opens the backup that is replaced, if anything does.
    decryption: Decryption,
    level: i32,
    threads: usize,
    denies_unstated_rights: bool,
    rights: Option<Arc<dyn Rights>>,
    /// Which generations are kept.
    keep: Option<Rule>,
}

impl Backup {
    /// Everything that can be refused before the operation starts. Quick: it looks at
    /// settings and for the backup file, and no further.
    pub fn prepare(
        properties: &Properties,
        flags: u32,
        host: Option<Arc<SetStore>>,
        target: Option<Arc<dyn SetTarget>>,
        rights: Option<Arc<dyn Rights>>,
    ) -> Result<Self> {
        let target = target::target(properties, target)?;
        let backup = Backup {
            store: store::of(properties, host)?,
            flags,
            encryption: Encryption::new(properties)?,
            decryption: Decryption::new(properties, true)?,
            level: properties.compression_level(),
            threads: properties.threads(),
            denies_unstated_rights: properties.denies_unstated_rights(),
            rights,
            target,
            keep: properties.keep(),
        };
        backup.target.check(backup.has(WMLB_BACKUP_OVERWRITE))?;
        if backup.has(WMLB_BACKUP_VERIFY) && !backup.target.reads_back() {
            return Err(Error::NoReadBack);
        }
        Ok(backup)
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    fn scratch(&self, file: &dyn NewFile) -> Result<Scratch> {
        match self.encryption {
            None => file.scratch(),
            // What is encrypted there is not to lie there in clear, not for a moment.
            Some(_) => Ok(Scratch::apart()),
        }
    }
}

impl Job for Backup {
    fn backup_file(&self) -> PathBuf {
        self.target.display_path()
    }

    fn run(&self, operation: &mut Operation<'_>) -> Result<wmlb_hresult> {
        operation.report(
            status::WMLB_STATUS_BACKUPRESTORE_BEGIN,
            hresult::WMLB_S_OK,
            Value::None,
        )?;
        let opened = self.store.open(operation)?;
        let overwrite = self.has(WMLB_BACKUP_OVERWRITE);
        let mut file = self.target.clone().create(overwrite, operation)?;
        let scratch = self.scratch(&*file)?;
        let wish = Wish {
            reserved: file.reserved(),
            partial: self.has(WMLB_BACKUP_PARTIAL),
            new_file: &|| scratch.file(),
        };
        let listing = opened.list(wish, operation)?;
        let saved = self.write(operation, listing, &scratch, &mut *file)?;
        let keeping = self.keep.map(|rule| Keeping {
            control: operation.control(),
            rule,
            created: saved.created,
            replaced: Cell::new(saved.replaced),
        });
        file.publish(overwrite, keeping.as_ref(), &mut |source| {
            // Nobody has agreed to fewer licenses than that one has.
            let earlier = self.earlier(source, &scratch, operation);
            let compared = earlier.open()?.compare(&saved.amount)?;
            if compared.fewer.is_some() {
                return Err(Error::Disturbed(self.target.display_path()));
            }
            if let Some(keeping) = &keeping {
                keeping.replaced.set(compared.created);
            }
            Ok(())
        })?;
        Ok(if saved.all_stored {
            hresult::WMLB_S_OK
        } else {
            hresult::WMLB_NS_E_DRM_STORE_NOTALLSTORED
        })
    }
}

/// The end of a file that is being written, for an archive.
struct FileEnd<'a, 'f>(&'a mut (dyn NewFile + 'f));

impl Append for FileEnd<'_, '_> {
    fn append(&mut self, data: &[u8]) -> Result<()> {
        self.0.append(data)
    }

    fn takes_back(&self) -> bool {
        self.0.takes_back()
    }

    fn take_back(&mut self, bytes: u64) -> Result<()> {
        self.0.take_back(bytes)
    }

    fn share(&mut self, part: Part) -> Result<bool> {
        self.0.share(part)
    }
}

/// What was saved of a store.
struct Saved {
    /// When the backup was made, and the one that it replaces.
    created: i64,
    replaced: Option<i64>,
    amount: Amount,
    /// No license was left out because it could not be read.
    all_stored: bool,
}

impl Backup {
    /// Writes a store to a file, and waits until that is safe.
    fn write(
        &self,
        operation: &mut Operation<'_>,
        listing: Listing<'_>,
        scratch: &Scratch,
        file: &mut dyn NewFile,
    ) -> Result<Saved> {
        let control = operation.control();
        let path = file.path();
        let contents = listing.contents.clone();
        let earlier = if self.has(WMLB_BACKUP_OVERWRITE) {
            file.earlier()
        } else {
            Ok(None)
        };
        let earlier = self.earlier(earlier, scratch, operation).open()?;
        let (written, saved) =
            self.write_archive(operation, listing, scratch, earlier, FileEnd(file), &path)?;
        file.synchronize()?;
        if self.has(WMLB_BACKUP_VERIFY) {
            file.forget_cached();
            written.read_back(&*file, &path, self.threads, control)?;
        }
        contents.check()?;
        control.check()?;
        Ok(saved)
    }

    /// The backup that is to be replaced.
    fn earlier<'a>(
        &'a self,
        source: Result<Option<Source>>,
        scratch: &'a Scratch,
        operation: &Operation<'a>,
    ) -> Earlier<'a> {
        Earlier {
            source: source.transpose(),
            path: self.target.display_path(),
            decryption: &self.decryption,
            allows_empty: self.has(WMLB_BACKUP_EMPTY),
            is_kept: self.keep.is_some(),
            scratch,
            control: operation.control(),
        }
    }

    fn write_archive(
        &self,
        operation: &mut Operation<'_>,
        listing: Listing<'_>,
        scratch: &Scratch,
        earlier: Opened<'_>,
        mut file: FileEnd<'_, '_>,
        path: &Path,
    ) -> Result<(Finished, Saved)> {
        let control = operation.control();
        let verify = self.has(WMLB_BACKUP_VERIFY);
        let encryption = self.encryption.as_ref();
        let info = info(listing.contents.kind())?;
        // What waits there is encrypted too.
        let beside = file.0.scratch()?;
        let new_file = || beside.file();
        let shares_all = file.0.shares_all();
        let output = envelope::output(encryption, &mut file, path, verify, control)?;
        let writer = Writer::new(output, &info, encryption, &new_file)?;
        let reuse = if self.has(WMLB_BACKUP_REREAD) {
            None
        } else {
            earlier.reuse(&info, encryption.is_some(), shares_all)
        };
        let packing = self.packing(listing.contents, control, scratch, reuse)?;
        let rights = self.rights.as_deref();
        let mut main = BackupMain::new(operation, listing.list, writer, &packing, rights);
        pipeline::run(&packing, &mut main, self.threads)?;
        let BackupMain {
            operation,
            writer,
            mut progress,
            empty,
            all_stored,
            ..
        } = main;
        packing.end_read_ahead();
        progress.bytes_total = progress.bytes_done;
        let amount = Amount {
            licenses: progress.licenses_done,
            empty,
            restricted: progress.licenses_restricted,
        };
        let replaced = compare(&amount, &earlier, operation)?;
        operation.report_progress(progress)?;

        let written = writer.finish(progress.licenses_done, progress.bytes_done)?;
        let saved = Saved {
            created: info.created,
            replaced,
            amount,
            all_stored,
        };
        Ok((written, saved))
    }

    fn packing<'a>(
        &self,
        contents: Arc<dyn Contents>,
        control: &'a Control,
        scratch: &'a Scratch,
        reuse: Option<Reuse<'a>>,
    ) -> Result<Packing<'a>> {
        // What a host says of licenses, and of its own ones, nobody knows the next time.
        let sources = Sources::new(
            self.rights.is_some() || contents.kind() == store::HOST,
            self.level,
            self.denies_unstated_rights,
        )?;
        let ahead = (self.threads > 1).then(|| contents.read_ahead());
        Ok(Packing {
            ahead: ahead.flatten(),
            reuse: reuse.filter(|_| sources.are_told()),
            sources,
            contents,
            control,
            level: self.level,
            partial: self.has(WMLB_BACKUP_PARTIAL),
            policy: Policy {
                denies_unstated: self.denies_unstated_rights,
                asks_host: self.rights.is_some(),
            },
            scratch,
            memory: Default::default(),
        })
    }
}

/// Refuses what must not replace the earlier backup; tells when that has far more licenses. Gives
/// when that was made, where it is kept and that can be told.
fn compare(
    amount: &Amount,
    earlier: &Opened<'_>,
    operation: &mut Operation<'_>,
) -> Result<Option<i64>> {
    let compared = earlier.compare(amount)?;
    if let Some(before) = compared.fewer {
        operation.report(
            status::WMLB_STATUS_FEWER_LICENSES,
            hresult::WMLB_S_OK,
            Value::Counts(&[before, amount.licenses]),
        )?;
    }
    Ok(compared.created)
}

/// What the first member says of a backup of this kind of store, made now.
fn info(store: &str) -> Result<Info> {
    Ok(Info {
        format: FORMAT,
        created: unix_time(),
        library: env!("CARGO_PKG_VERSION").to_owned(),
        device: device::id()?,
        store: store.to_owned(),
    })
}

/// Unix seconds; a clock before 1970 counts as 1970, one after 2242 as the last second that
/// the header of `wmlb.json` has room for.
fn unix_time() -> i64 {
    const LAST: u64 = 0o77_777_777_777;
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs().min(LAST) as i64)
}
