//! The kinds of stores.

use std::sync::Arc;

use super::directory::DirectoryStore;
use super::host::SetStore;
use super::traits::Store;
use crate::error::Result;
use crate::props::{Properties, Property};

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
