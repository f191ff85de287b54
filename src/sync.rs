//! Locks to wait with, and the waiting.
//!
//! The standard library's, where threads wait for each other for long: they are a word in
//! memory each, so a child after a fork can make and use new ones whatever its parent's other
//! threads were doing. parking_lot keeps one table of waiting threads for the whole process,
//! and a child inherits entries of threads that it does not have: its first waits may never
//! end. So parking_lot's locks are for what is held for a moment only.
//!
//! A lock that a panic has poisoned is used on: what it guards is changed in single steps.
//!
//! Models of what threads do with a restorer have their own of each (tests/model).

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

/// Waits until the condition is told of, or the deadline has passed.
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
