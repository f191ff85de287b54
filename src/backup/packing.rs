//! What the workers of a backup do: each owns a frame, from opening the licences' files to
//! the compressed bytes.

use std::path::PathBuf;

use parking_lot::Mutex;
use rustix::io::Errno;

use super::part::{Large, Notice, Part};
use super::rights::{Candidate, Inspected, Judge, Policy};
use super::scratch::Scratch;
use super::source::{Opener, Source};
use super::task::{LargeLicense, Task};
use crate::archive::frame::Packer;
use crate::archive::{
    FRAME_CONTENT, LARGEST_WHOLE, LICENSES_FOLDER, LONGEST_NAME, MEMBER_OVERHEAD, member,
};
use crate::error::{Error, Result, reserve};
use crate::license::{Excerpt, Right};
use crate::operation::Control;
use crate::pipeline::{Lead, Work};
use crate::store::TRIES;
use crate::store::directory::{Entry, OpenError, ReadAhead, Waits};
use crate::store::opened::{License, Unread};

/// What the workers of a backup share.
pub struct Packing<'a> {
    pub source: Source,
    pub control: &'a Control,
    pub level: i32,
    pub partial: bool,
    pub policy: Policy,
    /// None when one thread does everything.
    pub ahead: Option<ReadAhead>,
    /// Where databases are copied to that others wait for.
    pub scratch: Scratch<'a>,
    /// Memory of written frames, to be used again.
    pub used: Mutex<Vec<Vec<u8>>>,
}

/// What one worker has of its own.
pub struct Worker {
    opener: Opener,
    packer: Packer,
    /// The content of the frame that is being made.
    content: Vec<u8>,
    /// The path of the member that is being made.
    path: Vec<u8>,
    judge: Judge,
    waits: Waits,
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
    type Question = Vec<Inspected>;
    /// The same, each with what the host says of it.
    type Answer = Vec<(Inspected, Right)>;

    fn worker(&self) -> Result<Worker> {
        Ok(Worker {
            opener: self.source.opener(),
            packer: Packer::new(self.level)?,
            content: Vec::new(),
            path: Vec::new(),
            judge: Judge::new(self.policy),
            waits: Waits::default(),
        })
    }

    fn work(&self, worker: &mut Worker, mut task: Task, lead: &mut dyn Lead<Self>) -> Result<Part> {
        let mut part = Part {
            frame: None,
            notices: Vec::new(),
            licenses: 0,
            bytes: 0,
            large: Large::No,
        };
        worker.content.clear();
        worker.judge.begin();
        let goes_on = task.large.is_some();
        match task.large.take() {
            Some(large) => self.go_on(worker, &mut task, large, &mut part)?,
            None => self.fill(worker, &mut task, &mut part, lead)?,
        }
        if task.large.is_some() || !task.batch.is_empty() {
            lead.leave(task);
        }
        let (licenses, bytes) = worker.settle(&mut part, lead)?;
        part.licenses -= licenses;
        part.bytes -= bytes;
        if !worker.content.is_empty() {
            let memory = self.used.lock().pop().unwrap_or_default();
            let is_large = goes_on || part.large == Large::Begins;
            let packer = &mut worker.packer;
            let packed = packer.pack(&worker.content, is_large, memory, || self.control.check());
            part.frame = Some(packed?);
        }
        Ok(part)
    }

    fn weight(task: &Task) -> usize {
        task.batch.weight()
    }
}

impl Worker {
    /// Makes room for so many bytes of a licence with this path, its headers and its padding.
    fn make_room(&mut self, length: usize) -> Result<()> {
        let more = self.path.len() + length + 2 * MEMBER_OVERHEAD;
        reserve(&mut self.content, more, "a frame")
    }

    /// Has the host asked of the licences in the frame: how many it denied, and their bytes.
    fn settle<'a>(
        &mut self,
        part: &mut Part,
        lead: &mut dyn Lead<Packing<'a>>,
    ) -> Result<(u64, u64)> {
        self.judge
            .settle(&mut self.content, part, |licenses| lead.ask(licenses))
    }
}

impl Packing<'_> {
    /// Fills a frame with the batch's next licences.
    fn fill(
        &self,
        worker: &mut Worker,
        task: &mut Task,
        part: &mut Part,
        lead: &mut dyn Lead<Self>,
    ) -> Result<()> {
        while let Some(entry) = task.batch.peek() {
            self.control.check()?;
            if let Some(ahead) = &self.ahead {
                ahead.advance(&mut worker.waits, &task.batch, &mut task.asked);
            }
            worker.path.clear();
            worker.path.extend_from_slice(LICENSES_FOLDER);
            task.batch.append_name(&mut worker.path);
            match entry {
                Entry::Other => {
                    self.skip_other(worker, part);
                    task.advance();
                }
                Entry::Unlisted(_) => {
                    if let Some(Entry::Unlisted(cause)) = task.advance() {
                        self.skip(worker, cause, part)?;
                    }
                }
                Entry::License | Entry::Spooled(_)
                    if worker.path.len() - LICENSES_FOLDER.len() > LONGEST_NAME =>
                {
                    self.fail(worker, "save", Errno::NAMETOOLONG, part)?;
                    task.advance();
                }
                Entry::License | Entry::Spooled(_) => match self.read(worker, task, part)? {
                    Outcome::Done => {
                        task.advance();
                    }
                    Outcome::Full => break,
                    Outcome::Large(license) if !worker.content.is_empty() => {
                        task.keep(license);
                        break;
                    }
                    Outcome::Large(license) => {
                        return self.begin_large(worker, task, license, part, lead);
                    }
                },
            }
        }
        Ok(())
    }

    /// Begins a frame with a licence that takes more than one, unless it is denied.
    fn begin_large(
        &self,
        worker: &mut Worker,
        task: &mut Task,
        license: License,
        part: &mut Part,
        lead: &mut dyn Lead<Self>,
    ) -> Result<()> {
        let size = license.size();
        let modified = license.modified();
        worker.make_room(FRAME_CONTENT)?;
        member::write_header(&mut worker.content, &worker.path, size, modified);
        let header = worker.content.len();
        part.large = Large::Begins;
        let large = LargeLicense {
            license,
            rest: size,
        };
        self.go_on(worker, task, large, part)?;
        // It could not be read, or has changed meanwhile.
        if worker.content.is_empty() {
            return Ok(());
        }
        let mut tail = Vec::new();
        if let Some(large) = &task.large {
            let wanted = worker.judge.wanted_tail(&worker.content[header..], size);
            let read = large.license.read_end(&mut tail, wanted);
            // What is half old and half new says nothing.
            match read.and_then(|()| large.license.is_unchanged()) {
                Ok(true) => {}
                changed => {
                    task.large = None;
                    let unread = changed.err().map(Unread::Failed);
                    return self.void(worker, task, part, unread);
                }
            }
        }
        let content = &worker.content[header..];
        let excerpt = match &task.large {
            Some(_) => Excerpt::large(content, &tail, size),
            // One frame holds just as much, without the headers.
            None => Excerpt::whole(&content[..size as usize]),
        };
        let candidate = Candidate {
            name: &worker.path[LICENSES_FOLDER.len()..],
            size,
            modified: modified.seconds,
            member: 0..worker.content.len(),
            excerpt,
        };
        let admitted = worker.judge.admits(candidate, part)?;
        if !admitted || worker.settle(part, lead)? != (0, 0) {
            worker.content.clear();
            part.large = Large::No;
            part.licenses = 0;
            part.bytes = 0;
            if task.large.take().is_some() {
                task.advance();
            }
        }
        // It takes as long as many frames do.
        if let Some(large) = &mut task.large
            && let Some(check) = large.license.check(self.control)
        {
            lead.afterwards(check);
        }
        Ok(())
    }

    /// Reads the next licence into the frame, again when it changes meanwhile.
    fn read(&self, worker: &mut Worker, task: &mut Task, part: &mut Part) -> Result<Outcome> {
        let start = worker.content.len();
        while task.tries < TRIES {
            worker.content.truncate(start);
            let opened = match task.prepared.take() {
                Some(prepared) => Ok(prepared),
                None => worker.opener.open(&task.batch),
            };
            let mut license = match opened {
                Ok(license) => license,
                Err(OpenError::Gone) => {
                    task.tries += 1;
                    continue;
                }
                Err(OpenError::NotALicense) => {
                    self.skip_other(worker, part);
                    return Ok(Outcome::Done);
                }
                // Those who read ahead have some, which are needed here.
                Err(OpenError::Failed(Errno::MFILE | Errno::NFILE))
                    if self.ahead.as_ref().is_some_and(ReadAhead::end) =>
                {
                    continue;
                }
                Err(OpenError::Failed(errno)) => {
                    return self.fail(worker, "open", errno, part);
                }
            };
            let size = license.size();
            if size > LARGEST_WHOLE {
                match license.is_database() {
                    Ok(false) => return Ok(Outcome::Large(license)),
                    Ok(true) => {}
                    Err(errno) => return self.fail(worker, "read", errno, part),
                }
                match self.prepare(worker, task, license, part)? {
                    true => continue,
                    false => return Ok(Outcome::Done),
                }
            }
            if start != 0 && start + size as usize + MEMBER_OVERHEAD > FRAME_CONTENT {
                task.keep(license);
                return Ok(Outcome::Full);
            }
            worker.make_room(size as usize)?;
            let content = &mut worker.content;
            member::write_header(content, &worker.path, size, license.modified());
            let begin = content.len();
            let read = license.read_whole(content).map_err(Unread::Failed);
            let read = read.and_then(|read| Ok(read == size && license.verify(self.control)?));
            match read {
                // Whether it changes is told by its locks.
                Ok(_) if license.reads_as_database(&content[begin..]) => {
                    content.truncate(start);
                    if !self.prepare(worker, task, license, part)? {
                        return Ok(Outcome::Done);
                    }
                }
                Ok(true) => {
                    let end = content.len();
                    member::pad(content, size);
                    let candidate = Candidate {
                        name: &worker.path[LICENSES_FOLDER.len()..],
                        size,
                        modified: license.modified().seconds,
                        member: start..content.len(),
                        excerpt: Excerpt::whole(&content[end - size as usize..end]),
                    };
                    if worker.judge.admits(candidate, part)? {
                        part.licenses += 1;
                        part.bytes += size;
                    } else {
                        content.truncate(start);
                    }
                    return Ok(Outcome::Done);
                }
                Ok(false) => task.tries += 1,
                Err(unread) => {
                    content.truncate(start);
                    self.refuse(worker, unread, part)?;
                    return Ok(Outcome::Done);
                }
            }
        }
        worker.content.truncate(start);
        self.give_up(worker, part)?;
        Ok(Outcome::Done)
    }

    /// Opens the database that the next licence is. False when it is left out.
    fn prepare(
        &self,
        worker: &mut Worker,
        task: &mut Task,
        license: License,
        part: &mut Part,
    ) -> Result<bool> {
        let path = self.display_path(worker);
        let opened = worker
            .opener
            .database(&task.batch, license, &path, self.control);
        match opened {
            Ok(database) => {
                task.prepared = Some(database);
                Ok(true)
            }
            Err(cause) => self.skip(worker, cause, part).map(|()| false),
        }
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
        worker.make_room(length)?;
        let license = &mut large.license;
        let ends = large.rest == length as u64;
        let scratch = || Ok(self.scratch.unnamed_file()?.0);
        let read = license.make_way(&scratch, self.control);
        let read = read.map_err(Unread::Cause).and_then(|same| {
            let read = license.read_next(&mut worker.content, length);
            let whole = same && read.map_err(Unread::Failed)? == length;
            Ok(whole && (!ends || license.verify(self.control)?))
        });
        if let Ok(true) = read {
            part.bytes = length as u64;
            large.rest -= length as u64;
            if large.rest > 0 {
                task.large = Some(large);
            } else {
                member::pad(&mut worker.content, license.size());
                part.large = match part.large {
                    Large::Begins => Large::No,
                    _ => Large::Ends,
                };
                part.licenses = 1;
                task.advance();
            }
            return Ok(());
        }
        self.void(worker, task, part, read.err())
    }

    /// What was packed of a large licence so far does not count, in this part and in those
    /// before: it cannot be read, or else it has changed, and is tried again.
    fn void(
        &self,
        worker: &mut Worker,
        task: &mut Task,
        part: &mut Part,
        unread: Option<Unread>,
    ) -> Result<()> {
        worker.content.clear();
        part.bytes = 0;
        part.large = match part.large {
            Large::Begins => Large::No,
            _ => Large::Void,
        };
        worker.path.clear();
        worker.path.extend_from_slice(LICENSES_FOLDER);
        task.batch.append_name(&mut worker.path);
        match unread {
            Some(unread) => self.refuse(worker, unread, part)?,
            None => {
                task.tries += 1;
                if task.tries < TRIES {
                    return Ok(());
                }
                self.give_up(worker, part)?;
            }
        }
        task.advance();
        Ok(())
    }

    /// The path of the member that is being made, in the store.
    fn display_path(&self, worker: &Worker) -> PathBuf {
        self.source
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

    /// The same, whatever the cause is.
    fn refuse(&self, worker: &Worker, unread: Unread, part: &mut Part) -> Result<()> {
        match unread {
            Unread::Failed(errno) => self.fail(worker, "read", errno, part).map(drop),
            Unread::Cause(cause) => self.skip(worker, cause, part),
        }
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
