//! What a server keeps of its promises: it is asked, and never believed.

use std::sync::atomic::Ordering;
use std::thread;

use crate::device::hex;
use crate::error::{Error, Result, UNEXPECTED};
use crate::flags::{WMLB_TARGET_CREATE_ONLY, WMLB_TARGET_RANGES};
use crate::http::{Token, random};
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

/// Asks the server, with objects that are removed again.
pub fn probe(remote: &Remote, token: &Token) -> Result<u32> {
    let key = format!(
        "{}.probe/{}",
        remote.store.place.prefix,
        hex(&random::<16>())
    );
    let probed = ask(remote, &key, token);
    let removed = remote.store.delete(&key, token);
    let (conditions, ranges) = probed?;
    removed.map_err(|error| error.during("cannot remove what was written to try the server"))?;
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

/// Whether conditions are honored, and ranges.
fn ask(remote: &Remote, key: &str, token: &Token) -> Result<(bool, bool)> {
    let store = &remote.store;
    let is_alone = race(remote, key, token)?;
    let Some((body, tag)) = store.get(key, 64, token)? else {
        return Ok((false, false));
    };
    let ranges = store
        .read(key, 1, 3, token)
        .is_ok_and(|bytes| bytes == b"ml");
    let put = |condition: &Condition| store.put_if(key, b"another one", condition, token);
    let conditions = is_alone
        && !tag.is_empty()
        && put(&Condition::Absent)? == Event::Refused
        && put(&Condition::Tag(
            "\"00000000000000000000000000000000\"".to_owned(),
        ))? == Event::Refused
        && store
            .get(key, 64, token)?
            .is_some_and(|(now, _)| now == body)
        && put(&Condition::Tag(tag.clone()))? == Event::Written
        && put(&Condition::Tag(tag))? == Event::Refused;
    Ok((conditions, ranges))
}

/// Whether exactly one of several writers at once creates an object.
fn race(remote: &Remote, key: &str, token: &Token) -> Result<bool> {
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
    // What is unclear says nothing against the server, and nothing for it.
    if count(Event::Unclear) > 0 {
        return Err(Error::new(
            crate::error::TIMEOUT,
            "the server did not answer all requests that were to try it",
        ));
    }
    Ok(count(Event::Written) == 1)
}
