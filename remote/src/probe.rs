//! What a server keeps of its promises: it is asked, and never believed.

use std::sync::atomic::Ordering;
use std::thread;

use crate::device::hex;
use crate::error::{Error, FAIL, Result, UNEXPECTED};
use crate::flags::{WMLB_TARGET_CREATE_ONLY, WMLB_TARGET_RANGES};
use crate::http::{Token, Tries, random};
use crate::publish::{Condition, Event};
use crate::remote::Remote;

/// What is known of conditions: nothing, that they are honored, that they are not.
pub const UNKNOWN: u8 = 0;
pub const HONORED: u8 = 1;
pub const IGNORED: u8 = 2;

/// How many writers race for one object, and how often.
const RACERS: usize = 8;

/// Whether the server refuses to replace an object; it is asked once.
pub fn refuses(remote: &Remote, token: &Token) -> Result<bool> {
    match remote.conditions.load(Ordering::Relaxed) {
        UNKNOWN => Ok(probe(remote, token)? & WMLB_TARGET_CREATE_ONLY != 0),
        known => Ok(known == HONORED),
    }
}

/// What one try has shown.
enum Verdict {
    Known {
        conditions: bool,
        ranges: bool,
    },
    /// Answers were lost, or came twice: they say nothing against the server, and nothing for it.
    Unsure,
}

/// What stands before the names of the objects that servers are tried with in their keys.
pub fn folder(remote: &Remote) -> String {
    format!("{}.probe/", remote.store.place.prefix)
}

/// Asks the server, with objects that are removed again.
pub fn probe(remote: &Remote, token: &Token) -> Result<u32> {
    let mut tries = Tries::new(remote.store.place.deadline);
    let (conditions, ranges) = loop {
        let key = format!("{}{}", folder(remote), hex(&random::<16>()));
        let verdict = ask(remote, &key, token);
        let removed = remote.store.delete(&key, token);
        if let Verdict::Known { conditions, ranges } = verdict? {
            removed
                .map_err(|error| error.during("cannot remove what the server was tried with"))?;
            break (conditions, ranges);
        }
        let words = "the server did not answer all that was to try it";
        tries.pause(Error::new(FAIL, words), token)?;
    };
    let known = if conditions { HONORED } else { IGNORED };
    remote.conditions.store(known, Ordering::Relaxed);
    let mut capabilities = 0;
    if conditions {
        capabilities |= WMLB_TARGET_CREATE_ONLY;
    }
    if ranges {
        capabilities |= WMLB_TARGET_RANGES;
    }
    Ok(capabilities)
}

fn ask(remote: &Remote, key: &str, token: &Token) -> Result<Verdict> {
    let store = &remote.store;
    let is_alone = race(remote, key, token)?;
    // All racers wrote the same there.
    let ranges = store
        .read(key, 1, 3, token)
        .is_ok_and(|bytes| bytes == b"ml");
    let known = |conditions| Ok(Verdict::Known { conditions, ranges });
    let Some((body, tag)) = store.get(key, 64, token)? else {
        return Ok(Verdict::Unsure);
    };
    if is_alone == Some(false) || tag.is_empty() {
        return known(false);
    }
    let wrong = "\"00000000000000000000000000000000\"".to_owned();
    for condition in [Condition::Absent, Condition::Tag(wrong)] {
        match store.put_if(key, b"another one", &condition, token)? {
            Event::Refused => {}
            Event::Written | Event::Unsupported => return known(false),
            _ => return Ok(Verdict::Unsure),
        }
    }
    if store
        .get(key, 64, token)?
        .is_none_or(|(now, _)| now != body)
    {
        return known(false);
    }
    let right = Condition::Tag(tag);
    let once = store.put_if(key, b"another one", &right, token)?;
    let again = store.put_if(key, b"one more", &right, token)?;
    match (is_alone, once, again) {
        (Some(true), Event::Written, Event::Refused) => known(true),
        (_, Event::Written, Event::Written) => known(false),
        _ => Ok(Verdict::Unsure),
    }
}

/// Whether exactly one of several writers at once creates an object; None: nobody knows.
fn race(remote: &Remote, key: &str, token: &Token) -> Result<Option<bool>> {
    let create = |number: usize| {
        let body = format!("wmlb {number}");
        remote
            .store
            .put_if(key, body.as_bytes(), &Condition::Absent, token)
    };
    let create = &create;
    let events = thread::scope(|scope| {
        let racers: Vec<_> = (0..RACERS)
            .map(|number| {
                thread::Builder::new()
                    .name("wmlb".to_owned())
                    .spawn_scoped(scope, move || create(number))
            })
            .collect();
        racers
            .into_iter()
            .map(|racer| match racer.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(event)) => event,
                _ => Err(Error::new(
                    UNEXPECTED,
                    "a thread could not be had, or failed",
                )),
            })
            .collect::<Result<Vec<_>>>()
    })?;
    let count = |wanted: Event| events.iter().filter(|event| **event == wanted).count();
    Ok(
        match (
            count(Event::Written),
            count(Event::Refused) + count(Event::Conflict),
        ) {
            (2.., _) => Some(false),
            (1, others) if others == RACERS - 1 => Some(true),
            _ if count(Event::Unsupported) > 0 => Some(false),
            _ => None,
        },
    )
}
