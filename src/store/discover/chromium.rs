//! Browsers made from Chromium.

use std::path::Path;

use super::folder::Folder;
use super::found::Store;
use super::place::Place;
use crate::store::player;

/// The stores below the folder of all profiles.
pub fn find(place: &Place, user_data: &Path) -> Vec<Store> {
    let Some(user_data) = Folder::open(user_data) else {
        return Vec::new();
    };
    stores(&user_data, place.base.has_own_processes())
}

/// The databases of all profiles. The folder itself is taken for a profile, too: Opera had it so,
/// and programs made with Electron have it.
pub fn stores(user_data: &Folder, has_own_processes: bool) -> Vec<Store> {
    let mut stores = databases(user_data);
    for profile in user_data.folders() {
        let of_profile = databases(&profile).into_iter();
        stores.extend(of_profile.map(|store| store.of_profile(profile.name())));
    }
    with_running(stores, user_data, has_own_processes)
}

/// Tells of all stores whether the player runs that has this folder.
pub fn with_running(
    mut stores: Vec<Store>,
    user_data: &Folder,
    has_own_processes: bool,
) -> Vec<Store> {
    if !stores.is_empty() {
        let running = player::by_singleton(user_data.descriptor(), has_own_processes);
        stores.iter_mut().for_each(|store| store.running = running);
    }
    stores
}

/// The databases of a profile.
pub fn databases(profile: &Folder) -> Vec<Store> {
    let [current, earlier] = player::CHROMIUM_DATABASES;
    let current = profile.file(current);
    // In 2022 and 2023 there was one for each bucket.
    let buckets = profile.folder("WebStorage");
    let buckets = buckets.iter().flat_map(Folder::folders);
    let earlier = buckets.filter_map(|bucket| bucket.folder("Media Licenses")?.file(earlier));
    current
        .into_iter()
        .chain(earlier)
        .map(Store::database)
        .collect()
}
