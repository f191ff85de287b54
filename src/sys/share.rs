//! Blocks that two files share.

use std::os::fd::BorrowedFd;

use super::Result;

/// A part of a file.
#[derive(Clone, Copy)]
pub struct Part {
    pub offset: u64,
    pub length: u64,
}

/// Has a file share a part of another one from the offset `at` on, where the file system does that:
/// nothing is copied, and what is written to one later does not show in the other.
pub fn share(from: BorrowedFd<'_>, part: Part, to: BorrowedFd<'_>, at: u64) -> Result<()> {
    #[cfg(linux_calls)]
    {
        use std::os::fd::AsRawFd;

        /// `struct file_clone_range` of Linux's include/uapi/linux/fs.h.
        #[repr(C)]
        struct Range {
            from: i64,
            offset: u64,
            length: u64,
            at: u64,
        }
        /// FICLONERANGE: _IOW(0x94, 13, struct file_clone_range).
        const CLONE_RANGE: rustix::ioctl::Opcode = rustix::ioctl::opcode::write::<Range>(0x94, 13);
        let range = Range {
            from: from.as_raw_fd().into(),
            offset: part.offset,
            length: part.length,
            at,
        };
        // SAFETY: the call reads a struct of this form, and nothing else.
        unsafe {
            let call = rustix::ioctl::Setter::<CLONE_RANGE, Range>::new(range);
            rustix::ioctl::ioctl(to, call)
        }
    }
    #[cfg(not(linux_calls))]
    {
        let _ = (from, part.offset, part.length, to, at);
        Err(rustix::io::Errno::NOSYS)
    }
}
