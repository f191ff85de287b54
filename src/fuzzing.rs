//! What the fuzz targets in `fuzz/` run: the readers as they are, and what must hold for any
//! input. No other build of the library has it.

mod archive;
mod database;

use std::ffi::CStr;

pub use archive::archive;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
pub use database::database;

use crate::license::{Excerpt, Inspector, Right, Statement};

/// A license that is whole in memory.
pub fn license(content: &[u8]) {
    let excerpt = Excerpt::whole(content);
    let facts = look(excerpt, content);
    // What is cut off may deny, so what is left cannot allow.
    let missing = content.last().map_or(0, |byte| usize::from(*byte));
    let rest = &content[..content.len().saturating_sub(missing)];
    let cut = Excerpt::large(rest, &[], content.len() as u64);
    let statement = inspect(cut);
    check_statement(&statement);
    assert!(!(statement.right == Right::Allowed && facts.right == Right::Denied));
    in_other_dress(content, &facts);
}

/// A license of which only the beginning and the end are there, and that has so many bytes
/// between them.
pub fn excerpt(beginning: &[u8], end: &[u8], between: u64) {
    let size = (beginning.len() as u64 + end.len() as u64).saturating_add(between);
    look(Excerpt::large(beginning, end, size), beginning);
}

/// What a license says of itself, to be compared.
#[derive(Debug, PartialEq)]
struct Facts {
    format: &'static CStr,
    license_id: String,
    key_ids: String,
    right: Right,
    valid_from: Option<i64>,
    valid_until: Option<i64>,
}

impl Facts {
    fn new(statement: &Statement) -> Self {
        Facts {
            format: statement.format(),
            license_id: statement.license_id.clone(),
            key_ids: statement.key_ids.clone(),
            right: statement.right,
            valid_from: statement.valid_from,
            valid_until: statement.valid_until,
        }
    }
}

fn inspect(excerpt: Excerpt<'_>) -> Statement {
    let mut statement = Statement::default();
    let read = Inspector::default().inspect(excerpt, &mut statement);
    read.expect("memory");
    statement
}

/// Inspects a license, with a new inspector and with one that has looked at two others before:
/// nothing may be left of those.
fn look(excerpt: Excerpt<'_>, content: &[u8]) -> Facts {
    let mut statement = inspect(excerpt);
    let facts = Facts::new(&statement);
    check_statement(&statement);

    let mut inspector = Inspector::default();
    let before = utf16(
        u16::to_le_bytes,
        concat!(
            r#"<LICENSERESPONSE><LICENSE version="2.0.0.0"><LICENSORINFO><DATA><LID>before</LID>"#,
            r#"<KID>before</KID><ONACTION type="Backup"/></DATA></LICENSORINFO></LICENSE>"#,
            r#"<LICENSE version="3.0.0.0">WE1SAAAAAAQAAAAAAAAAAAAAAAAAAAAA</LICENSE></LICENSERESPONSE>"#,
        ),
    );
    for other in [&before, &content[..content.len() / 2]] {
        let read = inspector.inspect(Excerpt::whole(other), &mut statement);
        read.expect("memory");
    }
    let read = inspector.inspect(excerpt, &mut statement);
    read.expect("memory");
    assert_eq!(Facts::new(&statement), facts);

    // If only a denial counts, the license is read in another way.
    let denied = inspector.inspect_denied(excerpt, &mut statement);
    let denied = denied.expect("memory");
    assert_eq!(denied, facts.right == Right::Denied);
    if denied {
        assert_eq!(Facts::new(&statement), facts);
    }
    facts
}

fn check_statement(statement: &Statement) {
    let check_id = |id: &str| {
        assert!(!id.is_empty() && id.len() <= 1024);
        assert!(!id.contains(char::is_control));
    };
    if !statement.license_id.is_empty() {
        check_id(&statement.license_id);
    }
    let mut key_ids: Vec<&str> = match statement.key_ids.as_str() {
        "" => Vec::new(),
        ids => ids.split('\n').collect(),
    };
    key_ids.iter().for_each(|id| check_id(id));
    let count = key_ids.len();
    assert!(count <= 1024);
    key_ids.sort_unstable();
    key_ids.dedup();
    assert_eq!(key_ids.len(), count);

    let facts = Facts::new(statement);
    let nothing = |format| Facts {
        format,
        ..Facts::new(&Statement::default())
    };
    match facts.format.to_bytes() {
        b"opaque" | b"sqlite" => assert_eq!(facts, nothing(facts.format)),
        b"lcp" => assert!(count == 0 && facts.right == Right::NotStated),
        b"wmdrm-v1" | b"wmdrm-v7" | b"xmr" => {}
        other => panic!("an unknown format: {other:?}"),
    }
    assert!(!statement.title(b"name").is_empty());
}

/// The same license, as other programs would have written it, says the same.
fn in_other_dress(content: &[u8], facts: &Facts) {
    const UTF16_MARKS: [&[u8]; 2] = [b"\xFF\xFE", b"\xFE\xFF"];
    if UTF16_MARKS.iter().any(|mark| content.starts_with(mark)) {
        return;
    }
    let again = |content: &[u8]| {
        assert_eq!(Facts::new(&inspect(Excerpt::whole(content))), *facts);
    };
    let binary = content.contains(&0);
    if content.trim_ascii().starts_with(b"<") {
        // Not for each license: this takes time.
        match (content.len() % 8, str::from_utf8(content)) {
            (0, Ok(text)) if !binary => again(&utf16(u16::to_le_bytes, text)),
            (1, Ok(text)) if !binary => again(&utf16(u16::to_be_bytes, text)),
            _ => {}
        }
    } else if binary && [c"xmr", c"wmdrm-v1"].contains(&facts.format) {
        let base64 = STANDARD.encode(content);
        again(base64.as_bytes());
        let version = if facts.format == c"xmr" {
            "3.0.0.0"
        } else {
            "0.1.0.0"
        };
        again(format!(r#"<LICENSE version="{version}">{base64}</LICENSE>"#).as_bytes());
    }
}

fn utf16(to_bytes: fn(u16) -> [u8; 2], text: &str) -> Vec<u8> {
    let units = "\u{FEFF}".encode_utf16().chain(text.encode_utf16());
    units.flat_map(to_bytes).collect()
}
