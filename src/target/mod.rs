//! Where a backup file goes, and where it comes from.
//!
//! A target takes a new backup file byte after byte, and nothing of it shows before it is
//! published, in one step. A new kind of target is one file beside `folder`, and a line in
//! `kinds`.

pub mod folder;
mod kinds;
mod traits;

pub use kinds::from_properties;
pub use traits::*;
