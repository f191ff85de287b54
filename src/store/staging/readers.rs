//! Who reads a store on a share, as far as that has locks: those on folders are known to one
//! machine only, and a reader leaves nothing in a store. So it locks a byte of a file that whoever
//! restores finds too: the first one, far behind all that anybody else would lock.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};

use crate::name::is_staging;
use crate::store::folders::look;
use crate::sys::{self, Range, StoreFile};

const READER: Range = Range {
    start: 1 << 62,
    length: 1,
};

/// Keeps a reader's lock until it is dropped; None where there is none to be had, or no need.
pub fn hold(store: BorrowedFd<'_>) -> Option<StoreFile> {
    if sys::is_local(store) {
        return None;
    }
    let file = first_file(store).ok()??;
    sys::read_lock(file.as_fd(), READER).ok()?;
    Some(file)
}

/// Whether somebody elsewhere reads the store.
pub fn are_there(store: BorrowedFd<'_>) -> bool {
    if sys::is_local(store) {
        return false;
    }
    let file = first_file(store).ok().flatten();
    file.is_some_and(|file| sys::is_locked(file.as_fd(), READER) == Ok(true))
}

/// The file with the least name in a store, or in the folder with the least name that is in it, and
/// so on.
fn first_file(store: BorrowedFd<'_>) -> sys::Result<Option<StoreFile>> {
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
    let mut below = None::<OwnedFd>;
    loop {
        let folder = below.as_ref().map_or(store, AsFd::as_fd);
        let listed = sys::open_at(folder, c".", sys::FOLDER, Mode::empty())?;
        let (mut first, mut first_folder) = (None::<Vec<u8>>, None::<Vec<u8>>);
        sys::list_folder(listed.as_fd(), &mut buffer, |name, kind| {
            let kind = match kind {
                FileType::Unknown => {
                    look(folder, name)?.map_or(kind, |stat| FileType::from_raw_mode(stat.st_mode))
                }
                kind => kind,
            };
            let least = match kind {
                FileType::RegularFile => &mut first,
                FileType::Directory => &mut first_folder,
                _ => return Ok(()),
            };
            if !is_staging(name) && least.as_deref().is_none_or(|least| name < least) {
                *least = Some(name.to_vec());
            }
            Ok(())
        })?;
        if let Some(name) = first {
            let file = StoreFile::open(folder, &*name, OFlags::empty())?;
            return Ok(sys::is_regular(&sys::fstat(&file)?).then_some(file));
        }
        let Some(name) = first_folder else {
            return Ok(None);
        };
        let flags = sys::FOLDER | OFlags::NOFOLLOW;
        below = Some(sys::open_at(folder, &*name, flags, Mode::empty())?);
    }
}
