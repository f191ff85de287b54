//! The texts that licences come in: UTF-16, and base64 in its dialects.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use crate::error::{Error, Result, reserve};

const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";
const LITTLE_ENDIAN_MARK: [u8; 2] = [0xFF, 0xFE];
const BIG_ENDIAN_MARK: [u8; 2] = [0xFE, 0xFF];

/// Whether it is text in UTF-16, by its byte order mark.
pub fn is_utf16(content: &[u8]) -> bool {
    content.starts_with(&LITTLE_ENDIAN_MARK) || content.starts_with(&BIG_ENDIAN_MARK)
}

/// The text without its mark, as UTF-8 in `out`. Half a character at the end, where an excerpt
/// may cut one in two, is left out. None when it is not UTF-16.
pub fn from_utf16<'a>(content: &[u8], out: &'a mut String) -> Result<Option<&'a [u8]>> {
    let Some((mark, text)) = content.split_first_chunk::<2>() else {
        return Ok(None);
    };
    let unit = match *mark {
        LITTLE_ENDIAN_MARK => u16::from_le_bytes,
        BIG_ENDIAN_MARK => u16::from_be_bytes,
        _ => return Ok(None),
    };
    let (mut units, _) = text.as_chunks::<2>();
    if let [rest @ .., last] = units
        && (0xD800..0xDC00).contains(&unit(*last))
    {
        units = rest;
    }
    out.clear();
    // No unit takes more than three bytes.
    out.try_reserve(3 * units.len())
        .map_err(|_| Error::Memory("a license"))?;
    for character in char::decode_utf16(units.iter().map(|bytes| unit(*bytes))) {
        match character {
            Ok(character) => out.push(character),
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(out.as_bytes()))
}

/// Without a byte order mark of UTF-8 and blanks around it.
pub fn trimmed(content: &[u8]) -> &[u8] {
    content
        .strip_prefix(UTF8_MARK)
        .unwrap_or(content)
        .trim_ascii()
}

/// In the place of `+` and `/`, some components of WMDRM are said to write `!` and `*`
/// (a guess of our sources; nothing else uses those two).
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

/// Whether it may be base64 of a licence. None has fewer symbols than are looked at.
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
    /// The bytes: of either alphabet, with blanks anywhere, padded or not. None when the text
    /// is not base64.
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

/// Standard base64 of 16 bytes, with its padding.
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
