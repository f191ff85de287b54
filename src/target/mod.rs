//! Where a backup file goes and comes from.

pub mod folder;
