//! Goes through the content of the frames in order, and insists on the canonical form.

use std::ops::Range;

use super::cut::{LARGEST_WHOLE, MOST};
use super::frame::{Padding, Seal};
use super::member::{self, Header};
use super::seek;
use super::summary::{self, Compared, Comparison};
use super::{FRAME_CONTENT, LICENSES_FOLDER, SUMMARY_NAME};
use crate::name;
use crate::sys::Time;

/// A license, or a piece of a large one, in a frame's content.
#[derive(Clone)]
pub struct Piece {
    /// Its name, in [`Pieces::names`].
    name: Range<usize>,
    /// Bytes of the whole license.
    pub size: u64,
    pub modified: Time,
    /// Where in the license the piece begins.
    pub offset: u64,
    /// Where in the frame's content its bytes are.
    pub data: Range<usize>,
}

impl Piece {
    /// Whether the license begins with it.
    pub fn begins(&self) -> bool {
        self.offset == 0
    }

    /// Whether the license ends with it.
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

    /// Keeps those of which `wanted` says so by their numbers and their names.
    pub fn retain(&mut self, mut wanted: impl FnMut(usize, &[u8]) -> bool) {
        let (names, mut number) = (&self.names, 0);
        self.list.retain(|piece| {
            number += 1;
            wanted(number - 1, &names[piece.name.clone()])
        });
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
    /// More of a large license.
    More {
        size: u64,
        modified: Time,
        rest: u64,
    },
    /// More of the summary.
    Summary(Box<Comparison>),
    /// Nothing: the summary was there.
    Nothing,
}

/// What is wrong with a frame, in words.
pub type Wrong = &'static str;

const NOT_THE_SUMMARY: Wrong = "the summary is not that of what is before it";

/// What was seen of an archive so far, after its first frame.
pub struct Walk {
    expect: Expect,
    /// Path of the last member, as it stands in the archive.
    path: Vec<u8>,
    /// The one before, and memory for a header.
    before: Vec<u8>,
    scratch: Vec<u8>,
    /// What the summary and the table at the end should be.
    summary: summary::Expected,
    table: seek::Expected,
    licenses: u64,
    bytes: u64,
    /// Of the last name so much is that of a database, each.
    databases: Vec<usize>,
}

/// What a database begins with (<https://www.sqlite.org/fileformat.html>, 1.3.1).
const DATABASE: &[u8] = b"SQLite format 3\0";

impl Walk {
    /// After the first frame, which has this seal and is padded.
    pub fn new(first: Seal) -> Self {
        let (mut summary, mut table) = (summary::Expected::new(), seek::Expected::new());
        summary.add(&first, b"");
        seek::add_frame(&mut table, &first, Padding::at(first.stored));
        Walk {
            expect: Expect::Members,
            path: Vec::new(),
            before: Vec::new(),
            scratch: Vec::new(),
            summary,
            table,
            licenses: 0,
            bytes: 0,
            databases: Vec::new(),
        }
    }

    /// Goes on with a frame that a license begins in, wherever it is.
    pub fn go_on_apart(&mut self) {
        self.expect = Expect::Members;
        self.path.clear();
        self.before.clear();
        self.databases.clear();
    }

    /// Whether a license goes on in the next frame.
    pub fn is_in_license(&self) -> bool {
        matches!(self.expect, Expect::More { .. })
    }

    /// Whether the archive is whole.
    pub fn is_complete(&self) -> bool {
        matches!(self.expect, Expect::Nothing)
    }

    /// Whether the last frame was of the summary.
    pub fn is_summary(&self) -> bool {
        matches!(self.expect, Expect::Nothing | Expect::Summary(_))
    }

    /// The name of the last license that was seen.
    pub fn last_name(&self) -> &[u8] {
        self.path.strip_prefix(LICENSES_FOLDER).unwrap_or_default()
    }

    /// The table that belongs at the end of the file.
    pub fn table(&mut self) -> &mut seek::Expected {
        &mut self.table
    }

    /// Takes the next frame, which ends at `end` in the archive and is padded like this.
    pub fn take(
        &mut self,
        content: &[u8],
        seal: Seal,
        (end, padding): (u64, Padding),
        pieces: &mut Pieces,
    ) -> Result<(), Wrong> {
        pieces.clear();
        let right = match self.expect {
            Expect::Nothing => return Err("there is something after the end"),
            Expect::Members if content.starts_with(SUMMARY_NAME) => Padding::NONE,
            Expect::Summary(_) => Padding::NONE,
            Expect::Members | Expect::More { .. } => Padding::at(end),
        };
        if padding != right {
            return Err("what is behind it is not as it should be");
        }
        seek::add_frame(&mut self.table, &seal, padding);
        match self.expect {
            Expect::Nothing => {}
            Expect::Summary(_) => return self.take_summary(content),
            Expect::Members if content.starts_with(SUMMARY_NAME) => {
                let expected = &self.summary;
                let comparison = expected.compare(self.licenses, self.bytes, content);
                let comparison = comparison.ok_or(NOT_THE_SUMMARY)?;
                self.expect = Expect::Summary(Box::new(comparison));
                return self.take_summary(content);
            }
            Expect::More {
                size,
                modified,
                rest,
            } => self.take_more(content, size, modified, rest, pieces)?,
            Expect::Members => self.take_members(content, pieces)?,
        }
        let first = pieces
            .list
            .first()
            .map_or(&b""[..], |piece| pieces.name(piece));
        self.summary.add(&seal, first);
        Ok(())
    }

    /// Takes a piece of the summary. There is one right one, so it is not read but compared.
    fn take_summary(&mut self, content: &[u8]) -> Result<(), Wrong> {
        let Expect::Summary(comparison) = &mut self.expect else {
            return Err(NOT_THE_SUMMARY);
        };
        match comparison.add(content) {
            Compared::Right if content.len() == FRAME_CONTENT => Ok(()),
            Compared::Complete => {
                self.expect = Expect::Nothing;
                Ok(())
            }
            Compared::Right | Compared::Wrong => Err(NOT_THE_SUMMARY),
        }
    }

    fn take_members(&mut self, content: &[u8], pieces: &mut Pieces) -> Result<(), Wrong> {
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
                self.check_sidecar(&content[position..], header.size)?;
                return self.take_large(content, header, pieces);
            }
            let end = position + header.size as usize;
            self.check_sidecar(content.get(position..).unwrap_or_default(), header.size)?;
            if position > header.length && end + member::padding(header.size) > MOST {
                return Err("a frame holds more licenses than it can");
            }
            self.add(pieces, &header, 0, position..end);
            self.licenses += 1;
            position = end + member::padding(header.size);
            check_padding(content, end, position)?;
        }
        Ok(())
    }

    /// Refuses what would lie beside a database as a part of it, which SQLite would play back into
    /// it, or which would keep it from being read. `data` begins with the last license's content.
    fn check_sidecar(&mut self, data: &[u8], size: u64) -> Result<(), Wrong> {
        let name = self.path.strip_prefix(LICENSES_FOLDER).unwrap_or_default();
        let before = self
            .before
            .strip_prefix(LICENSES_FOLDER)
            .unwrap_or_default();
        let common = name
            .iter()
            .zip(before)
            .take_while(|(one, other)| one == other);
        let common = common.count();
        // Names that begin alike follow each other.
        self.databases.retain(|&length| length <= common);
        let is_database = size >= DATABASE.len() as u64 && data.starts_with(DATABASE);
        let is_sidecar = |&length: &usize| name::is_sidecar(&name[length..]);
        if !is_database && self.databases.iter().any(is_sidecar) {
            return Err("a license would be taken for the journal or log of a database");
        }
        if is_database {
            self.databases.push(name.len());
        }
        Ok(())
    }

    fn take_large(
        &mut self,
        content: &[u8],
        header: Header,
        pieces: &mut Pieces,
    ) -> Result<(), Wrong> {
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
    ) -> Result<(), Wrong> {
        let header = Header {
            size,
            modified,
            length: 0,
        };
        self.take_piece(content, &header, size - rest, 0, pieces)
    }

    /// Takes the piece of a large license that fills the rest of a frame.
    fn take_piece(
        &mut self,
        content: &[u8],
        header: &Header,
        offset: u64,
        start: usize,
        pieces: &mut Pieces,
    ) -> Result<(), Wrong> {
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
        self.expect = if last {
            Expect::Members
        } else {
            Expect::More {
                size: header.size,
                modified: header.modified,
                rest: rest - length,
            }
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

    /// Whether the last path is that of a license that can come after the one before.
    fn check_path(&self) -> Result<(), Wrong> {
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
fn check_padding(content: &[u8], end: usize, next: usize) -> Result<(), Wrong> {
    match content.get(end..next) {
        Some(padding) if padding == &member::ZEROS[..padding.len()] => Ok(()),
        Some(_) => Err("the padding of a license is not zeros"),
        None => Err("a license is larger than its frame"),
    }
}
