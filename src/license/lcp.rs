//! Readium LCP licences: JSON documents, alone or in a package.
//!
//! Readium LCP 1.0, and its notes on PDF and audiobooks. A licence says nothing about backup,
//! and its content key has no ID. It may hold personal data, of which nothing is read.

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};

use serde::Deserialize;
use serde::de::IgnoredAny;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zip::ZipArchive;

use super::{Excerpt, Format, MOST_INSPECTED, Statement};

/// Where a package has its licence: an EPUB, and every other kind.
const IN_PACKAGES: [&str; 2] = ["META-INF/license.lcpl", "license.lcpl"];

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

/// Reads the licence in an EPUB, a PDF package or an audiobook, which are ZIP files.
pub fn read_package(excerpt: Excerpt<'_>, statement: &mut Statement) -> Option<Format> {
    let mut package = ZipArchive::new(Package {
        excerpt,
        position: 0,
    })
    .ok()?;
    let index = IN_PACKAGES
        .iter()
        .find_map(|path| package.index_for_name(path))?;
    let file = package.by_index(index).ok()?;
    let mut json = Vec::new();
    file.take(MOST_INSPECTED as u64)
        .read_to_end(&mut json)
        .ok()?;
    read(&json, statement)
}

/// A package of which the beginning and the end are there. What lies between is an error.
struct Package<'a> {
    excerpt: Excerpt<'a>,
    position: u64,
}

impl Read for Package<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Excerpt { head, tail, size } = self.excerpt;
        let tail_offset = size - tail.len() as u64;
        let rest = match self.position {
            position if position < head.len() as u64 => &head[position as usize..],
            position if position >= size => &[],
            position if position >= tail_offset => &tail[(position - tail_offset) as usize..],
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for Package<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.excerpt.size.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
