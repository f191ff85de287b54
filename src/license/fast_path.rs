//! A shortcut for most licenses of most stores: WMDRM licenses of version 7 that grant backup, in
//! the form in which services write them. Reading each as XML takes several times as long.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter};

/// The action.
pub const BACKUP: &[u8] = b"Backup";

/// How such a license begins.
pub const BEGINNING: &[u8] = br#"<LICENSE version="2.0.0.0"><LICENSORINFO><DATA>"#;

/// What grants the action: the text before its name, and after it. What is done when it is taken
/// does not matter.
const GRANT: &[u8] = br#"<ONACTION type=""#;
const TAG_END: &[u8] = br#"">"#;
const GRANTED: &[u8] = br#"<CONDITION><![CDATA[TRUE]]></CONDITION>"#;
const DONE: &[u8] = b"<ACTION>";
const DONE_END: &[u8] = b"</ACTION>";
const GRANT_END: &[u8] = b"</ONACTION>";

pub const CDATA: &[u8] = b"<![CDATA[";
const CDATA_END: &[u8] = b"]]>";

/// The name of the action, wherever it stands.
static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(BACKUP));

/// Whether it is certain that reading the license as XML would find no denial. False says nothing.
pub fn grants_backup(content: &[u8]) -> bool {
    let grants = || {
        let data = content.strip_prefix(BEGINNING)?;
        let (before, after) = data.split_at(FINDER.find(data)?);
        let before = before.strip_suffix(GRANT)?;
        let after = &after[BACKUP.len()..];
        after_grant(after.strip_prefix(TAG_END)?)?;
        // Nothing else in it speaks of the action.
        Some(FINDER.find(after).is_none() && is_whole(before)?)
    };
    grants().unwrap_or(false)
}

/// What is behind an element that grants the action, from the end of its first tag on.
pub fn after_grant(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text.strip_prefix(GRANTED)?;
    if let Some(done) = rest.strip_prefix(DONE) {
        rest = after_cdata(done.strip_prefix(CDATA)?)?.strip_prefix(DONE_END)?;
    }
    rest.strip_prefix(GRANT_END)
}

/// Whether this text closes every element that it opens, and no other; None if a glance cannot
/// tell.
///
/// If this sees other elements than a reader of XML does, that reader finds an error, and what is
/// no XML denies nothing.
fn is_whole(text: &[u8]) -> Option<bool> {
    let has_apostrophes = memchr(b'\'', text).is_some();
    let mut depth = 0_usize;
    let mut marks = Marks::new(text);
    while let Some(begin) = marks.find(|&at| text[at] == b'<') {
        if text[begin..].starts_with(CDATA) {
            marks.find(|&at| text[..=at].ends_with(CDATA_END))?;
            continue;
        }
        let mut quotes = 0;
        let end = marks.find(|&at| {
            quotes += usize::from(text[at] == b'"');
            text[at] == b'>'
        })?;
        let tag = &text[begin + 1..end];
        match tag {
            // Comments, instructions, declarations.
            [b'!' | b'?', ..] => return None,
            [b'/', ..] => depth = depth.checked_sub(1)?,
            [.., b'/'] => {}
            _ => depth += 1,
        }
        // The '>' may have been in a value.
        if quotes % 2 != 0 || has_apostrophes && tag.contains(&b'\'') {
            return None;
        }
    }
    Some(depth == 0)
}

/// Where '<', '>' and '"' stand in a text. Eight bytes are looked at in one step, since most tags are
/// shorter than what a search for the next one costs.
struct Marks<'a> {
    text: &'a [u8],
    /// Where the bytes after those that were looked at begin.
    next: usize,
    /// Of those that were looked at last, the highest bit of each byte that is to be told yet.
    found: u64,
}

impl<'a> Marks<'a> {
    fn new(text: &'a [u8]) -> Self {
        Marks {
            text,
            next: 0,
            found: 0,
        }
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            let rest = self.text.get(self.next..).filter(|rest| !rest.is_empty())?;
            let word = match rest.first_chunk() {
                Some(word) => *word,
                None => std::array::from_fn(|at| rest.get(at).copied().unwrap_or(0)),
            };
            self.next += word.len();
            let word = u64::from_le_bytes(word);
            // The two brackets differ in this bit only.
            self.found = equal_bytes(word | repeated(b'<' ^ b'>'), b'>') | equal_bytes(word, b'"');
        }
        let at = self.found.trailing_zeros() as usize / 8;
        self.found &= self.found - 1;
        Some(self.next - size_of::<u64>() + at)
    }
}

/// The highest bit of each byte of the word that equals this one, and no other bit.
fn equal_bytes(word: u64, byte: u8) -> u64 {
    let low_bits = repeated(0x7f);
    let differs = word ^ repeated(byte);
    !(((differs & low_bits) + low_bits) | differs | low_bits)
}

const fn repeated(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The text after the CDATA section that begins before `data`.
pub fn after_cdata(data: &[u8]) -> Option<&[u8]> {
    let end = memchr_iter(b'>', data).find(|&end| data[..=end].ends_with(CDATA_END))?;
    Some(&data[end + 1..])
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Excerpt, Inspector, Right, Statement};
    use super::*;

    #[test]
    fn marks_are_found_wherever_they_stand() {
        for length in 0..40 {
            for byte in 0..=u8::MAX {
                for at in 0..length {
                    let mut text = vec![b'a'; length];
                    text[at] = byte;
                    let marks: Vec<usize> = Marks::new(&text).collect();
                    let expected: &[usize] = if b"<>\"".contains(&byte) { &[at] } else { &[] };
                    assert_eq!(marks, expected, "{byte} at {at} of {length}");
                }
            }
        }
        let marks: Vec<usize> = Marks::new(b"<a b=\"<>\">\xbc\xbe\xa2</a>").collect();
        assert_eq!(marks, [0, 5, 6, 7, 8, 9, 13, 16]);
    }

    pub const END: &str = "</DATA></LICENSORINFO></LICENSE>";
    pub const GRANT: &str =
        r#"<ONACTION type="Backup"><CONDITION><![CDATA[TRUE]]></CONDITION></ONACTION>"#;

    fn right_as_xml(text: &str) -> Right {
        let mut statement = Statement::default();
        let read = Inspector::default().inspect(Excerpt::whole(text.as_bytes()), &mut statement);
        read.expect("memory");
        statement.right
    }

    /// Texts that may stand between the elements of a license, and between parts of the grant.
    pub fn pieces() -> Vec<String> {
        let refused = GRANT.replace("TRUE", "FALSE");
        let plain = GRANT.replace("<![CDATA[TRUE]]>", "TRUE");
        let done = GRANT.replace(
            "</ONACTION>",
            "<ACTION><![CDATA[x > 1]]></ACTION></ONACTION>",
        );
        let mut pieces = vec![refused, plain.clone(), done, format!("<![CDATA[{plain}]]>")];
        pieces.extend(
            [
                "",
                "<A>",
                "</A>",
                "<A/>",
                "<A x='>'>",
                "<A x=\">\">",
                "<A x='\"'/>",
                "<!-- ",
                " -->",
                "<?x ",
                " ?>",
                "<![CDATA[",
                "]]>",
                "</DATA>",
                "<DATA>",
                "<META>",
                "</META>",
                "text",
                "<LID>a</LID>",
                "<",
                ">",
                "\"",
                "'",
                "Backup",
                "&amp;",
                "<B y='<![CDATA['>",
                "</B>",
            ]
            .map(str::to_owned),
        );
        pieces
    }

    #[test]
    fn what_services_write() {
        let beginning = str::from_utf8(BEGINNING).unwrap();
        let play = r#"<ONACTION type="Play"><CONDITION><![CDATA[a > 1]]></CONDITION></ONACTION>"#;
        for (data, expected) in [
            (GRANT.to_owned(), true),
            (
                format!("<LID>a</LID><META><NAME type=\"x\">b</NAME></META>{play}{GRANT}"),
                true,
            ),
            (format!("{GRANT}{play}"), true),
            (
                GRANT.replace("</ONACTION>", "<ACTION><![CDATA[]]></ACTION></ONACTION>"),
                true,
            ),
            (GRANT.replace("TRUE", "FALSE"), false),
            (GRANT.replace("<![CDATA[TRUE]]>", "TRUE"), false),
            (format!("<META>{GRANT}</META>"), false),
            (format!("{GRANT}{GRANT}"), false),
            (play.to_owned(), false),
        ] {
            let text = format!("{beginning}{data}{END}");
            assert_eq!(grants_backup(text.as_bytes()), expected, "{text}");
            assert!(!grants_backup(format!(" {text}").as_bytes()));
        }
    }

    /// Whatever stands around a grant: if the fast path sees it, the reader of XML finds no denial.
    #[test]
    fn never_more_than_the_reader_of_xml() {
        let beginning = str::from_utf8(BEGINNING).unwrap();
        let pieces = pieces();
        let mut seen = 0;
        for first in &pieces {
            for second in &pieces {
                for third in &pieces {
                    let text = format!("{beginning}{first}{second}{GRANT}{third}{END}");
                    if grants_backup(text.as_bytes()) {
                        seen += 1;
                        assert_ne!(right_as_xml(&text), Right::Denied, "{text}");
                    }
                }
            }
        }
        assert!(seen > 1000, "{seen}");
    }
}
