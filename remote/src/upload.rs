//! A generation on its way: small ones as one object, larger ones in parts.

use std::time::Duration;

use crate::device::hex;
use crate::error::{self, Error, Result};
use crate::head::{Head, generation_name};
use crate::http::{Token, Tries, random};
use crate::store::Store;

/// Bytes of a part. They grow with the file, so that 10,000 parts hold 200 GB.
const PART: usize = 8 << 20;
const PARTS_OF_A_SIZE: usize = 2500;
const MOST_PARTS: usize = 10_000;
/// How long cleaning up may take after a failure or a cancel.
const CLEANUP: Duration = Duration::from_secs(2);

pub struct Upload {
    /// What stands before the name of the generation in its key.
    folder: String,
    nonce: String,
    created: i64,
    /// What is not sent yet.
    waiting: Vec<u8>,
    hash: blake3::Hasher,
    size: u64,
    /// The upload in parts, if there is one, and the tags of the parts.
    id: Option<String>,
    tags: Vec<String>,
    /// Whether there may be an object.
    is_stored: bool,
}

impl Upload {
    pub fn new(folder: String) -> Self {
        let now = std::time::SystemTime::now();
        let created = now
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs() as i64);
        Upload {
            folder,
            nonce: hex(&random::<16>()),
            created,
            waiting: Vec::new(),
            hash: blake3::Hasher::new(),
            size: 0,
            id: None,
            tags: Vec::new(),
            is_stored: false,
        }
    }

    fn name(&self) -> String {
        generation_name(self.created, &self.nonce)
    }

    pub fn key(&self) -> String {
        format!("{}{}", self.folder, self.name())
    }

    fn part_size(&self) -> usize {
        PART * (1 + self.tags.len() / PARTS_OF_A_SIZE)
    }

    pub fn write(&mut self, store: &Store, mut data: &[u8], token: &Token) -> Result<()> {
        token.check()?;
        self.hash.update(data);
        self.size += data.len() as u64;
        while !data.is_empty() {
            // The last part is sent when it is known to be one.
            if self.waiting.len() == self.part_size() {
                self.send_part(store, token)?;
            }
            let room = self.part_size() - self.waiting.len();
            let (now, later) = data.split_at(room.min(data.len()));
            self.waiting.extend_from_slice(now);
            data = later;
        }
        Ok(())
    }

    fn send_part(&mut self, store: &Store, token: &Token) -> Result<()> {
        let key = self.key();
        if self.id.is_none() {
            self.id = Some(store.begin_parts(&key, token)?);
        }
        let id = self.id.as_deref().unwrap_or_default();
        let number = u16::try_from(self.tags.len() + 1).ok();
        let number = number.filter(|&number| usize::from(number) <= MOST_PARTS);
        let number = number
            .ok_or_else(|| Error::new(error::FAIL, "the backup is too large for a bucket"))?;
        let tag = store.put_part(&key, id, number, &self.waiting, token)?;
        self.tags.push(tag);
        self.waiting.clear();
        Ok(())
    }

    /// Sends what is left, and makes sure that the object is there as a whole.
    pub fn finish(&mut self, store: &Store, token: &Token) -> Result<Head> {
        let key = self.key();
        if self.id.is_none() {
            self.is_stored = true;
            store.put(&key, &self.waiting, token)?;
        } else {
            self.send_part(store, token)?;
            self.complete(store, &key, token)?;
        }
        self.waiting = Vec::new();
        let size = store.size(&key, token)?;
        if size != Some(self.size) {
            let words = format!("{key} has {size:?} bytes, and {} were sent", self.size);
            return Err(Error::corrupt(words));
        }
        let hash = self.hash.finalize().to_hex().to_string();
        Ok(Head::new(
            self.name(),
            self.size,
            hash,
            self.created,
            self.nonce.clone(),
        ))
    }

    fn complete(&mut self, store: &Store, key: &str, token: &Token) -> Result<()> {
        let id = self.id.clone().unwrap_or_default();
        let mut tries = Tries::new(store.place.deadline);
        self.is_stored = true;
        loop {
            let is_done = store.complete(key, &id, &self.tags, token)?;
            if is_done || store.size(key, token)? == Some(self.size) {
                self.id = None;
                return Ok(());
            }
            let words = "the server does not complete the upload";
            tries.pause(Error::new(error::FAIL, words), token)?;
        }
    }

    /// Removes what was sent. The object stays where somebody's HEAD may name it.
    pub fn abandon(&mut self, store: &Store, may_be_named: bool) {
        let token = Token::cleanup(CLEANUP);
        let key = self.key();
        // What cannot be removed now is collected later.
        if let Some(id) = self.id.take() {
            let _ = store.abort(&key, &id, &token);
        }
        if self.is_stored && !may_be_named {
            let _ = store.delete(&key, &token);
        }
    }
}
