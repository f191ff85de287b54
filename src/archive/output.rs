//! Where the frames of an archive go on their way into the file.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use super::readback::Expected;
use crate::error::{Error, Result};
use crate::operation::Control;

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

/// Frames as they are, one after the other.
pub struct Plain<'a> {
    file: &'a File,
    /// For errors: the name that the file will have.
    path: &'a Path,
    offset: u64,
    /// Where the large licence began.
    mark: u64,
}

impl<'a> Plain<'a> {
    pub fn new(file: &'a File, path: &'a Path) -> Self {
        Plain {
            file,
            path,
            offset: 0,
            mark: 0,
        }
    }
}

impl Output for Plain<'_> {
    fn write(&mut self, data: &[u8]) -> Result<()> {
        self.file
            .write_all(data)
            .map_err(|error| Error::io("write", self.path, error))?;
        self.offset += data.len() as u64;
        Ok(())
    }

    fn begin_large(&mut self) -> Result<()> {
        self.mark = self.offset;
        Ok(())
    }

    fn keep(&mut self, _control: &Control) -> Result<()> {
        Ok(())
    }

    fn void(&mut self) -> Result<()> {
        self.offset = self.mark;
        self.file
            .set_len(self.mark)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.mark)))
            .map_err(|error| Error::io("write", self.path, error))?;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Option<Vec<Expected>>> {
        Ok(None)
    }
}
