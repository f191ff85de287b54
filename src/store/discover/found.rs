//! What is found: stores below a place, and as they are told.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::folder::Folder;
use crate::store::player::Running;
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
pub struct Store {
    /// None: the player that the place is of.
    pub player: Option<String>,
    pub profile: String,
    pub kind: Kind,
    pub path: PathBuf,
    pub identity: Identity,
    pub running: Running,
}

impl Store {
    /// A store that is a database.
    pub fn database((path, identity): (PathBuf, Identity)) -> Self {
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
    pub fn directory(folder: &Folder) -> Option<Self> {
        Some(Store {
            kind: Kind::Directory,
            ..Store::database((folder.path().to_owned(), folder.identity()?))
        })
    }

    pub fn of_profile(self, profile: &OsStr) -> Self {
        let profile = profile.to_string_lossy().into_owned();
        Store { profile, ..self }
    }

    pub fn with_running(self, running: Running) -> Self {
        Store { running, ..self }
    }
}
