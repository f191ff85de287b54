//! Which files may be being written to while they are read.

use std::os::fd::OwnedFd;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::Stat;

use crate::sys;

/// Seconds after which a file's times are older than any write that still goes on: those of some
/// file systems are in steps of two.
const GRANULARITY: i64 = 2;

/// The same where the times are those of another clock, in another time zone perhaps.
const FAR: i64 = 26 * 60 * 60;

/// The clock that a store's file system has its times from.
#[derive(Clone, Copy)]
pub struct Clock {
    is_ours: bool,
}

impl Clock {
    pub fn of(store: &OwnedFd) -> Self {
        Clock {
            is_ours: sys::is_local(store),
        }
    }

    /// Whether a file that looks like this was changed a moment ago, or may have been.
    pub fn is_fresh(self, stat: &Stat) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_secs() as i64);
        let changed = sys::modified(stat).seconds.max(sys::changed(stat).seconds);
        self.is_fresh_at(changed, now)
    }

    fn is_fresh_at(self, changed: i64, now: i64) -> bool {
        let age = now.saturating_sub(changed);
        if self.is_ours {
            age <= GRANULARITY
        } else {
            age.unsigned_abs() <= FAR as u64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_fresh_for_a_moment() {
        for (is_ours, age, fresh) in [
            (true, 0, true),
            (true, 2, true),
            (true, 3, false),
            // Set in the future: nothing is known.
            (true, -100_000, true),
            (false, 3, true),
            (false, 3600, true),
            (false, -3600, true),
            (false, 200_000, false),
        ] {
            let clock = Clock { is_ours };
            assert_eq!(clock.is_fresh_at(1_000_000_000 - age, 1_000_000_000), fresh);
        }
    }
}
