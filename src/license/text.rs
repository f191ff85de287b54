//! The forms of text that licenses are stored in: UTF-16, and the dialects of base64.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use crate::error::{Error, Result, reserve};

const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";
const LITTLE_ENDIAN_MARK: [u8; 2] = [0xFF, 0xFE];
const BIG_ENDIAN_MARK: [u8; 2] = [0xFE, 0xFF];

/// Whether this is text in UTF-16, by its byte order mark.
pub fn is_utf16(content: &[u8]) -> bool {
    content.starts_with(&LITTLE_ENDIAN_MARK) || content.starts_with(&BIG_ENDIAN_MARK)
}

/// UTF-16 as UTF-8 in `out`, without the byte order mark and blanks around the text; empty if
/// this is not UTF-16. Half a character at the end is left out: an excerpt may end there.
pub fn from_utf16<'a>(content: &[u8], out: &'a mut String) -> Result<&'a [u8]> {
    out.clear();
    let Some((mark, text)) = content.split_first_chunk::<2>() else {
        return Ok(&[]);
    };
    let unit = match *mark {
        LITTLE_ENDIAN_MARK => u16::from_le_bytes,
        BIG_ENDIAN_MARK => u16::from_be_bytes,
        _ => return Ok(&[]),
    };
    let (mut units, _) = text.as_chunks::<2>();
    if let [rest @ .., last] = units
        && (0xD800..0xDC00).contains(&unit(*last))
    {
        units = rest;
    }
    // No unit takes more than three bytes.
    out.try_reserve(3 * units.len())
        .map_err(|_| Error::Memory("a license"))?;
    for character in char::decode_utf16(units.iter().map(|bytes| unit(*bytes))) {
        match character {
            Ok(character) => out.push(character),
            Err(_) => return Ok(&[]),
        }
    }
    Ok(out.as_bytes().trim_ascii())
}

/// The content without a byte order mark of UTF-8 and without blanks around it.
pub fn trimmed(content: &[u8]) -> &[u8] {
    content
        .strip_prefix(UTF8_MARK)
        .unwrap_or(content)
        .trim_ascii()
}

/// The symbol of standard base64. Some components of WMDRM are said to write `!` and `*` for `+`
/// and `/` (a guess of our sources); nothing else uses those two.
fn standard(byte: u8) -> u8 {
    match byte {
        b'!' => b'+',
        b'*' => b'/',
        _ => byte,
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(standard(byte), b'+' | b'/' | b'=')
}

/// Whether this may be base64 of a license, judged by its first symbols; every license has more.
pub fn begins_base64(text: &[u8]) -> bool {
    const ENOUGH: usize = 32;
    let symbols = text.iter().filter(|byte| !byte.is_ascii_whitespace());
    let looked_at = symbols.take(ENOUGH).take_while(|byte| is_base64(**byte));
    looked_at.count() == ENOUGH
}

/// Decodes base64. Its memory serves for every text.
#[derive(Default)]
pub struct Base64 {
    symbols: Vec<u8>,
    bytes: Vec<u8>,
}

impl Base64 {
    /// The bytes that the text encodes, in either alphabet, with blanks anywhere, padded or not.
    /// None if the text is not base64.
    pub fn decode(&mut self, text: &[u8]) -> Result<Option<&[u8]>> {
        const TOLERANT: GeneralPurpose = GeneralPurpose::new(
            &alphabet::STANDARD,
            GeneralPurposeConfig::new()
                .with_decode_padding_mode(DecodePaddingMode::Indifferent)
                .with_decode_allow_trailing_bits(true),
        );
        let symbols = text.iter().filter(|byte| !byte.is_ascii_whitespace());
        self.symbols.clear();
        reserve(&mut self.symbols, text.len(), "a license")?;
        self.symbols.extend(symbols.copied().map(standard));
        self.bytes.clear();
        reserve(&mut self.bytes, text.len(), "a license")?;
        let decoded = TOLERANT.decode_vec(&self.symbols, &mut self.bytes);
        Ok(decoded.ok().map(|()| self.bytes.as_slice()))
    }
}

/// Standard base64 of 16 bytes, with padding.
pub struct EncodedId([u8; 24]);

impl EncodedId {
    pub fn new(id: &[u8; 16]) -> Self {
        let mut symbols = [b'='; 24];
        // 16 bytes make 22 symbols and two of padding, so there is room.
        let _ = STANDARD.encode_slice(id, &mut symbols);
        EncodedId(symbols)
    }

    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(to_bytes: fn(u16) -> [u8; 2], text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn texts_in_utf16() {
        let mut out = String::new();
        for (text, expected) in [
            ("\u{feff}<a/>", "<a/>"),
            ("\u{feff} \r\n<é\u{1F600}>\t", "<é\u{1F600}>"),
            ("\u{feff}", ""),
            ("<a/>", ""),
            ("", ""),
        ] {
            for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
                let content = utf16(to_bytes, text);
                let read = from_utf16(&content, &mut out).unwrap();
                assert_eq!(read, expected.as_bytes(), "{text:?}");
                assert_eq!(is_utf16(&content), text.starts_with('\u{feff}'));
            }
        }
    }

    #[test]
    fn characters_that_are_cut_in_two() {
        let whole = utf16(u16::to_le_bytes, "\u{feff}a\u{1F600}");
        for (missing, expected) in [(0, "a\u{1F600}"), (1, "a"), (2, "a"), (3, "a"), (4, "a")] {
            let cut = &whole[..whole.len() - missing];
            let mut out = String::new();
            assert_eq!(from_utf16(cut, &mut out).unwrap(), expected.as_bytes());
        }
        // Half a character before the end is none.
        let broken = utf16(u16::to_le_bytes, "\u{feff}aa");
        let broken = [&broken[..2], &[0, 0xD8], &broken[2..]].concat();
        assert_eq!(from_utf16(&broken, &mut String::new()).unwrap(), b"");
    }

    #[test]
    fn blanks_and_marks() {
        for (content, expected) in [
            (&b"a"[..], &b"a"[..]),
            (b"\xEF\xBB\xBF a\n", b"a"),
            (b" \xEF\xBB\xBFa", b"\xEF\xBB\xBFa"),
            (b" \t\r\n", b""),
            (b"", b""),
        ] {
            assert_eq!(trimmed(content), expected);
        }
    }

    #[test]
    fn beginnings_of_base64() {
        let enough = "A".repeat(32);
        for (text, expected) in [
            (enough.clone(), true),
            ("A".repeat(31), false),
            (format!("{}\n{}?", &enough[..16], &enough[..16]), true),
            (format!("{}-{}", &enough[..16], &enough[..16]), false),
            (format!("{}!*+/=", &enough[..27]), true),
            (format!("<{enough}"), false),
            (String::new(), false),
        ] {
            assert_eq!(begins_base64(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn dialects_of_base64() {
        let mut base64 = Base64::default();
        for (text, expected) in [
            ("+/+/", Some(&[0xFB, 0xFF, 0xBF][..])),
            ("!*!*", Some(&[0xFB, 0xFF, 0xBF])),
            (" + / + / ", Some(&[0xFB, 0xFF, 0xBF])),
            ("AQI=", Some(&[1, 2])),
            ("AQI", Some(&[1, 2])),
            ("AQJ", Some(&[1, 2])),
            ("A", None),
            ("AQ-_", None),
            ("AQ==AQ==", None),
            ("", Some(&[])),
        ] {
            assert_eq!(base64.decode(text.as_bytes()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn ids() {
        assert_eq!(
            EncodedId::new(&[0; 16]).as_str(),
            "AAAAAAAAAAAAAAAAAAAAAA=="
        );
        assert_eq!(
            EncodedId::new(&[0xFF; 16]).as_str(),
            "/////////////////////w=="
        );
    }
}
