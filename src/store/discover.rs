//! Finds the stores of the players that this user has.
//!
//! It looks at names, links and small files only, and passes over what it cannot read: an
//! odd folder of one player never hides the stores of another.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use self::places::{Environment, Layout, PLACES, Place};
pub use super::player::Running;
use super::{player, sqlite};
use crate::sys::{self, Identity};

mod places;

/// Names that are looked at in one folder: more than any player makes.
const MOST_NAMES: usize = 1 << 16;
/// What is read of `profiles.ini`: thousands of profiles.
const LONGEST_INI: u64 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Directory,
}

#[derive(Debug)]
pub struct FoundStore {
    pub player: &'static str,
    /// "" where the player has no profiles.
    pub profile: String,
    pub kind: Kind,
    pub path: String,
    pub running: Running,
}

/// The stores found, in the order of the table, then of profiles and paths; each once.
pub fn find_stores() -> Vec<FoundStore> {
    let environment = Environment::read();
    let mut known = HashSet::<Identity>::new();
    let mut found = Vec::new();
    for place in PLACES {
        for root in environment.paths(place) {
            let mut stores = look(place, &root);
            stores.sort_by(|a, b| (&a.profile, &a.path).cmp(&(&b.profile, &b.path)));
            for store in stores {
                // StorePath takes UTF-8 only.
                let (Some(path), Some(identity)) = (store.path.to_str(), identity(&store.path))
                else {
                    continue;
                };
                if known.insert(identity) {
                    found.push(FoundStore {
                        player: place.player,
                        profile: store.profile.to_string_lossy().into_owned(),
                        kind: store.kind,
                        path: path.to_owned(),
                        running: store.running,
                    });
                }
            }
        }
    }
    found
}

struct Store {
    profile: OsString,
    kind: Kind,
    path: PathBuf,
    running: Running,
}

impl Store {
    fn new(profile: &OsStr, kind: Kind, path: PathBuf, running: Running) -> Self {
        Store {
            profile: profile.to_owned(),
            kind,
            path,
            running,
        }
    }
}

fn look(place: &Place, root: &Path) -> Vec<Store> {
    let singleton = || player::by_singleton(root, place.base.has_own_processes());
    let only = |kind, path, running| vec![Store::new(OsStr::new(""), kind, path, running)];
    match place.layout {
        Layout::Chromium => {
            let databases = chromium_databases(root);
            if databases.is_empty() {
                return Vec::new();
            }
            let running = singleton();
            let store =
                |(profile, path): (OsString, _)| Store::new(&profile, Kind::Sqlite, path, running);
            databases.into_iter().map(store).collect()
        }
        Layout::Firefox => firefox_stores(root),
        Layout::Kodi => kodi_stores(root),
        Layout::Thorium => match root.join("publications") {
            path if path.is_dir() => only(Kind::Directory, path, singleton()),
            _ => Vec::new(),
        },
        Layout::DrmStore if root.join("drmstore").is_file() => {
            only(Kind::Directory, root.to_owned(), Running::Unknown)
        }
        Layout::Store if root.is_dir() => only(Kind::Directory, root.to_owned(), Running::Unknown),
        Layout::Store if is_sqlite(root) => only(Kind::Sqlite, root.to_owned(), Running::Unknown),
        Layout::DrmStore | Layout::Store => Vec::new(),
    }
}

/// The databases of all profiles. The folder itself is taken for a profile too, as Opera
/// had it.
fn chromium_databases(user_data: &Path) -> Vec<(OsString, PathBuf)> {
    let mut databases = Vec::new();
    let children = list(user_data).into_iter().map(|name| {
        let folder = user_data.join(&name);
        (name, folder)
    });
    let whole = (OsString::new(), user_data.to_owned());
    for (profile, folder) in std::iter::once(whole).chain(children) {
        let [current, earlier] = player::CHROMIUM_DATABASES;
        let database = folder.join(current);
        if database.is_file() {
            databases.push((profile.clone(), database));
        }
        // Of 2022 and 2023, one for each bucket.
        let buckets = folder.join("WebStorage");
        for bucket in list(&buckets) {
            let database = buckets.join(bucket).join("Media Licenses").join(earlier);
            if database.is_file() {
                databases.push((profile.clone(), database));
            }
        }
    }
    databases
}

/// The folders `<profile>/gmp/<platform>/<plugin>` that have `storage` or `id` in them: the
/// second says whose the licences in the first are, so that both are one store.
/// (mozilla/gecko-dev dom/media/gmp/GMPServiceParent.cpp)
fn firefox_stores(root: &Path) -> Vec<Store> {
    let ini = read_beginning(&root.join("profiles.ini"), LONGEST_INI).unwrap_or_default();
    // A path that is absolute stays as it is, whatever IsRelative says.
    let listed = ini_profiles(&ini)
        .into_iter()
        .map(|(name, path)| (name, root.join(path)));
    let unlisted = list(root).into_iter().map(|name| {
        let folder = root.join(&name);
        (name, folder)
    });
    let mut known = HashSet::new();
    let mut stores = Vec::new();
    for (profile, folder) in listed.chain(unlisted) {
        if !identity(&folder).is_some_and(|identity| known.insert(identity)) {
            continue;
        }
        let mut paths = Vec::new();
        let platforms = folder.join("gmp");
        for platform in list(&platforms) {
            let plugins = platforms.join(platform);
            let plugins = list(&plugins).into_iter().map(|name| plugins.join(name));
            paths.extend(
                plugins.filter(|path| path.join("storage").is_dir() || path.join("id").is_dir()),
            );
        }
        if !paths.is_empty() {
            let running = player::by_profile_lock(&folder);
            let store = |path| Store::new(&profile, Kind::Directory, path, running);
            stores.extend(paths.into_iter().map(store));
        }
    }
    stores
}

/// Name and path of the profiles in a `profiles.ini`.
fn ini_profiles(ini: &[u8]) -> Vec<(OsString, PathBuf)> {
    let mut profiles = Vec::<(OsString, PathBuf)>::new();
    let mut in_profile = false;
    for line in ini.split(|&byte| byte == b'\n') {
        let line = line.trim_ascii();
        if line.starts_with(b"[") {
            in_profile = line.starts_with(b"[Profile");
            if in_profile {
                profiles.push(Default::default());
            }
            continue;
        }
        let (Some(profile), true) = (profiles.last_mut(), in_profile) else {
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

/// What inputstream.adaptive keeps for the main profile and for each other. (xbmc/xbmc
/// xbmc/settings/SettingsComponent.cpp, InitDirectoriesLinux; that its folder is called
/// `addon_data` is Kodi's custom.)
fn kodi_stores(root: &Path) -> Vec<Store> {
    let main = root.join("userdata");
    let others = main.join("profiles");
    let others = list(&others).into_iter().map(|name| {
        let folder = others.join(&name);
        (name, folder)
    });
    std::iter::once((OsString::new(), main.clone()))
        .chain(others)
        .map(|(profile, folder)| (profile, folder.join("addon_data/inputstream.adaptive")))
        .filter(|(_, path)| path.is_dir())
        .map(|(profile, path)| Store::new(&profile, Kind::Directory, path, Running::Unknown))
        .collect()
}

/// The names in a folder; none when it cannot be read.
fn list(folder: &Path) -> Vec<OsString> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    // An error may come again without end, so it is the end.
    let names = entries.map_while(|entry| Some(entry.ok()?.file_name()));
    names.take(MOST_NAMES).collect()
}

fn identity(path: &Path) -> Option<Identity> {
    let stat = rustix::fs::stat(path).ok()?;
    Some(sys::identity(&stat))
}

fn is_sqlite(path: &Path) -> bool {
    read_beginning(path, 16).is_some_and(|bytes| sqlite::is_database(&bytes))
}

/// What a regular file begins with.
fn read_beginning(path: &Path, length: u64) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = player::open_file(path, flags).ok()?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
