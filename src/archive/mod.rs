//! The backup file: what is in it, how it is laid down, how it takes its name.
//!
//! A stream of independent zstd frames, each with its checksum, whose content is one pax
//! tar archive: `wmlb.json`, the licenses, `wmlb-summary.json`, in that order. Any frame
//! except one that continues a large license or the summary begins with a member. There is
//! exactly one way to write a given content, so that a reader can insist on it. When it is
//! encrypted, that stream is inside an age file, the [`envelope`]. The whole format is described
//! in `docs/format.md`.

pub mod choice;
pub mod cut;
pub mod envelope;
pub mod frame;
pub mod frames;
pub mod index;
pub mod member;
pub mod output;
mod readback;
pub mod reader;
mod seek;
pub mod segments;
mod summary;
mod waiting;
pub mod walk;
pub mod writer;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::name;
use crate::sys::Time;

/// The version of the format that is written.
pub(crate) const FORMAT: u32 = 1;

/// Bytes of a large license, or of a summary, in each frame that it fills.
pub(crate) const FRAME_CONTENT: usize = 2 << 20;

/// The member that opens the archive: where it comes from.
pub const INFO_NAME: &[u8] = b"wmlb.json";
/// The folder the licenses are in.
pub const LICENSES_FOLDER: &[u8] = b"licenses/";
/// The member that closes the archive: what must be there for it to be whole.
pub const SUMMARY_NAME: &[u8] = b"wmlb-summary.json";

/// Room that a member needs besides its content, unless its name is very long: the
/// headers, a pax record, the padding.
pub(crate) const MEMBER_OVERHEAD: usize = 2048;

/// Bytes of content of any frame, at the most: the headers of a license with the longest name
/// besides what frames of licenses hold.
const FRAME_LIMIT: usize = cut::MOST + 4 * name::LONGEST;

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
