//! A descriptor that is readable or not, as its owner says: for those who poll.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use super::{Result, off_standard};

/// An eventfd, where the system has them; else a pipe with at most one byte in it.
pub struct Bell {
    reader: OwnedFd,
    /// None where it is one with the reader.
    writer: Option<OwnedFd>,
    is_on: bool,
}

impl Bell {
    pub fn new() -> Result<Self> {
        #[cfg(linux_kernel)]
        {
            use rustix::event::{EventfdFlags, eventfd};
            let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
            Ok(Bell {
                reader: off_standard(eventfd(0, flags)?)?,
                writer: None,
                is_on: false,
            })
        }
        #[cfg(not(linux_kernel))]
        Bell::of_pipe()
    }

    #[cfg(any(test, not(linux_kernel)))]
    fn of_pipe() -> Result<Self> {
        use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
        use rustix::io::{FdFlags, fcntl_setfd};
        let (reader, writer) = rustix::pipe::pipe()?;
        let prepared = |end: OwnedFd| {
            let end = off_standard(end)?;
            fcntl_setfd(&end, FdFlags::CLOEXEC)?;
            fcntl_setfl(&end, fcntl_getfl(&end)? | OFlags::NONBLOCK)?;
            Ok(end)
        };
        Ok(Bell {
            reader: prepared(reader)?,
            writer: Some(prepared(writer)?),
            is_on: false,
        })
    }

    pub fn descriptor(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    /// Makes the descriptor readable, or not.
    pub fn set(&mut self, is_on: bool) {
        if is_on == self.is_on {
            return;
        }
        self.is_on = is_on;
        // Neither waits. An eventfd takes and gives a number of eight bytes.
        if is_on {
            let to = self.writer.as_ref().unwrap_or(&self.reader);
            let bytes = &1u64.to_ne_bytes()[..if self.writer.is_some() { 1 } else { 8 }];
            let _ = rustix::io::retry_on_intr(|| rustix::io::write(to.as_fd(), bytes));
        } else {
            let mut bytes = [0; 8];
            let _ = rustix::io::retry_on_intr(|| rustix::io::read(&self.reader, &mut bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    fn is_readable(bell: &Bell) -> bool {
        let mut polled = [PollFd::new(&bell.reader, PollFlags::IN)];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut polled, Some(&at_once)).expect("poll") == 1
    }

    #[test]
    fn both_kinds_are_readable_when_they_are_on() {
        for mut bell in [Bell::new().expect("a bell"), Bell::of_pipe().expect("one")] {
            assert!(!is_readable(&bell));
            for is_on in [true, true, false, false, true, false, true] {
                bell.set(is_on);
                assert_eq!(is_readable(&bell), is_on);
            }
        }
    }
}
