//! The way of an archive's bytes into its file: as they are, or through an envelope.

use super::readback::Expected;
use crate::error::Result;

/// Whatever takes bytes in order, and nothing back.
pub trait Append {
    fn append(&mut self, data: &[u8]) -> Result<()>;
}

/// Takes the frames of an archive in order.
pub trait Output {
    fn write(&mut self, data: &[u8]) -> Result<()>;

    /// Ends the file. What is to be read back from it; None: the frames, as they are.
    fn finish(self: Box<Self>) -> Result<Option<Vec<Expected>>>;
}

/// Frames as they are, one after the other.
pub struct Plain<'a>(pub &'a mut dyn Append);

impl Output for Plain<'_> {
    fn write(&mut self, data: &[u8]) -> Result<()> {
        self.0.append(data)
    }

    fn finish(self: Box<Self>) -> Result<Option<Vec<Expected>>> {
        Ok(None)
    }
}
