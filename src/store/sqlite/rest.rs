//! Databases at rest, which nobody writes to: they are read where they lie.
//!
//! Their file alone is what is committed as long as nothing is in a journal or log, and all that
//! is read of it is of one moment if no byte of it was written meanwhile. The file's times tell
//! that, under two conditions: that this machine's kernel sets them, and that they are older than
//! one of its ticks, so that a write in the next moment cannot leave them as they are. No lock is
//! held: one would keep writers waiting for as long as packing takes, and would not keep anybody
//! from writing back a log.

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::SystemTime;

use rustix::fs::{Stat, fstat};

use super::{Files, body, is_locked};
use crate::error::Result;
use crate::operation::Control;
use crate::sys::{self, Time};

/// Whole seconds that were not written in. On the coarsest of the file systems in question times
/// are whole seconds, and the clock they are taken from is late by up to a hundredth.
const QUIET: i64 = 2;

/// Bytes of the largest database that is checked before anything else is done with it.
const CHECKED_FIRST: u64 = 8 << 20;

/// A database that was at rest.
pub struct AtRest {
    path: PathBuf,
    before: Stat,
    check: Check,
    /// Goes with it, and the check ends: nobody wants to know any more.
    _wanted: Arc<()>,
}

/// The look whether it is sound.
enum Check {
    /// It is to be done.
    Open(Box<dyn FnOnce() -> bool + Send>),
    /// Somebody does it, and says here what was found.
    Begun(Receiver<bool>),
    Done(bool),
}

impl AtRest {
    /// Looks at the database at `path`, which is open as `file`. None when it is not at rest, or
    /// anything is wrong with it: then a snapshot of it is to be taken, and tells what.
    pub fn find(path: &Path, file: BorrowedFd<'_>, control: &Control) -> Result<Option<Self>> {
        // In this order: whoever writes from the look on changes the times.
        let now = now();
        let Ok(before) = fstat(file) else {
            return Ok(None);
        };
        let wanted = Arc::new(());
        let mut found = AtRest {
            path: path.to_owned(),
            before,
            check: Check::Open(body::checker(path, Arc::downgrade(&wanted), control)),
            _wanted: wanted,
        };
        let rests = sys::keeps_times(file)
            && now.is_some_and(|now| is_old(&found.before, now))
            && found.is_unchanged(file)
            // Some transactions have no journal.
            && is_locked(file) == Ok(false)
            && (found.size() > CHECKED_FIRST || found.is_sound());
        control.check()?;
        Ok(rests.then_some(found))
    }

    /// Its check, for others to do while it is read; None when somebody did it, or does.
    pub fn check(&mut self) -> Option<Box<dyn FnOnce() + Send>> {
        let (sender, receiver) = mpsc::channel();
        match std::mem::replace(&mut self.check, Check::Begun(receiver)) {
            Check::Open(check) => Some(Box::new(move || {
                let _ = sender.send(check());
            })),
            other => {
                self.check = other;
                None
            }
        }
    }

    /// Whether it is sound: checks it, or waits for whoever does.
    pub fn is_sound(&mut self) -> bool {
        let sound = match std::mem::replace(&mut self.check, Check::Done(false)) {
            Check::Open(check) => check(),
            Check::Begun(found) => found.recv() == Ok(true),
            Check::Done(sound) => sound,
        };
        self.check = Check::Done(sound);
        sound
    }

    /// Whether all that was read of it is of one moment. Who locks it now does not matter: nothing
    /// was written.
    pub fn is_unchanged(&self, file: BorrowedFd<'_>) -> bool {
        let unchanged = |stat: &Stat| sys::unchanged(&self.before, stat);
        fstat(file).is_ok_and(|stat| unchanged(&stat))
            && Files::look(&self.path).is_ok_and(|now| {
                unchanged(&now.database)
                    && !now.has_log()
                    && now.has_journal().is_ok_and(|has| !has)
            })
    }

    pub fn size(&self) -> u64 {
        self.before.st_size as u64
    }

    pub fn modified(&self) -> Time {
        sys::modified(&self.before)
    }
}

/// Unix seconds.
fn now() -> Option<i64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.ok()?.as_secs()).ok()
}

/// Whether a file was last changed long enough ago. One of the future was not.
fn is_old(stat: &Stat, now: i64) -> bool {
    [sys::modified(stat), sys::changed(stat)]
        .iter()
        .all(|time| now.saturating_sub(time.seconds) >= QUIET)
}
