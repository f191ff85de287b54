//! Where a store is, and where the staging folders of restores into it are.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::error::{At, Error, Result};
use crate::name;
use crate::store::folders::cannot_open;
use crate::store::player;
use crate::sys;

/// Where a staging folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// In the folder that the store is in, or in one farther up.
    Beside,
    /// In the store.
    Inside,
}

/// What a staging folder knows its store by: where it lies, and the store's path from there.
fn store_key(site: Site, below: &[u8]) -> String {
    let mut hash = blake3::Hasher::new_derive_key("wmlb 2026 which store a restore is into");
    match site {
        Site::Beside => hash.update(b"beside ").update(below),
        Site::Inside => hash.update(b"inside"),
    };
    hash.finalize().to_hex()[..32].to_owned()
}

/// Names of staging folders, and of signs in a store, that are looked for without a list of the
/// folder that they are in: the first ones.
pub const NUMBERED: u64 = 8;

/// Where a store is, and where its staging folder would be.
pub struct Location {
    pub path: PathBuf,
    /// The same without links.
    real: PathBuf,
    pub parent: OwnedFd,
    /// The store's name in its parent.
    pub name: OsString,
    /// The store's folder, if there is one.
    pub store: Option<OwnedFd>,
    /// The folder for staging folders beside the store, if that is not the parent.
    far: Option<OwnedFd>,
    /// Its path.
    beside: PathBuf,
}

impl Location {
    /// None when not even the folder is there that would hold the store.
    pub fn find(path: &Path) -> Result<Option<Self>> {
        let failed = |errno| cannot_open(path, errno);
        let place = match sys::locate(path) {
            Err(Errno::NOENT) => return Ok(None),
            place => place.map_err(failed)?,
        };
        let flags = sys::FOLDER | OFlags::NOFOLLOW;
        let store = match sys::open_at(&place.folder, &*place.name, flags, Mode::empty()) {
            // A link that leads nowhere is no place for a store.
            Err(Errno::NOENT) if !place.is_linked => None,
            store => Some(store.map_err(failed)?),
        };
        Self::new(path, place.real, place.folder, store).map(Some)
    }

    /// Of a store whose folder is open.
    pub fn of(store: BorrowedFd<'_>, path: &Path) -> Result<Self> {
        let failed = |errno| cannot_open(path, errno);
        let real = sys::path_of(store, path).map_err(failed)?;
        let parent = sys::open_at(store, c"..", sys::PASSAGE, Mode::empty()).map_err(failed)?;
        let store = sys::open_at(store, c".", sys::FOLDER, Mode::empty()).map_err(failed)?;
        Self::new(path, real, parent, Some(store))
    }

    fn new(path: &Path, real: PathBuf, parent: OwnedFd, store: Option<OwnedFd>) -> Result<Self> {
        // The root of everything has no name, and is its own parent.
        let above = real.parent().unwrap_or(&real);
        let far = player::keeps_clear(&real);
        let beside = far.unwrap_or(above).to_owned();
        let mut holder = None;
        for _ in far
            .iter()
            .flat_map(|far| above.strip_prefix(far))
            .flat_map(Path::components)
        {
            let from = holder.as_ref().unwrap_or(&parent);
            let up = sys::open_at(from, c"..", sys::PASSAGE, Mode::empty());
            holder = Some(up.map_err(|errno| cannot_open(path, errno))?);
        }
        Ok(Location {
            path: path.to_owned(),
            name: real.file_name().unwrap_or(OsStr::new(".")).to_owned(),
            beside,
            far: holder,
            real,
            parent,
            store,
        })
    }

    /// The folder that staging folders of this site are in; None for those in a store that is
    /// missing.
    pub fn holder(&self, site: Site) -> Option<BorrowedFd<'_>> {
        match site {
            Site::Beside => Some(self.far.as_ref().unwrap_or(&self.parent).as_fd()),
            Site::Inside => self.store.as_ref().map(AsFd::as_fd),
        }
    }

    /// Whether nothing may be put into the store but licenses.
    pub fn is_kept_clear(&self) -> bool {
        player::keeps_clear(&self.real).is_some()
    }

    /// What a staging folder of this site knows the store by.
    pub fn key(&self, site: Site) -> String {
        store_key(site, self.below().as_bytes())
    }

    /// The store's path from the folder for staging folders beside it.
    fn below(&self) -> &OsStr {
        let below = self.real.strip_prefix(&self.beside);
        below.unwrap_or(&self.real).as_os_str()
    }

    /// The n-th name of a staging folder. Beside a store they are another's for each store.
    pub fn staging_name(&self, site: Site, number: u64) -> String {
        let mut hash = blake3::Hasher::new();
        match site {
            Site::Beside => hash.update(self.below().as_bytes()),
            Site::Inside => hash.update(self.key(site).as_bytes()),
        };
        if number > 0 {
            hash.update(&number.to_le_bytes());
        }
        let [a, b, c, d, e, f, g, h, ..] = *hash.finalize().as_bytes();
        name::staging(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// The path of a staging folder.
    pub fn staging_path(&self, site: Site, name: &str) -> PathBuf {
        match site {
            Site::Beside => self.beside.join(name),
            Site::Inside => self.real.join(name),
        }
    }

    /// The store's path, without links.
    pub fn real(&self) -> &Path {
        &self.real
    }

    /// The path of something in the store, without links as far as the store goes.
    pub fn real_path(&self, name: &[u8]) -> PathBuf {
        self.real.join(OsStr::from_bytes(name))
    }

    /// Users whose staging folders are believed: this one, root, and those who may do as they like
    /// with the store anyway.
    pub fn trusted_users(&self) -> Result<Vec<u32>> {
        let mut users = vec![0, rustix::process::geteuid().as_raw()];
        let folders = [self.holder(Site::Beside), self.holder(Site::Inside)];
        for folder in folders.into_iter().flatten() {
            users.push(self.examine(folder)?.st_uid);
        }
        Ok(users)
    }

    pub fn examine(&self, folder: impl AsFd) -> Result<Stat> {
        sys::fstat(folder).at("examine", &self.path)
    }

    pub fn failed(&self, action: &'static str, errno: Errno) -> Error {
        Error::system(action, &self.path, errno)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_told_apart() {
        let keys = [
            store_key(Site::Beside, b"store"),
            store_key(Site::Beside, b"a/store"),
            store_key(Site::Inside, b"store"),
        ];
        assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys[1] != keys[2]);
        // Within the store it is of no concern what that is called.
        assert_eq!(store_key(Site::Inside, b"x"), keys[2]);
    }
}
