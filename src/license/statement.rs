//! What a license says of itself.

use std::borrow::Cow;
use std::ffi::CStr;

use super::Reader;

/// The longest ID, in bytes; anything longer is not taken for an ID.
const LONGEST_ID: usize = 1024;
/// Limits of a license's key IDs: how many are looked at, repeated ones included, and how many
/// bytes their list takes. The rest is left out. Real licenses have a few.
const MOST_KEY_IDS: usize = 1024;
const LONGEST_LIST: usize = 64 << 10;

/// The format of a license that no reader knows, or that does not parse.
const OPAQUE: &CStr = c"opaque";

/// Whether the owner of a license lets it be backed up.
///
/// The order is that of strength: a file with several licenses has the strongest right that one
/// of them states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    Allowed,
    #[default]
    NotStated,
    Denied,
}

/// What a license says of itself.
#[derive(Debug, Default)]
pub struct Statement {
    /// The reader of its format; none for an opaque license.
    pub(super) reader: Option<&'static Reader>,
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

/// A license, and what it says of itself.
pub struct LicenseInfo<'a> {
    /// Its path in the store, any bytes.
    pub name: &'a [u8],
    pub size: u64,
    /// Unix seconds.
    pub modified: i64,
    pub statement: &'a Statement,
}

impl Statement {
    /// The name of the license's format.
    pub fn format(&self) -> &'static CStr {
        self.reader.map_or(OPAQUE, |reader| reader.name)
    }

    /// Forgets everything: the next license is of this reader's format.
    pub(super) fn begin(&mut self, reader: Option<&'static Reader>) {
        self.reader = reader;
        self.license_id.clear();
        self.key_ids.clear();
        self.key_ids_seen = 0;
        self.right = Right::NotStated;
        self.valid_from = None;
        self.valid_until = None;
    }

    /// The license is of the format that another statement found within it.
    pub(super) fn set_format_of(&mut self, part: &Statement) {
        self.reader = part.reader;
    }

    /// The first ID counts.
    pub(super) fn set_license_id(&mut self, id: &str) {
        if is_id(id) && self.license_id.is_empty() {
            self.license_id.push_str(id);
        }
    }

    pub(super) fn add_key_id(&mut self, id: &str) {
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

    /// How an event names the license: by the IDs of its keys; by its own ID if its format has
    /// none for keys; else by its name in the store.
    pub fn title<'a>(&'a self, name: &'a [u8]) -> Cow<'a, str> {
        let named_by_license_id = self.reader.is_some_and(|reader| !reader.names_keys);
        if !self.key_ids.is_empty() {
            self.key_ids.as_str().into()
        } else if named_by_license_id && !self.license_id.is_empty() {
            self.license_id.as_str().into()
        } else {
            String::from_utf8_lossy(name)
        }
    }
}

/// What licenses say, many of them in little memory.
#[derive(Default)]
pub struct Statements {
    /// The IDs of each: its own, and those of its keys.
    texts: String,
    list: Vec<Kept>,
}

struct Kept {
    reader: Option<&'static Reader>,
    /// Where its IDs begin, where those of its keys do, and where they end.
    texts: [usize; 3],
    right: Right,
    valid_from: Option<i64>,
    valid_until: Option<i64>,
}

impl Statements {
    pub fn clear(&mut self) {
        self.texts.clear();
        self.list.clear();
    }

    pub fn add(&mut self, statement: &Statement) {
        let begin = self.texts.len();
        self.texts.push_str(&statement.license_id);
        let keys = self.texts.len();
        self.texts.push_str(&statement.key_ids);
        self.list.push(Kept {
            reader: statement.reader,
            texts: [begin, keys, self.texts.len()],
            right: statement.right,
            valid_from: statement.valid_from,
            valid_until: statement.valid_until,
        });
    }

    /// Reads that of a number, in the order in which they were added.
    pub fn read(&self, number: usize, into: &mut Statement) {
        let kept = &self.list[number];
        let [begin, keys, end] = kept.texts;
        into.begin(kept.reader);
        into.license_id.push_str(&self.texts[begin..keys]);
        into.key_ids.push_str(&self.texts[keys..end]);
        into.right = kept.right;
        into.valid_from = kept.valid_from;
        into.valid_until = kept.valid_until;
    }
}

/// IDs are told in lists of lines and in C strings, so they have no control characters.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= LONGEST_ID && !id.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::super::READERS;
    use super::*;

    #[test]
    fn ids() {
        let longest = "i".repeat(LONGEST_ID);
        let too_long = "i".repeat(LONGEST_ID + 1);
        for (id, expected) in [
            ("x", true),
            ("urn:uuid:é日", true),
            ("a b", true),
            (&longest, true),
            (&too_long, false),
            ("", false),
            ("two\nlines", false),
            ("\0", false),
            ("\u{7f}", false),
            ("\u{85}", false),
        ] {
            assert_eq!(is_id(id), expected, "{id:?}");
        }
    }

    #[test]
    fn key_ids_are_told_once_and_not_without_end() {
        let mut statement = Statement::default();
        for id in ["b", "a", "b", "", "a\n", "c"] {
            statement.add_key_id(id);
        }
        assert_eq!(statement.key_ids, "b\na\nc");

        statement.begin(None);
        for number in 0..2 * MOST_KEY_IDS {
            statement.add_key_id(&number.to_string());
        }
        assert_eq!(statement.key_ids.lines().count(), MOST_KEY_IDS);

        statement.begin(None);
        for number in 0..MOST_KEY_IDS {
            statement.add_key_id(&format!("{number:0LONGEST_ID$}"));
        }
        assert!(statement.key_ids.len() <= LONGEST_LIST);
        assert_eq!(
            statement.key_ids.lines().count(),
            LONGEST_LIST / (LONGEST_ID + 1)
        );
    }

    #[test]
    fn titles() {
        for (format, license_id, key_id, expected) in [
            (c"xmr", "license", "key", "key"),
            (c"xmr", "license", "", "name"),
            (c"lcp", "license", "", "license"),
            (c"lcp", "", "", "name"),
            (c"none", "", "", "name"),
        ] {
            let mut statement = Statement::default();
            statement.begin(READERS.iter().find(|reader| reader.name == format));
            statement.set_license_id(license_id);
            statement.add_key_id(key_id);
            assert_eq!(statement.title(b"name"), expected);
        }
    }
}
