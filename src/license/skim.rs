//! Sees of a licence of version 7, as services write it, that it lets itself be backed up. Most
//! licences of most stores are such, and to read each of them as XML takes several times as long.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter, memchr2};

use super::xml::BACKUP;

/// How such a licence begins.
const BEGINNING: &[u8] = br#"<LICENSE version="2.0.0.0"><LICENSORINFO><DATA>"#;

/// What grants the action: before its name, and after it. What is done on it does not matter.
const GRANT: &[u8] = br#"<ONACTION type=""#;
const GRANTED: &[u8] = br#""><CONDITION><![CDATA[TRUE]]></CONDITION>"#;
const DONE: &[u8] = b"<ACTION>";
const DONE_END: &[u8] = b"</ACTION>";
const GRANT_END: &[u8] = b"</ONACTION>";

const CDATA: &[u8] = b"<![CDATA[";
const CDATA_END: &[u8] = b"]]>";

/// The name of the action, wherever it stands.
static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(BACKUP));

/// Whether it is sure that reading the licence would find no denial. False says nothing.
pub fn grants_backup(content: &[u8]) -> bool {
    let grants = || {
        let data = content.strip_prefix(BEGINNING)?;
        let (before, after) = data.split_at(FINDER.find(data)?);
        let before = before.strip_suffix(GRANT)?;
        let after = &after[BACKUP.len()..];
        let mut rest = after.strip_prefix(GRANTED)?;
        if let Some(done) = rest.strip_prefix(DONE) {
            rest = after_cdata(done.strip_prefix(CDATA)?)?.strip_prefix(DONE_END)?;
        }
        // Nothing else in it speaks of the action.
        Some(rest.starts_with(GRANT_END) && FINDER.find(after).is_none() && is_whole(before)?)
    };
    grants().unwrap_or(false)
}

/// Whether every element that is opened in this text is closed in it, and none that is not;
/// None where it takes more than a look.
///
/// Where this sees other elements than a reader of XML does, the reader finds an error, and what
/// is no XML denies nothing.
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
        // What ended it may have been in a value.
        if memchr2(b'"', b'\'', tag).is_some() && !has_whole_values(tag) {
            return None;
        }
        text = &text[end + 1..];
    }
    Some(depth == 0)
}

/// What follows the end of a CDATA section that begins before `data`.
fn after_cdata(data: &[u8]) -> Option<&[u8]> {
    let end = memchr_iter(b'>', data).find(|&end| data[..=end].ends_with(CDATA_END))?;
    Some(&data[end + 1..])
}

fn has_whole_values(tag: &[u8]) -> bool {
    let quotes = memchr_iter(b'"', tag).count();
    quotes.is_multiple_of(2) && !tag.contains(&b'\'')
}
