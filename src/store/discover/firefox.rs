//! Firefox, and what is made from it.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::folder::Folder;
use super::found::Store;
use super::place::Place;
use crate::store::player;

/// What is read of `profiles.ini`: thousands of profiles.
const LONGEST_INI: u64 = 1 << 20;

/// The stores of all profiles: those in `profiles.ini`, wherever they are, and those that lie
/// beside it.
pub fn find(_: &Place, root: &Path) -> Vec<Store> {
    let Some(root) = Folder::open(root) else {
        return Vec::new();
    };
    let ini = root.read("profiles.ini", LONGEST_INI).unwrap_or_default();
    // An absolute path stays as it is, whatever IsRelative says.
    let listed = profiles(&ini).into_iter().filter_map(|(name, path)| {
        let folder = Folder::open(&root.path().join(path))?;
        Some((name, folder))
    });
    let unlisted = root
        .folders()
        .map(|folder| (folder.name().to_owned(), folder));
    let mut known = HashSet::new();
    let mut stores = Vec::new();
    for (name, profile) in listed.chain(unlisted) {
        if profile
            .identity()
            .is_some_and(|identity| known.insert(identity))
        {
            stores.extend(
                of_profile(&profile)
                    .into_iter()
                    .map(|it| it.of_profile(&name)),
            );
        }
    }
    stores
}

/// The folders `<profile>/gmp/<platform>/<plugin>` that have `storage` or `id` in them: the second
/// says whose the licenses in the first are, so both are one store. (mozilla/gecko-dev
/// dom/media/gmp/GMPServiceParent.cpp)
fn of_profile(profile: &Folder) -> Vec<Store> {
    let platforms = profile.folder("gmp");
    let platforms = platforms.iter().flat_map(Folder::folders);
    let plugins: Vec<Folder> = platforms
        .flat_map(|it| it.folders().collect::<Vec<_>>())
        .collect();
    let has_licenses = |it: &&Folder| it.folder("storage").is_some() || it.folder("id").is_some();
    let mut stores = plugins.iter().filter(has_licenses).peekable();
    if stores.peek().is_none() {
        return Vec::new();
    }
    let running = player::by_profile_lock(profile.descriptor());
    stores
        .filter_map(Store::directory)
        .map(|store| store.with_running(running))
        .collect()
}

/// Name and path of the profiles in a `profiles.ini`.
fn profiles(ini: &[u8]) -> Vec<(OsString, PathBuf)> {
    let mut profiles = Vec::<(OsString, PathBuf)>::new();
    let mut in_profile = false;
    for line in ini.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii) {
        if line.starts_with(b"[") {
            in_profile = line.starts_with(b"[Profile");
            if in_profile {
                profiles.push(Default::default());
            }
            continue;
        }
        let Some(profile) = profiles.last_mut().filter(|_| in_profile) else {
            continue;
        };
        if let Some(name) = line.strip_prefix(b"Name=") {
            profile.0 = OsStr::from_bytes(name).to_owned();
        } else if let Some(path) = line.strip_prefix(b"Path=") {
            profile.1 = OsStr::from_bytes(path).into();
        }
    }
    profiles.retain(|(_, path)| !path.as_os_str().is_empty());
    profiles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_of_an_ini() {
        for (ini, expected) in [
            ("", &[][..]),
            ("[Profile0]\nName=a\nPath=b\n", &[("a", "b")]),
            (
                "[Profile0]\r\nName=a\r\nIsRelative=1\r\n  Path=b \r\n",
                &[("a", "b")],
            ),
            ("[Profile0]\nPath=b", &[("", "b")]),
            (
                "[Profile0]\nName=a\n[Profile1]\nPath=c\nPath=d",
                &[("", "d")],
            ),
            ("[Profile0]\nPath=b\n[Install1]\nPath=c\n", &[("", "b")]),
            ("[General]\nPath=b\n; [Profile0]\nPath=c\n", &[]),
            ("Path=b\n", &[]),
            ("[Profile0]\nPath=\n", &[]),
            ("[Profile0]\npath=b\nPath =c\n", &[]),
            ("[Profile0]\nName=a=b\nPath=/c=d\n", &[("a=b", "/c=d")]),
            ("[Profile", &[]),
        ] {
            let expected: Vec<(OsString, PathBuf)> = expected
                .iter()
                .map(|&(name, path)| (name.into(), path.into()))
                .collect();
            assert_eq!(profiles(ini.as_bytes()), expected, "{ini:?}");
        }
    }
}
