//! Where the frames of an archive go on their way into the file.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::Path;

use super::readback::Expected;
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::sys;

/// Takes the archive's bytes in order. What is written between [`Output::begin_large`] and
/// [`Output::keep`] may still turn out void.
pub trait Output {
    fn write(&mut self, data: &[u8]) -> Result<()>;

    /// A large licence begins, which may change while it is read.
    fn begin_large(&mut self) -> Result<()>;

    /// It was read whole: its bytes count.
    fn keep(&mut self, control: &Control) -> Result<()>;

    /// It was not: its bytes are as if they had never been written.
    fn void(&mut self) -> Result<()>;

    /// Ends the file. What is to be read back from it; None: the frames, as they are.
    fn finish(self: Box<Self>) -> Result<Option<Vec<Expected>>>;
}

/// Bytes after which the disk is set to work: it writes while the next are made, and less is
/// left to wait for in the end.
const STRETCH: u64 = 4 << 20;

/// The file of an archive.
pub struct Target<'a> {
    file: &'a File,
    /// Bytes in it, and those of them that the disk was told of.
    written: u64,
    begun: u64,
}

impl<'a> Target<'a> {
    pub fn new(file: &'a File) -> Self {
        Target {
            file,
            written: 0,
            begun: 0,
        }
    }

    /// Takes back what comes after the first `length` bytes.
    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length))?;
        self.written = length;
        self.begun = self.begun.min(length);
        Ok(())
    }
}

impl Write for Target<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.file.write(data)?;
        self.written += written as u64;
        let length = self.written - self.begun;
        if length >= STRETCH {
            sys::begin_writing_back(self.file.as_fd(), self.begun, length);
            self.begun = self.written;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Frames as they are, one after the other.
pub struct Plain<'a> {
    target: Target<'a>,
    /// For errors: the name that the file will have.
    path: &'a Path,
    /// Where the large licence began.
    mark: u64,
}

impl<'a> Plain<'a> {
    pub fn new(file: &'a File, path: &'a Path) -> Self {
        Plain {
            target: Target::new(file),
            path,
            mark: 0,
        }
    }
}

impl Output for Plain<'_> {
    fn write(&mut self, data: &[u8]) -> Result<()> {
        self.target
            .write_all(data)
            .map_err(|error| Error::io("write", self.path, error))
    }

    fn begin_large(&mut self) -> Result<()> {
        self.mark = self.target.written;
        Ok(())
    }

    fn keep(&mut self, _control: &Control) -> Result<()> {
        Ok(())
    }

    fn void(&mut self) -> Result<()> {
        self.target
            .truncate(self.mark)
            .map_err(|error| Error::io("write", self.path, error))
    }

    fn finish(self: Box<Self>) -> Result<Option<Vec<Expected>>> {
        Ok(None)
    }
}
