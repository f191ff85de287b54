//! An opened place: a bucket, a prefix, and what is known of the server.

use std::sync::atomic::AtomicU8;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::head::{self, Head};
use crate::http::{Calls, Token, Tries};
use crate::place::Place;
use crate::probe;
use crate::store::Store;

/// How long a small object may take to be written, where that can be seen.
const BEING_WRITTEN: Duration = Duration::from_millis(500);

pub struct Remote {
    pub store: Store,
    /// What canceling ends.
    pub calls: Calls,
    /// What is known of the server's conditions: see `probe`.
    pub conditions: AtomicU8,
    last_error: Mutex<String>,
}

impl Remote {
    pub fn open(url: &str) -> Result<Self> {
        Ok(Remote {
            store: Store::new(Place::parse(url)?)?,
            calls: Calls::default(),
            conditions: AtomicU8::new(probe::UNKNOWN),
            last_error: Mutex::default(),
        })
    }

    pub fn head_of(&self, device: &str) -> String {
        format!("{}{device}/HEAD", self.store.place.prefix)
    }

    /// What stands before the names of a device's generations in their keys.
    pub fn generations_of(&self, device: &str) -> String {
        format!("{}{device}/g/", self.store.place.prefix)
    }

    /// The HEAD of a device and its tag. A server that is no real object store may show one that
    /// is being written: what is damaged is read again before it is said to be.
    pub fn read_head(&self, device: &str, token: &Token) -> Result<Option<(Head, String)>> {
        let mut tries = Tries::new(BEING_WRITTEN.min(self.store.place.deadline));
        loop {
            let found = self
                .store
                .get(&self.head_of(device), head::LARGEST, token)?;
            let Some((bytes, tag)) = found else {
                return Ok(None);
            };
            let damage = match Head::read(&bytes) {
                Ok(head) => return Ok(Some((head, tag))),
                Err(error) => error.during(device),
            };
            if tries.pause(damage.clone(), token).is_err() {
                token.check()?;
                return Err(damage);
            }
        }
    }

    pub fn note(&self, error: &Error) {
        let mut last = self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        last.clone_from(&error.words);
    }

    pub fn last_error(&self) -> String {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
