//! WMDRM licences of version 1, which are binary.
//!
//! Layout: MS-DRM 2.2 (structures LICENSE and LICENSEDATA), except where a comment says guess.
//! All numbers are little-endian.

use time::{Date, Month, Time};

use super::{Format, Right, Statement};

/// Bytes of a LICENSE.
const LENGTH: usize = 165;
/// Bytes of two CERTs, which precede the LICENSE in a CERTIFIED_LICENSE or follow it. A guess:
/// our sources show neither their order nor, but by analogy, their size.
const CERTIFICATES: usize = 208;

/// licVersion is 00010000 on one page of the specification and 00010001 on another.
const VERSIONS: [[u8; 4]; 2] = [[0, 1, 0, 0], [0, 1, 0, 1]];
/// dataLen: the bytes of LICENSEDATA.
const DATA_LENGTH: [u8; 4] = [0x75, 0, 0, 0];

const KEY_ID: std::ops::Range<usize> = 48..73;
const RIGHTS: usize = 153;
const EXPIRY_DATE: usize = 161;

/// The bit of the rights that says: must not be restored.
const RESTORE_DENIED: u8 = 0x04;

/// Where in the content the LICENSE begins.
pub fn offset(content: &[u8]) -> Option<usize> {
    [0, CERTIFICATES].into_iter().find(|&offset| {
        let Some(license) = content.get(offset..) else {
            return false;
        };
        license.len() >= LENGTH
            && VERSIONS.iter().any(|version| license.starts_with(version))
            && license[4..].starts_with(&DATA_LENGTH)
    })
}

pub fn read(content: &[u8], statement: &mut Statement) -> Option<Format> {
    let license = content.get(offset(content)?..)?.first_chunk::<LENGTH>()?;
    // Characters up to a NUL. That they are base64 of a GUID is only recommended.
    let key_id = license[KEY_ID].split(|byte| *byte == 0).next()?;
    statement.add_key_id(str::from_utf8(key_id).unwrap_or_default());
    statement.right = match license[RIGHTS] & RESTORE_DENIED {
        0 => Right::Allowed,
        _ => Right::Denied,
    };
    let date = license[EXPIRY_DATE..].first_chunk()?;
    statement.valid_until = seconds_of(date);
    Some(Format::WmdrmV1)
}

/// The beginning of a day in UTC. The coding is that of a certificate's expiryDate, one byte
/// each for century, year, month and day; that a licence's is the same is a guess. All ones,
/// presumably "never", are no date.
fn seconds_of(date: &[u8; 4]) -> Option<i64> {
    let [century, year, month, day] = *date;
    let year = i32::from(century) * 100 + i32::from(year);
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    Some(date.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp())
}
