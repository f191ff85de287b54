//! SQLite databases, in which players keep licenses that are not told apart here.

use super::Reader;

/// <https://www.sqlite.org/fileformat.html>, section 1.3.1.
const MAGIC: &[u8] = b"SQLite format 3\0";

pub const READER: Reader = Reader {
    name: c"sqlite",
    recognizes: |content| content.bytes.starts_with(MAGIC),
    read: |_, _, _| Ok(true),
    ..Reader::USUAL
};
