//! Where snapshots of databases, and copies of a host's licences, are written to, as long as
//! they are needed.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::folder::{Folder, Temporary};
use crate::error::{Error, Result};
use crate::sys::xdg;

/// A folder for files that are gone when they are closed.
pub struct Scratch {
    beside: Option<Arc<Folder>>,
    apart: OnceLock<Arc<Folder>>,
}

impl Scratch {
    /// In the backup folder, which has to have room for what is in them anyway.
    pub fn beside(folder: Arc<Folder>) -> Self {
        Scratch {
            beside: Some(folder),
            apart: OnceLock::new(),
        }
    }

    /// In a folder of this user's alone, on this device.
    pub fn apart() -> Self {
        Scratch {
            beside: None,
            apart: OnceLock::new(),
        }
    }

    /// A new file, with a name.
    pub fn file(&self) -> Result<Temporary> {
        self.folder()?.named_temporary()
    }

    /// A new file without a name, and the folder that it is in.
    pub fn unnamed_file(&self) -> Result<(File, PathBuf)> {
        let folder = self.folder()?;
        Ok((folder.temporary()?.into_unnamed()?, folder.path().into()))
    }

    fn folder(&self) -> Result<&Arc<Folder>> {
        if let Some(folder) = self.beside.as_ref().or_else(|| self.apart.get()) {
            return Ok(folder);
        }
        let path = xdg::cache_folder().ok_or_else(|| Error::Scratch {
            path: PathBuf::from("$XDG_CACHE_HOME"),
            source: std::io::ErrorKind::NotFound.into(),
        })?;
        let folder = Arc::new(Folder::open(&path)?);
        // Another worker may have opened it meanwhile.
        Ok(self.apart.get_or_init(|| folder))
    }
}
