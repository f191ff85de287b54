//! Decrypts the frames in an age file.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::iter;
use std::path::{Path, PathBuf};

use age::stream::StreamReader;
use age::{DecryptError, Decryptor, scrypt};

use super::source::{Input, LONGEST_HEADER, Source};
use super::with_age::{
    CHUNK, Decryption, LARGEST_WORK_FACTOR, TAG, is_of_the_system, set_aside_memory,
};
use crate::error::{Error, Result};
use crate::hresult;
use crate::operation::Control;
use crate::secret::wiping_stack;

/// Opens the age file with the key that fits its kind.
pub fn open(
    mut input: Input,
    path: &Path,
    keys: &Decryption,
    control: &Control,
) -> Result<Box<dyn Source>> {
    let head = input.head(LONGEST_HEADER);
    let head = head.map_err(|error| Error::io("read", path, error))?;
    let factor = work_factor(head);
    let payload = payload_of(head);
    let cut_off = (head.len() as u64) < LONGEST_HEADER;
    let corrupt = |what: &str| Error::Corrupt {
        path: path.to_owned(),
        what: what.to_owned(),
    };
    let refused = |hr, why: String| Error::Encrypted {
        path: path.to_owned(),
        hr,
        why,
    };
    let password = |why: &str| {
        let hr = hresult::WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD;
        refused(hr, why.to_owned())
    };
    let decryptor = Decryptor::new_buffered(input).map_err(|error| match error {
        DecryptError::Io(error) if is_of_the_system(&error) => Error::io("read", path, error),
        DecryptError::Io(_) if cut_off => corrupt("it ends in the header of its encryption"),
        DecryptError::Io(_) => Error::NotABackup {
            path: path.to_owned(),
            why: format!("the header of its encryption is longer than {LONGEST_HEADER} bytes"),
        },
        _ => corrupt("the header of its encryption is damaged"),
    })?;
    let opened = match (decryptor.is_scrypt(), &keys.passphrase) {
        (true, None) => return Err(password("no passphrase is set")),
        (false, _) if keys.identities.is_empty() => {
            return Err(password("no identity is set"));
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
            let identities = keys.identities.iter().map(|one| one as _);
            decryptor.decrypt(identities.take_while(|_| control.check().is_ok()))
        }),
    };
    control.check()?;
    let stream = opened.map_err(|error| match error {
        DecryptError::DecryptionFailed => password("its passphrase is another"),
        DecryptError::NoMatchingKeys => password("no identity that is set opens it"),
        // The file may be whole and the passphrase right: it is neither damaged nor no backup,
        // and to ask for another passphrase would not help.
        DecryptError::ExcessiveWork { required, .. } => refused(
            hresult::NOT_SUPPORTED,
            format!(
                "the work factor of its passphrase is {required}: this library goes up to \
                 {LARGEST_WORK_FACTOR}"
            ),
        ),
        _ => corrupt("the header of its encryption is damaged"),
    })?;
    Ok(Box::new(Opened {
        stream,
        path: path.to_owned(),
        payload,
        given: 0,
    }))
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
    /// Where in the file its chunks begin.
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
        self.payload + offset / CHUNK * (CHUNK + TAG) + offset % CHUNK
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

/// Where the chunks begin in a file with this head: after the header's last line and a nonce.
fn payload_of(head: &[u8]) -> u64 {
    const LAST_LINE: &[u8] = b"\n--- ";
    const MAC: usize = 43;
    const NONCE: usize = 16;
    let last = head.windows(LAST_LINE.len()).position(|at| at == LAST_LINE);
    last.map_or(0, |at| (at + LAST_LINE.len() + MAC + 1 + NONCE) as u64)
}

/// The work factor that a passphrase's stanza asks for; the least where there is none.
fn work_factor(head: &[u8]) -> u8 {
    let line = head.split(|&byte| byte == b'\n').nth(1).unwrap_or_default();
    let last = line.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    let digits = last.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |factor: u8, digit| {
        factor.saturating_mul(10).saturating_add(digit - b'0')
    })
}
