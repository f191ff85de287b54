//! The part of a license that is looked at.

/// The most bytes of a license that are looked at.
pub const MOST_INSPECTED: usize = 1 << 20;
/// Of a larger license these many bytes from its beginning are looked at. If it may be a ZIP
/// file, whose directory is at the end, so many from its end are, too.
const HEAD: usize = MOST_INSPECTED - TAIL;
pub const TAIL: usize = 256 << 10;

/// The part of a license that is looked at.
#[derive(Clone, Copy)]
pub struct Excerpt<'a> {
    /// From the license's beginning.
    head: &'a [u8],
    /// From the license's end, if that was wanted; empty if `head` is all of the license.
    tail: &'a [u8],
    size: u64,
}

impl<'a> Excerpt<'a> {
    /// The excerpt of a license that is whole in memory.
    pub fn whole(content: &'a [u8]) -> Self {
        let end = if content.len() <= MOST_INSPECTED {
            &[]
        } else {
            content
        };
        Excerpt::large(content, end, content.len() as u64)
    }

    /// The excerpt of a license of which only the beginning and the end are in memory.
    pub fn large(beginning: &'a [u8], end: &'a [u8], size: u64) -> Self {
        let most = most_of_head(size).min(beginning.len());
        Excerpt {
            head: &beginning[..most],
            tail: &end[end.len().saturating_sub(TAIL)..],
            size,
        }
    }

    pub fn head(&self) -> &'a [u8] {
        self.head
    }

    pub fn is_whole(&self) -> bool {
        self.head.len() as u64 == self.size
    }

    /// The bytes at the license's end, and the offset at which they begin; none if the end was
    /// not read.
    pub fn end(&self) -> Option<(&'a [u8], u64)> {
        if self.is_whole() {
            Some((self.head, 0))
        } else if self.tail.is_empty() {
            None
        } else {
            Some((self.tail, self.size.checked_sub(self.tail.len() as u64)?))
        }
    }

    /// So many bytes at this offset of the license, if they were read.
    pub fn bytes(&self, offset: u64, length: u64) -> Option<&'a [u8]> {
        let within = |part: &'a [u8], begin: u64| {
            let from = usize::try_from(offset.checked_sub(begin)?).ok()?;
            part.get(from..)?.get(..usize::try_from(length).ok()?)
        };
        let in_end = || self.end().and_then(|(part, begin)| within(part, begin));
        within(self.head, 0).or_else(in_end)
    }
}

/// How many bytes from the beginning of a license of this size are looked at.
pub fn most_of_head(size: u64) -> usize {
    match usize::try_from(size) {
        Ok(size) if size <= MOST_INSPECTED => size,
        _ => HEAD,
    }
}

/// What of this piece of a license, which begins at `offset`, is in the end that is looked at.
pub fn tail_in(piece: &[u8], offset: u64, size: u64) -> &[u8] {
    let before = size.saturating_sub(TAIL as u64).saturating_sub(offset);
    let before = usize::try_from(before).unwrap_or(usize::MAX);
    piece.get(before..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails() {
        let size = 3 * TAIL as u64;
        let piece = vec![0; TAIL];
        for (offset, expected) in [(0, 0), (TAIL + 10, 10), (2 * TAIL, TAIL)] {
            assert_eq!(tail_in(&piece, offset as u64, size).len(), expected);
        }
        assert_eq!(tail_in(&piece[..5], 0, 5).len(), 5);
    }

    #[test]
    fn heads() {
        for (size, expected) in [
            (0, 0),
            (1, 1),
            (MOST_INSPECTED as u64, MOST_INSPECTED),
            (MOST_INSPECTED as u64 + 1, HEAD),
            (u64::MAX, HEAD),
        ] {
            assert_eq!(most_of_head(size), expected, "{size}");
        }
    }

    #[test]
    fn parts() {
        let content: Vec<u8> = (0..MOST_INSPECTED + 10).map(|at| at as u8).collect();
        let size = content.len() as u64;
        let whole = Excerpt::whole(&content[..100]);
        let large = Excerpt::whole(&content);
        let cut = Excerpt::large(&content[..100], &[], size);
        let tail = size - TAIL as u64;
        assert!(whole.is_whole() && !large.is_whole() && !cut.is_whole());
        assert_eq!(whole.end(), Some((&content[..100], 0)));
        assert_eq!(large.end().map(|(_, offset)| offset), Some(tail));
        assert_eq!(cut.end(), None);
        for (excerpt, offset, length, there) in [
            (whole, 0, 100, true),
            (whole, 100, 0, true),
            (whole, 100, 1, false),
            (whole, 1, 100, false),
            (large, 0, HEAD as u64, true),
            (large, 0, HEAD as u64 + 1, false),
            (large, HEAD as u64 - 1, 2, false),
            (large, tail, TAIL as u64, true),
            (large, tail - 1, 2, false),
            (large, size, 0, true),
            (large, size, 1, false),
            (large, u64::MAX, u64::MAX, false),
            (cut, 99, 1, true),
            (cut, 100, 1, false),
        ] {
            let found = excerpt.bytes(offset, length);
            let expected = there.then(|| &content[offset as usize..][..length as usize]);
            assert_eq!(found, expected, "{offset} {length}");
        }
    }
}
