//! What a worker of a backup is given to do.

use crate::store::directory::{Batch, Entry};
use crate::store::opened::License;

/// Names to be packed, and the large licence among them that is under way.
pub struct Task {
    pub batch: Batch,
    pub large: Option<LargeLicense>,
    /// The batch's next entry, when that is a database that is ready to be packed.
    pub prepared: Option<License>,
    /// How often the batch's next entry was tried before.
    pub tries: u32,
    /// How many of the batch's next entries are being read ahead.
    pub asked: usize,
}

impl Task {
    pub fn new(batch: Batch) -> Self {
        Task {
            batch,
            large: None,
            prepared: None,
            tries: 0,
            asked: 0,
        }
    }

    /// Keeps for the next frame what took work; anything else is opened again.
    pub fn keep(&mut self, license: License) {
        self.prepared = Some(license).filter(License::is_prepared);
    }

    /// Goes on to the batch's next entry.
    pub fn advance(&mut self) -> Option<Entry> {
        self.tries = 0;
        self.asked = self.asked.saturating_sub(1);
        self.batch.advance()
    }
}

pub struct LargeLicense {
    pub license: License,
    /// Bytes still to be read.
    pub rest: u64,
}
