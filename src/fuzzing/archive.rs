//! A file, made of the input in one of three ways, read as a backup file.

mod reading;
mod scratch;

use reading::read;
use scratch::{LOCK, Scratch};

use crate::archive::cut::LARGEST_WHOLE;
use crate::archive::frame::{self, Frame, Licenses, Packer};
use crate::archive::segments::Segments;
use crate::archive::writer::Writer;
use crate::archive::{FRAME_CONTENT, Info, LICENSES_FOLDER, MEMBER_OVERHEAD, member};
use crate::name::LONGEST;
use crate::sys::Time;

/// A file, made of the input in one of three ways, read as a backup file.
pub fn archive(input: &[u8]) {
    let mut input = Input(input);
    match input.byte() % 3 {
        0 => {
            read(&Scratch::with(input.0));
        }
        1 => archive_of_contents(&mut input),
        _ => archive_of_members(&mut input),
    }
}

/// Takes the input apart; there is always more of it, in zeros.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    fn array<const COUNT: usize>(&mut self) -> [u8; COUNT] {
        let bytes = self.bytes(COUNT);
        let mut array = [0; COUNT];
        array[..bytes.len()].copy_from_slice(bytes);
        array
    }

    fn byte(&mut self) -> u8 {
        u8::from_le_bytes(self.array())
    }

    fn short(&mut self) -> usize {
        u16::from_le_bytes(self.array()).into()
    }

    /// Long, without being long in the input.
    fn repeated(&mut self, length: usize) -> Vec<u8> {
        let part = self.byte().into();
        let mut part = self.bytes(part).to_vec();
        part.push(0);
        let mut repeated = part.repeat(length.div_ceil(part.len()));
        repeated.truncate(length);
        repeated
    }
}

fn pack(content: &[u8], compressed: bool) -> Frame {
    if !compressed {
        return frame::store(content);
    }
    let mut packer = Packer::new(1).expect("memory");
    let (seal, data) = packer.pack(content, false, || Ok(())).expect("memory");
    Frame {
        seal,
        data: data.to_vec(),
    }
}

/// A frame, and the name of the license that its content begins with, or else goes on with.
fn as_licenses(frame: Frame, content: &[u8], last: &mut Vec<u8>) -> Licenses {
    let mut path = Vec::new();
    if member::read_header(content, &mut path, &mut Vec::new()).is_some() {
        *last = path
            .strip_prefix(LICENSES_FOLDER)
            .unwrap_or_default()
            .to_vec();
    }
    let first = last.clone();
    // Others may be in the frame too, and the next one may go on with the last of them.
    let mut rest = content;
    while let Some(header) = member::read_header(rest, &mut path, &mut Vec::new()) {
        *last = path
            .strip_prefix(LICENSES_FOLDER)
            .unwrap_or_default()
            .to_vec();
        let end = header.length as u64 + header.size.next_multiple_of(512);
        rest = rest.get(end as usize..).unwrap_or_default();
    }
    Licenses {
        seal: frame.seal,
        data: Segments::of(frame.data),
        first,
        source: None,
        origin: None,
    }
}

fn info(input: &mut Input<'_>) -> Info {
    let length = input.byte().into();
    // Before the year 2242, after which a time does not fit the header that opens a backup file.
    let created = i64::from_le_bytes(input.array()) & ((1 << 33) - 1);
    Info {
        format: 1,
        created,
        library: "1.0.0".to_owned(),
        device: String::from_utf8_lossy(input.bytes(length)).into_owned(),
        store: "directory".to_owned(),
    }
}

/// Frames with any content.
fn archive_of_contents(input: &mut Input<'_>) {
    let flags = input.byte();
    let compressed = flags & 1 != 0;
    let info = (flags & 2 != 0).then(|| info(input));
    let mut contents = Vec::new();
    while !input.0.is_empty() {
        let length = input.short();
        contents.push(input.bytes(length));
    }
    let Some(info) = info else {
        let frames = contents.iter().enumerate();
        let frames = frames.map(|(at, content)| pack(content, compressed && at > 0).data);
        read(&Scratch::with(&frames.collect::<Vec<_>>().concat()));
        return;
    };
    let write = |writer: &mut Writer<'_>| {
        let mut last = Vec::new();
        for content in &contents {
            let frame = as_licenses(pack(content, compressed), content, &mut last);
            writer.write(frame).expect("memory");
        }
    };
    // Without the right numbers, the summary is wrong; but they are known afterwards.
    let first = read(&Scratch::write(&info, None, |writer| {
        write(writer);
        (u64::MAX, 0)
    }));
    assert!(!first.whole);
    let second = read(&Scratch::write(&info, None, |writer| {
        write(writer);
        (first.names.len() as u64, first.bytes)
    }));
    let sound = first.frames == contents.len() && !first.goes_on;
    assert_eq!(second.whole, sound);
}

/// Members as backups write them, and then perhaps something that is wrong with them.
fn archive_of_members(input: &mut Input<'_>) {
    let flags = input.byte();
    let mut has_large = flags & 2 != 0;
    let info = info(input);
    let mut frames = vec![Vec::new()];
    let (mut licenses, mut bytes, mut sound) = (0_u64, 0, true);
    let mut changes = Vec::new();
    while !input.0.is_empty() {
        let last = frames.last_mut().expect("the first one");
        match input.byte() % 8 {
            kind @ 0..=2 => {
                sound &= kind < 2;
                let path = path_of_member(input, kind, licenses);
                let modified = time(input);
                let length = length_of_member(input, &mut has_large);
                let data = input.repeated(length);
                add_member(&mut frames, &path, modified, &data);
                licenses += 1;
                bytes += data.len() as u64;
            }
            3 => frames.push(Vec::new()),
            4 => {
                sound = false;
                let at = input.short();
                let value = input.byte();
                let end = last.len();
                if let Some(byte) = end.checked_sub(at + 1).map(|at| &mut last[at]) {
                    *byte ^= value;
                }
            }
            5 => {
                sound = false;
                change_header(last, input);
            }
            6 => {
                sound = false;
                let length = input.short();
                last.extend_from_slice(input.bytes(length));
            }
            _ => {
                changes.push((input.short(), input.byte()));
            }
        }
    }
    frames.retain(|frame| !frame.is_empty());
    let lock = LOCK.as_ref().filter(|_| flags & 4 != 0);
    let scratch = Scratch::write(&info, lock, |writer| {
        let mut last = Vec::new();
        for content in &frames {
            let frame = as_licenses(pack(content, flags & 1 != 0), content, &mut last);
            writer.write(frame).expect("memory");
        }
        (licenses, bytes)
    });
    let seen = read(&scratch);
    assert!(!sound || seen.whole);
    if seen.whole && !changes.is_empty() {
        assert_changes_are_noticed(&scratch, changes);
    }
}

/// A name in order and right; of the kind 2, any.
fn path_of_member(input: &mut Input<'_>, kind: u8, licenses: u64) -> Vec<u8> {
    let mut path = LICENSES_FOLDER.to_vec();
    let length = match kind {
        0 => input.byte().into(),
        _ => input.short() % (LONGEST + 2),
    };
    let mut name = input.repeated(length);
    if kind < 2 {
        path.extend(format!("{licenses:06}").bytes());
        name.retain(|byte| !matches!(byte, 0 | b'/'));
        name.truncate(LONGEST - 6);
    }
    path.extend(name);
    path
}

/// One that is large is enough, and takes long enough.
fn length_of_member(input: &mut Input<'_>, has_large: &mut bool) -> usize {
    if input.byte() != 0 || !std::mem::take(has_large) {
        return input.short() % 4096;
    }
    let around = [LARGEST_WHOLE as usize, FRAME_CONTENT, 2 * FRAME_CONTENT];
    around[input.short() % around.len()] + input.short() % 3 - 1
}

/// No byte of a backup file can change unnoticed.
fn assert_changes_are_noticed(scratch: &Scratch, changes: Vec<(usize, u8)>) {
    let right = scratch.content();
    let mut wrong = right.clone();
    for (at, value) in changes {
        let at = match at % 2 {
            0 => at / 2 % wrong.len(),
            _ => wrong.len() - 1 - at / 2 % wrong.len(),
        };
        wrong[at] ^= value;
    }
    assert_eq!(read(&Scratch::with(&wrong)).whole, wrong == right);
    wrong.truncate(right.len() - 1);
    assert!(!read(&Scratch::with(&wrong)).whole);
}

fn time(input: &mut Input<'_>) -> Time {
    let kind = input.byte();
    Time {
        seconds: match kind % 3 {
            0 => u32::from_le_bytes(input.array()).into(),
            1 => i64::from_le_bytes(input.array()) >> 24,
            _ => i64::from_le_bytes(input.array()),
        },
        nanoseconds: match kind / 3 % 2 {
            0 => 0,
            _ => u32::from_le_bytes(input.array()) % 1_000_000_000,
        },
    }
}

/// Adds a license, in as many frames as a backup would take for it.
fn add_member(frames: &mut Vec<Vec<u8>>, path: &[u8], modified: Time, data: &[u8]) {
    let size = data.len() as u64;
    let full = frames.last().is_none_or(|frame| {
        !frame.is_empty() && frame.len() + data.len() + MEMBER_OVERHEAD > FRAME_CONTENT
    });
    if full || size > LARGEST_WHOLE {
        frames.push(Vec::new());
    }
    let mut content = frames.pop().unwrap_or_default();
    member::write_header(&mut content, path, size, modified);
    if size > LARGEST_WHOLE {
        for piece in data.chunks(FRAME_CONTENT) {
            content.extend_from_slice(piece);
            frames.push(std::mem::take(&mut content));
        }
        content = frames.pop().unwrap_or_default();
    } else {
        content.extend_from_slice(data);
    }
    member::pad(&mut content, size);
    frames.push(content);
    if size > LARGEST_WHOLE {
        frames.push(Vec::new());
    }
}

/// Changes a header so that its checksum is right again: what else is wrong must be seen.
fn change_header(content: &mut [u8], input: &mut Input<'_>) {
    let blocks = content.len() / 512;
    let (block, at, value) = (usize::from(input.byte()), input.short() % 512, input.byte());
    let Some(block) = block.checked_rem(blocks) else {
        return;
    };
    let header = &mut content[512 * block..][..512];
    header[at] ^= value;
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
