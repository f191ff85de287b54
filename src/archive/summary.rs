//! The last member, `wmlb-summary.json`: what must be there for the archive to be whole.
//!
//! Its JSON has one canonical form, so a reader does not read it but compares it, as it comes,
//! with what it should be. Only what a frame's licenses were made from, `source`, is known to
//! nobody but the writer.

use std::io::Write;

use super::frame::{Seal, SourceHash};
use super::{FRAME_CONTENT, SUMMARY_NAME, member};
use crate::sys::Time;

/// Bytes of a source in the file: 128 bits in hexadecimal.
const SOURCE_DIGITS: usize = 2 * size_of::<[u8; 16]>();

/// What precedes a source. It is nowhere else: in a string, its quotes are escaped.
const SOURCE_KEY: &[u8] = b"\"source\":\"";

/// What the frames of licenses are said to be.
pub trait Text {
    fn add(&mut self, bytes: &[u8]);
}

impl Text for Vec<u8> {
    fn add(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Text for blake3::Hasher {
    fn add(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

/// Adds what is said of a frame: `first` is the name of the license that its content begins
/// with.
fn add_frame(text: &mut impl Text, number: u64, seal: &Seal, first: &[u8], source: SourceHash) {
    let mut record = Vec::with_capacity(256 + first.len());
    if number > 0 {
        record.push(b',');
    }
    let Seal {
        length,
        hash,
        stored,
        check,
    } = seal;
    // To memory, which cannot fail.
    let _ = write!(
        record,
        "{{\"length\":{length},\"blake3\":\"{hash}\",\"stored\":{stored},\"xxh64\":\"{check:016x}\""
    );
    // A name that is not UTF-8 has no place in a string of JSON.
    match std::str::from_utf8(first) {
        Ok(first) => {
            record.extend_from_slice(b",\"first\":");
            let _ = serde_json::to_writer(&mut record, first);
        }
        Err(_) => {
            record.extend_from_slice(b",\"first_hex\":\"");
            for byte in first {
                let _ = write!(record, "{byte:02x}");
            }
            record.push(b'"');
        }
    }
    record.push(b',');
    record.extend_from_slice(SOURCE_KEY);
    for byte in source.iter().flatten() {
        let _ = write!(record, "{byte:02x}");
    }
    record.extend_from_slice(b"\"}");
    text.add(&record);
}

fn beginning(licenses: u64, bytes: u64) -> Vec<u8> {
    format!("{{\"licenses\":{licenses},\"bytes\":{bytes},\"frames\":[").into_bytes()
}

/// The number of licenses, and their bytes, that JSON of this beginning states.
pub fn amount(json: &[u8]) -> Option<(u64, u64)> {
    let text = json.utf8_chunks().next()?.valid();
    let (licenses, rest) = text
        .strip_prefix("{\"licenses\":")?
        .split_once(",\"bytes\":")?;
    let (bytes, _) = rest.split_once(',')?;
    Some((licenses.parse().ok()?, bytes.parse().ok()?))
}

const ENDING: &[u8] = b"]}\n";

/// The header of the member, for JSON of this length.
fn header(length: u64) -> Vec<u8> {
    // No time of its own: the same licenses give the same bytes.
    let epoch = Time {
        seconds: 0,
        nanoseconds: 0,
    };
    let mut header = Vec::new();
    member::write_header(&mut header, SUMMARY_NAME, length, epoch);
    header
}

/// A summary that is being written.
#[derive(Default)]
pub struct Summary {
    frames: Vec<u8>,
    count: u64,
}

/// How far a summary was.
#[derive(Clone, Copy)]
pub struct SummaryMark {
    length: usize,
    count: u64,
}

impl Summary {
    pub fn add(&mut self, seal: &Seal, first: &[u8], source: SourceHash) {
        add_frame(&mut self.frames, self.count, seal, first, source);
        self.count += 1;
    }

    /// What there is so far.
    pub fn mark(&self) -> SummaryMark {
        SummaryMark {
            length: self.frames.len(),
            count: self.count,
        }
    }

    /// As it was when the mark was set.
    pub fn return_to(&mut self, mark: SummaryMark) {
        self.frames.truncate(mark.length);
        self.count = mark.count;
    }

    /// The contents of the archive's last frames: the member, and the end of the tar.
    pub fn contents(self, licenses: u64, bytes: u64) -> Vec<Vec<u8>> {
        let beginning = beginning(licenses, bytes);
        let length = (beginning.len() + self.frames.len() + ENDING.len()) as u64;
        let mut content = header(length);
        content.extend_from_slice(&beginning);
        content.extend_from_slice(&self.frames);
        content.extend_from_slice(ENDING);
        member::pad(&mut content, length);
        content.extend_from_slice(&member::END);
        content.chunks(FRAME_CONTENT).map(<[u8]>::to_vec).collect()
    }
}

/// What a summary should say, known by its hash.
pub struct Expected {
    frames: blake3::Hasher,
    count: u64,
    /// Bytes of what is said of the frames, without their sources.
    length: u64,
}

/// Counts and hashes.
struct Counted<'a>(&'a mut blake3::Hasher, &'a mut u64);

impl Text for Counted<'_> {
    fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
        *self.1 += bytes.len() as u64;
    }
}

impl Expected {
    pub fn new() -> Self {
        Expected {
            frames: blake3::Hasher::new(),
            count: 0,
            length: 0,
        }
    }

    pub fn add(&mut self, seal: &Seal, first: &[u8]) {
        let mut text = Counted(&mut self.frames, &mut self.length);
        add_frame(&mut text, self.count, seal, first, None);
        self.count += 1;
    }

    /// Begins to compare, when all frames of licenses were there. `content` is the first piece
    /// of the summary, which says how many sources there are by its length.
    pub fn compare(&self, licenses: u64, bytes: u64, content: &[u8]) -> Option<Comparison> {
        let mut path = Vec::new();
        let stated = member::read_header(content, &mut path, &mut Vec::new())?;
        let beginning = beginning(licenses, bytes);
        let least = (beginning.len() + ENDING.len()) as u64 + self.length;
        let sources = stated.size.checked_sub(least)?;
        let digits = SOURCE_DIGITS as u64;
        if sources % digits != 0 || sources / digits > self.count {
            return None;
        }
        let mut tail = ENDING.to_vec();
        tail.resize(ENDING.len() + member::padding(stated.size), 0);
        tail.extend_from_slice(&member::END);
        Some(Comparison {
            head: [header(stated.size), beginning].concat(),
            frames: self.frames.clone(),
            frames_left: self.length + sources,
            found: blake3::Hasher::new(),
            scan: Scan::default(),
            tail,
            position: 0,
        })
    }
}

/// Compares a summary, piece by piece, with what it should be.
pub struct Comparison {
    head: Vec<u8>,
    frames: blake3::Hasher,
    /// Bytes of what is said of the frames that are still to come.
    frames_left: u64,
    found: blake3::Hasher,
    scan: Scan,
    tail: Vec<u8>,
    /// Bytes of the head, or then of the tail, that were there.
    position: usize,
}

/// What became of a piece.
#[derive(Debug, PartialEq, Eq)]
pub enum Compared {
    Right,
    /// And it was the last.
    Complete,
    Wrong,
}

impl Comparison {
    pub fn add(&mut self, mut piece: &[u8]) -> Compared {
        if !self.head.is_empty() {
            let length = piece.len().min(self.head.len() - self.position);
            let (now, later) = piece.split_at(length);
            if now != &self.head[self.position..self.position + length] {
                return Compared::Wrong;
            }
            self.position += length;
            if self.position < self.head.len() {
                return Compared::Right;
            }
            self.head.clear();
            self.position = 0;
            piece = later;
        }
        let length = piece.len().min(self.frames_left as usize);
        let (frames, rest) = piece.split_at(length);
        if !self.scan.pass(frames, &mut self.found) {
            return Compared::Wrong;
        }
        self.frames_left -= length as u64;
        let end = self.position + rest.len();
        if self.tail.get(self.position..end) != Some(rest) {
            return Compared::Wrong;
        }
        self.position = end;
        if self.frames_left > 0 || end < self.tail.len() {
            return Compared::Right;
        }
        if self.found.finalize() == self.frames.finalize() {
            Compared::Complete
        } else {
            Compared::Wrong
        }
    }
}

/// Takes the sources out of a text.
#[derive(Default)]
struct Scan {
    /// Bytes of [`SOURCE_KEY`] that were just there.
    matched: usize,
    /// Digits of the source that the text is in.
    digits: Option<usize>,
}

impl Scan {
    /// Hashes the text without its sources; false where one is not in its form.
    fn pass(&mut self, text: &[u8], out: &mut blake3::Hasher) -> bool {
        let mut begin = 0;
        for (at, &byte) in text.iter().enumerate() {
            match self.digits {
                Some(count) if byte == b'"' => {
                    if count != 0 && count != SOURCE_DIGITS {
                        return false;
                    }
                    self.digits = None;
                    begin = at;
                }
                Some(count) => {
                    let is_digit = matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                    if !is_digit || count == SOURCE_DIGITS {
                        return false;
                    }
                    self.digits = Some(count + 1);
                    continue;
                }
                None => {}
            }
            // The key's first byte is nowhere else in it but at two places that no other part
            // of it precedes, so a mismatch begins anew.
            self.matched = match SOURCE_KEY.get(self.matched) {
                Some(&next) if next == byte => self.matched + 1,
                _ => usize::from(byte == SOURCE_KEY[0]),
            };
            if self.matched == SOURCE_KEY.len() {
                out.update(&text[begin..=at]);
                begin = text.len();
                self.matched = 0;
                self.digits = Some(0);
            }
        }
        if self.digits.is_none() {
            out.update(&text[begin.min(text.len())..]);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::frame;

    const NAMES: [&[u8]; 4] = [b"a", b"b/\"source\":\"", b"\xff", "caf\u{e9}".as_bytes()];

    fn compare(contents: &[Vec<u8>], licenses: u64, piece: usize) -> bool {
        let mut expected = Expected::new();
        for name in NAMES {
            expected.add(&frame::store(name).seal, name);
        }
        let Some(mut comparison) = expected.compare(licenses, 9, &contents[0]) else {
            return false;
        };
        let whole = contents.concat();
        let mut pieces = whole.chunks(piece).map(|piece| comparison.add(piece));
        let last = pieces
            .by_ref()
            .find(|compared| *compared != Compared::Right);
        last == Some(Compared::Complete) && pieces.next().is_none()
    }

    fn contents() -> Vec<Vec<u8>> {
        let mut summary = Summary::default();
        for (at, name) in NAMES.into_iter().enumerate() {
            let source = (at % 2 == 0).then_some([at as u8 + 0xA0; 16]);
            summary.add(&frame::store(name).seal, name, source);
        }
        summary.contents(4, 9)
    }

    #[test]
    fn summaries_are_compared_as_they_come() {
        let right = contents();
        for piece in [1, 7, 512, 100_000] {
            assert!(compare(&right, 4, piece));
            assert!(!compare(&right, 5, piece));
        }
        let length = right[0].len();
        assert!(!compare(&[right[0][..length - 1].to_vec()], 4, 100));
        assert!(!compare(&[[&right[0][..], b"\0"].concat()], 4, 100));
        for at in 0..length {
            let mut wrong = right.clone();
            // Lower case becomes upper case, a digit a control character.
            wrong[0][at] ^= 0x20;
            assert!(!compare(&wrong, 4, 100), "byte {at}");
        }
    }

    #[test]
    fn amounts_are_read_from_the_beginning() {
        for (licenses, bytes) in [(0, 0), (4, 9), (u64::MAX, u64::MAX)] {
            let json = [&beginning(licenses, bytes)[..], b"\xff"].concat();
            assert_eq!(amount(&json), Some((licenses, bytes)));
        }
        for json in ["", "{\"licenses\":1", "{\"licenses\":1,\"bytes\":x,", "{}"] {
            assert_eq!(amount(json.as_bytes()), None);
        }
    }

    #[test]
    fn summaries_are_json() {
        let content = contents().concat();
        let header = member::read_header(&content, &mut Vec::new(), &mut Vec::new()).unwrap();
        let json = &content[header.length..header.length + header.size as usize];
        let json: serde_json::Value = serde_json::from_slice(json).unwrap();
        assert_eq!(json["licenses"], 4);
        assert_eq!(json["frames"][1]["first"], "b/\"source\":\"");
        assert_eq!(json["frames"][1]["source"], "");
        assert_eq!(json["frames"][2]["first_hex"], "ff");
        assert_eq!(json["frames"][2]["source"], "a2".repeat(16));
    }
}
