//! What a frame was made from, by what tells whether its licenses have changed: a number of the
//! summary, which only this device can make and tell. A later backup takes the frame from this one
//! where it would make the same number.

use crate::archive::FORMAT;
use crate::archive::frame::{Seal, SourceHash, packer_version};
use crate::device;
use crate::error::Result;
use crate::store::Facts;

/// The purpose of the key.
const PURPOSE: &[u8] = b"wmlb source 1";

/// Why a frame ends where it does.
#[derive(Clone, Copy)]
pub enum End<'a> {
    /// Its last license says so.
    Own,
    /// So does the list.
    List,
    /// The license that comes next has no place in it.
    Before(&'a [u8], Option<Facts>),
    /// It is one of so many of a large license.
    Piece { number: u64, pieces: u64 },
}

/// Makes the numbers: what is the same for all frames of a backup is in it already.
pub struct Sources(Option<blake3::Hasher>);

impl Sources {
    /// With these settings; with `none` there are no numbers.
    pub fn new(none: bool, level: i32, denies_unstated: bool) -> Result<Self> {
        let key = if none { None } else { device::key(PURPOSE)? };
        let unstated = if denies_unstated { "deny" } else { "allow" };
        let settings = format!(
            "{FORMAT} {} {} {level} {unstated}\n",
            env!("CARGO_PKG_VERSION"),
            packer_version()
        );
        Ok(Sources(key.map(|key| {
            let mut hasher = blake3::Hasher::new_keyed(&key);
            hasher.update(settings.as_bytes());
            hasher
        })))
    }

    pub fn are_told(&self) -> bool {
        self.0.is_some()
    }

    /// The number of a frame of this range.
    pub fn of(&self, range: &Range, seal: &Seal) -> SourceHash {
        let mut hasher = self.0.clone().filter(|_| range.is_known)?;
        hasher.update(&range.text);
        hasher.update(&seal.length.to_le_bytes());
        hasher.update(seal.hash.as_bytes());
        hasher.update(&seal.stored.to_le_bytes());
        hasher.update(&seal.check.to_le_bytes());
        hasher.finalize().as_bytes().first_chunk().copied()
    }
}

/// What is listed in a frame's range.
#[derive(Default)]
pub struct Range {
    text: Vec<u8>,
    /// Something in it was left out, or nothing tells whether it changes.
    is_known: bool,
    is_ended: bool,
}

impl Range {
    pub fn begin(&mut self) {
        self.text.clear();
        self.is_known = true;
        self.is_ended = false;
    }

    /// Adds a license.
    pub fn add(&mut self, name: &[u8], facts: Option<Facts>) {
        let Some(facts) = facts else {
            return self.spoil();
        };
        self.text
            .extend_from_slice(&(name.len() as u32).to_le_bytes());
        self.text.extend_from_slice(name);
        facts.write(&mut self.text);
    }

    /// Nothing can be told of it.
    pub fn spoil(&mut self) {
        self.is_known = false;
    }

    /// Says why it ends, unless that was said.
    pub fn end(&mut self, end: End<'_>) {
        if std::mem::replace(&mut self.is_ended, true) {
            return;
        }
        // No name has this length.
        self.text.extend_from_slice(&[0; 4]);
        match end {
            End::Own => self.text.push(0),
            End::List => self.text.push(1),
            End::Before(name, facts) => {
                self.text.push(2);
                self.add(name, facts);
            }
            End::Piece { number, pieces } => {
                self.text.push(3);
                self.text.extend_from_slice(&number.to_le_bytes());
                self.text.extend_from_slice(&pieces.to_le_bytes());
            }
        }
    }

    /// Asks something of the range with this end, which it has not afterwards.
    pub fn ending<T>(&mut self, end: End<'_>, ask: impl FnOnce(&Self) -> T) -> T {
        let (length, is_known) = (self.text.len(), self.is_known);
        self.end(end);
        let answer = ask(self);
        self.text.truncate(length);
        self.is_known = is_known;
        self.is_ended = false;
        answer
    }
}
