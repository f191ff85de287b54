//! What a restore is about to do to a store, written down before it does it, so that it can
//! be undone whenever it is interrupted.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};

use rustix::fs::Stat;

use crate::sys;

/// The name of the journal in its staging folder.
pub const JOURNAL_NAME: &str = "journal";

/// Longer names are in no store.
const LONGEST: u32 = 1 << 20;

/// One thing that is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A licence is put where nothing was.
    Add,
    /// A licence takes the place of another.
    Replace,
    /// A folder is made.
    MakeFolder,
    /// What lies beside a database that is put in place next is moved out of the way.
    SetAside,
}

impl Step {
    fn to_byte(self) -> u8 {
        match self {
            Step::Add => b'A',
            Step::Replace => b'R',
            Step::MakeFolder => b'F',
            Step::SetAside => b'S',
        }
    }
}

/// Marks the end of a journal that is whole; the hash of what is before it follows.
const END: u8 = b'E';

/// What a staged file is known by: another file, or the same after somebody has written to
/// it, is not ours to take back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    inode: u64,
    size: u64,
    seconds: i64,
    nanoseconds: u32,
}

impl Fingerprint {
    // The types of these fields differ between systems.
    #[allow(clippy::unnecessary_cast)]
    pub fn of(stat: &Stat) -> Self {
        let modified = sys::modified(stat);
        Fingerprint {
            inode: stat.st_ino as u64,
            size: stat.st_size as u64,
            seconds: modified.seconds,
            nanoseconds: modified.nanoseconds,
        }
    }
}

/// As part of a file's name.
impl std::fmt::Display for Fingerprint {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Fingerprint {
            inode,
            size,
            seconds,
            nanoseconds,
        } = self;
        write!(out, "{inode:x}-{size:x}-{seconds:x}-{nanoseconds:x}")
    }
}

/// Appends a record to memory. The fingerprint is that of the staged file, none where
/// there is no such file.
pub fn append_record(out: &mut Vec<u8>, step: Step, fingerprint: Fingerprint, name: &[u8]) {
    out.push(step.to_byte());
    out.extend_from_slice(&fingerprint.inode.to_le_bytes());
    out.extend_from_slice(&fingerprint.size.to_le_bytes());
    out.extend_from_slice(&fingerprint.seconds.to_le_bytes());
    out.extend_from_slice(&fingerprint.nanoseconds.to_le_bytes());
    out.extend_from_slice(&(name.len() as u32).to_le_bytes());
    out.extend_from_slice(name);
}

/// Writes a journal.
pub struct JournalWriter {
    file: BufWriter<File>,
    hash: blake3::Hasher,
}

impl JournalWriter {
    pub fn new(file: File) -> Self {
        JournalWriter {
            file: BufWriter::new(file),
            hash: blake3::Hasher::new(),
        }
    }

    /// Writes records that [`append_record`] made.
    pub fn write(&mut self, records: &[u8]) -> io::Result<()> {
        self.hash.update(records);
        self.file.write_all(records)
    }

    /// Makes the journal whole, and safe on the disk.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.write_all(&[END])?;
        self.file.write_all(self.hash.finalize().as_bytes())?;
        let file = self.file.into_inner().map_err(|error| error.into_error())?;
        file.sync_all()
    }
}

/// A record that was read.
pub struct Record {
    pub step: Step,
    pub fingerprint: Fingerprint,
    pub name: Vec<u8>,
}

/// Reads a journal.
pub struct JournalReader<R> {
    input: R,
    hash: blake3::Hasher,
}

impl JournalReader<BufReader<File>> {
    pub fn new(file: File) -> Self {
        JournalReader {
            input: BufReader::new(file),
            hash: blake3::Hasher::new(),
        }
    }
}

impl<R: Read> JournalReader<R> {
    /// The next record; None at the end of a journal that is whole. One that is not is an
    /// error of the kind `InvalidData` or `UnexpectedEof`.
    pub fn next(&mut self) -> io::Result<Option<Record>> {
        let mut kind = [0];
        self.input.read_exact(&mut kind)?;
        let step = match kind[0] {
            b'A' => Step::Add,
            b'R' => Step::Replace,
            b'F' => Step::MakeFolder,
            b'S' => Step::SetAside,
            END => {
                let mut hash = [0; 32];
                self.input.read_exact(&mut hash)?;
                return match self.hash.finalize() == hash {
                    true => Ok(None),
                    false => Err(io::ErrorKind::InvalidData.into()),
                };
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        self.hash.update(&kind);
        let fingerprint = Fingerprint {
            inode: u64::from_le_bytes(self.field()?),
            size: u64::from_le_bytes(self.field()?),
            seconds: i64::from_le_bytes(self.field()?),
            nanoseconds: u32::from_le_bytes(self.field()?),
        };
        let length = u32::from_le_bytes(self.field()?);
        if length > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut name = vec![0; length as usize];
        self.input.read_exact(&mut name)?;
        self.hash.update(&name);
        // No record of ours leads out of the store.
        let mut components = name.split(|&byte| byte == b'/');
        if name.contains(&0) || components.any(|name| matches!(name, b"" | b"." | b"..")) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Some(Record {
            step,
            fingerprint,
            name,
        }))
    }

    fn field<const BYTES: usize>(&mut self) -> io::Result<[u8; BYTES]> {
        let mut field = [0; BYTES];
        self.input.read_exact(&mut field)?;
        self.hash.update(&field);
        Ok(field)
    }
}
