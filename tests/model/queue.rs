//! What threads do with one queue, as in scenarios.rs: the operation's, which pushes and ends, one
//! that fetches, and one that cancels or releases. A single unread event is too many here.

use std::sync::Arc;

use super::{Event, Feed, Queue};
use crate::error::{Error, Result};
use crate::hresult::{self, wmlb_hresult};
use crate::restorer::Restorer;
use crate::restorer::model::{explore, start_observed, wait};
use crate::status::{self, Cancellation, Observer};
use crate::sync::lock;

#[cfg(wmlb_loom)]
use loom::thread::spawn;
#[cfg(wmlb_shuttle)]
use shuttle::thread::spawn;

/// What the callback of the C boundary does with a queue.
struct Pusher {
    queue: Arc<Queue>,
    feed: Feed,
}

impl Observer for Pusher {
    fn notify(&mut self, event: status::Event<'_>) -> wmlb_hresult {
        let Pusher { queue, feed } = self;
        let pushed = Event {
            status: event.status,
            hr: event.hr,
            value_type: 0,
            value: None,
        };
        let answer = feed.during(|| queue.push(&pushed));
        answer.map_or_else(|error| error.hresult(), |()| hresult::WMLB_S_OK)
    }

    fn cancellation(&self) -> Arc<Cancellation> {
        self.feed.cancellation()
    }
}

fn start(restorer: &Arc<Restorer>, queue: &Arc<Queue>) -> Result<()> {
    let feed = queue.attach()?;
    let queue = queue.clone();
    start_observed(restorer, Box::new(Pusher { queue, feed }))
}

fn next(queue: &Queue) -> Result<Option<(i32, wmlb_hresult)>> {
    queue.next(u32::MAX, |entry| (entry.status, entry.hr))
}

/// Fetches until there is nothing more to come.
fn fetch(queue: &Queue) -> Result<Vec<(i32, wmlb_hresult)>> {
    let mut events = Vec::new();
    while let Some(event) = next(queue)? {
        events.push(event);
    }
    Ok(events)
}

/// The events of one operation: the first, perhaps a progress, the last.
fn check(events: &[(i32, wmlb_hresult)]) {
    let statuses: Vec<_> = events.iter().map(|(status, _)| *status).collect();
    let canceled = (status::WMLB_STATUS_ERROR, Error::Canceled.hresult());
    match statuses[..] {
        [
            status::WMLB_STATUS_BACKUPRESTORE_BEGIN,
            status::WMLB_STATUS_PROGRESS,
            status::WMLB_STATUS_BACKUPRESTORE_END,
        ] => {}
        [
            status::WMLB_STATUS_BACKUPRESTORE_BEGIN,
            ..,
            status::WMLB_STATUS_ERROR,
        ] => {
            assert!(events.len() <= 3, "{events:?}");
            assert_eq!(events.last(), Some(&canceled));
        }
        _ => panic!("{events:?}"),
    }
}

/// Nothing is left behind that waits, or is waited for.
fn check_idle(queue: &Queue) {
    let state = lock(&queue.state);
    assert!(state.feeds.is_empty());
    assert_eq!((state.readers, state.writers), (0, 0));
}

#[test]
fn who_fetches_the_last_event_can_start_again() {
    explore(|| {
        let (restorer, queue) = (Arc::<Restorer>::default(), Arc::<Queue>::default());
        for _ in 0..2 {
            start(&restorer, &queue).expect("the restorer is idle");
            let mut events = Vec::new();
            while events
                .last()
                .is_none_or(|(status, _)| !status::is_last(*status))
            {
                events.push(next(&queue).expect("a queue").expect("an event"));
            }
            check(&events);
        }
        wait(&restorer);
        assert!(matches!(fetch(&queue).as_deref(), Ok([])));
        check_idle(&queue);
        restorer.release();
    });
}

#[test]
fn a_cancel_while_another_fetches() {
    explore(|| {
        let (restorer, queue) = (Arc::<Restorer>::default(), Arc::<Queue>::default());
        start(&restorer, &queue).expect("nothing else runs");
        let other = queue.clone();
        let canceler = spawn(move || other.cancel());
        check(&fetch(&queue).expect("a queue"));
        canceler.join().expect("no panic");
        assert!(!queue.cancel(), "nothing feeds it any more");
        restorer.release();
        check_idle(&queue);
    });
}

#[test]
fn a_release_while_another_fetches() {
    explore(|| {
        let (restorer, queue) = (Arc::<Restorer>::default(), Arc::<Queue>::default());
        start(&restorer, &queue).expect("nothing else runs");
        let other = queue.clone();
        let reader = spawn(move || fetch(&other));
        queue.release();
        match reader.join().expect("no panic") {
            Ok(events) => check(&events),
            Err(error) => assert!(matches!(error, Error::Queue)),
        }
        assert!(wait(&restorer).is_some());
        assert!(matches!(next(&queue), Err(Error::Queue)));
        assert!(matches!(start(&restorer, &queue), Err(Error::Queue)));
        check_idle(&queue);
        restorer.release();
    });
}

/// Nobody fetches, so the operation waits with its second event until it is woken.
fn full(end: fn(&Restorer, &Queue)) {
    explore(move || {
        let (restorer, queue) = (Arc::<Restorer>::default(), Arc::<Queue>::default());
        start(&restorer, &queue).expect("nothing else runs");
        end(&restorer, &queue);
        restorer.release();
        if let Ok(events) = fetch(&queue) {
            check(&events);
        }
        check_idle(&queue);
    });
}

#[test]
fn a_full_queue_and_a_cancel_of_the_queue() {
    full(|_, queue| assert!(queue.cancel()));
}

#[test]
fn a_full_queue_and_a_cancel_of_the_operation() {
    full(|restorer, _| assert!(restorer.cancel(None)));
}

#[test]
fn a_full_queue_and_a_release_of_the_restorer() {
    full(|_, _| ());
}

#[test]
fn a_full_queue_and_its_release() {
    full(|_, queue| queue.release());
}

/// Too many threads for every order.
#[cfg(wmlb_shuttle)]
#[test]
fn two_operations_feed_one_queue() {
    explore(|| {
        let restorers = [Arc::<Restorer>::default(), Arc::<Restorer>::default()];
        let queue = Arc::<Queue>::default();
        for restorer in &restorers {
            start(restorer, &queue).expect("nothing else runs");
        }
        let events = fetch(&queue).expect("a queue");
        let count = |wanted| {
            events
                .iter()
                .filter(|(status, _)| *status == wanted)
                .count()
        };
        assert_eq!(count(status::WMLB_STATUS_BACKUPRESTORE_BEGIN), 2);
        assert_eq!(count(status::WMLB_STATUS_PROGRESS), 2);
        assert_eq!(count(status::WMLB_STATUS_BACKUPRESTORE_END), 2);
        assert_eq!(events.len(), 6);
        for restorer in &restorers {
            restorer.release();
        }
        check_idle(&queue);
    });
}
