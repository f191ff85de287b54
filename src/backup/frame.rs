//! A frame that is being made: which licenses are in it, and what is left out.

use std::path::PathBuf;

use rustix::io::Errno;

use super::messages::{LargeLicense, LargeMark, Notice, Task};
use super::rights::{Candidate, Dropped};
use super::shared::{Packing, Worker};
use crate::archive::{FRAME_CONTENT, LICENSES_FOLDER, MEMBER_OVERHEAD, cut, member};
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
    Large(License),
}

/// What is known of a large license when its first frame is full.
struct LargeExcerpt<'t> {
    size: u64,
    modified: i64,
    is_empty: bool,
    tail: &'t [u8],
}

type Context<'c, 'p> = &'c mut dyn TaskContext<Packing<'p>>;

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
                        self.skip(cause)?;
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
                self.task.keep(license);
                Ok(false)
            }
            Outcome::Large(license) => self.begin_large(license, context).map(|()| false),
        }
    }

    /// Sets the path of the member that is being made.
    fn begin_path(&mut self) {
        let path = &mut self.worker.path;
        path.clear();
        path.extend_from_slice(LICENSES_FOLDER);
        self.task.batch.append_name(path);
    }

    /// The name of the license whose member is being made.
    fn name(&self) -> &[u8] {
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
                    Ok(false) => return Ok(Outcome::Large(license)),
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
            return Ok(Outcome::Done);
        }
        if start == 0 {
            self.first = name.to_vec();
        }
        self.licenses += 1;
        self.empty += u64::from(is_empty);
        self.bytes += size;
        if cut::ends_after(content.len(), content.len() - start, name) {
            return Ok(Outcome::Ended);
        }
        Ok(Outcome::Done)
    }

    /// Begins the frame with a license that takes more than one, unless it is denied.
    fn begin_large(&mut self, license: License, context: Context<'_, 'p>) -> Result<()> {
        let (size, modified) = (license.size(), license.modified());
        self.make_room(FRAME_CONTENT)?;
        let worker = &mut *self.worker;
        member::write_header(&mut worker.content, &worker.path, size, modified);
        let header = worker.content.len();
        self.first = self.name().to_vec();
        self.large = LargeMark::Begins;
        let is_empty = license.is_empty(self.packing.control);
        self.continue_large(LargeLicense {
            license,
            rest: size,
            is_empty,
        })?;
        // It could not be read, or has changed meanwhile.
        if self.worker.content.is_empty() {
            return Ok(());
        }
        let mut tail = Vec::new();
        if let Some(large) = &self.task.large {
            let head = &self.worker.content[header..];
            let wanted = self.worker.judge.wanted_tail(head, size);
            let read = large.license.read_end(&mut tail, wanted);
            // What is half old and half new says nothing.
            match read.and_then(|()| large.license.is_unchanged()) {
                Ok(true) => {}
                changed => {
                    self.task.large = None;
                    return self.drop_large(changed.err().map(Unread::Failed));
                }
            }
        }
        let excerpt = LargeExcerpt {
            size,
            modified: modified.seconds,
            is_empty,
            tail: &tail,
        };
        self.judge_large(header, excerpt, context)?;
        // It takes as long as many frames do.
        if let Some(large) = &mut self.task.large
            && let Some(check) = large.license.check(self.packing.control)
        {
            context.run_after(check);
        }
        Ok(())
    }

    /// Takes the large license that the frame begins with out again, if it is denied.
    fn judge_large(
        &mut self,
        header: usize,
        LargeExcerpt {
            size,
            modified,
            is_empty,
            tail,
        }: LargeExcerpt<'_>,
        context: Context<'_, 'p>,
    ) -> Result<()> {
        let Worker {
            content,
            path,
            judge,
            ..
        } = &mut *self.worker;
        let excerpt = match &self.task.large {
            Some(_) => Excerpt::large(&content[header..], tail, size),
            // One frame holds just as much, without the headers.
            None => Excerpt::whole(&content[header..header + size as usize]),
        };
        let candidate = Candidate {
            name: &path[LICENSES_FOLDER.len()..],
            size,
            modified,
            is_empty,
            member: 0..content.len(),
            excerpt,
        };
        let admitted = judge.admits(candidate, &mut self.notices)?;
        if admitted && self.ask_host(context)?.licenses == 0 {
            return Ok(());
        }
        self.worker.content.clear();
        self.large = LargeMark::None;
        self.licenses = 0;
        self.empty = 0;
        self.bytes = 0;
        if self.task.large.take().is_some() {
            self.task.advance();
        }
        Ok(())
    }

    /// Puts the next piece of a large license into the frame.
    pub fn continue_large(&mut self, mut large: LargeLicense) -> Result<()> {
        self.packing.control.check()?;
        let length = large.rest.min(FRAME_CONTENT as u64) as usize;
        self.make_room(length)?;
        if self.first.is_empty() {
            self.begin_path();
            self.first = self.name().to_vec();
        }
        let Packing {
            control, scratch, ..
        } = *self.packing;
        let license = &mut large.license;
        let ends = large.rest == length as u64;
        let content = &mut self.worker.content;
        let new_file = || Ok(scratch.file()?.0);
        let read = license.make_way(&new_file, control);
        let read = read.map_err(Unread::Cause).and_then(|same| {
            let read = license.read_next(content, length);
            let whole = same && read.map_err(Unread::Failed)? == length;
            Ok(whole && (!ends || license.verify(control)?))
        });
        if let Ok(true) = read {
            self.bytes = length as u64;
            large.rest -= length as u64;
            if large.rest > 0 {
                self.task.large = Some(large);
            } else {
                member::pad(&mut self.worker.content, license.size());
                self.large = match self.large {
                    LargeMark::Begins => LargeMark::None,
                    _ => LargeMark::Ends,
                };
                self.licenses = 1;
                self.empty = large.is_empty.into();
                self.task.advance();
            }
            return Ok(());
        }
        self.drop_large(read.err())
    }

    /// What was packed of a large license so far does not count, in this frame and in those
    /// before: it cannot be read, or else it has changed, and is tried again.
    fn drop_large(&mut self, unread: Option<Unread>) -> Result<()> {
        self.worker.content.clear();
        self.bytes = 0;
        self.large = match self.large {
            LargeMark::Begins => LargeMark::None,
            _ => LargeMark::Void,
        };
        self.begin_path();
        match unread {
            Some(unread) => self.refuse(unread)?,
            None => {
                self.task.tries += 1;
                if self.task.tries < TRIES {
                    return Ok(());
                }
                self.give_up()?;
            }
        }
        self.task.advance();
        Ok(())
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
    fn ask_host(&mut self, context: Context<'_, 'p>) -> Result<Dropped> {
        let Worker { judge, content, .. } = &mut *self.worker;
        judge.ask_host_and_drop_denied(content, &mut self.notices, |asked| context.ask(asked))
    }

    /// Makes room for so many bytes of a license, its headers and its padding.
    fn make_room(&mut self, length: usize) -> Result<()> {
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
    fn refuse(&mut self, unread: Unread) -> Result<()> {
        match unread {
            Unread::Failed(errno) => self.fail("read", errno).map(drop),
            Unread::Cause(cause) => self.skip(cause),
        }
    }

    /// The license that is being made changed in every try, or is gone.
    fn give_up(&mut self) -> Result<()> {
        self.skip(Error::Changed(self.display_path()))
    }

    /// Leaves out what cannot be read, where that is allowed.
    fn skip(&mut self, cause: Error) -> Result<()> {
        if !self.packing.partial || !cause.concerns_one_license() {
            return Err(cause);
        }
        let name = self.name().to_vec();
        self.notices.push(Notice::Skipped { name, cause });
        Ok(())
    }

    /// Leaves out a link or a special file.
    fn skip_other(&mut self) {
        let name = self.name().to_vec();
        let cause = Error::NotALicense(self.display_path());
        self.notices.push(Notice::Skipped { name, cause });
    }
}
