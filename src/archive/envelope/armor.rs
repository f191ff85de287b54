//! Armor: an age file as text, which the age command makes with `-a`. (C2SP age.md, "ASCII armor")

use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

use age::armor::ArmoredReader;

use super::source::{Bytes, Input};

/// Bytes that a line of armor stands for, and those of it.
const CONTENT: u64 = 48;
const LINE: u64 = 65;
/// Those of the line it begins with.
const FIRST_LINE: u64 = 35;
/// Bytes of a line at the most. Blanks may stand around an armor.
const LONGEST_LINE: usize = 1024;

/// The age file that this armor is of.
pub fn opened(bytes: Input) -> Bytes {
    Box::new(ArmoredReader::new(BufReader::new(ShortLines {
        bytes,
        length: 0,
    })))
}

/// Where in armor the byte of the age file is that is at `offset` of it.
pub fn place(offset: u64) -> u64 {
    FIRST_LINE + offset / CONTENT * LINE + offset % CONTENT * 4 / 3
}

/// Text with no line that is too long: the reader of armor has a whole line in memory.
struct ShortLines {
    bytes: Input,
    length: usize,
}

impl Read for ShortLines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(LONGEST_LINE);
        let read = self.bytes.read(&mut buffer[..most])?;
        let text = &buffer[..read];
        self.length = match text.iter().rposition(|&byte| byte == b'\n') {
            Some(end) => read - end - 1,
            None => self.length + read,
        };
        if self.length > LONGEST_LINE {
            return Err(ErrorKind::InvalidData.into());
        }
        Ok(read)
    }
}

impl Seek for ShortLines {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.length = 0;
        self.bytes.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let text = |line: usize| [vec![b'a'; line], vec![b'\n']].concat().repeat(5000);
        for (text, is_read) in [
            (text(64), true),
            (text(900), true),
            (vec![b'\n'; 100_000], true),
            (text(5000), false),
            (vec![b' '; 100_000], false),
        ] {
            let bytes: Bytes = Box::new(io::Cursor::new(text));
            let bytes = Input::new(bytes);
            let read = io::copy(&mut ShortLines { bytes, length: 0 }, &mut io::sink());
            assert_eq!(read.is_ok(), is_read);
        }
    }

    #[test]
    fn places() {
        for (offset, expected) in [(0, 35), (3, 39), (47, 97), (48, 100), (96, 165)] {
            assert_eq!(place(offset), expected);
        }
    }
}
