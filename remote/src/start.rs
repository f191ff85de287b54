//! The first bytes of a generation as HEAD has them, so that who reads a part of it asks for them
//! once: few of them are not zero.

/// Bytes that HEAD has of a generation, and how long their text may be.
pub const LENGTH: usize = 4096;
const LONGEST: usize = 768;

/// The text of bytes: what can be printed is itself, a run of zeros is `%` and their number and
/// `.`, and any other byte `%x` and two digits. None: it would be too long.
pub fn encode(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut rest = bytes;
    while let Some(&byte) = rest.first() {
        let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
        match byte {
            0 => text.push_str(&format!("%{zeros}.")),
            b'%' | ..0x20 | 0x7f.. => text.push_str(&format!("%x{byte:02x}")),
            plain => text.push(plain.into()),
        }
        rest = &rest[zeros.max(1)..];
        if text.len() > LONGEST {
            return None;
        }
    }
    Some(text)
}

/// The bytes of a text; None: it is none of these.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(digits) = rest.strip_prefix("%x") {
            bytes.push(u8::from_str_radix(digits.get(..2)?, 16).ok()?);
            rest = &digits[2..];
        } else if let Some(number) = rest.strip_prefix('%') {
            let (zeros, after) = number.split_once('.')?;
            let zeros: usize = zeros.parse().ok()?;
            bytes.resize(
                bytes.len().checked_add(zeros).filter(|&it| it <= LENGTH)?,
                0,
            );
            rest = after;
        } else {
            bytes.push(u8::try_from(next).ok()?);
            rest = &rest[next.len_utf8()..];
        }
    }
    (bytes.len() <= LENGTH).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        for bytes in [
            Vec::new(),
            b"wmlb.json \"100 %\"".to_vec(),
            [b"x".to_vec(), vec![0; 4000], vec![0xff, 0x0a, 0x7f]].concat(),
            (0..=255).step_by(3).collect(),
        ] {
            let text = encode(&bytes).unwrap();
            assert!(text.is_ascii());
            assert_eq!(decode(&text), Some(bytes), "{text}");
        }
        assert_eq!(encode(&[b'a'; LONGEST + 1]), None);
    }

    #[test]
    fn what_is_no_text_of_bytes() {
        for wrong in [
            "%",
            "%x1",
            "%xzz",
            "%-1.",
            "%9",
            "%9999999.",
            "%5000.",
            "%x\u{e9}1",
            "\u{20ac}",
        ] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
