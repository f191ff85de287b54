//! That a target has one user at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// Whether somebody uses a target.
#[derive(Default)]
pub struct Uses(Arc<AtomicBool>);

/// Nobody else uses it.
pub struct Claim(Arc<AtomicBool>);

impl Uses {
    pub fn claim(&self) -> Result<Claim> {
        if self.0.swap(true, Ordering::Acquire) {
            return Err(Error::TargetBusy);
        }
        Ok(Claim(self.0.clone()))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
