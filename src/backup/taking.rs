//! Takes frames from the backup that is replaced, where nothing in them has changed.

use super::messages::{FrameResult, LargeMark, Pieces, Task};
use super::reuse::Reuse;
use super::shared::{Packing, Worker};
use super::source::{End, Range};
use crate::archive::index::Described;
use crate::archive::{FRAME_CONTENT, cut};
use crate::error::Result;

/// A part of a batch that a frame of the earlier backup is of.
struct Found {
    /// The frame, and the one behind the last one of the same license.
    number: usize,
    end: usize,
    /// Licenses in it, and their bytes.
    licenses: usize,
    bytes: u64,
}

impl Packing<'_> {
    /// Takes the next frame from the earlier backup; None where it has to be made.
    pub fn take_earlier(
        &self,
        worker: &mut Worker,
        task: &mut Task,
    ) -> Result<Option<FrameResult>> {
        let Some(reuse) = &self.reuse else {
            return Ok(None);
        };
        if let Some(pieces) = task.reused.take() {
            return self.take_piece(reuse, &mut worker.content, task, pieces);
        }
        if task.large.is_some() || task.is_refused || task.batch.is_empty() {
            return Ok(None);
        }
        self.control.check()?;
        let Some(found) = self.find(reuse, worker, task) else {
            return Ok(None);
        };
        if found.end - found.number > 1 {
            task.prepared = None;
            let pieces = Pieces {
                next: found.number,
                end: found.end,
                rest: found.bytes,
                is_begun: false,
            };
            return self.take_piece(reuse, &mut worker.content, task, pieces);
        }
        let data = &mut worker.content;
        if !reuse.read(found.number, data)? {
            task.is_refused = true;
            return Ok(None);
        }
        task.prepared = None;
        for _ in 0..found.licenses {
            task.advance();
        }
        let frame = Some(reuse.licenses(found.number, data, &self.memory)?);
        let licenses = found.licenses as u64;
        let result = FrameResult::taken(frame, licenses, found.bytes, LargeMark::None);
        Ok(Some(result))
    }

    /// Looks for the frame that the batch's next entries would be in.
    fn find(&self, reuse: &Reuse<'_>, worker: &mut Worker, task: &Task) -> Option<Found> {
        let Worker {
            reader,
            range,
            path: name,
            ..
        } = worker;
        let batch = &task.batch;
        name.clear();
        batch.append_name(name);
        let (number, end) = reuse.of_first(name)?;
        let following = reuse.frames.get(end).map(|frame| &frame.first[..]);
        let frame = &reuse.frames[number];
        // One license has all of several frames.
        let most = if end - number > 1 { 1 } else { batch.len() };
        range.begin();
        let (mut at, mut bytes) = (0, 0);
        while at < most {
            name.clear();
            batch.append_name_at(at, name);
            if at > 0 && following == Some(&name[..]) {
                break;
            }
            let facts = reader.look(batch, at)?;
            bytes += facts.size();
            let fits = end - number > 1 || bytes <= frame.seal.length;
            if facts.newest() > reuse.newest || !fits {
                return None;
            }
            range.add(name, Some(facts));
            at += 1;
        }
        let is_same = if at == 1 && bytes > cut::LARGEST_WHOLE {
            self.are_its_pieces(reuse, range, cut::pieces(bytes), number..end)
        } else if self.is_made_of(reuse, number, range, End::Own) {
            true
        } else if at == batch.len() {
            self.is_made_of(reuse, number, range, End::List)
        } else {
            name.clear();
            batch.append_name_at(at, name);
            let next = End::Before(name, reader.look(batch, at));
            self.is_made_of(reuse, number, range, next)
        };
        is_same.then_some(Found {
            number,
            end,
            licenses: at,
            bytes,
        })
    }

    /// Whether an earlier frame was made of the same, and ended for the same reason.
    fn is_made_of(
        &self,
        reuse: &Reuse<'_>,
        number: usize,
        range: &mut Range,
        end: End<'_>,
    ) -> bool {
        let Described { seal, source, .. } = &reuse.frames[number];
        range.ending(end, |range| {
            source.is_some() && self.sources.of(range, seal) == *source
        })
    }

    /// Whether these earlier frames are the pieces of the one license that is in the range.
    fn are_its_pieces(
        &self,
        reuse: &Reuse<'_>,
        range: &mut Range,
        pieces: u64,
        numbers: std::ops::Range<usize>,
    ) -> bool {
        let as_many = pieces == numbers.len() as u64;
        as_many
            && (0..).zip(numbers).all(|(number, frame)| {
                let end = End::Piece { number, pieces };
                self.is_made_of(reuse, frame, range, end)
            })
    }

    /// Takes the next frame of a large license.
    fn take_piece(
        &self,
        reuse: &Reuse<'_>,
        data: &mut Vec<u8>,
        task: &mut Task,
        mut pieces: Pieces,
    ) -> Result<Option<FrameResult>> {
        self.control.check()?;
        if !reuse.read(pieces.next, data)? {
            task.is_refused = true;
            // What was taken of it does not count.
            let void = FrameResult::taken(None, 0, 0, LargeMark::Void);
            return Ok(pieces.is_begun.then_some(void));
        }
        let frame = Some(reuse.licenses(pieces.next, data, &self.memory)?);
        pieces.next += 1;
        let ends = pieces.next == pieces.end;
        let large = match (pieces.is_begun, ends) {
            // Nothing of it turns out void.
            _ if !reuse.is_read() => LargeMark::None,
            (false, _) => LargeMark::Begins,
            (true, false) => LargeMark::None,
            (true, true) => LargeMark::Ends,
        };
        let bytes = pieces.rest.min(FRAME_CONTENT as u64);
        pieces.rest -= bytes;
        pieces.is_begun = true;
        if ends {
            task.advance();
        } else {
            task.reused = Some(pieces);
        }
        let result = FrameResult::taken(frame, ends.into(), bytes, large);
        Ok(Some(result))
    }
}
