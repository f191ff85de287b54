//! Readium LCP licenses: JSON documents.
//!
//! A license document is what Readium's toolkits take for one: a JSON object with the members
//! `id`, `issued`, `provider` and `encryption`, whatever their values are (SniffLCPLicense in
//! readium/go-toolkit, LCPLicenseFormatSniffer in readium/swift-toolkit, LcpLicenseSpecification
//! in readium/kotlin-toolkit). A license says nothing about backup, and its content key has no
//! ID. It may hold personal data, of which nothing is read.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Reader, Statement};

pub const READER: Reader = Reader {
    name: c"lcp",
    recognizes: |content| content.text.starts_with(b"{"),
    read: |content, _, statement| Ok(read(content.text, statement)),
    names_keys: false,
    ..Reader::USUAL
};

/// Reads a license document; false if the text is none.
pub fn read(json: &[u8], statement: &mut Statement) -> bool {
    let Ok(license) = serde_json::from_slice::<License>(json) else {
        return false;
    };
    let (Some(id), true) = (license.id, license.has_the_others()) else {
        return false;
    };
    // What is no text is no ID.
    if let Ok(id) = serde_json::from_str::<Cow<str>>(id.get()) {
        statement.set_license_id(&id);
    }
    let rights = license.rights.map(RawValue::get).map(serde_json::from_str);
    let rights = rights.and_then(Result::ok).unwrap_or_default();
    let Rights { start, end } = rights;
    statement.valid_from = start.and_then(seconds_of);
    statement.valid_until = end.and_then(seconds_of);
    true
}

/// The members of a JSON object that tell a license document. Of one that comes twice the last
/// counts, as in the toolkits.
#[derive(Default)]
struct License<'a> {
    id: Option<&'a RawValue>,
    rights: Option<&'a RawValue>,
    has_issued: bool,
    has_provider: bool,
    has_encryption: bool,
}

impl License<'_> {
    fn has_the_others(&self) -> bool {
        self.has_issued && self.has_provider && self.has_encryption
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Member {
    Id,
    Issued,
    Provider,
    Encryption,
    Rights,
    #[serde(other)]
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for License<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = License<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<License<'de>, A::Error> {
        let mut license = License::default();
        while let Some(member) = members.next_key()? {
            match member {
                Member::Id => license.id = Some(members.next_value()?),
                Member::Rights => license.rights = Some(members.next_value()?),
                other => {
                    members.next_value::<IgnoredAny>()?;
                    license.has_issued |= matches!(other, Member::Issued);
                    license.has_provider |= matches!(other, Member::Provider);
                    license.has_encryption |= matches!(other, Member::Encryption);
                }
            }
        }
        Ok(license)
    }
}

#[derive(Default, Deserialize)]
struct Rights<'a> {
    #[serde(borrow, default)]
    start: Option<&'a RawValue>,
    #[serde(borrow, default)]
    end: Option<&'a RawValue>,
}

/// Dates as RFC 3339 has them; anything else is no date.
fn seconds_of(date: &RawValue) -> Option<i64> {
    let date = serde_json::from_str::<Cow<str>>(date.get()).ok()?;
    let date = OffsetDateTime::parse(&date, &Rfc3339).ok()?;
    Some(date.unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = r#""id":"x","issued":"","provider":"","encryption":{}"#;

    fn said(json: &str) -> Option<(String, Option<i64>, Option<i64>)> {
        let mut statement = Statement::default();
        let known = read(json.as_bytes(), &mut statement);
        known.then_some((
            statement.license_id,
            statement.valid_from,
            statement.valid_until,
        ))
    }

    #[test]
    fn documents() {
        for (json, expected) in [
            // As little as the toolkits ask for, in any form.
            (format!("{{{ALL}}}"), true),
            (format!("\n{{ {ALL} }} \n"), true),
            (
                format!(r#"{{{ALL},"links":5,"rights":[],"signature":null}}"#),
                true,
            ),
            (format!(r#"{{{ALL},"new":{{"a":[1]}}}}"#), true),
            (
                r#"{"id":5,"issued":5,"provider":null,"encryption":[]}"#.into(),
                true,
            ),
            (
                r#"{"\u0069d":"x","issued":1,"provider":1,"encryption":1}"#.into(),
                true,
            ),
            // The members of what lies within are others.
            (format!(r#"{{"license":{{{ALL}}}}}"#), false),
            (format!("[{{{ALL}}}]"), false),
            (
                r#"{"issued":"","provider":"","encryption":{}}"#.into(),
                false,
            ),
            (r#"{"id":"","provider":"","encryption":{}}"#.into(), false),
            (r#"{"id":"","issued":"","encryption":{}}"#.into(), false),
            (r#"{"id":"","issued":"","provider":""}"#.into(), false),
            (
                r#"{"ID":"","issued":"","provider":"","encryption":{}}"#.into(),
                false,
            ),
            (format!("{{{ALL}"), false),
            (format!("{{{ALL}}}}}"), false),
            (format!("{{{ALL}}}{{{ALL}}}"), false),
            (format!("// a comment\n{{{ALL}}}"), false),
            ("{}".into(), false),
            (String::new(), false),
        ] {
            assert_eq!(said(&json).is_some(), expected, "{json}");
        }
    }

    #[test]
    fn ids_and_dates() {
        let rights = |rights: &str| format!(r#"{{{ALL},"rights":{rights}}}"#);
        let document = |id: &str| format!("{{{ALL},\"id\":{id}}}");
        for (json, id, from, until) in [
            (document(r#""last""#), "last", None, None),
            (document(r#""\u00e9\/\"""#), "é/\"", None, None),
            (document(r#""two\nlines""#), "", None, None),
            (document("5"), "", None, None),
            (document("null"), "", None, None),
            (document(r#"{"id":"y"}"#), "", None, None),
            (rights("null"), "x", None, None),
            (rights("{}"), "x", None, None),
            (
                rights(r#"[{"end":"1970-01-01T00:00:01Z"}]"#),
                "x",
                None,
                None,
            ),
            (
                rights(r#"{"start":"1970-01-01T00:00:01Z"}"#),
                "x",
                Some(1),
                None,
            ),
            (
                rights(r#"{"start":5,"end":"1970-01-01T01:00:02+01:00"}"#),
                "x",
                None,
                Some(2),
            ),
            (rights(r#"{"end":"1970-01-01"}"#), "x", None, None),
            (rights(r#"{"end":null,"print":1}"#), "x", None, None),
        ] {
            assert_eq!(said(&json), Some((id.into(), from, until)), "{json}");
        }
    }
}
