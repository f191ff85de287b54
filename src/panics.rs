//! Keeps panics of the library from printing: their text becomes the message of an error instead.
//!
//! One panic hook serves all Rust code that shares this copy of the standard library. In the C
//! library that is this crate alone. In a Rust program it is the whole program, so the hook keeps
//! quiet only on threads that are inside the library.

use std::cell::Cell;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// Whether the thread is inside the library.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Installs the hook, once per process.
pub fn install_hook() {
    // A thread that panics cannot change the hook; a later call does.
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

/// Puts the thread back where it was, inside or outside the library, when it is dropped.
pub struct InsideGuard {
    before: bool,
}

/// The calling thread enters the library.
pub fn enter() -> InsideGuard {
    InsideGuard {
        before: INSIDE.replace(true),
    }
}

/// The calling thread leaves the library, for code of the host that the library calls.
pub fn leave() -> InsideGuard {
    InsideGuard {
        before: INSIDE.replace(false),
    }
}

impl Drop for InsideGuard {
    fn drop(&mut self) {
        INSIDE.set(self.before);
    }
}
