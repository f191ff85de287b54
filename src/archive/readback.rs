//! Reads a written archive back, before it takes its name.

use std::convert::Infallible;
use std::path::Path;

use super::frame::{Seal, Unpacker};
use crate::error::{At, Error, Result, reserve};
use crate::operation::Control;
use crate::pipeline::{self, MainSide, TaskContext, Work};
use crate::sys::ReadAt;

/// A stretch of the file, and what is known of it.
pub struct Expected {
    pub offset: u64,
    /// Bytes of it.
    pub stored: u64,
    pub what: What,
}

pub enum What {
    /// A frame.
    Frame(Seal),
    /// Bytes with this BLAKE3, whatever they mean.
    Bytes(blake3::Hash),
}

impl Expected {
    /// A frame that begins at `offset`.
    pub fn frame(offset: u64, seal: Seal) -> Self {
        Expected {
            offset,
            stored: seal.stored,
            what: What::Frame(seal),
        }
    }

    /// Bytes that begin at `offset`.
    pub fn bytes(offset: u64, bytes: &[u8]) -> Self {
        Expected {
            offset,
            stored: bytes.len() as u64,
            what: What::Bytes(blake3::hash(bytes)),
        }
    }
}

/// Checks that the file holds what is expected of it.
pub fn check(
    file: &dyn ReadAt,
    path: &Path,
    expected: &[Expected],
    threads: usize,
    control: &Control,
) -> Result<()> {
    let reading = Reading { file, path };
    let mut list = List {
        expected: expected.iter(),
        control,
    };
    pipeline::run(&reading, &mut list, threads)
}

struct Reading<'a> {
    file: &'a dyn ReadAt,
    path: &'a Path,
}

struct List<'a> {
    expected: std::slice::Iter<'a, Expected>,
    control: &'a Control,
}

struct Worker {
    unpacker: Unpacker,
    data: Vec<u8>,
    content: Vec<u8>,
}

impl<'a> Work for Reading<'a> {
    type Task = &'a Expected;
    type Part = ();
    type Worker = Worker;
    type Question = Infallible;
    type Answer = Infallible;

    fn worker(&self) -> Result<Worker> {
        Ok(Worker {
            unpacker: Unpacker::new()?,
            data: Vec::new(),
            content: Vec::new(),
        })
    }

    fn work(
        &self,
        worker: &mut Worker,
        expected: &'a Expected,
        _context: &mut dyn TaskContext<Self>,
    ) -> Result<()> {
        worker.data.clear();
        reserve(&mut worker.data, expected.stored as usize, "reading back")?;
        worker.data.resize(expected.stored as usize, 0);
        let whole = self.file.fills(&mut worker.data, expected.offset);
        // Shorter than it was written: the check below says so.
        if !whole.at("read back", self.path)? {
            worker.data.clear();
        }
        let Worker {
            unpacker,
            data,
            content,
        } = worker;
        let right = match expected.what {
            What::Frame(seal) => unpacker.unpack(data, seal.length, content)? == Some(seal),
            What::Bytes(hash) => blake3::hash(data) == hash,
        };
        if right {
            return Ok(());
        }
        Err(Error::Corrupt {
            path: self.path.to_owned(),
            what: format!(
                "the {} bytes at {} read back are not those that were written",
                expected.stored, expected.offset
            ),
        })
    }

    fn weight(_task: &&'a Expected) -> usize {
        size_of::<Expected>()
    }
}

impl<'a> MainSide<Reading<'a>> for List<'a> {
    fn next(&mut self) -> Result<Option<&'a Expected>> {
        Ok(self.expected.next())
    }

    fn accept(&mut self, (): ()) -> Result<()> {
        Ok(())
    }

    fn check(&self) -> Result<()> {
        self.control.check()
    }
}
