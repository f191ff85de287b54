//! The locks and conditions that threads of a restorer wait with.
//!
//! There are two kinds of locks in this crate, each for what it is good at:
//! - The standard library's, here, where threads wait for long or with a condition. Each is a word
//!   in memory and nothing else, so a child after a fork can make and use new ones, whatever other
//!   threads of its parent were doing.
//! - parking_lot's, for what is held for a moment: they take a byte, are never poisoned, and spin
//!   before they wait. All of them share one table of waiting threads. A child inherits the
//!   entries of threads that it does not have, so nobody waits with these for long.
//!
//! A lock of the standard library that a panic has poisoned is used on: what it guards is changed
//! in single steps.
//!
//! The models of what threads do with a restorer (tests/model) have locks of their own.

use std::sync::PoisonError;
use std::time::Instant;

#[cfg(wmlb_loom)]
pub use loom::{
    sync::{Condvar, Mutex, MutexGuard},
    thread_local,
};
#[cfg(wmlb_shuttle)]
pub use shuttle::{
    sync::{Condvar, Mutex, MutexGuard},
    thread_local,
};
#[cfg(not(any(wmlb_loom, wmlb_shuttle)))]
pub use std::{
    sync::{Condvar, Mutex, MutexGuard},
    thread_local,
};

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition
        .wait(guard)
        .unwrap_or_else(PoisonError::into_inner)
}

/// Waits until the condition is notified, or the deadline has passed.
pub fn wait_until<'a, T>(
    condition: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Instant,
) -> MutexGuard<'a, T> {
    let left = deadline.saturating_duration_since(Instant::now());
    let (guard, _) = condition
        .wait_timeout(guard, left)
        .unwrap_or_else(PoisonError::into_inner);
    guard
}
