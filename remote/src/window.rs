//! A generation that is read: by ranges, a window at a time, since requests cost more than bytes.

use crate::error::Result;
use crate::http::Token;
use crate::store::Store;

/// Bytes of a window that is read at its own place. One that goes on where the last ended is twice
/// as large as that, up to the largest.
const FIRST: u64 = 1 << 20;
const LARGEST: u64 = 4 << 20;
/// Bytes of one at the end, where a backup says of itself what is in it: one of so many in all,
/// twice of what that takes in most backups, and this much at least.
const END: u64 = 1024;
const LEAST_END: u64 = 64 << 10;
/// Bytes of one that follows those that are known: who has read these may not go on.
const AFTER_KNOWN: u64 = 64 << 10;

pub struct Window {
    pub key: String,
    pub size: u64,
    /// The first bytes, as far as they are known without asking.
    first: Vec<u8>,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub fn new(key: String, size: u64, mut first: Vec<u8>) -> Self {
        first.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Window {
            key,
            size,
            first,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// Reads what is at `offset`; 0 bytes at the end only.
    pub fn read(
        &mut self,
        store: &Store,
        offset: u64,
        buffer: &mut [u8],
        token: &Token,
    ) -> Result<usize> {
        token.check()?;
        if offset >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        let first = self
            .first
            .get(usize::try_from(offset).unwrap_or(usize::MAX)..);
        if let Some(there) = first.filter(|there| !there.is_empty()) {
            let count = there.len().min(buffer.len());
            buffer[..count].copy_from_slice(&there[..count]);
            return Ok(count);
        }
        let end = self.start + self.bytes.len() as u64;
        if !(self.start..end).contains(&offset) {
            let (from, to) = self.place(offset, buffer.len() as u64);
            self.bytes = Vec::new();
            self.bytes = store.read(&self.key, from, to, token)?;
            self.start = from;
        }
        let there = &self.bytes[(offset - self.start) as usize..];
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        Ok(count)
    }

    /// The window to read for what is at `offset`.
    fn place(&self, offset: u64, wanted: u64) -> (u64, u64) {
        let known = self.first.len() as u64;
        if self.bytes.is_empty() && known > 0 && offset == known {
            return (offset, self.size.min(offset + AFTER_KNOWN));
        }
        let end = self.start + self.bytes.len() as u64;
        let doubled = (2 * self.bytes.len() as u64).clamp(FIRST, LARGEST);
        let goes_on = !self.bytes.is_empty() && offset == end;
        let length = if goes_on {
            doubled
        } else if offset + wanted >= self.size {
            (self.size / END).clamp(LEAST_END, FIRST).max(wanted)
        } else {
            FIRST.max(wanted)
        };
        // At the end is what tells where everything is, in several pieces.
        let from = offset.min(self.size.saturating_sub(length));
        let from = if goes_on { offset } else { from };
        (from, self.size.min(from + length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_windows_are() {
        let mut window = Window::new(String::new(), 10 << 20, Vec::new());
        assert_eq!(window.place(0, 100), (0, FIRST));
        assert_eq!(
            window.place((10 << 20) - 9, 9),
            ((10 << 20) - LEAST_END, 10 << 20)
        );
        assert_eq!(window.place((10 << 20) - 10, 9), (9 << 20, 10 << 20));
        assert_eq!(window.place(5, 2 << 20), (5, 5 + (2 << 20)));
        window.bytes = vec![0; 100];
        assert_eq!(window.place(100, 1), (100, 100 + FIRST));
        window.bytes = vec![0; 3 << 20];
        assert_eq!(window.place(3 << 20, 1), (3 << 20, 7 << 20));
        window.bytes = vec![0; 100];
        window.start = (10 << 20) - 150;
        assert_eq!(
            window.place((10 << 20) - 50, 1),
            ((10 << 20) - 50, 10 << 20)
        );
        let known = Window::new(String::new(), 10 << 20, vec![0; 4096]);
        assert_eq!(known.place(4096, 1 << 20), (4096, 4096 + AFTER_KNOWN));
        let small = Window::new(String::new(), 10, Vec::new());
        assert_eq!(small.place(4, 2), (0, 10));
    }
}
