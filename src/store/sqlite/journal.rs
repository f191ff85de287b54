//! The journal that a transaction is rolled back from: pages as they were before it
//! (<https://www.sqlite.org/fileformat.html>, 3).
//!
//! A transaction over several databases leaves in each journal the name of a file that lists all
//! of them, after the last page. When that file goes, the transaction is committed, and the
//! journals do not count any more.

use rustix::io::Errno;

use super::view::{Content, Pieces, Place, Places, add_place, number};

const MAGIC: [u8; 8] = [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7];

/// Where a header says how many pages follow, what their checksums begin with, how many pages the
/// database had, and, the first one only, how long headers and pages are.
const RECORDS: usize = 8;
const NONCE: usize = 12;
const PAGES: usize = 16;
const SECTOR: usize = 20;
const PAGE_SIZE: usize = 24;
const HEADER: usize = 28;

/// So many that the length of the journal tells.
const UNCOUNTED: u32 = u32::MAX;
/// The shortest header there is.
const SHORTEST: u64 = 512;
/// Where in a database there is never a page, as locks are held on it.
const LOCKS: u32 = 0x4000_0000;
/// The longest path there is.
const LONGEST_NAME: u32 = 4096;
/// Every so many bytes of a page, from its end, count for its checksum.
const SAMPLED: usize = 200;

/// What is to be taken from a journal.
#[derive(Debug, PartialEq, Eq)]
pub struct Journal {
    pub page_size: u32,
    /// Of the database before the transaction.
    pub pages: u32,
    pub places: Places,
    /// The file that lists all databases of the transaction, if there are several.
    pub list: Option<Vec<u8>>,
}

/// What is wrong with a journal or a log.
#[derive(Debug, PartialEq, Eq)]
pub enum Unreadable {
    Failed(Errno),
    TooLarge,
    /// One of a format that is not known.
    Unknown,
    Stopped,
}

impl From<Errno> for Unreadable {
    fn from(errno: Errno) -> Self {
        Unreadable::Failed(errno)
    }
}

/// Reads a journal, as SQLite does that rolls it back; None when there is nothing to be done.
/// `page_size` is that of the database, for journals that do not say it.
pub fn read<C: Content>(
    journal: &C,
    page_size: u32,
    stops: &dyn Fn() -> bool,
) -> Result<Option<Journal>, Unreadable> {
    let mut file = Pieces::new(journal);
    let mut found = None::<Journal>;
    let mut places = Vec::new();
    let (mut sector, mut page_size) = (SHORTEST, page_size);
    let mut at = 0;
    while at + sector <= journal.size() {
        if stops() {
            return Err(Unreadable::Stopped);
        }
        let Some(header) = file.get(at, HEADER)? else {
            break;
        };
        if header[..MAGIC.len()] != MAGIC {
            break;
        }
        let [records, nonce, pages] = [RECORDS, NONCE, PAGES].map(|field| number(header, field));
        if found.is_none() {
            let sizes = (number(header, SECTOR), number(header, PAGE_SIZE));
            page_size = if sizes.1 == 0 { page_size } else { sizes.1 };
            let fits =
                |size: u32, least: u32| size.is_power_of_two() && (least..=1 << 16).contains(&size);
            if !fits(sizes.0, 32) || !fits(page_size, 512) {
                break;
            }
            sector = sizes.0.into();
            found = Some(Journal {
                page_size,
                pages,
                places: Places::new(Vec::new()),
                list: list(journal)?,
            });
        }
        at += sector;
        let record = u64::from(page_size) + 8;
        let section = Section {
            page_size,
            pages: found.as_ref().map_or(0, |found| found.pages),
            nonce,
            records: match records {
                UNCOUNTED => (journal.size().saturating_sub(sector) / record) as u32,
                records => records,
            },
        };
        if !section.read(&mut file, &mut at, &mut places, stops)? {
            break;
        }
        at = at.next_multiple_of(sector);
    }
    Ok(found.map(|found| Journal {
        places: Places::new(places),
        ..found
    }))
}

/// What a header says of the pages that follow it.
struct Section {
    page_size: u32,
    /// Of the database before the transaction.
    pages: u32,
    nonce: u32,
    records: u32,
}

impl Section {
    /// Takes the places of the pages, and moves behind them; false when the journal ends there.
    fn read<C: Content>(
        &self,
        file: &mut Pieces<'_, C>,
        at: &mut u64,
        places: &mut Vec<Place>,
        stops: &dyn Fn() -> bool,
    ) -> Result<bool, Unreadable> {
        let length = self.page_size as usize;
        for _ in 0..self.records {
            if stops() {
                return Err(Unreadable::Stopped);
            }
            let Some(bytes) = file.get(*at, length + 8)? else {
                return Ok(false);
            };
            let (page, content) = (number(bytes, 0), &bytes[4..4 + length]);
            // After the last page there may be the name of the list, as if it were this page.
            if page == 0 || page == LOCKS / self.page_size + 1 {
                return Ok(false);
            }
            if page <= self.pages {
                if checksum(self.nonce, content) != number(bytes, 4 + length) {
                    return Ok(false);
                }
                if !add_place(places, page, *at + 4) {
                    return Err(Unreadable::TooLarge);
                }
            }
            *at += length as u64 + 8;
        }
        Ok(true)
    }
}

/// The name of the list, which is the end of the journal: its length, the sum of its bytes, and the
/// magic of a header follow it.
fn list<C: Content>(journal: &C) -> Result<Option<Vec<u8>>, Unreadable> {
    const TAIL: u64 = 16;
    let Some(end) = journal.size().checked_sub(TAIL) else {
        return Ok(None);
    };
    let mut file = Pieces::new(journal);
    let Some(tail) = file.get(end, TAIL as usize)? else {
        return Ok(None);
    };
    let (length, sum) = (number(tail, 0), number(tail, 4));
    let Some(start) = end.checked_sub(length.into()) else {
        return Ok(None);
    };
    if tail[8..] != MAGIC || !(1..=LONGEST_NAME).contains(&length) {
        return Ok(None);
    }
    let Some(name) = file.get(start, length as usize)? else {
        return Ok(None);
    };
    let signed = |byte: &u8| i32::from(*byte as i8) as u32;
    let found = name.iter().map(signed).fold(0, u32::wrapping_add);
    Ok((found == sum).then(|| name.to_vec()))
}

fn checksum(nonce: u32, page: &[u8]) -> u32 {
    let mut sum = nonce;
    let mut at = page.len().saturating_sub(SAMPLED);
    while at > 0 {
        sum = sum.wrapping_add(page[at].into());
        at = at.saturating_sub(SAMPLED);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 512;

    /// A part of a journal: so many records are said to follow.
    fn header(records: u32, pages: u32) -> Vec<u8> {
        let mut header = MAGIC.to_vec();
        for field in [records, 7, pages, 512, PAGE as u32] {
            header.extend_from_slice(&field.to_be_bytes());
        }
        header.resize(512, 0);
        header
    }

    fn record(page: u32, fill: u8) -> Vec<u8> {
        let content = [fill; PAGE];
        let sum = checksum(7, &content).to_be_bytes();
        [&page.to_be_bytes()[..], &content, &sum].concat()
    }

    fn padded(mut journal: Vec<u8>) -> Vec<u8> {
        journal.resize(journal.len().next_multiple_of(512), 0);
        journal
    }

    /// The record that names a list of journals.
    fn list(name: &[u8]) -> Vec<u8> {
        let mut record = (LOCKS / PAGE as u32 + 1).to_be_bytes().to_vec();
        record.extend_from_slice(name);
        record.extend_from_slice(&(name.len() as u32).to_be_bytes());
        let sum = name
            .iter()
            .fold(0u32, |sum, &byte| sum.wrapping_add(byte as i8 as u32));
        record.extend_from_slice(&sum.to_be_bytes());
        record.extend_from_slice(&MAGIC);
        record
    }

    fn read(journal: &[u8]) -> Option<(u32, Vec<(u32, u64)>)> {
        let found = super::read(&journal, 4096, &|| false).expect("unreadable")?;
        let pages = 1..=found.pages.max(9);
        let places = pages.filter_map(|page| Some((page, found.places.find(page)?)));
        assert_eq!(found.page_size, PAGE as u32);
        Some((found.pages, places.collect()))
    }

    #[test]
    fn what_is_rolled_back() {
        let (at, step) = (512 + 4, PAGE as u64 + 8);
        let first = [header(2, 5), record(3, 1), record(1, 2)].concat();
        let both = vec![(1, at + step), (3, at)];
        let cases = [
            ("whole", first.clone(), Some((5, both.clone()))),
            (
                "longer than it says",
                [&first[..], &record(2, 3)].concat(),
                Some((5, both.clone())),
            ),
            (
                "cut off",
                first[..first.len() - 1].to_vec(),
                Some((5, vec![(3, at)])),
            ),
            (
                "uncounted",
                [header(UNCOUNTED, 5), record(4, 1)].concat(),
                Some((5, vec![(4, at)])),
            ),
            (
                "not written to its end",
                [header(0, 5), record(4, 1)].concat(),
                Some((5, vec![])),
            ),
            (
                "of a database that was empty",
                [header(1, 0), record(1, 1)].concat(),
                Some((0, vec![])),
            ),
            (
                "a page beyond the end",
                [header(2, 2), record(3, 1), record(2, 1)].concat(),
                Some((2, vec![(2, at + step)])),
            ),
            (
                "a page twice",
                [header(2, 5), record(3, 1), record(3, 2)].concat(),
                Some((5, vec![(3, at + step)])),
            ),
            (
                "no page",
                [header(2, 5), record(0, 1), record(1, 1)].concat(),
                Some((5, vec![])),
            ),
            ("no journal", b"stale".repeat(1000), None),
            ("zeros", vec![0; 2000], None),
            ("nothing", vec![], None),
            ("only a beginning", first[..400].to_vec(), None),
        ];
        for (what, journal, expected) in cases {
            assert_eq!(read(&journal), expected, "{what}");
        }
    }

    #[test]
    fn what_does_not_sum_up_ends_it() {
        let mut journal = [header(3, 5), record(3, 1), record(1, 2), record(2, 3)].concat();
        journal[512 + PAGE + 8 + 4 + 112] ^= 1;
        assert_eq!(read(&journal), Some((5, vec![(3, 516)])));
    }

    #[test]
    fn several_parts() {
        let first = padded([header(1, 5), record(3, 1)].concat());
        let at = first.len() as u64 + 512 + 4;
        let whole = [&first[..], &header(1, 5), &record(4, 1)].concat();
        assert_eq!(read(&whole), Some((5, vec![(3, 516), (4, at)])));
        // The second one has not reached the disk.
        let whole = [&first[..], &[0; 512], &record(4, 1)].concat();
        assert_eq!(read(&whole), Some((5, vec![(3, 516)])));
    }

    #[test]
    fn the_name_of_a_list_is_nothing() {
        // Whether it is counted or not, and whatever it is.
        for records in [1, 2, UNCOUNTED] {
            let own = [header(records, 5), record(3, 1)].concat();
            let named = [&own[..], &list(b"/etc/passwd")].concat();
            assert_eq!(read(&named), Some((5, vec![(3, 516)])), "{records}");
        }
        let alone = [header(0, 5), list(b"/etc/passwd")].concat();
        assert_eq!(read(&alone), Some((5, vec![])));
    }

    #[test]
    fn sizes_that_there_are_not() {
        for (field, value) in [
            (SECTOR, 0),
            (SECTOR, 16),
            (SECTOR, 48),
            (SECTOR, 1 << 17),
            (PAGE_SIZE, 256),
            (PAGE_SIZE, 513),
            (PAGE_SIZE, 1 << 17),
        ] {
            let mut journal = [header(1, 5), record(3, 1)].concat();
            journal[field..field + 4].copy_from_slice(&u32::to_be_bytes(value));
            assert_eq!(read(&journal), None, "{field} {value}");
        }
    }

    #[test]
    fn it_stops() {
        let journal = [header(1, 5), record(3, 1)].concat();
        let stopped = super::read(&&journal[..], 4096, &|| true);
        assert_eq!(stopped, Err(Unreadable::Stopped));
    }
}
