//! Stores that are folders of a known name: Kodi's, PlayReady's, and that of this library.

use std::ffi::OsStr;
use std::path::Path;

use super::folder::Folder;
use super::found::Store;
use super::place::Place;
use crate::store::sqlite;

/// What Kodi's inputstream.adaptive keeps for the main profile and for each other. A folder with
/// nothing in it is a store, too: the add-on takes licenses up from there. (xbmc/xbmc
/// xbmc/settings/SettingsComponent.cpp, InitDirectoriesLinux; that its folder is called
/// `addon_data` is Kodi's custom.)
pub fn find_kodi(_: &Place, root: &Path) -> Vec<Store> {
    const ADAPTIVE: &str = "addon_data/inputstream.adaptive";
    let root = Folder::open(root);
    let Some(main) = root.and_then(|root| root.folder("userdata")) else {
        return Vec::new();
    };
    let of_profile = |profile: &Folder, name: &OsStr| {
        let store = Store::directory(&profile.folder(ADAPTIVE)?)?;
        Some(store.of_profile(name))
    };
    let others = main.folder("profiles");
    let others = others.iter().flat_map(Folder::folders);
    let others = others.filter_map(|profile| of_profile(&profile, profile.name()));
    of_profile(&main, OsStr::new(""))
        .into_iter()
        .chain(others)
        .collect()
}

/// A folder with PlayReady's hashed data store, which is one file.
pub fn find_playready(_: &Place, root: &Path) -> Vec<Store> {
    let has_licenses = |folder: &Folder| {
        let mut names = ["drmstore", "drmstore.dat"].into_iter();
        names.any(|name| folder.file(name).is_some())
    };
    let folder = Folder::open(root).filter(has_licenses);
    folder
        .as_ref()
        .and_then(Store::directory)
        .into_iter()
        .collect()
}

/// What the property StorePath names: a folder or a database.
pub fn find_store(_: &Place, path: &Path) -> Vec<Store> {
    if let Some(folder) = Folder::open(path) {
        return Store::directory(&folder).into_iter().collect();
    }
    database(path).into_iter().collect()
}

fn database(path: &Path) -> Option<Store> {
    const MAGIC: u64 = 16;
    // The path may be a link.
    let real = path.canonicalize().ok()?;
    let folder = Folder::open(real.parent()?)?;
    let name = real.file_name()?;
    let (_, identity) = folder.file(name)?;
    let is_database = sqlite::is_database(&folder.read(name, MAGIC)?);
    is_database.then(|| Store::database((path.to_owned(), identity)))
}
