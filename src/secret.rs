//! Secrets: kept in memory of their own, and wiped.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use zeroize::Zeroize;

use crate::error::{Error, Result};
use crate::sys::{SecretBytes, clear_vector_registers};

/// A text that is kept out of core dumps and swap space, as far as the system lets it, and wiped
/// from memory with its last clone. Clones share it.
#[derive(Clone)]
pub struct Secret(Arc<SecretBytes>);

impl Secret {
    pub fn new(text: &str) -> Result<Self> {
        let bytes = SecretBytes::new(text.as_bytes()).ok_or(Error::Memory("a secret"))?;
        Ok(Secret(Arc::new(bytes)))
    }

    pub fn expose(&self) -> &str {
        // It is always UTF-8: a fork leaves NULs of it.
        std::str::from_utf8(self.0.as_slice()).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a secret")
    }
}

/// Calls `body`, and wipes the part of the stack where it may have left pieces of secrets, since
/// the stack of a thread outlives what ran on it, and the registers.
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
    clear_vector_registers();
    result
}
