//! The licences in databases of the known schemas, those of Chromium:
//! content/browser/media/cdm_storage_database.cc, and of 2022 and 2023
//! content/browser/media/media_license_database.cc.

use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::{Source, Stop, Way, failure, find_way, snapshot, still_uri, unreadable};
use crate::error::{Error, Result};
use crate::operation::Control;

/// A row that is a licence.
pub struct Row {
    /// Whose it is, which CDM keeps it, and what that calls it, each after a slash.
    pub name: Vec<u8>,
    /// Bytes.
    pub size: u64,
    /// Unix seconds.
    pub modified: Option<i64>,
}

/// A table that licences are kept in.
struct Schema {
    table: &'static str,
    /// What it has at least.
    columns: &'static [&'static str],
    /// Who the licence belongs to; None where the table does not say.
    owner: Option<&'static str>,
    /// A column that one version of it has.
    modified: &'static str,
}

const SCHEMAS: [Schema; 2] = [
    Schema {
        table: "cdm_storage",
        columns: &["storage_key", "cdm_type", "file_name", "data"],
        owner: Some("storage_key"),
        modified: "last_modified",
    },
    Schema {
        table: "licenses",
        columns: &["cdm_type", "file_name", "data"],
        owner: None,
        modified: "last_modified",
    },
];

/// Seconds from 1601 to 1970, and parts of a second that times in these tables are counted in
/// (Chromium's base::Time).
const TO_UNIX: i64 = 11_644_473_600;
const PARTS: i64 = 1_000_000;

/// The licences of a database, as they were at one moment; the database is not locked
/// any more.
pub struct Rows(Connection);

/// Lists the licences of the database at `path`; None when it has no table of a known schema.
/// A database that has to be put in order first is copied to where `scratch` says.
pub fn rows(
    path: &Path,
    scratch: &mut dyn FnMut() -> Result<PathBuf>,
    control: &Control,
) -> Result<Option<Rows>> {
    let look = || match find_way(path, control)?.1 {
        Way::Copy => Err(Stop::NeedsRecovery),
        way => {
            let source = Source::new(path, way, control)?;
            source.begin().and_then(|source| list(path, source))
        }
    };
    let listed = look();
    match listed {
        Ok(rows) => Ok(rows),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::NeedsRecovery) => {
            let copy = scratch()?;
            snapshot(path, &copy, control)?;
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            let failed = |error| match failure(path, error) {
                Stop::Failed(error) => error,
                Stop::NeedsRecovery => Error::Changed(path.to_owned()),
            };
            let connection =
                Connection::open_with_flags(still_uri(&copy), flags).map_err(failed)?;
            connection.execute_batch("BEGIN").map_err(failed)?;
            list(path, connection).map_err(|stop| match stop {
                Stop::Failed(error) => error,
                Stop::NeedsRecovery => Error::Changed(path.to_owned()),
            })
        }
    }
}

/// Notes the licences in a table of the connection's own, and ends its transaction.
fn list(path: &Path, source: Connection) -> std::result::Result<Option<Rows>, Stop> {
    let failed = |error| failure(path, error);
    for schema in &SCHEMAS {
        let mut found = source
            .prepare("SELECT name FROM pragma_table_info(?1)")
            .map_err(failed)?;
        let columns: Vec<String> = found
            .query_map([schema.table], |row| row.get(0))
            .and_then(Iterator::collect)
            .map_err(failed)?;
        drop(found);
        let has = |name: &str| columns.iter().any(|column| column == name);
        if !schema.columns.iter().all(|column| has(column)) {
            continue;
        }
        let owner = schema.owner.unwrap_or("NULL");
        let modified = match has(schema.modified) {
            true => schema.modified,
            false => "NULL",
        };
        // Not the column for the size: in rows of its first version that holds a default.
        let statement = format!(
            "CREATE TEMP TABLE listed AS SELECT {owner} AS owner, cdm_type, file_name,
                 octet_length(data) AS size, {modified} AS modified
             FROM main.{table} ORDER BY 1, 2, 3;
             COMMIT",
            table = schema.table
        );
        source.execute_batch(&statement).map_err(failed)?;
        return Ok(Some(Rows(source)));
    }
    Ok(None)
}

impl Rows {
    /// Calls `each` with one after the other, until it says false.
    pub fn each(&self, path: &Path, each: &mut dyn FnMut(Row) -> Result<bool>) -> Result<()> {
        let failed = |error| unreadable(path, error);
        let mut statement = self
            .0
            .prepare("SELECT owner, cdm_type, file_name, size, modified FROM temp.listed")
            .map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let mut name = Vec::new();
            let owner = row.get_ref(0).map_err(failed)?;
            if owner != ValueRef::Null {
                name.push(b'/');
                append(&mut name, owner);
            }
            name.push(b'/');
            append_cdm(&mut name, row.get_ref(1).map_err(failed)?);
            name.push(b'/');
            append(&mut name, row.get_ref(2).map_err(failed)?);
            let modified = match row.get_ref(4).map_err(failed)? {
                // Of a row from the first version nothing is known.
                ValueRef::Integer(0) => None,
                ValueRef::Integer(time) => Some(time.div_euclid(PARTS) - TO_UNIX),
                _ => None,
            };
            let size = row.get::<_, Option<i64>>(3).map_err(failed)?;
            let row = Row {
                name,
                size: size.unwrap_or(0) as u64,
                modified,
            };
            if !each(row)? {
                break;
            }
        }
        Ok(())
    }
}

fn append(name: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => name.extend_from_slice(bytes),
        ValueRef::Integer(number) => name.extend_from_slice(number.to_string().as_bytes()),
        ValueRef::Real(_) | ValueRef::Null => {}
    }
}

/// The CDM, as the older schema spells it: the two words of its token in hexadecimal digits.
/// The newer has them as they are in memory, of a processor with the low byte first.
fn append_cdm(name: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Blob(bytes) => {
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
