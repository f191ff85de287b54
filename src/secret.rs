//! Secrets: kept in one place of the memory, and wiped.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

/// A text that is wiped from memory when its last owner is gone. Clones share it.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Box<str>>>);

impl Secret {
    pub fn new(text: &str) -> Self {
        Secret(Arc::new(Zeroizing::new(text.into())))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a secret")
    }
}

/// Calls `body`, and wipes the part of the stack where it may have left pieces of secrets: a
/// thread's stack outlives what ran on it.
pub fn wiping_stack<T>(body: impl FnOnce() -> T) -> T {
    #[inline(never)]
    fn call<T>(body: impl FnOnce() -> T) -> T {
        body()
    }
    #[inline(never)]
    fn wipe() {
        let mut stack = [0_u8; 16 << 10];
        black_box(&mut stack);
        stack.zeroize();
    }
    let result = call(body);
    wipe();
    result
}
