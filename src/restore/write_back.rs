//! Has the disk write what was staged while more is: the one wait at the end, which makes all of
//! it durable, would find everything still to be written.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::Mode;

use crate::sync::{Condvar, Mutex, lock, wait};
use crate::sys;

/// Bytes of licenses after which the file system is told to write. A cancel may have to wait
/// until it has.
const STRETCH: u64 = 32 << 20;

/// Writes back until it is dropped, on a thread of its own when there is enough to write.
/// Without one everything is left to the end.
#[derive(Default)]
pub struct WriteBack {
    shared: Arc<Shared>,
    thread: Option<sys::Thread>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Bytes that were not told of.
    waiting: u64,
    ended: bool,
}

impl WriteBack {
    /// So many bytes more are staged, somewhere on the file system that holds `folder`.
    pub fn add(&mut self, bytes: u64, folder: BorrowedFd<'_>) {
        let mut state = lock(&self.shared.state);
        state.waiting += bytes;
        let enough = state.waiting >= STRETCH;
        drop(state);
        if !enough {
            return;
        }
        if self.thread.is_none() {
            self.thread = self.begin(folder);
        }
        self.shared.changed.notify_one();
    }

    fn begin(&self, folder: BorrowedFd<'_>) -> Option<sys::Thread> {
        // Opened again: whoever waits at the end is to be told of what failed before, and the
        // system tells it once to each opening of a file.
        let folder = sys::open_at(folder, c".", sys::FOLDER, Mode::empty()).ok()?;
        let shared = self.shared.clone();
        sys::Thread::begin("wmlb-write-back".to_owned(), move || shared.write(&folder)).ok()
    }
}

impl Drop for WriteBack {
    fn drop(&mut self) {
        lock(&self.shared.state).ended = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            thread.join();
        }
    }
}

impl Shared {
    fn write(&self, folder: &OwnedFd) {
        let mut state = lock(&self.state);
        while !state.ended {
            if state.waiting < STRETCH {
                state = wait(&self.changed, state);
                continue;
            }
            state.waiting = 0;
            drop(state);
            let _ = sys::synchronize_file_system(folder.as_fd());
            state = lock(&self.state);
        }
    }
}
