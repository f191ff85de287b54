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
mod places;
mod thorium;
mod thunder;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::PathBuf;

use self::folder::Folder;
use self::places::{Environment, PLACES};
pub use super::player::Running;
use crate::sys::Identity;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Directory,
}

#[derive(Debug)]
pub struct FoundStore {
    pub player: String,
    /// "" if the player has no profiles.
    pub profile: String,
    pub kind: Kind,
    pub path: String,
    pub running: Running,
}

/// A store below a place.
struct Store {
    /// None: the player that the place is of.
    player: Option<String>,
    profile: String,
    kind: Kind,
    path: PathBuf,
    identity: Identity,
    running: Running,
}

impl Store {
    /// A store that is a database.
    fn database((path, identity): (PathBuf, Identity)) -> Self {
        Store {
            player: None,
            profile: String::new(),
            kind: Kind::Sqlite,
            path,
            identity,
            running: Running::Unknown,
        }
    }

    /// A store that is a folder.
    fn directory(folder: &Folder) -> Option<Self> {
        Some(Store {
            kind: Kind::Directory,
            ..Store::database((folder.path().to_owned(), folder.identity()?))
        })
    }

    fn of_profile(self, profile: &OsStr) -> Self {
        let profile = profile.to_string_lossy().into_owned();
        Store { profile, ..self }
    }

    fn with_running(self, running: Running) -> Self {
        Store { running, ..self }
    }
}

/// The stores found, in the order of the table, then of players, profiles and paths; each once.
pub fn find_stores() -> Vec<FoundStore> {
    let environment = Environment::read();
    let mut known = HashSet::<Identity>::new();
    let mut found = Vec::new();
    for place in PLACES {
        for path in environment.paths(place) {
            let mut stores = (place.find)(place, &path);
            stores.sort_by(|a, b| {
                (&a.player, &a.profile, &a.path).cmp(&(&b.player, &b.profile, &b.path))
            });
            for store in stores {
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
        }
    }
    found
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
