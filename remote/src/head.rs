//! HEAD: the small object that names the newest generation of a device.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::keep;
use crate::place::is_key_part;

/// No HEAD is larger.
pub const LARGEST: u64 = 4096;
const FORMAT: u32 = 1;
/// How many earlier ones HEAD knows, so that it stays a small object.
const REMEMBERED: usize = 16;
/// What an encrypted backup begins with.
pub const ENCRYPTED: &[u8] = b"age-encryption.org/";
const SUFFIX: &str = ".wmlb";

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Head {
    pub format: u32,
    /// The name of the generation, below `g/`.
    pub generation: String,
    pub size: u64,
    /// BLAKE3 of the whole generation; "" if the server has copied some of it.
    pub blake3: String,
    pub created: i64,
    /// 1 of the first, and one more of each that took the place of another.
    pub sequence: u64,
    /// Of the attempt that wrote this: it is how a writer knows its own again.
    pub nonce: String,
    /// The nonces of those that were HEAD before, the latest first; the last few of them.
    pub before: Vec<String>,
    /// Of the first HEAD, which one took no place of another: whoever wrote that knows it for good.
    pub first: String,
    /// The first bytes of the generation, see `start`; "" of one that is encrypted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub start: String,
}

impl Head {
    /// A HEAD that has no place yet.
    pub fn new(generation: String, size: u64, blake3: String, created: i64, nonce: String) -> Self {
        Head {
            format: FORMAT,
            generation,
            size,
            blake3,
            created,
            sequence: 0,
            nonce,
            before: Vec::new(),
            first: String::new(),
            start: String::new(),
        }
    }

    /// This one in the place of another, or as the first.
    pub fn following(&self, before: Option<&Head>) -> Self {
        let mut head = self.clone();
        match before {
            Some(before) => {
                head.sequence = before.sequence.saturating_add(1);
                head.before = vec![before.nonce.clone()];
                head.before
                    .extend(before.before.iter().take(REMEMBERED - 1).cloned());
                head.first.clone_from(&before.first);
            }
            None => {
                head.sequence = 1;
                head.before = Vec::new();
                head.first.clone_from(&self.nonce);
            }
        }
        head
    }

    /// Whether this one knows all that were HEAD before it.
    pub fn knows_all(&self) -> bool {
        self.before.len() as u64 + 1 >= self.sequence
    }

    /// Whether the generation of this name was HEAD, as far back as this one knows.
    pub fn knows(&self, generation: &str) -> bool {
        let is_of = |nonce: &String| !nonce.is_empty() && generation.contains(nonce.as_str());
        generation == self.generation || self.before.iter().any(is_of)
    }

    pub fn read(bytes: &[u8]) -> Result<Self> {
        let head: Head = serde_json::from_slice(bytes)
            .map_err(|error| Error::corrupt(format!("HEAD is damaged: {error}")))?;
        if head.format != FORMAT {
            let words = format!("HEAD has the format {}, which is not known", head.format);
            return Err(Error::corrupt(words));
        }
        if created_of(&head.generation).is_none() {
            return Err(Error::corrupt("HEAD names no generation"));
        }
        Ok(head)
    }

    pub fn write(&self) -> Vec<u8> {
        // Plain fields: there is nothing in them that JSON has not.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The name of a generation: when it was made, and what no other has.
pub fn generation_name(created: i64, nonce: &str) -> String {
    format!("{}-{nonce}{SUFFIX}", keep::stamp(created))
}

/// When the generation of this name was made; None where it is not the name of one.
pub fn created_of(name: &str) -> Option<i64> {
    let (stamp, nonce) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    let is_nonce = nonce.len() == 32 && nonce.bytes().all(|byte| byte.is_ascii_hexdigit());
    keep::read_stamp(stamp.as_bytes()).filter(|_| is_nonce)
}

/// Whether a device may be called this.
pub fn is_device(name: &str) -> bool {
    name.len() <= 128 && is_key_part(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        let nonce = "0123456789abcdef0123456789abcdef".to_owned();
        let name = generation_name(0, &nonce);
        Head::new(name, 7, "ab".to_owned(), 0, nonce)
    }

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let first = head().following(None);
        let second = Head {
            nonce: "f".repeat(32),
            ..head()
        };
        let second = second.following(Some(&first));
        assert_eq!(Head::read(&second.write()), Ok(second.clone()));
        assert_eq!((first.sequence, second.sequence), (1, 2));
        assert_eq!(
            (second.before, second.first),
            (vec![first.nonce.clone()], first.nonce)
        );
    }

    #[test]
    fn a_head_stays_small_and_knows_what_it_knows() {
        let mut last = head().following(None);
        for number in 1..100_u64 {
            let nonce = format!("{number:032x}");
            let new = Head {
                generation: generation_name(0, &nonce),
                size: u64::MAX,
                blake3: "f".repeat(64),
                nonce,
                ..head()
            };
            last = new.following(Some(&last));
            assert_eq!(last.knows_all(), number <= REMEMBERED as u64);
        }
        assert!(last.write().len() < 1024, "{}", last.write().len());
        let of = |number: u64| generation_name(0, &format!("{number:032x}"));
        assert!(last.knows(&of(99)) && last.knows(&of(83)) && !last.knows(&of(82)));
    }

    #[test]
    fn what_is_no_head() {
        let text = String::from_utf8(head().write()).unwrap();
        for wrong in [
            String::new(),
            "{}".to_owned(),
            text.replace("\"format\":1", "\"format\":2"),
            text.replace(".wmlb", ".else"),
            text.replace("19700101", "../19700"),
        ] {
            assert!(Head::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
