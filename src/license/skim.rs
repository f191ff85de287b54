//! Sees of a licence of version 7, as services write it, that it lets itself be backed up. Most
//! licences of most stores are such, and to read each of them as XML takes several times as long.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter, memchr2};

/// How such a licence begins.
const BEGINNING: &[u8] = br#"<LICENSE version="2.0.0.0"><LICENSORINFO><DATA>"#;
/// What grants the action, and nothing else.
const GRANTED: &[u8] = concat!(
    r#"<ONACTION type="Backup">"#,
    "<CONDITION><![CDATA[TRUE]]></CONDITION>",
    "</ONACTION>"
)
.as_bytes();

const CDATA: &[u8] = b"<![CDATA[";
const CDATA_END: &[u8] = b"]]>";

/// The name of the action, wherever it stands.
static BACKUP: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("Backup"));

/// Whether it is sure that reading the licence would find no denial. False says nothing.
///
/// Where this sees other elements than a reader of XML does, the reader finds an error, and what
/// is no XML denies nothing.
pub fn grants_backup(content: &[u8]) -> bool {
    content
        .strip_prefix(BEGINNING)
        .and_then(after_grant)
        .is_some_and(|rest| BACKUP.find(rest).is_none())
}

/// What follows the grant among the children of DATA; None where it is not found, or anything
/// comes before it that takes more than a look.
fn after_grant(mut content: &[u8]) -> Option<&[u8]> {
    let mut depth = 0;
    loop {
        content = &content[memchr(b'<', content)?..];
        if let Some(text) = content.strip_prefix(CDATA) {
            let end = memchr_iter(b'>', text).find(|&end| text[..=end].ends_with(CDATA_END))?;
            content = &text[end + 1..];
            continue;
        }
        if depth == 0
            && let Some(rest) = content.strip_prefix(GRANTED)
        {
            return Some(rest);
        }
        let end = memchr(b'>', content)?;
        let tag = &content[1..end];
        match tag {
            // Comments, instructions, declarations.
            [b'!' | b'?', ..] => return None,
            [b'/', ..] if depth == 0 => return None,
            [b'/', ..] => depth -= 1,
            [.., b'/'] => {}
            _ => depth += 1,
        }
        // What ended it may have been in a value.
        if memchr2(b'"', b'\'', tag).is_some() && !has_whole_values(tag) {
            return None;
        }
        content = &content[end + 1..];
    }
}

fn has_whole_values(tag: &[u8]) -> bool {
    let quotes = memchr_iter(b'"', tag).count();
    quotes.is_multiple_of(2) && !tag.contains(&b'\'')
}
