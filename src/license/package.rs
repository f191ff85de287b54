//! Packages that hold an LCP licence: EPUB, PDF and audiobooks, all of which are ZIP files.
//!
//! Readium LCP 1.0, and its notes on PDF and audiobooks; ZIP: PKWARE's APPNOTE.TXT 6.3.10.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};

use memchr::memmem;
use zip::ZipArchive;

use super::{Excerpt, Format, MOST_INSPECTED, Statement, lcp};
use crate::error::{Result, reserve};

/// Where a package has its licence: an EPUB, and every other kind.
const IN_PACKAGES: [&str; 2] = ["META-INF/license.lcpl", "license.lcpl"];

/// The end of the central directory (4.3.16), without its comment.
const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;
/// The records of ZIP64 (4.3.14, 4.3.15).
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
/// Bytes of a file's header in the directory, without its name (4.3.12).
const HEADER_LENGTH: u64 = 46;

/// Reads the licence in a package.
pub fn read(excerpt: Excerpt<'_>, statement: &mut Statement) -> Result<Option<Format>> {
    let Some(directory) = directory(excerpt) else {
        return Ok(None);
    };
    let floor = Cell::new(directory);
    let package = Package {
        excerpt,
        floor: &floor,
        position: 0,
    };
    let Ok(mut package) = ZipArchive::new(package) else {
        return Ok(None);
    };
    floor.set(0);
    let paths = IN_PACKAGES.iter();
    let Some(index) = paths.filter_map(|path| package.index_for_name(path)).next() else {
        return Ok(None);
    };
    let Ok(file) = package.by_index(index) else {
        return Ok(None);
    };
    let mut json = Vec::new();
    let declared = usize::try_from(file.size()).unwrap_or(MOST_INSPECTED);
    reserve(&mut json, declared.min(MOST_INSPECTED) + 1, "a license")?;
    match file.take(MOST_INSPECTED as u64).read_to_end(&mut json) {
        Ok(_) => Ok(lcp::read(&json, statement)),
        Err(_) => Ok(None),
    }
}

/// Where the central directory begins, in a package whose directory is what it says to be: at
/// the end, all there, with no more files than it has room for. The parser takes the
/// directory's word for how much memory it needs, and time for every end that it finds.
fn directory(excerpt: Excerpt<'_>) -> Option<u64> {
    let last = match excerpt.is_whole() {
        true => excerpt.head,
        false => excerpt.tail,
    };
    let at = memmem::rfind(last, END)?;
    let end = last.get(at..)?.first_chunk::<END_LENGTH>()?;
    let half = |at: usize| u16::from_le_bytes([end[at], end[at + 1]]);
    let word = |at: usize| u64::from(half(at)) | u64::from(half(at + 2)) << 16;
    let [files_here, files, comment] = [half(8), half(10), half(20)];
    let (length, offset) = (word(12), word(16));
    let end_offset = excerpt.size - last.len() as u64 + at as u64;
    let directory = last.get(at.checked_sub(usize::try_from(length).ok()?)?..at)?;
    let sound = half(4) == 0
        && half(6) == 0
        && files_here == files
        && u64::from(files) * HEADER_LENGTH <= length
        && offset + length == end_offset
        && at + END_LENGTH + usize::from(comment) == last.len()
        && memmem::find(directory, END).is_none()
        && memmem::find(directory, END_64).is_none()
        && memmem::find(directory, LOCATOR_64).is_none();
    sound.then_some(offset)
}

/// Bytes before the directory that the parser may see while it looks for the directory's end,
/// and sees as zeros.
const MARGIN: u64 = 4096;

/// A package of which the beginning and the end are there. What lies between is an error, and
/// so is what lies below the floor.
struct Package<'a> {
    excerpt: Excerpt<'a>,
    floor: &'a Cell<u64>,
    position: u64,
}

impl Read for Package<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Excerpt { head, tail, size } = self.excerpt;
        let tail_offset = size - tail.len() as u64;
        let floor = self.floor.get();
        let rest = match self.position {
            position if position < floor.saturating_sub(MARGIN) => {
                return Err(io::ErrorKind::Unsupported.into());
            }
            position if position < floor => &[0; MARGIN as usize][..(floor - position) as usize],
            position if position < head.len() as u64 => &head[position as usize..],
            position if position >= size => &[],
            position if position >= tail_offset => &tail[(position - tail_offset) as usize..],
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for Package<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.excerpt.size.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
