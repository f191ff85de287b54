//! The values of a row (<https://www.sqlite.org/fileformat.html>, 2.1).

use std::ops::Range;

use super::tree::{Encoding, Pages, Record, Result, damaged, varint};
use super::view::Content;

/// What a value is, and where in the row it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub kind: u64,
    pub range: Range<u64>,
}

/// A value that is read.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    /// In UTF-8, if it was written as it should be.
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// Bytes of the longest description of a row that is looked at: some thousand columns.
const LONGEST_HEADER: u64 = 64 << 10;

/// Bytes of a value of this kind; None for a kind that there is not.
fn length(kind: u64) -> Option<u64> {
    match kind {
        0 | 8 | 9 => Some(0),
        1..=4 => Some(kind),
        5 => Some(6),
        6 | 7 => Some(8),
        10 | 11 => None,
        kind => Some((kind - 12) / 2),
    }
}

/// The fields that the beginning of a row describes, if it is all there; `length` is that of the
/// whole row. None when that is impossible.
pub fn fields(header: &[u8], whole: u64) -> Option<Vec<Field>> {
    let (size, mut at) = varint(header, 0)?;
    let size = usize::try_from(size).ok()?;
    let header = header.get(..size)?;
    let mut fields = Vec::new();
    let mut begin = size as u64;
    while at < size {
        let (kind, next) = varint(header, at)?;
        let end = begin.checked_add(length(kind)?)?;
        if end > whole {
            return None;
        }
        fields.push(Field {
            kind,
            range: begin..end,
        });
        (at, begin) = (next, end);
    }
    (at == size && begin == whole).then_some(fields)
}

impl<C: Content> Pages<'_, C> {
    /// The fields of a row.
    pub fn fields(&self, record: &Record<'_>) -> Result<Vec<Field>> {
        let impossible = || damaged("the description of a row is damaged");
        let mut header = Vec::new();
        let size = match varint(record.local, 0) {
            Some((size, _)) if size <= LONGEST_HEADER.min(record.length) => size,
            _ => return impossible(),
        };
        self.read_record(record, 0..size, &mut header)?;
        fields(&header, record.length).map_or_else(impossible, Ok)
    }

    /// A value of a row that has no more than `most` bytes; None when it has more.
    pub fn value(&self, record: &Record<'_>, field: &Field, most: u64) -> Result<Option<Value>> {
        if field.range.end - field.range.start > most {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.read_record(record, field.range.clone(), &mut bytes)?;
        Ok(Some(decode(field.kind, bytes, self.format.encoding)))
    }

    /// Bytes of a value, as a text in UTF-8 if it is a number.
    pub fn value_length(&self, record: &Record<'_>, field: &Field) -> Result<u64> {
        let length = field.range.end - field.range.start;
        let number = match field.kind {
            0 | 12.. => return Ok(length),
            _ => self.value(record, field, length)?,
        };
        Ok(match number {
            Some(Value::Integer(number)) => number.to_string().len() as u64,
            Some(Value::Real(number)) => number.to_string().len() as u64,
            _ => length,
        })
    }
}

fn decode(kind: u64, bytes: Vec<u8>, encoding: Encoding) -> Value {
    let integer = || {
        let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
        let start = if negative { -1 } else { 0 };
        bytes
            .iter()
            .fold(start, |sum, &byte| (sum << 8) | i64::from(byte))
    };
    match kind {
        0 | 10 | 11 => Value::Null,
        1..=6 => Value::Integer(integer()),
        7 => Value::Real(f64::from_bits(integer() as u64)),
        8 => Value::Integer(0),
        9 => Value::Integer(1),
        kind if kind % 2 == 0 => Value::Blob(bytes),
        _ => Value::Text(to_utf8(bytes, encoding)),
    }
}

fn to_utf8(bytes: Vec<u8>, encoding: Encoding) -> Vec<u8> {
    let read = match encoding {
        Encoding::Utf8 => return bytes,
        Encoding::Utf16Low => u16::from_le_bytes,
        Encoding::Utf16High => u16::from_be_bytes,
    };
    let units = bytes.chunks_exact(2).map(|two| read([two[0], two[1]]));
    let text: String = char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_row_says_of_itself() {
        // NULL, 1, an integer of 2 bytes, a text of 3, a blob of 2.
        let header = [6, 0, 9, 2, 19, 16];
        let found = fields(&header, 13).expect("impossible");
        let ranges: Vec<_> = found.iter().map(|field| field.range.clone()).collect();
        assert_eq!(ranges, [6..6, 6..6, 6..8, 8..11, 11..13]);
        for (header, whole) in [
            (&header[..], 12),      // longer than the row
            (&header[..5], 13),     // cut off
            (&[3, 0, 10][..], 9),   // a kind that there is not
            (&[3, 0, 0x81][..], 9), // a number without an end
            (&[][..], 9),
            (&[0x80][..], 9),
            (
                &[10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF][..],
                9,
            ),
        ] {
            assert_eq!(fields(header, whole), None, "{header:?}");
        }
    }

    #[test]
    fn values() {
        let utf8 = Encoding::Utf8;
        for (kind, bytes, value) in [
            (0, &[][..], Value::Null),
            (1, &[0xFF], Value::Integer(-1)),
            (2, &[0x7F, 0xFF], Value::Integer(32767)),
            (3, &[0x80, 0, 0], Value::Integer(-(1 << 23))),
            (6, &[0x80, 0, 0, 0, 0, 0, 0, 0], Value::Integer(i64::MIN)),
            (7, &[0x3F, 0xF8, 0, 0, 0, 0, 0, 0], Value::Real(1.5)),
            (8, &[], Value::Integer(0)),
            (9, &[], Value::Integer(1)),
            (16, b"ab", Value::Blob(b"ab".to_vec())),
            (17, b"ab", Value::Text(b"ab".to_vec())),
        ] {
            assert_eq!(decode(kind, bytes.to_vec(), utf8), value, "{kind}");
        }
        let wide = |encoding, bytes: &[u8]| decode(21, bytes.to_vec(), encoding);
        assert_eq!(
            wide(Encoding::Utf16Low, b"\xE9\0x\0"),
            Value::Text("éx".into())
        );
        assert_eq!(
            wide(Encoding::Utf16High, b"\0\xE9\0x"),
            Value::Text("éx".into())
        );
        assert_eq!(
            wide(Encoding::Utf16High, b"\xD8\0\0x"),
            Value::Text("\u{FFFD}x".into())
        );
    }
}
