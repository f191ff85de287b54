//! Where a backup file goes, and where it comes from.
//!
//! A target takes a new backup file byte after byte, and nothing of it shows before it is
//! published, in one step. A new kind of target is one file beside `folder`, and a line in
//! `kinds`.

mod claim;
mod descriptor;
pub mod folder;
pub mod host;
mod kinds;
mod traits;

pub use descriptor::Descriptor;
pub use kinds::{generations, origin, target};
pub use traits::*;
