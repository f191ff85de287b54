//! Which device this is, without telling the ID of the machine itself.

use std::fs::{DirBuilder, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use hmac::{Hmac, Mac};
use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, flock, renameat, unlinkat};
use rustix::io::Errno;
use sha2::Sha256;

use crate::error::{At, Error, Result};
use crate::sys::{self, xdg};

/// The files in which systems keep the machine ID (machine-id(5)): systemd's, then D-Bus's.
const MACHINE_ID_FILES: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// The purpose of the ID: machine-id(5) asks for a keyed hash that belongs to the application.
const PURPOSE: &[u8] = b"wmlb device 1";

/// This device's ID: 32 hexadecimal digits, derived from the machine ID or, without one, from a
/// random ID that is kept in the state folder; "" if that cannot be kept either.
pub fn id() -> Result<String> {
    match secret_id()? {
        Some(secret) => derive(&secret),
        None => Ok(String::new()),
    }
}

/// A key for this purpose that other devices do not have; None on one without an ID.
pub fn key(purpose: &[u8]) -> Result<Option<[u8; 32]>> {
    let secret = secret_id()?;
    secret.map(|secret| hash(&secret, purpose)).transpose()
}

fn secret_id() -> Result<Option<String>> {
    for file in MACHINE_ID_FILES {
        if let Some(machine) = read_id(Path::new(file))? {
            return Ok(Some(machine));
        }
    }
    random_id()
}

/// The first half of the hash for this purpose.
fn derive(secret: &str) -> Result<String> {
    let hash = hash(secret, PURPOSE)?;
    let digits = hash[..16].iter().map(|byte| format!("{byte:02x}"));
    Ok(digits.collect())
}

/// HMAC-SHA256 with the secret ID as its key.
fn hash(secret: &str, purpose: &[u8]) -> Result<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map_err(|error| Error::Defect(error.to_string()))?;
    mac.update(purpose);
    Ok(mac.finalize().into_bytes().into())
}

/// Reads an ID. A file that is not there, or that a sandbox hides, has none. Any other failure is
/// an error, since another ID would be another device.
fn read_id(path: &Path) -> Result<Option<String>> {
    // A pipe in its place must not be waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = match sys::open_at(CWD, path, flags, Mode::empty()) {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::PERM | Errno::NXIO) => {
            return Ok(None);
        }
        file => File::from(file.at("open", path)?),
    };
    id_in(file).at("read", path)
}

fn id_in(file: File) -> std::io::Result<Option<String>> {
    let mut text = Vec::new();
    file.take(64).read_to_end(&mut text)?;
    Ok(parse_id(&text))
}

/// An ID is 32 hexadecimal digits, not all of them 0. A system image that was never started holds
/// "uninitialized" or nothing.
fn parse_id(text: &[u8]) -> Option<String> {
    let text = str::from_utf8(text).ok()?;
    let id = text.trim_end_matches('\n');
    let valid = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_null = id.bytes().all(|byte| byte == b'0');
    (valid && !is_null).then(|| id.to_ascii_lowercase())
}

/// The name of the file with the random ID, in the state folder.
const RANDOM_ID_FILE: &str = "device-id";

fn random_id() -> Result<Option<String>> {
    let Some(folder) = xdg::state_folder() else {
        return Ok(None);
    };
    let path = folder.join(RANDOM_ID_FILE);
    if let Some(id) = read_id(&path)? {
        return Ok(Some(id));
    }
    // A state folder that cannot be written to is as good as none.
    let _ = keep_random_id(&folder);
    read_id(&path)
}

/// Puts a new ID in place, whole. None is replaced: if two processes do so at once, both read that
/// of the faster one afterwards. A file that holds no ID makes room for one.
fn keep_random_id(folder: &Path) -> std::io::Result<()> {
    // Accounts of services have homes that are not there, and are not to be.
    if let Some(home) = xdg::home()
        && folder.starts_with(&home)
    {
        sys::stat(&home)?;
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let folder = sys::open_at(CWD, folder, sys::FOLDER, Mode::empty())?;
    let id = format!("{:016x}{:016x}", sys::random(), sys::random());
    let temporary = format!("{RANDOM_ID_FILE}.{id}");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = sys::open_at(&folder, &temporary, flags, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(file);
    let written = writeln!(file, "{id}").and_then(|()| file.sync_all());
    let (fd, name) = (folder.as_fd(), temporary.as_str());
    let placed = written.and_then(|()| place(fd, name));
    if placed.is_err() {
        let _ = unlinkat(fd, name, AtFlags::empty());
    }
    placed
}

fn place(folder: BorrowedFd<'_>, new: &str) -> std::io::Result<()> {
    match sys::rename_no_replace(folder, new, folder, RANDOM_ID_FILE) {
        Err(Errno::EXIST) => replace_damaged(folder, new),
        placed => Ok(placed?),
    }
}

/// Puts the new ID in the place of a file that can be read and holds none. Of several processes
/// one at a time does so, and none waits: one that comes in between does without an ID this time.
fn replace_damaged(folder: BorrowedFd<'_>, new: &str) -> std::io::Result<()> {
    // The lock ends with the folder's descriptor. Some file systems have none.
    let locked = flock(folder, FlockOperation::NonBlockingLockExclusive);
    if let Err(errno @ Errno::WOULDBLOCK) = locked {
        return Err(errno.into());
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = sys::open_at(folder, RANDOM_ID_FILE, flags, Mode::empty())?;
    if !sys::is_regular(&sys::fstat(&file)?) || id_in(File::from(file))?.is_some() {
        return Err(Errno::EXIST.into());
    }
    Ok(renameat(folder, new, folder, RANDOM_ID_FILE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_id() {
        let id = "0123456789abcdef0123456789abcdef";
        let upper = id.to_ascii_uppercase();
        for (text, expected) in [
            (format!("{id}\n"), Some(id)),
            (id.to_owned(), Some(id)),
            (format!("{upper}\n"), Some(id)),
            (String::new(), None),
            ("\n".to_owned(), None),
            ("uninitialized\n".to_owned(), None),
            (format!("{}\n", "0".repeat(32)), None),
            (format!("{id}0\n"), None),
            (id[1..].to_owned(), None),
            (format!(" {id}"), None),
            (format!("{}g", &id[1..]), None),
        ] {
            assert_eq!(parse_id(text.as_bytes()).as_deref(), expected, "{text:?}");
        }
        assert_eq!(parse_id(&[0xff; 32]), None);
    }

    #[test]
    fn the_device_is_a_keyed_hash_of_the_id() {
        // HMAC-SHA256 with this key of "wmlb device 1", by another implementation.
        let device = derive("0123456789abcdef0123456789abcdef").expect("a hash");
        assert_eq!(device, "7d3de14a30afdd2510cfaad5ae9bf5c8");
        let other = derive("1123456789abcdef0123456789abcdef").expect("a hash");
        assert_ne!(device, other);
    }
}
