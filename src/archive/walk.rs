//! Goes through the content of the frames in order, and insists on the canonical form.

use std::ops::Range;

use super::frame::Seal;
use super::member::{self, Header};
use super::{FRAME_CONTENT, LARGEST_WHOLE, LICENSES_FOLDER, SUMMARY_NAME, Summary};
use crate::error::Result;
use crate::name;
use crate::sys::Time;

/// A licence, or a piece of a large one, in a frame's content.
#[derive(Clone)]
pub struct Piece {
    /// Its name, in [`Pieces::names`].
    name: Range<usize>,
    /// Bytes of the whole licence.
    pub size: u64,
    pub modified: Time,
    /// Where in the licence the piece begins.
    pub offset: u64,
    /// Where in the frame's content its bytes are.
    pub data: Range<usize>,
}

impl Piece {
    /// Whether the licence begins with it.
    pub fn begins(&self) -> bool {
        self.offset == 0
    }

    /// Whether the licence ends with it.
    pub fn ends(&self) -> bool {
        self.offset + self.data.len() as u64 == self.size
    }
}

/// What a frame's content is made of.
#[derive(Clone, Default)]
pub struct Pieces {
    names: Vec<u8>,
    pub list: Vec<Piece>,
}

impl Pieces {
    pub fn name(&self, piece: &Piece) -> &[u8] {
        &self.names[piece.name.clone()]
    }

    fn clear(&mut self) {
        self.names.clear();
        self.list.clear();
    }
}

/// What the next frame holds.
enum Expect {
    /// Members, or the summary.
    Members,
    /// More of a large licence.
    More {
        size: u64,
        modified: Time,
        rest: u64,
    },
    /// Nothing: the summary was there.
    Nothing,
}

/// What was seen of an archive so far, after its first frame.
pub struct Walk {
    expect: Expect,
    /// Path of the last member, as it stands in the archive.
    path: Vec<u8>,
    /// The one before, and memory for a header.
    before: Vec<u8>,
    scratch: Vec<u8>,
    seals: Vec<Seal>,
    licenses: u64,
    bytes: u64,
}

impl Walk {
    /// After the first frame, which has this seal.
    pub fn new(first: Seal) -> Self {
        Walk {
            expect: Expect::Members,
            path: Vec::new(),
            before: Vec::new(),
            scratch: Vec::new(),
            seals: vec![first],
            licenses: 0,
            bytes: 0,
        }
    }

    /// Whether the archive is whole.
    pub fn is_complete(&self) -> bool {
        matches!(self.expect, Expect::Nothing)
    }

    /// The name of the last licence that was seen.
    pub fn last_name(&self) -> &[u8] {
        self.path.strip_prefix(LICENSES_FOLDER).unwrap_or_default()
    }

    /// Takes the next frame. What is wrong with it, if anything, comes as words.
    pub fn take(
        &mut self,
        content: &[u8],
        seal: Seal,
        pieces: &mut Pieces,
    ) -> Result<std::result::Result<(), &'static str>> {
        pieces.clear();
        let taken = match self.expect {
            Expect::Nothing => Err("there is something after the end"),
            Expect::More {
                size,
                modified,
                rest,
            } => self.take_more(content, size, modified, rest, pieces),
            Expect::Members if content.starts_with(SUMMARY_NAME) => {
                return self.take_summary(content);
            }
            Expect::Members => self.take_members(content, pieces),
        };
        self.seals.push(seal);
        Ok(taken)
    }

    /// There is one right summary, so it is not read but compared.
    fn take_summary(&mut self, content: &[u8]) -> Result<std::result::Result<(), &'static str>> {
        let seals = self.seals.iter().copied();
        let right = Summary::new(self.licenses, self.bytes, seals).to_content()?;
        if content != right {
            return Ok(Err("the summary is not that of what is before it"));
        }
        self.expect = Expect::Nothing;
        Ok(Ok(()))
    }

    fn take_members(
        &mut self,
        content: &[u8],
        pieces: &mut Pieces,
    ) -> std::result::Result<(), &'static str> {
        let mut position = 0;
        if content.is_empty() {
            return Err("a frame is empty");
        }
        while position < content.len() {
            std::mem::swap(&mut self.path, &mut self.before);
            let rest = &content[position..];
            let Some(header) = member::read_header(rest, &mut self.path, &mut self.scratch) else {
                std::mem::swap(&mut self.path, &mut self.before);
                return Err("a member is not in the form that backups have");
            };
            self.check_path()?;
            let large = header.size > LARGEST_WHOLE;
            if large && position != 0 {
                return Err("a large license does not begin a frame");
            }
            position += header.length;
            if large {
                return self.take_large(content, header, pieces);
            }
            let end = position + header.size as usize;
            self.add(pieces, &header, 0, position..end);
            self.licenses += 1;
            position = end + member::padding(header.size);
            check_padding(content, end, position)?;
        }
        Ok(())
    }

    fn take_large(
        &mut self,
        content: &[u8],
        header: Header,
        pieces: &mut Pieces,
    ) -> std::result::Result<(), &'static str> {
        if i64::try_from(header.size).is_err() {
            return Err("a license is larger than a file can be");
        }
        self.take_piece(content, &header, 0, header.length, pieces)
    }

    fn take_more(
        &mut self,
        content: &[u8],
        size: u64,
        modified: Time,
        rest: u64,
        pieces: &mut Pieces,
    ) -> std::result::Result<(), &'static str> {
        let header = Header {
            size,
            modified,
            length: 0,
        };
        self.take_piece(content, &header, size - rest, 0, pieces)
    }

    /// Takes the piece of a large licence that fills the rest of a frame.
    fn take_piece(
        &mut self,
        content: &[u8],
        header: &Header,
        offset: u64,
        start: usize,
        pieces: &mut Pieces,
    ) -> std::result::Result<(), &'static str> {
        let rest = header.size - offset;
        let length = rest.min(FRAME_CONTENT as u64);
        let end = start + length as usize;
        let last = length == rest;
        let padding = if last {
            member::padding(header.size)
        } else {
            0
        };
        if content.len() != end + padding {
            return Err("a large license is not cut as it should be");
        }
        check_padding(content, end, content.len())?;
        self.add(pieces, header, offset, start..end);
        self.licenses += u64::from(last);
        self.expect = match last {
            true => Expect::Members,
            false => Expect::More {
                size: header.size,
                modified: header.modified,
                rest: rest - length,
            },
        };
        Ok(())
    }

    fn add(&mut self, pieces: &mut Pieces, header: &Header, offset: u64, data: Range<usize>) {
        let start = pieces.names.len();
        pieces.names.extend_from_slice(self.last_name());
        self.bytes += data.len() as u64;
        pieces.list.push(Piece {
            name: start..pieces.names.len(),
            size: header.size,
            modified: header.modified,
            offset,
            data,
        });
    }

    /// Whether the last path is that of a licence that can come after the one before.
    fn check_path(&self) -> std::result::Result<(), &'static str> {
        let Some(name) = self.path.strip_prefix(LICENSES_FOLDER) else {
            return Err("there is a member that is no license");
        };
        if name::check(name).is_err() {
            return Err("a license has a name that is not allowed");
        }
        let before = self
            .before
            .strip_prefix(LICENSES_FOLDER)
            .unwrap_or_default();
        if before.is_empty() {
            return Ok(());
        }
        if name::is_below(name, before) || name::order(before, name).is_ge() {
            return Err("a license is not in its place in the order of names");
        }
        Ok(())
    }
}

/// Whether a content that ends at `end` is filled up with zeros to `next`.
fn check_padding(content: &[u8], end: usize, next: usize) -> std::result::Result<(), &'static str> {
    match content.get(end..next) {
        Some(padding) if padding.iter().all(|&byte| byte == 0) => Ok(()),
        Some(_) => Err("the padding of a license is not zeros"),
        None => Err("a license is larger than its frame"),
    }
}
