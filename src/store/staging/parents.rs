//! Folders that are made for a store that is missing.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{self, AtFlags};
use rustix::io::Errno;

use crate::error::{At, Result};
use crate::store::folders::look;
use crate::sys::{self, Ownership};

/// Folders that were made for a store that was missing. Dropped, they are removed again, unless
/// there is something in them by then.
#[derive(Default)]
pub struct MadeParents(Vec<(OwnedFd, OsString)>);

impl MadeParents {
    /// Makes what is missing of the folders above a path. They belong to whom the lowest folder
    /// belongs to that is there.
    pub fn make_above(&mut self, path: &Path) -> Result<()> {
        const ACTION: &str = "create the folder";
        let mut missing: Vec<&Path> = Vec::new();
        let place = loop {
            let above = missing.last().unwrap_or(&path).parent();
            let above = above.ok_or(Errno::NOENT).at(ACTION, path)?;
            match sys::locate(above) {
                Err(Errno::NOENT) => missing.push(above),
                place => break place.at(ACTION, above)?,
            }
        };
        let mut real = place.real;
        let there = look(place.folder.as_fd(), place.name.as_bytes()).at(ACTION, &real)?;
        if place.is_linked && there.is_none() {
            // A link that leads nowhere.
            return Err(Errno::NOENT).at(ACTION, &real);
        }
        let mut holder = place.folder;
        let mut owner = Ownership::of(&sys::fstat(&holder).at(ACTION, &real)?);
        let mut names = missing.iter().rev().filter_map(|path| path.file_name());
        let mut name = place.name;
        loop {
            let folder = match sys::make_folder(holder.as_fd(), &*name) {
                Err(Errno::EXIST) => {
                    let flags = sys::PASSAGE | fs::OFlags::NOFOLLOW;
                    let there = sys::open_at(&holder, &*name, flags, fs::Mode::empty());
                    let there = there.at(ACTION, &real)?;
                    owner = Ownership::of(&sys::fstat(&there).at(ACTION, &real)?);
                    there
                }
                made => {
                    let made = made.at(ACTION, &real)?;
                    self.0.push((holder, name));
                    if let Some(owner) = owner.to_give() {
                        owner.give(&made).at(ACTION, &real)?;
                    }
                    made
                }
            };
            let Some(next) = names.next() else {
                return Ok(());
            };
            (holder, name) = (folder, next.to_owned());
            real.push(&name);
        }
    }

    /// Waits until the disk has them.
    pub fn synchronize(&self) -> sys::Result<()> {
        for (holder, _) in &self.0 {
            match sys::open_at(holder, c".", sys::FOLDER, fs::Mode::empty()) {
                // To make a name safe takes the right to read the folder that it is in.
                Err(Errno::ACCESS) => {}
                holder => sys::synchronize_folder(holder?)?,
            }
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for MadeParents {
    fn drop(&mut self) {
        for (holder, name) in self.0.iter().rev() {
            let _ = fs::unlinkat(holder, &**name, AtFlags::REMOVEDIR);
        }
    }
}
