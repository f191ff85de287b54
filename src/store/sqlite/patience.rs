//! How those are waited for who write to a database.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::locks::{Attempt, Lock};
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::sys::{self, StoreFile, Time};

/// How long a database that is locked is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long until it is tried again.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a gap between two transactions is looked for at a time. A writer that begins the
/// next one at once leaves the database unlocked for some 50 microseconds.
const GAP: Duration = Duration::from_millis(5);

pub struct Patience<'a> {
    control: &'a Control,
    until: Instant,
    /// When the database was written to last.
    written: Option<Time>,
}

impl<'a> Patience<'a> {
    pub fn new(control: &'a Control) -> Self {
        Patience {
            control,
            until: Instant::now() + PATIENCE,
            written: None,
        }
    }

    /// Whether there is any left.
    pub fn lasts(&self) -> bool {
        Instant::now() < self.until
    }

    /// Waits for the lock of a reader, which it gives if it comes by it; an error when that has
    /// taken long enough.
    pub fn pause(&mut self, database: &Arc<StoreFile>, path: &Path) -> Result<Option<Lock>> {
        self.control.check()?;
        if !self.lasts() {
            return Err(Error::DatabaseInUse(path.to_owned()));
        }
        let written = sys::fstat(&**database)
            .ok()
            .map(|stat| sys::modified(&stat));
        if std::mem::replace(&mut self.written, written) == written {
            thread::sleep(PAUSE);
            return Ok(None);
        }
        // Whoever has just written will write again: he is waited for without a nap.
        let until = Instant::now() + GAP;
        while Instant::now() < until {
            if let Ok(Attempt::Held(lock)) = Lock::of_reader(database) {
                return Ok(Some(lock));
            }
            thread::yield_now();
        }
        Ok(None)
    }
}
