//! A folder of license files: every regular file below it, at any depth, is a license, and
//! its path below the folder is its name.
//!
//! Listing and reading are apart: the lister walks the folders in order and makes batches of
//! names; any number of readers open what the batches name.

mod clock;
mod enumerate;
mod folder;
mod listing;
mod read_ahead;
mod reader;
mod store;

pub use store::DirectoryStore;
