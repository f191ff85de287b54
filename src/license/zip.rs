//! Finds a file in a ZIP archive of which only the beginning and the end are there.
//!
//! PKWARE's APPNOTE.TXT 6.3.10, whose sections the comments name. All numbers are little-endian.
//! As other programs do, this takes an archive with bytes before and after it.

use memchr::memmem;

use super::Excerpt;

/// The header of a file (4.3.7), without its name and extra fields.
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_LENGTH: u64 = 30;
/// A file's entry in the directory (4.3.12), without its name, extra fields and comment.
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_LENGTH: usize = 46;
/// The record at the end of the directory (4.3.16), without its comment.
const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;
const LONGEST_COMMENT: usize = u16::MAX as usize;
/// The record before it in a large archive (4.3.14), and where that is (4.3.15).
const END_64: &[u8] = b"PK\x06\x06";
const END_64_LENGTH: usize = 56;
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const LOCATOR_64_LENGTH: usize = 20;

/// The extra field of a large file (4.5.3).
const EXTRA_64: u16 = 0x0001;
/// A number that is in one of the records for large archives or files.
const SEE_ELSEWHERE: u64 = u32::MAX as u64;

/// Records that look like the end of a directory, and are tried as such.
const MOST_ENDS: usize = 16;

/// A file in an archive.
pub struct File<'a> {
    pub method: Method,
    pub crc: u32,
    /// Bytes of it when it is unpacked.
    pub size: u64,
    /// As it is packed.
    pub data: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    Stored,
    Deflated,
}

/// Whether this may be an archive. If something is before the archive only the end tells.
pub fn may_be(excerpt: Excerpt<'_>) -> bool {
    excerpt.head().starts_with(LOCAL)
        || excerpt
            .end()
            .is_none_or(|(end, _)| memmem::find(last(end), END).is_some())
}

/// Finds the file of this name.
pub fn find<'a>(excerpt: Excerpt<'a>, name: &[u8]) -> Option<File<'a>> {
    let (end, offset) = excerpt.end()?;
    let directory = ends(end).find_map(|at| Directory::before(end, offset, at))?;
    directory.find(excerpt, name)
}

/// The bytes in which programs look for the end of a directory.
fn last(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.len().saturating_sub(END_LENGTH + LONGEST_COMMENT)..]
}

/// Where records that end a directory may be, from the last to the first.
fn ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let last = last(bytes);
    let from = bytes.len() - last.len();
    let found = memmem::rfind_iter(last, END).take(MOST_ENDS);
    found.map(move |at| from + at)
}

/// The directory of an archive.
struct Directory<'a> {
    entries: &'a [u8],
    /// The bytes before the archive; offsets count from their end.
    before: u64,
}

impl<'a> Directory<'a> {
    /// The directory that ends at `at` in `bytes`, which begin at `offset`; None unless the
    /// records agree.
    fn before(bytes: &'a [u8], offset: u64, at: usize) -> Option<Self> {
        let record = bytes.get(at..)?.get(..END_LENGTH)?;
        let [files_here, files, comment] = [8, 10, 20].map(|field| half(record, field));
        let [length, begin] = [word(record, 12)?, word(record, 16)?];
        if files_here != files || at + END_LENGTH + usize::from(comment?) > bytes.len() {
            return None;
        }
        let is_large = files == Some(u16::MAX) || length == SEE_ELSEWHERE || begin == SEE_ELSEWHERE;
        let large = if is_large { end_64(bytes, at) } else { None };
        let (end, length, begin) = large.unwrap_or((at, length, begin));
        let entries = end.checked_sub(usize::try_from(length).ok()?)?;
        Some(Directory {
            entries: &bytes[entries..end],
            before: (offset + entries as u64).checked_sub(begin)?,
        })
    }

    /// The last file of this name, as most programs have it.
    fn find(&self, excerpt: Excerpt<'a>, name: &[u8]) -> Option<File<'a>> {
        let mut rest = self.entries;
        let mut found = None;
        while !rest.is_empty() {
            let (entry, after) = Entry::split_off(rest)?;
            if entry.name == name {
                found = Some(entry);
            }
            rest = after;
        }
        found?.file(excerpt, self.before)
    }
}

/// End, length and offset of the directory of a large archive, whose records end at `at`.
fn end_64(bytes: &[u8], at: usize) -> Option<(usize, u64, u64)> {
    let locator_at = at.checked_sub(LOCATOR_64_LENGTH)?;
    let record_at = locator_at.checked_sub(END_64_LENGTH)?;
    let (record, locator) = bytes[record_at..at].split_at(END_64_LENGTH);
    let is_one = locator.starts_with(LOCATOR_64)
        && record.starts_with(END_64)
        && long(record, 24)? == long(record, 32)?;
    is_one.then_some((record_at, long(record, 40)?, long(record, 48)?))
}

/// An entry of a directory.
struct Entry<'a> {
    head: &'a [u8],
    name: &'a [u8],
    extra: &'a [u8],
}

impl<'a> Entry<'a> {
    fn split_off(entries: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (head, rest) = entries.split_at_checked(ENTRY_LENGTH)?;
        let (name, rest) = rest.split_at_checked(half(head, 28)?.into())?;
        let (extra, rest) = rest.split_at_checked(half(head, 30)?.into())?;
        let (_, rest) = rest.split_at_checked(half(head, 32)?.into())?;
        let entry = Entry { head, name, extra };
        head.starts_with(ENTRY).then_some((entry, rest))
    }

    /// The file, if it is packed in a way that is known and its bytes are there.
    fn file(&self, excerpt: Excerpt<'a>, before: u64) -> Option<File<'a>> {
        const ENCRYPTED: u16 = 0x0001;
        let method = match half(self.head, 10)? {
            0 => Method::Stored,
            8 => Method::Deflated,
            _ => return None,
        };
        if half(self.head, 8)? & ENCRYPTED != 0 {
            return None;
        }
        let [size, packed, offset] = self.sizes()?;
        let at = before.checked_add(offset)?;
        let local = excerpt.bytes(at, LOCAL_LENGTH)?;
        let names = u64::from(half(local, 26)?) + u64::from(half(local, 28)?);
        let data = at.checked_add(LOCAL_LENGTH + names)?;
        local.starts_with(LOCAL).then_some(File {
            method,
            crc: word(self.head, 16)? as u32,
            size,
            data: excerpt.bytes(data, packed)?,
        })
    }

    /// Size, packed size and offset. Those that do not fit in the entry are in its extra fields,
    /// in this order.
    fn sizes(&self) -> Option<[u64; 3]> {
        let head = self.head;
        let mut sizes = [word(head, 24)?, word(head, 20)?, word(head, 42)?];
        let mut large = self.extra_64();
        for size in sizes.iter_mut().filter(|size| **size == SEE_ELSEWHERE) {
            *size = long(large, 0)?;
            large = &large[8..];
        }
        Some(sizes)
    }

    /// The extra field of a large file; empty if there is none.
    fn extra_64(&self) -> &'a [u8] {
        let mut rest = self.extra;
        while let (Some(kind), Some(length)) = (half(rest, 0), half(rest, 2)) {
            let Some((field, after)) = rest[4..].split_at_checked(length.into()) else {
                break;
            };
            if kind == EXTRA_64 {
                return field;
            }
            rest = after;
        }
        &[]
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let word = u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
    Some(word.into())
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: [u8; 4] = [0xFF; 4];

    /// A file that is stored, as the bytes of it in the archive and its entry in the directory.
    fn stored(name: &str, content: &[u8], offset: u32) -> [Vec<u8>; 2] {
        let size = content.len() as u32;
        let sizes = [size.to_le_bytes(), size.to_le_bytes()].concat();
        let length = (name.len() as u16).to_le_bytes();
        let name = name.as_bytes();
        let local = [LOCAL, &[0; 14], &sizes, &length, &[0; 2], name, content].concat();
        let offset = offset.to_le_bytes();
        let entry = [ENTRY, &[0; 16], &sizes, &length, &[0; 12], &offset, name].concat();
        [local, entry]
    }

    fn end(files: u16, length: u32, begin: u32, comment: &[u8]) -> Vec<u8> {
        let files = files.to_le_bytes();
        let (length, begin) = (length.to_le_bytes(), begin.to_le_bytes());
        let comment_length = (comment.len() as u16).to_le_bytes();
        let end = [
            END,
            &[0; 4],
            &files,
            &files,
            &length,
            &begin,
            &comment_length,
        ];
        [&end.concat(), comment].concat()
    }

    fn records_64(length: u64, begin: u64) -> Vec<u8> {
        let record = [END_64, &44_u64.to_le_bytes(), &[0; 12], &[0; 16]].concat();
        let begin_of_record = (begin + length).to_le_bytes();
        let locator = [LOCATOR_64, &[0; 4], &begin_of_record, &1_u32.to_le_bytes()].concat();
        [
            record,
            length.to_le_bytes().into(),
            begin.to_le_bytes().into(),
            locator,
        ]
        .concat()
    }

    struct Archive {
        files: Vec<u8>,
        directory: Vec<u8>,
    }

    impl Archive {
        fn new(files: &[(&str, &[u8])]) -> Self {
            let mut archive = Archive {
                files: Vec::new(),
                directory: Vec::new(),
            };
            for (name, content) in files {
                let [local, entry] = stored(name, content, archive.files.len() as u32);
                archive.files.extend(local);
                archive.directory.extend(entry);
            }
            archive
        }

        fn ended_by(&self, end: &[u8]) -> Vec<u8> {
            [&self.files, &self.directory, end].concat()
        }

        fn end(&self, comment: &[u8]) -> Vec<u8> {
            let (length, begin) = (self.directory.len() as u32, self.files.len() as u32);
            end(1, length, begin, comment)
        }

        fn end_64(&self) -> Vec<u8> {
            let records = records_64(self.directory.len() as u64, self.files.len() as u64);
            [records, end(u16::MAX, u32::MAX, u32::MAX, b"")].concat()
        }
    }

    fn found<'a>(archive: &'a [u8], name: &str) -> Option<&'a [u8]> {
        let file = find(Excerpt::whole(archive), name.as_bytes())?;
        assert_eq!(file.method, Method::Stored);
        assert_eq!(file.size, file.data.len() as u64);
        Some(file.data)
    }

    #[test]
    fn archives() {
        let archive = Archive::new(&[("other", b"..."), ("a", b"first"), ("a", b"last")]);
        let plain = archive.ended_by(&archive.end(b""));
        let large = archive.ended_by(&archive.end_64());
        let comment = [&b"PK"[..], &[b'x'; 500]].concat();
        let in_comment = [&archive.end(b"")[..], b"..."].concat();
        for (content, expected) in [
            (plain.clone(), true),
            (large.clone(), true),
            (archive.ended_by(&archive.end(&comment)), true),
            ([b"MZ before", &plain[..]].concat(), true),
            ([b"MZ before", &large[..]].concat(), true),
            ([&plain[..], b"after"].concat(), true),
            ([&large[..], &[0; 60_000]].concat(), true),
            ([b"before", &plain[..], b"after"].concat(), true),
            // What looks like an end, after the end.
            ([&plain[..], END].concat(), true),
            ([&plain[..], &END.repeat(MOST_ENDS - 1)].concat(), true),
            (archive.ended_by(&archive.end(&END.repeat(3))), true),
            ([&plain[..], &END.repeat(MOST_ENDS)].concat(), false),
            ([&plain[..], &[0; LONGEST_COMMENT + 1]].concat(), false),
            (plain[1..].to_vec(), false),
            (plain[..plain.len() - 1].to_vec(), false),
            (large[..large.len() - 1].to_vec(), false),
            (archive.files.clone(), false),
            (Vec::new(), false),
        ] {
            let data = expected.then_some(&b"last"[..]);
            assert_eq!(found(&content, "a"), data, "{content:?}");
            assert_eq!(found(&content, "b"), None);
        }
        // In a comment another archive may end; then that one counts, or none.
        let nested = archive.ended_by(&archive.end(&in_comment));
        assert_eq!(found(&nested, "a"), None);
    }

    #[test]
    fn records_that_do_not_agree() {
        let archive = Archive::new(&[("a", b"content")]);
        let (length, begin) = (archive.directory.len() as u32, archive.files.len() as u32);
        let changed = |at: usize, bytes: &[u8]| {
            let mut archive = archive.ended_by(&archive.end(b""));
            archive[at..at + bytes.len()].copy_from_slice(bytes);
            archive
        };
        let entry = archive.files.len();
        for content in [
            archive.ended_by(&end(1, length + 1, begin, b"")),
            archive.ended_by(&end(1, length - 1, begin, b"")),
            archive.ended_by(&end(1, length, begin + 1, b"")),
            archive.ended_by(&end(1, length, begin - 1, b"")),
            archive.ended_by(&end(1, u32::MAX, begin, b"")),
            archive.ended_by(&end(1, length, u32::MAX, b"")),
            changed(0, b"PK\x03\x05"),
            changed(26, &[0xFF; 2]),
            changed(entry, b"PK\x01\x01"),
            // Encrypted, packed in another way, with longer names, larger, elsewhere.
            changed(entry + 8, &[1]),
            changed(entry + 10, &[14]),
            changed(entry + 28, &[2]),
            changed(entry + 30, &[1]),
            changed(entry + 32, &[1]),
            changed(entry + 20, &[200]),
            changed(entry + 20, &LARGE),
            changed(entry + 42, &[1]),
            changed(entry + 42, &LARGE),
        ] {
            assert_eq!(found(&content, "a"), None, "{content:?}");
        }
    }

    #[test]
    fn sizes_in_extra_fields() {
        let extra = |kind: u16, numbers: &[u64]| {
            let length = (8 * numbers.len() as u16).to_le_bytes();
            let numbers: Vec<u8> = numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect();
            [&kind.to_le_bytes()[..], &length, &numbers].concat()
        };
        let (small, see) = (7_u32, u32::MAX);
        for (sizes, extra, expected) in [
            ([small; 3], extra(EXTRA_64, &[]), Some([7, 7, 7])),
            ([small; 3], extra(EXTRA_64, &[1, 2, 3]), Some([7, 7, 7])),
            ([see; 3], extra(EXTRA_64, &[1, 2, 3]), Some([1, 2, 3])),
            ([see, 7, see], extra(EXTRA_64, &[1, 2]), Some([1, 7, 2])),
            (
                [7, 7, see],
                [extra(5, &[9]), extra(EXTRA_64, &[1])].concat(),
                Some([7, 7, 1]),
            ),
            ([7, see, 7], extra(EXTRA_64, &[]), None),
            ([see; 3], extra(EXTRA_64, &[1, 2]), None),
            ([see; 3], extra(5, &[1, 2, 3]), None),
            ([see; 3], extra(EXTRA_64, &[1, 2, 3])[..20].to_vec(), None),
            ([see; 3], Vec::new(), None),
        ] {
            let mut head = vec![0; ENTRY_LENGTH];
            for (at, size) in [24, 20, 42].into_iter().zip(sizes) {
                head[at..at + 4].copy_from_slice(&size.to_le_bytes());
            }
            let (head, extra) = (&head, &extra);
            let entry = Entry {
                head,
                name: b"",
                extra,
            };
            assert_eq!(entry.sizes(), expected, "{sizes:?} {extra:?}");
        }
    }

    #[test]
    fn what_may_be_an_archive() {
        let archive = Archive::new(&[("a", b"content")]);
        let plain = archive.ended_by(&archive.end(b""));
        for (excerpt, expected) in [
            (Excerpt::whole(&plain), true),
            (Excerpt::whole(LOCAL), true),
            (Excerpt::whole(&plain[1..]), true),
            (Excerpt::whole(b"anything else"), false),
            (Excerpt::whole(b""), false),
            // Of a large one the end tells, which is not there yet.
            (Excerpt::large(b"anything", &[], 1 << 30), true),
            (Excerpt::large(b"anything", &plain, 1 << 30), true),
            (Excerpt::large(b"anything", b"else", 1 << 30), false),
        ] {
            assert_eq!(may_be(excerpt), expected);
        }
    }
}
