//! Where snapshots of databases are written to, as long as they are needed.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::archive::commit::{Folder, Temporary};
use crate::error::{Error, Result};
use crate::props;

/// A folder for files that are gone when they are closed.
pub struct Scratch<'a> {
    beside: Option<&'a Folder>,
    apart: OnceLock<Folder>,
}

impl<'a> Scratch<'a> {
    /// In the backup folder, which has to have room for what is in them anyway.
    pub fn beside(folder: &'a Folder) -> Self {
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
    pub fn file(&self) -> Result<Temporary<'_>> {
        if let Some(folder) = self.beside.or_else(|| self.apart.get()) {
            return folder.named_temporary();
        }
        let path = props::cache_folder().ok_or_else(|| Error::Scratch {
            path: PathBuf::from("$XDG_CACHE_HOME"),
            source: std::io::ErrorKind::NotFound.into(),
        })?;
        let folder = Folder::open(&path)?;
        // Another worker may have opened it meanwhile.
        self.apart.get_or_init(|| folder).named_temporary()
    }
}
