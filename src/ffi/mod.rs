//! The C boundary: every exported function and every raw pointer, and nothing else.
//!
//! The comments on exported items become the header `include/wmlb.h`, so they are written for
//! its readers. `build.rs` says in which order the header has what these files declare.

#![allow(non_camel_case_types)]
// The comments say it to C programs, in terms of C.
#![allow(clippy::missing_safety_doc)]

mod authorizer;
mod callback;
mod compare;
mod default;
mod discover;
mod filter;
mod generations;
mod guard;
mod handle;
mod last_error;
mod licenses;
mod names;
mod operations;
mod pointer;
mod properties;
mod queue;
mod release;
mod restorer;
mod rights;
mod store;
mod target;

pub use crate::flags::*;
pub use crate::hresult::{codes::*, wmlb_hresult};
pub use crate::status::{values::*, wmlb_progress};
pub use authorizer::*;
pub use callback::wmlb_status_callback;
pub use compare::*;
pub use default::*;
pub use discover::*;
pub use filter::*;
pub use generations::*;
pub use handle::*;
pub use last_error::*;
pub use licenses::*;
pub use names::*;
pub use operations::*;
pub use properties::*;
pub use queue::*;
pub use release::*;
pub use restorer::*;
pub use rights::*;
pub use store::*;
pub use target::*;
