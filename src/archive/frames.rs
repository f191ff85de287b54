//! Cuts a backup file into its frames, without unpacking them.

use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use super::frame::{self, MAGIC};
use super::{FRAME_LIMIT, summary_limit};
use crate::error::{Error, Result, reserve};

/// A frame as it stands in the file.
pub struct Packed {
    /// Which one it is, from 0.
    pub index: u64,
    /// Where it begins in the file.
    pub offset: u64,
    /// Bytes of content, as its header declares; within the limits.
    pub length: u64,
    pub data: Vec<u8>,
}

/// Reads one frame after the other.
pub struct FrameReader<R> {
    input: R,
    /// For errors.
    path: PathBuf,
    buffer: Vec<u8>,
    /// What of the buffer was read, and what of that was handed out.
    filled: usize,
    taken: usize,
    /// Where in the file `taken` is.
    offset: u64,
    index: u64,
    at_end: bool,
    /// What is wrong with the file where the last frame ended.
    damage: Option<Error>,
}

impl<R: Read> FrameReader<R> {
    pub fn new(input: R, path: PathBuf) -> Self {
        FrameReader {
            input,
            path,
            buffer: Vec::new(),
            filled: 0,
            taken: 0,
            offset: 0,
            index: 0,
            at_end: false,
            damage: None,
        }
    }

    pub fn damaged(&self, what: &str) -> Error {
        Error::Corrupt {
            path: self.path.clone(),
            what: format!("{what} at byte {}", self.offset),
        }
    }

    /// Sees to it that `wanted` bytes wait in the buffer, or all that are left.
    fn fill(&mut self, wanted: usize) -> Result<&[u8]> {
        if self.buffer.len() - self.taken < wanted {
            self.buffer.copy_within(self.taken..self.filled, 0);
            self.filled -= self.taken;
            self.taken = 0;
            if self.buffer.len() < wanted {
                // Twice what is wanted, so that not every frame moves the rest.
                let more = 2 * wanted - self.buffer.len();
                reserve(&mut self.buffer, more, "reading")?;
                self.buffer.resize(2 * wanted, 0);
            }
        }
        while self.filled - self.taken < wanted && !self.at_end {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", &self.path, error)),
            }
        }
        Ok(&self.buffer[self.taken..self.filled])
    }

    /// The bytes the next frame begins with; fewer than asked for at the file's end.
    pub fn peek(&mut self, wanted: usize) -> Result<&[u8]> {
        let waiting = self.fill(wanted)?;
        Ok(&waiting[..waiting.len().min(wanted)])
    }

    /// The next frame, in `memory`; None at the end of the file, and where it is damaged: the
    /// frames before are checked first, so that the first damage is told.
    pub fn next_sound(&mut self, memory: Vec<u8>) -> Result<Option<Packed>> {
        if self.damage.is_some() {
            return Ok(None);
        }
        match self.next(memory) {
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
        if header.is_empty() {
            return Ok(None);
        }
        let known = &header[..header.len().min(MAGIC.len())];
        let begins = MAGIC.starts_with(known);
        let Some(length) = frame::declared_length(header) else {
            return Err(match begins && header.len() < frame::HEADER {
                true => self.damaged("the file ends in a frame's header"),
                false => self.damaged("there is no frame of a backup"),
            });
        };
        // Only the summary is larger than the others may be, and how large it is follows
        // from how many they are.
        if length > (FRAME_LIMIT as u64).max(summary_limit(self.index)) {
            return Err(self.damaged("a frame declares more content than it can have"));
        }
        let most = zstd_safe::compress_bound(length as usize) + frame::HEADER;
        let waiting = self.fill(most)?;
        let Ok(stored) = zstd_safe::find_frame_compressed_size(waiting) else {
            return Err(match waiting.len() < most {
                true => self.damaged("the file ends in, or damage is in, the frame"),
                false => self.damaged("damage is in the frame"),
            });
        };
        memory.clear();
        reserve(&mut memory, stored, "reading")?;
        memory.extend_from_slice(&waiting[..stored]);
        let packed = Packed {
            index: self.index,
            offset: self.offset,
            length,
            data: memory,
        };
        self.taken += stored;
        self.offset += stored as u64;
        self.index += 1;
        Ok(Some(packed))
    }
}
