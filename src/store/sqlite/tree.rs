//! The pages of a database: trees of tables and indexes
//! (<https://www.sqlite.org/fileformat.html>, 1.3 to 2.1).
//!
//! Nothing that is read here is believed: what does not fit is a flaw, and never more than that.

use std::cell::Cell as Counter;
use std::ops::Range;

use rustix::io::Errno;

use super::view::{Content, number};

/// What a database begins with.
pub const MAGIC: &[u8] = b"SQLite format 3\0";
/// Bytes of its header.
pub const HEADER: usize = 100;
/// The page after which locks are held instead of data.
const LOCKS: u64 = 0x4000_0000;
/// Deeper than any tree is, as SQLite has it.
pub const DEEPEST: usize = 20;

/// Why a database could not be read, or is not sound.
#[derive(Debug, PartialEq, Eq)]
pub enum Flaw {
    Damaged(String),
    Failed(Errno),
    /// Somebody wanted it to stop.
    Stopped,
    /// There is more than there is memory for.
    TooLarge,
}

impl From<Errno> for Flaw {
    fn from(errno: Errno) -> Self {
        Flaw::Failed(errno)
    }
}

pub type Result<T> = std::result::Result<T, Flaw>;

pub fn damaged<T>(problem: impl Into<String>) -> Result<T> {
    Err(Flaw::Damaged(problem.into()))
}

/// How texts are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    Utf8,
    Utf16Low,
    Utf16High,
}

/// What a database's header says.
pub struct Format {
    pub page_size: usize,
    /// Bytes of a page that are in use.
    pub usable: usize,
    pub pages: u32,
    /// The first of the pages that are free, and how many they are.
    pub free: (u32, u32),
    /// The largest page that a tree begins with, in databases that say of each page what it
    /// belongs to; else 0.
    pub largest_root: u32,
    pub encoding: Encoding,
}

impl Format {
    pub fn read(content: &impl Content) -> Result<Self> {
        let mut header = [0; HEADER];
        if content.size() < HEADER as u64 {
            return damaged("its header is cut off");
        }
        content.read_page(&mut header, 0)?;
        if !header.starts_with(MAGIC) || header[19] > 2 || header[21..24] != [64, 32, 32] {
            return damaged("its header is not that of a database");
        }
        // The largest size does not fit two bytes, and is a 1.
        let page_size = (usize::from(header[16]) << 8) | (usize::from(header[17]) << 16);
        let usable = page_size.saturating_sub(header[20].into());
        if !page_size.is_power_of_two() || !(512..=1 << 16).contains(&page_size) || usable < 480 {
            return damaged("its header has no possible size of pages");
        }
        let there = content.size().div_ceil(page_size as u64);
        let there = u32::try_from(there).unwrap_or(u32::MAX);
        // Old versions of SQLite do not keep the number of pages.
        let pages = match number(&header, 28) {
            0 => there,
            _ if header[24..28] != header[92..96] => there,
            pages => pages,
        };
        if pages > there {
            return damaged(format!(
                "{pages} pages are said to be in it, and {there} are"
            ));
        }
        if header[47] > 4 {
            return damaged("its header says a format that is not known");
        }
        if number(&header, 52) == 0 && number(&header, 64) != 0 {
            return damaged("its header is at odds with itself");
        }
        Ok(Format {
            page_size,
            usable,
            pages,
            free: (number(&header, 32), number(&header, 36)),
            largest_root: number(&header, 52),
            encoding: match header[59] & 3 {
                2 => Encoding::Utf16Low,
                3 => Encoding::Utf16High,
                _ => Encoding::Utf8,
            },
        })
    }

    /// Where a page begins.
    pub fn offset(&self, page: u32) -> u64 {
        u64::from(page.saturating_sub(1)) * self.page_size as u64
    }

    /// The page that is never one of data.
    pub fn lock_page(&self) -> u32 {
        (LOCKS / self.page_size as u64) as u32 + 1
    }

    /// Of so many bytes of a row, how many are in the tree's own page.
    fn local(&self, length: u64, in_table_leaf: bool) -> usize {
        let usable = self.usable as u64;
        let most = if in_table_leaf {
            usable - 35
        } else {
            (usable - 12) * 64 / 255 - 23
        };
        if length <= most {
            return length as usize;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let local = least + (length - least) % (usable - 4);
        (if local <= most { local } else { least }) as usize
    }
}

/// A page of a tree.
pub struct Node<'p> {
    page: &'p [u8],
    number: u32,
    /// Where its header begins.
    start: usize,
    pub is_table: bool,
    pub is_leaf: bool,
    pub cells: usize,
    /// Where its cells begin.
    pub content: usize,
}

/// An entry of a page.
pub struct Cell<'p> {
    /// Where in the page it lies.
    pub range: Range<usize>,
    pub child: u32,
    pub rowid: i64,
    /// Of a row, or of an entry of an index.
    pub record: Option<Record<'p>>,
}

/// Bytes that may go on in other pages.
pub struct Record<'p> {
    pub length: u64,
    pub local: &'p [u8],
    /// Where it goes on; 0 where it does not.
    pub overflow: u32,
}

impl<'p> Node<'p> {
    pub fn read(format: &Format, page: &'p [u8], number: u32) -> Result<Self> {
        let page = &page[..format.usable];
        let start = if number == 1 { HEADER } else { 0 };
        let (is_table, is_leaf) = match page[start] {
            2 => (false, false),
            5 => (true, false),
            10 => (false, true),
            13 => (true, true),
            _ => return damaged(format!("page {number} does not belong to a tree")),
        };
        let node = Node {
            page,
            number,
            start,
            is_table,
            is_leaf,
            cells: two(page, start + 3),
            content: match two(page, start + 5) {
                0 => 1 << 16,
                content => content,
            },
        };
        if node.content < node.pointers() + 2 * node.cells || node.content > format.usable {
            return damaged(format!("page {number} has no room for its cells"));
        }
        Ok(node)
    }

    /// Where the places of its cells begin.
    fn pointers(&self) -> usize {
        self.start + if self.is_leaf { 8 } else { 12 }
    }

    /// The child after all cells.
    pub fn last_child(&self) -> u32 {
        number(self.page, self.start + 8)
    }

    /// Bytes between cells that are too few to be used.
    pub fn fragments(&self) -> usize {
        self.page[self.start + 7].into()
    }

    pub fn cell(&self, format: &Format, index: usize) -> Result<Cell<'p>> {
        let outside = || Flaw::Damaged(format!("a cell of page {} is not in it", self.number));
        let begin = two(self.page, self.pointers() + 2 * index);
        if begin < self.content || begin + 4 > self.page.len() {
            return Err(outside());
        }
        let mut at = begin;
        let mut child = 0;
        if !self.is_leaf {
            child = number(self.page, at);
            at += 4;
        }
        let mut length = 0;
        if self.is_leaf || !self.is_table {
            (length, at) = varint(self.page, at).ok_or_else(outside)?;
        }
        let mut rowid = 0;
        if self.is_table {
            (rowid, at) = varint(self.page, at).ok_or_else(outside)?;
        }
        let mut record = None;
        if self.is_leaf || !self.is_table {
            let local = format.local(length, self.is_table);
            let bytes = self.page.get(at..at + local).ok_or_else(outside)?;
            at += local;
            let mut overflow = 0;
            if length > local as u64 {
                if at + 4 > self.page.len() {
                    return Err(outside());
                }
                overflow = number(self.page, at);
                at += 4;
            }
            record = Some(Record {
                length,
                local: bytes,
                overflow,
            });
        }
        Ok(Cell {
            range: begin..at.max(begin + 4),
            child,
            rowid: rowid as i64,
            record,
        })
    }

    /// The stretches that are free, in order.
    pub fn free_blocks(&self) -> Result<Vec<Range<usize>>> {
        let mut blocks = Vec::new();
        let mut at = two(self.page, self.start + 1);
        let mut least = self.content;
        while at != 0 {
            if at < least || at + 4 > self.page.len() {
                return damaged(format!("the free space of page {} is damaged", self.number));
            }
            let end = at + two(self.page, at + 2);
            blocks.push(at..end);
            // They are never that near to each other, and never shorter than that.
            least = end.max(at + 4);
            at = two(self.page, at);
        }
        Ok(blocks)
    }
}

/// Pages of a database that are read one after the other, each a few times at the most.
pub struct Pages<'a, C> {
    pub content: &'a C,
    pub format: &'a Format,
    stops: &'a dyn Fn() -> bool,
    /// How many may still be read: in a sound database each is in one place only.
    rest: Counter<u64>,
}

/// How often a page is read at the most: a row is read in that many pieces.
const PASSES: u64 = 8;
/// Pages that are read between two looks at whether to stop.
const BETWEEN_LOOKS: u64 = 256;

impl<'a, C: Content> Pages<'a, C> {
    pub fn new(content: &'a C, format: &'a Format, stops: &'a dyn Fn() -> bool) -> Self {
        Pages {
            content,
            format,
            stops,
            rest: Counter::new(PASSES * u64::from(format.pages)),
        }
    }

    /// Fills `out` with the beginning of a page.
    pub fn read(&self, page: u32, out: &mut [u8]) -> Result<()> {
        let rest = self.rest.get();
        if page == 0 || page > self.format.pages || rest == 0 {
            return damaged(format!("page {page} is not where it should be"));
        }
        self.rest.set(rest - 1);
        if rest.is_multiple_of(BETWEEN_LOOKS) && (self.stops)() {
            return Err(Flaw::Stopped);
        }
        Ok(self.content.read_page(out, self.format.offset(page))?)
    }

    /// Calls `each` with every row of a table, in order.
    pub fn walk(&self, root: u32, each: &mut dyn FnMut(&Record<'_>) -> Result<()>) -> Result<()> {
        self.walk_below(root, 0, each)
    }

    fn walk_below(
        &self,
        number: u32,
        depth: usize,
        each: &mut dyn FnMut(&Record<'_>) -> Result<()>,
    ) -> Result<()> {
        if depth == DEEPEST {
            return damaged("a tree is too deep");
        }
        let mut page = vec![0; self.format.page_size];
        self.read(number, &mut page)?;
        let node = Node::read(self.format, &page, number)?;
        if !node.is_table {
            return damaged(format!("page {number} does not belong to a table"));
        }
        for index in 0..node.cells {
            let cell = node.cell(self.format, index)?;
            match &cell.record {
                Some(record) => each(record)?,
                None => self.walk_below(cell.child, depth + 1, each)?,
            }
        }
        if node.is_leaf {
            Ok(())
        } else {
            self.walk_below(node.last_child(), depth + 1, each)
        }
    }

    /// Appends a stretch of a record, which lies in it.
    pub fn read_record(
        &self,
        record: &Record<'_>,
        range: Range<u64>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let local = record.local.len() as u64;
        if let Some(bytes) = record.local.get(range.start.min(local) as usize..) {
            let length = (range.end.min(local).saturating_sub(range.start)) as usize;
            out.extend_from_slice(&bytes[..length.min(bytes.len())]);
        }
        let (mut begin, mut next) = (local, record.overflow);
        let mut page = vec![0; self.format.usable];
        let room = (self.format.usable - 4) as u64;
        while begin < range.end {
            // Of pages that are passed only the number of the next one is wanted.
            let wanted = if begin + room > range.start {
                page.len()
            } else {
                4
            };
            self.read(next, &mut page[..wanted])?;
            next = number(&page, 0);
            let from = range.start.saturating_sub(begin).min(room) as usize;
            let to = (range.end - begin).min(room) as usize;
            if from < to {
                out.extend_from_slice(&page[4 + from..4 + to]);
            }
            begin += room;
        }
        Ok(())
    }
}

/// A number of two bytes, the high one first; 0 where there are none.
fn two(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..at + 2) {
        Some(&[high, low]) => usize::from(high) << 8 | usize::from(low),
        _ => 0,
    }
}

/// A number of one to nine bytes, and where it ends; None when it does not.
pub fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for index in 0..8 {
        let byte = *bytes.get(at + index)?;
        value = value << 7 | u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            return Some((value, at + index + 1));
        }
    }
    Some((value << 8 | u64::from(*bytes.get(at + 8)?), at + 9))
}
