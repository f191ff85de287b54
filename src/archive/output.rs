//! The way of an archive's bytes into its file: as they are, or through an envelope.

use super::readback::Expected;
use crate::error::{Error, Result};
use crate::sys::Part;

/// Whatever takes bytes in order.
pub trait Append {
    fn append(&mut self, data: &[u8]) -> Result<()>;

    /// Whether what was appended can be taken back.
    fn takes_back(&self) -> bool;

    /// Takes the last bytes back, where that can be done.
    fn take_back(&mut self, bytes: u64) -> Result<()>;

    /// Appends a part of the file that is replaced, where its blocks can be shared; false where
    /// they cannot.
    fn share(&mut self, part: Part) -> Result<bool>;
}

/// Takes the frames of an archive in order.
pub trait Output {
    fn write(&mut self, data: &[u8]) -> Result<()>;

    /// Whether what was written can be taken back. What others can make of it by then, as those
    /// do who read a pipe, cannot.
    fn takes_back(&self) -> bool {
        false
    }

    /// Takes the last bytes back, where that can be done.
    fn take_back(&mut self, _bytes: u64) -> Result<()> {
        Err(Error::Defect("what is only appended to, cut".to_owned()))
    }

    /// Writes what is a part of the file that is replaced, where that can be shared.
    fn share(&mut self, _part: Part) -> Result<bool> {
        Ok(false)
    }

    /// Ends the file. What is to be read back from it; None: the frames, as they are.
    fn finish(self: Box<Self>) -> Result<Option<Vec<Expected>>>;
}

/// Frames as they are, one after the other.
pub struct Plain<'a>(pub &'a mut dyn Append);

impl Output for Plain<'_> {
    fn write(&mut self, data: &[u8]) -> Result<()> {
        self.0.append(data)
    }

    fn takes_back(&self) -> bool {
        self.0.takes_back()
    }

    fn take_back(&mut self, bytes: u64) -> Result<()> {
        self.0.take_back(bytes)
    }

    fn share(&mut self, part: Part) -> Result<bool> {
        self.0.share(part)
    }

    fn finish(self: Box<Self>) -> Result<Option<Vec<Expected>>> {
        Ok(None)
    }
}
