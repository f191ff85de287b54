//! Pipes, sockets and other descriptors that keep their reader or writer waiting.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use super::{Result, off_standard};

/// What a pipe that is ready takes without waiting; what POSIX promises at the least is less, but
/// no system has less.
const PIPE_BUF: usize = 4096;

/// How long nobody looks whether the wait is to end.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// The way to write to a descriptor that is not a regular file.
pub struct StreamWriter {
    file: OwnedFd,
    way: Way,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It never waits.
    Unblocked,
    Socket,
    /// It might wait for more than it takes when it is ready.
    Small,
}

impl StreamWriter {
    pub fn new(file: &OwnedFd) -> Result<Self> {
        let kind = FileType::from_raw_mode(rustix::fs::fstat(file)?.st_mode);
        let own = || off_standard(rustix::io::fcntl_dupfd_cloexec(file, 3)?);
        let (file, way) = match kind {
            FileType::Socket => (own()?, Way::Socket),
            FileType::Fifo => match unblocked(file.as_fd()) {
                Some(file) => (file, Way::Unblocked),
                None => (own()?, Way::Small),
            },
            _ => (own()?, Way::Small),
        };
        Ok(StreamWriter { file, way })
    }

    /// Writes some of what is given, or nothing after a while in which nobody took any.
    pub fn write(&self, data: &[u8]) -> Result<usize> {
        if !is_ready(self.file.as_fd(), PollFlags::OUT)? {
            return Ok(0);
        }
        let write = || match self.way {
            Way::Unblocked => rustix::io::write(&self.file, data),
            Way::Socket => send(&self.file, data, SendFlags::DONTWAIT),
            Way::Small => rustix::io::write(&self.file, &data[..data.len().min(PIPE_BUF)]),
        };
        match without_sigpipe(write) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            written => written,
        }
    }
}

/// Reads what there is, 0 bytes at the end; None after a while in which nothing came.
pub fn read_stream(file: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<Option<usize>> {
    if !is_ready(file, PollFlags::IN)? {
        return Ok(None);
    }
    match rustix::io::read(file, buffer) {
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        read => read.map(Some),
    }
}

fn is_ready(file: BorrowedFd<'_>, wanted: PollFlags) -> Result<bool> {
    let mut polled = [PollFd::from_borrowed_fd(file, wanted)];
    match poll(&mut polled, Some(&LOOK)) {
        Err(Errno::INTR) => Ok(false),
        ready => Ok(ready? > 0),
    }
}

/// The writing end of a pipe, opened anew: the host's own goes on to wait.
fn unblocked(file: BorrowedFd<'_>) -> Option<OwnedFd> {
    #[cfg(linux_kernel)]
    {
        use rustix::fs::{CWD, Mode, OFlags};
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        super::open_at(CWD, super::proc_path(file), flags, Mode::empty()).ok()
    }
    #[cfg(not(linux_kernel))]
    {
        let _ = file;
        None
    }
}

/// Does something that may raise SIGPIPE in the calling thread, which may be the host's own, and
/// nobody is told.
fn without_sigpipe<T>(body: impl FnOnce() -> T) -> T {
    let mut pipe = MaybeUninit::<libc::sigset_t>::zeroed();
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the sets are ours, and zero bytes are a valid one.
    let was_pending = unsafe {
        libc::sigemptyset(pipe.as_mut_ptr());
        libc::sigaddset(pipe.as_mut_ptr(), libc::SIGPIPE);
        let was_pending = sigpipe_is_pending();
        libc::pthread_sigmask(libc::SIG_BLOCK, pipe.as_ptr(), before.as_mut_ptr());
        was_pending
    };
    let answer = body();
    // SAFETY: as above; a signal that is pending and blocked is taken without waiting.
    unsafe {
        if !was_pending && sigpipe_is_pending() {
            let mut taken = 0;
            libc::sigwait(pipe.as_ptr(), &mut taken);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut());
    }
    answer
}

fn sigpipe_is_pending() -> bool {
    let mut pending = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the set is ours, and zero bytes are a valid one.
    unsafe {
        libc::sigpending(pending.as_mut_ptr());
        libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_takes_what_it_can_and_says_when_nobody_reads() {
        let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
        let stream = StreamWriter::new(&writer).expect("a stream");
        let data = vec![7; 1 << 20];
        let mut written = 0;
        loop {
            match stream.write(&data).expect("room") {
                0 => break,
                more => written += more,
            }
        }
        assert!(written >= PIPE_BUF);
        let mut buffer = vec![0; written];
        let mut read = 0;
        while read < written {
            let more = read_stream(reader.as_fd(), &mut buffer[read..]).expect("bytes");
            read += more.expect("ready");
        }
        assert!(buffer.iter().all(|&byte| byte == 7));
        assert_eq!(read_stream(reader.as_fd(), &mut buffer), Ok(None));
        drop(reader);
        // The test's process ignores SIGPIPE, or would be gone.
        assert_eq!(stream.write(&data), Err(Errno::PIPE));
        assert!(!sigpipe_is_pending());
    }
}
