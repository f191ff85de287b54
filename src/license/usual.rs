//! A shortcut for the form in which services write WMDRM licenses of version 7: what they say is
//! read as by the reader of XML, in a fraction of the time. Whatever is in another form, or might be,
//! is left to that.

use memchr::{memchr, memchr_iter, memchr2};

use super::fast_path::{self, after_cdata};
use super::{Right, Statement};

/// How deep elements of DATA are nested in licenses of services, and less than the reader of XML
/// takes.
const DEEPEST: usize = 16;

/// Adds what the license says to the statement. False if it is not in this form, or does not grant
/// backup: then the statement may have parts of it.
pub fn read(content: &[u8], statement: &mut Statement) -> bool {
    let data = content.strip_prefix(fast_path::BEGINNING);
    data.and_then(|data| read_data(data, statement)).is_some()
}

/// Reads up to the end of DATA.
fn read_data(mut text: &[u8], statement: &mut Statement) -> Option<()> {
    let mut open = [&b""[..]; DEEPEST];
    let mut depth = 0;
    loop {
        // No text has references in it.
        text = &text[memchr2(b'<', b'&', text)?..];
        if let Some(data) = text.strip_prefix(fast_path::CDATA) {
            text = after_cdata(data)?;
            continue;
        }
        let tag = text.strip_prefix(b"<")?;
        let end = memchr(b'>', tag)?;
        text = &tag[end + 1..];
        let tag = &tag[..end];
        if let Some(name) = tag.strip_prefix(b"/") {
            if depth == 0 {
                let granted = name == b"DATA" && statement.right == Right::Allowed;
                return granted.then_some(());
            }
            depth -= 1;
            if name != open[depth] {
                return None;
            }
            continue;
        }
        let (name, is_empty) = name_of(tag)?;
        if depth == 0 {
            match name {
                b"LID" | b"KID" => {
                    text = read_id(tag, text, statement)?;
                    continue;
                }
                b"ONACTION" => {
                    let action = tag.strip_prefix(b"ONACTION type=\"")?.strip_suffix(b"\"")?;
                    if action == fast_path::BACKUP {
                        text = fast_path::after_grant(text)?;
                        statement.right = Right::Allowed;
                        continue;
                    }
                    if memchr(b'"', action).is_some() {
                        return None;
                    }
                }
                _ => {}
            }
        }
        if !is_empty {
            *open.get_mut(depth)? = name;
            depth += 1;
        }
    }
}

/// The name in a tag that begins an element, and whether that ends with it; None if a glance cannot
/// tell where the tag ends, or how an element of this name is to be taken.
fn name_of(tag: &[u8]) -> Option<(&[u8], bool)> {
    let end = tag.iter().position(|byte| !byte.is_ascii_alphabetic());
    let (name, rest) = tag.split_at(end.unwrap_or(tag.len()));
    let is_empty = rest.ends_with(b"/");
    let attributes = rest.strip_suffix(b"/").unwrap_or(rest);
    // A quote within the other kind of quotes would not end a value.
    let is_plain = attributes.is_empty()
        || attributes.starts_with(b" ")
            && memchr_iter(b'"', attributes).count().is_multiple_of(2)
            && memchr2(b'\'', b'<', attributes).is_none();
    (is_plain && !name.is_empty()).then_some((name, is_empty))
}

/// Takes an ID whose element began with this tag; gives what is behind it.
fn read_id<'a>(tag: &[u8], text: &'a [u8], statement: &mut Statement) -> Option<&'a [u8]> {
    let (id, rest) = text.split_at(memchr2(b'<', b'&', text)?);
    let rest = rest.strip_prefix(b"</")?.strip_prefix(tag)?;
    let rest = rest.strip_prefix(b">")?;
    let id = str::from_utf8(id.trim_ascii()).unwrap_or_default();
    if tag == b"LID" {
        statement.set_license_id(id);
    } else {
        statement.add_key_id(id);
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::super::fast_path::tests::{END, GRANT, pieces};
    use super::super::{Content, Excerpt, Extent, Memory, wmdrm_v7};
    use super::*;

    type Said = (bool, String, String, Right);

    fn said(statement: Statement, is_one: bool) -> Said {
        let Statement {
            license_id,
            key_ids,
            right,
            ..
        } = statement;
        (is_one, license_id, key_ids, right)
    }

    fn said_as_xml(text: &str) -> Said {
        let content = Content::new(Excerpt::whole(text.as_bytes()), Extent::Everything);
        let mut statement = Statement::default();
        let read = wmdrm_v7::read_xml(&content, &mut Memory::default(), &mut statement);
        said(statement, read.expect("memory"))
    }

    #[test]
    fn what_services_write() {
        let beginning = str::from_utf8(fast_path::BEGINNING).unwrap();
        let play = r#"<ONACTION type="Play.a"><CONDITION><![CDATA[a > 1]]></CONDITION></ONACTION>"#;
        let data = "<LID> l </LID><KID>a</KID><META><T x=\"&y\">t</T><KID>n</KID><A/></META>";
        for (data, expected) in [
            (format!("{data}{play}{GRANT}<KID>b</KID>"), true),
            (format!("{GRANT}{data}{play}"), true),
            (play.to_owned(), false),
            (GRANT.replace("TRUE", "FALSE"), false),
            (GRANT.replace("type", "x=\"\" type"), false),
            (format!("{GRANT}&amp;"), false),
            (format!("{GRANT}<LID x=\"\">l</LID>"), false),
            (format!("{GRANT}<KID><![CDATA[k]]></KID>"), false),
            (format!("{GRANT}<A></B>"), false),
            (format!("{GRANT}{}", "<A>".repeat(DEEPEST + 1)), false),
        ] {
            let text = format!("{beginning}{data}{END}");
            let mut statement = Statement::default();
            let is_usual = read(text.as_bytes(), &mut statement);
            assert_eq!(is_usual, expected, "{text}");
            if is_usual {
                assert_eq!(said(statement, true), said_as_xml(&text), "{text}");
            }
        }
    }

    /// Whatever stands around a grant: what is read here is what the reader of XML reads.
    #[test]
    fn never_other_than_the_reader_of_xml() {
        let beginning = str::from_utf8(fast_path::BEGINNING).unwrap();
        let mut pieces = pieces();
        pieces.extend(["<KID>k</KID>", "<KID>", "</KID>", "<x:KID>y</x:KID>"].map(str::to_owned));
        let mut seen = 0;
        for first in &pieces {
            for second in &pieces {
                for third in &pieces {
                    let text = format!("{beginning}{first}{GRANT}{second}{third}{END}");
                    let mut statement = Statement::default();
                    if read(text.as_bytes(), &mut statement) {
                        seen += 1;
                        assert_eq!(said(statement, true), said_as_xml(&text), "{text}");
                    }
                }
            }
        }
        assert!(seen > 1000, "{seen}");
    }
}
