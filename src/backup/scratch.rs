//! Where a host's licences, and databases that others wait for, are copied to, as long as they
//! are needed.

use std::fs::File;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::archive::commit::Folder;
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

    /// A new file without a name, and the folder that it is in.
    pub fn unnamed_file(&self) -> Result<(File, PathBuf)> {
        let folder = self.folder()?;
        Ok((folder.temporary()?.into_unnamed()?, folder.path().into()))
    }

    fn folder(&self) -> Result<&Folder> {
        if let Some(folder) = self.beside.or_else(|| self.apart.get()) {
            return Ok(folder);
        }
        let path = props::cache_folder().ok_or_else(|| Error::Scratch {
            path: PathBuf::from("$XDG_CACHE_HOME"),
            source: std::io::ErrorKind::NotFound.into(),
        })?;
        let folder = Folder::open(&path)?;
        // Another worker may have opened it meanwhile.
        Ok(self.apart.get_or_init(|| folder))
    }
}
