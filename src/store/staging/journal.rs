//! What a restore is about to do to a store, written down before it does it, so that it can be
//! undone whenever it is interrupted.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::content::Content;
use super::layout::JOURNAL;
use crate::error::{At, Error, Result};
use crate::name;
use crate::sys;

/// One thing that is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A license is put where nothing was.
    Add,
    /// A license takes the place of another.
    Replace,
    /// A database is put in its place, whether there is one or not, and what lies beside that is
    /// moved out of the way.
    ReplaceDatabase,
    /// The folders of a name are made from the n-th byte on.
    MakeFolders,
    /// The store itself is made.
    MakeStore,
}

/// What is about to be done to one name of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub step: Step,
    pub name: Vec<u8>,
    /// What is put there.
    pub new: Content,
    /// What was there.
    pub old: Option<Content>,
    /// How much of a folder's name there is already.
    pub reached: u32,
}

impl Record {
    pub fn new(step: Step, name: &[u8]) -> Self {
        Record {
            step,
            name: name.to_vec(),
            new: Content::default(),
            old: None,
            reached: 0,
        }
    }

    pub fn append_to(&self, out: &mut Vec<u8>) {
        out.push(match self.step {
            Step::Add => b'A',
            Step::Replace => b'R',
            Step::ReplaceDatabase => b'D',
            Step::MakeFolders => b'F',
            Step::MakeStore => b'S',
        });
        out.push(self.old.is_some().into());
        for content in [self.new, self.old.unwrap_or_default()] {
            out.extend_from_slice(&content.size.to_le_bytes());
            out.extend_from_slice(&content.hash);
        }
        out.extend_from_slice(&self.reached.to_le_bytes());
        out.extend_from_slice(&(self.name.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.name);
    }

    /// Whether it is one that a restore writes: none leads out of the store.
    fn is_sound(&self) -> bool {
        match self.step {
            Step::MakeStore => self.name.is_empty(),
            _ => name::check(&self.name).is_ok() && self.reached as usize <= self.name.len(),
        }
    }
}

/// The path of a record's license, for words.
pub fn display_path(store: &Path, record: &Record) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    store.join(std::ffi::OsStr::from_bytes(&record.name))
}

/// Marks the end of a journal that is whole; the hash of what is before it follows.
const END: u8 = b'E';

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

    /// Writes records that [`Record::append_to`] made.
    pub fn write(&mut self, records: &[u8]) -> io::Result<()> {
        self.hash.update(records);
        self.file.write_all(records)
    }

    /// Makes the journal whole, and safe on the disk.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.write_all(&[END])?;
        self.file.write_all(self.hash.finalize().as_bytes())?;
        let file = self.file.into_inner().map_err(|error| error.into_error())?;
        sys::synchronize_file(&file)?;
        Ok(sys::close(file)?)
    }
}

/// Reads a journal.
pub struct JournalReader<R> {
    input: R,
    hash: blake3::Hasher,
}

impl<R: Read> JournalReader<R> {
    pub fn new(input: R) -> Self {
        JournalReader {
            input,
            hash: blake3::Hasher::new(),
        }
    }

    /// The next record; None at the end of a journal that is whole. One that is not is an
    /// error of the kind `InvalidData` or `UnexpectedEof`.
    pub fn next(&mut self) -> io::Result<Option<Record>> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let mut kind = [0];
        self.input.read_exact(&mut kind)?;
        let step = match kind[0] {
            b'A' => Step::Add,
            b'R' => Step::Replace,
            b'D' => Step::ReplaceDatabase,
            b'F' => Step::MakeFolders,
            b'S' => Step::MakeStore,
            END => {
                let mut hash = [0; 32];
                self.input.read_exact(&mut hash)?;
                return if self.hash.finalize() == hash {
                    Ok(None)
                } else {
                    Err(invalid())
                };
            }
            _ => return Err(invalid()),
        };
        self.hash.update(&kind);
        let has_old = match self.field()? {
            [0] => false,
            [1] => true,
            _ => return Err(invalid()),
        };
        let (new, old) = (self.content()?, self.content()?);
        let reached = u32::from_le_bytes(self.field()?);
        let length = u32::from_le_bytes(self.field()?) as usize;
        if length > name::LONGEST {
            return Err(invalid());
        }
        let mut name = vec![0; length];
        self.input.read_exact(&mut name)?;
        self.hash.update(&name);
        let record = Record {
            step,
            name,
            new,
            old: has_old.then_some(old),
            reached,
        };
        if record.is_sound() {
            Ok(Some(record))
        } else {
            Err(invalid())
        }
    }

    fn content(&mut self) -> io::Result<Content> {
        Ok(Content {
            size: u64::from_le_bytes(self.field()?),
            hash: self.field()?,
        })
    }

    fn field<const BYTES: usize>(&mut self) -> io::Result<[u8; BYTES]> {
        let mut field = [0; BYTES];
        self.input.read_exact(&mut field)?;
        self.hash.update(&field);
        Ok(field)
    }
}

/// Calls `each` with every record of a journal, and its number.
pub fn each_record(
    journal: File,
    path: &Path,
    mut each: impl FnMut(u64, Record) -> Result<()>,
) -> Result<()> {
    let mut records = JournalReader::new(BufReader::new(journal));
    let mut number = 0;
    while let Some(record) = records.next().at("read the journal of", path)? {
        each(number, record)?;
        number += 1;
    }
    Ok(())
}

/// Makes the journal of a staging folder.
pub fn create_journal(folder: &OwnedFd) -> sys::Result<JournalWriter> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let file = sys::open_at(folder, JOURNAL, flags, mode)?;
    sys::set_file_mode(&file, mode)?;
    Ok(JournalWriter::new(file.into()))
}

const ACTION: &str = "read the journal of";

/// The file of this name in a staging folder.
fn open(folder: &OwnedFd, name: &str, store: &Path) -> Result<Option<File>> {
    let file = match sys::open_at(folder, name, sys::UNTRUSTED_FILE, Mode::empty()) {
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(None),
        file => File::from(file.at(ACTION, store)?),
    };
    let is_regular = sys::is_regular(&sys::fstat(&file).at(ACTION, store)?);
    Ok(is_regular.then_some(file))
}

/// Whether a folder has a journal that ends as all do, whatever version's its records are.
pub fn ends_as_journal(folder: &OwnedFd, store: &Path) -> Result<bool> {
    const TAIL: u64 = 1 + blake3::OUT_LEN as u64;
    let Some(mut file) = open(folder, JOURNAL, store)? else {
        return Ok(false);
    };
    let length = file.metadata().at(ACTION, store)?.len();
    let Some(records) = length.checked_sub(TAIL) else {
        return Ok(false);
    };
    let mut hash = blake3::Hasher::new();
    io::copy(&mut (&mut file).take(records), &mut hash).at(ACTION, store)?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail).at(ACTION, store)?;
    Ok(tail == [&[END][..], hash.finalize().as_bytes()].concat())
}

/// The journal in a staging folder under one of its names, if there is one that is whole.
pub fn open_journal(folder: &OwnedFd, name: &str, store: &Path) -> Result<Option<File>> {
    let Some(journal) = open(folder, name, store)? else {
        return Ok(None);
    };
    let mut records = JournalReader::new(BufReader::new(&journal));
    loop {
        match records.next() {
            Ok(Some(_)) => {}
            Ok(None) => break,
            // Not finished, so nothing was moved yet.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(Error::io(ACTION, store, error)),
        }
    }
    (&journal).rewind().at(ACTION, store)?;
    Ok(Some(journal))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(records: &[u8]) -> Vec<u8> {
        [records, &[END], blake3::hash(records).as_bytes()].concat()
    }

    fn read(journal: &[u8]) -> io::Result<Vec<Record>> {
        let mut reader = JournalReader::new(journal);
        let mut records = Vec::new();
        while let Some(record) = reader.next()? {
            records.push(record);
        }
        Ok(records)
    }

    fn records() -> Vec<Record> {
        let with = |step, name: &[u8], old: Option<&[u8]>, reached| Record {
            new: Content::of(name),
            old: old.map(Content::of),
            reached,
            ..Record::new(step, name)
        };
        vec![
            Record::new(Step::MakeStore, b""),
            with(Step::MakeFolders, b"a/b/c", None, 1),
            with(Step::Add, b"a/b/c/\xff", None, 0),
            with(Step::Replace, b"d", Some(b"old"), 0),
            with(Step::ReplaceDatabase, b"x.db", None, 0),
            with(Step::ReplaceDatabase, b"y.db", Some(b""), 0),
        ]
    }

    fn bytes_of(records: &[Record]) -> Vec<u8> {
        let mut out = Vec::new();
        for record in records {
            record.append_to(&mut out);
        }
        out
    }

    #[test]
    fn what_was_written_is_read() {
        let records = records();
        assert_eq!(read(&whole(&bytes_of(&records))).expect("whole"), records);
        assert_eq!(read(&whole(b"")).expect("whole"), []);
    }

    #[test]
    fn a_journal_that_is_cut_or_changed_anywhere_is_none() {
        let journal = whole(&bytes_of(&records()));
        for end in 0..journal.len() {
            assert!(read(&journal[..end]).is_err(), "cut after {end}");
            let mut changed = journal.clone();
            changed[end] ^= 1;
            assert!(read(&changed).is_err(), "changed at {end}");
        }
    }

    #[test]
    fn no_record_leads_out_of_the_store() {
        for name in [&b""[..], b"/a", b"..", b"a/../../b", b"a//b", b".", b"a\0"] {
            let record = Record::new(Step::Add, name);
            assert!(
                read(&whole(&bytes_of(&[record]))).is_err(),
                "{}",
                name.escape_ascii()
            );
        }
        let store = Record::new(Step::MakeStore, b"a");
        let reached = Record {
            reached: 2,
            ..Record::new(Step::MakeFolders, b"a")
        };
        for record in [store, reached] {
            assert!(read(&whole(&bytes_of(&[record]))).is_err());
        }
    }
}
