//! How a backup file takes its name: whole and safe on the disk, or not at all.
//!
//! Only when the archive is on the disk does it take the name, in one step that either fails or
//! puts the whole file in place of nothing or of the old one.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::fs;
use rustix::io::Errno;

use super::backup_folder::Folder;
use super::generation::FILE_NAME;
use super::names::new_name;
use super::temporary::{self, Temporary};
use crate::error::{At, Error, Result};
use crate::sys::{self, reads_equal};
use crate::target::NewFile;

impl Temporary {
    /// Puts the file, which must be synchronized, in the place of nothing, or with
    /// `overwrite` of the backup file that is there.
    pub fn commit(&mut self, overwrite: bool) -> Result<()> {
        let folder = self.folder.clone();
        folder.refuse_target(overwrite)?;
        match self.name.clone() {
            None => self.commit_unnamed(overwrite)?,
            Some(name) => self.commit_named(&name, overwrite)?,
        }
        folder.synchronize()
    }

    fn commit_unnamed(&mut self, overwrite: bool) -> Result<()> {
        let folder = self.folder.clone();
        let mut name = FILE_NAME.to_owned();
        for _ in 0..sys::NAME_TRIES {
            match sys::name_unnamed(self.file()?.as_fd(), folder.folder.as_fd(), &name) {
                Ok(()) if name == FILE_NAME => return Ok(()),
                Ok(()) => {
                    self.name = Some(name.clone());
                    return self.commit_named(&name, overwrite);
                }
                Err(Errno::EXIST) if name == FILE_NAME && !overwrite => {
                    return Err(Error::BackupExists(folder.target()));
                }
                Err(Errno::EXIST) => name = new_name(),
                // Whatever the reason is: it is one against links, or against any file.
                Err(_) => return self.commit_copy(overwrite),
            }
        }
        Err(Errno::EXIST).at("put in place", folder.target())
    }

    /// Where links are forbidden or missing, a file without a name can never get one: its content
    /// moves to one that has a name from the start.
    fn commit_copy(&mut self, overwrite: bool) -> Result<()> {
        let mut named = self.folder.copy_of(self.file()?)?;
        match named.name.clone() {
            Some(name) => named.commit_named(&name, overwrite),
            None => Err(Error::Defect("a named file without a name".to_owned())),
        }
    }

    fn commit_named(&mut self, name: &str, overwrite: bool) -> Result<()> {
        let folder = self.folder.folder.as_fd();
        let renamed = if overwrite {
            fs::renameat(folder, name, folder, FILE_NAME)
        } else {
            sys::rename_no_replace(folder, name, folder, FILE_NAME)
        };
        match renamed {
            Ok(()) => {
                self.name = None;
                Ok(())
            }
            Err(Errno::EXIST) if !overwrite => Err(Error::BackupExists(self.folder.target())),
            Err(errno) => Err(errno).at("put in place", self.folder.target()),
        }
    }
}

impl Folder {
    /// A copy of a file, with a name, which is safe on the disk.
    pub fn copy_of(self: &Arc<Self>, mut from: &File) -> Result<Temporary> {
        let mut named = self.named_temporary()?;
        let target = self.target();
        let mut to = named.file()?;
        from.rewind().at("read back", &target)?;
        // By reading and writing: of two files the standard library asks the system for other ways,
        // and does not do without each that may be refused.
        let content: &mut dyn Read = &mut from;
        io::copy(content, &mut to).at("write", &target)?;
        sys::set_file_mode(to, temporary::MODE).at("write", &target)?;
        named.synchronize()?;
        named.forget_cached();
        // What was checked was the first file, not this one.
        let mut to = named.file()?;
        let length = from.metadata().at("read back", &target)?.len();
        from.rewind().at("read back", &target)?;
        to.rewind().at("read back", &target)?;
        if !reads_equal(from, to, length).at("read back", &target)? {
            return Err(Error::Corrupt {
                path: target,
                what: "what was read back is not what was written".to_owned(),
            });
        }
        Ok(named)
    }

    /// Gives a copy another name; EEXIST where that is taken.
    pub fn place_copy(&self, copy: &mut Temporary, name: &str) -> sys::Result<()> {
        let folder = self.folder.as_fd();
        if let Some(old) = &copy.name {
            sys::rename_no_replace(folder, old.as_str(), folder, name)?;
        }
        copy.name = None;
        Ok(())
    }
}
