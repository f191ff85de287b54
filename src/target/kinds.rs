//! The kinds of targets.

use super::folder::FolderTarget;
use super::traits::Target;
use crate::error::Result;
use crate::props::{Properties, Property};

/// Where the next backup goes, by the properties.
pub fn from_properties(properties: &Properties) -> Result<Box<dyn Target>> {
    Ok(Box::new(FolderTarget {
        path: properties.path(Property::BackupPath)?,
        absolute: properties.absolute_path(Property::BackupPath)?,
    }))
}
