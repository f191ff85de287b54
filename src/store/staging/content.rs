//! What a file is known by: its content. Nothing else holds on every file system: inode numbers
//! change with a name, a mount or a cache, times are rounded or dropped, and both may be made up.

use std::io::{self, Read};

use crate::sys;

/// Bytes that are read at a time.
const LEAST: u64 = 4 << 10;
const MOST: u64 = sys::SCRATCH as u64;

/// A file's size, and 128 bits of its BLAKE3 hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    pub size: u64,
    pub hash: [u8; 16],
}

impl Content {
    pub fn of(data: &[u8]) -> Self {
        Content {
            size: data.len() as u64,
            hash: half(blake3::hash(data)),
        }
    }

    /// Reads a file from where it stands to its end; `size` is about how much that is. `check` is
    /// asked now and then whether to go on.
    pub fn read<E: From<io::Error>>(
        file: impl Read,
        size: u64,
        check: impl FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        Self::read_at_most(file, u64::MAX, size, check)
    }

    /// The same of what is at most `most` bytes long, or the beginning of what is longer: no
    /// content that is as long as `most`, or shorter, equals it.
    fn read_at_most<E: From<io::Error>>(
        file: impl Read,
        most: u64,
        size: u64,
        mut check: impl FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut file = file.take(most.saturating_add(1));
        let mut buffer = vec![0; size.saturating_add(1).clamp(LEAST, MOST) as usize];
        let mut hash = blake3::Hasher::new();
        loop {
            check()?;
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => drop(hash.update(&buffer[..read])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Content {
            size: hash.count(),
            hash: half(hash.finalize()),
        })
    }

    /// Which of some contents a file has, if any. No more of it is read than the longest has.
    pub fn which(file: impl Read, of: &[Self]) -> io::Result<Option<usize>> {
        let longest = of.iter().map(|content| content.size).max().unwrap_or(0);
        let found = Self::read_at_most(file, longest, longest, || Ok::<(), io::Error>(()))?;
        Ok(of.iter().position(|content| *content == found))
    }
}

fn half(hash: blake3::Hash) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash.as_bytes()[..16]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_told_apart() {
        let never = || Ok::<(), io::Error>(());
        let large = vec![7; MOST as usize * 2 + 1];
        for data in [&b""[..], b"a", b"b", &large, &large[1..]] {
            let read = Content::read(data, 0, never).expect("memory reads");
            assert_eq!(read, Content::of(data));
            let most = data.len() as u64;
            assert_eq!(
                Content::read_at_most(data, most, most, never).ok(),
                Some(read)
            );
            if most > 0 {
                let cut = Content::read_at_most(data, most - 1, most, never).expect("memory reads");
                assert_eq!(cut, read);
            }
        }
        assert_ne!(Content::of(b"a"), Content::of(b"b"));
        assert_ne!(Content::of(b""), Content::of(b"\0"));
    }

    #[test]
    fn what_is_too_long_is_none_of_them() {
        let never = || Ok::<(), io::Error>(());
        let cut = Content::read_at_most(&b"abcdef"[..], 3, 3, never).expect("memory reads");
        assert_eq!(cut.size, 4);
        assert_ne!(cut, Content::of(b"abc"));
    }
}
