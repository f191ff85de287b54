//! Decrypts the frames in an age file.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::iter;
use std::path::{Path, PathBuf};

use age::stream::StreamReader;
use age::{DecryptError, Decryptor, scrypt};

use super::armor;
use super::header::{has_whole_stanzas, payload_of, work_factor};
use super::source::{Input, LONGEST_HEADER, Source};
use super::with_age::{
    CHUNK, Decryption, LARGEST_WORK_FACTOR, TAG, is_of_the_system, set_aside_memory,
};
use crate::error::{Error, Result};
use crate::hresult;
use crate::operation::Control;
use crate::secret::wiping_stack;

/// Opens the age file, which may be in armor, with the key that fits its kind.
pub fn open(
    mut input: Input,
    is_armored: bool,
    path: &Path,
    keys: &Decryption,
    control: &Control,
) -> Result<Box<dyn Source>> {
    if is_armored {
        input = Input::new(armor::opened(input));
    }
    let head = input
        .head(LONGEST_HEADER)
        .map_err(|error| match error.kind() {
            _ if is_of_the_system(&error) => Error::io("read", path, error),
            ErrorKind::UnexpectedEof => corrupt(path, "it ends in its armor"),
            _ => corrupt(path, "its armor is damaged"),
        })?;
    let factor = work_factor(head);
    let payload = payload_of(head);
    if !has_whole_stanzas(head) {
        return Err(corrupt(path, DAMAGED_HEADER));
    }
    let cut_off = (head.len() as u64) < LONGEST_HEADER;
    let decryptor = decryptor(input, cut_off, path)?;
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

/// Reads the header, which is in memory, except where the file is `cut_off` in it.
fn decryptor(input: Input, cut_off: bool, path: &Path) -> Result<Decryptor<Input>> {
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

/// Bytes of content in an age file with this head, of so many bytes.
pub fn length(head: &[u8], file: u64) -> Option<u64> {
    let payload = payload_of(head);
    let chunks = file.checked_sub(payload).filter(|_| payload > 0)?;
    Some(chunks.saturating_sub(chunks.div_ceil(CHUNK + TAG) * TAG))
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
        let read = self.stream.read(buffer);
        let read = read.map_err(|error| self.failed(error, self.given))?;
        self.given += read as u64;
        Ok(read)
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        let sought = self.stream.seek(SeekFrom::Start(offset));
        sought.map_err(|error| self.failed(error, offset))?;
        self.given = offset;
        Ok(())
    }

    fn length(&mut self) -> Result<u64> {
        let length = self.stream.seek(SeekFrom::End(0));
        length.map_err(|error| self.failed(error, self.given))
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

impl Opened {
    /// What came of reading content at this offset.
    fn failed(&self, error: io::Error, at: u64) -> Error {
        let place = self.place(at);
        let what = match error.kind() {
            _ if is_of_the_system(&error) => return Error::io("read", &self.path, error),
            ErrorKind::UnexpectedEof => format!("it ends at byte {place}, too early"),
            _ => format!("damage is in, or it ends in, the ciphertext from byte {place} on"),
        };
        Error::Corrupt {
            path: self.path.clone(),
            what,
        }
    }
}
