//! Contents that are copied before they are packed, one after the other.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::error::{Error, Result, reserve};
use crate::operation::Control;

/// Bytes that are kept in memory; what comes after them is in a file.
const IN_MEMORY: usize = 16 << 20;

/// Bytes after which canceling is looked for.
const PIECE: usize = 1 << 20;

const WHAT: &str = "the licenses of the host's store";

/// The contents, one after the other.
#[derive(Default)]
pub struct Spool {
    memory: Vec<u8>,
    /// What does not fit there, and where that file is, for words.
    file: Option<(File, PathBuf)>,
    size: u64,
}

impl Spool {
    /// Bytes in it.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a content; `new_file` makes a file that goes when it is closed, and tells where
    /// it is. Where the content begins.
    pub fn append(
        &mut self,
        data: &[u8],
        new_file: &dyn Fn() -> Result<(File, PathBuf)>,
        control: &Control,
    ) -> Result<u64> {
        let start = self.size;
        let room = (IN_MEMORY - self.memory.len()).min(data.len());
        let (first, rest) = data.split_at(room);
        for piece in first.chunks(PIECE) {
            control.check()?;
            reserve(&mut self.memory, piece.len(), WHAT)?;
            self.memory.extend_from_slice(piece);
        }
        for piece in rest.chunks(PIECE) {
            control.check()?;
            let (file, path) = match &mut self.file {
                Some(file) => file,
                none => none.insert(new_file()?),
            };
            file.write_all(piece).map_err(|error| {
                Error::io("write a copy of the host's licenses to", path, error)
            })?;
        }
        self.size += data.len() as u64;
        Ok(start)
    }

    /// Reads what is at `offset`: 0 bytes at the end, and possibly fewer than there is room for
    /// elsewhere.
    pub fn read_at(&self, out: &mut [u8], offset: u64) -> std::result::Result<usize, Errno> {
        let in_memory = self.memory.len() as u64;
        if offset < in_memory {
            let found = &self.memory[offset as usize..];
            let length = found.len().min(out.len());
            out[..length].copy_from_slice(&found[..length]);
            return Ok(length);
        }
        match &self.file {
            Some((file, _)) => {
                let read = || rustix::io::pread(file, &mut *out, offset - in_memory);
                rustix::io::retry_on_intr(read)
            }
            None => Ok(0),
        }
    }
}

/// Where a license is in the spool.
#[derive(Clone, Copy)]
pub struct Spooled {
    pub offset: u64,
    pub size: u64,
    /// Unix seconds.
    pub modified: i64,
}
