//! From a backup file into the license store, all or nothing.

mod database;
mod destination;
mod host;
mod plan;
mod stager;
mod write_back;

use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use plan::OwnBackup;
use stager::{Staged, Stager};
use write_back::WriteBack;

use crate::archive::Info;
use crate::archive::envelope::Decryption;
use crate::archive::frames::{FrameReader, Packed};
use crate::archive::reader::{Archive, Unpacking};
use crate::choice::{Chosen, Filter, Wanted};
use crate::device;
use crate::error::{Error, Result};
use crate::flags::{WMLB_ALLOW_CLEAR, WMLB_RESTORE_INDIVIDUALIZE, WMLB_RESTORE_OVERWRITE};
use crate::hresult::{self, wmlb_hresult};
use crate::operation::{Job, Operation};
use crate::pipeline::{self, MainSide};
use crate::props::{Properties, Property};
use crate::status::{self, Value, wmlb_progress};
use crate::store::folders::look;
use crate::store::host::SetStore;
use crate::store::player;
use crate::store::staging::{JournalWriter, Staging};
use crate::sys;
use crate::target::{self, Origin, SetTarget};

/// The flags of a restore.
pub(crate) const FLAGS: u32 =
    WMLB_RESTORE_INDIVIDUALIZE | WMLB_RESTORE_OVERWRITE | WMLB_ALLOW_CLEAR;

/// What an authorizer is asked.
pub struct Request<'a> {
    /// When the backup was made, Unix seconds.
    pub created: i64,
    /// The device that made it, and whether that is this one.
    pub device: &'a str,
    pub same_device: bool,
    /// The flags of the restore.
    pub flags: u32,
}

/// What an authorizer answers: negative refuses. The address is where the user may go to.
pub struct Answer {
    pub hr: wmlb_hresult,
    pub url: String,
}

/// Whoever may refuse a restore, on the operation's thread.
pub trait Authorizer: Send + Sync {
    fn authorize(&self, request: &Request<'_>) -> Answer;
}

/// A restore that is ready to run.
pub struct Restore {
    origin: Arc<dyn Origin>,
    decryption: Decryption,
    store: Store,
    flags: u32,
    threads: usize,
    authorizer: Option<Arc<dyn Authorizer>>,
    wanted: Wanted,
}

/// Where licenses are restored to.
enum Store {
    Path {
        path: PathBuf,
        /// It may be a file as well as a folder.
        may_be_file: bool,
    },
    Host(Arc<SetStore>),
}

impl Restore {
    pub fn prepare(
        properties: &Properties,
        flags: u32,
        host: Option<Arc<SetStore>>,
        target: Option<Arc<dyn SetTarget>>,
        authorizer: Option<Arc<dyn Authorizer>>,
        filter: Option<Arc<dyn Filter>>,
    ) -> Result<Self> {
        let origin = target::origin(properties, target)?;
        let decryption = Decryption::new(properties, flags & WMLB_ALLOW_CLEAR != 0)?;
        let store = match host {
            Some(host) if host.is_writable() => Store::Host(host),
            Some(_) => return Err(Error::HostStoreReadOnly),
            None => Store::Path {
                path: properties.absolute_path(Property::StorePath)?,
                may_be_file: properties.names_store_file(),
            },
        };
        Ok(Restore {
            origin,
            decryption,
            store,
            flags,
            threads: properties.threads(),
            authorizer,
            wanted: Wanted::new(properties, filter),
        })
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// The backup may be in the store: it is not replaced by a license that it has.
    fn own_backup(&self, staging: &Staging) -> OwnBackup {
        let place = self.origin.place();
        let Some(Ok(place)) = place.map(|path| sys::locate(&path)) else {
            return OwnBackup::default();
        };
        let stat = look(place.folder.as_fd(), place.name.as_bytes());
        let name = place.real.strip_prefix(staging.real_path(b"")).ok();
        OwnBackup {
            identity: stat.ok().flatten().map(|stat| sys::identity(&stat)),
            name: name.map(|name| name.as_os_str().as_bytes().to_vec()),
        }
    }

    /// Whether the host and the user agree to this restore.
    fn authorize(&self, info: &Info, operation: &mut Operation<'_>) -> Result<bool> {
        let same_device = !info.device.is_empty() && info.device == device::id()?;
        if let Some(authorizer) = &self.authorizer {
            let request = Request {
                created: info.created,
                device: &info.device,
                same_device,
                flags: self.flags,
            };
            let Answer { hr, url } = operation.call_host(|| authorizer.authorize(&request));
            if hr < 0 {
                return Err(Error::Refused { hr, url });
            }
            operation.control().check()?;
        }
        Ok(same_device)
    }

    /// Opens the backup, up to the moment from which on the restore has begun.
    fn connect(&self, operation: &mut Operation<'_>) -> Result<Archive> {
        let report = |operation: &mut Operation<'_>, status| {
            operation.report(status, hresult::WMLB_S_OK, Value::None)
        };
        report(operation, status::WMLB_STATUS_BACKUPRESTORE_CONNECTING)?;
        let origin = self.origin.clone();
        let file = origin.open(operation.host_calls(), operation.control())?;
        let archive = Archive::open(file.bytes, file.path, &self.decryption, operation.control())?;
        let same_device = self.authorize(&archive.info, operation)?;
        report(operation, status::WMLB_STATUS_BACKUPRESTORE_DISCONNECTING)?;
        if !same_device && !self.has(WMLB_RESTORE_INDIVIDUALIZE) {
            return Err(Error::OtherDevice);
        }
        report(operation, status::WMLB_STATUS_BACKUPRESTORE_BEGIN)?;
        Ok(archive)
    }

    /// Restores to a store that has a path: a folder, or in it the file `only`.
    fn restore_to(
        &self,
        staging: Staging,
        only: Option<Vec<u8>>,
        archive: Archive,
        progress: wmlb_progress,
        operation: &mut Operation<'_>,
    ) -> Result<()> {
        let control = operation.control();
        let journal = if staging.is_fresh() {
            None
        } else {
            Some(staging.journal()?)
        };
        let Chosen {
            frames,
            checker,
            choice,
        } = choose(&self.wanted, archive, operation)?;
        let stager = Stager::new(
            &staging,
            self.has(WMLB_RESTORE_OVERWRITE),
            only,
            self.own_backup(&staging),
            control,
        );
        let threads = frames.busy(self.threads);
        let unpacking = Unpacking::new(&checker, control, &stager, choice);
        let mut main = RestoreMain {
            operation,
            write_back: (threads > 1).then(WriteBack::default),
            frames,
            unpacking: &unpacking,
            stager: &stager,
            journal,
            progress,
        };
        pipeline::run(&unpacking, &mut main, threads)?;
        checker.finish(&mut main.frames)?;
        let journal = main.end()?;
        staging.commit(journal, control)
    }
}

impl Job for Restore {
    fn backup_file(&self) -> PathBuf {
        self.origin.display_path()
    }

    fn run(&self, operation: &mut Operation<'_>) -> Result<wmlb_hresult> {
        let mut archive = self.connect(operation)?;
        let can_seek = self.origin.place().is_some();
        let progress = self.wanted.begin(&mut archive, can_seek)?;
        match &self.store {
            Store::Path { path, may_be_file } => {
                let (folder, only) = destination::resolve(path, *may_be_file, &archive.info)?;
                let staging = Staging::begin(&folder)?;
                if player::is_running(&staging.real_path(b"")) {
                    return Err(Error::PlayerRuns(path.clone()));
                }
                self.restore_to(staging, only, archive, progress, operation)?;
                Ok(hresult::WMLB_S_OK)
            }
            Store::Host(host) => {
                let overwrite = self.has(WMLB_RESTORE_OVERWRITE);
                let backup = (archive, progress, &self.wanted);
                host::restore(host, backup, overwrite, self.threads, operation)
            }
        }
    }
}

/// What is wanted of an archive, with the host asked on the operation's thread.
fn choose(wanted: &Wanted, archive: Archive, operation: &mut Operation<'_>) -> Result<Chosen> {
    let control = operation.control();
    wanted.choose(archive, control, &mut |filter, license| {
        // It may take its time, and the user sees that it goes on.
        operation.advance(wmlb_progress::default())?;
        operation.call_host(|| filter.admits(license))
    })
}

/// What the operation's thread does in a restore: it cuts the file into frames, keeps the
/// journal, and tells.
struct RestoreMain<'a, 'b> {
    operation: &'a mut Operation<'b>,
    /// None when one thread does everything.
    write_back: Option<WriteBack>,
    frames: FrameReader,
    unpacking: &'a Unpacking<'a, Stager<'a>>,
    stager: &'a Stager<'a>,
    /// None for a store that was missing or empty.
    journal: Option<JournalWriter>,
    progress: wmlb_progress,
}

impl RestoreMain<'_, '_> {
    /// Tells what all of it was; the journal is left.
    fn end(self) -> Result<Option<JournalWriter>> {
        drop(self.write_back);
        let mut progress = self.progress;
        progress.licenses_total = progress.licenses_done + progress.licenses_skipped;
        progress.bytes_total = progress.bytes_done;
        self.operation.report_progress(progress)?;
        Ok(self.journal)
    }
}

impl<'a> MainSide<Unpacking<'a, Stager<'a>>> for RestoreMain<'a, '_> {
    fn next(&mut self) -> Result<Option<Packed>> {
        self.frames.next_sound(self.unpacking.memory())
    }

    fn accept(&mut self, mut staged: Staged) -> Result<()> {
        // All pieces of it are there now: the frames before this one were accepted.
        if let Some(large) = staged.large.take() {
            self.stager.finish_large(&large, &mut staged)?;
        }
        if let Some(journal) = &mut self.journal {
            journal
                .write(&staged.records)
                .map_err(|error| self.stager.journal_failed(error))?;
        }
        self.progress.licenses_done += staged.licenses;
        self.progress.bytes_done += staged.bytes;
        if let Some(write_back) = &mut self.write_back {
            write_back.add(staged.bytes, self.stager.staging.new_folder());
        }
        for (name, cause) in staged.kept {
            self.progress.licenses_skipped += 1;
            self.operation.report(
                status::WMLB_STATUS_LICENSE_SKIPPED,
                cause.hresult(),
                Value::Text(&String::from_utf8_lossy(&name)),
            )?;
        }
        self.operation.advance(self.progress)
    }

    fn check(&self) -> Result<()> {
        self.operation.control().check()
    }
}
