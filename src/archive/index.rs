//! What a backup file says of itself at its end, its summary and its table, read without what is
//! before them.

use std::path::Path;

use serde::Deserialize;

use super::envelope::Source;
use super::frame::{self, Padding, Seal, SourceHash, Unpacker};
use super::seek::{self, Table};
use super::summary::{self, Summary};
use super::{FRAME_CONTENT, SUMMARY_NAME, member};
use crate::error::{Error, Result};

/// Bytes of a summary and a table at the most: those of a file of some hundred gigabytes.
const MOST: u64 = 32 << 20;

/// The same where they are read in passing.
const MOST_AT_ONCE: u64 = 1 << 20;

/// A frame, as the summary has it.
pub struct Described {
    /// Where it begins in the archive.
    pub start: u64,
    pub seal: Seal,
    /// The name of the license that its content begins with, or goes on with.
    pub first: Vec<u8>,
    pub source: SourceHash,
}

/// What a file says of itself.
pub struct Index {
    pub licenses: u64,
    /// Bytes of the licenses.
    pub bytes: u64,
    /// The frames of licenses.
    pub frames: Vec<Described>,
}

/// The JSON of a summary.
#[derive(Deserialize)]
struct Stated {
    licenses: u64,
    bytes: u64,
    frames: Vec<StatedFrame>,
}

#[derive(Deserialize)]
struct StatedFrame {
    length: u64,
    blake3: String,
    stored: u64,
    xxh64: String,
    first: Option<String>,
    first_hex: Option<String>,
    source: String,
}

/// The number of licenses that a file says it has, and their bytes. None where that is not in what
/// can be read at once, or not there: it is for those who wait, and nothing depends on it.
pub fn stated_amount(source: &mut dyn Source) -> Option<(u64, u64)> {
    let end = find_end(source, MOST_AT_ONCE).ok()??;
    let (mut data, mut content) = (Vec::new(), Vec::new());
    let mut start = 0;
    let summary = find_summary(source, &end, MOST_AT_ONCE).ok()??;
    let frames = end.entries.iter();
    let &(stored, length) = frames.into_iter().find(|&&(stored, _)| {
        let is_here = start == summary;
        start += stored;
        is_here
    })?;
    source
        .read_range(summary, stored as usize, &mut data)
        .ok()?;
    let mut unpacker = Unpacker::new().ok()?;
    unpacker.unpack(&data, length, &mut content).ok()??;
    let header = member::read_header(&content, &mut Vec::new(), &mut Vec::new())?;
    summary::amount(content.get(header.length..)?)
}

impl Index {
    /// Reads it from the end of a file whose first frame has this seal. There is one way to write
    /// it, so that it is compared with what it would be.
    pub fn read(source: &mut dyn Source, path: &Path, first: Seal) -> Result<Self> {
        Self::read_within(source, path, first, MOST)
    }

    /// The same if it is short.
    pub fn read_at_once(source: &mut dyn Source, path: &Path, first: Seal) -> Result<Self> {
        Self::read_within(source, path, first, MOST_AT_ONCE)
    }

    fn read_within(source: &mut dyn Source, path: &Path, first: Seal, most: u64) -> Result<Self> {
        let damaged = |what: &str| Error::Corrupt {
            path: path.to_owned(),
            what: what.to_owned(),
        };
        let end = find_end(source, most)?.ok_or_else(|| damaged("there is no table at its end"))?;
        let no_summary = || damaged("there is no summary at its end");
        let start = find_summary(source, &end, most)?.ok_or_else(no_summary)?;
        let mut tail = Vec::new();
        let length = end.length - start;
        if length > most {
            return Err(Error::Memory("a summary"));
        }
        source.read_range(start, length as usize, &mut tail)?;
        let stated = json_in(&tail, &end, start)?.ok_or_else(no_summary)?;
        let (index, right) = Self::parse(stated, start, first).ok_or_else(no_summary)?;
        if tail != right {
            return Err(damaged("its summary is not in the form that backups have"));
        }
        Ok(index)
    }

    /// What is stated, and what the file should be from `start` on; None where it cannot be so.
    fn parse(stated: Stated, start: u64, info: Seal) -> Option<(Self, Vec<u8>)> {
        let (mut summary, mut table) = (Summary::default(), Table::default());
        let (mut frames, mut offset) = (Vec::new(), 0);
        for frame in stated.frames {
            let (seal, first, source) = frame.parse()?;
            summary.add(&seal, &first, source);
            let end = seal.stored.checked_add(offset).filter(|&end| end < start)?;
            let padding = Padding::at(end);
            seek::add_frame(&mut table, &seal, padding);
            frames.push(Described {
                start: offset,
                seal,
                first,
                source,
            });
            offset = end + padding.length();
        }
        let mut right = Vec::new();
        for content in summary.contents(stated.licenses, stated.bytes) {
            let frame = frame::store(&content);
            seek::add_frame(&mut table, &frame.seal, Padding::NONE);
            right.extend_from_slice(&frame.data);
        }
        right.extend_from_slice(&table.to_bytes());
        let is_first = frames.first()?.seal == info && offset == start;
        frames.remove(0);
        is_first.then_some((
            Index {
                licenses: stated.licenses,
                bytes: stated.bytes,
                frames,
            },
            right,
        ))
    }
}

impl StatedFrame {
    fn parse(self) -> Option<(Seal, Vec<u8>, SourceHash)> {
        let seal = Seal {
            length: self.length,
            hash: blake3::Hash::from_hex(&self.blake3).ok()?,
            stored: self.stored,
            check: u64::from_str_radix(&self.xxh64, 16).ok()?,
        };
        let first = match (self.first, self.first_hex) {
            (Some(first), None) => first.into_bytes(),
            (None, Some(digits)) => from_hex(&digits)?,
            _ => return None,
        };
        let source = match self.source.as_str() {
            "" => None,
            digits => Some(<[u8; 16]>::try_from(from_hex(digits)?).ok()?),
        };
        Some((seal, first, source))
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|it| it.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}

/// The end of a file: the table, and where it is.
struct End {
    /// Bytes of all.
    length: u64,
    /// Where the table begins.
    table: u64,
    /// The stored length of each frame, and that of its content.
    entries: Vec<(u64, u64)>,
}

fn find_end(source: &mut dyn Source, most: u64) -> Result<Option<End>> {
    let length = source.length()?;
    let mut bytes = Vec::new();
    let footer = seek::FOOTER.min(length as usize);
    source.read_range(length - footer as u64, footer, &mut bytes)?;
    let Some(table) = seek::length_by_footer(&bytes).filter(|&table| table <= length.min(most))
    else {
        return Ok(None);
    };
    source.read_range(length - table, table as usize, &mut bytes)?;
    Ok(seek::entries(&bytes).map(|entries| End {
        length,
        table: length - table,
        entries,
    }))
}

/// Where the summary begins: its frames are the last ones, and all of them but one are full.
fn find_summary(source: &mut dyn Source, end: &End, limit: u64) -> Result<Option<u64>> {
    let (mut data, mut content) = (Vec::new(), Vec::new());
    let mut unpacker = Unpacker::new()?;
    let (mut start, mut length) = (end.table, 0);
    for (at, &(stored, declared)) in end.entries.iter().rev().enumerate() {
        let most = frame::longest_stored(FRAME_CONTENT);
        let full = declared == FRAME_CONTENT as u64 || at == 0;
        let fits = declared <= FRAME_CONTENT as u64 && stored <= most && stored <= start;
        if !full || !fits || length > limit {
            return Ok(None);
        }
        start -= stored;
        source.read_range(start, stored as usize, &mut data)?;
        if unpacker.unpack(&data, declared, &mut content)?.is_none() {
            return Ok(None);
        }
        length += declared;
        if content.starts_with(SUMMARY_NAME)
            && let Some(header) = member::read_header(&content, &mut Vec::new(), &mut Vec::new())
        {
            let member = header.length as u64 + header.size + member::padding(header.size) as u64;
            if member + member::END.len() as u64 == length {
                return Ok(Some(start));
            }
        }
    }
    Ok(None)
}

/// The JSON of the summary in the end of a file from `start` on.
fn json_in(tail: &[u8], end: &End, start: u64) -> Result<Option<Stated>> {
    let mut unpacker = Unpacker::new()?;
    let (mut text, mut content) = (Vec::new(), Vec::new());
    let mut at = 0;
    let mut before = 0;
    for &(stored, length) in &end.entries {
        let is_before = before < start;
        before += stored;
        if is_before {
            continue;
        }
        let Some(data) = tail.get(at..at + stored as usize) else {
            return Ok(None);
        };
        if unpacker.unpack(data, length, &mut content)?.is_none() {
            return Ok(None);
        }
        text.extend_from_slice(&content);
        at += stored as usize;
    }
    let Some(header) = member::read_header(&text, &mut Vec::new(), &mut Vec::new()) else {
        return Ok(None);
    };
    let json = text.get(header.length..header.length + header.size as usize);
    Ok(json.and_then(|json| serde_json::from_slice(json).ok()))
}
