//! Lays frames down in order, and closes the archive with its summary and its table.

use super::Info;
use super::envelope::Encryption;
use super::frame::{self, Licenses, Padding, Seal, SourceHash};
use super::output::Output;
use super::readback::{self, Expected};
use super::seek::{self, Table};
use super::segments::Segments;
use super::summary::{Summary, SummaryMark};
use super::waiting::{NewFile, Released, Waiting};
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::sys::{Part, ReadAt};

/// Writes an archive.
pub struct Writer<'a> {
    output: Box<dyn Output + 'a>,
    encryption: Option<&'a Encryption>,
    new_file: NewFile<'a>,
    offset: u64,
    summary: Summary,
    table: Table,
    /// What is to be read back, unless the output knows better.
    expected: Vec<Expected>,
    /// A large license that may still turn out void.
    large: Option<Large>,
    padding: Vec<u8>,
    /// The file has shared a frame with the one that is replaced.
    has_shared: bool,
}

/// The frames of a large license that may still turn out void.
enum Large {
    /// They are written already, after this, and can be taken back.
    Written(Mark),
    /// They wait, since what is once written stays there.
    Waits(Waiting),
}

/// How far an archive was.
struct Mark {
    offset: u64,
    summary: SummaryMark,
    table: usize,
    expected: usize,
}

impl<'a> Writer<'a> {
    /// Begins the archive with its `wmlb.json`, in a frame of its own. `new_file` makes files
    /// that are gone when they are closed, `encryption` is what the output encrypts to.
    pub fn new(
        output: Box<dyn Output + 'a>,
        info: &Info,
        encryption: Option<&'a Encryption>,
        new_file: NewFile<'a>,
    ) -> Result<Self> {
        let mut writer = Writer {
            output,
            encryption,
            new_file,
            offset: 0,
            summary: Summary::default(),
            table: Table::default(),
            expected: Vec::new(),
            large: None,
            padding: Vec::new(),
            has_shared: false,
        };
        let frame = frame::store(&info.to_content()?);
        writer.output.write(&frame.data)?;
        writer.add(&frame.seal, b"", None)?;
        Ok(writer)
    }

    /// Writes a frame; its memory.
    pub fn write(&mut self, licenses: Licenses) -> Result<Segments> {
        match &mut self.large {
            Some(Large::Waits(waiting)) => {
                waiting.add(&licenses, self.encryption, self.new_file)?;
            }
            Some(Large::Written(_)) | None => {
                let seal = &licenses.seal;
                if self.shares(seal, licenses.origin)? {
                    self.has_shared = true;
                    self.note(seal, &licenses.first, licenses.source);
                } else if licenses.data.is_empty() {
                    return Err(Error::Defect("a frame without content".to_owned()));
                } else {
                    licenses
                        .data
                        .each()
                        .try_for_each(|piece| self.output.write(piece))?;
                    self.add(seal, &licenses.first, licenses.source)?;
                }
            }
        }
        Ok(licenses.data)
    }

    /// Whether frames whose places are known in the file that is replaced, at whole blocks, come
    /// from there, so that nothing needs to keep their bytes. Once the file has shared one, it
    /// copies what it cannot share. A large license that waits elsewhere is written from memory.
    pub fn takes_frames_of_earlier(&self) -> bool {
        self.has_shared && self.output.takes_back()
    }

    /// Has the file share a frame and what pads it with the one that is replaced, if that is
    /// possible.
    fn shares(&mut self, seal: &Seal, origin: Option<u64>) -> Result<bool> {
        let length = |offset| seal.stored + Padding::at(offset + seal.stored).length();
        match origin {
            Some(offset) if length(offset) == length(self.offset) => self.output.share(Part {
                offset,
                length: length(offset),
            }),
            _ => Ok(false),
        }
    }

    /// Notes a frame that was written, and pads it.
    fn add(&mut self, seal: &Seal, first: &[u8], source: SourceHash) -> Result<()> {
        self.note(seal, first, source);
        if self.padding.is_empty() {
            return Ok(());
        }
        self.output.write(&self.padding)
    }

    /// Notes a frame that was written, and what pads it.
    fn note(&mut self, seal: &Seal, first: &[u8], source: SourceHash) {
        self.expected.push(Expected::frame(self.offset, *seal));
        self.offset += seal.stored;
        let padding = Padding::at(self.offset);
        self.padding.clear();
        padding.write(&mut self.padding);
        if padding.length() > 0 {
            self.expected
                .push(Expected::bytes(self.offset, &self.padding));
        }
        self.offset += padding.length();
        self.summary.add(seal, first, source);
        seek::add_frame(&mut self.table, seal, padding);
    }

    /// The frames from here on are those of a large license that may change while it is read,
    /// until [`Writer::accept_large`] or [`Writer::drop_large`].
    pub fn begin_large(&mut self) {
        self.large = Some(if self.output.takes_back() {
            Large::Written(Mark {
                offset: self.offset,
                summary: self.summary.mark(),
                table: self.table.mark(),
                expected: self.expected.len(),
            })
        } else {
            Large::Waits(Waiting::default())
        });
    }

    /// The large license turned out whole.
    pub fn accept_large(&mut self, control: &Control) -> Result<()> {
        let waiting = match self.large.take().ok_or_else(no_large)? {
            Large::Written(_) => return Ok(()),
            Large::Waits(waiting) => waiting,
        };
        waiting.release(control, |event| match event {
            Released::Bytes(bytes) => self.output.write(bytes),
            Released::Frame {
                seal,
                first,
                source,
            } => self.add(&seal, first, source),
        })
    }

    /// The large license changed meanwhile: it is as if nothing had been written of it.
    pub fn drop_large(&mut self) -> Result<()> {
        if let Large::Written(mark) = self.large.take().ok_or_else(no_large)? {
            self.output.take_back(self.offset - mark.offset)?;
            self.offset = mark.offset;
            self.summary.return_to(mark.summary);
            self.table.return_to(mark.table);
            self.expected.truncate(mark.expected);
        }
        Ok(())
    }

    /// Closes the archive: the summary, the end of the tar, the table of all frames.
    pub fn finish(mut self, licenses: u64, bytes: u64) -> Result<Finished> {
        for content in self.summary.contents(licenses, bytes) {
            // As it is: what vouches for everything else has no bit without a meaning.
            let frame = frame::store(&content);
            self.output.write(&frame.data)?;
            self.expected.push(Expected::frame(self.offset, frame.seal));
            self.offset += frame.seal.stored;
            seek::add_frame(&mut self.table, &frame.seal, Padding::NONE);
        }
        let table = self.table.to_bytes();
        self.output.write(&table)?;
        self.expected.push(Expected::bytes(self.offset, &table));
        let expected = self.output.finish()?;
        Ok(Finished(expected.unwrap_or(self.expected)))
    }
}

fn no_large() -> Error {
    Error::Defect("a license without a beginning".to_owned())
}

/// An archive that is whole: what its file must hold.
pub struct Finished(Vec<Expected>);

impl Finished {
    /// Reads the file back and checks that it holds what was written.
    pub fn read_back(
        &self,
        file: &dyn ReadAt,
        path: &std::path::Path,
        threads: usize,
        control: &Control,
    ) -> Result<()> {
        readback::check(file, path, &self.0, threads, control)
    }
}
