//! The C boundary: every exported function and every raw pointer, and nothing else. The comments
//! on exported items become the header `include/wmlb_remote.h`, so they are written for its
//! readers.

#![allow(non_camel_case_types)]
// The comments say it to C programs, in terms of C.
#![allow(clippy::missing_safety_doc)]

mod core;
mod fleet;
mod guard;
mod remote;
mod target;

pub use fleet::*;
pub use remote::*;
