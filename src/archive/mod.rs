//! The backup file: what is in it, how it is laid down, how it takes its name.
//!
//! A stream of independent zstd frames, each with its checksum, whose content is one pax
//! tar archive: `wmlb.json`, the licences, `wmlb-summary.json`, in that order. Any frame
//! but one that continues a large licence begins with a member. There is exactly one way
//! to write a given content, so that a reader can insist on it. When it is encrypted, that
//! stream is inside an age file, the [`envelope`].

pub mod envelope;
pub mod frame;
pub mod frames;
pub mod member;
mod output;
mod readback;
pub mod reader;
pub mod walk;
pub mod writer;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::name;
use crate::sys::Time;

/// The version of the format that is written.
pub(crate) const FORMAT: u32 = 1;

/// Bytes of content after which a frame is closed. Measured on mixed stores: smaller
/// frames compress worse (1 MiB: 0.7 %, 256 KiB: 5 %), larger ones gain 0.4 % and cost memory.
pub(crate) const FRAME_CONTENT: usize = 2 << 20;

/// The member that opens the archive: where it comes from.
pub const INFO_NAME: &[u8] = b"wmlb.json";
/// The folder the licences are in.
pub const LICENSES_FOLDER: &[u8] = b"licenses/";
/// The member that closes the archive: what must be there for it to be whole.
pub const SUMMARY_NAME: &[u8] = b"wmlb-summary.json";

/// Room that a member needs besides its content, unless its name is very long: the
/// headers, a pax record, the padding.
pub(crate) const MEMBER_OVERHEAD: usize = 2048;

/// Bytes of content of the largest licence that shares a frame with others. A larger one
/// begins a frame, and goes on in frames of [`FRAME_CONTENT`] of its bytes each.
pub(crate) const LARGEST_WHOLE: u64 = (FRAME_CONTENT - MEMBER_OVERHEAD) as u64;

/// Bytes of content of any frame but the summary's, at the most: the headers of a licence
/// with the longest name, and its content.
const FRAME_LIMIT: usize = FRAME_CONTENT + 4 * name::LONGEST;

/// Bytes of the content of a summary of so many frames, at the most: what is said of each
/// takes 40 bytes of keys, two numbers of up to 20 digits, and hashes of 64 and 16.
fn summary_limit(frames: u64) -> u64 {
    4096 + 256 * frames
}

/// Content of [`INFO_NAME`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Info {
    pub format: u32,
    /// When the backup was made, Unix seconds.
    pub created: i64,
    /// Version of the library that wrote the file.
    pub library: String,
    /// Which device made it; "" when it could not be told.
    pub device: String,
    /// Kind of store: "directory", "sqlite" or "host".
    pub store: String,
}

/// Content of [`SUMMARY_NAME`].
#[derive(Serialize)]
struct Summary {
    licenses: u64,
    bytes: u64,
    frames: Vec<FrameSummary>,
}

impl Summary {
    fn new(licenses: u64, bytes: u64, frames: impl Iterator<Item = frame::Seal>) -> Self {
        let frames = frames.map(|seal| FrameSummary {
            length: seal.length,
            blake3: seal.hash.to_hex().to_string(),
            stored: seal.stored,
            xxh64: format!("{:016x}", seal.check),
        });
        Summary {
            licenses,
            bytes,
            frames: frames.collect(),
        }
    }

    /// The content of the last frame: the summary's member and the end of the tar.
    fn to_content(&self) -> Result<Vec<u8>> {
        // No time of its own: the same licences give the same bytes.
        let epoch = Time {
            seconds: 0,
            nanoseconds: 0,
        };
        let mut content = json_member(SUMMARY_NAME, epoch, self)?;
        content.extend_from_slice(&member::END);
        Ok(content)
    }
}

impl Info {
    /// The content of the first frame.
    fn to_content(&self) -> Result<Vec<u8>> {
        let modified = Time {
            seconds: self.created,
            nanoseconds: 0,
        };
        json_member(INFO_NAME, modified, self)
    }
}

/// A member whose content is JSON, on one line.
fn json_member(name: &[u8], modified: Time, value: &impl Serialize) -> Result<Vec<u8>> {
    let mut json =
        serde_json::to_vec(value).map_err(|error| Error::Defect(format!("JSON: {error}")))?;
    json.push(b'\n');
    let mut content = Vec::with_capacity(json.len() + MEMBER_OVERHEAD);
    member::write_header(&mut content, name, json.len() as u64, modified);
    content.extend_from_slice(&json);
    member::pad(&mut content, json.len() as u64);
    Ok(content)
}

/// What the summary says of each frame before its own.
#[derive(Serialize)]
struct FrameSummary {
    /// Bytes of content.
    length: u64,
    /// BLAKE3 of the content, in hexadecimal.
    blake3: String,
    /// Bytes of the zstd frame.
    stored: u64,
    /// XXH64 of the zstd frame, in hexadecimal.
    xxh64: String,
}
