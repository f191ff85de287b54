//! Where licences live, and how they are listed and read.

pub mod directory;
pub mod discover;
pub mod host;
pub mod opened;
pub mod player;
pub mod sqlite;

/// How often a folder is listed, or a file read, that changes meanwhile.
pub(crate) const TRIES: u32 = 3;

/// The kinds of stores, as a backup says them.
pub(crate) const DIRECTORY: &str = "directory";
/// One SQLite database.
pub(crate) const DATABASE: &str = "sqlite";
/// One that the host keeps itself.
pub(crate) const HOST: &str = "host";

const STAGING_PREFIX: &str = ".wmlb-restore-";
/// Hexadecimal digits after it.
const STAGING_DIGITS: usize = 16;

/// The name of the staging folder of a store that has this hash.
fn staging_name(hash: &blake3::Hash) -> String {
    format!("{STAGING_PREFIX}{}", &hash.to_hex()[..STAGING_DIGITS])
}

/// Whether a name in a store's own folder is that of a staging folder: no licence is called
/// so, in a store or in an archive.
pub fn is_staging_name(name: &[u8]) -> bool {
    name.strip_prefix(STAGING_PREFIX.as_bytes())
        .is_some_and(|digits| {
            digits.len() == STAGING_DIGITS && digits.iter().all(u8::is_ascii_hexdigit)
        })
}
