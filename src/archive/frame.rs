//! Frames: pieces of the archive, each compressed and hashed on its own.

use zstd_safe::{CCtx, CParameter, CompressionLevel, DCtx};

use crate::error::{Error, Result};

/// What is known of a frame once it is packed.
#[derive(Clone, Copy)]
pub struct Seal {
    /// Bytes of content.
    pub length: u64,
    /// BLAKE3 of the content.
    pub hash: blake3::Hash,
}

/// A packed frame.
pub struct Frame {
    pub seal: Seal,
    /// The zstd frame.
    pub data: Vec<u8>,
}

/// Packs frames; one a worker.
pub struct Packer(CCtx<'static>);

impl Packer {
    pub fn new(level: CompressionLevel) -> Result<Self> {
        let mut context = CCtx::try_create().ok_or(Error::Memory("compression"))?;
        for parameter in [
            CParameter::CompressionLevel(level),
            CParameter::ChecksumFlag(true),
        ] {
            context.set_parameter(parameter).map_err(failed)?;
        }
        Ok(Packer(context))
    }

    /// Packs `content` into `data`, whose memory is used again.
    pub fn pack(&mut self, content: &[u8], mut data: Vec<u8>) -> Result<Frame> {
        data.clear();
        data.reserve(zstd_safe::compress_bound(content.len()));
        self.0.compress2(&mut data, content).map_err(failed)?;
        let seal = Seal {
            length: content.len() as u64,
            hash: blake3::hash(content),
        };
        Ok(Frame { seal, data })
    }
}

/// Unpacks frames; one a worker.
pub struct Unpacker(DCtx<'static>);

impl Unpacker {
    pub fn new() -> Result<Self> {
        let context = DCtx::try_create().ok_or(Error::Memory("decompression"))?;
        Ok(Unpacker(context))
    }

    /// Whether `data` is a frame whose content has this seal. `content` is used as memory.
    pub fn matches(&mut self, data: &[u8], seal: &Seal, content: &mut Vec<u8>) -> bool {
        content.clear();
        content.reserve(seal.length as usize);
        self.0.decompress(content, data).is_ok()
            && content.len() as u64 == seal.length
            && blake3::hash(content) == seal.hash
    }
}

/// zstd fails to compress only for want of memory, unless we misuse it.
fn failed(code: usize) -> Error {
    match zstd_safe::get_error_name(code) {
        name if name.contains("emory") => Error::Memory("compression"),
        name => Error::Defect(format!("zstd: {name}")),
    }
}
