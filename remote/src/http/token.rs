//! Canceling: every call that asks a server has a token, which it looks at wherever it waits.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How long anything waits before it looks whether it still should.
pub const SLICE: Duration = Duration::from_millis(50);

/// The calls of one remote. Canceling ends those that have begun, and none that begins later.
#[derive(Clone, Default)]
pub struct Calls(Arc<AtomicU64>);

impl Calls {
    pub fn begin(&self) -> Token {
        Token {
            begun: self.0.load(Ordering::Acquire),
            calls: self.clone(),
            end: None,
        }
    }

    pub fn cancel(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// One call, or what belongs together as one.
#[derive(Clone)]
pub struct Token {
    calls: Calls,
    begun: u64,
    end: Option<Instant>,
}

thread_local! {
    /// What the thread that sends a request is doing.
    static CURRENT: RefCell<Option<Token>> = const { RefCell::new(None) };
}

impl Token {
    /// For what is to be cleaned up after a call was canceled: nothing ends it but this time.
    pub fn cleanup(limit: Duration) -> Self {
        let mut token = Calls::default().begin();
        token.end = Some(Instant::now() + limit);
        token
    }

    pub fn check(&self) -> Result<()> {
        let is_over = self.end.is_some_and(|end| Instant::now() >= end);
        if is_over || self.calls.0.load(Ordering::Acquire) != self.begun {
            return Err(Error::canceled());
        }
        Ok(())
    }

    pub fn sleep(&self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        loop {
            self.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(SLICE));
        }
    }

    /// Runs something on this thread whose waiting looks at this token.
    pub fn during<T>(&self, body: impl FnOnce() -> T) -> T {
        struct Restore(Option<Token>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.clone())));
        body()
    }

    /// Looks at the token of what this thread is doing.
    pub fn check_current() -> std::io::Result<()> {
        let checked = CURRENT.with_borrow(|token| token.as_ref().map_or(Ok(()), Token::check));
        checked.map_err(|error| std::io::Error::other(error.words))
    }
}
