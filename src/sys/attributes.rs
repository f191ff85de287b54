//! What a folder has besides owner, mode and times: extended attributes (access control lists,
//! labels, what users note), and the flags of its file system.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use rustix::fs::{self, XattrFlags};
use rustix::io::Errno;

use super::Result;

/// Bytes that a list of names has at most, and a value (Linux, `include/uapi/linux/limits.h`).
const LONGEST: usize = 64 << 10;

/// What a file system notes there of how it keeps a folder, of one that was large before for
/// instance: FS_INDEX_FL, FS_EXTENT_FL, FS_INLINE_DATA_FL (Linux, `include/uapi/linux/fs.h`).
#[cfg(linux_kernel)]
const OWN_FLAGS: u32 = 0x1000 | 0x8_0000 | 0x1000_0000;

/// Gives a folder the extended attributes of another, and no others. After an error it may have
/// some of them. EOPNOTSUPP when their flags, such as chattr sets, are not the same.
pub fn copy_attributes(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<()> {
    #[cfg(linux_kernel)]
    if let (Ok(wanted), Ok(present)) = (fs::ioctl_getflags(from), fs::ioctl_getflags(to))
        && (wanted.bits() ^ present.bits()) & !OWN_FLAGS != 0
    {
        return Err(Errno::OPNOTSUPP);
    }
    let (wanted, present) = (read_names(from)?, read_names(to)?);
    for name in names(&present) {
        if !names(&wanted).any(|other| other == name) {
            fs::fremovexattr(to, name)?;
        }
    }
    let (mut value, mut other) = (room()?, room()?);
    for name in names(&wanted) {
        let length = fs::fgetxattr(from, name, &mut value)?;
        let value = &value[..length];
        let there = fs::fgetxattr(to, name, &mut other);
        if there.is_ok_and(|length| other[..length] == *value) {
            continue;
        }
        fs::fsetxattr(to, name, value, XattrFlags::empty())?;
    }
    Ok(())
}

fn room() -> Result<Vec<u8>> {
    let mut room = Vec::new();
    room.try_reserve_exact(LONGEST).map_err(|_| Errno::NOMEM)?;
    room.resize(LONGEST, 0);
    Ok(room)
}

/// The names of a folder's attributes, each with a NUL after it.
fn read_names(folder: BorrowedFd<'_>) -> Result<Vec<u8>> {
    let mut list = room()?;
    let length = match fs::flistxattr(folder, &mut list) {
        // The file system has none.
        Err(Errno::OPNOTSUPP) => 0,
        length => length?,
    };
    list.truncate(length);
    Ok(list)
}

fn names(list: &[u8]) -> impl Iterator<Item = &CStr> {
    let names = list.split_inclusive(|&byte| byte == 0);
    names.filter_map(|name| CStr::from_bytes_with_nul(name).ok())
}
