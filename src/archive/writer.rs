//! Lays frames down in order, and closes the archive with its summary.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use super::frame::{self, Frame, Seal};
use super::{Info, Summary, readback};
use crate::error::{Error, Result};
use crate::operation::Control;

/// What is known of a frame that was written.
pub(super) struct Written {
    pub seal: Seal,
    /// Where it begins in the file.
    pub offset: u64,
}

/// A place in the archive to come back to.
pub struct Mark {
    frames: usize,
    offset: u64,
}

/// Writes an archive into a new file.
pub struct Writer<'a> {
    file: &'a File,
    /// For errors: the name that the file will have.
    path: &'a Path,
    written: Vec<Written>,
    offset: u64,
}

impl<'a> Writer<'a> {
    /// Begins the archive with its `wmlb.json`, in a frame of its own.
    pub fn new(file: &'a File, path: &'a Path, info: &Info) -> Result<Self> {
        let mut writer = Writer {
            file,
            path,
            written: Vec::new(),
            offset: 0,
        };
        writer.write(&frame::store(&info.to_content()?))?;
        Ok(writer)
    }

    pub fn write(&mut self, frame: &Frame) -> Result<()> {
        let mut file = self.file;
        file.write_all(&frame.data)
            .map_err(|error| Error::io("write", self.path, error))?;
        self.written.push(Written {
            seal: frame.seal,
            offset: self.offset,
        });
        self.offset += frame.seal.stored;
        Ok(())
    }

    pub fn mark(&self) -> Mark {
        Mark {
            frames: self.written.len(),
            offset: self.offset,
        }
    }

    /// Takes back what was written since the mark.
    pub fn roll_back(&mut self, mark: &Mark) -> Result<()> {
        let mut file = self.file;
        file.set_len(mark.offset)
            .and_then(|()| file.seek(SeekFrom::Start(mark.offset)))
            .map_err(|error| Error::io("write", self.path, error))?;
        self.written.truncate(mark.frames);
        self.offset = mark.offset;
        Ok(())
    }

    /// Closes the archive: the summary, and the end of the tar.
    pub fn finish(mut self, licenses: u64, bytes: u64) -> Result<Finished<'a>> {
        let seals = self.written.iter().map(|frame| frame.seal);
        let content = Summary::new(licenses, bytes, seals).to_content()?;
        // As it is: what vouches for everything else has no bit without a meaning.
        self.write(&frame::store(&content))?;
        Ok(Finished(self))
    }
}

/// An archive that is whole, but not yet safe on the disk.
pub struct Finished<'a>(Writer<'a>);

impl Finished<'_> {
    /// Reads the file back from the disk and checks every frame's hash.
    pub fn read_back(&self, threads: usize, control: &Control) -> Result<()> {
        let Writer {
            file,
            path,
            written,
            ..
        } = &self.0;
        readback::check(file, path, written, threads, control)
    }
}
