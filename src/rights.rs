//! Whether licenses may be saved: what the host says of them, and what holds when neither it nor
//! they state anything.

use crate::error::Result;
use crate::license::{LicenseInfo, Right};

/// Whoever knows more of licenses than they say, asked on the operation's thread.
pub trait Rights: Send + Sync {
    /// [`Right::NotStated`] leaves it to what the license says.
    fn right_of(&self, license: &LicenseInfo<'_>) -> Result<Right>;
}

/// What an operation was told about rights.
#[derive(Clone, Copy)]
pub struct Policy {
    pub denies_unstated: bool,
    /// There is a host to be asked.
    pub asks_host: bool,
}

impl Policy {
    /// Whether a license is left out that says this, and of which the host says that.
    pub fn denies(self, license: Right, host: Right) -> bool {
        match (host, license) {
            (Right::Denied, _) | (Right::NotStated, Right::Denied) => true,
            (Right::Allowed, _) | (Right::NotStated, Right::Allowed) => false,
            (Right::NotStated, Right::NotStated) => self.denies_unstated,
        }
    }
}
