//! Frames: pieces of the archive, each compressed and hashed on its own.

use zstd_safe::{CCtx, CParameter, CompressionLevel, DCtx};

use crate::error::{Error, Result};

/// Binary logarithms of window sizes. Changing the window makes zstd set up its tables
/// again, so all usual frames have the same.
const SMALLEST_WINDOW: u32 = 21;
/// What every zstd decoder accepts without being asked to (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`).
const LARGEST_WINDOW: u32 = 27;

/// What is known of a frame once it is packed.
#[derive(Clone, Copy, PartialEq)]
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
        // A window as large as the content, so that the frame has one form of header only
        // (single segment), and matches reach back to its beginning.
        let window = content.len().next_power_of_two().ilog2();
        let window = CParameter::WindowLog(window.clamp(SMALLEST_WINDOW, LARGEST_WINDOW));
        self.0.set_parameter(window).map_err(failed)?;
        data.reserve(zstd_safe::compress_bound(content.len()));
        self.0.compress2(&mut data, content).map_err(failed)?;
        let seal = Seal {
            length: content.len() as u64,
            hash: blake3::hash(content),
        };
        Ok(Frame { seal, data })
    }
}

/// How a frame's data is not what it should be.
pub struct Damaged;

/// The content size that a frame of ours declares, from its header (RFC 8878, 3.1.1.1);
/// None when it is not in the one form that [`Packer`] gives it: content size in as few
/// bytes as it takes, single segment, checksum, no dictionary, and no other bit set.
/// `data` holds the header at least.
pub fn declared_length(data: &[u8]) -> Option<u64> {
    let rest = data.strip_prefix(&MAGIC)?;
    let (&descriptor, rest) = rest.split_first()?;
    // Bit 5: single segment; bit 2: checksum; bits 7 and 6: how long the content size is.
    if descriptor & 0b0011_1111 != 0b0010_0100 {
        return None;
    }
    let field = |bytes: usize| -> Option<u64> {
        let bytes = rest.get(..bytes)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0, |value, &byte| value << 8 | u64::from(byte)),
        )
    };
    match descriptor >> 6 {
        0 => field(1),
        1 => Some(field(2)? + 256),
        2 => field(4).filter(|&size| size >= 65_536 + 256),
        _ => field(8).filter(|&size| size > u64::from(u32::MAX)),
    }
}

/// The bytes a zstd frame begins with.
pub const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// Bytes of a frame's header at the most.
pub const HEADER: usize = 18;

/// Unpacks frames; one a worker.
pub struct Unpacker(DCtx<'static>);

impl Unpacker {
    pub fn new() -> Result<Self> {
        let context = DCtx::try_create().ok_or(Error::Memory("decompression"))?;
        Ok(Unpacker(context))
    }

    /// Unpacks a frame, whose content is `length` bytes long, into `content`.
    pub fn unpack(
        &mut self,
        data: &[u8],
        length: u64,
        content: &mut Vec<u8>,
    ) -> std::result::Result<Seal, Damaged> {
        content.clear();
        content.reserve(length as usize);
        match self.0.decompress(content, data) {
            Ok(_) if content.len() as u64 == length => Ok(Seal {
                length,
                hash: blake3::hash(content),
            }),
            _ => Err(Damaged),
        }
    }
}

/// zstd fails to compress only for want of memory, unless we misuse it.
fn failed(code: usize) -> Error {
    match zstd_safe::get_error_name(code) {
        name if name.contains("emory") => Error::Memory("compression"),
        name => Error::Defect(format!("zstd: {name}")),
    }
}
