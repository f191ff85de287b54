//! What the workers of a backup share, and what each has of its own.

use std::sync::Arc;

use super::reuse::Reuse;
use super::rights::Judge;
use super::source::{Range, Sources};
use crate::archive::frame::Packer;
use crate::archive::segments::Pool;
use crate::operation::Control;
use crate::rights::Policy;
use crate::scratch::Scratch;
use crate::store::{Contents, ReadAhead, Reader, Waits};

/// What the workers of a backup share.
pub struct Packing<'a> {
    pub contents: Arc<dyn Contents>,
    pub control: &'a Control,
    pub level: i32,
    pub partial: bool,
    pub policy: Policy,
    /// None when one thread does everything.
    pub ahead: Option<Box<dyn ReadAhead>>,
    /// Where databases are copied to that others wait for.
    pub scratch: &'a Scratch,
    pub sources: Sources,
    /// The frames of the earlier backup that may be taken from there.
    pub reuse: Option<Reuse<'a>>,
    /// For frames that wait to be written.
    pub memory: Pool,
}

impl Packing<'_> {
    /// Reads nothing ahead any more, so that its descriptors can be opened again.
    pub fn end_read_ahead(&self) {
        if let Some(ahead) = &self.ahead {
            ahead.end();
        }
    }
}

/// What one worker has of its own.
pub struct Worker {
    pub reader: Box<dyn Reader>,
    pub packer: Packer,
    /// The content of the frame that is being made.
    pub content: Vec<u8>,
    /// The path of the member that is being made.
    pub path: Vec<u8>,
    pub judge: Judge,
    pub waits: Waits,
    /// What the frame that is being made is made from.
    pub range: Range,
}
