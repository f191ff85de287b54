//! XMR, the binary licenses of PlayReady and of WMDRM 3.0.0.0.
//!
//! Microsoft's specification is not public. Header, nesting and the types below agree in the
//! public parsers playready-rs and pyplayready and in Microsoft's documented sample, except
//! where a comment says guess. All numbers are big-endian.

use super::text::EncodedId;
use super::{Reader, Right, Statement};

pub const READER: Reader = Reader {
    name: c"xmr",
    recognizes: |content| content.bytes.starts_with(MAGIC),
    read: |content, _, statement| Ok(read(content.bytes, statement).is_some()),
    can_deny: true,
    is_binary: true,
    ..Reader::USUAL
};

/// "XMR" and a NUL; the version follows.
const MAGIC: &[u8] = b"XMR\0";
/// The one version whose layout is known.
const VERSION: u32 = 3;
const RIGHTS_ID: usize = 8;
const HEADER: usize = 24;

/// Flags, type and length of an object. The length includes these bytes.
const OBJECT_HEADER: usize = 8;
/// The flag of an object whose content is objects.
const CONTAINER: u16 = 0x0002;

/// How deep objects may be nested. In samples it is three.
const DEEPEST: usize = 4;

const OUTER_CONTAINER: u16 = 0x0001;
const GLOBAL_POLICY: u16 = 0x0002;
const PLAYBACK_POLICY: u16 = 0x0004;
const OUTPUT_PROTECTION: u16 = 0x0005;
const KEY_MATERIAL: u16 = 0x0009;
const CONTENT_KEY: u16 = 0x000A;
const RIGHTS_SETTINGS: u16 = 0x000D;
const EXPIRATION: u16 = 0x0012;

/// The bit of the rights settings that forbids keeping the license (a guess, from samples and
/// from what Microsoft's test server is asked for). Which bit allows backup is not public, so no
/// other is read.
const CANNOT_PERSIST: u16 = 0x0001;

/// An end date of all ones is none (a guess); a begin date of 0 is none.
const NO_END: u32 = u32::MAX;

/// None if the objects do not nest as they should.
fn read(content: &[u8], statement: &mut Statement) -> Option<()> {
    let (header, objects) = content.split_first_chunk::<HEADER>()?;
    if u32_at(header, 4)? != VERSION {
        return Some(());
    }
    // That the rights ID is the license's ID is a guess.
    let id = header.get(RIGHTS_ID..)?.first_chunk()?;
    statement.set_license_id(EncodedId::new(id).as_str());
    read_objects(without_padding(objects), 0, statement)
}

/// The objects without what may follow the last one: a line break, or other blanks that were
/// added when the license was stored.
fn without_padding(objects: &[u8]) -> &[u8] {
    let mut rest = objects;
    while let Some(object) = Object::first(rest) {
        rest = object.rest;
    }
    let is_blank = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    if rest.iter().all(is_blank) {
        &objects[..objects.len() - rest.len()]
    } else {
        objects
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*bytes))
}

struct Object<'a> {
    kind: u16,
    flags: u16,
    content: &'a [u8],
    /// What follows the object.
    rest: &'a [u8],
}

impl<'a> Object<'a> {
    fn first(objects: &'a [u8]) -> Option<Self> {
        let length = usize::try_from(u32_at(objects, 4)?).ok()?;
        let (object, rest) = objects.split_at_checked(length)?;
        Some(Object {
            kind: u16_at(object, 2)?,
            flags: u16_at(object, 0)?,
            content: object.get(OBJECT_HEADER..)?,
            rest,
        })
    }
}

fn read_objects(mut objects: &[u8], depth: usize, statement: &mut Statement) -> Option<()> {
    while !objects.is_empty() {
        let object = Object::first(objects)?;
        objects = object.rest;
        let content = object.content;
        match object.kind {
            CONTENT_KEY => {
                let key_id = content.first_chunk()?;
                statement.add_key_id(EncodedId::new(key_id).as_str());
            }
            RIGHTS_SETTINGS => {
                let cannot_persist = u16_at(content, 0)? & CANNOT_PERSIST != 0;
                let right = cannot_persist.then_some(Right::Denied);
                statement.right = right.unwrap_or(statement.right);
            }
            EXPIRATION => read_expiration(content, statement)?,
            // Its layout is fixed, whatever its flags say.
            OUTPUT_PROTECTION => {}
            OUTER_CONTAINER | GLOBAL_POLICY | PLAYBACK_POLICY | KEY_MATERIAL if depth < DEEPEST => {
                read_objects(content, depth + 1, statement)?;
            }
            // It is not certain that an unknown type holds objects. Those it has count; none of
            // them can allow more.
            _ if object.flags & CONTAINER != 0 && depth < DEEPEST => {
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

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: u16 = 1;
    const NESTED: u16 = 3;

    fn object(kind: u16, flags: u16, content: &[u8]) -> Vec<u8> {
        let length = (OBJECT_HEADER + content.len()) as u32;
        [
            &flags.to_be_bytes()[..],
            &kind.to_be_bytes(),
            &length.to_be_bytes(),
            content,
        ]
        .concat()
    }

    fn license(version: u32, objects: &[u8]) -> Vec<u8> {
        [MAGIC, &version.to_be_bytes(), &[7; 16], objects].concat()
    }

    fn outer(objects: &[u8]) -> Vec<u8> {
        license(VERSION, &object(OUTER_CONTAINER, NESTED, objects))
    }

    fn settings(bits: u16) -> Vec<u8> {
        object(RIGHTS_SETTINGS, PLAIN, &bits.to_be_bytes())
    }

    fn said(content: &[u8]) -> Option<Statement> {
        let mut statement = Statement::default();
        read(content, &mut statement).map(|()| statement)
    }

    #[test]
    fn rights() {
        let policy = |objects: &[u8]| object(GLOBAL_POLICY, NESTED, objects);
        let both = [settings(CANNOT_PERSIST), settings(0)].concat();
        for (content, expected) in [
            (outer(&[]), Right::NotStated),
            (outer(&policy(&settings(0xFFFE))), Right::NotStated),
            (outer(&policy(&settings(CANNOT_PERSIST))), Right::Denied),
            (outer(&policy(&both)), Right::Denied),
            (outer(&settings(CANNOT_PERSIST)), Right::Denied),
            // As playready-rs reads them: several objects, and containers by their type alone.
            (license(VERSION, &[]), Right::NotStated),
            (license(VERSION, &both), Right::Denied),
            (
                license(VERSION, &object(OUTER_CONTAINER, PLAIN, &both)),
                Right::Denied,
            ),
            (outer(&object(0x7777, NESTED, &settings(1))), Right::Denied),
            (
                outer(&object(0x7777, PLAIN, &settings(1))),
                Right::NotStated,
            ),
            // The layout of other versions is not known.
            (license(2, &settings(1)), Right::NotStated),
            (license(4, b"anything"), Right::NotStated),
        ] {
            let statement = said(&content).expect("a license");
            assert_eq!(statement.right, expected, "{content:?}");
        }
    }

    #[test]
    fn what_does_not_nest() {
        let whole = outer(&object(GLOBAL_POLICY, NESTED, &settings(1)));
        let with_length = |at: usize, length: u32| {
            let mut changed = whole.clone();
            changed[at..at + 4].copy_from_slice(&length.to_be_bytes());
            changed
        };
        let length = u32::from_be_bytes(*whole[28..].first_chunk().unwrap());
        for content in [
            whole[..whole.len() - 1].to_vec(),
            whole[..HEADER - 1].to_vec(),
            [&whole[..], b"x"].concat(),
            [&whole[..], b"\n\0x"].concat(),
            with_length(28, 0),
            with_length(28, 7),
            with_length(28, length - 1),
            with_length(28, length + 1),
            with_length(36, u32::MAX),
            outer(&object(RIGHTS_SETTINGS, PLAIN, &[0])),
            outer(&object(EXPIRATION, PLAIN, &[0; 7])),
            outer(&object(CONTENT_KEY, PLAIN, &[0; 15])),
            outer(&object(KEY_MATERIAL, PLAIN, b"no objects")),
        ] {
            assert!(said(&content).is_none(), "{content:?}");
        }
        for padding in [&b"\n"[..], b"\r\n", &[0; 500], b" \0\t"] {
            assert!(said(&[&whole[..], padding].concat()).is_some());
        }
        assert!(said(&outer(&object(0x7777, NESTED, b"no objects"))).is_some());
    }

    #[test]
    fn keys() {
        let key = |byte: u8| object(CONTENT_KEY, PLAIN, &[byte; 22]);
        let keys = object(KEY_MATERIAL, NESTED, &[key(1), key(2), key(1)].concat());
        let statement = said(&outer(&keys)).unwrap();
        let ids = [1, 2].map(|byte| EncodedId::new(&[byte; 16]).as_str().to_owned());
        assert_eq!(statement.key_ids, ids.join("\n"));
        assert_eq!(statement.license_id, EncodedId::new(&[7; 16]).as_str());

        let mut nested = key(1);
        for _ in 0..2000 {
            nested = object(0x7777, NESTED, &nested);
        }
        assert_eq!(said(&outer(&nested)).unwrap().key_ids, "");
    }

    #[test]
    fn dates() {
        let expiration = |begin: u32, end: u32| {
            object(
                EXPIRATION,
                PLAIN,
                &[begin.to_be_bytes(), end.to_be_bytes()].concat(),
            )
        };
        let several = [expiration(5, 90), expiration(0, 80), expiration(7, NO_END)].concat();
        for (objects, from, until) in [
            (expiration(0, NO_END), None, None),
            (expiration(5, NO_END), Some(5), None),
            (expiration(0, 9), None, Some(9)),
            (
                expiration(1, NO_END - 1),
                Some(1),
                Some(i64::from(NO_END - 1)),
            ),
            (several, Some(7), Some(80)),
        ] {
            let statement = said(&outer(&objects)).unwrap();
            assert_eq!((statement.valid_from, statement.valid_until), (from, until));
        }
    }
}
