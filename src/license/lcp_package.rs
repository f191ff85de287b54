//! Packages with an LCP license in them: EPUBs, PDFs and audiobooks, all of which are ZIP files.
//!
//! Readium LCP 1.0, and its notes on PDF and audiobooks.

use std::io::Read;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::excerpt::MOST_INSPECTED;
use super::zip::{self, File, Method};
use super::{Content, Memory, Reader, Statement, lcp, text};
use crate::error::{Result, reserve};

pub const READER: Reader = Reader {
    name: c"lcp",
    recognizes: |content| !text::is_utf16(content.bytes) && zip::may_be(content.excerpt),
    read,
    reads_end: true,
    names_keys: false,
    ..Reader::USUAL
};

/// Where an EPUB has its license, and where packages of other kinds have theirs.
const PATHS: [&[u8]; 2] = [b"META-INF/license.lcpl", b"license.lcpl"];

fn read(content: &Content<'_>, memory: &mut Memory, statement: &mut Statement) -> Result<bool> {
    let json = &mut memory.text;
    let file = PATHS
        .iter()
        .find_map(|path| zip::find(content.excerpt, path));
    let unpacked = match file {
        Some(file) => unpack(&file, json)?,
        None => false,
    };
    Ok(unpacked && lcp::read(text::trimmed(json), statement))
}

/// Unpacks a file of a package; false if it is damaged or larger than anything that is looked at.
fn unpack(file: &File<'_>, out: &mut Vec<u8>) -> Result<bool> {
    out.clear();
    if file.size > MOST_INSPECTED as u64 {
        return Ok(false);
    }
    // A byte more than the file says, so that a longer one is seen.
    let most = file.size + 1;
    reserve(out, most as usize, "a license")?;
    let read = match file.method {
        Method::Stored => file.data.take(most).read_to_end(out),
        Method::Deflated => DeflateDecoder::new(file.data).take(most).read_to_end(out),
    };
    let mut crc = Crc::new();
    crc.update(out);
    Ok(read.is_ok() && out.len() as u64 == file.size && crc.sum() == file.crc)
}
