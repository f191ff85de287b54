//! Where licenses live: how they are listed and read, and how they are brought in.
//!
//! A new kind of store is one file or folder beside the others, and a line in `kinds`.

mod batch;
pub mod directory;
pub mod discover;
mod facts;
pub mod folders;
pub mod host;
mod kinds;
pub mod license;
pub mod player;
mod spool;
pub mod sqlite;
pub mod staging;
mod traits;

pub(crate) use batch::TRIES;
pub use batch::{Batch, Entry};
pub use facts::Facts;
pub use kinds::{keep_whole, of};
pub use traits::*;
