//! Which device this is: the ID that backups tell, as the library derives it.

use std::env;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac};
use rustix::fs::OFlags;
use sha2::Sha256;

use crate::error::{Error, Result, UNEXPECTED};

const MACHINE_ID_FILES: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
const PURPOSE: &[u8] = b"wmlb device 1";

/// The ID of this device. One without a machine ID has the random one that the library keeps for
/// it, from its first backup or list on; the library is the only one to make it.
pub fn id() -> Result<String> {
    let machine = MACHINE_ID_FILES.iter().map(PathBuf::from);
    let secret = machine
        .chain(random_id_file())
        .find_map(|file| read_id(&file));
    match secret {
        Some(secret) => derive(&secret),
        None => Err(Error::argument(
            "this machine has no ID (/etc/machine-id): name the device",
        )),
    }
}

fn random_id_file() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = || Some(absolute("HOME")?.join(".local/state"));
    Some(
        absolute("XDG_STATE_HOME")
            .or_else(state)?
            .join("wmlb/device-id"),
    )
}

fn read_id(path: &Path) -> Option<String> {
    let flags = (OFlags::NOCTTY | OFlags::NONBLOCK).bits() as i32;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .ok()?;
    let mut text = String::new();
    file.take(64).read_to_string(&mut text).ok()?;
    let id = text.trim_end_matches('\n');
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_null = id.bytes().all(|byte| byte == b'0');
    (is_id && !is_null).then(|| id.to_ascii_lowercase())
}

fn derive(secret: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map_err(|error| Error::new(UNEXPECTED, error.to_string()))?;
    mac.update(PURPOSE);
    let hash = mac.finalize().into_bytes();
    Ok(hex(&hash[..16]))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
