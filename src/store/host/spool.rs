//! What is copied of a host's store before it is packed: the host may list its licences in any
//! order, and the archive has one.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use rustix::io::Errno;

use super::{bad_name, components};
use crate::error::{Error, Result, reserve};
use crate::operation::Control;
use crate::store::directory::{Batch, Entry};

/// Bytes that are kept in memory; what comes after them is in a file.
const IN_MEMORY: usize = 16 << 20;

/// Bytes after which cancelling is looked for.
const PIECE: usize = 1 << 20;

const WHAT: &str = "the licenses of the host's store";

/// The contents, one after the other.
#[derive(Default)]
pub struct Spool {
    memory: Vec<u8>,
    /// What does not fit there, and where that file is, for words.
    file: Option<(File, PathBuf)>,
    size: u64,
}

impl Spool {
    /// Bytes in it.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a content; `new_file` makes a file that goes when it is closed, and tells where
    /// it is. Where the content begins.
    pub fn append(
        &mut self,
        data: &[u8],
        new_file: impl Fn() -> Result<(File, PathBuf)>,
        control: &Control,
    ) -> Result<u64> {
        let start = self.size;
        let room = (IN_MEMORY - self.memory.len()).min(data.len());
        let (first, rest) = data.split_at(room);
        for piece in first.chunks(PIECE) {
            control.check()?;
            reserve(&mut self.memory, piece.len(), WHAT)?;
            self.memory.extend_from_slice(piece);
        }
        for piece in rest.chunks(PIECE) {
            control.check()?;
            let (file, path) = match &mut self.file {
                Some(file) => file,
                none => none.insert(new_file()?),
            };
            file.write_all(piece).map_err(|error| {
                Error::io("write a copy of the host's licenses to", path, error)
            })?;
        }
        self.size += data.len() as u64;
        Ok(start)
    }

    /// Reads what is at `offset`: 0 bytes at the end, and possibly fewer than there is room for
    /// elsewhere.
    pub fn read_at(&self, out: &mut [u8], offset: u64) -> std::result::Result<usize, Errno> {
        let in_memory = self.memory.len() as u64;
        if offset < in_memory {
            let found = &self.memory[offset as usize..];
            let length = found.len().min(out.len());
            out[..length].copy_from_slice(&found[..length]);
            return Ok(length);
        }
        match &self.file {
            Some((file, _)) => {
                let read = || rustix::io::pread(file, &mut *out, offset - in_memory);
                rustix::io::retry_on_intr(read)
            }
            None => Ok(0),
        }
    }
}

/// Where a licence is in the spool.
#[derive(Clone, Copy)]
pub struct Spooled {
    pub offset: u64,
    pub size: u64,
    /// Unix seconds.
    pub modified: i64,
}

struct Indexed {
    start: usize,
    length: u16,
    spooled: Spooled,
}

/// The names of the licences in a spool.
#[derive(Default)]
pub struct Index {
    names: Vec<u8>,
    list: Vec<Indexed>,
    /// How many of them are in batches.
    given: usize,
}

impl Index {
    /// Licences in it.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds a licence whose name was checked by itself.
    pub fn add(&mut self, name: &[u8], spooled: Spooled) -> Result<()> {
        let start = self.names.len();
        reserve(&mut self.names, name.len(), WHAT)?;
        self.list.try_reserve(1).map_err(|_| Error::Memory(WHAT))?;
        self.names.extend_from_slice(name);
        self.list.push(Indexed {
            start,
            length: u16::try_from(name.len())
                .map_err(|_| Error::Defect("a name was not checked".to_owned()))?,
            spooled,
        });
        Ok(())
    }

    fn name<'n>(names: &'n [u8], indexed: &Indexed) -> &'n [u8] {
        &names[indexed.start..indexed.start + usize::from(indexed.length)]
    }

    /// Puts the names into the order of the archive, and refuses those that cannot be there
    /// together.
    pub fn sort(&mut self) -> Result<()> {
        let Index { names, list, .. } = self;
        list.sort_unstable_by(|one, other| {
            let (one, other) = (Self::name(names, one), Self::name(names, other));
            components(one).cmp(components(other))
        });
        // What is below a name comes right after it.
        for pair in list.windows(2) {
            let (one, other) = (Self::name(names, &pair[0]), Self::name(names, &pair[1]));
            match other.strip_prefix(one) {
                Some(b"") => return Err(bad_name(one, "which another one has too")),
                Some([b'/', ..]) => {
                    return Err(bad_name(one, "which is a folder of another one"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The next piece of the list; None at its end.
    pub fn next_batch(&mut self) -> Option<Batch> {
        let rest = self.list[self.given..].iter();
        let list = rest.map(|indexed| {
            (
                Self::name(&self.names, indexed),
                Entry::Spooled(indexed.spooled),
            )
        });
        let batch = Batch::of(list)?;
        self.given += batch.len();
        Some(batch)
    }
}
