//! A shortcut for most licenses of most stores: WMDRM licenses of version 7 that grant backup, in
//! the form in which services write them. Reading each as XML takes several times as long.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter, memchr2};

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
fn is_whole(mut text: &[u8]) -> Option<bool> {
    let mut depth = 0_usize;
    while let Some(begin) = memchr(b'<', text) {
        text = &text[begin..];
        if let Some(data) = text.strip_prefix(CDATA) {
            text = after_cdata(data)?;
            continue;
        }
        let end = memchr(b'>', text)?;
        let tag = &text[1..end];
        match tag {
            // Comments, instructions, declarations.
            [b'!' | b'?', ..] => return None,
            [b'/', ..] => depth = depth.checked_sub(1)?,
            [.., b'/'] => {}
            _ => depth += 1,
        }
        // The '>' may have been in a value.
        if memchr2(b'"', b'\'', tag).is_some() && !has_whole_values(tag) {
            return None;
        }
        text = &text[end + 1..];
    }
    Some(depth == 0)
}

/// The text after the CDATA section that begins before `data`.
pub fn after_cdata(data: &[u8]) -> Option<&[u8]> {
    let end = memchr_iter(b'>', data).find(|&end| data[..=end].ends_with(CDATA_END))?;
    Some(&data[end + 1..])
}

fn has_whole_values(tag: &[u8]) -> bool {
    let quotes = memchr_iter(b'"', tag).count();
    quotes.is_multiple_of(2) && !tag.contains(&b'\'')
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Excerpt, Inspector, Right, Statement};
    use super::*;

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
