//! What threads do with one restorer, in every order that loom finds with three switches where no
//! thread waits, and in as many random ones of shuttle's as the environment asks for
//! (`WMLB_SCHEDULES`). The restorer is the real one; what it runs is a job of no effect.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Kind, Restorer, Way};
use crate::error::{Error, Result};
use crate::hresult::{self, wmlb_hresult};
use crate::operation::{Job, Operation};
use crate::status::{self, Event, Observer, Value, wmlb_progress};
use crate::sync::{Mutex, lock};

#[cfg(wmlb_loom)]
use loom::thread::spawn;
#[cfg(wmlb_shuttle)]
use shuttle::thread::spawn;

#[cfg(wmlb_loom)]
pub(crate) fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.max_branches = 10_000;
    builder.check(scenario);
}

#[cfg(wmlb_shuttle)]
pub(crate) fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    let schedules = std::env::var("WMLB_SCHEDULES").map_or(1000, |number| {
        number.parse().expect("WMLB_SCHEDULES is a number")
    });
    let scenario = Arc::new(scenario);
    let again = scenario.clone();
    shuttle::check_random(move || again(), schedules / 2);
    shuttle::check_pct(move || scenario(), schedules / 2, 3);
}

/// What became of one operation. Its lock is where others may come in between.
#[derive(Default)]
struct Seen {
    events: Vec<(i32, wmlb_hresult)>,
    /// No event may come any more.
    closed: bool,
    /// One came all the same.
    late: bool,
    observer_is_gone: bool,
}

#[derive(Clone, Default)]
struct Record(Arc<Mutex<Seen>>);

impl Record {
    fn close(&self) {
        lock(&self.0).closed = true;
    }

    /// Looks at an operation that has ended: every promise about its events.
    fn check(&self, result: Option<wmlb_hresult>) {
        let seen = lock(&self.0);
        assert!(!seen.late, "an event after the end: {:?}", seen.events);
        assert!(seen.observer_is_gone, "the observer is still there");
        let terminals: Vec<_> = seen
            .events
            .iter()
            .filter(|(status, _)| is_terminal(*status))
            .collect();
        assert_eq!(terminals.len(), 1, "{:?}", seen.events);
        assert_eq!(seen.events.last(), Some(terminals[0]));
        assert_eq!(result.unwrap_or(terminals[0].1), terminals[0].1);
    }

    /// The same of one that was released in its callback: it makes no event after that.
    fn check_silenced(&self) {
        let seen = lock(&self.0);
        assert!(!seen.late && seen.observer_is_gone);
        assert!(seen.events.iter().all(|(status, _)| !is_terminal(*status)));
    }
}

fn is_terminal(status: i32) -> bool {
    matches!(
        status,
        status::WMLB_STATUS_ERROR
            | status::WMLB_STATUS_ERROR_WITHURL
            | status::WMLB_STATUS_BACKUPRESTORE_END
    )
}

/// Writes down what it is told, and does something in the first event.
struct Watcher<F: FnMut() + Send> {
    record: Record,
    first: Option<F>,
}

impl<F: FnMut() + Send> Observer for Watcher<F> {
    fn notify(&mut self, event: Event<'_>) -> wmlb_hresult {
        let mut seen = lock(&self.record.0);
        seen.late |= seen.closed;
        seen.events.push((event.status, event.hr));
        drop(seen);
        if let Some(mut first) = self.first.take() {
            first();
        }
        hresult::WMLB_S_OK
    }
}

impl<F: FnMut() + Send> Drop for Watcher<F> {
    fn drop(&mut self) {
        lock(&self.record.0).observer_is_gone = true;
    }
}

/// An operation of two steps.
struct Steps;

impl Job for Steps {
    fn run(&self, operation: &mut Operation<'_>) -> Result<wmlb_hresult> {
        operation.report(
            status::WMLB_STATUS_BACKUPRESTORE_BEGIN,
            hresult::WMLB_S_OK,
            Value::None,
        )?;
        operation.report_progress(wmlb_progress::default())?;
        Ok(hresult::WMLB_S_OK)
    }

    fn backup_file(&self) -> PathBuf {
        PathBuf::new()
    }
}

fn start_with(
    restorer: &Arc<Restorer>,
    record: &Record,
    first: Option<impl FnMut() + Send + 'static>,
) -> Result<()> {
    let record = record.clone();
    start_observed(restorer, Box::new(Watcher { record, first }))
}

pub(crate) fn start_observed(restorer: &Arc<Restorer>, observer: Box<dyn Observer>) -> Result<()> {
    start_as(restorer, Way::OwnThread, observer).map(|_| ())
}

fn start_as(
    restorer: &Arc<Restorer>,
    way: Way,
    observer: Box<dyn Observer>,
) -> Result<wmlb_hresult> {
    restorer.start(Kind::Backup, way, observer, |_| Ok(Box::new(Steps)))
}

fn start(restorer: &Arc<Restorer>, record: &Record) -> Result<()> {
    start_with(restorer, record, None::<fn()>)
}

pub(crate) fn wait(restorer: &Restorer) -> Option<wmlb_hresult> {
    restorer.wait(u32::MAX).expect("outside of callbacks")
}

#[test]
fn cancel_and_wait() {
    explore(|| {
        let (restorer, record) = (Arc::<Restorer>::default(), Record::default());
        start(&restorer, &record).expect("nothing else runs");
        let other = restorer.clone();
        let canceler = spawn(move || other.cancel(Some(Kind::Backup)));
        let result = wait(&restorer);
        record.close();
        canceler.join().expect("no panic");
        assert!(result.is_some());
        record.check(result);
        assert!(!restorer.cancel(None), "nothing runs any more");
        restorer.release();
    });
}

#[test]
fn release_while_another_waits() {
    explore(|| {
        let (restorer, record) = (Arc::<Restorer>::default(), Record::default());
        start(&restorer, &record).expect("nothing else runs");
        let (other, events) = (restorer.clone(), record.clone());
        let releaser = spawn(move || {
            other.release();
            events.close();
        });
        let result = wait(&restorer);
        releaser.join().expect("no panic");
        record.check(result);
        assert!(matches!(
            start(&restorer, &Record::default()),
            Err(Error::Handle)
        ));
    });
}

#[test]
fn release_in_the_callback() {
    explore(|| {
        let (restorer, record) = (Arc::<Restorer>::default(), Record::default());
        let (own, events) = (restorer.clone(), record.clone());
        start_with(
            &restorer,
            &record,
            Some(move || {
                assert!(matches!(own.wait(u32::MAX), Err(Error::IllegalCall(_))));
                own.release();
                events.close();
            }),
        )
        .expect("nothing else runs");
        let other = restorer.clone();
        let starter = spawn(move || start(&other, &Record::default()));
        let result = wait(&restorer);
        let again = starter.join().expect("no panic");
        assert!(matches!(again, Err(Error::Handle | Error::Busy)));
        assert_eq!(result, Some(Error::Canceled.hresult()));
        record.check_silenced();
    });
}

#[test]
fn two_start() {
    explore(|| {
        let restorer = Arc::<Restorer>::default();
        let records = [Record::default(), Record::default()];
        let (other, second) = (restorer.clone(), records[1].clone());
        let starter = spawn(move || start(&other, &second));
        let first = start(&restorer, &records[0]);
        let outcomes = [first, starter.join().expect("no panic")];
        restorer.release();
        assert!(outcomes.iter().any(Result::is_ok));
        for (outcome, record) in outcomes.iter().zip(&records) {
            record.close();
            match outcome {
                Ok(()) => record.check(None),
                Err(Error::Busy) => assert!(lock(&record.0).events.is_empty()),
                Err(other) => panic!("{other}"),
            }
        }
    });
}

#[test]
fn wait_while_another_starts_again() {
    explore(|| {
        let restorer = Arc::<Restorer>::default();
        let records = [Record::default(), Record::default()];
        let (other, events) = (restorer.clone(), records.clone());
        let starter = spawn(move || {
            for record in &events {
                start(&other, record).expect("only this thread starts any");
                let result = wait(&other);
                record.close();
                record.check(result);
            }
        });
        // Whatever it waits for has ended when it is through.
        wait(&restorer);
        starter.join().expect("no panic");
        restorer.release();
    });
}

#[test]
fn cancel_release_and_start() {
    explore(|| {
        let (restorer, record) = (Arc::<Restorer>::default(), Record::default());
        let (one, other) = (restorer.clone(), restorer.clone());
        let events = record.clone();
        let starter = spawn(move || start(&one, &events).is_ok());
        let canceler = spawn(move || other.cancel(None));
        restorer.release();
        record.close();
        canceler.join().expect("no panic");
        let started = starter.join().expect("no panic");
        if started {
            record.check(None);
        } else {
            assert!(lock(&record.0).events.is_empty());
        }
    });
}

fn run_here(restorer: &Arc<Restorer>, record: &Record) -> Result<wmlb_hresult> {
    let (record, first) = (record.clone(), None::<fn()>);
    start_as(restorer, Way::Here, Box::new(Watcher { record, first }))
}

#[test]
fn on_the_calling_thread_while_another_cancels_and_waits() {
    explore(|| {
        let (restorer, record) = (Arc::<Restorer>::default(), Record::default());
        let other = restorer.clone();
        let canceler = spawn(move || {
            other.cancel(None);
            wait(&other)
        });
        let result = run_here(&restorer, &record).expect("nothing else runs");
        let waited = canceler.join().expect("no panic");
        record.close();
        record.check(Some(result));
        assert!(waited.is_none_or(|waited| waited == result));
        restorer.release();
    });
}

#[test]
fn on_the_calling_thread_while_another_releases() {
    explore(|| {
        let (restorer, record) = (Arc::<Restorer>::default(), Record::default());
        let (other, events) = (restorer.clone(), record.clone());
        let releaser = spawn(move || {
            other.release();
            events.close();
        });
        let result = run_here(&restorer, &record);
        releaser.join().expect("no panic");
        match result {
            Ok(result) => record.check(Some(result)),
            Err(error) => assert!(matches!(error, Error::Handle)),
        }
    });
}
