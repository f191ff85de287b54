//! A file of a store that is open to be read.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A file of a store that is open to be read.
#[derive(Debug)]
pub struct StoreFile(OwnedFd);

impl From<OwnedFd> for StoreFile {
    fn from(file: OwnedFd) -> Self {
        StoreFile(file)
    }
}

impl AsFd for StoreFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
