//! Reads a written archive back, before it takes its name.

use std::convert::Infallible;
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::frame::{Seal, Unpacker};
use crate::error::{Error, Result, reserve};
use crate::operation::Control;
use crate::pipeline::{self, Ends, Lead, Work};
use crate::sys;

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
    #[cfg_attr(not(feature = "encryption"), expect(dead_code))]
    Bytes(blake3::Hash),
}

/// A file of these frames, one after the other.
pub fn frames(seals: &[Seal]) -> impl Iterator<Item = Expected> {
    seals.iter().scan(0, |end, &seal| {
        let offset = *end;
        *end += seal.stored;
        Some(Expected {
            offset,
            stored: seal.stored,
            what: What::Frame(seal),
        })
    })
}

/// Checks that the file holds what is expected of it.
pub fn check(
    file: &File,
    path: &Path,
    expected: &[Expected],
    threads: usize,
    control: &Control,
) -> Result<()> {
    // What the next read gives must be what the disk holds, not what memory still does.
    sys::forget_cached(file.as_fd());
    let reading = Reading { file, path };
    let mut list = List {
        expected: expected.iter(),
        control,
    };
    pipeline::run(&reading, &mut list, threads)
}

struct Reading<'a> {
    file: &'a File,
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
        _lead: &mut dyn Lead<Self>,
    ) -> Result<()> {
        worker.data.clear();
        reserve(&mut worker.data, expected.stored as usize, "reading back")?;
        worker.data.resize(expected.stored as usize, 0);
        let read = self.file.read_exact_at(&mut worker.data, expected.offset);
        match read {
            // Shorter than it was written: the check below says so.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => worker.data.clear(),
            read => read.map_err(|error| Error::io("read back", self.path, error))?,
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
        match right {
            true => Ok(()),
            false => Err(Error::Corrupt {
                path: self.path.to_owned(),
                what: format!(
                    "the {} bytes at {} read back are not those that were written",
                    expected.stored, expected.offset
                ),
            }),
        }
    }

    fn weight(_task: &&'a Expected) -> usize {
        size_of::<Expected>()
    }
}

impl<'a> Ends<Reading<'a>> for List<'a> {
    fn next(&mut self) -> Result<Option<&'a Expected>> {
        Ok(self.expected.next())
    }

    fn accept(&mut self, (): ()) -> Result<()> {
        Ok(())
    }

    fn answer(&mut self, question: Infallible) -> Result<Infallible> {
        match question {}
    }

    fn check(&self) -> Result<()> {
        self.control.check()
    }
}
