//! WMDRM licenses of version 1, which are binary.
//!
//! Layout: MS-DRM 2.2 (structures LICENSE and LICENSEDATA), except where a comment says guess.
//! All numbers are little-endian.

use time::{Date, Month, Time};

use super::{Reader, Right, Statement};

pub const READER: Reader = Reader {
    name: c"wmdrm-v1",
    recognizes: |content| offset(content.bytes).is_some(),
    read: |content, _, statement| Ok(read(content.bytes, statement).is_some()),
    can_deny: true,
    is_binary: true,
    ..Reader::USUAL
};

/// Bytes of a LICENSE.
const LENGTH: usize = 165;
/// Bytes of two CERTs, which come before or after the LICENSE in a CERTIFIED_LICENSE. A guess: our
/// sources do not show their order, and their size only by analogy.
const CERTIFICATES: usize = 208;

/// licVersion is 00010000 on one page of the specification and 00010001 on another.
const VERSIONS: [[u8; 4]; 2] = [[0, 1, 0, 0], [0, 1, 0, 1]];
/// dataLen: the bytes of LICENSEDATA.
const DATA_LENGTH: [u8; 4] = [0x75, 0, 0, 0];

const KEY_ID: std::ops::Range<usize> = 48..73;
const RIGHTS: usize = 153;
const EXPIRY_DATE: usize = 161;

/// The bit of the rights that forbids a restore.
const RESTORE_DENIED: u8 = 0x04;

/// Where the LICENSE begins.
fn offset(content: &[u8]) -> Option<usize> {
    [0, CERTIFICATES].into_iter().find(|&offset| {
        let Some(license) = content.get(offset..) else {
            return false;
        };
        license.len() >= LENGTH
            && VERSIONS.iter().any(|version| license.starts_with(version))
            && license[4..].starts_with(&DATA_LENGTH)
    })
}

fn read(content: &[u8], statement: &mut Statement) -> Option<()> {
    let license = content.get(offset(content)?..)?.first_chunk::<LENGTH>()?;
    // Characters up to a NUL. That they are base64 of a GUID is only recommended.
    let key_id = license[KEY_ID].split(|byte| *byte == 0).next()?;
    statement.add_key_id(str::from_utf8(key_id).unwrap_or_default());
    statement.right = if license[RIGHTS] & RESTORE_DENIED == 0 {
        Right::Allowed
    } else {
        Right::Denied
    };
    let date = license[EXPIRY_DATE..].first_chunk()?;
    statement.valid_until = seconds_of(date);
    Some(())
}

/// The beginning of a day in UTC. A certificate's expiryDate has one byte each for century, year,
/// month and day; that a license's has, too, is a guess. All ones, presumably "never", are no
/// date.
fn seconds_of(date: &[u8; 4]) -> Option<i64> {
    let [century, year, month, day] = *date;
    let year = i32::from(century) * 100 + i32::from(year);
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    Some(date.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: [u8; 4] = [0xFF; 4];

    fn license(rights: u8, date: [u8; 4]) -> Vec<u8> {
        let mut license = vec![0; LENGTH];
        license[..8].copy_from_slice(&[0, 1, 0, 0, 0x75, 0, 0, 0]);
        license[KEY_ID].copy_from_slice(b"AAAAAAAAAAAAAAAAAAAAAA==\0");
        license[RIGHTS] = rights;
        license[EXPIRY_DATE..].copy_from_slice(&date);
        license
    }

    #[test]
    fn offsets() {
        let license = license(0, NEVER);
        let certified = [vec![1; CERTIFICATES], license.clone()].concat();
        let change = |at: usize, byte: u8| {
            let mut changed = license.clone();
            changed[at] = byte;
            changed
        };
        for (content, expected) in [
            (license.clone(), Some(0)),
            ([&license[..], b"more"].concat(), Some(0)),
            (change(3, 1), Some(0)),
            (certified.clone(), Some(CERTIFICATES)),
            (change(3, 2), None),
            (change(4, 0x76), None),
            (change(7, 1), None),
            (license[..LENGTH - 1].to_vec(), None),
            (certified[..certified.len() - 1].to_vec(), None),
            (certified[1..].to_vec(), None),
            (Vec::new(), None),
        ] {
            assert_eq!(offset(&content), expected, "{content:?}");
        }
    }

    #[test]
    fn rights() {
        for (bits, expected) in [
            (0, Right::Allowed),
            (0x03, Right::Allowed),
            (0xFB, Right::Allowed),
            (0x04, Right::Denied),
            (0xFF, Right::Denied),
        ] {
            let mut statement = Statement::default();
            assert!(read(&license(bits, NEVER), &mut statement).is_some());
            assert_eq!(statement.right, expected, "{bits:#x}");
            assert_eq!(statement.key_ids, "AAAAAAAAAAAAAAAAAAAAAA==");
        }
    }

    #[test]
    fn dates() {
        for (date, expected) in [
            ([19, 70, 1, 1], Some(0)),
            ([19, 69, 12, 31], Some(-86_400)),
            ([20, 2, 12, 30], Some(1_041_206_400)),
            ([20, 24, 2, 29], Some(1_709_164_800)),
            (NEVER, None),
            ([0; 4], None),
            ([20, 2, 0, 1], None),
            ([20, 2, 13, 1], None),
            ([20, 2, 2, 29], None),
            ([255, 255, 1, 1], None),
        ] {
            assert_eq!(seconds_of(&date), expected, "{date:?}");
        }
    }
}
