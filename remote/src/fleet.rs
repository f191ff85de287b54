//! Many devices in one place: lists, and what is no longer kept.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::error::{self, Error, Result, UNEXPECTED};
use crate::flags::WMLB_KEPT_CURRENT;
use crate::head::{self, ENCRYPTED, Head};
use crate::http::Token;
use crate::keep::{self, Rule};
use crate::probe;
use crate::remote::Remote;
use crate::store::Listed;

/// How many requests are on their way at once where there is one for each of many.
const AT_ONCE: usize = 16;
/// What is younger is never removed: somebody may be writing or reading it.
const YOUNGEST: i64 = 24 * 60 * 60;

pub struct Device {
    pub name: String,
    /// None: its HEAD is damaged.
    pub head: Option<Head>,
}

pub struct Generation {
    pub name: String,
    pub created: i64,
    pub size: u64,
    pub is_encrypted: bool,
    pub is_newest: bool,
}

/// What is to be removed, or was.
pub struct Removal {
    pub kind: Kind,
    pub name: String,
    /// Unix seconds: of a generation, when it was made; else when it came to the server.
    pub created: i64,
    pub size: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A generation that the rule does not keep.
    Generation,
    /// One that never was the newest: its writer came to no end.
    Unpublished,
    /// An upload without an end.
    Upload,
}

/// Does something for each of many, several at once, in no order; the results are in theirs.
fn for_each<T: Sync, R: Send>(
    items: &[T],
    body: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
                return Ok(());
            };
            let result = body(item).inspect_err(|_| next.store(items.len(), Ordering::Relaxed))?;
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.push((at, result));
        }
    };
    let failed = || Error::new(UNEXPECTED, "a thread could not be had, or failed");
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE.min(items.len()))
            .map(|_| {
                thread::Builder::new()
                    .name("wmlb".to_owned())
                    .spawn_scoped(scope, work)
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            let worker = worker.map_err(|_| failed())?;
            worker.join().map_err(|_| failed())?
        })
    })?;
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// The devices that have a backup, in the order of their names.
pub fn devices(remote: &Remote) -> Result<Vec<Device>> {
    let token = remote.calls.begin();
    let prefix = &remote.store.place.prefix;
    let mut names = Vec::new();
    remote.store.list(prefix, &token, drop, |folder| {
        let name = folder.strip_prefix(prefix.as_str()).unwrap_or_default();
        let name = name.trim_end_matches('/');
        if head::is_device(name) {
            names.push(name.to_owned());
        }
    })?;
    names.sort_unstable();
    names.dedup();
    let found = for_each(&names, |name| match remote.read_head(name, &token) {
        Ok(None) => Ok(None),
        Ok(Some((head, _))) => Ok(Some(Some(head))),
        Err(error) if error.code == error::CORRUPT => Ok(Some(None)),
        Err(error) => Err(error),
    })?;
    let devices = names.into_iter().zip(found);
    Ok(devices
        .filter_map(|(name, head)| Some(Device { name, head: head? }))
        .collect())
}

/// What lies in a device's folder of generations, and the server's time.
fn stored(remote: &Remote, device: &str, token: &Token) -> Result<(Vec<Listed>, Option<i64>)> {
    let folder = remote.generations_of(device);
    let mut found = Vec::new();
    let time = remote.store.list(
        &folder,
        token,
        |mut listed| {
            let name = listed.key.strip_prefix(&folder).unwrap_or_default();
            if head::created_of(name).is_some() {
                listed.key = name.to_owned();
                found.push(listed);
            }
        },
        drop,
    )?;
    Ok((found, time))
}

/// Whether a generation was the newest at some time, as far as HEAD can tell. `oldest_known`: when
/// the oldest one that HEAD knows came to the server.
fn was_published(head: Option<&Head>, oldest_known: Option<i64>, listed: &Listed) -> bool {
    let Some(head) = head else {
        return false;
    };
    let is_older = oldest_known.is_none_or(|oldest| listed.modified <= oldest);
    head.knows(&listed.key) || (!head.knows_all() && is_older)
}

struct Generations {
    head: Option<Head>,
    published: Vec<Listed>,
    unpublished: Vec<Listed>,
    time: Option<i64>,
}

fn generations_of(remote: &Remote, device: &str, token: &Token) -> Result<Generations> {
    // HEAD is read last: what it names is never taken for something else.
    let (mut listed, time) = stored(remote, device, token)?;
    let head = remote.read_head(device, token)?.map(|(head, _)| head);
    // Of those made in one second the one that HEAD names is the newest.
    let newest = head.as_ref().map(|head| head.generation.as_str());
    let recency = |listed: &Listed| {
        let created = head::created_of(&listed.key);
        (created, Some(listed.key.as_str()) == newest)
    };
    listed.sort_unstable_by(|one, other| {
        let order = recency(other).cmp(&recency(one));
        order.then_with(|| other.key.cmp(&one.key))
    });
    let known = |listed: &&Listed| head.as_ref().is_some_and(|head| head.knows(&listed.key));
    let oldest_known = listed
        .iter()
        .filter(known)
        .map(|listed| listed.modified)
        .min();
    let (published, unpublished) = listed
        .into_iter()
        .partition(|listed| was_published(head.as_ref(), oldest_known, listed));
    Ok(Generations {
        head,
        published,
        unpublished,
        time,
    })
}

/// The generations of a device, the newest first.
pub fn generations(remote: &Remote, device: &str) -> Result<Vec<Generation>> {
    let token = remote.calls.begin();
    let found = generations_of(remote, device, &token)?;
    let folder = remote.generations_of(device);
    let length = ENCRYPTED.len() as u64;
    let encrypted = for_each(&found.published, |listed| {
        if listed.size < length {
            return Ok(false);
        }
        let key = format!("{folder}{}", listed.key);
        match remote.store.read(&key, 0, length, &token) {
            Ok(bytes) => Ok(bytes == ENCRYPTED),
            // Forgotten meanwhile.
            Err(error) if error.code == error::NO_BACKUP => Ok(false),
            Err(error) => Err(error),
        }
    })?;
    let newest = found.head.map(|head| head.generation);
    let both = found.published.into_iter().zip(encrypted);
    let generations = both.map(|(listed, is_encrypted)| Generation {
        created: head::created_of(&listed.key).unwrap_or(i64::MIN),
        is_newest: newest.as_ref() == Some(&listed.key),
        name: listed.key,
        size: listed.size,
        is_encrypted,
    });
    Ok(generations.collect())
}

/// What the rule does not keep, and what writers have left behind. `rule`: None removes no
/// generation.
fn removals(
    remote: &Remote,
    device: &str,
    rule: Option<Rule>,
    token: &Token,
) -> Result<Vec<(Removal, Option<String>)>> {
    let found = generations_of(remote, device, token)?;
    let time = found
        .time
        .ok_or_else(|| Error::new(error::FAIL, "the server does not tell its time"))?;
    // By its name, too: there are servers that make up when an upload was begun.
    let is_old = |name: &str, since: i64| {
        let created = head::created_of(name).unwrap_or(i64::MAX);
        since.max(created) <= time.saturating_sub(YOUNGEST)
    };
    let created = |name: &str| head::created_of(name).unwrap_or(i64::MIN);
    let newest = found.head.as_ref().map(|head| head.generation.as_str());
    let current = found
        .published
        .iter()
        .position(|listed| Some(listed.key.as_str()) == newest);
    let times: Vec<_> = found
        .published
        .iter()
        .map(|listed| created(&listed.key))
        .collect();
    let kept = match rule {
        Some(rule) => keep::kept_by(Some(rule), &times, current),
        None => vec![WMLB_KEPT_CURRENT; times.len()],
    };
    let published = found.published.iter().zip(kept);
    let unwanted = published.filter(|(_, kept)| *kept == 0);
    let unwanted = unwanted.map(|(listed, _)| (Kind::Generation, listed));
    let lost = found
        .unpublished
        .iter()
        .map(|listed| (Kind::Unpublished, listed));
    let mut removals = Vec::new();
    for (kind, listed) in unwanted.chain(lost) {
        if is_old(&listed.key, listed.modified) && Some(listed.key.as_str()) != newest {
            removals.push((
                Removal {
                    kind,
                    name: listed.key.clone(),
                    created: created(&listed.key),
                    size: listed.size,
                },
                None,
            ));
        }
    }
    let folder = remote.generations_of(device);
    for upload in remote.store.unfinished(&folder, token)? {
        let name = upload.key.strip_prefix(&folder).unwrap_or_default();
        let since = upload.initiated().unwrap_or(i64::MAX);
        if is_old(name, since) {
            removals.push((
                Removal {
                    kind: Kind::Upload,
                    name: name.to_owned(),
                    created: since,
                    size: 0,
                },
                Some(upload.id),
            ));
        }
    }
    Ok(removals)
}

/// Removes what servers were tried with by clients that were killed then. Nobody is told of these
/// few bytes, and who may not look for them leaves them to others.
fn forget_probes(remote: &Remote, token: &Token) -> Result<()> {
    let mut found = Vec::new();
    let folder = probe::folder(remote);
    let listed = remote
        .store
        .list(&folder, token, |listed| found.push(listed), drop);
    let time = match listed {
        Ok(time) => time.unwrap_or(i64::MIN),
        Err(error) if error.code == error::ACCESS_DENIED => return Ok(()),
        Err(error) => return Err(error),
    };
    for listed in found {
        if listed.modified <= time.saturating_sub(YOUNGEST) {
            match remote.store.delete(&listed.key, token) {
                Err(error) if error.code != error::ACCESS_DENIED => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Removes what is no longer kept, and tells of each after it is gone; `dry_run` tells only.
/// Whether there was any. `tell` gives false to stop.
pub fn forget(
    remote: &Remote,
    device: &str,
    keep: &str,
    dry_run: bool,
    mut tell: impl FnMut(&Removal) -> bool,
) -> Result<bool> {
    let token = remote.calls.begin();
    let rule = Rule::parse(keep).map_err(|problem| Error::argument(format!("keep: {problem}")))?;
    let removals = removals(remote, device, rule, &token)?;
    if !dry_run {
        forget_probes(remote, &token)?;
    }
    let folder = remote.generations_of(device);
    for (removal, id) in &removals {
        let key = format!("{folder}{}", removal.name);
        match id {
            _ if dry_run => token.check()?,
            Some(id) => remote.store.abort(&key, id, &token)?,
            None => remote.store.delete(&key, &token)?,
        }
        if !tell(removal) {
            return Err(Error::canceled());
        }
    }
    Ok(!removals.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_done_in_order_and_the_first_failure_ends_it() {
        let items: Vec<_> = (0..100).collect();
        let doubled = for_each(&items, |item| Ok(item * 2)).unwrap();
        assert_eq!(doubled, (0..100).map(|item| item * 2).collect::<Vec<_>>());
        let failed = for_each(&items, |&item| match item {
            50 => Err(Error::canceled()),
            _ => Ok(()),
        });
        assert_eq!(failed, Err(Error::canceled()));
        assert_eq!(for_each(&[], |(): &()| Ok(())), Ok(Vec::new()));
    }

    #[test]
    fn what_was_never_published() {
        let nonce = |number: u64| format!("{number:032x}");
        let listed = |number: u64, modified| Listed {
            key: head::generation_name(number as i64, &nonce(number)),
            size: 0,
            modified,
        };
        let new = |number: u64| {
            let name = head::generation_name(number as i64, &nonce(number));
            Head::new(name, 0, String::new(), 0, nonce(number))
        };
        let mut last = new(0).following(None);
        assert!(was_published(Some(&last), Some(0), &listed(0, 0)));
        assert!(!was_published(Some(&last), Some(0), &listed(900, 0)));
        assert!(!was_published(None, None, &listed(0, 0)));
        for number in 1..40 {
            last = new(number).following(Some(&last));
        }
        // HEAD forgets: what is older than all that it knows counts as published.
        assert!(was_published(Some(&last), Some(24), &listed(5, 5)));
        assert!(was_published(Some(&last), Some(24), &listed(30, 30)));
        assert!(!was_published(Some(&last), Some(24), &listed(900, 30)));
    }
}
