//! The envelope: the age file (C2SP age.md, version 1) around the frames of an encrypted
//! backup, and around those of a clear one nothing.
//!
//! All that knows of age is here, in two bodies: `present` and, for a build without the
//! feature `encryption`, `absent`, which refuses.

#[cfg(not(feature = "encryption"))]
mod absent;
#[cfg(feature = "encryption")]
mod present;

use std::fs::File;
use std::io::{ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

#[cfg(not(feature = "encryption"))]
use absent as body;
#[cfg(feature = "encryption")]
use present as body;

pub use body::{Keys, Lock, check};

use super::output::{Output, Plain};
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::target::folder::Folder;

/// The line an age file begins with, whatever its version.
const AGE: &[u8] = b"age-encryption.org/v";
/// What comes after that in the version that is read and written.
const VERSION: &[u8] = b"1\n";

/// The bytes of a backup file's frames, out of whatever is around them.
pub trait Source {
    /// [`Error::Corrupt`] where what is around them is damaged.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize>;

    /// Where in the file the byte at `offset` of the frames is.
    fn place(&self, offset: u64) -> u64;

    /// Whether what is read is known to be what was once written.
    fn is_authentic(&self) -> bool;
}

/// How the frames of a new archive go into `file`: through the lock, or as they are. With
/// `verify` what is needed to read an encrypted file back is gathered.
pub fn output<'a>(
    lock: Option<&Lock>,
    file: &'a File,
    folder: &'a Folder,
    path: &'a Path,
    verify: bool,
    control: &Control,
) -> Result<Box<dyn Output + 'a>> {
    match lock {
        Some(lock) => lock.output(file, folder, path, verify, control),
        None => Ok(Box::new(Plain::new(file, path))),
    }
}

/// The frames in `file`, which is read from its beginning.
pub fn open(
    mut file: File,
    path: &Path,
    keys: &Keys,
    control: &Control,
) -> Result<Box<dyn Source>> {
    let failed = |error| Error::io("read", path, error);
    let mut line = Vec::new();
    let longest = AGE.len() + VERSION.len();
    Read::by_ref(&mut file)
        .take(longest as u64)
        .read_to_end(&mut line)
        .map_err(failed)?;
    file.rewind().map_err(failed)?;
    match kind_of(&line) {
        Kind::Clear => Ok(Box::new(Clear {
            file,
            path: path.to_owned(),
        })),
        Kind::Age => body::open(file, path, keys, control),
        Kind::OtherAge => Err(Error::NotABackup {
            path: path.to_owned(),
            why: "it is encrypted in another version of the age format".to_owned(),
        }),
        Kind::Damaged => Err(Error::Corrupt {
            path: path.to_owned(),
            what: "the line that an encrypted file begins with is damaged".to_owned(),
        }),
    }
}

enum Kind {
    Age,
    /// Another version of it.
    OtherAge,
    Damaged,
    Clear,
}

/// What a file is that begins with `line`.
fn kind_of(line: &[u8]) -> Kind {
    let expected = [AGE, VERSION].concat();
    let wrong = line
        .iter()
        .zip(&expected)
        .filter(|(one, other)| one != other);
    match wrong.count() {
        // A file that is cut off here is told as one that ends early.
        0 if line.is_empty() => Kind::Clear,
        0 => Kind::Age,
        _ if line.len() < expected.len() => Kind::Clear,
        _ if line.starts_with(AGE) && is_version(&line[AGE.len()..]) => Kind::OtherAge,
        // One byte that differs is damage; a file of another kind differs in more.
        1 => Kind::Damaged,
        _ => Kind::Clear,
    }
}

/// Whether this begins as a version's number does, and the end of the line after it.
fn is_version(bytes: &[u8]) -> bool {
    matches!(bytes, [b'0'..=b'9', b'0'..=b'9' | b'\n'])
}

/// Frames with nothing around them.
struct Clear {
    file: File,
    path: PathBuf,
}

impl Source for Clear {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read.map_err(|error| Error::io("read", &self.path, error)),
            }
        }
    }

    fn place(&self, offset: u64) -> u64 {
        offset
    }

    fn is_authentic(&self) -> bool {
        false
    }
}
