//! A folder as a target: the backup file is `licenses.wmlb` in it.

mod backup_folder;
mod commit;
mod names;
mod path;
mod target;
mod temporary;

pub use backup_folder::reserved_at;
#[cfg(fuzzing)]
pub use target::open;
pub use target::{FolderOrigin, FolderTarget};
