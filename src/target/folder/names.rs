//! The names in a backup folder that backups use, and which temporary files nobody holds.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime};

use rustix::fs::{self, FlockOperation, Mode};
use rustix::io::Errno;

use super::generation::{FILE_NAME, is_generation};
use crate::sys::{self, Life, Owner};

/// Whether a name in the backup folder is one that backups use.
pub fn is_reserved(name: &[u8]) -> bool {
    name == FILE_NAME.as_bytes() || is_temporary(name) || is_generation(name)
}

const PREFIX: &str = ".licenses.wmlb.";
const SUFFIX: &str = ".tmp";
/// Hexadecimal digits between the two.
const DIGITS: usize = 16;
/// Bits of those that are random; the owner takes the others.
const RANDOM: u32 = 18;

/// How long nothing must have been written to a file of another system, whose locks cannot be
/// seen, until it counts as left over.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// The digits of a temporary file's name.
fn digits_of(name: &[u8]) -> Option<&str> {
    let digits = name
        .strip_prefix(PREFIX.as_bytes())?
        .strip_suffix(SUFFIX.as_bytes())?;
    let right = digits.len() == DIGITS && digits.iter().all(u8::is_ascii_hexdigit);
    std::str::from_utf8(digits).ok().filter(|_| right)
}

/// Whether a name is one of a temporary file.
fn is_temporary(name: &[u8]) -> bool {
    digits_of(name).is_some()
}

pub fn new_name() -> String {
    let random = sys::random() & ((1 << RANDOM) - 1);
    let number = Owner::this().to_bits() << RANDOM | random;
    format!("{PREFIX}{number:016x}{SUFFIX}")
}

/// The process that a temporary file is named after.
fn owner_of(name: &[u8]) -> Option<Owner> {
    let number = u64::from_str_radix(digits_of(name)?, 16).ok()?;
    Some(Owner::from_bits(number >> RANDOM))
}

/// Removes temporary files that nobody holds. What cannot be removed stays: it is no
/// reason to fail.
pub fn sweep(folder: &OwnedFd) {
    // A descriptor of its own: the position in the folder belongs to it.
    let Ok(listed) = sys::open_at(folder, c".", sys::FOLDER, Mode::empty()) else {
        return;
    };
    // What is removed while a folder is listed hides others on some file systems.
    let mut names = Vec::new();
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
    let _ = sys::list_folder(listed.as_fd(), &mut buffer, |name, _| {
        if is_temporary(name) {
            names.push(name.to_vec());
        }
        Ok(())
    });
    for name in names {
        if is_left_over(folder, &name) {
            let _ = sys::remove_file(folder, &name);
        }
    }
}

/// Whether no writer of a temporary file lives. Its file is closed by then: some file systems
/// remove none that is open.
fn is_left_over(folder: &OwnedFd, name: &[u8]) -> bool {
    let Ok(file) = sys::open_at(folder, name, sys::UNTRUSTED_FILE, Mode::empty()) else {
        return false;
    };
    let Ok(stat) = sys::fstat(&file) else {
        return false;
    };
    if !sys::is_regular(&stat) {
        return false;
    }
    match fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => return false,
        Ok(()) if sys::is_local(&file) => return true,
        // Nobody here has it locked, or nobody can.
        _ => {}
    }
    match owner_of(name).map(Owner::life) {
        Some(Life::Ended) => true,
        Some(Life::Runs) => false,
        Some(Life::Unknown) | None => {
            let written = Duration::from_secs(sys::modified(&stat).seconds.max(0) as u64);
            SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH + written)
                .is_ok_and(|since| since > ABANDONED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_temporary_files() {
        let name = new_name();
        assert!(is_temporary(name.as_bytes()));
        assert_eq!(owner_of(name.as_bytes()), Some(Owner::this()));
        for other in [
            "licenses.wmlb",
            ".licenses.wmlb.0123456789abcdef",
            ".licenses.wmlb.0123456789abcde.tmp",
            ".licenses.wmlb.0123456789abcdeg.tmp",
            ".licenses.wmlb.0123456789abcdef.tmp-wal",
            "x.licenses.wmlb.0123456789abcdef.tmp",
        ] {
            assert!(!is_temporary(other.as_bytes()), "{other}");
        }
    }
}
