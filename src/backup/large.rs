//! Frames of a large license, which takes more than one.

use super::frame::{Context, FrameInProgress};
use super::messages::{LargeLicense, LargeMark};
use super::rights::Candidate;
use super::shared::{Packing, Worker};
use super::source::End;
use crate::archive::{FRAME_CONTENT, LICENSES_FOLDER, cut, member};
use crate::error::Result;
use crate::license::Excerpt;
use crate::store::TRIES;
use crate::store::license::{License, Unread};

/// What is known of a large license when its first frame is full.
struct LargeExcerpt<'t> {
    size: u64,
    modified: i64,
    is_empty: bool,
    tail: &'t [u8],
}

impl<'p> FrameInProgress<'_, 'p> {
    /// Begins the frame with a license that takes more than one, unless it is denied.
    pub fn begin_large(&mut self, license: License, context: Context<'_, 'p>) -> Result<()> {
        let (size, modified) = (license.size(), license.modified());
        self.make_room(FRAME_CONTENT)?;
        let worker = &mut *self.worker;
        member::write_header(&mut worker.content, &worker.path, size, modified);
        let header = worker.content.len();
        self.first = self.name().to_vec();
        self.note(&license);
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
            self.note(&large.license);
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
            let size = license.size();
            let pieces = cut::pieces(size);
            let number = pieces - 1 - large.rest.div_ceil(FRAME_CONTENT as u64);
            self.worker.range.end(End::Piece { number, pieces });
            if large.rest > 0 {
                self.task.large = Some(large);
            } else {
                member::pad(&mut self.worker.content, size);
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
}
