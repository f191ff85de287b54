//! What the frames of a backup file are read from.

use std::io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::{At, Result, reserve};
use crate::sys::ReadSeek;

/// The bytes of a file.
pub type Bytes = Box<dyn ReadSeek>;

/// Bytes of the header of an age file at the most: more than the most recipients take.
pub const LONGEST_HEADER: u64 = 128 << 10;

/// The bytes of a backup file's frames, out of whatever is around them.
pub trait Source: Send {
    /// [`Error::Corrupt`] where what is around them is damaged.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize>;

    /// Goes on at this offset of the frames.
    fn seek(&mut self, offset: u64) -> Result<()>;

    /// Bytes of the frames and the table.
    fn length(&mut self) -> Result<u64>;

    /// Where in the file the byte at `offset` of the frames is.
    fn place(&self, offset: u64) -> u64;

    /// Whether what is read is known to be what was once written.
    fn is_authentic(&self) -> bool;
}

impl dyn Source + '_ {
    /// Reads `length` bytes at `offset`, or those that are left.
    pub fn read_range(&mut self, offset: u64, length: usize, out: &mut Vec<u8>) -> Result<()> {
        self.seek(offset)?;
        out.clear();
        reserve(out, length, "reading")?;
        out.resize(length, 0);
        let mut filled = 0;
        while filled < length {
            match self.read(&mut out[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        out.truncate(filled);
        Ok(())
    }
}

/// A file of which the beginning is in memory.
pub struct Input {
    head: Vec<u8>,
    taken: usize,
    bytes: Bytes,
}

impl Input {
    pub fn new(bytes: Bytes) -> Self {
        Input {
            head: Vec::new(),
            taken: 0,
            bytes,
        }
    }

    /// The first bytes of the file, so many of them or all there are.
    pub fn head(&mut self, length: u64) -> io::Result<&[u8]> {
        let more = length.saturating_sub(self.head.len() as u64);
        Read::by_ref(&mut self.bytes)
            .take(more)
            .read_to_end(&mut self.head)?;
        Ok(&self.head)
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = (&self.head[self.taken..]).read(buffer)?;
        self.taken += read;
        match read {
            0 => self.bytes.read(buffer),
            read => Ok(read),
        }
    }
}

/// For the header: it is not looked for any further than the head.
impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(&self.head[self.taken..])
    }

    fn consume(&mut self, amount: usize) {
        self.taken += amount;
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let head = self.head.len() as u64;
        // While the head lasts, the file is at its end.
        let at = match to {
            SeekFrom::Current(0) if self.taken < self.head.len() => self.taken as u64,
            SeekFrom::Current(0) => return self.bytes.stream_position(),
            SeekFrom::Current(by) => {
                let at = self.stream_position()?;
                at.saturating_add_signed(by)
            }
            SeekFrom::End(_) => self.bytes.seek(to)?,
            SeekFrom::Start(at) => at,
        };
        self.taken = at.min(head) as usize;
        self.bytes.seek(SeekFrom::Start(at.max(head)))?;
        Ok(at)
    }
}

/// Frames with nothing around them.
pub struct Clear {
    bytes: Input,
    path: PathBuf,
}

impl Clear {
    pub fn new(bytes: Input, path: &Path) -> Self {
        Clear {
            bytes,
            path: path.to_owned(),
        }
    }
}

impl Source for Clear {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.bytes.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read.at("read", &self.path),
            }
        }
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        let at = self.bytes.seek(SeekFrom::Start(offset));
        at.at("read", &self.path).map(drop)
    }

    fn length(&mut self) -> Result<u64> {
        self.bytes.seek(SeekFrom::End(0)).at("read", &self.path)
    }

    fn place(&self, offset: u64) -> u64 {
        offset
    }

    fn is_authentic(&self) -> bool {
        false
    }
}
