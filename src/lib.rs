//! Backs up the media licenses that a player holds: the backup restorer object of the
//! Windows Media Format SDK, as plain C functions, for systems that are not Windows.
//!
//! The interface is the C one, in `include/wmlb.h`. The crate is not published and has no safe
//! interface for Rust; [`ffi`] holds the C functions for Rust programs that want to call them
//! without linking the C library.
//!
//! The rooms, from the top; each uses only those below it:
//!
//! - [`ffi`]: the C boundary. Converts and forwards; decides nothing.
//! - `registry`, `queue`, `restorer`: handles; events that are fetched; one operation at a time,
//!   its thread, cancel, wait.
//! - `backup`, `restore`, `verify`, `enumerate`, `generations`, `compare`: from the store into the
//!   archive, and back; checks and lists, and what differs between the two.
//! - `choice`: which licenses of a backup an operation is about. `rights`: which may be saved.
//! - `license`: what a license says of itself. `store`: where licenses live. `archive`: the backup
//!   file. `device`: which device this is.
//! - `pipeline`, `operation`: the way of the data; what an operation shares with its caller.
//! - `props`, `flags`, `status`, `error`, `hresult`: what is set, told and answered; `constants`:
//!   how the tables in them reach the header. `keep`: which generations of a backup are kept.
//! - `sys`, `sync`, `panics`, `secret`: the system calls that differ between systems; waiting;
//!   the panic hook; what is wiped from memory.

#![deny(unsafe_code)]
// What the benchmark of the pieces sees of errors counts as used.
#![cfg_attr(wmlb_bench, allow(unfulfilled_lint_expectations))]

#[macro_use]
mod constants;

mod archive;
mod backup;
mod choice;
mod compare;
mod device;
mod enumerate;
mod error;
#[allow(unsafe_code)]
pub mod ffi;
mod flags;
#[cfg(fuzzing)]
pub mod fuzzing;
mod generations;
mod hresult;
mod keep;
mod license;
mod name;
mod operation;
mod panics;
#[cfg(wmlb_bench)]
pub mod pieces;
mod pipeline;
mod props;
mod queue;
mod registry;
mod restore;
mod restorer;
mod rights;
mod scratch;
mod secret;
mod status;
mod store;
mod sync;
#[allow(unsafe_code)]
mod sys;
mod target;
mod verify;
