//! The table that a backup file ends with: where its frames are, in the form of zstd's own
//! contrib/seekable_format (version 0.1.0), so that other programs read the archive at random.
//!
//! A skippable frame: its magic number and its length, eight bytes for each frame (those that are
//! skipped too), and a footer. All numbers have four bytes, the lowest first.

use super::frame::{Padding, Seal};

/// The magic number of the skippable frame, and that at the very end.
pub const MAGIC: [u8; 4] = 0x184D_2A5E_u32.to_le_bytes();
const LAST_MAGIC: [u8; 4] = 0x8F92_EAB1_u32.to_le_bytes();

const HEAD: usize = 8;
pub const FOOTER: usize = 9;

/// The entries so far.
pub trait Entries {
    fn add(&mut self, bytes: &[u8]);
}

/// Adds a frame, and the padding that follows it.
pub fn add_frame(entries: &mut impl Entries, seal: &Seal, padding: Padding) {
    let mut entry = |stored: u64, length: u64| {
        // Frames are much smaller than what four bytes can say.
        entries.add(&(stored as u32).to_le_bytes());
        entries.add(&(length as u32).to_le_bytes());
    };
    entry(seal.stored, seal.length);
    if padding.length() > 0 {
        entry(padding.length(), 0);
    }
}

/// A table that is being gathered.
#[derive(Default)]
pub struct Table(Vec<u8>);

impl Entries for Table {
    fn add(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

impl Table {
    /// What [`Table::return_to`] comes back to.
    pub fn mark(&self) -> usize {
        self.0.len()
    }

    pub fn return_to(&mut self, mark: usize) {
        self.0.truncate(mark);
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let entries = self.0.len() as u64;
        let mut out = Vec::with_capacity(HEAD + self.0.len() + FOOTER);
        out.extend_from_slice(&head(entries));
        out.extend_from_slice(&self.0);
        out.extend_from_slice(&footer(entries));
        out
    }
}

fn head(entries: u64) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&MAGIC);
    head[4..].copy_from_slice(&((entries + FOOTER as u64) as u32).to_le_bytes());
    head
}

fn footer(entries: u64) -> [u8; FOOTER] {
    let mut footer = [0; FOOTER];
    footer[..4].copy_from_slice(&((entries / 8) as u32).to_le_bytes());
    // The descriptor between the two is 0: no checksums, which are in the summary.
    footer[5..].copy_from_slice(&LAST_MAGIC);
    footer
}

/// Bytes of the table that ends in this footer; None when it is none.
pub fn length_by_footer(footer: &[u8]) -> Option<u64> {
    let count = footer.first_chunk::<4>()?;
    let right = footer.get(5..)? == LAST_MAGIC;
    right.then_some((HEAD + FOOTER) as u64 + 8 * u64::from(u32::from_le_bytes(*count)))
}

/// What a table says of each frame: its length, and that of its content.
pub fn entries(table: &[u8]) -> Option<Vec<(u64, u64)>> {
    let inner = table.get(HEAD..table.len().checked_sub(FOOTER)?)?;
    let number = |bytes: &[u8]| {
        let bytes = bytes.first_chunk::<4>()?;
        Some(u64::from(u32::from_le_bytes(*bytes)))
    };
    let entries = inner.chunks(8);
    entries
        .map(|entry| Some((number(entry)?, number(entry.get(4..)?)?)))
        .collect()
}

/// The one right table, known by its hash: a file's own is compared as it comes.
pub struct Expected {
    entries: u64,
    wanted: blake3::Hasher,
    found: blake3::Hasher,
    /// Bytes of the file's own that were looked at.
    position: u64,
    differs: bool,
}

impl Entries for Expected {
    fn add(&mut self, bytes: &[u8]) {
        self.entries += bytes.len() as u64;
        self.wanted.update(bytes);
    }
}

impl Expected {
    pub fn new() -> Self {
        Expected {
            entries: 0,
            wanted: blake3::Hasher::new(),
            found: blake3::Hasher::new(),
            position: 0,
            differs: false,
        }
    }

    /// Looks at the next bytes of the file's own table.
    pub fn compare(&mut self, mut bytes: &[u8]) {
        while let Some(&byte) = bytes.first() {
            let head_end = HEAD as u64;
            let entries_end = head_end + self.entries;
            if (head_end..entries_end).contains(&self.position) {
                let length = bytes.len().min((entries_end - self.position) as usize);
                self.found.update(&bytes[..length]);
                self.position += length as u64;
                bytes = &bytes[length..];
                continue;
            }
            let expected = if self.position < head_end {
                head(self.entries).get(self.position as usize).copied()
            } else {
                let at = (self.position - entries_end) as usize;
                footer(self.entries).get(at).copied()
            };
            self.differs |= expected != Some(byte);
            self.position += 1;
            bytes = &bytes[1..];
        }
    }

    /// Whether the file's own was the right one, to its end.
    pub fn is_right(&self) -> bool {
        let whole = self.position == (HEAD + FOOTER) as u64 + self.entries;
        whole && !self.differs && self.found.finalize() == self.wanted.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::frame;

    #[test]
    fn tables_are_compared_as_they_come() {
        let (mut table, mut offset) = (Table::default(), 0);
        let frames: Vec<_> = (0..20_u8).map(|n| frame::store(&vec![n; 1000])).collect();
        let each = |entries: &mut dyn FnMut(&Seal, Padding)| {
            offset = 0;
            for frame in &frames {
                offset += frame.seal.stored;
                let padding = Padding::at(offset);
                offset += padding.length();
                entries(&frame.seal, padding);
            }
        };
        let mut each = each;
        each(&mut |seal, padding| add_frame(&mut table, seal, padding));
        let right = table.to_bytes();
        assert_eq!(right.len(), 8 + 40 * 8 + 9);
        let mut check = |bytes: &[u8], piece: usize| {
            let mut expected = Expected::new();
            each(&mut |seal, padding| add_frame(&mut expected, seal, padding));
            bytes
                .chunks(piece)
                .for_each(|piece| expected.compare(piece));
            expected.is_right()
        };
        for piece in [1, 7, 1000] {
            assert!(check(&right, piece));
            assert!(!check(&right[..right.len() - 1], piece));
            assert!(!check(&[&right[..], b"x"].concat(), piece));
        }
        for at in 0..right.len() {
            let mut wrong = right.clone();
            wrong[at] ^= 1;
            assert!(!check(&wrong, 100), "byte {at}");
        }
    }
}
