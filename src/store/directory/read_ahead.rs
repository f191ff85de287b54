//! Reads ahead of those who read a store, while the disk is what they wait for: to open a file
//! that the system does not hold in memory waits for its inode, to read it for its content, and
//! a disk does many of both at a time as fast as one.
//!
//! What is read ahead goes to the system's memory and no further, so nothing here can fail.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;

use super::folder::Directory;
use super::reader::DirectoryReader;
use crate::panics;
use crate::store::batch::{Batch, Names};
use crate::store::{ReadAhead, Waits};
use crate::sync::{Condvar, Mutex, lock, wait};
use crate::sys;

/// Threads that read ahead. Measured on a virtual disk: 8 read twice as fast as 2, and 16 gain
/// little more.
const THREADS: usize = 8;

/// How far ahead of a reader, in files, and how many of them a thread takes at a time.
const DISTANCE: usize = 128;
const AT_ONCE: usize = 16;

/// Turns that may wait for a thread.
const MOST_ASKED: usize = 64;

/// Files after which a reader looks at how often it had to wait, and the part of them that makes
/// it worth to read ahead.
const LOOK: u64 = 64;
const WORTH: u64 = 8;

/// Turns of reading ahead without any wait after which it ends: what comes is in memory already.
const IN_VAIN: u32 = 64;

/// Bytes of a file's beginning that are read ahead.
const MOST: u64 = 2 << 20;

/// Reads ahead for all readers of a store.
pub struct Prefetch {
    shared: Arc<Shared>,
    threads: Mutex<Vec<sys::Thread>>,
}

struct Shared {
    store: Arc<Directory>,
    active: AtomicBool,
    state: Mutex<State>,
    /// There is something to read, or it is time to end.
    may_read: Condvar,
}

#[derive(Default)]
struct State {
    asked: VecDeque<Names>,
    /// Turns without a wait.
    in_vain: u32,
    ended: bool,
}

impl Prefetch {
    pub fn new(store: Arc<Directory>) -> Self {
        Prefetch {
            shared: Arc::new(Shared {
                store,
                active: AtomicBool::new(false),
                state: Mutex::default(),
                may_read: Condvar::new(),
            }),
            threads: Mutex::default(),
        }
    }

    fn ask(&self, batch: &Batch, asked: &mut usize) {
        let mut state = lock(&self.shared.state);
        while *asked < batch.len().min(DISTANCE) {
            state.asked.push_back(batch.names(*asked, AT_ONCE));
            *asked += AT_ONCE;
        }
        // What has waited for long was read meanwhile.
        let old = state.asked.len().saturating_sub(MOST_ASKED);
        state.asked.drain(..old);
        drop(state);
        self.shared.may_read.notify_all();
    }

    fn begin(&self) {
        let mut state = lock(&self.shared.state);
        if state.ended || self.shared.active.load(Ordering::Relaxed) {
            return;
        }
        state.in_vain = 0;
        self.shared.active.store(true, Ordering::Relaxed);
        drop(state);
        let mut threads = lock(&self.threads);
        while threads.len() < THREADS {
            let shared = self.shared.clone();
            let name = format!("wmlb-ahead-{}", threads.len() + 1);
            match sys::Thread::begin(name, move || shared.read()) {
                Ok(thread) => threads.push(thread),
                Err(_) => break,
            }
        }
        if threads.is_empty() {
            lock(&self.shared.state).ended = true;
            self.shared.active.store(false, Ordering::Relaxed);
        }
    }
}

impl ReadAhead for Prefetch {
    fn advance(&self, waits: &mut Waits, batch: &Batch, asked: &mut usize) {
        if waits.licenses.is_multiple_of(LOOK) {
            let now = sys::thread_waits();
            if waits.licenses > 0 && now - waits.before >= LOOK / WORTH {
                self.begin();
            }
            waits.before = now;
        }
        waits.licenses += 1;
        if self.shared.active.load(Ordering::Relaxed) && *asked <= DISTANCE - AT_ONCE {
            self.ask(batch, asked);
        }
    }

    fn end(&self) {
        let mut state = lock(&self.shared.state);
        state.ended = true;
        state.asked.clear();
        drop(state);
        self.shared.active.store(false, Ordering::Relaxed);
        self.shared.may_read.notify_all();
        // Held until they ended, so that nobody goes on before.
        let mut threads = lock(&self.threads);
        for thread in threads.drain(..) {
            thread.join();
        }
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    /// A thread that reads ahead.
    fn read(&self) {
        let _ours = panics::enter();
        let mut reader = DirectoryReader::new(self.store.clone());
        let mut state = lock(&self.state);
        loop {
            if state.ended {
                return;
            }
            let Some(names) = state.asked.pop_front() else {
                state = wait(&self.may_read, state);
                continue;
            };
            drop(state);
            let before = sys::thread_waits();
            let read = names.each().try_for_each(|(folder, name)| {
                match reader.open_file(folder, name) {
                    // It is not known what it is: so a lock on it is looked for when it is closed.
                    Ok(file) => {
                        sys::read_ahead(file.as_fd(), MOST);
                        Ok(())
                    }
                    // The readers need those that are left.
                    Err(Errno::MFILE | Errno::NFILE) => Err(()),
                    Err(_) => Ok(()),
                }
            });
            let waited = sys::thread_waits() != before;
            state = lock(&self.state);
            state.in_vain = if waited { 0 } else { state.in_vain + 1 };
            if state.in_vain >= IN_VAIN || read.is_err() {
                self.active.store(false, Ordering::Relaxed);
                state.ended |= read.is_err();
            }
        }
    }
}
