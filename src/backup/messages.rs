//! What the operation's thread and the workers of a backup hand each other.

use crate::archive::frame::Licenses;
use crate::error::Error;
use crate::store::license::License;
use crate::store::{Batch, Entry};

/// Names to be packed, and the large license among them that is under way.
pub struct Task {
    pub batch: Batch,
    pub large: Option<LargeLicense>,
    /// The batch's next entry, when that is a database that is ready to be packed.
    pub prepared: Option<License>,
    /// How often the batch's next entry was tried before.
    pub tries: u32,
    /// How many of the batch's next entries are being read ahead.
    pub prefetched: usize,
}

/// A license that takes several frames, of which some are made.
pub struct LargeLicense {
    pub license: License,
    /// Bytes still to be read.
    pub rest: u64,
    /// It is a database without licenses.
    pub is_empty: bool,
}

impl Task {
    pub fn new(batch: Batch) -> Self {
        Task {
            batch,
            large: None,
            prepared: None,
            tries: 0,
            prefetched: 0,
        }
    }

    /// Keeps for the next frame what took work; anything else is opened again.
    pub fn keep(&mut self, license: License) {
        self.prepared = Some(license).filter(License::is_prepared);
    }

    /// Goes on to the batch's next entry.
    pub fn advance(&mut self) -> Option<Entry> {
        self.tries = 0;
        self.prefetched = self.prefetched.saturating_sub(1);
        self.batch.advance()
    }
}

/// Something left out, to be told.
pub enum Notice {
    /// Its owner forbids backup; it is told by its key IDs or its name.
    Restricted {
        title: String,
    },
    Skipped {
        name: Vec<u8>,
        cause: Error,
    },
}

/// What a frame means for a license that takes several.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum LargeMark {
    /// Nothing: the frame has no such license, or its middle.
    None,
    /// One begins with this frame, and does not end with it.
    Begins,
    /// The one that is being written ends with this frame: it is whole.
    Ends,
    /// The one that is being written changed meanwhile: what was written of it is void.
    Void,
}

/// One frame of the archive, and what is to be told with it.
pub struct FrameResult {
    /// None when nothing is left in it.
    pub frame: Option<Licenses>,
    pub notices: Vec<Notice>,
    pub licenses: u64,
    /// Of these, databases without licenses.
    pub empty: u64,
    pub bytes: u64,
    pub large: LargeMark,
}
