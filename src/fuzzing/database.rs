//! Databases, their journals and their logs.

use crate::store::sqlite;

/// A database with a journal and a log beside it, each of which may be empty.
pub fn database(database: &[u8], journal: &[u8], log: &[u8]) {
    sqlite::look(database, journal, log);
}
