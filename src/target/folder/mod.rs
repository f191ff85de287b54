//! A folder as a target: the backup file is `licenses.wmlb` in it.

mod backup_folder;
mod commit;
mod generation;
mod generations;
mod names;
mod path;
mod sharing;
mod target;
mod temporary;

pub use backup_folder::reserved_at;
pub use generation::Generation;
pub use generations::Generations;
#[cfg(fuzzing)]
pub use target::open;
pub use target::{FolderOrigin, FolderTarget};
