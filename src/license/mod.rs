//! What a licence says of itself, in the clear: its format, its IDs, whether its owner lets
//! it be backed up, and when it is valid.
//!
//! A format is recognised by content, never by the name of a file. Nothing encrypted is
//! touched, and no text of a licence but its IDs leaves this room. What is not sure is
//! "not stated"; what is in none of the formats, or in one but does not parse, is opaque.

mod lcp;
mod package;
mod skim;
mod text;
mod wmdrm;
mod xml;
mod xmr;

use std::borrow::Cow;

use text::Base64;
use xml::Extent;

use crate::error::Result;

/// Bytes of a licence that are looked at, at the most.
const MOST_INSPECTED: usize = 1 << 20;
/// Of a larger one, so many from its beginning and, of a ZIP file, whose directory is there,
/// so many from its end.
const HEAD: usize = MOST_INSPECTED - TAIL;
const TAIL: usize = 256 << 10;

/// Bytes of an ID at the most; what is longer is none.
const LONGEST_ID: usize = 1024;
/// Key IDs of a licence, repeated ones too, and bytes of their list at the most; more are left
/// out. Real licences have a few.
const MOST_KEY_IDS: usize = 1024;
const LONGEST_LIST: usize = 64 << 10;

/// The format of a licence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    WmdrmV1,
    WmdrmV7,
    Xmr,
    Lcp,
    Sqlite,
    #[default]
    Opaque,
}

/// Whether the owner of a licence lets it be backed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// The order is that of strength: what holds for a file with several licences is the
    /// strongest that one of them says.
    Allowed,
    #[default]
    NotStated,
    Denied,
}

/// What a licence says of itself.
#[derive(Debug, Default)]
pub struct Statement {
    pub format: Format,
    /// As the format spells it; "" when there is none.
    pub license_id: String,
    /// Separated by newlines; "" when there are none.
    pub key_ids: String,
    key_ids_seen: usize,
    pub right: Right,
    /// Unix seconds.
    pub valid_from: Option<i64>,
    pub valid_until: Option<i64>,
}

/// A licence, and what it says of itself.
pub struct LicenseInfo<'a> {
    /// Its path in the store, any bytes.
    pub name: &'a [u8],
    pub size: u64,
    /// Unix seconds.
    pub modified: i64,
    pub statement: &'a Statement,
}

impl Statement {
    fn clear(&mut self) {
        self.format = Format::Opaque;
        self.license_id.clear();
        self.key_ids.clear();
        self.key_ids_seen = 0;
        self.right = Right::NotStated;
        self.valid_from = None;
        self.valid_until = None;
    }

    /// The first one counts.
    fn set_license_id(&mut self, id: &str) {
        if is_id(id) && self.license_id.is_empty() {
            self.license_id.push_str(id);
        }
    }

    fn add_key_id(&mut self, id: &str) {
        let full =
            self.key_ids_seen == MOST_KEY_IDS || self.key_ids.len() + id.len() >= LONGEST_LIST;
        if full || !is_id(id) {
            return;
        }
        self.key_ids_seen += 1;
        if self.key_ids.lines().any(|known| known == id) {
            return;
        }
        if !self.key_ids.is_empty() {
            self.key_ids.push('\n');
        }
        self.key_ids.push_str(id);
    }

    /// By what the licence is told to the host: the IDs of its keys, else its own where the
    /// format has none for keys, else its name in the store.
    pub fn title<'a>(&'a self, name: &'a [u8]) -> Cow<'a, str> {
        match (self.key_ids.as_str(), self.format) {
            ("", Format::Lcp) if !self.license_id.is_empty() => self.license_id.as_str().into(),
            ("", _) => String::from_utf8_lossy(name),
            (ids, _) => ids.into(),
        }
    }
}

/// IDs stand in lines, and in C strings.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= LONGEST_ID && !id.contains(char::is_control)
}

/// The part of a licence that is looked at.
#[derive(Clone, Copy)]
pub struct Excerpt<'a> {
    /// From its beginning.
    head: &'a [u8],
    /// From its end, where that is wanted; nothing when `head` is all of it.
    tail: &'a [u8],
    size: u64,
}

impl<'a> Excerpt<'a> {
    /// Of a licence that is whole in memory.
    pub fn whole(content: &'a [u8]) -> Self {
        let end = match content.len() {
            ..=MOST_INSPECTED => &[],
            _ => content,
        };
        Excerpt::large(content, end, content.len() as u64)
    }

    /// Of one that has more bytes than those at hand.
    pub fn large(beginning: &'a [u8], end: &'a [u8], size: u64) -> Self {
        let most = most_of_head(size).min(beginning.len());
        Excerpt {
            head: &beginning[..most],
            tail: &end[end.len().saturating_sub(TAIL)..],
            size,
        }
    }

    /// Whether it may be of a licence whose format can forbid backup. Cheap.
    fn may_deny(&self) -> bool {
        match Kind::of(self.head) {
            Kind::WmdrmV1 | Kind::Xmr | Kind::Text => true,
            Kind::Json | Kind::Zip | Kind::Sqlite | Kind::Other => false,
        }
    }

    fn is_whole(&self) -> bool {
        self.head.len() as u64 == self.size
    }
}

/// Bytes from the beginning of a licence of this size that are looked at.
pub fn most_of_head(size: u64) -> usize {
    match usize::try_from(size) {
        Ok(size) if size <= MOST_INSPECTED => size,
        _ => HEAD,
    }
}

/// Bytes from the end of a licence that are looked at besides: 0 for most.
pub fn wanted_tail(head: &[u8], size: u64) -> usize {
    match Kind::of(head) {
        Kind::Zip if size > MOST_INSPECTED as u64 => TAIL,
        _ => 0,
    }
}

/// What the first bytes of a licence suggest that it is.
enum Kind {
    WmdrmV1,
    Xmr,
    /// XML, or base64 of a binary licence.
    Text,
    Json,
    Zip,
    Sqlite,
    Other,
}

impl Kind {
    fn of(head: &[u8]) -> Self {
        // The header of a local file (APPNOTE.TXT 4.3.7), and that of a database
        // (https://www.sqlite.org/fileformat.html).
        const ZIP: &[u8] = b"PK\x03\x04";
        const SQLITE: &[u8] = b"SQLite format 3\0";
        match head {
            _ if xmr::begins(head) => Kind::Xmr,
            _ if !head.starts_with(b"<") && wmdrm::offset(head).is_some() => Kind::WmdrmV1,
            _ if head.starts_with(ZIP) => Kind::Zip,
            _ if head.starts_with(SQLITE) => Kind::Sqlite,
            _ if text::is_utf16(head) => Kind::Text,
            _ => match text::trimmed(head) {
                [b'<', ..] => Kind::Text,
                [b'{', ..] => Kind::Json,
                text if text::begins_base64(text) => Kind::Text,
                _ => Kind::Other,
            },
        }
    }
}

/// Looks at licences; one a worker. Its memory serves for all of them.
#[derive(Default)]
pub struct Inspector {
    /// Text that came in UTF-16.
    text: String,
    base64: Base64,
    xml: xml::Memory,
}

impl Inspector {
    /// Reads what a licence says of itself.
    pub fn inspect(&mut self, excerpt: Excerpt<'_>, statement: &mut Statement) -> Result<()> {
        self.read(excerpt, Extent::Everything, statement)
    }

    /// Reads what a licence says of itself, if it says that it must not be backed up; false if
    /// not. That takes less time than [`Inspector::inspect`].
    pub fn inspect_denied(
        &mut self,
        excerpt: Excerpt<'_>,
        statement: &mut Statement,
    ) -> Result<bool> {
        if !excerpt.may_deny() || skim::grants_backup(excerpt.head) {
            return Ok(false);
        }
        self.read(excerpt, Extent::Denial, statement)?;
        if statement.right != Right::Denied {
            return Ok(false);
        }
        self.read(excerpt, Extent::Everything, statement)?;
        Ok(statement.right == Right::Denied)
    }

    fn read(
        &mut self,
        excerpt: Excerpt<'_>,
        extent: Extent,
        statement: &mut Statement,
    ) -> Result<()> {
        statement.clear();
        let known = match Kind::of(excerpt.head) {
            Kind::Text => self.read_text(excerpt, extent, statement)?,
            Kind::Json => lcp::read(text::trimmed(excerpt.head), statement),
            Kind::Zip => package::read(excerpt, statement)?,
            Kind::Sqlite => Some(Format::Sqlite),
            Kind::WmdrmV1 | Kind::Xmr | Kind::Other => read_binary(excerpt.head, statement),
        };
        match known {
            Some(format) => statement.format = format,
            None => statement.clear(),
        }
        Ok(())
    }

    fn read_text(
        &mut self,
        excerpt: Excerpt<'_>,
        extent: Extent,
        statement: &mut Statement,
    ) -> Result<Option<Format>> {
        let content = match text::is_utf16(excerpt.head) {
            true => text::from_utf16(excerpt.head, &mut self.text)?,
            false => Some(excerpt.head),
        };
        match content.map(text::trimmed) {
            None => Ok(None),
            Some(content @ [b'<', ..]) => {
                let whole = excerpt.is_whole();
                xml::read(content, whole, extent, &mut self.xml, statement)
            }
            Some(content) => {
                let bytes = self.base64.decode(content)?;
                Ok(bytes.and_then(|bytes| read_binary(bytes, statement)))
            }
        }
    }
}

/// Reads a binary licence.
fn read_binary(content: &[u8], statement: &mut Statement) -> Option<Format> {
    match Kind::of(content) {
        Kind::WmdrmV1 => wmdrm::read(content, statement),
        Kind::Xmr => xmr::read(content, statement),
        _ => None,
    }
}
