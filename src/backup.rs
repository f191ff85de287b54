//! The main job: from the licence store into a backup file.

mod collect;
mod packing;
mod part;
mod rights;
mod scratch;
mod source;
mod task;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use collect::collect;
use packing::Packing;
use part::{Large, Notice, Part};
pub use rights::Rights;
use rights::{Inspected, Policy};
pub use scratch::Scratch;
use source::{List, Source};
use task::Task;

use crate::archive::envelope::{self, Lock};
use crate::archive::writer::Writer;
use crate::archive::{FORMAT, Info};
use crate::device;
use crate::error::{Error, Result};
use crate::hresult::{self, wmlb_hresult};
use crate::license::Right;
use crate::operation::{Job, Operation};
use crate::pipeline::{self, Ends};
use crate::props::{Properties, Property};
use crate::status::{self, Value, wmlb_progress};
use crate::store::directory::{Directory, Lister, ReadAhead, Reserved};
use crate::store::host::SetStore;
use crate::store::staging::LeftOvers;
use crate::target::folder::{self, Folder};

/// For a backup: replace the backup file that is there.
pub const WMLB_BACKUP_OVERWRITE: u32 = 0x1;
/// For a backup: leave out licenses that cannot be read (WMLB_STATUS_LICENSE_SKIPPED
/// tells which and why) and end with WMLB_NS_E_DRM_STORE_NOTALLSTORED in the END
/// event, instead of failing. Running out of memory or of file descriptors is still
/// a failure. Links and special files are left out with or without it, and do not
/// change the result.
pub const WMLB_BACKUP_PARTIAL: u32 = 0x100;
/// For a backup: read the written file back from the disk and check every hash
/// before it takes its name. Damage is WMLB_NS_E_DRM_BACKUP_CORRUPT. Of an encrypted
/// backup the encrypted bytes are compared, as the key to open it may be elsewhere.
pub const WMLB_BACKUP_VERIFY: u32 = 0x200;

/// The flags of a backup.
pub(crate) const FLAGS: u32 = WMLB_BACKUP_OVERWRITE | WMLB_BACKUP_PARTIAL | WMLB_BACKUP_VERIFY;

/// A backup that is ready to run.
pub struct Backup {
    /// BackupPath as it was set, for the caller, and where that is whatever becomes the
    /// working directory meanwhile.
    folder: PathBuf,
    absolute_folder: PathBuf,
    store: Store,
    flags: u32,
    lock: Option<Lock>,
    level: i32,
    threads: usize,
    denies_unstated_rights: bool,
    rights: Option<Arc<dyn Rights>>,
}

/// What is backed up.
enum Store {
    Path(PathBuf),
    Host(Arc<SetStore>),
}

impl Backup {
    /// Everything that can be refused before the operation starts. Quick: it looks at
    /// settings and for the backup file, and no further.
    pub fn prepare(
        properties: &Properties,
        flags: u32,
        host: Option<Arc<SetStore>>,
        rights: Option<Arc<dyn Rights>>,
    ) -> Result<Self> {
        let folder = properties.path(Property::BackupPath)?;
        let store = match host {
            Some(host) => Store::Host(host),
            None => Store::Path(properties.absolute_path(Property::StorePath)?),
        };
        let absolute_folder = properties.absolute_path(Property::BackupPath)?;
        let backup = Backup {
            folder,
            absolute_folder,
            store,
            flags,
            lock: Lock::new(properties)?,
            level: properties.compression_level(),
            threads: properties.threads(),
            denies_unstated_rights: properties.denies_unstated_rights(),
            rights,
        };
        folder::check_target(&backup.absolute_folder, backup.has(WMLB_BACKUP_OVERWRITE))?;
        Ok(backup)
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

impl Job for Backup {
    fn backup_file(&self) -> PathBuf {
        self.folder.join(folder::FILE_NAME)
    }

    fn run(&self, operation: &mut Operation<'_>) -> Result<wmlb_hresult> {
        operation.report(
            status::WMLB_STATUS_BACKUPRESTORE_BEGIN,
            hresult::WMLB_S_OK,
            Value::None,
        )?;
        match &self.store {
            Store::Path(path) => {
                let store = Directory::open(path, LeftOvers::Recover)?;
                let folder = Folder::open(&self.absolute_folder)?;
                let reserved = Reserved {
                    folder: folder.identity(),
                    is_reserved: folder::is_reserved,
                };
                let partial = self.has(WMLB_BACKUP_PARTIAL);
                let lister = Lister::new(store.clone(), reserved, partial, operation.control())?;
                let list = List::Directory(lister);
                let scratch = self.scratch(&folder);
                self.save(operation, &folder, scratch, Source::Directory(store), list)
            }
            Store::Host(host) => {
                let mut claim = host.claim()?;
                let session = claim.open(false, operation.host_calls())?;
                let folder = Folder::open(&self.absolute_folder)?;
                let scratch = self.scratch(&folder);
                let (spool, mut index) = collect(session, &scratch, operation)?;
                drop(claim);
                index.sort()?;
                let list = List::Host(index, spool.size());
                let source = Source::Host(Arc::new(spool));
                self.save(operation, &folder, scratch, source, list)
            }
        }
    }
}

impl Backup {
    fn scratch<'a>(&self, folder: &'a Folder) -> Scratch<'a> {
        match self.lock {
            None => Scratch::beside(folder),
            // What is encrypted there is not to lie there in clear, not for a moment.
            Some(_) => Scratch::apart(),
        }
    }

    /// Saves what is in the list.
    fn save(
        &self,
        operation: &mut Operation<'_>,
        folder: &Folder,
        scratch: Scratch<'_>,
        source: Source,
        list: List<'_>,
    ) -> Result<wmlb_hresult> {
        let control = operation.control();
        let temporary = folder.temporary()?;
        let target = folder.target();
        let info = Info {
            format: FORMAT,
            created: unix_time(),
            library: env!("CARGO_PKG_VERSION").to_owned(),
            device: device::id()?,
            store: source.kind().to_owned(),
        };
        let verify = self.has(WMLB_BACKUP_VERIFY);
        let output = envelope::output(
            self.lock.as_ref(),
            temporary.file(),
            folder,
            &target,
            verify,
            control,
        )?;
        let writer = Writer::new(output, &info)?;
        let ahead = match &source {
            Source::Directory(store) if self.threads > 1 => Some(ReadAhead::new(store.clone())),
            _ => None,
        };
        let packing = Packing {
            source,
            control,
            ahead,
            level: self.level,
            partial: self.has(WMLB_BACKUP_PARTIAL),
            policy: Policy {
                denies_unstated: self.denies_unstated_rights,
                asks_host: self.rights.is_some(),
            },
            scratch,
            used: Default::default(),
        };
        let (operation, writer, mut progress, all_stored) = {
            let mut ends = BackupEnds {
                operation,
                progress: list.totals(),
                list,
                writer,
                packing: &packing,
                rights: self.rights.as_deref(),
                bytes_before_large: 0,
                all_stored: true,
            };
            pipeline::run(&packing, &mut ends, self.threads)?;
            (ends.operation, ends.writer, ends.progress, ends.all_stored)
        };
        if let Some(ahead) = &packing.ahead {
            ahead.end();
        }
        progress.bytes_total = progress.bytes_done;
        operation.report_progress(progress)?;

        let written = writer.finish(progress.licenses_done, progress.bytes_done)?;
        temporary.synchronize()?;
        if verify {
            written.read_back(temporary.file(), &target, self.threads, control)?;
        }
        control.check()?;
        temporary.commit(self.has(WMLB_BACKUP_OVERWRITE))?;
        Ok(match all_stored {
            true => hresult::WMLB_S_OK,
            false => hresult::WMLB_NS_E_DRM_STORE_NOTALLSTORED,
        })
    }
}

/// Unix seconds; a clock before 1970 counts as 1970, one after 2242 as the last second that
/// the header of `wmlb.json` has room for.
fn unix_time() -> i64 {
    const LAST: u64 = 0o77_777_777_777;
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs().min(LAST) as i64)
}

/// What the operation's thread does in a backup: it lists, writes and tells.
struct BackupEnds<'a, 'b> {
    operation: &'a mut Operation<'b>,
    list: List<'a>,
    writer: Writer<'a>,
    packing: &'a Packing<'a>,
    rights: Option<&'a dyn Rights>,
    progress: wmlb_progress,
    /// What to come back to when the large licence that is being written is void.
    bytes_before_large: u64,
    /// No licence was left out because it could not be read.
    all_stored: bool,
}

impl<'a> Ends<Packing<'a>> for BackupEnds<'a, '_> {
    fn next(&mut self) -> Result<Option<Task>> {
        let Some(batch) = self.list.next_batch()? else {
            self.progress.licenses_total = self.list.listed();
            return Ok(None);
        };
        Ok(Some(Task::new(batch)))
    }

    fn accept(&mut self, part: Part) -> Result<()> {
        match part.large {
            Large::Begins => {
                self.writer.begin_large()?;
                self.bytes_before_large = self.progress.bytes_done;
            }
            Large::Void => {
                self.writer.void()?;
                self.progress.bytes_done = self.bytes_before_large;
            }
            Large::No | Large::Ends => {}
        }
        if let Some(frame) = part.frame {
            self.writer.write(&frame)?;
            self.packing.used.lock().push(frame.data);
        }
        if part.large == Large::Ends {
            self.writer.keep(self.operation.control())?;
        }
        self.progress.licenses_done += part.licenses;
        self.progress.bytes_done += part.bytes;
        for notice in part.notices {
            self.tell(notice)?;
        }
        self.operation.advance(self.progress)
    }

    fn answer(&mut self, question: Vec<Inspected>) -> Result<Vec<(Inspected, Right)>> {
        let mut answers = Vec::with_capacity(question.len());
        for license in question {
            self.check()?;
            let host = self.rights;
            let ask =
                |host: &dyn Rights| self.operation.call_host(|| host.right_of(&license.info()));
            let right = host.map_or(Ok(Right::NotStated), ask)?;
            answers.push((license, right));
            // A host that takes its time does not keep the user from seeing that it goes on.
            self.operation.advance(self.progress)?;
        }
        Ok(answers)
    }

    fn check(&self) -> Result<()> {
        self.operation.control().check()
    }
}

impl BackupEnds<'_, '_> {
    fn tell(&mut self, notice: Notice) -> Result<()> {
        match notice {
            Notice::Restricted { title } => {
                self.progress.licenses_restricted += 1;
                self.operation.report(
                    status::WMLB_STATUS_RESTRICTED_LICENSE,
                    hresult::WMLB_S_OK,
                    Value::Text(&title),
                )
            }
            Notice::Skipped { name, cause } => {
                self.progress.licenses_skipped += 1;
                self.all_stored &= matches!(cause, Error::NotALicense(_));
                self.operation.report(
                    status::WMLB_STATUS_LICENSE_SKIPPED,
                    cause.hresult(),
                    Value::Text(&String::from_utf8_lossy(&name)),
                )
            }
        }
    }
}
