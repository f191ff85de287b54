//! Finds the stores of the players that this user has.
//!
//! It looks at names, links and small files only, and passes over what it cannot read: an odd
//! folder of one player never hides the stores of another. Below a place that a player uses it
//! follows no links, unless they are a player's or its users' custom.
//!
//! A new place is a line in [`places`]; a new way to lay out a player's data is a file with a
//! function for those lines.

mod applications;
mod chromium;
mod firefox;
mod folder;
mod folders;
mod found;
mod place;
mod places;
mod thorium;
mod thunder;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use self::found::Store;
pub use self::found::{FoundStore, Kind};
use self::place::{Environment, Place};
use self::places::PLACES;
pub use super::player::Running;
use crate::sys::Identity;

/// The stores found, in the order of the table, then of players, profiles and paths; each once.
pub fn find_stores() -> Vec<FoundStore> {
    let environment = Environment::read();
    let mut known = HashSet::<Identity>::new();
    let mut found = Vec::new();
    let everywhere = PLACES.iter().flat_map(|place| {
        let paths = environment.paths(place).into_iter();
        paths.flat_map(move |path| stores_at(place, &path).map(move |store| (place, store)))
    });
    for (place, store) in everywhere {
        // StorePath takes UTF-8 only.
        let Some(path) = store.path.to_str() else {
            continue;
        };
        if known.insert(store.identity) {
            found.push(FoundStore {
                player: store.player.unwrap_or_else(|| place.player.to_owned()),
                profile: store.profile,
                kind: store.kind,
                path: path.to_owned(),
                running: store.running,
            });
        }
    }
    found
}

fn stores_at(place: &Place, path: &Path) -> impl Iterator<Item = Store> + use<> {
    let mut stores = (place.find)(place, path);
    stores.sort_by(|a, b| (&a.player, &a.profile, &a.path).cmp(&(&b.player, &b.profile, &b.path)));
    stores.into_iter()
}

/// Where [`find_stores`] looks: the player, and the path.
pub fn searched_places() -> Vec<(&'static str, PathBuf)> {
    let environment = Environment::read();
    let mut known = HashSet::<PathBuf>::new();
    let paths = PLACES.iter().flat_map(|place| {
        let paths = environment.paths(place).into_iter();
        paths.map(|path| (place.player, path))
    });
    paths
        .filter(|(_, path)| known.insert(path.clone()))
        .collect()
}
