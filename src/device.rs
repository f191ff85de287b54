//! Which device this is, without telling the machine's own ID.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::error::{At, Error, Result};
use crate::sys::{self, xdg};

/// Where systems keep the machine ID (machine-id(5)): systemd's place, then D-Bus's.
const MACHINE_ID_FILES: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// What the ID is for; machine-id(5) asks for a hash that is keyed and the application's own.
const PURPOSE: &[u8] = b"wmlb device 1";

/// This device's ID: 32 hexadecimal digits, the first half of HMAC-SHA256 with the machine
/// ID as its key. Without a machine ID, of a random one that is kept in the state folder;
/// "" when there can be none of that either.
pub fn id() -> Result<String> {
    let mut secret = None;
    for file in MACHINE_ID_FILES {
        secret = match secret {
            Some(_) => break,
            None => read_id(Path::new(file))?,
        };
    }
    if secret.is_none() {
        secret = random_id()?;
    }
    let Some(secret) = secret else {
        return Ok(String::new());
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map_err(|error| Error::Defect(error.to_string()))?;
    mac.update(PURPOSE);
    let hash = mac.finalize().into_bytes();
    let digits = hash[..16].iter().map(|byte| format!("{byte:02x}"));
    Ok(digits.collect())
}

/// An ID is 32 hexadecimal digits. A system image that was never started holds
/// "uninitialized" or nothing. One that is not there, or that a sandbox hides, is none; any
/// other failure is a failure, since another ID would be another device.
fn read_id(path: &Path) -> Result<Option<String>> {
    let text = match std::fs::read_to_string(path) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::InvalidData
            ) =>
        {
            return Ok(None);
        }
        text => text.at("read", path)?,
    };
    let id = text.trim_end_matches('\n');
    let valid = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    Ok(valid.then(|| id.to_ascii_lowercase()))
}

fn random_id() -> Result<Option<String>> {
    let Some(folder) = xdg::state_folder() else {
        return Ok(None);
    };
    let path = folder.join("device-id");
    if let Some(id) = read_id(&path)? {
        return Ok(Some(id));
    }
    // A state folder that cannot be written to is as good as none.
    let _ = keep_random_id(&folder, &path);
    read_id(&path)
}

/// Links an ID into place whole, so that of two processes that do this at once, both read
/// that of the quicker one.
fn keep_random_id(folder: &Path, path: &Path) -> std::io::Result<()> {
    let id = format!("{:016x}{:016x}", sys::random(), sys::random());
    std::fs::create_dir_all(folder)?;
    let temporary = folder.join(format!("device-id.{id}"));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|file| {
            let mut file = sys::off_standard(file)?;
            writeln!(file, "{id}")?;
            file.sync_all()
        });
    let linked = written.and_then(|()| std::fs::hard_link(&temporary, path));
    let _ = std::fs::remove_file(&temporary);
    linked
}
