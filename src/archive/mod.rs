//! The backup file: what is in it, how it is laid down, how it takes its name.
//!
//! A stream of independent zstd frames, each with its checksum, whose content is one pax
//! tar archive: `wmlb.json`, the licences, `wmlb-summary.json`, in that order. Any frame
//! but one that continues a large licence begins with a member. There is exactly one way
//! to write a given content, so that a reader can insist on it.

pub mod commit;
pub mod frame;
pub mod member;
mod readback;
pub mod writer;

use serde::Serialize;

/// The version of the format that is written.
pub(crate) const FORMAT: u32 = 1;

/// Bytes of content after which a frame is closed. Measured on mixed stores: smaller
/// frames compress worse (256 KiB: 5 %), larger ones gain 1 % and cost memory.
pub(crate) const FRAME_CONTENT: usize = 1 << 20;

/// The member that opens the archive: where it comes from.
pub const INFO_NAME: &[u8] = b"wmlb.json";
/// The folder the licences are in.
pub const LICENSES_FOLDER: &[u8] = b"licenses/";
/// The member that closes the archive: what must be there for it to be whole.
pub const SUMMARY_NAME: &[u8] = b"wmlb-summary.json";

/// Content of [`INFO_NAME`].
#[derive(Serialize)]
pub struct Info<'a> {
    pub format: u32,
    /// When the backup was made, Unix seconds.
    pub created: i64,
    /// Version of the library that wrote the file.
    pub library: &'a str,
    /// Which device made it; "" when it could not be told.
    pub device: &'a str,
    /// Kind of store: "directory".
    pub store: &'a str,
}

/// Content of [`SUMMARY_NAME`].
#[derive(Serialize)]
struct Summary {
    licenses: u64,
    bytes: u64,
    frames: Vec<FrameSummary>,
}

/// What the summary says of each frame before its own.
#[derive(Serialize)]
struct FrameSummary {
    /// Bytes of content.
    length: u64,
    /// BLAKE3 of the content, in hexadecimal.
    blake3: String,
}
