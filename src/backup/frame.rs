//! A frame that is being made: which licenses are in it, and what is left out.

use std::path::PathBuf;

use rustix::io::Errno;

use super::messages::{LargeMark, Notice, Task};
use super::rights::{Candidate, Dropped};
use super::shared::{Packing, Worker};
use super::source::End;
use crate::archive::{LICENSES_FOLDER, MEMBER_OVERHEAD, cut, member};
use crate::error::{Error, Result, reserve};
use crate::license::Excerpt;
use crate::name;
use crate::pipeline::TaskContext;
use crate::store::license::{License, Unread};
use crate::store::{Entry, OpenError, TRIES};

/// A frame, by the worker that makes it, out of the names of a task.
pub struct FrameInProgress<'f, 'p> {
    pub packing: &'f Packing<'p>,
    pub worker: &'f mut Worker,
    pub task: Task,
    pub notices: Vec<Notice>,
    pub licenses: u64,
    /// Of these, databases without licenses.
    pub empty: u64,
    pub bytes: u64,
    pub large: LargeMark,
    /// The name of the license that its content begins with.
    pub first: Vec<u8>,
}

/// What became of a batch's next entry.
enum Outcome {
    /// It is done with, in the frame or left out.
    Done,
    /// It is done with, and ends the frame.
    Ended,
    /// It does not fit the frame any more.
    Full,
    /// It is too large for one frame.
    Large(Box<License>),
}

pub type Context<'c, 'p> = &'c mut dyn TaskContext<Packing<'p>>;

impl<'w, 'p> FrameInProgress<'w, 'p> {
    /// One that has nothing yet.
    pub fn new(packing: &'w Packing<'p>, worker: &'w mut Worker, task: Task) -> Self {
        FrameInProgress {
            packing,
            worker,
            task,
            notices: Vec::new(),
            licenses: 0,
            empty: 0,
            bytes: 0,
            large: LargeMark::None,
            first: Vec::new(),
        }
    }

    /// Fills the frame with the batch's next licenses.
    pub fn fill(&mut self, context: Context<'_, 'p>) -> Result<()> {
        while !self.task.batch.is_empty() {
            self.packing.control.check()?;
            if let Some(ahead) = &self.packing.ahead {
                let (waits, task) = (&mut self.worker.waits, &mut self.task);
                ahead.advance(waits, &task.batch, &mut task.prefetched);
            }
            match self.task.batch.peek() {
                None => break,
                Some(Entry::Other) => {
                    self.begin_path();
                    self.skip_other();
                    self.task.advance();
                }
                Some(Entry::Unlisted(_)) => {
                    self.begin_path();
                    if let Some(Entry::Unlisted(cause)) = self.task.advance() {
                        self.skip(*cause)?;
                    }
                }
                Some(Entry::License | Entry::Spooled(_)) => {
                    self.begin_path();
                    if !self.take_next(context)? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the batch's next license; false when the frame has come to its end.
    fn take_next(&mut self, context: Context<'_, 'p>) -> Result<bool> {
        match self.add_next()? {
            Outcome::Done => {
                self.task.advance();
                Ok(true)
            }
            Outcome::Ended => {
                self.task.advance();
                Ok(false)
            }
            Outcome::Full => Ok(false),
            Outcome::Large(license) if !self.worker.content.is_empty() => {
                self.end_before(&license);
                self.task.keep(*license);
                Ok(false)
            }
            Outcome::Large(license) => self.begin_large(*license, context).map(|()| false),
        }
    }

    /// Sets the path of the member that is being made.
    pub fn begin_path(&mut self) {
        let path = &mut self.worker.path;
        path.clear();
        path.extend_from_slice(LICENSES_FOLDER);
        self.task.batch.append_name(path);
    }

    /// The name of the license whose member is being made.
    pub fn name(&self) -> &[u8] {
        &self.worker.path[LICENSES_FOLDER.len()..]
    }

    /// Reads the next license into the frame, again when it changes meanwhile.
    fn add_next(&mut self) -> Result<Outcome> {
        if self.name().len() > name::LONGEST {
            return self.fail("save", Errno::NAMETOOLONG);
        }
        let start = self.worker.content.len();
        let mut given_back = false;
        while self.task.tries < TRIES {
            self.worker.content.truncate(start);
            let license = match self.open() {
                Ok(license) => license,
                Err(OpenError::Gone) => {
                    self.task.tries += 1;
                    continue;
                }
                Err(OpenError::NotALicense) => {
                    self.skip_other();
                    return Ok(Outcome::Done);
                }
                // Those who read ahead have some, which are needed here.
                Err(OpenError::Failed(Errno::MFILE | Errno::NFILE)) if !given_back => {
                    self.packing.end_read_ahead();
                    given_back = true;
                    continue;
                }
                Err(OpenError::Failed(errno)) => return self.fail("open", errno),
            };
            if license.size() > cut::LARGEST_WHOLE {
                match license.is_database() {
                    Ok(false) => return Ok(Outcome::Large(Box::new(license))),
                    Ok(true) if self.prepare(license)? => continue,
                    Ok(true) => return Ok(Outcome::Done),
                    Err(errno) => return self.fail("read", errno),
                }
            }
            if let Some(outcome) = self.add(license, start)? {
                return Ok(outcome);
            }
        }
        self.worker.content.truncate(start);
        self.give_up()?;
        Ok(Outcome::Done)
    }

    fn open(&mut self) -> std::result::Result<License, OpenError> {
        match self.task.prepared.take() {
            Some(prepared) => Ok(prepared),
            None => self.worker.reader.open(&self.task.batch),
        }
    }

    /// Adds the member of a license that fits a frame, which begins at `start`; None when it has
    /// to be opened again.
    fn add(&mut self, mut license: License, start: usize) -> Result<Option<Outcome>> {
        let size = license.size();
        self.make_room(size as usize)?;
        let content = &mut self.worker.content;
        member::write_header(content, &self.worker.path, size, license.modified());
        let begin = content.len();
        let length = begin - start + size as usize + member::padding(size);
        if cut::ends_before(start, length) {
            content.truncate(start);
            self.end_before(&license);
            self.task.keep(license);
            return Ok(Some(Outcome::Full));
        }
        let read = license.read_whole(content).map_err(Unread::Failed);
        // Whether a database changes is told by its locks.
        if read.is_ok() && license.reads_as_database(&content[begin..]) {
            content.truncate(start);
            let goes_on = self.prepare(license)?;
            return Ok((!goes_on).then_some(Outcome::Done));
        }
        let control = self.packing.control;
        match read.and_then(|read| Ok(read == size && license.verify(control)?)) {
            Ok(true) => {
                member::pad(content, size);
                self.admit(&license, start, begin).map(Some)
            }
            Ok(false) => {
                self.task.tries += 1;
                Ok(None)
            }
            Err(unread) => {
                content.truncate(start);
                self.refuse(unread)?;
                Ok(Some(Outcome::Done))
            }
        }
    }

    /// Counts the license whose member begins at `start`, and its content at `begin`, or takes it
    /// out again when it is denied.
    fn admit(&mut self, license: &License, start: usize, begin: usize) -> Result<Outcome> {
        let size = license.size();
        let Worker {
            content,
            path,
            judge,
            range,
            ..
        } = &mut *self.worker;
        let name = &path[LICENSES_FOLDER.len()..];
        let is_empty = license.is_empty(self.packing.control);
        let candidate = Candidate {
            name,
            size,
            modified: license.modified().seconds,
            is_empty,
            member: start..content.len(),
            excerpt: Excerpt::whole(&content[begin..begin + size as usize]),
        };
        if !judge.admits(candidate, &mut self.notices)? {
            content.truncate(start);
            range.spoil();
            return Ok(Outcome::Done);
        }
        if start == 0 {
            self.first = name.to_vec();
        }
        range.add(name, license.facts().filter(|_| !is_empty));
        self.licenses += 1;
        self.empty += u64::from(is_empty);
        self.bytes += size;
        if cut::ends_after(content.len(), content.len() - start, name) {
            range.end(End::Own);
            return Ok(Outcome::Ended);
        }
        Ok(Outcome::Done)
    }

    /// Opens the database that the next license is. False when it is left out.
    fn prepare(&mut self, license: License) -> Result<bool> {
        let path = self.display_path();
        let (reader, control) = (&mut self.worker.reader, self.packing.control);
        match reader.open_database(&self.task.batch, license, &path, control) {
            Ok(database) => {
                self.task.prepared = Some(database);
                Ok(true)
            }
            Err(cause) => self.skip(cause).map(|()| false),
        }
    }

    /// Has the host asked of the licenses in the frame, and takes out what it denies.
    pub fn ask_host(&mut self, context: Context<'_, 'p>) -> Result<Dropped> {
        let Worker { judge, content, .. } = &mut *self.worker;
        judge.ask_host_and_drop_denied(content, &mut self.notices, |asked| context.ask(asked))
    }

    /// Makes room for so many bytes of a license, its headers and its padding.
    pub fn make_room(&mut self, length: usize) -> Result<()> {
        let more = self.worker.path.len() + length + 2 * MEMBER_OVERHEAD;
        reserve(&mut self.worker.content, more, "a frame")
    }

    fn display_path(&self) -> PathBuf {
        self.packing.contents.display_path(self.name())
    }

    /// The license that is being made cannot be read.
    fn fail(&mut self, action: &'static str, errno: Errno) -> Result<Outcome> {
        self.skip(Error::system(action, self.display_path(), errno))?;
        Ok(Outcome::Done)
    }

    /// The same, whatever the cause is.
    pub fn refuse(&mut self, unread: Unread) -> Result<()> {
        match unread {
            Unread::Failed(errno) => self.fail("read", errno).map(drop),
            Unread::Cause(cause) => self.skip(cause),
        }
    }

    /// The license that is being made changed in every try, or is gone.
    pub fn give_up(&mut self) -> Result<()> {
        self.skip(Error::Changed(self.display_path()))
    }

    /// Leaves out what cannot be read, where that is allowed.
    fn skip(&mut self, cause: Error) -> Result<()> {
        if !self.packing.partial || !cause.concerns_one_license() {
            return Err(cause);
        }
        self.leave_out(cause);
        Ok(())
    }

    /// Leaves out a link or a special file.
    fn skip_other(&mut self) {
        self.leave_out(Error::NotALicense(self.display_path()));
    }

    fn leave_out(&mut self, cause: Error) {
        self.worker.range.spoil();
        let name = self.name().to_vec();
        self.notices.push(Notice::Skipped { name, cause });
    }

    /// Notes what tells later whether the license that is being made has changed. How many
    /// databases are empty has to be known each time.
    pub fn note(&mut self, license: &License, is_empty: bool) {
        let Worker { path, range, .. } = &mut *self.worker;
        let facts = license.facts().filter(|_| !is_empty);
        range.add(&path[LICENSES_FOLDER.len()..], facts);
    }

    /// The frame has no place for the license that comes next.
    fn end_before(&mut self, license: &License) {
        let Worker { path, range, .. } = &mut *self.worker;
        let name = &path[LICENSES_FOLDER.len()..];
        range.end(End::Before(name, license.facts()));
    }
}
