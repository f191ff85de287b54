//! A generation on its way: small ones as one object, larger ones in parts. What it has in common
//! with an earlier one the server copies, and it is not sent.

use std::ops::Range;
use std::time::Duration;

use crate::device::hex;
use crate::error::{self, Error, Result};
use crate::head::{ENCRYPTED, Head, generation_name};
use crate::http::{Token, Tries, random};
use crate::journal::{Begun, Journal, Part};
use crate::start;
use crate::store::Store;

/// Bytes of a part. They grow with the file, so that 10,000 parts hold 200 GB.
const PART: usize = 8 << 20;
const PARTS_OF_A_SIZE: usize = 2500;
const MOST_PARTS: usize = 10_000;
/// Bytes that a part has at least, unless it is the last one.
const SMALLEST_PART: u64 = 5 << 20;
/// Bytes that the server copies in one request: it answers when all are copied.
const COPIED_AT_ONCE: u64 = 128 << 20;
/// Bytes of an earlier generation that are read at once, where they must be sent after all.
const READ_AT_ONCE: u64 = 4 << 20;
/// How long cleaning up may take after a failure or a cancel.
const CLEANUP: Duration = Duration::from_secs(2);

pub struct Upload {
    /// What stands before the name of the generation in its key.
    folder: String,
    nonce: String,
    created: i64,
    /// Its first bytes.
    first: Vec<u8>,
    /// What is not sent yet.
    waiting: Vec<u8>,
    /// What comes after that: bytes of an earlier generation.
    copying: Option<(String, Range<u64>)>,
    /// Whether the server copies, as far as is known.
    copies: bool,
    /// None: some bytes were never here.
    hash: Option<blake3::Hasher>,
    size: u64,
    /// The upload in parts, if there is one, and the tags of the parts.
    id: Option<String>,
    tags: Vec<String>,
    /// Where the parts are noted, and those of a killed backup that need no sending.
    journal: Option<Journal>,
    there: Vec<Part>,
    /// When the backup was made that is there: this one does not pretend to be older.
    newest: i64,
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
            first: Vec::new(),
            waiting: Vec::new(),
            copying: None,
            copies: true,
            hash: Some(blake3::Hasher::new()),
            size: 0,
            id: None,
            tags: Vec::new(),
            journal: None,
            there: Vec::new(),
            newest: i64::MIN,
            is_stored: false,
        }
    }

    /// A backup is there that was made at this time.
    pub fn follows(&mut self, created: i64) {
        self.newest = self.newest.max(created);
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

    pub fn write(&mut self, store: &Store, data: &[u8], token: &Token) -> Result<()> {
        token.check()?;
        if let Some(hash) = &mut self.hash {
            hash.update(data);
        }
        if self.size == self.first.len() as u64 {
            let room = start::LENGTH - self.first.len();
            self.first.extend_from_slice(&data[..room.min(data.len())]);
        }
        self.size += data.len() as u64;
        self.send_copying(store, token)?;
        self.append(store, data, token)
    }

    /// Appends bytes of the generation of this key.
    pub fn reuse(
        &mut self,
        store: &Store,
        key: &str,
        bytes: Range<u64>,
        token: &Token,
    ) -> Result<()> {
        token.check()?;
        self.hash = None;
        self.size += bytes.end - bytes.start;
        match &mut self.copying {
            Some((of, before)) if of == key && before.end == bytes.start => {
                before.end = bytes.end;
                Ok(())
            }
            _ => {
                self.send_copying(store, token)?;
                self.copying = Some((key.to_owned(), bytes));
                Ok(())
            }
        }
    }

    /// Has the server copy what it can, and sends the rest.
    fn send_copying(&mut self, store: &Store, token: &Token) -> Result<()> {
        let Some((key, mut bytes)) = self.copying.take() else {
            return Ok(());
        };
        let left = |bytes: &Range<u64>| bytes.end - bytes.start;
        // What waits is sent before, as a part that must be large enough.
        let missing = match self.waiting.len() as u64 {
            0 => 0,
            there => SMALLEST_PART.saturating_sub(there),
        };
        if self.copies && left(&bytes) >= missing + SMALLEST_PART {
            self.fetch(store, &key, bytes.start..bytes.start + missing, token)?;
            bytes.start += missing;
            if !self.waiting.is_empty() {
                self.send_part(store, token)?;
            }
            while self.copies && left(&bytes) > 0 {
                let count = match left(&bytes) {
                    all if all < COPIED_AT_ONCE + SMALLEST_PART => all,
                    _ => COPIED_AT_ONCE,
                };
                let piece = bytes.start..bytes.start + count;
                self.copies = self.copy_part(store, &key, &piece, token)?;
                bytes.start += if self.copies { count } else { 0 };
            }
        }
        self.fetch(store, &key, bytes, token)
    }

    /// Reads bytes of an earlier generation, to send them.
    fn fetch(&mut self, store: &Store, key: &str, bytes: Range<u64>, token: &Token) -> Result<()> {
        let mut from = bytes.start;
        while from < bytes.end {
            let to = bytes.end.min(from + READ_AT_ONCE);
            let data = store.read(key, from, to, token)?;
            self.append(store, &data, token)?;
            from = to;
        }
        Ok(())
    }

    /// A part that the server copies; false: it does not copy.
    fn copy_part(
        &mut self,
        store: &Store,
        from: &str,
        bytes: &Range<u64>,
        token: &Token,
    ) -> Result<bool> {
        let content = format!("{from} {}-{}", bytes.start, bytes.end);
        let (id, number) = self.next_part(store, token)?;
        if self.is_there(number, &content) {
            return Ok(true);
        }
        let tag = store.copy_part(&self.key(), &id, number, from, bytes, token)?;
        let copied = tag.is_some();
        if let Some(tag) = tag {
            self.sent(number, content, tag);
        }
        Ok(copied)
    }

    fn append(&mut self, store: &Store, mut data: &[u8], token: &Token) -> Result<()> {
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

    /// The upload in parts, which is begun if it has not been, and the number of its next part.
    fn next_part(&mut self, store: &Store, token: &Token) -> Result<(String, u16)> {
        let id = match &self.id {
            Some(id) => id.clone(),
            None => self.begin_parts(store, token)?,
        };
        self.id = Some(id.clone());
        let number = u16::try_from(self.tags.len() + 1).ok();
        let number = number.filter(|&number| usize::from(number) <= MOST_PARTS);
        let number = number
            .ok_or_else(|| Error::new(error::FAIL, "the backup is too large for a bucket"))?;
        Ok((id, number))
    }

    /// Begins an upload in parts, or goes on with one whose process was killed.
    fn begin_parts(&mut self, store: &Store, token: &Token) -> Result<String> {
        let place = format!("{} {}", store.place.bucket.base_url(), self.folder);
        self.journal = Journal::open(&place);
        let earlier = self
            .journal
            .as_mut()
            .and_then(|journal| journal.earlier(self.created));
        let earlier =
            earlier.filter(|(begun, _)| begun.folder == self.folder && begun.created > self.newest);
        if let Some((begun, parts)) = earlier {
            let key = format!(
                "{}{}",
                self.folder,
                generation_name(begun.created, &begun.nonce)
            );
            let listed = store.parts(&key, &begun.id, token);
            token.check()?;
            if let Ok(Some(listed)) = listed {
                self.created = begun.created;
                self.nonce = begun.nonce;
                self.there = parts;
                self.there.retain(|part| {
                    let same =
                        |(number, tag): &(u16, String)| *number == part.number && *tag == part.tag;
                    listed.iter().any(same)
                });
                return Ok(begun.id);
            }
            // The server does not say: the upload is begun anew, and nobody else has the old one.
            let _ = store.abort(&key, &begun.id, token);
        }
        let id = store.begin_parts(&self.key(), token)?;
        if let Some(journal) = &mut self.journal {
            journal.begin(&Begun {
                folder: self.folder.clone(),
                id: id.clone(),
                created: self.created,
                nonce: self.nonce.clone(),
            });
        }
        Ok(id)
    }

    /// Whether the server has the part of this number already, with this content.
    fn is_there(&mut self, number: u16, content: &str) -> bool {
        let is_it = |part: &&Part| part.number == number && part.content == content;
        let tag = self.there.iter().rfind(is_it).map(|part| part.tag.clone());
        let is_there = tag.is_some();
        self.tags.extend(tag);
        is_there
    }

    fn sent(&mut self, number: u16, content: String, tag: String) {
        self.tags.push(tag.clone());
        if let Some(journal) = &mut self.journal {
            journal.note(&Part {
                number,
                content,
                tag,
            });
        }
    }

    fn send_part(&mut self, store: &Store, token: &Token) -> Result<()> {
        let (id, number) = self.next_part(store, token)?;
        let content = blake3::hash(&self.waiting).to_hex().to_string();
        if !self.is_there(number, &content) {
            let tag = store.put_part(&self.key(), &id, number, &self.waiting, token)?;
            self.sent(number, content, tag);
        }
        self.waiting.clear();
        Ok(())
    }

    /// Sends what is left, and makes sure that the object is there as a whole.
    pub fn finish(&mut self, store: &Store, token: &Token) -> Result<Head> {
        self.send_copying(store, token)?;
        if self.id.is_none() {
            self.is_stored = true;
            store.put(&self.key(), &self.waiting, token)?;
        } else {
            if !self.waiting.is_empty() {
                self.send_part(store, token)?;
            }
            self.complete(store, &self.key(), token)?;
        }
        let key = self.key();
        if let Some(journal) = self.journal.take() {
            journal.end();
        }
        self.waiting = Vec::new();
        let size = store.size(&key, token)?;
        if size != Some(self.size) {
            let words = format!("{key} has {size:?} bytes, and {} were sent", self.size);
            return Err(Error::corrupt(words));
        }
        let hash = self.hash.as_ref();
        let hash = hash.map_or_else(String::new, |hash| hash.finalize().to_hex().to_string());
        let mut head = Head::new(
            self.name(),
            self.size,
            hash,
            self.created,
            self.nonce.clone(),
        );
        if !self.first.starts_with(ENCRYPTED) {
            head.start = start::encode(&self.first).unwrap_or_default();
        }
        Ok(head)
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
        if let Some(journal) = self.journal.take() {
            journal.end();
        }
        if self.is_stored && !may_be_named {
            let _ = store.delete(&key, &token);
        }
    }
}
