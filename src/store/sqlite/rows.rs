//! The licenses in databases of the known schemas, those of Chromium:
//! content/browser/media/cdm_storage_database.cc, and of 2022 and 2023
//! content/browser/media/media_license_database.cc.

use super::check::entries;
use super::columns::columns;
use super::record::{Field, Value};
use super::tree::{Flaw, Format, Pages, Record, Result};
use super::view::Content;

/// The rows of a database that are licenses, in the order of their names.
#[derive(Debug, Default)]
pub struct Rows {
    names: Vec<u8>,
    rows: Vec<Entry>,
}

/// A row that is a license.
pub struct Row<'a> {
    /// Whose it is, which CDM keeps it, and what that calls it, each after a slash.
    pub name: &'a [u8],
    /// Bytes.
    pub size: u64,
    /// Unix seconds.
    pub modified: Option<i64>,
    /// A hash of the license, if that was asked for.
    pub hash: [u8; 16],
}

/// A row; its name is a part of all names.
#[derive(Debug)]
struct Entry {
    begin: u32,
    length: u32,
    size: u64,
    modified: Option<i64>,
    hash: [u8; 16],
}

impl Entry {
    fn name<'a>(&self, names: &'a [u8]) -> &'a [u8] {
        &names[self.begin as usize..][..self.length as usize]
    }
}

impl Rows {
    pub fn each(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|row| Row {
            name: row.name(&self.names),
            size: row.size,
            modified: row.modified,
            hash: row.hash,
        })
    }
}

/// A table that licenses are kept in.
struct Schema {
    table: &'static str,
    /// What it has at least: the parts of a name, and the license.
    columns: &'static [&'static str],
}

const SCHEMAS: [Schema; 2] = [
    Schema {
        table: "cdm_storage",
        columns: &["storage_key", "cdm_type", "file_name", "data"],
    },
    Schema {
        table: "licenses",
        columns: &["cdm_type", "file_name", "data"],
    },
];

/// Some versions have it.
const MODIFIED: &str = "last_modified";

/// Seconds from 1601 to 1970, and parts of a second that times in these tables are counted in
/// (Chromium's base::Time).
const TO_UNIX: i64 = 11_644_473_600;
const PARTS: i64 = 1_000_000;

/// Bytes of the longest part of a name that is read.
const LONGEST_PART: u64 = 1 << 20;

/// Bytes of a license that are read at a time.
const PIECE: u64 = 8 << 20;

/// Bytes of memory for the rows of a database: some hundred thousands of them.
const MOST_MEMORY: usize = 32 << 20;

/// Room that there is for a name.
const LONGEST_USUAL: usize = 64 << 10;

/// Lists the licenses of a database in the order of their names, and hashes them if `hashes` says
/// so; None when it has no table of a known schema.
pub fn rows(
    content: &impl Content,
    hashes: bool,
    stops: &dyn Fn() -> bool,
) -> Result<Option<Rows>> {
    let format = Format::read(content)?;
    let pages = Pages::new(content, &format, stops);
    let Some((root, table)) = Tables::find(&pages)?.known.into_iter().flatten().next() else {
        return Ok(None);
    };
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    pages.walk(root, &mut |record| {
        let begin = names.len();
        let room = names.try_reserve(LONGEST_USUAL);
        room.and_then(|()| rows.try_reserve(1))
            .map_err(|_| Flaw::TooLarge)?;
        let (size, modified) = table.row(&pages, record, &mut names)?;
        let hash = if hashes {
            table.hash(&pages, record)?
        } else {
            [0; 16]
        };
        rows.push(Entry {
            begin: begin as u32,
            length: (names.len() - begin) as u32,
            size,
            modified,
            hash,
        });
        if names.len() + size_of::<Entry>() * rows.len() <= MOST_MEMORY {
            Ok(())
        } else {
            Err(Flaw::TooLarge)
        }
    })?;
    rows.sort_unstable_by(|one, other| one.name(&names).cmp(other.name(&names)));
    Ok(Some(Rows { names, rows }))
}

/// Whether a database holds no license: it has tables of the known schemas, without a row, or it
/// has no table at all. Of any other nobody knows what its licenses are.
pub fn is_empty(content: &impl Content, stops: &dyn Fn() -> bool) -> Result<bool> {
    let format = Format::read(content)?;
    let pages = Pages::new(content, &format, stops);
    let tables = Tables::find(&pages)?;
    let mut known = tables.known.iter().flatten().peekable();
    if known.peek().is_none() {
        return Ok(tables.count == 0);
    }
    for (root, _) in known {
        let mut has_row = false;
        let walked = pages.walk(*root, &mut |_| {
            has_row = true;
            Err(Flaw::Stopped)
        });
        if has_row {
            return Ok(false);
        }
        walked?;
    }
    Ok(true)
}

/// The tables of a database.
#[derive(Default)]
struct Tables {
    count: usize,
    /// Those of the known schemas, and the pages that they begin with.
    known: [Option<(u32, Table)>; SCHEMAS.len()],
}

impl Tables {
    fn find<C: Content>(pages: &Pages<'_, C>) -> Result<Self> {
        let mut tables = Tables::default();
        entries(pages, &mut |entry| {
            // Of views and modules' tables there are no rows to be read.
            if entry.kind != b"table" || entry.root == 0 {
                return Ok(());
            }
            tables.count += 1;
            for (schema, found) in SCHEMAS.iter().zip(&mut tables.known) {
                if entry.name == schema.table.as_bytes() {
                    *found = Table::of(schema, &entry.sql).map(|table| (entry.root, table));
                }
            }
            Ok(())
        })?;
        Ok(tables)
    }
}

/// Where a table has what is wanted of it.
struct Table {
    name: Vec<usize>,
    data: usize,
    modified: Option<usize>,
}

impl Table {
    /// None when it is not such a table.
    fn of(schema: &Schema, sql: &[u8]) -> Option<Self> {
        let columns = columns(sql)?;
        let place = |name: &&str| {
            columns
                .iter()
                .position(|column| column.eq_ignore_ascii_case(name.as_bytes()))
        };
        let places: Option<Vec<usize>> = schema.columns.iter().map(place).collect();
        let mut name = places?;
        Some(Table {
            data: name.pop()?,
            name,
            modified: place(&MODIFIED),
        })
    }

    /// A hash of a row's license.
    fn hash<C: Content>(&self, pages: &Pages<'_, C>, record: &Record<'_>) -> Result<[u8; 16]> {
        let fields = pages.fields(record)?;
        let mut hasher = blake3::Hasher::new();
        if let Some(field) = fields.get(self.data) {
            hasher.update(&field.kind.to_le_bytes());
            let (mut at, mut bytes) = (field.range.start, Vec::new());
            while at < field.range.end {
                let end = field.range.end.min(at + PIECE);
                bytes.clear();
                pages.read_record(record, at..end, &mut bytes)?;
                hasher.update(&bytes);
                at = end;
            }
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Ok(hash)
    }

    /// Appends the name of a row. Its license's size, and when it was modified.
    fn row<C: Content>(
        &self,
        pages: &Pages<'_, C>,
        record: &Record<'_>,
        name: &mut Vec<u8>,
    ) -> Result<(u64, Option<i64>)> {
        let fields = pages.fields(record)?;
        let value = |column: usize| match fields.get(column) {
            Some(field) => {
                let value = pages.value(record, field, LONGEST_PART)?;
                value.ok_or(Flaw::TooLarge)
            }
            // A column that the table was given later.
            None => Ok(Value::Null),
        };
        for (part, &column) in self.name.iter().rev().enumerate().rev() {
            let value = value(column)?;
            // From the end: the file, the CDM, and the owner, if there is one.
            if part == 2 && value == Value::Null {
                continue;
            }
            name.push(b'/');
            match part {
                1 => append_cdm(name, value),
                _ => append(name, value),
            }
        }
        let data = fields.get(self.data);
        let size = data.map(|field: &Field| pages.value_length(record, field));
        let modified = match self.modified.map(value).transpose()? {
            // Of a row from the first version nothing is known.
            Some(Value::Integer(time)) if time != 0 => Some(time.div_euclid(PARTS) - TO_UNIX),
            _ => None,
        };
        Ok((size.transpose()?.unwrap_or(0), modified))
    }
}

fn append(name: &mut Vec<u8>, value: Value) {
    match value {
        Value::Text(bytes) | Value::Blob(bytes) => name.extend_from_slice(&bytes),
        Value::Integer(number) => name.extend_from_slice(number.to_string().as_bytes()),
        Value::Real(_) | Value::Null => {}
    }
}

/// The CDM, as the older schema spells it: the two words of its token in hexadecimal digits.
/// The newer has them as they are in memory, of a processor with the low byte first.
fn append_cdm(name: &mut Vec<u8>, value: Value) {
    match value {
        Value::Blob(bytes) => {
            let spell = |byte: &u8| name.extend_from_slice(format!("{byte:02X}").as_bytes());
            match bytes.split_first_chunk::<8>() {
                Some((high, low)) if low.len() == 8 => {
                    high.iter().rev().chain(low.iter().rev()).for_each(spell);
                }
                _ => bytes.iter().for_each(spell),
            }
        }
        value => append(name, value),
    }
}
