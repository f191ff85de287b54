//! The host's own target, behind functions of the host's.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;

use super::claim::{Claim, Uses};
use super::traits::{Keeping, NewFile, Origin, SetTarget, Source, Target};
use crate::error::{At, Error, Result};
use crate::operation::{Control, HostCalls, Operation};
use crate::sys::ReadAt;

/// What messages call it.
const NAME: &str = "the host's target";

/// The functions of a host's target.
pub trait HostTarget: Send + Sync {
    /// Whether `publish` itself refuses to replace a backup.
    fn refuses(&self) -> bool;
    fn begin(&self) -> Result<()>;
    fn write(&self, data: &[u8]) -> Result<()>;
    fn publish(&self, overwrite: bool) -> Result<()>;
    fn abandon(&self);
    /// The size of the backup, if there is one.
    fn size(&self) -> Result<Option<u64>>;
    /// Reads what is at `offset`: 0 bytes at the end only.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize>;
}

/// A host's target that is set.
pub struct HostsTarget {
    functions: Box<dyn HostTarget>,
    uses: Uses,
}

impl HostsTarget {
    pub fn new(functions: impl HostTarget + 'static) -> Self {
        HostsTarget {
            functions: Box::new(functions),
            uses: Uses::default(),
        }
    }

    fn refuse(&self, calls: HostCalls) -> Result<()> {
        match calls.call(|| self.functions.size())? {
            Some(_) => Err(Error::BackupExists(PathBuf::from(
                "the backup in the host's target",
            ))),
            None => Ok(()),
        }
    }
}

impl SetTarget for HostsTarget {}

impl Target for HostsTarget {
    fn display_path(&self) -> PathBuf {
        PathBuf::new()
    }

    /// The call that starts a backup asks nobody.
    fn check(&self, _overwrite: bool) -> Result<()> {
        Ok(())
    }

    fn reads_back(&self) -> bool {
        false
    }

    fn create(
        self: Arc<Self>,
        overwrite: bool,
        operation: &Operation<'_>,
    ) -> Result<Box<dyn NewFile>> {
        let claim = self.uses.claim()?;
        let calls = operation.host_calls();
        if !overwrite {
            self.refuse(calls)?;
        }
        calls.call(|| self.functions.begin())?;
        Ok(Box::new(HostFile {
            target: self,
            calls,
            earlier: None,
            published: false,
            _claim: claim,
        }))
    }
}

/// A backup that the host is given.
struct HostFile {
    target: Arc<HostsTarget>,
    calls: HostCalls,
    /// The size of the backup that was there, if it was looked for.
    earlier: Option<Option<u64>>,
    published: bool,
    _claim: Claim,
}

impl ReadAt for HostFile {
    fn read_at(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<usize> {
        Err(Errno::SPIPE.into())
    }
}

impl NewFile for HostFile {
    fn append(&mut self, data: &[u8]) -> Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        self.calls.call(|| self.target.functions.write(data))
    }

    fn synchronize(&mut self) -> Result<()> {
        Ok(())
    }

    fn earlier(&mut self) -> Result<Option<Source>> {
        let size = self.calls.call(|| self.target.functions.size())?;
        self.earlier = Some(size);
        Ok(size.map(|size| HostSource::source(self.target.clone(), self.calls, size, None)))
    }

    fn publish(
        mut self: Box<Self>,
        overwrite: bool,
        _keeping: Option<&Keeping>,
        agrees: &mut dyn FnMut(Result<Option<Source>>) -> Result<()>,
    ) -> Result<()> {
        if let Some(seen) = self.earlier {
            let now = self.earlier();
            if self.earlier != Some(seen) {
                agrees(now)?;
            }
        }
        let functions = &self.target.functions;
        if !overwrite && !functions.refuses() {
            self.target.refuse(self.calls)?;
        }
        self.calls.call(|| functions.publish(overwrite))?;
        self.published = true;
        Ok(())
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(NAME)
    }
}

impl Drop for HostFile {
    fn drop(&mut self) {
        if !self.published {
            self.calls.call(|| self.target.functions.abandon());
        }
    }
}

impl Origin for HostsTarget {
    fn display_path(&self) -> PathBuf {
        PathBuf::new()
    }

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn open(self: Arc<Self>, calls: HostCalls, _control: &Control) -> Result<Source> {
        let claim = self.uses.claim()?;
        match calls.call(|| self.functions.size())? {
            Some(size) => Ok(HostSource::source(self, calls, size, Some(claim))),
            None => Err(Errno::NOENT).at("read", || PathBuf::from(NAME)),
        }
    }

    fn place(&self) -> Option<PathBuf> {
        None
    }
}

struct HostSource {
    target: Arc<HostsTarget>,
    calls: HostCalls,
    offset: u64,
    size: u64,
    /// None within a backup, which has it.
    _claim: Option<Claim>,
}

impl HostSource {
    fn source(
        target: Arc<HostsTarget>,
        calls: HostCalls,
        size: u64,
        claim: Option<Claim>,
    ) -> Source {
        Source {
            bytes: Box::new(HostSource {
                target,
                calls,
                offset: 0,
                size,
                _claim: claim,
            }),
            path: PathBuf::from(NAME),
            file: None,
        }
    }
}

impl Seek for HostSource {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.offset.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.offset = to.ok_or(Errno::INVAL)?;
        Ok(self.offset)
    }
}

impl Read for HostSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let functions = &self.target.functions;
        let read = self.calls.call(|| functions.read(self.offset, buffer));
        let read = read.map_err(Error::into_io)?;
        self.offset += read as u64;
        Ok(read)
    }
}
