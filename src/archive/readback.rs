//! Reads a written archive back, before it takes its name.

use std::convert::Infallible;
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::frame::Unpacker;
use super::writer::Written;
use crate::error::{Error, Result, reserve};
use crate::operation::Control;
use crate::pipeline::{self, Ends, Lead, Work};
use crate::sys;

/// Checks every frame against what is known of it.
pub fn check(
    file: &File,
    path: &Path,
    written: &[Written],
    threads: usize,
    control: &Control,
) -> Result<()> {
    // What the next read gives must be what the disk holds, not what memory still does.
    sys::forget_cached(file.as_fd());
    let reading = Reading { file, path };
    let mut list = List {
        frames: written.iter(),
        control,
    };
    pipeline::run(&reading, &mut list, threads)
}

struct Reading<'a> {
    file: &'a File,
    path: &'a Path,
}

struct List<'a> {
    frames: std::slice::Iter<'a, Written>,
    control: &'a Control,
}

struct Worker {
    unpacker: Unpacker,
    data: Vec<u8>,
    content: Vec<u8>,
}

impl<'a> Work for Reading<'a> {
    type Task = &'a Written;
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
        frame: &'a Written,
        _lead: &mut dyn Lead<Self>,
    ) -> Result<()> {
        worker.data.clear();
        reserve(&mut worker.data, frame.seal.stored as usize, "reading back")?;
        worker.data.resize(frame.seal.stored as usize, 0);
        let read = self.file.read_exact_at(&mut worker.data, frame.offset);
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
        match unpacker.unpack(data, frame.seal.length, content)? {
            Some(seal) if seal == frame.seal => Ok(()),
            _ => Err(Error::Corrupt {
                path: self.path.to_owned(),
                what: format!(
                    "the {} bytes at {} read back are not those that were written",
                    frame.seal.stored, frame.offset
                ),
            }),
        }
    }

    fn weight(_task: &&'a Written) -> usize {
        size_of::<Written>()
    }
}

impl<'a> Ends<Reading<'a>> for List<'a> {
    fn next(&mut self) -> Result<Option<&'a Written>> {
        Ok(self.frames.next())
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
