//! Readium LCP licences: JSON documents.
//!
//! Readium LCP 1.0. A licence says nothing about backup,
//! and its content key has no ID. It may hold personal data, of which nothing is read.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Format, Statement};

#[derive(Deserialize)]
struct License<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, rename = "provider")]
    _provider: Cow<'a, str>,
    #[serde(borrow, rename = "encryption")]
    _encryption: Encryption<'a>,
    #[serde(borrow, default)]
    rights: Option<Rights<'a>>,
    #[serde(rename = "links")]
    _links: IgnoredAny,
    #[serde(rename = "signature")]
    _signature: IgnoredAny,
}

#[derive(Deserialize)]
struct Encryption<'a> {
    #[serde(borrow, rename = "profile")]
    _profile: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
struct Rights<'a> {
    #[serde(borrow, default)]
    start: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    end: Option<Cow<'a, str>>,
}

pub fn read(json: &[u8], statement: &mut Statement) -> Option<Format> {
    let license: License = serde_json::from_slice(json).ok()?;
    statement.set_license_id(&license.id);
    let rights = license.rights.unwrap_or_default();
    statement.valid_from = rights.start.as_deref().and_then(seconds_of);
    statement.valid_until = rights.end.as_deref().and_then(seconds_of);
    Some(Format::Lcp)
}

fn seconds_of(date: &str) -> Option<i64> {
    let date = OffsetDateTime::parse(date, &Rfc3339).ok()?;
    Some(date.unix_timestamp())
}
