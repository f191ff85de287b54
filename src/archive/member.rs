//! Members of the tar archive, in their one canonical form.
//!
//! POSIX.1-2001 ("pax") over the ustar header: field offsets and record syntax are those of
//! the `pax` utility's specification, sections "ustar Interchange Format" and "pax Header
//! Block".

use std::io::Write;

use crate::sys::Time;

/// Headers and contents fill whole blocks.
const BLOCK: usize = 512;

/// What an 11-digit octal field holds at the most.
const OCTAL_11: u64 = 0o77_777_777_777;

const NAME: std::ops::Range<usize> = 0..100;
const PREFIX: std::ops::Range<usize> = 345..500;
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// A block of zeros, of which a content's last one is filled with fewer.
pub const ZEROS: [u8; BLOCK] = [0; BLOCK];

/// Two blocks of zeros end the archive.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The value of the ustar field for a time, where that can hold it.
fn time_field(time: Time) -> Option<u64> {
    u64::try_from(time.seconds)
        .ok()
        .filter(|&seconds| time.nanoseconds == 0 && seconds <= OCTAL_11)
}

/// Writes a decimal number of seconds, without zeros at the end of the fraction.
fn write_decimal(out: &mut Vec<u8>, time: Time) {
    let negative = time.seconds < 0;
    let (whole, fraction) = match (negative, time.nanoseconds) {
        (true, 1..) => (
            (time.seconds + 1).unsigned_abs(),
            1_000_000_000 - time.nanoseconds,
        ),
        _ => (time.seconds.unsigned_abs(), time.nanoseconds),
    };
    if negative {
        out.push(b'-');
    }
    append(out, format_args!("{whole}"));
    if fraction != 0 {
        append(out, format_args!(".{fraction:09}"));
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// Appends to memory, which cannot fail.
fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// Appends the header of a regular file, and the pax header before it where the ustar one
/// cannot say everything. The content follows, and then [`pad`].
pub fn write_header(out: &mut Vec<u8>, path: &[u8], size: u64, modified: Time) {
    let split = path.is_ascii().then(|| split(path)).flatten();
    let modified_field = time_field(modified);
    let size_field = (size <= OCTAL_11).then_some(size);
    if split.is_none() || modified_field.is_none() || size_field.is_none() {
        let start = out.len();
        out.extend_from_slice(&[0; BLOCK]);
        if split.is_none() && std::str::from_utf8(path).is_err() {
            write_record(out, b"hdrcharset", b"BINARY");
        }
        if modified_field.is_none() {
            let mut decimal = Vec::with_capacity(32);
            write_decimal(&mut decimal, modified);
            write_record(out, b"mtime", &decimal);
        }
        if split.is_none() {
            write_record(out, b"path", path);
        }
        if size_field.is_none() {
            write_record(out, b"size", size.to_string().as_bytes());
        }
        let records = out.len() - start - BLOCK;
        pad(out, records as u64);
        let header = &mut out[start..start + BLOCK];
        fill(header, b"", b"PaxHeaders/license", records as u64, 0, b'x');
    }
    let start = out.len();
    out.extend_from_slice(&[0; BLOCK]);
    let mut substitute = [0; NAME.end];
    let (prefix, name) = split.unwrap_or_else(|| (&b""[..], stand_in(path, &mut substitute)));
    fill(
        &mut out[start..],
        prefix,
        name,
        size_field.unwrap_or(0),
        // Whole seconds, for readers that do not know the pax record.
        u64::try_from(modified.seconds).map_or(0, |seconds| seconds.min(OCTAL_11)),
        b'0',
    );
}

/// What a header says, besides the path.
#[derive(Clone, Copy)]
pub struct Header {
    pub size: u64,
    pub modified: Time,
    /// Bytes of the header itself, the pax header included.
    pub length: usize,
}

/// Reads the header that `content` begins with, and the path into `path`. None when it is
/// not exactly what [`write_header`] makes of what it says: whatever else is strange about
/// it, it is not of ours.
pub fn read_header(content: &[u8], path: &mut Vec<u8>, scratch: &mut Vec<u8>) -> Option<Header> {
    path.clear();
    let mut header = content.get(..BLOCK)?;
    let mut extended = &content[..0];
    let mut length = BLOCK;
    if header[156] == b'x' {
        let size = usize::try_from(read_octal(&header[124..135])?).ok()?;
        let end = BLOCK.checked_add(size)?;
        extended = content.get(BLOCK..end)?;
        let start = end.next_multiple_of(BLOCK);
        length = start + BLOCK;
        header = content.get(start..length)?;
    }
    let mut size = read_octal(&header[124..135])?;
    let mut modified = Time {
        seconds: i64::try_from(read_octal(&header[136..147])?).ok()?,
        nanoseconds: 0,
    };
    let prefix = until_nul(&header[PREFIX]);
    path.extend_from_slice(prefix);
    if !prefix.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(until_nul(&header[NAME]));
    while !extended.is_empty() {
        let (key, value) = read_record(&mut extended)?;
        match key {
            b"hdrcharset" => {}
            b"mtime" => modified = read_decimal(value)?,
            b"path" => {
                path.clear();
                path.extend_from_slice(value);
            }
            b"size" => size = std::str::from_utf8(value).ok()?.parse().ok()?,
            _ => return None,
        }
    }
    scratch.clear();
    write_header(scratch, path, size, modified);
    (scratch.as_slice() == &content[..length]).then_some(Header {
        size,
        modified,
        length,
    })
}

fn until_nul(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0);
    &field[..end.unwrap_or(field.len())]
}

fn read_octal(field: &[u8]) -> Option<u64> {
    field.iter().try_fold(0, |value, &digit| match digit {
        b'0'..=b'7' => Some(value << 3 | u64::from(digit - b'0')),
        _ => None,
    })
}

/// Takes the first record off the front.
fn read_record<'a>(records: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let space = records.iter().take(20).position(|&byte| byte == b' ')?;
    let length: usize = std::str::from_utf8(&records[..space]).ok()?.parse().ok()?;
    let record = records.get(space + 1..length)?.strip_suffix(b"\n")?;
    *records = &records[length..];
    let equals = record.iter().position(|&byte| byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..]))
}

/// The time that [`write_decimal`] wrote.
fn read_decimal(text: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(text).ok()?;
    let (digits, negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() > 9 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let fraction: u32 = format!("{fraction:0<9}").parse().ok()?;
    let seconds = i64::try_from(i128::from(whole) * if negative { -1 } else { 1 }).ok()?;
    match (negative, fraction) {
        (true, 1..=999_999_999) => Some(Time {
            seconds: seconds.checked_sub(1)?,
            nanoseconds: 1_000_000_000 - fraction,
        }),
        _ => Some(Time {
            seconds,
            nanoseconds: fraction,
        }),
    }
}

/// The bytes that [`pad`] appends.
pub fn padding(size: u64) -> usize {
    (size.next_multiple_of(BLOCK as u64) - size) as usize
}

/// Appends the zeros that fill a content's last block.
pub fn pad(out: &mut Vec<u8>, size: u64) {
    out.resize(out.len() + padding(size), 0);
}

/// Prefix and name of a ustar header: everything in the name where it fits, else split at
/// the first slash that leaves a name that fits.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= NAME.len() {
        return Some((b"", path));
    }
    let earliest = path.len() - NAME.len() - 1;
    let slash = earliest + path[earliest..].iter().position(|&byte| byte == b'/')?;
    let fits = slash <= PREFIX.len() && slash + 1 < path.len();
    fits.then(|| (&path[..slash], &path[slash + 1..]))
}

/// A name for readers that do not know the pax record `path`: the last component in the
/// license folder, with `_` for what is not ASCII.
fn stand_in<'a>(path: &[u8], buffer: &'a mut [u8; NAME.end]) -> &'a [u8] {
    let folder = super::LICENSES_FOLDER;
    let last = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let length = last.len().min(buffer.len() - folder.len());
    buffer[..folder.len()].copy_from_slice(folder);
    for (to, &from) in buffer[folder.len()..].iter_mut().zip(&last[..length]) {
        *to = if from.is_ascii() { from } else { b'_' };
    }
    &buffer[..folder.len() + length]
}

/// Fills in a header block of zeros.
fn fill(header: &mut [u8], prefix: &[u8], name: &[u8], size: u64, modified: u64, kind: u8) {
    header[NAME][..name.len()].copy_from_slice(name);
    header[100..107].copy_from_slice(b"0000600");
    header[108..115].copy_from_slice(b"0000000");
    header[116..123].copy_from_slice(b"0000000");
    write_octal(&mut header[124..135], size);
    write_octal(&mut header[136..147], modified);
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[329..336].copy_from_slice(b"0000000");
    header[337..344].copy_from_slice(b"0000000");
    header[PREFIX][..prefix.len()].copy_from_slice(prefix);
    // The checksum counts its own field as spaces.
    header[CHECKSUM].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    write_octal(&mut header[148..154], sum.into());
    header[154] = 0;
}

fn write_octal(field: &mut [u8], mut value: u64) {
    for digit in field.iter_mut().rev() {
        *digit = b'0' + (value & 7) as u8;
        value >>= 3;
    }
}

/// Appends a record `LENGTH KEY=VALUE\n`; the length counts itself.
fn write_record(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + digits(length) {
        length = rest + digits(length);
    }
    append(out, format_args!("{length} "));
    out.extend_from_slice(key);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

fn digits(number: usize) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}
