//! The main job: from the licence store into a backup file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use rustix::io::Errno;

use crate::archive::commit::{self, Folder};
use crate::archive::frame::{Frame, Packer};
use crate::archive::writer::{Mark, Writer};
use crate::archive::{FORMAT, FRAME_CONTENT, Info, LICENSES_FOLDER, member};
use crate::device;
use crate::error::{Error, Result};
use crate::hresult::{self, wmlb_hresult};
use crate::operation::{Control, Operation};
use crate::pipeline::{self, Ends, Work};
use crate::props::{Properties, Property};
use crate::status::{self, Value, wmlb_progress};
use crate::store::directory::{Batch, Directory, Entry, License, Lister, OpenError, Reader, TRIES};

/// For a backup: replace the backup file that is there.
pub const WMLB_BACKUP_OVERWRITE: u32 = 0x1;
/// For a backup: leave out licenses that cannot be read (WMLB_STATUS_LICENSE_SKIPPED
/// tells which and why) and end with WMLB_NS_E_DRM_STORE_NOTALLSTORED in the END
/// event, instead of failing. Running out of memory or of file descriptors is still
/// a failure.
pub const WMLB_BACKUP_PARTIAL: u32 = 0x100;
/// For a backup: read the written file back from the disk and check every hash
/// before it takes its name. Damage is WMLB_NS_E_DRM_BACKUP_CORRUPT.
pub const WMLB_BACKUP_VERIFY: u32 = 0x200;

const FLAGS: u32 = WMLB_BACKUP_OVERWRITE | WMLB_BACKUP_PARTIAL | WMLB_BACKUP_VERIFY;

/// Room that a member needs besides its content, unless its name is very long: the
/// headers, a pax record, the padding.
const MEMBER_OVERHEAD: usize = 2048;

/// Checks the flags of a backup.
pub fn check_flags(flags: u32) -> Result<()> {
    match flags & !FLAGS {
        0 => Ok(()),
        unknown => Err(Error::Argument(format!(
            "unknown flags {unknown:#x}: a backup knows {FLAGS:#x}"
        ))),
    }
}

/// A backup that is ready to run.
pub struct Backup {
    /// BackupPath as it was set, for the caller, and where that is whatever becomes the
    /// working directory meanwhile.
    folder: PathBuf,
    absolute_folder: PathBuf,
    store: PathBuf,
    flags: u32,
    level: i32,
    threads: usize,
    denies_unstated_rights: bool,
}

impl Backup {
    /// Everything that can be refused before the operation starts. Quick: it looks at
    /// settings and for the backup file, and no further.
    pub fn prepare(properties: &Properties, flags: u32) -> Result<Self> {
        let folder = properties.path(Property::BackupPath)?;
        let store = absolute(&properties.path(Property::StorePath)?)?;
        let absolute_folder = absolute(&folder)?;
        let backup = Backup {
            folder,
            absolute_folder,
            store,
            flags,
            level: properties.compression_level(),
            threads: properties.threads(),
            denies_unstated_rights: properties.denies_unstated_rights(),
        };
        commit::check_target(&backup.absolute_folder, backup.has(WMLB_BACKUP_OVERWRITE))?;
        Ok(backup)
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// The path of the backup file, as the caller knows it.
    pub fn target(&self) -> PathBuf {
        self.folder.join(commit::FILE_NAME)
    }

    /// Runs the backup; what it gives is the code of its END event.
    pub fn run(&self, operation: &mut Operation<'_>) -> Result<wmlb_hresult> {
        operation.report(
            status::WMLB_STATUS_BACKUPRESTORE_BEGIN,
            hresult::WMLB_S_OK,
            Value::None,
        )?;
        let control = operation.control();
        let store = Directory::open(&self.store)?;
        let folder = Folder::open(&self.absolute_folder)?;
        let temporary = folder.temporary()?;
        let target = folder.target();
        let info = Info {
            format: FORMAT,
            created: unix_time(),
            library: env!("CARGO_PKG_VERSION"),
            device: &device::id(),
            store: "directory",
        };
        let writer = Writer::new(temporary.file(), &target, self.level, &info)?;
        let partial = self.has(WMLB_BACKUP_PARTIAL);
        let lister = Lister::new(store.clone(), folder.identity(), partial, control)?;
        let packing = Packing {
            store,
            control,
            level: self.level,
            partial,
            denies_unstated_rights: self.denies_unstated_rights,
            used: Mutex::new(Vec::new()),
        };
        let mut ends = BackupEnds {
            operation,
            lister,
            writer,
            packing: &packing,
            progress: wmlb_progress::default(),
            mark: None,
            all_stored: true,
        };
        pipeline::run(&packing, &mut ends, self.threads)?;
        let BackupEnds {
            operation,
            writer,
            mut progress,
            all_stored,
            ..
        } = ends;
        progress.bytes_total = progress.bytes_done;
        operation.report_progress(progress)?;

        let written = writer.finish(progress.licenses_done, progress.bytes_done)?;
        temporary.synchronize()?;
        if self.has(WMLB_BACKUP_VERIFY) {
            written.read_back(self.threads, control)?;
        }
        control.check()?;
        temporary.commit(self.has(WMLB_BACKUP_OVERWRITE))?;
        Ok(match all_stored {
            true => hresult::WMLB_S_OK,
            false => hresult::WMLB_NS_E_DRM_STORE_NOTALLSTORED,
        })
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::io("resolve", path, error))
}

/// Unix seconds; a clock before 1970 counts as 1970.
fn unix_time() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}

/// Something left out, to be told.
enum Notice {
    Restricted { name: Vec<u8> },
    Skipped { name: Vec<u8>, cause: Error },
}

/// What a part means for a licence that takes several frames.
#[derive(PartialEq)]
enum Large {
    /// Nothing: the part has no such licence, or its middle.
    No,
    /// One begins with this part.
    Begins,
    /// The one that is being written changed meanwhile: what was written of it is void.
    Void,
}

/// One piece of the archive, and what is to be told with it.
struct Part {
    frame: Option<Frame>,
    notices: Vec<Notice>,
    licenses: u64,
    bytes: u64,
    large: Large,
}

/// Names to be packed, and the large licence among them that is under way.
struct Task {
    batch: Batch,
    large: Option<LargeLicense>,
    /// How often the batch's next entry was tried before.
    tries: u32,
}

struct LargeLicense {
    license: License,
    /// Bytes still to be read.
    rest: u64,
}

/// What the workers of a backup share.
struct Packing<'a> {
    store: Arc<Directory>,
    control: &'a Control,
    level: i32,
    partial: bool,
    denies_unstated_rights: bool,
    /// Memory of written frames, to be used again.
    used: Mutex<Vec<Vec<u8>>>,
}

/// What one worker has of its own.
struct Worker {
    reader: Reader,
    packer: Packer,
    /// The content of the frame that is being made.
    content: Vec<u8>,
    /// The path of the member that is being made.
    path: Vec<u8>,
}

/// What became of a batch's next entry.
enum Outcome {
    /// It is done with, in the frame or left out.
    Done,
    /// It does not fit the frame any more.
    Full,
    /// It is too large for one frame.
    Large(License),
}

impl Work for Packing<'_> {
    type Task = Task;
    type Part = Part;
    type Worker = Worker;

    fn worker(&self) -> Result<Worker> {
        Ok(Worker {
            reader: Reader::new(self.store.clone()),
            packer: Packer::new(self.level)?,
            content: Vec::new(),
            path: Vec::new(),
        })
    }

    fn work(
        &self,
        worker: &mut Worker,
        mut task: Task,
        rest: &mut dyn FnMut(Task),
    ) -> Result<Part> {
        let mut part = Part {
            frame: None,
            notices: Vec::new(),
            licenses: 0,
            bytes: 0,
            large: Large::No,
        };
        worker.content.clear();
        match task.large.take() {
            Some(large) => self.go_on(worker, &mut task, large, &mut part)?,
            None => self.fill(worker, &mut task, &mut part)?,
        }
        if task.large.is_some() || !task.batch.is_empty() {
            rest(task);
        }
        if !worker.content.is_empty() {
            let memory = self.used.lock().pop().unwrap_or_default();
            part.frame = Some(worker.packer.pack(&worker.content, memory)?);
        }
        Ok(part)
    }

    fn weight(task: &Task) -> usize {
        task.batch.weight()
    }
}

impl Packing<'_> {
    /// Fills a frame with the batch's next licences.
    fn fill(&self, worker: &mut Worker, task: &mut Task, part: &mut Part) -> Result<()> {
        while let Some(entry) = task.batch.peek() {
            self.control.check()?;
            worker.path.clear();
            worker.path.extend_from_slice(LICENSES_FOLDER);
            task.batch.append_name(&mut worker.path);
            match entry {
                Entry::Other => {
                    self.skip_other(worker, part);
                    task.batch.advance();
                }
                Entry::Unlisted(_) => {
                    if let Some(Entry::Unlisted(cause)) = task.batch.advance() {
                        self.skip(worker, cause, part)?;
                    }
                }
                Entry::License if self.denies_unstated_rights => {
                    // No format that states a right is recognised yet, so none does.
                    let name = worker.path[LICENSES_FOLDER.len()..].to_vec();
                    part.notices.push(Notice::Restricted { name });
                    task.batch.advance();
                }
                Entry::License => match self.read(worker, task, part)? {
                    Outcome::Done => {
                        task.batch.advance();
                        task.tries = 0;
                    }
                    Outcome::Full => break,
                    Outcome::Large(_) if !worker.content.is_empty() => break,
                    Outcome::Large(license) => {
                        let size = license.size();
                        member::write_header(
                            &mut worker.content,
                            &worker.path,
                            size,
                            license.modified(),
                        );
                        part.large = Large::Begins;
                        let large = LargeLicense {
                            license,
                            rest: size,
                        };
                        return self.go_on(worker, task, large, part);
                    }
                },
            }
        }
        Ok(())
    }

    /// Reads the next licence into the frame, again when it changes meanwhile.
    fn read(&self, worker: &mut Worker, task: &mut Task, part: &mut Part) -> Result<Outcome> {
        let start = worker.content.len();
        while task.tries < TRIES {
            worker.content.truncate(start);
            let license = match worker.reader.open(&task.batch) {
                Ok(license) => license,
                Err(OpenError::Gone) => {
                    task.tries += 1;
                    continue;
                }
                Err(OpenError::NotALicense) => {
                    self.skip_other(worker, part);
                    return Ok(Outcome::Done);
                }
                Err(OpenError::Failed(errno)) => {
                    return self.fail(worker, "open", errno, part);
                }
            };
            let size = license.size();
            if size > (FRAME_CONTENT - MEMBER_OVERHEAD) as u64 {
                return Ok(Outcome::Large(license));
            }
            if start != 0 && start + size as usize + MEMBER_OVERHEAD > FRAME_CONTENT {
                return Ok(Outcome::Full);
            }
            let content = &mut worker.content;
            member::write_header(content, &worker.path, size, license.modified());
            let read = license
                .read_whole(content)
                .and_then(|read| Ok(read == size && license.is_unchanged()?));
            match read {
                Ok(true) => {
                    member::pad(content, size);
                    part.licenses += 1;
                    part.bytes += size;
                    return Ok(Outcome::Done);
                }
                Ok(false) => task.tries += 1,
                Err(errno) => {
                    content.truncate(start);
                    return self.fail(worker, "read", errno, part);
                }
            }
        }
        worker.content.truncate(start);
        self.give_up(worker, part)?;
        Ok(Outcome::Done)
    }

    /// Puts the next piece of a large licence into the frame.
    fn go_on(
        &self,
        worker: &mut Worker,
        task: &mut Task,
        mut large: LargeLicense,
        part: &mut Part,
    ) -> Result<()> {
        self.control.check()?;
        let length = large.rest.min(FRAME_CONTENT as u64) as usize;
        let license = &large.license;
        let read = license
            .read_next(&mut worker.content, length)
            .and_then(|read| {
                let ends = large.rest == length as u64;
                Ok(read == length && (!ends || license.is_unchanged()?))
            });
        if let Ok(true) = read {
            part.bytes = length as u64;
            large.rest -= length as u64;
            if large.rest > 0 {
                task.large = Some(large);
            } else {
                member::pad(&mut worker.content, license.size());
                part.licenses = 1;
                task.batch.advance();
                task.tries = 0;
            }
            return Ok(());
        }
        // What was packed of it so far does not count, in this part and in those before.
        worker.content.clear();
        part.large = match part.large {
            Large::Begins => Large::No,
            _ => Large::Void,
        };
        worker.path.clear();
        worker.path.extend_from_slice(LICENSES_FOLDER);
        task.batch.append_name(&mut worker.path);
        match read {
            Err(errno) => {
                self.fail(worker, "read", errno, part)?;
            }
            Ok(_) => {
                task.tries += 1;
                if task.tries < TRIES {
                    return Ok(());
                }
                self.give_up(worker, part)?;
            }
        }
        task.batch.advance();
        task.tries = 0;
        Ok(())
    }

    /// The path of the member that is being made, in the store.
    fn display_path(&self, worker: &Worker) -> PathBuf {
        self.store
            .display_path(&worker.path[LICENSES_FOLDER.len()..])
    }

    /// The licence that is being made cannot be read.
    fn fail(
        &self,
        worker: &Worker,
        action: &'static str,
        errno: Errno,
        part: &mut Part,
    ) -> Result<Outcome> {
        let cause = Error::system(action, self.display_path(worker), errno);
        self.skip(worker, cause, part)?;
        Ok(Outcome::Done)
    }

    /// The licence that is being made changed in every try, or is gone.
    fn give_up(&self, worker: &Worker, part: &mut Part) -> Result<()> {
        self.skip(worker, Error::Changed(self.display_path(worker)), part)
    }

    /// Leaves out what cannot be read, where that is allowed.
    fn skip(&self, worker: &Worker, cause: Error, part: &mut Part) -> Result<()> {
        if !self.partial || !cause.concerns_one_license() {
            return Err(cause);
        }
        let name = worker.path[LICENSES_FOLDER.len()..].to_vec();
        part.notices.push(Notice::Skipped { name, cause });
        Ok(())
    }

    /// Leaves out a link or a special file.
    fn skip_other(&self, worker: &Worker, part: &mut Part) {
        let name = worker.path[LICENSES_FOLDER.len()..].to_vec();
        let cause = Error::NotALicense(self.display_path(worker));
        part.notices.push(Notice::Skipped { name, cause });
    }
}

/// Where the operation's thread has a large licence begin.
struct LargeMark {
    mark: Mark,
    bytes: u64,
}

/// What the operation's thread does in a backup: it lists, writes and tells.
struct BackupEnds<'a, 'b> {
    operation: &'a mut Operation<'b>,
    lister: Lister<'a>,
    writer: Writer<'a>,
    packing: &'a Packing<'a>,
    progress: wmlb_progress,
    /// Where to come back to when the large licence that is being written is void.
    mark: Option<LargeMark>,
    /// No licence was left out because it could not be read.
    all_stored: bool,
}

impl<'a> Ends<Packing<'a>> for BackupEnds<'a, '_> {
    fn next(&mut self) -> Result<Option<Task>> {
        let Some(batch) = self.lister.next_batch()? else {
            self.progress.licenses_total = self.lister.listed();
            return Ok(None);
        };
        Ok(Some(Task {
            batch,
            large: None,
            tries: 0,
        }))
    }

    fn accept(&mut self, part: Part) -> Result<()> {
        match (part.large, &self.mark) {
            (Large::Begins, _) => {
                self.mark = Some(LargeMark {
                    mark: self.writer.mark(),
                    bytes: self.progress.bytes_done,
                });
            }
            (Large::Void, Some(large)) => {
                self.writer.roll_back(&large.mark)?;
                self.progress.bytes_done = large.bytes;
            }
            (Large::Void, None) => {
                return Err(Error::Defect("a license without a beginning".to_owned()));
            }
            (Large::No, _) => {}
        }
        if let Some(frame) = part.frame {
            self.writer.write(&frame)?;
            self.packing.used.lock().push(frame.data);
        }
        self.progress.licenses_done += part.licenses;
        self.progress.bytes_done += part.bytes;
        for notice in part.notices {
            self.tell(notice)?;
        }
        self.operation.advance(self.progress)
    }

    fn check(&self) -> Result<()> {
        self.operation.control().check()
    }
}

impl BackupEnds<'_, '_> {
    fn tell(&mut self, notice: Notice) -> Result<()> {
        match notice {
            Notice::Restricted { name } => {
                self.progress.licenses_restricted += 1;
                self.operation.report(
                    status::WMLB_STATUS_RESTRICTED_LICENSE,
                    hresult::WMLB_S_OK,
                    Value::Text(&String::from_utf8_lossy(&name)),
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
