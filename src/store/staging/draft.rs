//! Makes a staging folder, where what is staged in it can take its place.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::held::Held;
use super::layout::{MARKER, NEW, remove, scratch_name};
use super::location::{Location, NUMBERED, Site};
use super::marker::{HeldMarker, Marker};
use crate::error::{At, Error, Result};
use crate::name;
use crate::store::folders::{is_empty, look};
use crate::sys::{self, NAME_TRIES, Ownership};

const MAKE: &str = "make a folder for a restore beside";

/// A staging folder with nothing in it yet.
pub struct Draft {
    pub held: Held,
    /// The folder of what is to be in the store.
    pub new: OwnedFd,
    /// What a sign in the store says of it.
    pub marker: Marker,
    /// What is staged becomes the store, by one rename.
    pub is_fresh: bool,
    /// The process's umask takes rights away that staged files are to have.
    pub needs_modes: bool,
}

/// Why there is no staging folder somewhere.
enum Unfit {
    /// Another place may do.
    Here(Errno),
    Failed(Error),
}

impl From<Error> for Unfit {
    fn from(error: Error) -> Self {
        Unfit::Failed(error)
    }
}

impl Draft {
    /// Makes a staging folder beside the store, or in it where nothing could be moved there from
    /// beside it. What is staged belongs to `owner`.
    pub fn make(location: &Location, owner: Option<Ownership>) -> Result<Self> {
        let sites = [Site::Beside, Site::Inside];
        let may_be_inside = location.store.is_some() && !location.is_kept_clear();
        let mut refused = None;
        for site in sites.into_iter().take(if may_be_inside { 2 } else { 1 }) {
            match Self::make_at(location, site, owner) {
                Ok(draft) => return Ok(draft),
                Err(Unfit::Failed(error)) => return Err(error),
                Err(Unfit::Here(errno)) => refused = Some(errno),
            }
        }
        Err(location.failed(MAKE, refused.unwrap_or(Errno::NOENT)))
    }

    fn make_at(
        location: &Location,
        site: Site,
        owner: Option<Ownership>,
    ) -> std::result::Result<Self, Unfit> {
        let Some(holder) = location.holder(site) else {
            return Err(Unfit::Here(Errno::NOENT));
        };
        if let (Site::Beside, Some(store)) = (site, &location.store) {
            let is_other = location.examine(store)?.st_dev != location.examine(holder)?.st_dev;
            // Renames stay within a file system.
            if is_other || sys::is_mount_root(store.as_fd()) {
                return Err(Unfit::Here(Errno::XDEV));
            }
        }
        let (held, marker) = hold_new(location, site, holder)?;
        let mut draft = match Self::fill(held, marker, owner) {
            Ok(draft) => draft,
            Err((mut held, errno)) => {
                remove_unused(holder, &mut held);
                return Err(Unfit::Failed(location.failed(MAKE, errno)));
            }
        };
        match draft.fit(location, owner) {
            Ok(is_fresh) => Ok(Draft { is_fresh, ..draft }),
            Err(unfit) => {
                remove_unused(holder, &mut draft.held);
                Err(unfit)
            }
        }
    }

    fn fill(
        held: Held,
        marker: Marker,
        owner: Option<Ownership>,
    ) -> std::result::Result<Self, (Held, Errno)> {
        let make = || -> sys::Result<_> {
            fs::mkdirat(&held.folder, NEW, Mode::RWXU)?;
            let mode = sys::statat(&held.folder, NEW, AtFlags::SYMLINK_NOFOLLOW)?.st_mode;
            let new = sys::open_made(held.folder.as_fd(), NEW)?;
            if let Some(owner) = owner {
                owner.give(&new)?;
            }
            Ok((new, mode & 0o700 != 0o700))
        };
        match make() {
            Ok((new, needs_modes)) => Ok(Draft {
                held,
                new,
                marker,
                is_fresh: false,
                needs_modes,
            }),
            Err(errno) => Err((held, errno)),
        }
    }

    /// Whether what is staged here can become the store by one rename, or at least each file can
    /// be moved to its place. No license was written yet.
    fn fit(
        &self,
        location: &Location,
        owner: Option<Ownership>,
    ) -> std::result::Result<bool, Unfit> {
        if self.held.site == Site::Inside {
            return Ok(false);
        }
        let may_be_fresh = match &location.store {
            None => true,
            Some(store) => self.may_replace(store, location, owner)?,
        };
        if may_be_fresh && self.moves_as_a_whole(location)? {
            return Ok(true);
        }
        match &location.store {
            Some(store) if !location.is_kept_clear() && !sys::is_append_only(store.as_fd()) => {
                self.try_move_into(location, store.as_fd())?;
            }
            _ => {}
        }
        Ok(false)
    }

    /// Whether a store is empty, and what would replace it is as it is: belongs to the same owner,
    /// and is open to the same users.
    fn may_replace(
        &self,
        store: &OwnedFd,
        location: &Location,
        owner: Option<Ownership>,
    ) -> Result<bool> {
        if !is_empty(store).at("list the license store", &location.path)? {
            return Ok(false);
        }
        let old = Ownership::of(&location.examine(store)?);
        if let Some(owner) = owner {
            owner.give(&self.new).at(MAKE, &location.path)?;
        }
        let new = Ownership::of(&location.examine(&self.new)?);
        // An access control list has the mode in it; that of the store comes in the end.
        Ok(old == new
            && sys::copy_attributes(store.as_fd(), self.new.as_fd()).is_ok()
            && sys::set_file_mode(&self.new, Mode::RWXU).is_ok())
    }

    /// Whether a folder can be moved from here to where the store is to be.
    fn moves_as_a_whole(&self, location: &Location) -> Result<bool> {
        let folder = &self.held.folder;
        let there = match location.holder(Site::Beside) {
            // Nothing may be put beside the store itself.
            Some(far) if location.is_kept_clear() => far,
            _ => location.parent.as_fd(),
        };
        let probe = free_name(location, Site::Beside, there).at(MAKE, &location.path)?;
        if fs::renameat(folder, NEW, there, &probe).is_err() {
            return Ok(false);
        }
        let back = fs::renameat(there, &probe, folder, NEW);
        if back.is_err() {
            let _ = sys::remove_folder(there, &*probe);
        }
        back.at(MAKE, &location.path)?;
        Ok(true)
    }

    /// Whether a file can be moved from here into the store: an encryption policy, a quota or a
    /// part of the file system may be the store's alone.
    fn try_move_into(
        &self,
        location: &Location,
        store: BorrowedFd<'_>,
    ) -> std::result::Result<(), Unfit> {
        let folder = self.held.folder.as_fd();
        let name = scratch_name(0);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let made = sys::open_at(folder, &*name, flags, Mode::RUSR | Mode::WUSR);
        drop(made.at(MAKE, &location.path)?);
        let probe = free_name(location, Site::Inside, store).at(MAKE, &location.path)?;
        let moved = sys::rename_no_replace(folder, &*name, store, &*probe);
        if let Err(errno) = moved {
            remove(folder, &name).at(MAKE, &location.path)?;
            return Err(Unfit::Here(errno));
        }
        let removed = remove(store, &probe);
        if removed.is_err() {
            // The store is as it was; what is here is removed with the rest.
            let _ = sys::rename_no_replace(store, &*probe, folder, &*name);
        }
        removed.at(MAKE, &location.path)?;
        Ok(())
    }
}

/// Removes a staging folder that nothing was staged in; that takes no descriptor, of which there
/// may be no more.
fn remove_unused(holder: BorrowedFd<'_>, held: &mut Held) {
    let folder = held.folder.as_fd();
    let _ = remove(folder, &scratch_name(0));
    let _ = sys::remove_folder(folder, NEW);
    let _ = held.remove_emptied(holder);
}

/// A name of a staging folder's form that nothing has.
pub fn free_name(location: &Location, site: Site, holder: BorrowedFd<'_>) -> sys::Result<String> {
    for name in staging_names(location, site) {
        if look(holder, name.as_bytes())?.is_none() {
            return Ok(name);
        }
    }
    Err(Errno::EXIST)
}

/// Names for staging folders: those first that are found without a list.
fn staging_names(location: &Location, site: Site) -> impl Iterator<Item = String> {
    let numbered = (0..NUMBERED).map(move |number| location.staging_name(site, number));
    numbered.chain((0..NAME_TRIES).map(|_| name::staging(sys::random())))
}

/// Makes a folder with a marker in it, which is held.
fn hold_new(
    location: &Location,
    site: Site,
    holder: BorrowedFd<'_>,
) -> std::result::Result<(Held, Marker), Unfit> {
    let mut refused = Errno::EXIST;
    for name in staging_names(location, site) {
        let folder = match sys::make_folder(holder, &*name) {
            // Somebody else's; what restores left was removed before.
            Err(Errno::EXIST) if !is_begun(location, holder, &name)? => continue,
            // By another restore, a moment ago.
            Err(Errno::EXIST) => return Err(Error::StoreBusy(location.path.clone()).into()),
            Err(errno @ (Errno::XDEV | Errno::ACCESS | Errno::PERM | Errno::ROFS)) => {
                return Err(Unfit::Here(errno));
            }
            folder => folder.at(MAKE, &location.path)?,
        };
        let marker = Marker::new(&name, location.key(site), &location.path);
        match HeldMarker::create(&folder, &marker) {
            Ok(held) => return Ok((Held::new(site, name, folder, held), marker)),
            Err(errno) => {
                let _ = remove(folder.as_fd(), MARKER);
                let _ = sys::remove_folder(holder, &*name);
                // Another process took it for a left-over that has nothing in it.
                if !matches!(errno, Errno::NOENT | Errno::AGAIN) {
                    return Err(location.failed(MAKE, errno).into());
                }
                refused = errno;
            }
        }
    }
    Err(location.failed(MAKE, refused).into())
}

/// Whether a folder may be one that another restore has just made: there is nothing in it yet, or a
/// marker.
fn is_begun(location: &Location, holder: BorrowedFd<'_>, name: &str) -> Result<bool> {
    let flags = sys::FOLDER | OFlags::NOFOLLOW;
    let folder = match sys::open_at(holder, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(true),
        Err(_) => return Ok(false),
        Ok(folder) => folder,
    };
    let own = rustix::process::geteuid().as_raw();
    if location.examine(&folder)?.st_uid != own {
        return Ok(false);
    }
    let marker = HeldMarker::open(&folder).at(MAKE, &location.path)?;
    match marker {
        // One of its own, whose restore ended and left what it must keep, is not under way.
        Some((file, bytes)) if !bytes.is_empty() => {
            let is_held = HeldMarker::hold(file).at(MAKE, &location.path)?.is_none();
            Ok(is_held && Marker::parse(&bytes).is_some())
        }
        Some(_) => Ok(true),
        None => is_empty(&folder).at(MAKE, &location.path),
    }
}
