//! Where the licenses of a backup go: into a folder, or, of one database, to a file.

use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::archive::Info;
use crate::error::Result;
use crate::store;
use crate::store::folders::{cannot_open, locate_file};

/// The folder that the licenses are to be in, and for one database its name there.
/// `may_be_file` is what a path is taken for at which there is nothing.
pub fn resolve(path: &Path, may_be_file: bool, info: &Info) -> Result<(PathBuf, Option<Vec<u8>>)> {
    let is_file = match path.metadata() {
        Ok(metadata) => !metadata.is_dir(),
        Err(_) => may_be_file,
    };
    if info.store != store::DATABASE || !is_file {
        return Ok((path.to_owned(), None));
    }
    let no_store = |errno| cannot_open(path, errno);
    let (folder, name) = match locate_file(path) {
        // The folder is to be made.
        Err(Errno::NOENT) if path.symlink_metadata().is_err() => {
            let (folder, name) = (path.parent(), path.file_name());
            let named = folder.zip(name).ok_or_else(|| no_store(Errno::NOENT))?;
            (named.0.to_owned(), named.1.to_owned())
        }
        located => located.map_err(no_store)?,
    };
    Ok((folder, Some(name.into_vec())))
}
