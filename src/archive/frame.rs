//! Frames: pieces of the archive, each compressed and hashed on its own.

use twox_hash::XxHash64;
use zstd_safe::zstd_sys::ZSTD_EndDirective::{ZSTD_e_continue, ZSTD_e_end};
use zstd_safe::{
    CCtx, CParameter, CompressionLevel, DCtx, DParameter, InBuffer, OutBuffer, ParamSwitch,
    ResetDirective,
};

use super::segments::Segments;
use crate::error::{Error, Result, reserve};

/// Binary logarithms of window sizes. Changing the window makes zstd set up its tables
/// again, so all usual frames have the same.
const SMALLEST_WINDOW: u32 = 22;
/// What every zstd decoder accepts without being asked to (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`).
const LARGEST_WINDOW: u32 = 27;

/// What is known of a frame once it is packed.
#[derive(Clone, Copy, PartialEq)]
pub struct Seal {
    /// Bytes of content.
    pub length: u64,
    /// BLAKE3 of the content.
    pub hash: blake3::Hash,
    /// Bytes of the zstd frame.
    pub stored: u64,
    /// XXH64 of the zstd frame. A compressed block has bits that no decoder looks at, so
    /// the content alone does not tell every change of the file.
    pub check: u64,
}

impl Seal {
    fn new(content: &[u8], data: &[u8]) -> Self {
        Seal {
            length: content.len() as u64,
            hash: blake3::hash(content),
            stored: data.len() as u64,
            check: XxHash64::oneshot(0, data),
        }
    }

    /// Whether it is that of a frame that declares so much content, as far as the frame itself
    /// tells.
    pub fn is_of(&self, data: &[u8], length: u64) -> bool {
        (self.length, self.stored) == (length, data.len() as u64)
            && self.check == XxHash64::oneshot(0, data)
    }
}

/// A number of 128 bits that changes with what a frame's licenses were made from; None where
/// that is not known.
pub type SourceHash = Option<[u8; 16]>;

/// A frame of licenses, and what the summary says of it besides.
pub struct Licenses {
    pub seal: Seal,
    /// The zstd frame; nothing where the file shares it with the one that is replaced.
    pub data: Segments,
    /// The name of the license that its content begins with.
    pub first: Vec<u8>,
    pub source: SourceHash,
    /// Where the same frame, and what pads it, begins in the file that is replaced, if that is not
    /// encrypted.
    pub origin: Option<u64>,
}

/// What level 1 does otherwise than zstd's: where nothing matches it goes on by larger steps, and
/// compresses what is left all the same (zstd does not, with such steps). Measured on mixed stores,
/// a quarter of the time, and no more size; with 6 and more the size grows by 1 %.
const LARGER_STEP: u32 = 5;

/// Binary logarithm of the entries of its table of matches. Together with what else a backup
/// touches it stays in the processor's first cache: one larger takes a tenth more of zstd's time
/// on mixed stores, for 1 % of size.
const SMALL_TABLE: u32 = 13;

/// What stands for level 1 where all is one large license, a database above all: little else is to
/// be done there, and matches are farther apart. 6 % smaller for a fifth more of zstd's time.
const LARGE_LEVEL: CompressionLevel = 2;

/// For what does not compress: half the time of level 1, 0.2 % larger.
const LEAST_LEVEL: CompressionLevel = -10;

/// The lowest level whose frames take so long (at 19, a second) that they are packed piece by
/// piece, so that a cancel need not wait for a whole one.
const SLOW_LEVEL: CompressionLevel = 10;

/// Bytes of such a piece: a block of zstd's, more than which it does not take at a time.
const PIECE: usize = 128 << 10;

/// A frame that is stored.
pub struct Frame {
    pub seal: Seal,
    /// The zstd frame.
    pub data: Vec<u8>,
}

/// What compresses: another version of it makes other frames of the same content.
pub fn packer_version() -> &'static str {
    zstd_safe::version_string()
}

/// Packs frames; one a worker.
pub struct Packer {
    context: CCtx<'static>,
    level: CompressionLevel,
    /// The last frame, in room for the longest.
    packed: Vec<u8>,
}

impl Packer {
    pub fn new(level: CompressionLevel) -> Result<Self> {
        let mut context = CCtx::try_create().ok_or(Error::Memory("compression"))?;
        context
            .set_parameter(CParameter::ChecksumFlag(true))
            .map_err(failed)?;
        Ok(Packer {
            context,
            level,
            packed: Vec::new(),
        })
    }

    /// Packs `content`: what is known of the frame, and the frame. `is_large` says that it is of
    /// one license that fills frames. An error of `check`, which is called now and then, ends it.
    pub fn pack(
        &mut self,
        content: &[u8],
        is_large: bool,
        check: impl Fn() -> Result<()>,
    ) -> Result<(Seal, &[u8])> {
        let (level, step, table, literals) = match self.level {
            _ if looks_random(content) => (LEAST_LEVEL, 0, 0, ParamSwitch::Auto),
            1 if is_large => (LARGE_LEVEL, 0, 0, ParamSwitch::Auto),
            1 => (1, LARGER_STEP, SMALL_TABLE, ParamSwitch::Enable),
            level => (level, 0, 0, ParamSwitch::Auto),
        };
        // A window as large as the content, so that the frame has one form of header only
        // (single segment), and matches reach back to its beginning.
        let window = content.len().next_power_of_two().ilog2();
        for parameter in [
            CParameter::CompressionLevel(level),
            CParameter::TargetLength(step),
            CParameter::HashLog(table),
            CParameter::LiteralCompressionMode(literals),
            CParameter::WindowLog(window.clamp(SMALLEST_WINDOW, LARGEST_WINDOW)),
        ] {
            self.context.set_parameter(parameter).map_err(failed)?;
        }
        self.packed.clear();
        let bound = zstd_safe::compress_bound(content.len());
        reserve(&mut self.packed, bound, "compression")?;
        if level < SLOW_LEVEL {
            let packed = self.context.compress2(&mut self.packed, content);
            packed.map_err(failed)?;
        } else {
            self.pack_in_pieces(content, check)?;
        }
        Ok((Seal::new(content, &self.packed), &self.packed))
    }

    /// Where there is room for all. The frame has the form of one that is packed in one go, since
    /// its length is known beforehand.
    fn pack_in_pieces(&mut self, content: &[u8], check: impl Fn() -> Result<()>) -> Result<()> {
        let context = &mut self.context;
        // An earlier frame may have been given up.
        context.reset(ResetDirective::SessionOnly).map_err(failed)?;
        context
            .set_pledged_src_size(Some(content.len() as u64))
            .map_err(failed)?;
        let mut output = OutBuffer::around(&mut self.packed);
        let mut step = |piece, directive| {
            let mut input = InBuffer::around(piece);
            let left = context
                .compress_stream2(&mut output, &mut input, directive)
                .map_err(failed)?;
            if input.pos == piece.len() && (left == 0 || directive == ZSTD_e_continue) {
                return Ok(());
            }
            Err(Error::Defect(
                "zstd: a frame is longer than its bound".into(),
            ))
        };
        for piece in content.chunks(PIECE) {
            check()?;
            step(piece, ZSTD_e_continue)?;
        }
        check()?;
        step(&[], ZSTD_e_end)
    }
}

/// Whether content does not compress, by a sample of its bytes: each value is about as frequent
/// as any other. What is repeated in it, headers among them, is found with the least effort too.
fn looks_random(content: &[u8]) -> bool {
    const PIECES: usize = 32;
    const PIECE: usize = 128;
    if content.len() < PIECES * PIECE {
        return false;
    }
    let mut counts = [0_u32; 256];
    for piece in 0..PIECES {
        let start = piece * (content.len() - PIECE) / (PIECES - 1);
        for &byte in &content[start..start + PIECE] {
            counts[usize::from(byte)] += 1;
        }
    }
    // Pairs of equal bytes, of random ones one in 256; text has three times as many, and more.
    let all = (PIECES * PIECE) as u32;
    let equal: u32 = counts
        .iter()
        .map(|count| count * count.saturating_sub(1))
        .sum();
    equal < all * (all - 1) / 256 * 2
}

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
pub(crate) const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// Bytes of a frame's header at the most.
pub(crate) const HEADER: usize = 18;

/// Bytes of a block at the most (RFC 8878, 3.1.1.2.4).
const BLOCK: usize = 128 << 10;

/// A frame that holds `content` as it is, not compressed. Every bit of it has a meaning, and
/// there is one right one.
pub fn store(content: &[u8]) -> Frame {
    let length = content.len() as u64;
    let mut data = Vec::with_capacity(content.len() + content.len() / BLOCK * 3 + 32);
    data.extend_from_slice(&MAGIC);
    // Single segment and checksum, as in a packed frame; then the content size.
    let (flag, size, bytes) = match length {
        0..=255 => (0, length, 1),
        256..=65_791 => (1, length - 256, 2),
        65_792..=0xFFFF_FFFF => (2, length, 4),
        _ => (3, length, 8),
    };
    data.push(flag << 6 | 0b0010_0100);
    data.extend_from_slice(&size.to_le_bytes()[..bytes]);
    let mut blocks = content.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        // Bit 0: the last block; bits 1 and 2: 0, a raw block; then its size.
        let header = (block.len() as u32) << 3 | u32::from(blocks.peek().is_none());
        data.extend_from_slice(&header.to_le_bytes()[..3]);
        data.extend_from_slice(block);
    }
    // The low half of the content's XXH64.
    let checksum = XxHash64::oneshot(0, content) as u32;
    data.extend_from_slice(&checksum.to_le_bytes());
    let seal = Seal::new(content, &data);
    Frame { seal, data }
}

/// Bytes of a stored frame of so much content at the most.
pub fn longest_stored(content: usize) -> u64 {
    (content + content.div_ceil(BLOCK) * 3 + HEADER + 4) as u64
}

/// A frame that every decoder skips, up to where the next one may begin: so that frames can be
/// shared between files, by whole blocks of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding(u64);

impl Padding {
    /// No padding.
    pub(crate) const NONE: Padding = Padding(0);

    /// What belongs behind a frame that ends at this offset in the archive.
    pub fn at(offset: u64) -> Self {
        let gap = offset.next_multiple_of(ALIGNMENT) - offset;
        Padding(if gap > 0 && gap < SKIPPABLE_HEADER as u64 {
            gap + ALIGNMENT
        } else {
            gap
        })
    }

    pub fn length(self) -> u64 {
        self.0
    }

    /// Appends the skippable frame (RFC 8878, 3.1.2), of zeros.
    pub fn write(self, out: &mut Vec<u8>) {
        if self.0 > 0 {
            let zeros = self.0 as usize - SKIPPABLE_HEADER;
            out.extend_from_slice(&PADDING_MAGIC);
            out.extend_from_slice(&(zeros as u32).to_le_bytes());
            out.resize(out.len() + zeros, 0);
        }
    }
}

/// Frames of licenses begin at multiples of this: the block size of all usual file systems.
const ALIGNMENT: u64 = 4096;

/// The bytes that padding begins with.
pub(crate) const PADDING_MAGIC: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();

/// A skippable frame's magic number and length.
const SKIPPABLE_HEADER: usize = 8;

/// Unpacks frames; one a worker.
pub struct Unpacker(DCtx<'static>);

impl Unpacker {
    pub fn new() -> Result<Self> {
        let context = DCtx::try_create().ok_or(Error::Memory("decompression"))?;
        Ok(Unpacker(context))
    }

    /// Unpacks a frame, whose content is `length` bytes long, into `content`. None when it is
    /// damaged.
    pub fn unpack(
        &mut self,
        data: &[u8],
        length: u64,
        content: &mut Vec<u8>,
    ) -> Result<Option<Seal>> {
        let is_whole = self.decompress(data, length, content, false)?;
        Ok(is_whole.then(|| Seal::new(content, data)))
    }

    /// The same of a frame that is known to be the one that was written, byte for byte: its content
    /// is not hashed. False when it is damaged all the same.
    pub fn unpack_known(
        &mut self,
        data: &[u8],
        length: u64,
        content: &mut Vec<u8>,
    ) -> Result<bool> {
        self.decompress(data, length, content, true)
    }

    fn decompress(
        &mut self,
        data: &[u8],
        length: u64,
        content: &mut Vec<u8>,
        is_known: bool,
    ) -> Result<bool> {
        content.clear();
        reserve(content, length as usize, "decompression")?;
        self.0
            .set_parameter(DParameter::ForceIgnoreChecksum(is_known))
            .map_err(failed)?;
        match self.0.decompress(content, data) {
            Ok(_) => Ok(content.len() as u64 == length),
            Err(code) if is_out_of_memory(code) => Err(Error::Memory("decompression")),
            Err(_) => Ok(false),
        }
    }
}

/// zstd fails to compress only for want of memory, unless we misuse it.
fn failed(code: usize) -> Error {
    if is_out_of_memory(code) {
        return Error::Memory("compression");
    }
    Error::Defect(format!("zstd: {}", zstd_safe::get_error_name(code)))
}

/// zstd's error codes are in no stable part of its interface, but its words for them are.
fn is_out_of_memory(code: usize) -> bool {
    zstd_safe::get_error_name(code).contains("not enough memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at / 7 % 251) as u8).collect()
    }

    #[test]
    fn frames_declare_their_content_in_one_form() {
        let mut packer = Packer::new(1).unwrap();
        for length in [1, 255, 256, 257, 65_791, 65_792, 1 << 20] {
            let content = content(length);
            let stored = store(&content);
            let packed = packer.pack(&content, false, || Ok(())).unwrap();
            for (seal, data) in [(stored.seal, &stored.data[..]), packed] {
                assert_eq!(declared_length(data), Some(length as u64), "{length}");
                let mut unpacked = Vec::new();
                let found = Unpacker::new()
                    .unwrap()
                    .unpack(data, length as u64, &mut unpacked)
                    .unwrap();
                assert!(found == Some(seal) && unpacked == content, "{length}");
            }
        }
    }

    #[test]
    fn other_headers_are_refused() {
        let sound = store(&content(300)).data;
        for (at, change) in [(0, 1), (4, 0x20), (4, 4), (4, 8), (4, 1)] {
            let mut data = sound.clone();
            data[at] ^= change;
            assert_eq!(declared_length(&data), None, "byte {at}");
        }
        assert_eq!(declared_length(&sound[..5]), None);
    }

    #[test]
    fn padding_reaches_the_next_block() {
        for (offset, length) in [
            (0, 0),
            (4096, 0),
            (1, 4095),
            (4088, 8),
            (4089, 7 + 4096),
            (8191, 1 + 4096),
        ] {
            let padding = Padding::at(offset);
            assert_eq!(padding.length(), length, "{offset}");
            let mut data = Vec::new();
            padding.write(&mut data);
            assert_eq!(data.len() as u64, length);
            assert!(length == 0 || zstd_safe::find_frame_compressed_size(&data) == Ok(data.len()));
        }
    }
}
