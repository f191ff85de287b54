//! XMR, the binary licences of PlayReady and of WMDRM 3.0.0.0.
//!
//! Microsoft's specification is not public. Header, nesting and the types below agree in the
//! public parsers playready-rs and pyplayready and in Microsoft's documented sample, except
//! where a comment says guess. All numbers are big-endian.

use super::text::EncodedId;
use super::{Format, Right, Statement};

/// "XMR", NUL, then the version.
const MAGIC: &[u8] = b"XMR\0";
/// The one version whose layout is known.
const VERSION: u32 = 3;
const RIGHTS_ID: usize = 8;
const HEADER: usize = 24;

/// An object: flags, type, length with these bytes.
const OBJECT_HEADER: usize = 8;
/// The object's content is objects.
const CONTAINER: u16 = 0x0002;

/// Objects within objects, at the most. Samples have three.
const DEEPEST: usize = 4;

const OUTER_CONTAINER: u16 = 0x0001;
const GLOBAL_POLICY: u16 = 0x0002;
const PLAYBACK_POLICY: u16 = 0x0004;
const OUTPUT_PROTECTION: u16 = 0x0005;
const KEY_MATERIAL: u16 = 0x0009;
const CONTENT_KEY: u16 = 0x000A;
const RIGHTS_SETTINGS: u16 = 0x000D;
const EXPIRATION: u16 = 0x0012;

/// The bit of the rights settings that says: must not be kept (a guess, from samples and from
/// what Microsoft's test server is asked for). Which bit says that backup is allowed is not
/// public, so nothing else is read from them.
const CANNOT_PERSIST: u16 = 0x0001;

/// An end date of all ones is none (a guess); a begin date of 0 is none.
const NO_END: u32 = u32::MAX;

pub fn begins(content: &[u8]) -> bool {
    content.starts_with(MAGIC)
}

/// None when the objects do not nest as they should.
pub fn read(content: &[u8], statement: &mut Statement) -> Option<Format> {
    let (header, objects) = content.split_first_chunk::<HEADER>()?;
    let version = u32_at(header, 4)?;
    if version != VERSION {
        return Some(Format::Xmr);
    }
    let (kind, _, _, rest) = first_object(objects)?;
    // A line's end at the end is the work of whoever stored it.
    let blank = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    if kind != OUTER_CONTAINER || !rest.iter().all(blank) {
        return None;
    }
    let objects = &objects[..objects.len() - rest.len()];
    // That the rights ID serves as the licence's is a guess.
    let id = header.get(RIGHTS_ID..)?.first_chunk()?;
    statement.set_license_id(EncodedId::new(id).as_str());
    read_objects(objects, 0, statement)?;
    Some(Format::Xmr)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*bytes))
}

/// Type, flags and content of the first object, and what follows it.
fn first_object(objects: &[u8]) -> Option<(u16, u16, &[u8], &[u8])> {
    let length = usize::try_from(u32_at(objects, 4)?).ok()?;
    if length < OBJECT_HEADER {
        return None;
    }
    let (object, rest) = objects.split_at_checked(length)?;
    let flags = u16_at(object, 0)?;
    let kind = u16_at(object, 2)?;
    Some((kind, flags, &object[OBJECT_HEADER..], rest))
}

fn read_objects(mut objects: &[u8], depth: usize, statement: &mut Statement) -> Option<()> {
    while !objects.is_empty() {
        let (kind, flags, content, rest) = first_object(objects)?;
        objects = rest;
        let nests = flags & CONTAINER != 0 && depth < DEEPEST;
        match kind {
            CONTENT_KEY => {
                let key_id = content.first_chunk()?;
                statement.add_key_id(EncodedId::new(key_id).as_str());
            }
            RIGHTS_SETTINGS => {
                let denied = u16_at(content, 0)? & CANNOT_PERSIST != 0;
                statement.right = match denied {
                    true => Right::Denied,
                    false => statement.right,
                };
            }
            EXPIRATION => read_expiration(content, statement)?,
            // Has a fixed layout, whatever its flags.
            OUTPUT_PROTECTION => {}
            OUTER_CONTAINER | GLOBAL_POLICY | PLAYBACK_POLICY | KEY_MATERIAL if nests => {
                read_objects(content, depth + 1, statement)?;
            }
            // Of an unknown type it is not sure that its content is objects. What is right
            // in it counts; nothing in it can allow more.
            _ if nests => {
                let _ = read_objects(content, depth + 1, statement);
            }
            _ => {}
        }
    }
    Some(())
}

/// Dates are Unix seconds. That several restrictions hold together is a guess.
fn read_expiration(content: &[u8], statement: &mut Statement) -> Option<()> {
    let begin = Some(u32_at(content, 0)?).filter(|begin| *begin != 0);
    let end = Some(u32_at(content, 4)?).filter(|end| *end != NO_END);
    if let Some(begin) = begin.map(i64::from) {
        let known = statement.valid_from;
        statement.valid_from = Some(known.map_or(begin, |known| known.max(begin)));
    }
    if let Some(end) = end.map(i64::from) {
        let known = statement.valid_until;
        statement.valid_until = Some(known.map_or(end, |known| known.min(end)));
    }
    Some(())
}
