//! Where licences live, and how they are listed and read.

mod batch;
pub mod directory;
pub mod discover;
pub mod folders;
pub mod host;
pub mod license;
pub mod player;
mod spool;
pub mod sqlite;
pub mod staging;

pub use batch::{Batch, Entry};

/// How often a folder is listed, or a file read, that changes meanwhile.
pub(crate) const TRIES: u32 = 3;

/// The kinds of stores, as a backup says them.
pub(crate) const DIRECTORY: &str = "directory";
/// One SQLite database.
pub(crate) const DATABASE: &str = "sqlite";
/// One that the host keeps itself.
pub(crate) const HOST: &str = "host";
