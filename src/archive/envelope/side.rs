//! A file for frames that wait to be written.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

#[cfg(feature = "encryption")]
use super::sealing::SideFile;
#[cfg(not(feature = "encryption"))]
use super::without_age::SideFile;
use crate::error::{At, Result};

/// A file for what waits to be written, gone with the backup.
pub enum Side {
    Clear(File),
    Encrypted(SideFile),
}

/// What was written to it, from the beginning.
pub type SideReader = Box<dyn Read>;

impl Side {
    pub fn new(file: File, encrypted: bool, path: &Path) -> Result<Self> {
        Ok(if encrypted {
            Side::Encrypted(SideFile::new(file, path)?)
        } else {
            Side::Clear(file)
        })
    }

    /// Ends it, to be read.
    pub fn read_back(self, path: &Path) -> Result<SideReader> {
        match self {
            Side::Clear(mut file) => {
                file.rewind().at("read back", path)?;
                Ok(Box::new(file))
            }
            Side::Encrypted(file) => Ok(Box::new(file.read_back(path)?)),
        }
    }
}

impl Write for Side {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Side::Clear(file) => file.write(data),
            Side::Encrypted(file) => file.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
