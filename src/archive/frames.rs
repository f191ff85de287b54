//! Cuts a backup file into its frames, without unpacking them.

use std::path::PathBuf;

use super::envelope::Source;
use super::frame::{self, MAGIC, PADDING_MAGIC, Padding, Seal};
use super::index::{Described, Index};
use super::{FRAME_LIMIT, seek};
use crate::error::{Error, Result, reserve};

/// Bytes that are read to begin with: up to where the second frame begins, mostly. Who wants one
/// license of a backup far away goes on elsewhere.
const FIRST: usize = 4096;

/// Bytes that are read at a time: few enough to stay in a processor's own cache until they are
/// where they belong.
const STEP: usize = 128 << 10;

/// A frame as it stands in the file.
pub struct Packed {
    /// Which one it is, from 0.
    pub index: u64,
    /// Where it begins in the archive, and in the file.
    pub start: u64,
    pub offset: u64,
    /// Bytes of content, as its header declares; within the limits.
    pub length: u64,
    pub data: Vec<u8>,
    /// What follows it, up to where the next one may begin.
    pub padding: Padding,
    /// Of one that was chosen: which frame of licenses it is, and what it must be.
    pub chosen: Option<ChosenFrame>,
}

#[derive(Clone, Copy)]
pub struct ChosenFrame {
    pub number: usize,
    pub seal: Seal,
    /// The one before it was passed over.
    pub is_apart: bool,
}

/// Frames that are read, and no others.
struct Chosen {
    index: Index,
    /// In order.
    numbers: Vec<usize>,
    /// How many of them were read.
    read: usize,
}

/// The file, up to where it ends or is broken.
struct Input {
    source: Box<dyn Source>,
    at_end: bool,
    /// Why nothing comes after what was read, when that is not the file's end.
    broken: Option<Error>,
}

impl Input {
    /// Reads on from the file; 0 at its end, and where it is broken.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = match self.source.read(buffer) {
            // What comes before it is sound: it is told when the frames are through.
            Err(error @ Error::Corrupt { .. }) => {
                self.broken = Some(error);
                0
            }
            read => read?,
        };
        self.at_end |= read == 0;
        Ok(read)
    }
}

/// Reads one frame after the other.
pub struct FrameReader {
    input: Input,
    /// For errors.
    path: PathBuf,
    buffer: Vec<u8>,
    /// What of the buffer was read, and what of that was handed out.
    filled: usize,
    taken: usize,
    /// Where in the stream of frames `taken` is.
    offset: u64,
    index: u64,
    /// What is wrong with the file where the last frame ended.
    damage: Option<Error>,
    /// None: all frames are read.
    chosen: Option<Chosen>,
}

impl FrameReader {
    pub fn new(source: Box<dyn Source>, path: PathBuf) -> Self {
        FrameReader {
            input: Input {
                source,
                at_end: false,
                broken: None,
            },
            path,
            buffer: Vec::new(),
            filled: 0,
            taken: 0,
            offset: 0,
            index: 0,
            damage: None,
            chosen: None,
        }
    }

    /// From here on, reads the frames of licenses that are chosen, which get the numbers from 1
    /// again.
    pub fn choose(&mut self, index: Index, numbers: Vec<usize>) {
        self.index = 1;
        self.damage = None;
        self.chosen = Some(Chosen {
            index,
            numbers,
            read: 0,
        });
    }

    /// Those that were chosen, to be chosen from again.
    pub fn take_index(&mut self) -> Option<Index> {
        self.chosen.take().map(|chosen| chosen.index)
    }

    pub fn is_chosen(&self) -> bool {
        self.chosen.is_some()
    }

    /// The number of licenses in the file that these frames were chosen of, and their bytes.
    pub fn amount_in_all(&self) -> Option<(u64, u64)> {
        let chosen = self.chosen.as_ref();
        chosen.map(|chosen| (chosen.index.licenses, chosen.index.bytes))
    }

    /// How many of so many threads have something to do.
    pub fn busy(&self, threads: usize) -> usize {
        let chosen = self.chosen.as_ref();
        chosen.map_or(threads, |chosen| threads.min(chosen.numbers.len()))
    }

    /// Words for what is wrong where the next frame should be. What broke off before it was
    /// whole is no damage of its own.
    pub fn damaged(&mut self, what: &str) -> Error {
        self.input.broken.take().unwrap_or_else(|| Error::Corrupt {
            path: self.path.clone(),
            what: format!("{what} at byte {}", self.input.source.place(self.offset)),
        })
    }

    /// Whether the content is known to be what was once written.
    pub fn is_authentic(&self) -> bool {
        self.input.source.is_authentic()
    }

    /// Reads what is anywhere in the frames; what is read after that is what would have been read
    /// before.
    pub fn aside<T>(&mut self, read: impl FnOnce(&mut dyn Source) -> Result<T>) -> Result<T> {
        let next = self.offset + (self.filled - self.taken) as u64;
        let outcome = read(&mut *self.input.source)?;
        self.input.source.seek(next)?;
        Ok(outcome)
    }

    /// Sees to it that `wanted` bytes wait in the buffer, or all that are left.
    fn fill(&mut self, wanted: usize) -> Result<&[u8]> {
        if self.buffer.len() - self.taken < wanted {
            self.buffer.copy_within(self.taken..self.filled, 0);
            self.filled -= self.taken;
            self.taken = 0;
            self.make_room(wanted.max(FIRST))?;
        }
        while self.filled - self.taken < wanted && !self.input.at_end {
            self.filled += self.input.read(&mut self.buffer[self.filled..])?;
        }
        Ok(&self.buffer[self.taken..self.filled])
    }

    /// Makes the buffer so large, if it is not.
    fn make_room(&mut self, wanted: usize) -> Result<()> {
        let more = wanted.saturating_sub(self.buffer.len());
        if more > 0 {
            reserve(&mut self.buffer, more, "reading")?;
            self.buffer.resize(wanted, 0);
        }
        Ok(())
    }

    /// Reads a frame into `memory`, of `most` bytes at the most; false where there is none. What
    /// was read of the next one goes back.
    fn read_frame(&mut self, most: usize, memory: &mut Vec<u8>) -> Result<bool> {
        let begun = self.taken..self.filled.min(self.taken + most);
        memory.clear();
        reserve(memory, most, "reading")?;
        memory.extend_from_slice(&self.buffer[begun.clone()]);
        loop {
            if let Ok(stored) = zstd_safe::find_frame_compressed_size(memory) {
                if memory.len() == begun.len() {
                    self.taken += stored;
                } else {
                    let next = &memory[stored..];
                    self.make_room(next.len())?;
                    self.buffer[..next.len()].copy_from_slice(next);
                    (self.taken, self.filled) = (0, next.len());
                }
                memory.truncate(stored);
                return Ok(true);
            }
            let filled = memory.len();
            if filled == most || self.input.at_end {
                return Ok(false);
            }
            memory.resize(most.min(filled + STEP), 0);
            let read = self.input.read(&mut memory[filled..])?;
            memory.truncate(filled + read);
        }
    }

    /// The bytes the next frame begins with; fewer than asked for at the file's end.
    pub fn peek(&mut self, wanted: usize) -> Result<&[u8]> {
        if self.fill(wanted)?.is_empty()
            && let Some(error) = self.input.broken.take()
        {
            return Err(error);
        }
        let waiting = &self.buffer[self.taken..self.filled];
        Ok(&waiting[..waiting.len().min(wanted)])
    }

    /// The next frame, in `memory`; None at the end of the file, and where it is damaged: the
    /// frames before are checked first, so that the first damage is told.
    pub fn next_sound(&mut self, memory: Vec<u8>) -> Result<Option<Packed>> {
        if self.damage.is_some() {
            return Ok(None);
        }
        let next = match self.chosen {
            Some(_) => self.next_chosen(memory),
            None => self.next(memory),
        };
        match next {
            Err(error @ Error::Corrupt { .. }) => {
                self.damage = Some(error);
                Ok(None)
            }
            result => result,
        }
    }

    /// What ended [`FrameReader::next_sound`] before the end of the file.
    pub fn take_damage(&mut self) -> Option<Error> {
        self.damage.take()
    }

    /// The next frame, in `memory`; None at the end of the file.
    pub fn next(&mut self, mut memory: Vec<u8>) -> Result<Option<Packed>> {
        let header = self.peek(frame::HEADER)?;
        if header.is_empty() || header.starts_with(&seek::MAGIC) {
            return Ok(None);
        }
        let known = &header[..header.len().min(MAGIC.len())];
        let begins = MAGIC.starts_with(known);
        let Some(length) = frame::declared_length(header) else {
            let what = if begins && header.len() < frame::HEADER {
                "the file ends in a frame's header"
            } else {
                "there is no frame of a backup"
            };
            return Err(self.damaged(what));
        };
        if length > FRAME_LIMIT as u64 {
            return Err(self.damaged("a frame declares more content than it can have"));
        }
        let most = zstd_safe::compress_bound(length as usize) + frame::HEADER;
        if !self.read_frame(most, &mut memory)? {
            let what = if memory.len() < most {
                "the file ends in, or damage is in, the frame"
            } else {
                "damage is in the frame"
            };
            return Err(self.damaged(what));
        }
        let stored = memory.len();
        let packed = Packed {
            index: self.index,
            start: self.offset,
            offset: self.input.source.place(self.offset),
            length,
            data: memory,
            padding: Padding::NONE,
            chosen: None,
        };
        self.offset += stored as u64;
        self.index += 1;
        let padding = self.take_padding()?;
        Ok(Some(Packed { padding, ..packed }))
    }

    fn next_chosen(&mut self, mut memory: Vec<u8>) -> Result<Option<Packed>> {
        let Some(chosen) = &mut self.chosen else {
            return Ok(None);
        };
        let Some(&number) = chosen.numbers.get(chosen.read) else {
            return Ok(None);
        };
        let before = chosen.read.checked_sub(1).map(|at| chosen.numbers[at]);
        chosen.read += 1;
        let Described { start, seal, .. } = chosen.index.frames[number];
        let place = self.input.source.place(start);
        let damaged = |what| Error::Corrupt {
            path: self.path.clone(),
            what: format!("{what} at byte {place}"),
        };
        let most = zstd_safe::compress_bound(FRAME_LIMIT) + frame::HEADER;
        if seal.length > FRAME_LIMIT as u64 || seal.stored > most as u64 {
            return Err(damaged("a frame is larger than it can be"));
        }
        self.input
            .source
            .read_range(start, seal.stored as usize, &mut memory)?;
        if frame::declared_length(&memory) != Some(seal.length) {
            return Err(damaged("there is no frame of a backup"));
        }
        let packed = Packed {
            index: self.index,
            start,
            offset: place,
            length: seal.length,
            padding: Padding::at(start + memory.len() as u64),
            data: memory,
            chosen: Some(ChosenFrame {
                number,
                seal,
                is_apart: before.is_none_or(|before| before + 1 != number),
            }),
        };
        self.index += 1;
        Ok(Some(packed))
    }

    /// Takes what follows a frame up to where the next one may begin, if anything does.
    fn take_padding(&mut self) -> Result<Padding> {
        let padding = Padding::at(self.offset);
        let length = padding.length() as usize;
        let waiting = self.fill(length)?;
        let found = &waiting[..waiting.len().min(length)];
        let begins = &found[..found.len().min(PADDING_MAGIC.len())];
        if begins.is_empty() || !PADDING_MAGIC.starts_with(begins) {
            return Ok(Padding::NONE);
        }
        let mut right = Vec::with_capacity(length);
        padding.write(&mut right);
        if found != right {
            let what = if found.len() < length {
                "the file ends in the padding of a frame"
            } else {
                "damage is in the padding of a frame"
            };
            return Err(self.damaged(what));
        }
        self.taken += length;
        self.offset += length as u64;
        Ok(padding)
    }

    /// What comes after the last frame, to the end of the file; a piece at a time.
    pub fn rest(&mut self, mut each: impl FnMut(&[u8])) -> Result<()> {
        loop {
            let waiting = self.fill(frame::HEADER)?;
            if waiting.is_empty() {
                return match self.input.broken.take() {
                    Some(error) => Err(error),
                    None => Ok(()),
                };
            }
            let length = waiting.len();
            each(waiting);
            self.taken += length;
            self.offset += length as u64;
        }
    }
}
