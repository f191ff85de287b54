//! Keeps a panic of ours from printing: its message becomes an error's words instead.
//!
//! The panic hook is one for all Rust code that shares this copy of the standard library.
//! In the C library that is our code alone; in a Rust program it is the program's too, so
//! the hook keeps quiet only on threads that are inside our code.

use std::cell::Cell;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Puts the hook in place, once a process.
pub fn install_hook() {
    // A thread that panics cannot change the hook; the next call does.
    if INSTALLED.load(Ordering::Relaxed) || std::thread::panicking() {
        return;
    }
    if INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !INSIDE.try_with(Cell::get).unwrap_or(false) {
            before(info);
        }
    }));
}

/// The calling thread is where it was again when this is dropped.
pub struct Place {
    before: bool,
}

/// The calling thread is inside our code.
pub fn enter() -> Place {
    Place {
        before: INSIDE.replace(true),
    }
}

/// The calling thread is inside the host's code, called by ours.
pub fn leave() -> Place {
    Place {
        before: INSIDE.replace(false),
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        INSIDE.set(self.before);
    }
}
