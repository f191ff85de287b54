//! Contents: read at any offset, and compared.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;

/// Bytes that can be read at any offset, by several threads at a time.
pub trait ReadAt: Sync {
    /// Reads what is at `offset`: 0 bytes at the end only.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Fills the buffer with what is at `offset`; false when it ends before.
    fn fills(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<bool> {
        while !buffer.is_empty() {
            match self.read_at(buffer, offset) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    buffer = &mut buffer[read..];
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }
}

/// What can be read from its beginning, and gone about in.
pub trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// Bytes that are compared at a time.
const COMPARED: u64 = 64 << 10;

/// Whether two things, of which one is `size` bytes long, read the same, to their ends.
pub fn reads_equal(mut one: impl Read, mut other: impl Read, size: u64) -> io::Result<bool> {
    // One byte more than there should be shows the end at once.
    let length = (size + 1).min(COMPARED) as usize;
    let mut buffers = (vec![0; length], vec![0; length]);
    loop {
        let read = fill(&mut one, &mut buffers.0)?;
        if read != fill(&mut other, &mut buffers.1)? || buffers.0[..read] != buffers.1[..read] {
            return Ok(false);
        }
        if read < length {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or there is no more.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
