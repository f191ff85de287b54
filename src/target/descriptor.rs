//! An open descriptor as a target: a file without a path, a pipe, a socket.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{self, FileType, OFlags};
use rustix::io::Errno;

use super::claim::{Claim, Uses};
use super::traits::{Keeping, NewFile, Origin, SetTarget, Source, Target};
use crate::error::{At, Error, Result};
use crate::operation::{Control, HostCalls, Operation};
use crate::sys::{self, ReadAt, StreamWriter};

/// What messages call it.
const NAME: &str = "the descriptor";

/// A descriptor of the host's, duplicated.
pub struct Descriptor {
    file: File,
    uses: Uses,
}

impl Descriptor {
    pub fn duplicate(file: BorrowedFd<'_>) -> Result<Self> {
        let copy = rustix::io::fcntl_dupfd_cloexec(file, 3);
        let copy = copy.map_err(|errno| match errno {
            Errno::BADF => Error::Argument("fd is not an open descriptor".to_owned()),
            errno => Error::Descriptor(errno.into()),
        })?;
        Ok(Descriptor {
            file: copy.into(),
            uses: Uses::default(),
        })
    }

    fn is_regular(&self) -> Result<bool> {
        Ok(sys::is_regular(&fs::fstat(&self.file).at("examine", name)?))
    }

    /// Refuses what was not opened for this, or is a folder.
    fn check_mode(&self, action: &'static str, refused: OFlags) -> Result<()> {
        let stat = fs::fstat(&self.file).at("examine", name)?;
        let flags = fs::fcntl_getfl(&self.file).at("examine", name)?;
        let mode = flags & OFlags::RWMODE;
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if is_folder || mode == refused || is_path(flags) {
            return Err(Errno::ACCESS).at(action, name);
        }
        Ok(())
    }
}

/// Whether a descriptor is good for no more than to name what it is of.
fn is_path(flags: OFlags) -> bool {
    #[cfg(linux_calls)]
    {
        flags.contains(OFlags::PATH)
    }
    #[cfg(not(linux_calls))]
    {
        let _ = flags;
        false
    }
}

fn name() -> PathBuf {
    PathBuf::from(NAME)
}

impl SetTarget for Descriptor {}

impl Target for Descriptor {
    fn display_path(&self) -> PathBuf {
        PathBuf::new()
    }

    fn check(&self, _overwrite: bool) -> Result<()> {
        self.check_mode("write", OFlags::RDONLY)
    }

    fn reads_back(&self) -> bool {
        let reads = |flags: OFlags| flags & OFlags::RWMODE == OFlags::RDWR;
        self.is_regular().unwrap_or(false) && fs::fcntl_getfl(&self.file).is_ok_and(reads)
    }

    fn create(
        self: Arc<Self>,
        _overwrite: bool,
        operation: &Operation<'_>,
    ) -> Result<Box<dyn NewFile>> {
        let claim = self.uses.claim()?;
        if !self.is_regular()? {
            let file = OwnedFd::from(self.file.try_clone().at("write", name)?);
            return Ok(Box::new(StreamFile {
                writer: StreamWriter::new(&file).at("write", name)?,
                canceled: Box::new(operation.control().canceled()),
                _claim: claim,
            }));
        }
        let mut file = self.file.try_clone().at("write", name)?;
        let flags = fs::fcntl_getfl(&file).at("examine", name)?;
        // Where the first byte goes.
        let start = if flags.contains(OFlags::APPEND) {
            file.seek(SeekFrom::End(0))
        } else {
            file.stream_position()
        };
        Ok(Box::new(RegularFile {
            start: start.at("examine", name)?,
            file,
            written: false,
            published: false,
            _claim: claim,
        }))
    }
}

/// A regular file: written from its offset, and no longer than the backup in the end.
struct RegularFile {
    file: File,
    start: u64,
    written: bool,
    published: bool,
    _claim: Claim,
}

impl RegularFile {
    fn cut(&self, length: u64) -> io::Result<()> {
        if self.file.metadata()?.len() > length {
            self.file.set_len(length)?;
        }
        Ok(())
    }
}

impl ReadAt for RegularFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, self.start + offset)
    }
}

impl NewFile for RegularFile {
    fn append(&mut self, data: &[u8]) -> Result<()> {
        self.written = true;
        self.file.write_all(data).at("write", name)
    }

    fn synchronize(&mut self) -> Result<()> {
        let end = self.file.stream_position().at("write", name)?;
        // Of what was there before, nothing may follow the backup.
        self.cut(end).at("cut", name)?;
        sys::synchronize_file(self.file.as_fd()).at("write to the disk", name)
    }

    fn forget_cached(&self) {
        sys::forget_cached(self.file.as_fd());
    }

    /// What is there is not looked at.
    fn earlier(&mut self) -> Result<Option<Source>> {
        Ok(None)
    }

    fn publish(
        mut self: Box<Self>,
        _overwrite: bool,
        _keeping: Option<&Keeping>,
        _agrees: &mut dyn FnMut(Result<Option<Source>>) -> Result<()>,
    ) -> Result<()> {
        self.published = true;
        Ok(())
    }

    fn path(&self) -> PathBuf {
        name()
    }
}

impl Drop for RegularFile {
    fn drop(&mut self) {
        // Half a backup is none. What was there before it is as gone as what follows.
        if self.written && !self.published {
            let _ = self.cut(self.start);
        }
    }
}

/// A pipe, a socket or a device: what is written is on its way.
struct StreamFile {
    writer: StreamWriter,
    canceled: Box<dyn Fn() -> bool + Send + Sync>,
    _claim: Claim,
}

impl ReadAt for StreamFile {
    fn read_at(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<usize> {
        Err(Errno::SPIPE.into())
    }
}

impl NewFile for StreamFile {
    fn append(&mut self, mut data: &[u8]) -> Result<()> {
        while !data.is_empty() {
            match self.writer.write(data).at("write", name)? {
                0 if (self.canceled)() => return Err(Error::Canceled),
                written => data = &data[written..],
            }
        }
        Ok(())
    }

    fn synchronize(&mut self) -> Result<()> {
        Ok(())
    }

    fn earlier(&mut self) -> Result<Option<Source>> {
        Ok(None)
    }

    fn publish(
        self: Box<Self>,
        _overwrite: bool,
        _keeping: Option<&Keeping>,
        _agrees: &mut dyn FnMut(Result<Option<Source>>) -> Result<()>,
    ) -> Result<()> {
        Ok(())
    }

    fn path(&self) -> PathBuf {
        name()
    }
}

impl Origin for Descriptor {
    fn display_path(&self) -> PathBuf {
        PathBuf::new()
    }

    fn check(&self) -> Result<()> {
        self.check_mode("read", OFlags::WRONLY)
    }

    fn open(self: Arc<Self>, _calls: HostCalls, control: &Control) -> Result<Source> {
        let claim = self.uses.claim()?;
        let is_regular = self.is_regular()?;
        let canceled = control.canceled();
        let start = if is_regular {
            (&self.file).stream_position().at("read", name)?
        } else {
            0
        };
        Ok(Source {
            bytes: Box::new(DescriptorSource {
                file: self,
                is_regular,
                start,
                canceled: Box::new(canceled),
                _claim: claim,
            }),
            path: name(),
            file: None,
        })
    }

    fn place(&self) -> Option<PathBuf> {
        None
    }
}

struct DescriptorSource {
    file: Arc<Descriptor>,
    is_regular: bool,
    /// Where in a regular file the backup begins.
    start: u64,
    canceled: Box<dyn Fn() -> bool + Send + Sync>,
    _claim: Claim,
}

/// Within a regular file; nobody goes about in a pipe.
impl Seek for DescriptorSource {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if !self.is_regular {
            return Err(Errno::SPIPE.into());
        }
        let to = match to {
            SeekFrom::Start(offset) => SeekFrom::Start(self.start.saturating_add(offset)),
            to => to,
        };
        let at = (&self.file.file).seek(to)?;
        Ok(at.saturating_sub(self.start))
    }
}

impl Read for DescriptorSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = &self.file.file;
        if self.is_regular {
            return file.read(buffer);
        }
        loop {
            if let Some(read) = sys::read_stream(file.as_fd(), buffer)? {
                return Ok(read);
            }
            if (self.canceled)() {
                return Err(Error::Canceled.into_io());
            }
        }
    }
}
