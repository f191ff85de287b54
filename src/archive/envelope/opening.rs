//! Decrypts the frames in an age file.

use std::io::{self, BufRead, ErrorKind, Read};
use std::iter;
use std::path::{Path, PathBuf};

use age::stream::StreamReader;
use age::{DecryptError, Decryptor, scrypt};

use super::armor;
use super::header::{has_whole_stanzas, payload_of, work_factor};
use super::source::{Bytes, Source};
use super::with_age::{
    CHUNK, Decryption, LARGEST_WORK_FACTOR, LONGEST_HEADER, TAG, is_of_the_system, set_aside_memory,
};
use crate::error::{Error, Result};
use crate::hresult;
use crate::operation::Control;
use crate::secret::wiping_stack;

/// Opens the age file, which may be in armor, with the key that fits its kind.
pub fn open(
    mut bytes: Bytes,
    is_armored: bool,
    path: &Path,
    keys: &Decryption,
    control: &Control,
) -> Result<Box<dyn Source>> {
    if is_armored {
        bytes = armor::opened(bytes);
    }
    let mut head = Vec::new();
    Read::by_ref(&mut bytes)
        .take(LONGEST_HEADER)
        .read_to_end(&mut head)
        .map_err(|error| match error.kind() {
            _ if is_of_the_system(&error) => Error::io("read", path, error),
            ErrorKind::UnexpectedEof => corrupt(path, "it ends in its armor"),
            _ => corrupt(path, "its armor is damaged"),
        })?;
    let factor = work_factor(&head);
    let payload = payload_of(&head);
    if !has_whole_stanzas(&head) {
        return Err(corrupt(path, DAMAGED_HEADER));
    }
    let decryptor = decryptor(head, bytes, path)?;
    let opened = match (decryptor.is_scrypt(), &keys.passphrase) {
        (true, None) => return Err(password(path, "no passphrase is set")),
        (false, _) if keys.identities.is_empty() => {
            return Err(password(path, "no identity is set"));
        }
        (true, Some(passphrase)) => {
            control.check()?;
            let _memory = set_aside_memory(factor)?;
            wiping_stack(|| {
                let mut identity = scrypt::Identity::new(passphrase.expose().into());
                identity.set_max_work_factor(LARGEST_WORK_FACTOR);
                decryptor.decrypt(iter::once(&identity as _))
            })
        }
        (false, _) => wiping_stack(|| {
            let identities = keys.identities.iter().map(|one| one.as_ref() as _);
            decryptor.decrypt(identities.take_while(|_| control.check().is_ok()))
        }),
    };
    control.check()?;
    Ok(Box::new(Opened {
        stream: opened.map_err(|error| not_opened(path, error))?,
        path: path.to_owned(),
        is_armored,
        payload,
        given: 0,
    }))
}

/// Reads the header, whose beginning is in memory.
fn decryptor(head: Vec<u8>, bytes: Bytes, path: &Path) -> Result<Decryptor<Input>> {
    let cut_off = (head.len() as u64) < LONGEST_HEADER;
    let input = Input {
        head,
        taken: 0,
        bytes,
    };
    Decryptor::new_buffered(input).map_err(|error| match error {
        DecryptError::Io(error) if is_of_the_system(&error) => Error::io("read", path, error),
        DecryptError::Io(_) if cut_off => corrupt(path, "it ends in the header of its encryption"),
        DecryptError::Io(_) => Error::NotABackup {
            path: path.to_owned(),
            why: format!("the header of its encryption is longer than {LONGEST_HEADER} bytes"),
        },
        _ => corrupt(path, DAMAGED_HEADER),
    })
}

fn not_opened(path: &Path, error: DecryptError) -> Error {
    match error {
        DecryptError::DecryptionFailed => password(path, "its passphrase is another"),
        DecryptError::NoMatchingKeys => password(path, "no identity that is set opens it"),
        // The file may be whole and the passphrase right: it is neither damaged nor no backup,
        // and to ask for another passphrase would not help.
        DecryptError::ExcessiveWork { required, .. } => Error::Encrypted {
            path: path.to_owned(),
            hr: hresult::NOT_SUPPORTED,
            why: format!(
                "the work factor of its passphrase is {required}: this library goes up to \
                 {LARGEST_WORK_FACTOR}"
            ),
        },
        _ => corrupt(path, DAMAGED_HEADER),
    }
}

const DAMAGED_HEADER: &str = "the header of its encryption is damaged";

fn corrupt(path: &Path, what: &str) -> Error {
    Error::Corrupt {
        path: path.to_owned(),
        what: what.to_owned(),
    }
}

fn password(path: &Path, why: &str) -> Error {
    Error::Encrypted {
        path: path.to_owned(),
        hr: hresult::WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD,
        why: why.to_owned(),
    }
}

/// An age file, of which the beginning is in memory.
struct Input {
    head: Vec<u8>,
    taken: usize,
    bytes: Bytes,
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = (&self.head[self.taken..]).read(buffer)?;
        self.taken += read;
        match read {
            0 => self.bytes.read(buffer),
            read => Ok(read),
        }
    }
}

/// For the header: it is not looked for any further than the head.
impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(&self.head[self.taken..])
    }

    fn consume(&mut self, amount: usize) {
        self.taken += amount;
    }
}

/// The content of an age file whose key is known.
struct Opened {
    stream: StreamReader<Input>,
    path: PathBuf,
    is_armored: bool,
    /// Where in the age file its chunks begin.
    payload: u64,
    /// Bytes of content that were read.
    given: u64,
}

impl Source for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = self.stream.read(buffer).map_err(|error| {
            let place = self.place(self.given);
            let what = match error.kind() {
                _ if is_of_the_system(&error) => return Error::io("read", &self.path, error),
                ErrorKind::UnexpectedEof => format!("it ends at byte {place}, too early"),
                _ => format!("damage is in, or it ends in, the ciphertext from byte {place} on"),
            };
            Error::Corrupt {
                path: self.path.clone(),
                what,
            }
        })?;
        self.given += read as u64;
        Ok(read)
    }

    fn place(&self, offset: u64) -> u64 {
        let place = self.payload + offset / CHUNK * (CHUNK + TAG) + offset % CHUNK;
        if self.is_armored {
            armor::place(place)
        } else {
            place
        }
    }

    fn is_authentic(&self) -> bool {
        true
    }
}
