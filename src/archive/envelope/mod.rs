//! The envelope: the age file (C2SP age.md, version 1) around the frames of an encrypted
//! backup, and around those of a clear one nothing.
//!
//! All that knows of age is here: `with_age` and, for a build without the feature `encryption`,
//! `without_age`, which refuses.

#[cfg(feature = "encryption")]
mod opening;
#[cfg(feature = "encryption")]
mod sealing;
#[cfg(feature = "encryption")]
mod with_age;
#[cfg(not(feature = "encryption"))]
mod without_age;

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

#[cfg(feature = "encryption")]
use with_age as implementation;
#[cfg(not(feature = "encryption"))]
use without_age as implementation;

pub use implementation::{Decryption, Encryption, check};

use super::output::{Append, Output, Plain};
use crate::error::{At, Error, Result};
use crate::operation::Control;

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

/// Bytes of a file, from its beginning.
pub type Bytes = Box<dyn Read + Send>;

/// How the frames of a new archive go into `file`, which will have this path: encrypted, or as
/// they are. With `verify` what is needed to read an encrypted file back is gathered.
pub fn output<'a>(
    encryption: Option<&Encryption>,
    file: &'a mut dyn Append,
    path: &'a Path,
    verify: bool,
    control: &Control,
) -> Result<Box<dyn Output + 'a>> {
    match encryption {
        Some(encryption) => encryption.output(file, path, verify, control),
        None => Ok(Box::new(Plain(file))),
    }
}

/// The frames in a file of this path.
pub fn open(
    mut bytes: Bytes,
    path: &Path,
    decryption: &Decryption,
    control: &Control,
) -> Result<Box<dyn Source>> {
    let mut line = Vec::new();
    let longest = AGE.len() + VERSION.len();
    Read::by_ref(&mut bytes)
        .take(longest as u64)
        .read_to_end(&mut line)
        .at("read", path)?;
    let kind = kind_of(&line);
    let bytes: Bytes = Box::new(io::Cursor::new(line).chain(bytes));
    match kind {
        Kind::Clear => Ok(Box::new(Clear {
            bytes,
            path: path.to_owned(),
        })),
        Kind::Age => implementation::open(bytes, path, decryption, control),
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

/// A file for what waits to be written, gone with the backup.
pub enum Side {
    Clear(File),
    Encrypted(implementation::SideFile),
}

/// What was written to it, from the beginning.
pub type SideReader = Box<dyn Read>;

impl Side {
    pub fn new(file: File, encrypted: bool, path: &Path) -> Result<Self> {
        Ok(if encrypted {
            Side::Encrypted(implementation::SideFile::new(file, path)?)
        } else {
            Side::Clear(file)
        })
    }

    /// Ends it, to be read.
    pub fn read_back(self, path: &Path) -> Result<SideReader> {
        match self {
            Side::Clear(mut file) => {
                file.rewind().at("read back", path)?;
                Ok(Box::new(file))
            }
            Side::Encrypted(file) => file.read_back(path),
        }
    }
}

impl Write for Side {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Side::Clear(file) => file.write(data),
            Side::Encrypted(file) => file.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
    bytes: Bytes,
    path: PathBuf,
}

impl Source for Clear {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.bytes.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read.at("read", &self.path),
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
