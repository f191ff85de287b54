//! The kinds of stores.

use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use super::directory::DirectoryStore;
use super::host::SetStore;
use super::staging::{self, LeftOvers, Shared};
use super::traits::Store;
use crate::error::Result;
use crate::props::{Properties, Property};
use crate::sys;

/// Keeps restores out of the store at a path, if there is one, as long as the result lives; an
/// error when one has it, or was interrupted.
pub fn keep_whole(path: &Path) -> Result<Option<Shared>> {
    match sys::open_trusted(path, sys::FOLDER) {
        Ok(folder) => staging::share(folder.as_fd(), path, LeftOvers::Refuse).map(Some),
        // What is wrong with it is no matter of whoever does not read it.
        Err(_) => Ok(None),
    }
}

/// The store that an operation is about: the host's own if it has set one, else the one at
/// StorePath.
pub fn of(properties: &Properties, host: Option<Arc<SetStore>>) -> Result<Box<dyn Store>> {
    Ok(match host {
        Some(host) => Box::new(host),
        None => Box::new(DirectoryStore {
            path: properties.absolute_path(Property::StorePath)?,
        }),
    })
}
