//! Events that are fetched: a queue between operations and a host that cannot be called, or not
//! on threads that are not its own.
//!
//! A queue is fed through the status callback. It belongs to no restorer: an operation feeds it
//! from its start until the restorer is idle again. The last event of an operation is held back
//! until then, so that whoever fetches it can start the next operation at once.

#[cfg(all(test, any(wmlb_loom, wmlb_shuttle)))]
#[path = "../tests/model/queue.rs"]
mod model;

use std::cell::Cell;
use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::hresult::wmlb_hresult;
use crate::restorer::Restorer;
use crate::status::{self, Cancellation};
use crate::sync::{self, Condvar, MutexGuard, lock, wait, wait_until};
use crate::sys;

/// So many unread events keep an operation waiting; in the models, so few that it does wait.
const LIMIT: usize = if cfg!(any(wmlb_loom, wmlb_shuttle)) {
    1
} else {
    1024
};

/// The memory for the words of a last event that there is whatever happens.
const RESERVE: usize = 512;

/// How the value of an event is aligned: it may be a struct of the header.
const ALIGNMENT: usize = 8;

sync::thread_local! {
    // loom knows no other way to make one.
    #[allow(clippy::missing_const_for_thread_local)]
    /// The queue that this thread feeds with the event it makes, and as what.
    static FEEDING: Cell<Option<(*const Queue, u64)>> = Cell::new(None);
}

/// An event as it is pushed.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    pub status: i32,
    pub hr: wmlb_hresult,
    pub value_type: i32,
    /// None is NULL.
    pub value: Option<&'a [u8]>,
}

/// An event as it waits.
#[derive(Default)]
pub struct Entry {
    /// What it comes from; 0 for none of the queue's feeds.
    feed: u64,
    pub status: i32,
    pub hr: wmlb_hresult,
    pub value_type: i32,
    /// The value from `start` on, where it is aligned, and a NUL.
    bytes: Vec<u8>,
    start: usize,
    has_value: bool,
}

impl Entry {
    /// The value; a NUL follows it.
    pub fn value(&self) -> Option<&[u8]> {
        let end = self.bytes.len().saturating_sub(1);
        self.has_value
            .then(|| self.bytes.get(self.start..end).unwrap_or_default())
    }

    /// Copies an event. None if there is no memory for it.
    fn new(feed: u64, event: &Event<'_>) -> Option<Self> {
        let length = event.value.map_or(0, <[u8]>::len);
        let mut bytes = Vec::new();
        if event.value.is_some() {
            bytes.try_reserve_exact(length + ALIGNMENT).ok()?;
        }
        Some(Entry::in_memory(feed, event, bytes))
    }

    /// Copies an event to memory that is there; of its value, as much as it has room for.
    fn in_memory(feed: u64, event: &Event<'_>, mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        let start = bytes.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT - 1);
        if let Some(value) = event.value {
            bytes.resize(start, 0);
            let room = bytes.capacity().saturating_sub(start + 1);
            bytes.extend_from_slice(whole_characters(value, room));
            bytes.push(0);
        }
        Entry {
            feed,
            status: event.status,
            hr: event.hr,
            value_type: event.value_type,
            bytes,
            start,
            has_value: event.value.is_some(),
        }
    }
}

/// The beginning of a text that has at most `room` bytes, and no part of a character.
fn whole_characters(text: &[u8], room: usize) -> &[u8] {
    let mut end = text.len().min(room);
    while end < text.len() && end > 0 && text[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    &text[..end]
}

/// An operation that feeds a queue.
struct Fed {
    number: u64,
    cancellation: Arc<Cancellation>,
    /// Its last event.
    last: Option<Entry>,
    /// Memory for that one.
    reserve: Vec<u8>,
    /// It has made an event.
    has_begun: bool,
}

#[derive(Default)]
struct State {
    /// There is always room for the last event of each feed.
    unread: VecDeque<Entry>,
    /// The event that was fetched last: its value stays until the next one.
    fetched: Entry,
    feeds: Vec<Fed>,
    last_number: u64,
    /// Tells those who poll; None as long as nobody asked for it.
    bell: Option<sys::Bell>,
    /// An operation has ended without a last event, and nobody was told that none is coming.
    has_fallen_silent: bool,
    released: bool,
    /// Threads that wait for events, and for room.
    readers: usize,
    writers: usize,
}

impl State {
    fn ring(&mut self) {
        let wanted = !self.unread.is_empty() || self.has_fallen_silent;
        if let Some(bell) = &mut self.bell {
            bell.set(wanted);
        }
    }

    /// Adds an event for which there is room.
    fn add(&mut self, entry: Entry) {
        self.unread.push_back(entry);
        self.ring();
    }

    fn feed(&mut self, number: u64) -> Option<&mut Fed> {
        self.feeds.iter_mut().find(|feed| feed.number == number)
    }
}

#[derive(Default)]
pub struct Queue {
    state: sync::Mutex<State>,
    /// Notified when there is an event, or none to be expected.
    came: Condvar,
    /// Notified when there is room, or none is needed any more.
    room: Condvar,
}

impl Queue {
    /// Makes an operation that is about to start feed the queue, until the value is dropped.
    pub fn attach(self: &Arc<Self>) -> Result<Feed> {
        let memory = |_| Error::Memory("a queue");
        let queue = Arc::downgrade(self);
        let cancellation = Arc::new(Cancellation::waking(move || {
            if let Some(queue) = queue.upgrade() {
                queue.wake_writers(&lock(&queue.state));
            }
        }));
        let mut reserve = Vec::new();
        reserve.try_reserve_exact(RESERVE).map_err(memory)?;
        let mut state = lock(&self.state);
        if state.released {
            return Err(Error::Queue);
        }
        state.feeds.try_reserve(1).map_err(memory)?;
        let last_events = state.feeds.len() + 1;
        state.unread.try_reserve(last_events).map_err(memory)?;
        state.last_number += 1;
        let number = state.last_number;
        state.feeds.push(Fed {
            number,
            cancellation: cancellation.clone(),
            last: None,
            reserve,
            has_begun: false,
        });
        Ok(Feed {
            queue: self.clone(),
            number,
            cancellation,
        })
    }

    /// Adds an event. An error is the answer that cancels the operation that made it.
    pub fn push(&self, event: &Event<'_>) -> Result<()> {
        let feed = match FEEDING.with(Cell::get) {
            Some((queue, number)) if std::ptr::eq(queue, self) => number,
            _ => 0,
        };
        let entry = Entry::new(feed, event);
        let mut state = lock(&self.state);
        if state.released {
            return Err(Error::Queue);
        }
        if let Some(fed) = state.feed(feed) {
            fed.has_begun = true;
            if status::is_last(event.status) {
                let memory = std::mem::take(&mut fed.reserve);
                let in_reserve = || Entry::in_memory(feed, event, memory);
                fed.last = Some(entry.unwrap_or_else(in_reserve));
                return Ok(());
            }
        }
        let entry = entry.ok_or(Error::Memory("a queue"))?;
        let is_progress = |other: &Entry| {
            (other.feed, other.status) == (feed, status::WMLB_STATUS_PROGRESS) && feed != 0
        };
        if event.status == status::WMLB_STATUS_PROGRESS
            && let Some(older) = state.unread.iter().rposition(is_progress)
        {
            state.unread.remove(older);
        }
        state = self.wait_for_room(state, feed);
        if state.released {
            return Err(Error::Queue);
        }
        let events = 1 + state.feeds.len();
        let memory = |_| Error::Memory("a queue");
        state.unread.try_reserve(events).map_err(memory)?;
        state.add(entry);
        self.wake_readers(&state);
        let canceled = |fed: &mut Fed| fed.cancellation.is_asked();
        if state.feed(feed).is_some_and(canceled) {
            Err(Error::Canceled)
        } else {
            Ok(())
        }
    }

    /// Waits while there are too many unread events, unless the operation is to end.
    fn wait_for_room<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        feed: u64,
    ) -> MutexGuard<'a, State> {
        while state.unread.len() >= LIMIT && !state.released {
            // Nobody waits on the host's own thread: it may be the one that reads.
            let waits = |fed: &mut Fed| !fed.cancellation.is_asked();
            if Restorer::runs_here() || !state.feed(feed).is_some_and(waits) {
                break;
            }
            state.writers += 1;
            state = wait(&self.room, state);
            state.writers -= 1;
        }
        state
    }

    /// Fetches an event, and gives it to `take`. None if there is none, and no operation that
    /// could make one.
    pub fn next<T>(&self, timeout_ms: u32, take: impl FnOnce(&Entry) -> T) -> Result<Option<T>> {
        if timeout_ms != 0 && Restorer::is_in_callback() {
            return Err(Error::IllegalCall(
                "a callback cannot wait for an event: it might wait for itself",
            ));
        }
        let deadline = match timeout_ms {
            u32::MAX => None,
            timeout => Instant::now().checked_add(Duration::from_millis(timeout.into())),
        };
        let mut state = lock(&self.state);
        loop {
            if state.released {
                return Err(Error::Queue);
            }
            if let Some(entry) = state.unread.pop_front() {
                state.fetched = entry;
                state.ring();
                self.wake_writers(&state);
                return Ok(Some(take(&state.fetched)));
            }
            if state.feeds.is_empty() {
                state.has_fallen_silent = false;
                state.ring();
                return Ok(None);
            }
            if timeout_ms == 0 || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(Error::Timeout(timeout_ms));
            }
            state.readers += 1;
            state = match deadline {
                None => wait(&self.came, state),
                Some(deadline) => wait_until(&self.came, state, deadline),
            };
            state.readers -= 1;
        }
    }

    /// A descriptor that is readable while there are events.
    pub fn descriptor(&self) -> Result<RawFd> {
        let mut state = lock(&self.state);
        if state.released {
            return Err(Error::Queue);
        }
        if state.bell.is_none() {
            let bell = sys::Bell::new().map_err(|errno| Error::Descriptor(errno.into()))?;
            state.bell = Some(bell);
            state.ring();
        }
        state
            .bell
            .as_ref()
            .map(sys::Bell::descriptor)
            .ok_or(Error::Queue)
    }

    /// Cancels the operations that feed it; false if there is none.
    pub fn cancel(&self) -> bool {
        let feeds = self.cancellations(&lock(&self.state));
        feeds.iter().for_each(|cancellation| cancellation.ask());
        !feeds.is_empty()
    }

    /// Ends the queue: cancels what feeds it, and waits for nothing.
    pub fn release(&self) {
        let mut state = lock(&self.state);
        state.released = true;
        let feeds = self.cancellations(&state);
        let left = (
            std::mem::take(&mut state.unread),
            std::mem::take(&mut state.fetched),
            state.bell.take(),
        );
        self.wake_readers(&state);
        self.wake_writers(&state);
        drop(state);
        drop(left);
        // Outside of the lock, which wakers take.
        feeds.iter().for_each(|cancellation| cancellation.ask());
    }

    fn cancellations(&self, state: &State) -> Vec<Arc<Cancellation>> {
        let feeds = state.feeds.iter();
        feeds.map(|feed| feed.cancellation.clone()).collect()
    }

    /// The state is locked, so that nobody is between a look at it and the wait.
    fn wake_readers(&self, state: &State) {
        if state.readers > 0 {
            self.came.notify_all();
        }
    }

    fn wake_writers(&self, state: &State) {
        if state.writers > 0 {
            self.room.notify_all();
        }
    }
}

/// That an operation feeds a queue.
pub struct Feed {
    queue: Arc<Queue>,
    number: u64,
    cancellation: Arc<Cancellation>,
}

impl Feed {
    pub fn cancellation(&self) -> Arc<Cancellation> {
        self.cancellation.clone()
    }

    /// What is pushed to the queue during the call counts as an event of the operation.
    pub fn during<T>(&self, call: impl FnOnce() -> T) -> T {
        let feeding = Some((Arc::as_ptr(&self.queue), self.number));
        FEEDING.with(|current| current.set(feeding));
        let answer = call();
        FEEDING.with(|current| current.set(None));
        answer
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut state = lock(&self.queue.state);
        let position = state.feeds.iter().position(|fed| fed.number == self.number);
        let Some(mut fed) = position.map(|position| state.feeds.swap_remove(position)) else {
            return;
        };
        if !state.released {
            match fed.last.take() {
                Some(last) => state.add(last),
                None => {
                    state.has_fallen_silent |= fed.has_begun;
                    state.ring();
                }
            }
        }
        self.queue.wake_readers(&state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(status: i32, value: Option<&[u8]>) -> Event<'_> {
        Event {
            status,
            hr: 0,
            value_type: 1,
            value,
        }
    }

    #[test]
    fn a_value_is_aligned_and_ends_in_a_nul() {
        for length in [0, 1, 7, 8, 9, 1000] {
            let value = vec![b'x'; length];
            let entry = Entry::new(1, &event(0, Some(&value))).expect("memory");
            let copied = entry.value().expect("a value");
            assert_eq!(copied, value);
            assert_eq!(copied.as_ptr().align_offset(ALIGNMENT), 0);
            assert_eq!(entry.bytes.last(), Some(&0));
        }
        let none = Entry::new(1, &event(0, None)).expect("memory");
        assert_eq!(none.value(), None);
    }

    #[test]
    fn without_memory_the_last_words_are_cut_between_characters() {
        for room in 8..40 {
            let memory = Vec::with_capacity(room);
            let text = "aäöü€".repeat(9);
            let entry = Entry::in_memory(1, &event(0, Some(text.as_bytes())), memory);
            let cut = std::str::from_utf8(entry.value().expect("a value")).expect("UTF-8");
            assert!(text.starts_with(cut), "{cut:?}");
            assert!(cut.len() + 4 + ALIGNMENT > room, "{room} for {cut:?}");
        }
    }

    #[test]
    fn what_nobody_feeds_gives_nothing() {
        let queue = Arc::new(Queue::default());
        assert!(matches!(queue.next(u32::MAX, |_| ()), Ok(None)));
        let feed = queue.attach().expect("memory");
        assert!(matches!(queue.next(0, |_| ()), Err(Error::Timeout(0))));
        drop(feed);
        assert!(matches!(queue.next(u32::MAX, |_| ()), Ok(None)));
    }
}
