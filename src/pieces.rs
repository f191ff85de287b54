//! What `benches/pieces.rs` measures: the small pieces, as they are. Not in the library as it is
//! built otherwise.

pub use crate::archive::{frame, member};
pub use crate::license::{Excerpt, Inspector, Right, Statement};
pub use crate::sys::Time;
