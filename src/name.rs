//! A license's name: a path below its store, as bytes. What a name may be, how names sort, and
//! which names belong to the library itself; for stores, archives and hosts alike.

mod pattern;

use std::cmp::Ordering;

pub use pattern::Patterns;
use twox_hash::XxHash64;

use crate::sys::Identity;

/// Bytes of a name at the most. Most programs could not open longer ones (Linux's PATH_MAX is
/// 4,096), and a reader needs a limit.
pub(crate) const LONGEST: usize = 16 << 10;

/// Staging folders of restores are called this, and hexadecimal digits after it.
const STAGING_PREFIX: &str = ".wmlb-restore-";
const STAGING_DIGITS: usize = 16;

/// Names that are no licenses, in the one folder where they are not: those of the backup file and
/// of what is written beside it.
#[derive(Clone, Copy)]
pub struct Reserved {
    pub folder: Identity,
    pub is_reserved: fn(&[u8]) -> bool,
}

impl Reserved {
    /// Whether the folder of this identity has no license of this name.
    pub fn has(&self, folder: Identity, name: &[u8]) -> bool {
        folder == self.folder && (self.is_reserved)(name)
    }
}

/// The components of a name, by which names are compared.
pub fn components(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.split(|&byte| byte == b'/')
}

/// The order of names in an archive: depth first, each folder's entries by their bytes.
pub fn order(one: &[u8], other: &[u8]) -> Ordering {
    components(one).cmp(components(other))
}

/// Part of the format of backup files: XXH64 of the name, with the seed 0.
pub fn hash(name: &[u8]) -> u64 {
    XxHash64::oneshot(0, name)
}

/// Whether lists of names end a batch after this one, which is one of 4,096. So where batches
/// end, and the frames that are made of them, depends on nothing but the names around.
pub fn ends_batch(name: &[u8]) -> bool {
    const BITS: u32 = 12;
    hash(name).trailing_zeros() >= BITS
}

/// What a file is called that SQLite takes for part of a database: what is behind the database's
/// name (<https://www.sqlite.org/tempfiles.html>). Or what is in a folder of that name.
pub fn is_sidecar(rest: &[u8]) -> bool {
    const SUFFIXES: [&[u8]; 3] = [b"-journal", b"-wal", b"-shm"];
    SUFFIXES.iter().any(|suffix| {
        let rest = rest.strip_prefix(*suffix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    })
}

/// Whether `name` is below the folder `above`.
pub fn is_below(name: &[u8], above: &[u8]) -> bool {
    let rest = name.strip_prefix(above);
    rest.is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// A name's folder, empty for the store's own, and its last component.
pub fn split(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&name[..slash], &name[slash + 1..]),
        None => (b"", name),
    }
}

/// Whether no license can have this name; the reason goes on after "a name".
pub fn check(name: &[u8]) -> Result<(), &'static str> {
    let is_bad = |component: &[u8]| matches!(component, b"" | b"." | b"..");
    if name.is_empty() {
        Err("which is empty")
    } else if name.len() > LONGEST {
        Err("which is too long")
    } else if name.starts_with(b"/") {
        Err("which is an absolute path")
    } else if name.contains(&0) {
        Err("which has a NUL in it")
    } else if components(name).any(is_bad) {
        Err("which has an empty component, or . or ..")
    } else if components(name).next().is_some_and(is_staging) {
        Err("which begins as only the library's own folders do")
    } else {
        Ok(())
    }
}

/// The name of a staging folder, from a number.
pub fn staging(number: u64) -> String {
    format!("{STAGING_PREFIX}{number:016x}")
}

/// Whether a name in a store's own folder is that of a staging folder: no license is called
/// so, in a store or in an archive.
pub fn is_staging(name: &[u8]) -> bool {
    let digits = name.strip_prefix(STAGING_PREFIX.as_bytes());
    digits.is_some_and(|digits| {
        digits.len() == STAGING_DIGITS && digits.iter().all(u8::is_ascii_hexdigit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_refused() {
        let long = vec![b'a'; LONGEST + 1];
        for (name, allowed) in [
            (&b"a"[..], true),
            (b"a/b.lic", true),
            (b".hidden/..x/...", true),
            (b"\xff\xfe", true),
            (&long[1..], true),
            (&long, false),
            (b"", false),
            (b"/a", false),
            (b"a//b", false),
            (b"a/", false),
            (b".", false),
            (b"a/../b", false),
            (b"a\0b", false),
            (b".wmlb-restore-0123456789abcdef", false),
            (b".wmlb-restore-0123456789abcdef/new/a", false),
            (b"a/.wmlb-restore-0123456789abcdef", true),
            (b".wmlb-restore-0123456789abcde", true),
            (b".wmlb-restore-0123456789abcdeg", true),
        ] {
            assert_eq!(check(name).is_ok(), allowed, "{}", name.escape_ascii());
        }
        assert!(is_staging(staging(7).as_bytes()));
    }

    #[test]
    fn names_sort_by_components() {
        // By bytes alone "a!b" would come before "a/b".
        let sorted = [&b"a"[..], b"a/b", b"a/b/c", b"a!b", b"b", b"\xff"];
        assert!(sorted.is_sorted_by(|one, other| order(one, other) == Ordering::Less));
    }

    #[test]
    fn names_split_at_the_last_slash() {
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(split(b"c"), (&b""[..], &b"c"[..]));
        assert!(is_below(b"a/b", b"a") && !is_below(b"ab", b"a") && !is_below(b"a", b"a"));
    }
}
