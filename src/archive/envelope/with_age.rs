//! The envelope, made and opened by the `age` crate.
//!
//! What a damaged header says depends on where the damage is. The last line is a MAC of all
//! others under a key that only the right secret gives, so once a secret has opened a stanza
//! every other change is damage. A change in the stanza itself cannot be told from a wrong
//! secret, and is taken for one unless it breaks the stanza's form.

use std::io;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};

use age::{EncryptError, Encryptor, scrypt, tag, tagpq, x25519};

use super::hybrid;
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::props::{Properties, Property, Setting};
use crate::secret::{Secret, wiping_stack};
use crate::sys::{self, SetAside};

/// The logarithm of scrypt's cost for a passphrase: fixed, so that a backup takes the same
/// everywhere. Memory is [`scrypt_memory`], here 128 MiB.
const WORK_FACTOR: u8 = 17;
/// The largest that a file may ask for.
pub(super) const LARGEST_WORK_FACTOR: u8 = 18;

/// Recipients, or identities, at the most. Each stanza is tried with each identity.
const MOST_KEYS: usize = 500;
/// Those that no quantum computer opens, whose stanzas are larger.
const MOST_POST_QUANTUM_KEYS: usize = 64;

/// Bytes of content in each piece that is encrypted on its own, and of the tag after it.
pub(super) const CHUNK: u64 = 64 << 10;
pub(super) const TAG: u64 = 16;

/// What a backup is encrypted to.
pub enum Encryption {
    Passphrase(Secret),
    Recipients(Vec<Recipient>),
}

impl Encryption {
    /// As the properties have it; None: not at all.
    pub fn new(properties: &Properties) -> Result<Option<Self>> {
        let passphrase = properties.secret(Property::Passphrase);
        let recipients = properties.secret(Property::Recipients);
        match (passphrase, recipients) {
            (None, None) => Ok(None),
            (Some(passphrase), None) => Ok(Some(Encryption::Passphrase(passphrase.clone()))),
            (None, Some(text)) => Ok(Some(Encryption::Recipients(parse_recipients(
                text.expose(),
            )?))),
            (Some(_), Some(_)) => Err(Error::Argument(
                "properties Passphrase and Recipients are both set, and a backup is encrypted \
                 to one or the other"
                    .to_owned(),
            )),
        }
    }

    pub(super) fn encryptor(&self, control: &Control) -> Result<Encryptor> {
        match self {
            Encryption::Passphrase(passphrase) => {
                control.check()?;
                let _memory = set_aside_memory(WORK_FACTOR)?;
                let encryptor = wiping_stack(|| {
                    let mut recipient = scrypt::Recipient::new(passphrase.expose().into());
                    recipient.set_work_factor(WORK_FACTOR);
                    encryptor(iter::once(&recipient as _))
                })?;
                control.check()?;
                Ok(encryptor)
            }
            Encryption::Recipients(recipients) => encryptor(recipients.iter().map(|one| one.key())),
        }
    }
}

pub(super) fn encryptor<'a>(
    recipients: impl Iterator<Item = &'a dyn age::Recipient>,
) -> Result<Encryptor> {
    // Random numbers, the first time on a thread, make the C library ask for a few bytes, without
    // which it ends the process.
    if !sys::has_memory() {
        return Err(Error::Memory("encryption"));
    }
    Encryptor::with_recipients(recipients).map_err(|error| match error {
        EncryptError::Io(error) => Error::Defect(format!("age: {error}")),
        error => Error::Defect(format!("age: {error:?}")),
    })
}

/// What opens an encrypted backup.
pub struct Decryption {
    pub(super) passphrase: Option<Secret>,
    pub(super) identities: Vec<Identity>,
    /// A file in clear is taken all the same.
    allows_clear: bool,
}

impl Decryption {
    pub fn new(properties: &Properties, allows_clear: bool) -> Result<Self> {
        let identities = properties.secret(Property::Identities);
        Ok(Decryption {
            passphrase: properties.secret(Property::Passphrase).cloned(),
            identities: match identities {
                Some(text) => wiping_stack(|| parse_identities(text.expose()))?,
                None => Vec::new(),
            },
            allows_clear,
        })
    }

    /// Whether a file that is not encrypted is refused: whoever can replace one that is could
    /// else have anything restored.
    pub fn refuses_clear(&self) -> bool {
        let expects_encrypted = self.passphrase.is_some() || !self.identities.is_empty();
        expects_encrypted && !self.allows_clear
    }
}

/// Whether a property may be set to this.
pub fn check(property: Property, setting: &Setting) -> Result<()> {
    match (property, setting) {
        (Property::Passphrase, Setting::Secret(passphrase)) if passphrase.expose().is_empty() => {
            Err(refusal(property, "a passphrase cannot be empty".to_owned()))
        }
        (Property::Recipients, Setting::Secret(text)) => parse_recipients(text.expose()).map(drop),
        (Property::Identities, Setting::Secret(text)) => parse_identities(text.expose()).map(drop),
        _ => Ok(()),
    }
}

fn refusal(property: Property, problem: String) -> Error {
    Error::PropertyValue {
        name: property.name(),
        problem,
    }
}

/// What opens backups to its recipient: of X25519, or of that and ML-KEM.
pub(super) type Identity = Box<dyn age::Identity + Send + Sync>;

/// A key that backups are encrypted to.
pub enum Recipient {
    Classic(Box<dyn age::Recipient + Send + Sync>),
    /// age does not encrypt to one of these and to others: who has broken the others has it all.
    PostQuantum(Box<dyn age::Recipient + Send + Sync>),
}

impl Recipient {
    /// Keys of files (X25519, and ML-KEM with it) and of hardware, which has a tag.
    fn parse(text: &str) -> Option<Self> {
        if let Ok(key) = text.parse::<x25519::Recipient>() {
            Some(Recipient::Classic(Box::new(key)))
        } else if let Ok(key) = text.parse::<tag::Recipient>() {
            Some(Recipient::Classic(Box::new(key)))
        } else if let Ok(key) = text.parse::<tagpq::Recipient>() {
            Some(Recipient::PostQuantum(Box::new(key)))
        } else {
            let key = text.parse::<hybrid::Recipient>().ok()?;
            Some(Recipient::PostQuantum(Box::new(key)))
        }
    }

    fn key(&self) -> &dyn age::Recipient {
        match self {
            Recipient::Classic(key) | Recipient::PostQuantum(key) => key.as_ref(),
        }
    }
}

/// Recipients one a line. A line that is none may be a secret in the wrong place, so only its
/// number is told.
fn parse_recipients(text: &str) -> Result<Vec<Recipient>> {
    let mut short = false;
    let found = parse_lines(Property::Recipients, text, "recipient (age1...)", |line| {
        let recipient = Recipient::parse(line)?;
        // Points of a low order are well-formed, and age panics when it meets one.
        let used = catch_unwind(AssertUnwindSafe(|| encryptor(iter::once(recipient.key()))));
        short |= matches!(used, Ok(Err(Error::Memory(_))));
        matches!(used, Ok(Ok(_))).then_some(recipient)
    });
    if short {
        return Err(Error::Memory("the recipients"));
    }
    let found = found?;
    let is_post_quantum = |one: &&Recipient| matches!(one, Recipient::PostQuantum(_));
    let refuse = |problem| Err(refusal(Property::Recipients, problem));
    match found.iter().filter(is_post_quantum).count() {
        0 => Ok(found),
        count if count > MOST_POST_QUANTUM_KEYS => refuse(format!(
            "there are more than {MOST_POST_QUANTUM_KEYS} post-quantum recipients"
        )),
        count if count < found.len() => refuse(
            "recipients that are post-quantum (age1pq..., age1tagpq...) and others do not go \
             together"
                .to_owned(),
        ),
        _ => Ok(found),
    }
}

fn parse_identities(text: &str) -> Result<Vec<Identity>> {
    let what = "identity (AGE-SECRET-KEY-1..., AGE-SECRET-KEY-PQ-1...)";
    parse_lines(Property::Identities, text, what, |line| {
        if let Ok(key) = line.parse::<x25519::Identity>() {
            return Some(Box::new(key) as Identity);
        }
        let key = line.parse::<hybrid::Identity>().ok()?;
        Some(Box::new(key))
    })
}

/// What the lines mean that are neither empty nor comments.
fn parse_lines<T>(
    property: Property,
    text: &str,
    what: &str,
    mut parse: impl FnMut(&str) -> Option<T>,
) -> Result<Vec<T>> {
    let refuse = |problem| Err(refusal(property, problem));
    let mut found = Vec::new();
    // Some editors begin a text with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1..).zip(text.lines()) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match parse(line) {
            Some(_) if found.len() == MOST_KEYS => {
                return refuse(format!("there are more than {MOST_KEYS}"));
            }
            Some(key) => found.push(key),
            None => return refuse(format!("line {number} is not a valid {what}")),
        }
    }
    if found.is_empty() {
        return refuse(format!("there is no {what} in it"));
    }
    Ok(found)
}

/// Whether an error is the system's or of where the bytes come from, and not age's about what was
/// read.
pub(super) fn is_of_the_system(error: &io::Error) -> bool {
    error.raw_os_error().is_some() || Error::of_io(error).is_some()
}

/// The memory that scrypt takes, which it asks for in a way that would end the process if there
/// were none. A factor that is too large is refused without any.
pub(super) fn set_aside_memory(factor: u8) -> Result<SetAside> {
    let bytes = if factor > LARGEST_WORK_FACTOR {
        0
    } else {
        scrypt_memory(factor)
    };
    SetAside::new(bytes).ok_or(Error::Memory("the passphrase"))
}

/// 128 bytes times the block size, which is 8 in age, times the cost.
fn scrypt_memory(factor: u8) -> usize {
    (128 * 8) << factor
}
