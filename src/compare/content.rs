//! What is kept of a license's content: a hash to compare it by, and what it is inspected by.

use crate::error::{Result, reserve};
use crate::license::{self, Excerpt};
use crate::store::sqlite;

/// A license on one side, as far as it was read.
#[derive(Default)]
pub struct Side {
    pub size: u64,
    /// Unix seconds.
    pub modified: i64,
    pub head: Vec<u8>,
    pub tail: Vec<u8>,
}

impl Side {
    /// Begins with a license; gives the bytes that are wanted of its beginning.
    pub fn begin(&mut self, size: u64, modified: i64) -> Result<usize> {
        self.size = size;
        self.modified = modified;
        self.head.clear();
        self.tail.clear();
        let wanted = license::most_of_head(size);
        reserve(&mut self.head, wanted, "a license")?;
        Ok(wanted)
    }

    /// Bytes from its end that are wanted, when its beginning is there.
    pub fn wanted_tail(&self) -> usize {
        if self.head.len() as u64 == self.size {
            0
        } else {
            license::wanted_tail(&self.head, self.size)
        }
    }

    pub fn excerpt(&self) -> Excerpt<'_> {
        Excerpt::large(&self.head, &self.tail, self.size)
    }
}

/// A hash of a content that comes in pieces. Of a database, SQLite's own counters do not count,
/// as they do not in a restore.
pub struct Hash {
    hasher: blake3::Hasher,
    is_database: bool,
}

impl Hash {
    pub fn new(is_database: bool) -> Self {
        Hash {
            hasher: blake3::Hasher::new(),
            is_database,
        }
    }

    /// Adds a piece; the first one has all of a database's header.
    pub fn add(&mut self, data: &[u8]) {
        match data.split_first_chunk::<{ sqlite::HEADER }>() {
            Some((header, rest)) if self.is_database && self.hasher.count() == 0 => {
                let mut header = *header;
                sqlite::clear_counters(&mut header);
                self.hasher.update(&header);
                self.hasher.update(rest);
            }
            _ => {
                self.hasher.update(data);
            }
        }
    }

    pub fn finish(&self) -> blake3::Hash {
        self.hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_count_in_what_is_no_database() {
        let hash = |content: &[u8], is_database| {
            let mut hash = Hash::new(is_database);
            hash.add(&content[..content.len() / 2]);
            hash.add(&content[content.len() / 2..]);
            hash.finish()
        };
        let one = vec![0; 400];
        for (at, is_counter) in [
            (24, true),
            (43, true),
            (99, true),
            (23, false),
            (224, false),
        ] {
            let mut other = one.clone();
            other[at] = 1;
            assert_ne!(hash(&one, false), hash(&other, false), "{at}");
            assert_eq!(hash(&one, true) == hash(&other, true), is_counter, "{at}");
        }
    }
}
