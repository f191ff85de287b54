//! Whether what a database holds is sound: each page is in one place, and holds what belongs there.
//!
//! It is what SQLite's own check looks at first, the structure of every tree. What the rows mean
//! is their owner's matter: no expression of the schema is evaluated, and no module is needed, so
//! that nothing keeps a table from being looked at.

use std::collections::HashMap;
use std::ops::Range;

use super::record::{self, Value};
use super::tree::{self, Cell, DEEPEST, Flaw, Format, Node, Pages, Result, damaged};
use super::view::{Content, number};

/// Pages that are looked at between two looks at whether to stop.
const BETWEEN_LOOKS: u64 = 256;

/// Looks at everything; an error is the first thing that is wrong.
pub fn check(content: &impl Content, stops: &dyn Fn() -> bool) -> Result<()> {
    let format = Format::read(content)?;
    let mut checker = Checker {
        content,
        format: &format,
        stops,
        seen: Seen::default(),
        looks: 0,
        buffers: Vec::new(),
    };
    checker.pages_without_content()?;
    checker.free_pages()?;
    checker.tree(1, true)?;
    let mut roots = Vec::new();
    let pages = Pages::new(content, &format, stops);
    entries(&pages, &mut |entry| {
        roots.extend((entry.root != 0).then_some((entry.root, entry.kind == b"table")));
        Ok(())
    })?;
    let largest = roots.iter().map(|&(root, _)| root).max().unwrap_or(1);
    if format.largest_root != 0 && format.largest_root != largest.max(1) {
        return damaged("its header is at odds with its schema");
    }
    for (root, is_table) in roots {
        checker.expect(root, Owner::Root, 0)?;
        checker.tree(root, is_table)?;
    }
    if checker.seen.count == u64::from(format.pages) {
        Ok(())
    } else {
        damaged("some of its pages belong to nothing")
    }
}

/// What a database says of a table, an index, or something else.
pub struct Entry {
    pub kind: Vec<u8>,
    pub name: Vec<u8>,
    /// The page that its tree begins with; 0 when it has none.
    pub root: u32,
    pub sql: Vec<u8>,
}

/// Bytes of the longest text in a schema that is looked at.
const LONGEST_SQL: u64 = 1 << 20;

/// Calls `each` with everything in the schema.
pub fn entries<C: Content>(
    pages: &Pages<'_, C>,
    each: &mut dyn FnMut(Entry) -> Result<()>,
) -> Result<()> {
    pages.walk(1, &mut |record| {
        let fields = pages.fields(record)?;
        let [kind, name, _, root, sql] = &fields[..] else {
            return damaged("its schema is damaged");
        };
        let text = |field| -> Result<Option<Vec<u8>>> {
            match pages.value(record, field, LONGEST_SQL)? {
                Some(Value::Text(text)) => Ok(Some(text)),
                _ => Ok(None),
            }
        };
        let root = match pages.value(record, root, 8)? {
            Some(Value::Integer(root)) => u32::try_from(root).map_or(u32::MAX, |root| root),
            _ => 0,
        };
        let sql = text(sql)?.unwrap_or_default();
        // As SQLite tells what is an entry and what is damage; that of an index that a table brings
        // along has no words.
        let begins = sql
            .get(..2)
            .is_none_or(|two| two.eq_ignore_ascii_case(b"cr"));
        let (Some(kind), Some(name), true) = (text(kind)?, text(name)?, begins) else {
            return damaged("its schema is damaged");
        };
        each(Entry {
            kind,
            name,
            root,
            sql,
        })
    })
}

/// What a page belongs to, as databases say it that can give back free pages.
#[derive(Clone, Copy)]
enum Owner {
    Root = 1,
    Free = 2,
    Row = 3,
    Overflow = 4,
    Tree = 5,
}

struct Checker<'a, C> {
    content: &'a C,
    format: &'a Format,
    stops: &'a dyn Fn() -> bool,
    seen: Seen,
    looks: u64,
    /// Memory for pages, to be used again.
    buffers: Vec<Vec<u8>>,
}

impl<C: Content> Checker<'_, C> {
    /// A page was found that nothing else has.
    fn claim(&mut self, page: u32) -> Result<()> {
        if page == 0 || page > self.format.pages {
            return damaged(format!("there is no page {page}"));
        }
        if self.seen.add(page) {
            Ok(())
        } else {
            damaged(format!("page {page} is in two places"))
        }
    }

    fn read(&mut self, page: u32, out: &mut [u8]) -> Result<()> {
        self.looks += 1;
        if self.looks.is_multiple_of(BETWEEN_LOOKS) && (self.stops)() {
            return Err(Flaw::Stopped);
        }
        Ok(self.content.read_page(out, self.format.offset(page))?)
    }

    /// Those that say what others belong to, and the one that locks are held on.
    fn pages_without_content(&mut self) -> Result<()> {
        let lock = self.format.lock_page();
        if lock <= self.format.pages {
            self.claim(lock)?;
        }
        let mut page = 2;
        while self.format.largest_root != 0 && page <= self.format.pages {
            let map = self.map_of(page);
            if map <= self.format.pages {
                self.claim(map)?;
            }
            page = page.saturating_add(self.pages_in_map());
        }
        Ok(())
    }

    /// How many pages follow each other from one page that says what they belong to to the next.
    fn pages_in_map(&self) -> u32 {
        self.format.usable as u32 / 5 + 1
    }

    /// The page that says what this one belongs to.
    fn map_of(&self, page: u32) -> u32 {
        let map = (page - 2) / self.pages_in_map() * self.pages_in_map() + 2;
        if map == self.format.lock_page() {
            map + 1
        } else {
            map
        }
    }

    /// Whether a page is said to belong to what it belongs to.
    fn expect(&mut self, page: u32, owner: Owner, parent: u32) -> Result<()> {
        if self.format.largest_root == 0 || page < 2 || page > self.format.pages {
            return Ok(());
        }
        let map = self.map_of(page);
        let mut said = [0; 5];
        if page > map {
            let at = self.format.offset(map) + u64::from(page - map - 1) * 5;
            self.content.read_page(&mut said, at)?;
        }
        if said[0] == owner as u8 && number(&said, 1) == parent {
            Ok(())
        } else {
            damaged(format!("page {page} has another owner than the database states"))
        }
    }

    fn free_pages(&mut self) -> Result<()> {
        let (mut trunk, count) = self.format.free;
        let mut found = 0;
        let mut page = vec![0; self.format.usable];
        while trunk != 0 {
            self.claim(trunk)?;
            self.expect(trunk, Owner::Free, 0)?;
            self.read(trunk, &mut page)?;
            let leaves = number(&page, 4) as usize;
            if leaves > self.format.usable / 4 - 2 {
                return damaged(format!("page {trunk} lists too many free pages"));
            }
            for leaf in 0..leaves {
                let leaf = number(&page, 8 + 4 * leaf);
                self.claim(leaf)?;
                self.expect(leaf, Owner::Free, 0)?;
            }
            found += 1 + leaves as u64;
            trunk = number(&page, 0);
        }
        if found == u64::from(count) {
            Ok(())
        } else {
            damaged(format!(
                "{count} pages are said to be free, and {found} are"
            ))
        }
    }

    /// A tree of a table, or one of an index. Tables without row numbers have trees of indexes.
    fn tree(&mut self, root: u32, may_be_table: bool) -> Result<()> {
        let mut first = [0; tree::HEADER + 1];
        self.read(root, &mut first)?;
        let kind = first[if root == 1 { tree::HEADER } else { 0 }];
        let is_table = matches!(kind, 5 | 13);
        if is_table && !may_be_table {
            damaged(format!("page {root} does not belong to an index"))
        } else {
            self.node(root, is_table, 0, Keys::default()).map(drop)
        }
    }

    /// A page of a tree, and what is below it: how deep that is.
    fn node(&mut self, page: u32, is_table: bool, depth: usize, keys: Keys) -> Result<usize> {
        if depth == DEEPEST {
            return damaged("a tree is too deep");
        }
        self.claim(page)?;
        let mut buffer = self.buffers.pop().unwrap_or_default();
        buffer.resize(self.format.page_size, 0);
        self.read(page, &mut buffer)?;
        let format = self.format;
        let node = Node::read(format, &buffer, page)?;
        if node.is_table != is_table {
            return damaged(format!("page {page} is in the wrong tree"));
        }
        let mut used = node.free_blocks()?;
        let mut rest = keys;
        let mut below = None;
        for index in 0..node.cells {
            let cell = node.cell(format, index)?;
            self.record(page, &cell)?;
            if is_table && !rest.have(cell.rowid) {
                return damaged(format!("the rows of page {page} are out of order"));
            }
            if !node.is_leaf {
                let keys = Keys {
                    up_to: is_table.then_some(cell.rowid),
                    ..rest
                };
                self.child(page, cell.child, is_table, depth, keys, &mut below)?;
            }
            rest.after = is_table.then_some(cell.rowid);
            used.push(cell.range);
        }
        if !node.is_leaf {
            self.child(page, node.last_child(), is_table, depth, rest, &mut below)?;
        }
        cover(&node, page, used, format.usable)?;
        self.buffers.push(buffer);
        Ok(below.map_or(0, |below| below + 1))
    }

    /// A child of a page; all have as much below them.
    fn child(
        &mut self,
        parent: u32,
        page: u32,
        is_table: bool,
        depth: usize,
        keys: Keys,
        below: &mut Option<usize>,
    ) -> Result<()> {
        self.expect(page, Owner::Tree, parent)?;
        let found = self.node(page, is_table, depth + 1, keys)?;
        match below.replace(found) {
            Some(before) if before != found => damaged(format!("page {parent} is out of balance")),
            _ => Ok(()),
        }
    }

    /// What an entry of a page holds, and where it goes on.
    fn record(&mut self, page: u32, cell: &Cell<'_>) -> Result<()> {
        let Some(record) = &cell.record else {
            return Ok(());
        };
        let impossible = || damaged(format!("a row on page {page} is damaged"));
        // If it is not all there, it goes on in other pages.
        let described = match tree::varint(record.local, 0) {
            Some((size, _)) => size <= record.local.len() as u64,
            None => record.overflow == 0,
        };
        if described && record::fields(record.local, record.length).is_none() {
            return impossible();
        }
        let (mut next, mut before) = (record.overflow, page);
        let mut rest = record.length - record.local.len() as u64;
        let mut owner = Owner::Row;
        while rest > 0 {
            self.claim(next)?;
            self.expect(next, owner, before)?;
            before = next;
            let mut link = [0; 4];
            self.read(next, &mut link)?;
            next = number(&link, 0);
            owner = Owner::Overflow;
            rest = rest.saturating_sub(self.format.usable as u64 - 4);
        }
        if next == 0 { Ok(()) } else { impossible() }
    }
}

/// The numbers that the rows below a page may have.
#[derive(Clone, Copy, Default)]
struct Keys {
    after: Option<i64>,
    up_to: Option<i64>,
}

impl Keys {
    fn have(self, key: i64) -> bool {
        self.after.is_none_or(|after| key > after) && self.up_to.is_none_or(|up_to| key <= up_to)
    }
}

/// Whether what is used of a page does not overlap, and what is between is as it is said to be.
fn cover(node: &Node<'_>, page: u32, mut used: Vec<Range<usize>>, usable: usize) -> Result<()> {
    used.sort_unstable_by_key(|range| range.start);
    let (mut end, mut between) = (node.content, 0);
    for range in used {
        if range.start < end {
            return damaged(format!("what is on page {page} overlaps"));
        }
        between += range.start - end;
        end = range.end;
    }
    if end <= usable && between + (usable - end) == node.fragments() {
        Ok(())
    } else {
        damaged(format!("page {page} is not used as the database states"))
    }
}

/// Which pages were found. It takes memory for those only, however many there may be.
#[derive(Default)]
struct Seen {
    /// By their number's high bits, a bit each.
    found: HashMap<u32, Box<[u64; STRETCH / 64]>>,
    count: u64,
}

/// Pages that are kept together.
const STRETCH: usize = 4096;

impl Seen {
    /// False when it was there before.
    fn add(&mut self, page: u32) -> bool {
        let (high, low) = (page / STRETCH as u32, page as usize % STRETCH);
        let stretch = self
            .found
            .entry(high)
            .or_insert_with(|| Box::new([0; STRETCH / 64]));
        let (word, bit) = (&mut stretch[low / 64], 1 << (low % 64));
        let new = *word & bit == 0;
        *word |= bit;
        self.count += u64::from(new);
        new
    }
}
