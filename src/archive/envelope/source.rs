//! What the frames of a backup file are read from.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::error::{At, Result};

/// Bytes of a file, from its beginning.
pub type Bytes = Box<dyn Read + Send>;

/// The bytes of a backup file's frames, out of whatever is around them.
pub trait Source {
    /// [`Error::Corrupt`] where what is around them is damaged.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize>;

    /// Where in the file the byte at `offset` of the frames is.
    fn place(&self, offset: u64) -> u64;

    /// Whether what is read is known to be what was once written.
    fn is_authentic(&self) -> bool;
}

/// Frames with nothing around them.
pub struct Clear {
    bytes: Bytes,
    path: PathBuf,
}

impl Clear {
    pub fn new(bytes: Bytes, path: &Path) -> Self {
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

    fn place(&self, offset: u64) -> u64 {
        offset
    }

    fn is_authentic(&self) -> bool {
        false
    }
}
