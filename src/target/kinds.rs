//! The kinds of targets.

use std::sync::Arc;

use super::folder::{FolderOrigin, FolderTarget, Generations};
use super::traits::{Origin, SetTarget, Target};
use crate::error::{Error, Result};
use crate::props::{Properties, Property};

/// Where the next backup goes: to the target that is set, or by the properties.
pub fn target(properties: &Properties, set: Option<Arc<dyn SetTarget>>) -> Result<Arc<dyn Target>> {
    Ok(match set {
        Some(set) => set,
        None => Arc::new(FolderTarget {
            path: properties.path(Property::BackupPath)?,
            absolute: properties.absolute_path(Property::BackupPath)?,
        }),
    })
}

/// Where a backup is read from.
pub fn origin(properties: &Properties, set: Option<Arc<dyn SetTarget>>) -> Result<Arc<dyn Origin>> {
    let origin: Arc<dyn Origin> = match set {
        Some(set) => set,
        None => Arc::new(FolderOrigin {
            path: properties.absolute_path(Property::RestorePath)?,
        }),
    };
    origin.check()?;
    Ok(origin)
}

/// The generations in the folder of RestorePath. A target that is set has none.
pub fn generations(
    properties: &Properties,
    set: Option<Arc<dyn SetTarget>>,
) -> Result<Generations> {
    match set {
        Some(_) => Err(Error::NoGenerations),
        None => Generations::at(&properties.absolute_path(Property::RestorePath)?),
    }
}
