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
    /// What is left of a large license that is taken from the earlier backup.
    pub reused: Option<Pieces>,
    /// Nothing was to be had there of the next entry.
    pub is_refused: bool,
}

/// Frames of a large license in the earlier backup, by their numbers.
pub struct Pieces {
    pub next: usize,
    pub end: usize,
    /// Bytes of the license that are in them.
    pub rest: u64,
    /// One of its frames was handed in.
    pub is_begun: bool,
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
            reused: None,
            is_refused: false,
        }
    }

    /// Keeps for the next frame what took work; anything else is opened again.
    pub fn keep(&mut self, license: License) {
        self.prepared = Some(license).filter(License::is_prepared);
    }

    /// Goes on to the batch's next entry.
    pub fn advance(&mut self) -> Option<Entry> {
        self.tries = 0;
        self.is_refused = false;
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
    /// Of these, those that were taken from the earlier backup.
    pub reused: u64,
    /// Of these, databases without licenses.
    pub empty: u64,
    pub bytes: u64,
    pub large: LargeMark,
}

impl FrameResult {
    /// One that was taken from the earlier backup.
    pub fn taken(frame: Option<Licenses>, licenses: u64, bytes: u64, large: LargeMark) -> Self {
        FrameResult {
            frame,
            notices: Vec::new(),
            licenses,
            reused: licenses,
            empty: 0,
            bytes,
            large,
        }
    }
}
