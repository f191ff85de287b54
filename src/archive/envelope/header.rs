//! What can be told of an age file's header without a key.

/// The line before the chunks begins so.
const LAST_LINE: &[u8] = b"\n--- ";
/// A stanza begins so.
const STANZA: &[u8] = b"-> ";
/// Columns of a line of a stanza's body, if it is not the last one.
const COLUMNS: usize = 64;

/// Whether each stanza has its last line, which is a short one, if only an empty one. The age
/// crate takes stanzas without: early versions of it wrote such, and nobody else takes them.
pub fn has_whole_stanzas(head: &[u8]) -> bool {
    let end = head.windows(LAST_LINE.len()).position(|at| at == LAST_LINE);
    let lines = head[..end.unwrap_or_default()].split(|&byte| byte == b'\n');
    let mut is_whole = true;
    for line in lines {
        let begins = line.starts_with(STANZA);
        if begins && !is_whole {
            return false;
        }
        is_whole = !begins && line.len() < COLUMNS;
    }
    is_whole
}

/// Where the chunks begin in a file with this head: after the header's last line and a nonce.
pub fn payload_of(head: &[u8]) -> u64 {
    const MAC: usize = 43;
    const NONCE: usize = 16;
    let last = head.windows(LAST_LINE.len()).position(|at| at == LAST_LINE);
    last.map_or(0, |at| (at + LAST_LINE.len() + MAC + 1 + NONCE) as u64)
}

/// The work factor that a passphrase's stanza asks for; the least where there is none.
pub fn work_factor(head: &[u8]) -> u8 {
    let line = head.split(|&byte| byte == b'\n').nth(1).unwrap_or_default();
    let last = line.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    let digits = last.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |factor: u8, digit| {
        factor.saturating_mul(10).saturating_add(digit - b'0')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas() {
        let full = "A".repeat(COLUMNS);
        for (stanzas, expected) in [
            ("-> a\nAAAA".to_owned(), true),
            ("-> a\n".to_owned(), true),
            (format!("-> a\n{full}\nAA\n-> b c\nBB"), true),
            (format!("-> a\n{full}\n"), true),
            (format!("-> a\n{full}"), false),
            (format!("-> a\n{full}\n-> b\nBB"), false),
            ("-> a".to_owned(), false),
            ("-> a\n-> b\nBB".to_owned(), false),
            ("-> a\nAA\n-> b".to_owned(), false),
        ] {
            let head = format!("age-encryption.org/v1\n{stanzas}\n--- MAC\n");
            assert_eq!(has_whole_stanzas(head.as_bytes()), expected, "{head}");
        }
    }
}
