//! Lays frames down in order, and closes the archive with its summary.

use std::fs::File;
use std::path::Path;

use super::frame::{self, Frame, Seal};
use super::output::Output;
use super::readback::{self, Expected};
use super::{Info, Summary};
use crate::error::{Error, Result};
use crate::operation::Control;

/// Writes an archive into a new file.
pub struct Writer<'a> {
    output: Box<dyn Output + 'a>,
    written: Vec<Seal>,
    /// How many frames there were when the large licence began that is being written.
    before_large: Option<usize>,
}

impl<'a> Writer<'a> {
    /// Begins the archive with its `wmlb.json`, in a frame of its own.
    pub fn new(output: Box<dyn Output + 'a>, info: &Info) -> Result<Self> {
        let mut writer = Writer {
            output,
            written: Vec::new(),
            before_large: None,
        };
        writer.write(&frame::store(&info.to_content()?))?;
        Ok(writer)
    }

    pub fn write(&mut self, frame: &Frame) -> Result<()> {
        self.output.write(&frame.data)?;
        self.written.push(frame.seal);
        Ok(())
    }

    /// The frames from here on are those of a large licence, until [`Writer::keep`] or
    /// [`Writer::void`].
    pub fn begin_large(&mut self) -> Result<()> {
        self.before_large = Some(self.written.len());
        self.output.begin_large()
    }

    /// The large licence turned out whole.
    pub fn keep(&mut self, control: &Control) -> Result<()> {
        self.end_large()?;
        self.output.keep(control)
    }

    /// The large licence changed meanwhile: takes back what was written of it.
    pub fn void(&mut self) -> Result<()> {
        let before = self.end_large()?;
        self.written.truncate(before);
        self.output.void()
    }

    fn end_large(&mut self) -> Result<usize> {
        self.before_large
            .take()
            .ok_or_else(|| Error::Defect("a license without a beginning".to_owned()))
    }

    /// Closes the archive: the summary, and the end of the tar.
    pub fn finish(mut self, licenses: u64, bytes: u64) -> Result<Finished> {
        let seals = self.written.iter().copied();
        let content = Summary::new(licenses, bytes, seals).to_content()?;
        // As it is: what vouches for everything else has no bit without a meaning.
        self.write(&frame::store(&content))?;
        let expected = self.output.finish()?;
        Ok(Finished(expected.unwrap_or_else(|| {
            readback::frames(&self.written).collect()
        })))
    }
}

/// An archive that is whole, but not yet safe on the disk: what its file must hold.
pub struct Finished(Vec<Expected>);

impl Finished {
    /// Reads the file back from the disk and checks that it holds what was written.
    pub fn read_back(
        &self,
        file: &File,
        path: &Path,
        threads: usize,
        control: &Control,
    ) -> Result<()> {
        readback::check(file, path, &self.0, threads, control)
    }
}
