//! Which device this is, without telling the machine's own ID.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::sys;

/// Where systems keep the machine ID (machine-id(5)): systemd's place, then D-Bus's.
const MACHINE_ID_FILES: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// What the ID is for; machine-id(5) asks for a hash that is keyed and the application's own.
const PURPOSE: &[u8] = b"wmlb device 1";

/// This device's ID: 32 hexadecimal digits, the first half of HMAC-SHA256 with the machine
/// ID as its key. Without a machine ID, of a random one that is kept in the state folder;
/// "" when there is no such folder either.
pub fn id() -> String {
    let secret = MACHINE_ID_FILES
        .iter()
        .find_map(|file| read_id(Path::new(file)))
        .or_else(random_id);
    let Some(secret) = secret else {
        return String::new();
    };
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(PURPOSE);
    let hash = mac.finalize().into_bytes();
    hash[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// An ID is 32 hexadecimal digits. A system image that was never started holds
/// "uninitialized" or nothing.
fn read_id(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let id = text.trim_end_matches('\n');
    let valid = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| id.to_ascii_lowercase())
}

/// The state folder of the XDG base directory specification.
fn state_folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let state = variable("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    Some(state.join("wmlb"))
}

fn random_id() -> Option<String> {
    let folder = state_folder()?;
    let path = folder.join("device-id");
    if let Some(id) = read_id(&path) {
        return Some(id);
    }
    let id = format!("{:016x}{:016x}", sys::random(), sys::random());
    std::fs::create_dir_all(&folder).ok()?;
    // Linked into place whole, so that of two processes that do this at once, both read the
    // ID of the quicker one.
    let temporary = folder.join(format!("device-id.{id}"));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| {
            writeln!(file, "{id}")?;
            file.sync_all()
        });
    let linked = written.and_then(|()| std::fs::hard_link(&temporary, &path));
    let _ = std::fs::remove_file(&temporary);
    let _ = linked;
    read_id(&path)
}
