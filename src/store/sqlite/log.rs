//! The log that transactions are appended to before their pages are moved to the database, and
//! the index that its users share (<https://www.sqlite.org/walformat.html>,
//! <https://www.sqlite.org/fileformat.html>, 4).

use super::journal::Unreadable;
use super::view::{Content, Pieces, Places, add_place, number};

/// The last bit says in which order the bytes of the numbers are that checksums are made of.
const MAGIC: u32 = 0x377F_0682;
const VERSION: u32 = 3_007_000;

const HEADER: usize = 32;
const SALTS: std::ops::Range<usize> = 16..24;
const CHECKSUM: usize = 24;

/// Of a frame, which is a page: its number, how many pages the database has after it if a
/// transaction ends with it, the log's salts, and the checksum of all up to its end.
const FRAME_HEADER: usize = 24;
const FRAME_SALTS: std::ops::Range<usize> = 8..16;
const FRAME_CHECKSUM: usize = 16;

/// What is to be taken from a log.
#[derive(Debug, PartialEq, Eq)]
pub struct Log {
    pub page_size: u32,
    /// Of the database with the log.
    pub pages: u32,
    pub places: Places,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Checksum(u32, u32);

impl Checksum {
    fn at(bytes: &[u8], at: usize) -> Self {
        Checksum(number(bytes, at), number(bytes, at + 4))
    }

    /// With more bytes, a multiple of 8.
    fn add(self, bytes: &[u8], high_first: bool) -> Self {
        let words = bytes.chunks_exact(8).map(|eight| {
            let (one, other) = (
                [eight[0], eight[1], eight[2], eight[3]],
                [eight[4], eight[5], eight[6], eight[7]],
            );
            if high_first {
                (u32::from_be_bytes(one), u32::from_be_bytes(other))
            } else {
                (u32::from_le_bytes(one), u32::from_le_bytes(other))
            }
        });
        words.fold(self, |Checksum(first, second), (one, other)| {
            let first = first.wrapping_add(one).wrapping_add(second);
            Checksum(first, second.wrapping_add(other).wrapping_add(first))
        })
    }
}

/// The header of a log.
struct Header {
    page_size: u32,
    salts: [u8; 8],
    high_first: bool,
    checksum: Checksum,
}

impl Header {
    /// None when there is nothing in the log.
    fn read(bytes: &[u8]) -> Result<Option<Self>, Unreadable> {
        let magic = number(bytes, 0);
        let page_size = number(bytes, 8);
        let high_first = magic & 1 == 1;
        let checksum = Checksum::default().add(&bytes[..CHECKSUM], high_first);
        if magic & !1 != MAGIC
            || !page_size.is_power_of_two()
            || !(512..=1 << 16).contains(&page_size)
            || checksum != Checksum::at(bytes, CHECKSUM)
        {
            return Ok(None);
        }
        if number(bytes, 4) != VERSION {
            return Err(Unreadable::Unknown);
        }
        let mut salts = [0; 8];
        salts.copy_from_slice(&bytes[SALTS]);
        Ok(Some(Header {
            page_size,
            salts,
            high_first,
            checksum,
        }))
    }
}

/// How far a log goes, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    frames: u32,
    salts: [u8; 8],
}

/// Reads a log, as SQLite does that opens it first: whole transactions, up to the first frame that
/// is not sound. None when there is none. With an extent, which is that of those who use it now,
/// exactly so many frames: those after it may be written to at any moment.
pub fn read<C: Content>(
    log: &C,
    extent: Option<Extent>,
    stops: &dyn Fn() -> bool,
) -> Result<Option<Log>, Unreadable> {
    let mut file = Pieces::new(log);
    let most = extent.map_or(u32::MAX, |extent| extent.frames);
    let Some(header) = file.get(0, HEADER)? else {
        return ended(None, most, extent);
    };
    let Some(header) = Header::read(header)? else {
        return ended(None, most, extent);
    };
    if extent.is_some_and(|extent| extent.salts != header.salts) {
        return ended(None, most, extent);
    }
    let length = FRAME_HEADER + header.page_size as usize;
    let mut places = Vec::new();
    // Frames and pages up to the end of the last whole transaction.
    let (mut frames, mut pages) = (0, 0);
    let mut checksum = header.checksum;
    for frame in 0..most {
        if stops() {
            return Err(Unreadable::Stopped);
        }
        let at = HEADER as u64 + u64::from(frame) * length as u64;
        let Some(bytes) = file.get(at, length)? else {
            break;
        };
        let (page, ends) = (number(bytes, 0), number(bytes, 4));
        checksum = checksum
            .add(&bytes[..8], header.high_first)
            .add(&bytes[FRAME_HEADER..], header.high_first);
        if bytes[FRAME_SALTS] != header.salts
            || page == 0
            || checksum != Checksum::at(bytes, FRAME_CHECKSUM)
        {
            break;
        }
        if !add_place(&mut places, page, at + FRAME_HEADER as u64) {
            return Err(Unreadable::TooLarge);
        }
        if ends != 0 {
            (frames, pages) = (frame + 1, ends);
        }
    }
    places.truncate(frames as usize);
    let log = (frames > 0).then(|| Log {
        page_size: header.page_size,
        pages,
        places: Places::new(places),
    });
    ended(log, frames, extent)
}

/// What was read, unless the index says otherwise: then it is to be read again.
fn ended(log: Option<Log>, frames: u32, extent: Option<Extent>) -> Result<Option<Log>, Unreadable> {
    match extent {
        Some(extent) if extent.frames > 0 && (log.is_none() || frames != extent.frames) => {
            Err(Unreadable::Stopped)
        }
        _ => Ok(log),
    }
}

/// Bytes of the index that say how far the log goes, two times.
pub const INDEX_HEADER: usize = 2 * EXTENT;
const EXTENT: usize = 48;
/// In one of them: its version, whether it was filled in, frames, the log's salts, and the checksum
/// of what is before that.
const INITIALIZED: usize = 12;
const FRAMES: usize = 16;
const INDEX_SALTS: std::ops::Range<usize> = 32..40;
const INDEX_CHECKSUM: usize = 40;

impl Extent {
    /// How far the log goes, by the beginning of its index; None when that does not say it, or is
    /// being written at this moment.
    pub fn read(index: &[u8; INDEX_HEADER]) -> Option<Self> {
        let native = |at: usize| {
            let mut four = [0; 4];
            four.copy_from_slice(&index[at..at + 4]);
            u32::from_ne_bytes(four)
        };
        let (one, other) = index.split_at(EXTENT);
        let checksum = Checksum::default().add(&one[..INDEX_CHECKSUM], cfg!(target_endian = "big"));
        let sound = one == other
            && native(0) == VERSION
            && index[INITIALIZED] != 0
            && checksum == Checksum(native(INDEX_CHECKSUM), native(INDEX_CHECKSUM + 4));
        let mut salts = [0; 8];
        salts.copy_from_slice(&index[INDEX_SALTS]);
        sound.then(|| Extent {
            frames: native(FRAMES),
            salts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 512;
    const SALT: [u8; 8] = *b"saltsalt";

    /// A log as SQLite writes it: (page, pages of the database if a transaction ends there).
    fn log(frames: &[(u32, u32)], high_first: bool) -> Vec<u8> {
        let mut log = Vec::new();
        for field in [MAGIC | u32::from(high_first), VERSION, PAGE as u32, 3] {
            log.extend_from_slice(&field.to_be_bytes());
        }
        log.extend_from_slice(&SALT);
        let mut sum = Checksum::default().add(&log, high_first);
        let write = |log: &mut Vec<u8>, sum: Checksum| {
            log.extend_from_slice(&sum.0.to_be_bytes());
            log.extend_from_slice(&sum.1.to_be_bytes());
        };
        write(&mut log, sum);
        for (index, &(page, ends)) in frames.iter().enumerate() {
            let head = [page.to_be_bytes(), ends.to_be_bytes()].concat();
            let content = [index as u8; PAGE];
            sum = sum.add(&head, high_first).add(&content, high_first);
            log.extend_from_slice(&head);
            log.extend_from_slice(&SALT);
            write(&mut log, sum);
            log.extend_from_slice(&content);
        }
        log
    }

    fn frame(index: u64) -> u64 {
        (HEADER + FRAME_HEADER) as u64 + index * (FRAME_HEADER + PAGE) as u64
    }

    /// Pages of the database, and where those in the log lie.
    type Found = Option<(u32, Vec<(u32, u64)>)>;

    fn read_to(log: &[u8], extent: Option<Extent>) -> Result<Found, Unreadable> {
        let found = super::read(&log, extent, &|| false)?;
        Ok(found.map(|found| {
            assert_eq!(found.page_size, PAGE as u32);
            let places = (1..9).filter_map(|page| Some((page, found.places.find(page)?)));
            (found.pages, places.collect())
        }))
    }

    fn read(log: &[u8]) -> Found {
        read_to(log, None).expect("unreadable")
    }

    #[test]
    fn whole_transactions_only() {
        for high_first in [false, true] {
            let frames = [(1, 0), (2, 2), (1, 0), (3, 3), (2, 0)];
            let whole = log(&frames, high_first);
            let both = (3, vec![(1, frame(2)), (2, frame(1)), (3, frame(3))]);
            assert_eq!(read(&whole), Some(both.clone()));
            let length = |frames: u64| (frame(frames) - FRAME_HEADER as u64) as usize;
            assert_eq!(read(&whole[..length(4)]), Some(both));
            let first = (2, vec![(1, frame(0)), (2, frame(1))]);
            assert_eq!(read(&whole[..length(4) - 1]), Some(first.clone()));
            assert_eq!(read(&whole[..length(1)]), None);
            assert_eq!(read(&whole[..HEADER]), None);
            assert_eq!(read(&whole[..20]), None);
            // A bit of a frame: what comes after it counts no more.
            for at in [0, 5, 9, 17, 30, 400] {
                let mut other = whole.clone();
                other[length(2) + at] ^= 1;
                assert_eq!(read(&other), Some(first.clone()), "{at}");
            }
            // A bit of the header: there is nothing in it.
            for at in [0, 8, 16, 24, 31] {
                let mut other = whole.clone();
                other[at] ^= 0x10;
                assert_eq!(read(&other), None, "{at}");
            }
        }
    }

    #[test]
    fn a_version_that_is_not_known() {
        let mut other = log(&[(1, 1)], false);
        other[7] ^= 1;
        let Checksum(first, second) = Checksum::default().add(&other[..CHECKSUM], false);
        other[CHECKSUM..CHECKSUM + 4].copy_from_slice(&first.to_be_bytes());
        other[CHECKSUM + 4..HEADER].copy_from_slice(&second.to_be_bytes());
        assert_eq!(read_to(&other, None), Err(Unreadable::Unknown));
    }

    fn index(frames: u32) -> [u8; INDEX_HEADER] {
        let mut one = Vec::new();
        for field in [VERSION, 0, 9] {
            one.extend_from_slice(&u32::to_ne_bytes(field));
        }
        one.extend_from_slice(&[1, 0, 0, 2]);
        for field in [frames, 5, 0, 0] {
            one.extend_from_slice(&u32::to_ne_bytes(field));
        }
        one.extend_from_slice(&SALT);
        let Checksum(first, second) = Checksum::default().add(&one, cfg!(target_endian = "big"));
        one.extend_from_slice(&first.to_ne_bytes());
        one.extend_from_slice(&second.to_ne_bytes());
        let mut both = [0; INDEX_HEADER];
        both[..EXTENT].copy_from_slice(&one);
        both[EXTENT..].copy_from_slice(&one);
        both
    }

    #[test]
    fn as_far_as_the_index_says() {
        let extent = |frames| Extent::read(&index(frames));
        let whole = log(&[(1, 1), (2, 2), (1, 2)], false);
        let two = (2, vec![(1, frame(0)), (2, frame(1))]);
        assert_eq!(read_to(&whole, extent(2)), Ok(Some(two)));
        assert_eq!(read_to(&whole, extent(0)), Ok(None));
        // It is being written to, or begun anew.
        assert_eq!(read_to(&whole, extent(4)), Err(Unreadable::Stopped));
        let mut others = whole.clone();
        others[16] ^= 1;
        assert_eq!(read_to(&others, extent(2)), Err(Unreadable::Stopped));
        assert_eq!(read_to(&others, extent(0)), Ok(None));
        // Not at the end of a transaction.
        let open = log(&[(1, 1), (2, 0), (1, 2)], false);
        assert_eq!(read_to(&open, extent(2)), Err(Unreadable::Stopped));
    }

    #[test]
    fn an_index_that_says_nothing() {
        assert!(Extent::read(&index(2)).is_some());
        for at in [
            0,
            INITIALIZED,
            FRAMES,
            20,
            33,
            INDEX_CHECKSUM,
            EXTENT + FRAMES,
        ] {
            let mut other = index(2);
            other[at] ^= 1;
            assert_eq!(Extent::read(&other), None, "{at}");
        }
        assert_eq!(Extent::read(&[0; INDEX_HEADER]), None);
    }
}
