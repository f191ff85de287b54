//! The frames of the backup that is replaced, for one that takes some of them.
//!
//! A frame is what it is by its licenses, by where it ends and by the settings. All of that is in
//! the number that the summary has as its source, so a frame is the same as the one that would be
//! made if the same number comes out again, without anything being opened.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use twox_hash::XxHash64;

use crate::archive::frame::{Licenses, Padding};
use crate::archive::index::{Described, Index};
use crate::archive::reader::Archive;
use crate::archive::segments::{Pool, Segments};
use crate::error::{Result, reserve};
use crate::sys::ReadAt;

/// Seconds before the earlier backup in which a license must not have changed. Times are in steps,
/// of two seconds even, and what is written within one of them after it was read has the same time.
const STEP: i64 = 3;

/// The frames of the backup that is replaced.
pub struct Reuse<'a> {
    pub frames: &'a [Described],
    /// The same by their first licenses, and then in order.
    by_first: Vec<usize>,
    /// The last second that the times of its licenses may say.
    pub newest: i64,
    bytes: Bytes<'a>,
    is_shared: AtomicBool,
}

/// Where its frames are read.
pub enum Bytes<'a> {
    File(Arc<File>),
    /// It is encrypted: one frame is read and opened at a time.
    Archive(&'a Mutex<Option<Archive>>),
    /// They are not: the target has them already.
    AtTarget,
}

impl<'a> Reuse<'a> {
    /// Of a backup that was made at `created`.
    pub fn new(index: &'a Index, created: i64, bytes: Bytes<'a>) -> Self {
        let frames = &index.frames[..];
        let mut by_first: Vec<_> = (0..frames.len()).collect();
        by_first.sort_by(|&one, &other| frames[one].first.cmp(&frames[other].first));
        Reuse {
            frames,
            by_first,
            newest: created.saturating_sub(STEP),
            bytes,
            is_shared: AtomicBool::new(false),
        }
    }

    /// From now on, the file that is written takes frames from the earlier one by itself.
    pub fn take_from_now_on(&self) {
        self.is_shared.store(true, Ordering::Relaxed);
    }

    /// Whether the bytes of a frame are needed after they have been checked.
    fn is_held(&self, number: usize) -> bool {
        let begins_a_block = Padding::at(self.frames[number].start).length() == 0;
        !(self.is_shared.load(Ordering::Relaxed) && begins_a_block)
    }

    /// Whether a frame that is there may turn out to be damaged.
    pub fn is_read(&self) -> bool {
        !matches!(self.bytes, Bytes::AtTarget)
    }

    /// The numbers of the frames that begin with this license, or go on with it.
    pub fn of_first(&self, name: &[u8]) -> Option<(usize, usize)> {
        let first = |&number: &usize| &self.frames[number].first[..] < name;
        let at = self.by_first.partition_point(first);
        let number = *self.by_first.get(at)?;
        let rest = &self.frames[number..];
        let count = rest.iter().take_while(|frame| frame.first == name).count();
        (count > 0).then_some((number, number + count))
    }

    /// Reads a frame, and what pads it, into `data`. False where it is not what it should be.
    pub fn read(&self, number: usize, data: &mut Vec<u8>) -> Result<bool> {
        let Described { start, seal, .. } = &self.frames[number];
        let padding = Padding::at(start + seal.stored);
        let length = (seal.stored + padding.length()) as usize;
        let read = match &self.bytes {
            Bytes::AtTarget => {
                data.clear();
                return Ok(true);
            }
            Bytes::File(file) => {
                reserve(data, length.saturating_sub(data.len()), "reading")?;
                data.resize(length, 0);
                file.fills(data, *start).unwrap_or(false)
            }
            Bytes::Archive(archive) => {
                let mut archive = archive.lock();
                let read = archive
                    .as_mut()
                    .map(|it| it.read_range(*start, length, data));
                matches!(read, Some(Ok(()))) && data.len() == length
            }
        };
        if !read {
            return Ok(false);
        }
        let mut right = Vec::new();
        padding.write(&mut right);
        let is_padded = data.ends_with(&right);
        data.truncate(seal.stored as usize);
        Ok(is_padded && XxHash64::oneshot(0, data) == seal.check)
    }

    /// The frame's content as it is written, of which nothing is made anew. `data` was read.
    pub fn licenses(&self, number: usize, data: &[u8], memory: &Pool) -> Result<Licenses> {
        let data = if self.is_held(number) {
            memory.hold(data)?
        } else {
            Segments::default()
        };
        let Described {
            start,
            seal,
            first,
            source,
        } = &self.frames[number];
        Ok(Licenses {
            seal: *seal,
            data,
            first: first.clone(),
            source: *source,
            origin: match self.bytes {
                Bytes::File(_) | Bytes::AtTarget => Some(*start),
                Bytes::Archive(_) => None,
            },
        })
    }
}
