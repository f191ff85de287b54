//! What a worker hands to the operation's thread.

use crate::archive::frame::Frame;
use crate::error::Error;

/// Something left out, to be told.
pub enum Notice {
    /// Its owner forbids backup: by what it is told.
    Restricted {
        title: String,
    },
    Skipped {
        name: Vec<u8>,
        cause: Error,
    },
}

/// What a part means for a licence that takes several frames.
#[derive(PartialEq)]
pub enum Large {
    /// Nothing: the part has no such licence, or its middle.
    No,
    /// One begins with this part, and does not end with it.
    Begins,
    /// The one that is being written ends with this part: it is whole.
    Ends,
    /// The one that is being written changed meanwhile: what was written of it is void.
    Void,
}

/// One piece of the archive, and what is to be told with it.
pub struct Part {
    pub frame: Option<Frame>,
    pub notices: Vec<Notice>,
    pub licenses: u64,
    pub bytes: u64,
    pub large: Large,
}
