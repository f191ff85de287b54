//! What the files beside a database are called.

/// What is appended to a database's name for the files that belong to it: the journal that a
/// transaction is rolled back from, the log that others are written to, and the index of that
/// (<https://www.sqlite.org/tempfiles.html>).
pub(crate) const SIBLINGS: [&str; 3] = [JOURNAL, LOG, INDEX];
/// Those without which a database is not what it was.
pub(crate) const WITH_CONTENT: [&str; 2] = [JOURNAL, LOG];
pub(crate) const JOURNAL: &str = "-journal";
pub(crate) const LOG: &str = "-wal";
pub(crate) const INDEX: &str = "-shm";
/// What is appended, with digits, to the name of the first of several databases for the list of all
/// that one transaction changes.
pub(super) const LIST: &[u8] = b"-mj";

/// The name of the database that a file belongs to, if it is called as if it did.
pub fn database_of(name: &[u8]) -> Option<&[u8]> {
    let database = SIBLINGS
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix.as_bytes()));
    database.filter(|database| !database.is_empty())
}
