//! Backups of libwmlb in an object store: a target of the library's over the S3 API, for fleets of
//! players. `docs/remote.md` tells programs how to use it, and what lies in a bucket.
//!
//! The rooms, from the top; each uses those below it only:
//! - `ffi`: the C boundary, all `unsafe`, and no decision.
//! - `registry`: handles; `remote`: an opened place, and what is attached to a restorer.
//! - `target`: a backup as it is written and read; `fleet`: lists and retention; `probe`: what a
//!   server keeps of its promises.
//! - `publish`: who won, decided without any I/O; `head`: the object that names the newest
//!   generation; `upload`: a generation on its way; `journal`: what of it the server has, should
//!   its process be killed; `window`: a generation that is read; `start`: its first bytes.
//! - `store`: the requests of S3 that the others need; `http`: how one request is sent, again if it
//!   has to be, and ended when it is canceled.
//! - `place`, `credentials`, `device`: what a URL says, who asks, and for which device.
//! - `error`: words for people, a result code for programs.

#[macro_use]
#[path = "../../src/constants.rs"]
mod constants;
// The rule of retention is the library's own, and so are its stamps.
#[allow(dead_code)]
#[path = "../../src/flags.rs"]
mod flags;
#[allow(dead_code)]
#[path = "../../src/keep.rs"]
mod keep;

mod credentials;
mod device;
mod error;
mod fleet;
mod head;
mod http;
mod journal;
mod place;
mod probe;
mod publish;
mod registry;
mod remote;
mod start;
mod store;
mod target;
mod upload;
mod window;

#[allow(unsafe_code)]
pub mod ffi;
