//! What a license says of itself in the clear: its format, its IDs, whether its owner lets it be
//! backed up, and when it is valid.
//!
//! A format is recognized by content, never by the name of a file. Nothing encrypted is touched,
//! and no text of a license except its IDs leaves this room. What is not certain is "not
//! stated"; what is in no known format, or does not parse, is opaque.
//!
//! A new format is one file with a [`Reader`], and its line in [`READERS`].

mod encoded;
mod excerpt;
mod fast_path;
mod lcp;
mod lcp_package;
mod sqlite;
mod statement;
mod text;
mod usual;
mod wmdrm_v1;
mod wmdrm_v7;
mod xml;
mod xmr;
mod zip;

use std::ffi::CStr;

use excerpt::TAIL;
pub use excerpt::{Excerpt, most_of_head, tail_in};
pub use statement::{LicenseInfo, Right, Statement, Statements};
use text::Base64;

use crate::error::Result;

/// The readers of all formats. The first that recognizes a license reads it. Readers that find
/// denials come first: a backup in which only denials count asks no others.
static READERS: [Reader; 7] = [
    xmr::READER,
    wmdrm_v7::READER,
    wmdrm_v1::READER,
    encoded::READER,
    lcp::READER,
    sqlite::READER,
    lcp_package::READER,
];

/// How licenses of one format are recognized and read.
#[derive(Debug)]
struct Reader {
    /// The format's name, as hosts see it.
    name: &'static CStr,
    /// Whether a license that begins like this may be of the format. It looks at a few bytes.
    recognizes: fn(&Content<'_>) -> bool,
    /// Adds what the license says to the statement; false if it is no license of the format.
    read: fn(&Content<'_>, &mut Memory, &mut Statement) -> Result<bool>,
    /// A license of the format can deny that it is backed up.
    can_deny: bool,
    /// Licenses of the format are binary, and may be stored as base64.
    is_binary: bool,
    /// The end of a large license is looked at, too.
    reads_end: bool,
    /// A license of the format names its keys.
    names_keys: bool,
}

impl Reader {
    /// What most readers have in common.
    const USUAL: Reader = Reader {
        name: c"",
        recognizes: |_| false,
        read: |_, _, _| Ok(false),
        can_deny: false,
        is_binary: false,
        reads_end: false,
        names_keys: true,
    };

    fn of(content: &Content<'_>) -> Option<&'static Reader> {
        READERS.iter().find(|reader| (reader.recognizes)(content))
    }
}

/// How much of a license is to be read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Extent {
    Everything,
    /// Whether the license denies backup, and nothing else.
    Denial,
}

/// What readers are given of a license.
struct Content<'a> {
    bytes: &'a [u8],
    /// The bytes as UTF-8, without a byte order mark and blanks around them; empty when they are
    /// no text.
    text: &'a [u8],
    excerpt: Excerpt<'a>,
    extent: Extent,
}

impl<'a> Content<'a> {
    /// A license of which the text is as it was stored.
    fn new(excerpt: Excerpt<'a>, extent: Extent) -> Self {
        let bytes = excerpt.head();
        let text = if text::is_utf16(bytes) {
            &[]
        } else {
            text::trimmed(bytes)
        };
        Content {
            bytes,
            text,
            excerpt,
            extent,
        }
    }
}

/// Memory that readers use, kept from one license to the next.
#[derive(Default)]
struct Memory {
    text: Vec<u8>,
    base64: Base64,
}

/// Looks at licenses; each worker has one. Its memory serves for all of them.
#[derive(Default)]
pub struct Inspector {
    /// Text that came in UTF-16.
    utf8: String,
    memory: Memory,
}

impl Inspector {
    /// Reads what a license says of itself.
    pub fn inspect(&mut self, excerpt: Excerpt<'_>, statement: &mut Statement) -> Result<()> {
        self.read(excerpt, Extent::Everything, &READERS, statement)
    }

    /// Reads what a license says of itself if it denies backup; false if it does not. This takes
    /// less time than [`Inspector::inspect`].
    pub fn inspect_denied(
        &mut self,
        excerpt: Excerpt<'_>,
        statement: &mut Statement,
    ) -> Result<bool> {
        let readers = &READERS[..READERS.partition_point(|reader| reader.can_deny)];
        self.read(excerpt, Extent::Denial, readers, statement)?;
        if statement.right == Right::Denied {
            self.read(excerpt, Extent::Everything, readers, statement)?;
        }
        Ok(statement.right == Right::Denied)
    }

    fn read(
        &mut self,
        excerpt: Excerpt<'_>,
        extent: Extent,
        readers: &'static [Reader],
        statement: &mut Statement,
    ) -> Result<()> {
        let mut content = Content::new(excerpt, extent);
        if text::is_utf16(content.bytes) {
            content.text = text::from_utf16(content.bytes, &mut self.utf8)?;
        }
        let reader = readers.iter().find(|reader| (reader.recognizes)(&content));
        statement.begin(reader);
        if let Some(reader) = reader
            && !(reader.read)(&content, &mut self.memory, statement)?
        {
            statement.begin(None);
        }
        Ok(())
    }
}

/// How many bytes from the end of a license are looked at as well: for most, none.
pub fn wanted_tail(head: &[u8], size: u64) -> usize {
    let content = Content::new(Excerpt::large(head, &[], size), Extent::Everything);
    let wanted =
        !content.excerpt.is_whole() && Reader::of(&content).is_some_and(|reader| reader.reads_end);
    if wanted { TAIL } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_that_find_denials_come_first() {
        assert!(READERS.is_sorted_by_key(|reader| !reader.can_deny));
    }

    #[test]
    fn formats() {
        let v1 = [&[0, 1, 0, 0, 0x75, 0, 0, 0][..], &[0; 157]].concat();
        let xmr = [&b"XMR\0\0\0\0\x03"[..], &[0; 16]].concat();
        let v7 = r#"<LICENSE version="2.0.0.0"/>"#;
        let lcp = r#"{"id":1,"issued":1,"provider":1,"encryption":1}"#;
        let utf16 = |text: &str| -> Vec<u8> {
            let units = "\u{FEFF}".encode_utf16().chain(text.encode_utf16());
            units.flat_map(u16::to_le_bytes).collect()
        };
        for (content, expected) in [
            (v1.clone(), c"wmdrm-v1"),
            (b"AAEAAHUAAAA".repeat(30), c"wmdrm-v1"),
            (xmr.clone(), c"xmr"),
            (b"WE1SAAAAAAMAAAAAAAAAAAAAAAAAAAAA\n".to_vec(), c"xmr"),
            (utf16("WE1SAAAAAAMAAAAAAAAAAAAAAAAAAAAA"), c"xmr"),
            (v7.into(), c"wmdrm-v7"),
            (format!("\u{FEFF}\n {v7}").into(), c"wmdrm-v7"),
            (utf16(v7), c"wmdrm-v7"),
            (lcp.into(), c"lcp"),
            (format!("\u{FEFF}\n {lcp}\n").into(), c"lcp"),
            (utf16(lcp), c"lcp"),
            (b"SQLite format 3\0".to_vec(), c"sqlite"),
            (b" SQLite format 3\0".to_vec(), c"opaque"),
            (b"PK\x03\x04".to_vec(), c"opaque"),
            // What is decoded from text is no other text.
            (utf16("XMR\0\0\0\0\x03"), c"opaque"),
            (v1[..164].to_vec(), c"opaque"),
            (xmr[..23].to_vec(), c"opaque"),
            (Vec::new(), c"opaque"),
        ] {
            let mut inspector = Inspector::default();
            let mut statement = Statement::default();
            let excerpt = Excerpt::whole(&content);
            inspector.inspect(excerpt, &mut statement).unwrap();
            assert_eq!(statement.format(), expected, "{content:?}");
        }
    }

    #[test]
    fn ends_that_are_wanted() {
        const LARGE: u64 = 1 << 30;
        for (head, size, expected) in [
            (&b"PK\x03\x04"[..], 4, 0),
            (b"PK\x03\x04", LARGE, TAIL),
            // Bytes before an archive may be anything that is nothing else.
            (b"anything", LARGE, TAIL),
            (b"<LICENSE", LARGE, 0),
            (b"{", LARGE, 0),
            (b"SQLite format 3\0", LARGE, 0),
            (b"\xFF\xFE<\0", LARGE, 0),
            (b"XMR\0", LARGE, 0),
        ] {
            assert_eq!(wanted_tail(head, size), expected, "{head:?}");
        }
    }
}
