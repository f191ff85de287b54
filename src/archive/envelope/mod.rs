//! The envelope: the age file (C2SP age.md, version 1) around the frames of an encrypted
//! backup, and around those of a clear one nothing.
//!
//! All that knows of age is here: `with_age` and, for a build without the feature `encryption`,
//! `without_age`, which refuses.

#[cfg(feature = "encryption")]
mod armor;
#[cfg(feature = "encryption")]
mod header;
#[cfg(feature = "encryption")]
mod hybrid;
#[cfg(feature = "encryption")]
mod opening;
#[cfg(feature = "encryption")]
mod sealing;
mod side;
mod source;
#[cfg(feature = "encryption")]
mod with_age;
#[cfg(not(feature = "encryption"))]
mod without_age;

use std::io::{self, BufRead, Read, SeekFrom};
use std::path::Path;

#[cfg(feature = "encryption")]
use opening::{length as age_length, open as open_age};
#[cfg(feature = "encryption")]
use sealing::output as encrypted;
pub use side::{Side, SideReader};
pub use source::{Bytes, Source};
use source::{Clear, Input, LONGEST_HEADER};
#[cfg(feature = "encryption")]
pub use with_age::{Decryption, Encryption, check};
#[cfg(not(feature = "encryption"))]
pub use without_age::{Decryption, Encryption, check};
#[cfg(not(feature = "encryption"))]
use without_age::{length as age_length, open as open_age, output as encrypted};

use super::output::{Append, Output, Plain};
use crate::error::{At, Error, Result};
use crate::operation::Control;
use crate::sys::ReadSeek;

/// The line an age file begins with, whatever its version.
const AGE: &[u8] = b"age-encryption.org/v";
/// What comes after that in the version that is read and written.
const VERSION: &[u8] = b"1\n";
/// What the armor of an age file begins with, and how many blanks may come before.
const ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPT";
const MOST_BLANKS: usize = 1024;

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
        Some(encryption) => encrypted(encryption, file, path, verify, control),
        None => Ok(Box::new(Plain(file))),
    }
}

/// The frames in a file of this path.
pub fn open(
    bytes: Bytes,
    path: &Path,
    decryption: &Decryption,
    control: &Control,
) -> Result<Box<dyn Source>> {
    let mut input = Input::new(bytes);
    let longest = AGE.len() + VERSION.len();
    let mut head = input.head(longest as u64).at("read", path)?;
    if head.first().is_some_and(u8::is_ascii_whitespace) {
        let more = longest + MOST_BLANKS;
        head = input.head(more as u64).at("read", path)?;
    }
    if is_armored(head) {
        let blanks = head.len() - head.trim_ascii_start().len();
        input.consume(blanks);
        return open_age(input, true, path, decryption, control);
    }
    match kind_of(&head[..head.len().min(longest)]) {
        Kind::Clear => Ok(Box::new(Clear::new(input, path))),
        Kind::Age => open_age(input, false, path, decryption, control),
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

/// Bytes of the frames and the table in a file, told without a key; None where that takes one.
pub fn length_of(bytes: &mut dyn ReadSeek) -> io::Result<Option<u64>> {
    let mut head = Vec::new();
    bytes.take(LONGEST_HEADER).read_to_end(&mut head)?;
    let file = bytes.seek(SeekFrom::End(0))?;
    if is_armored(&head) {
        return Ok(None);
    }
    Ok(
        match kind_of(&head[..head.len().min(AGE.len() + VERSION.len())]) {
            Kind::Age => age_length(&head, file),
            Kind::OtherAge | Kind::Damaged => None,
            Kind::Clear => Some(file),
        },
    )
}

/// Whether a file is encrypted, as far as its beginning tells. It is read from there again.
pub fn is_encrypted(bytes: &mut dyn ReadSeek) -> io::Result<bool> {
    let mut head = Vec::new();
    (&mut *bytes)
        .take((MOST_BLANKS + ARMOR.len()) as u64)
        .read_to_end(&mut head)?;
    bytes.seek(SeekFrom::Start(0))?;
    let kind = kind_of(&head[..head.len().min(AGE.len() + VERSION.len())]);
    Ok(is_armored(&head) || !matches!(kind, Kind::Clear))
}

fn is_armored(head: &[u8]) -> bool {
    head.trim_ascii_start().starts_with(ARMOR)
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
