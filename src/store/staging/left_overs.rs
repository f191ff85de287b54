//! What restores left that were killed: found, judged, and put right.
//!
//! A left-over is acted on only when its marker proves that a restore of this store made it. What
//! has none is somebody else's and is never touched. What cannot be judged is a reason to stop, if
//! it may mean that the store is half restored.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::held::Held;
use super::journal::{ends_as_journal, open_journal};
use super::layout::{DONE, JOURNAL, KEPT, MARKER, remove};
use super::location::{Location, NUMBERED, Site};
use super::marker::{HeldMarker, Marker, read_marker, says_nothing};
use crate::error::{At, Error, Result};
use crate::name;
use crate::store::folders::{is_empty, look};
use crate::sys::{self, Life};

const LOOK: &str = "look for a restore left beside";

/// How far a restore has come.
enum State {
    /// The store is as it was, or as it is to be: there is nothing but to remove.
    Settled,
    /// The store may be half restored, as the journal says.
    Moving(File),
    /// All is put back except where somebody has written to the store since.
    Kept(File),
}

/// A staging folder of a restore that does not run any more.
struct LeftOver {
    held: Held,
    state: State,
}

/// What there is of interrupted restores.
#[derive(Default)]
pub struct Findings {
    of_restores: Vec<LeftOver>,
    /// Folders that hold nothing, and files in the store that say nothing: of restores that were
    /// killed at their very beginning.
    empty: Vec<(Site, String)>,
}

/// What a name of a staging folder's form turns out to be.
enum Judged {
    Nothing,
    /// None of ours.
    Foreign,
    /// There is nothing in it, or a marker that says nothing.
    Empty,
    LeftOver(LeftOver),
}

/// How a folder is known to be this store's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// By what its marker says.
    ByMarker,
    /// By a file in the store.
    BySign,
}

impl Findings {
    /// Looks for what restores into a store left. [`Error::StoreBusy`] when one runs, and
    /// [`Error::HalfRestored`] when it cannot be judged here.
    pub fn find(location: &Location) -> Result<Self> {
        let mut found = Findings::default();
        for name in names(location, Site::Inside)? {
            found.judge_inside(location, name)?;
        }
        for name in names(location, Site::Beside)? {
            if found
                .of_restores
                .iter()
                .any(|left_over| left_over.held.name == name)
            {
                continue;
            }
            let judged = judge(location, Site::Beside, &name, Known::ByMarker)?;
            found.take(Site::Beside, name, judged);
        }
        Ok(found)
    }

    fn take(&mut self, site: Site, name: String, judged: Judged) {
        match judged {
            Judged::Nothing | Judged::Foreign => {}
            Judged::Empty => self.empty.push((site, name)),
            Judged::LeftOver(left_over) => self.of_restores.push(left_over),
        }
    }

    /// What is in the store itself is a staging folder, or a file that says where there is one.
    fn judge_inside(&mut self, location: &Location, name: String) -> Result<()> {
        let Some(store) = location.holder(Site::Inside) else {
            return Ok(());
        };
        let there = look(store, name.as_bytes()).at(LOOK, &location.path)?;
        if there.is_some_and(|stat| sys::is_regular(&stat)) {
            return self.judge_sign(location, store, name);
        }
        let judged = judge(location, Site::Inside, &name, Known::ByMarker)?;
        self.take(Site::Inside, name, judged);
        Ok(())
    }

    fn judge_sign(
        &mut self,
        location: &Location,
        store: BorrowedFd<'_>,
        name: String,
    ) -> Result<()> {
        let of_another = || half_restored(location, Site::Inside, &name, OF_ANOTHER_USER);
        let file = match sys::open_at(store, &*name, sys::UNTRUSTED_FILE, Mode::empty()) {
            Err(Errno::NOENT | Errno::LOOP) => return Ok(()),
            Err(Errno::ACCESS | Errno::PERM) => return Err(of_another()),
            file => file.at(LOOK, &location.path)?,
        };
        let owner = location.examine(&file)?.st_uid;
        let Some(bytes) = read_marker(&file).at(LOOK, &location.path)? else {
            return Ok(());
        };
        let Some(marker) = Marker::parse(&bytes) else {
            if says_nothing(&bytes) && location.trusted_users()?.contains(&owner) {
                self.empty.push((Site::Inside, name));
            }
            return Ok(());
        };
        if !name::is_staging(marker.folder.as_bytes()) {
            return Ok(());
        }
        match judge(location, Site::Beside, &marker.folder, Known::BySign)? {
            Judged::LeftOver(mut left_over) => {
                let known = &mut self.of_restores;
                match known
                    .iter_mut()
                    .find(|known| known.held.name == left_over.held.name)
                {
                    Some(known) => known.held.signs.push(name),
                    None => {
                        left_over.held.signs.push(name);
                        known.push(left_over);
                    }
                }
                Ok(())
            }
            // The store is seen under another name, and that is its proper one.
            Judged::Nothing | Judged::Foreign | Judged::Empty => {
                let why = format!(
                    "a restore into it as {} did not end; a backup or another restore there puts \
                     it back; if nothing is there any more, remove this file",
                    marker.path
                );
                Err(half_restored(location, Site::Inside, &name, &why))
            }
        }
    }

    /// Whether the store may be half restored.
    pub fn are_half_way(&self) -> bool {
        let mut states = self.of_restores.iter().map(|left_over| &left_over.state);
        states.any(|state| matches!(state, State::Moving(_)))
    }

    /// Why a store that may be half restored is not read.
    pub fn refusal(&self, location: &Location) -> Error {
        let half = self.of_restores.iter();
        let mut half = half.filter(|left_over| matches!(left_over.state, State::Moving(_)));
        match half.next() {
            Some(LeftOver { held, .. }) => {
                let why = "a restore into it did not end; a backup or another restore puts it back";
                half_restored(location, held.site, &held.name, why)
            }
            None => Error::StoreBusy(location.path.clone()),
        }
    }

    /// Undoes what was half done, and removes what was left. Nobody else uses the store. False when
    /// the store is none any more: a restore had made it.
    pub fn put_right(self, location: &Location) -> Result<bool> {
        for (site, name) in self.empty {
            if let Some(holder) = location.holder(site) {
                remove_empty(holder, &name);
            }
        }
        let mut is_there = true;
        for LeftOver { mut held, state } in self.of_restores {
            let journal = match state {
                State::Moving(journal) => Some((journal, false)),
                State::Kept(journal) => Some((journal, true)),
                State::Settled => None,
            };
            let (Some((journal, is_kept)), Some(store)) = (journal, location.holder(Site::Inside))
            else {
                // What holds nothing of the store's does not keep that from being used.
                let _ = held.remove(location);
                continue;
            };
            let replay = held.replay(location, store);
            let undone = if is_kept {
                replay.drop_kept(journal)
            } else {
                replay.undo(journal)
            };
            if undone.is_err() {
                held.leave();
            }
            let undone = undone?;
            is_there &= !undone.was_store_made || undone.is_some_kept;
            held.finish_undo(location, undone)?;
        }
        Ok(is_there)
    }
}

/// Names that staging folders and signs of this site have, as far as there are such.
fn names(location: &Location, site: Site) -> Result<Vec<String>> {
    let Some(holder) = location.holder(site) else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for number in 0..NUMBERED {
        let name = location.staging_name(site, number);
        if look(holder, name.as_bytes())
            .at(LOOK, &location.path)?
            .is_none()
        {
            return Ok(names);
        }
        names.push(name);
    }
    // Somebody has taken all of them: then it is called anything.
    let listed = match sys::open_at(holder, c".", sys::FOLDER, Mode::empty()) {
        Err(Errno::ACCESS | Errno::PERM) => return Ok(names),
        listed => listed.at(LOOK, &location.path)?,
    };
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
    let listing = sys::list_folder(listed.as_fd(), &mut buffer, |name, _| {
        let name = std::str::from_utf8(name).ok();
        if let Some(name) = name.filter(|name| name::is_staging(name.as_bytes()))
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
        Ok(())
    });
    listing.at(LOOK, &location.path)?;
    Ok(names)
}

const OF_ANOTHER_USER: &str =
    "a restore of another user's may not have ended: that user, or root, puts it back";

/// A store that may be half restored, and of which this cannot be told or mended here.
fn half_restored(location: &Location, site: Site, name: &str, why: &str) -> Error {
    Error::HalfRestored {
        path: location.path.clone(),
        staging: location.staging_path(site, name),
        why: why.to_owned(),
    }
}

fn judge(location: &Location, site: Site, name: &str, known: Known) -> Result<Judged> {
    let Some(holder) = location.holder(site) else {
        return Ok(Judged::Nothing);
    };
    // Of what lies beside a store only a sign in it, or a player's own folder, makes sure that it
    // is about the store.
    let counts = site == Site::Inside || known == Known::BySign || location.is_kept_clear();
    let not_mine = || {
        if counts {
            Err(half_restored(location, site, name, OF_ANOTHER_USER))
        } else {
            Ok(Judged::Foreign)
        }
    };
    let flags = sys::FOLDER | OFlags::NOFOLLOW;
    let folder = match sys::open_at(holder, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(Judged::Nothing),
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(Judged::Foreign),
        Err(Errno::ACCESS | Errno::PERM) => return not_mine(),
        folder => folder.at(LOOK, &location.path)?,
    };
    let stat = location.examine(&folder)?;
    let is_mounted =
        stat.st_dev != location.examine(holder)?.st_dev || sys::is_mount_root(folder.as_fd());
    if is_mounted {
        return Ok(Judged::Foreign);
    }
    let is_trusted = location.trusted_users()?.contains(&stat.st_uid);
    let opened = match HeldMarker::open(&folder) {
        Err(Errno::ACCESS | Errno::PERM) => return not_mine(),
        opened => opened.at(LOOK, &location.path)?,
    };
    let Some((file, bytes)) = opened else {
        return judge_unmarked(location, site, name, &folder, is_trusted);
    };
    if location.examine(&file)?.st_uid != stat.st_uid {
        return Ok(Judged::Foreign);
    }
    let Some(marker) = Marker::parse(&bytes) else {
        if says_nothing(&bytes) && is_trusted && has_only_a_marker(location, &folder)? {
            return Ok(Judged::Empty);
        }
        return Ok(Judged::Foreign);
    };
    let is_this_stores = known == Known::BySign || marker.store == location.key(site);
    if marker.folder != name || !is_this_stores {
        return Ok(Judged::Foreign);
    }
    if !is_trusted {
        return not_mine();
    }
    let held = hold_ended(location, site, &folder, file, &marker)?;
    let state = state_of(location, &folder)?;
    if known == Known::ByMarker && is_of_another_store(location, site, &marker, &state) {
        return Ok(Judged::Foreign);
    }
    let held = Held::new(site, name.to_owned(), folder, held);
    Ok(Judged::LeftOver(LeftOver { held, state }))
}

/// The marker of a restore that does not run any more. An error when it does, or may.
fn hold_ended(
    location: &Location,
    site: Site,
    folder: &OwnedFd,
    file: OwnedFd,
    marker: &Marker,
) -> Result<HeldMarker> {
    let busy = || Error::StoreBusy(location.path.clone());
    let held = HeldMarker::hold(file).at(LOOK, &location.path)?;
    let held = held.ok_or_else(busy)?;
    match held.life(folder, marker).at(LOOK, &location.path)? {
        Life::Ended => Ok(held),
        Life::Runs => Err(busy()),
        Life::Unknown => {
            let why = "a restore on another machine may not have ended; a backup or another \
                       restore there puts it back; if none runs, make an empty file named \"ended\" \
                       in this folder, and it is put back here";
            Err(half_restored(location, site, &marker.folder, why))
        }
    }
}

/// Whether a folder that holds what was in a store is none of this store's, although that lies
/// below it as the marker says: it came from elsewhere. A restore of this one has left a sign in
/// it, or has its path.
fn is_of_another_store(location: &Location, site: Site, marker: &Marker, state: &State) -> bool {
    let Some(store) = location.holder(Site::Inside) else {
        return false;
    };
    let leaves_signs = !location.is_kept_clear() && !sys::is_append_only(store);
    site == Site::Beside
        && leaves_signs
        && !matches!(state, State::Settled)
        && !marker.is_about(&location.path)
}

/// A folder without a marker is none of ours, unless there is nothing in it yet. One of another
/// user's who may write to the store, with a whole journal, may be of another version.
fn judge_unmarked(
    location: &Location,
    site: Site,
    name: &str,
    folder: &OwnedFd,
    is_trusted: bool,
) -> Result<Judged> {
    if is_trusted && is_empty(folder).at(LOOK, &location.path)? {
        return Ok(Judged::Empty);
    }
    let own = rustix::process::geteuid().as_raw();
    let is_of_another = location.examine(folder)?.st_uid != own;
    if is_trusted && is_of_another && ends_as_journal(folder, &location.path)? {
        return Err(half_restored(location, site, name, OF_ANOTHER_USER));
    }
    Ok(Judged::Foreign)
}

fn has_only_a_marker(location: &Location, folder: &OwnedFd) -> Result<bool> {
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 4 << 10];
    let mut other = false;
    let listed = sys::open_at(folder, c".", sys::FOLDER, Mode::empty()).at(LOOK, &location.path)?;
    sys::list_folder(listed.as_fd(), &mut buffer, |name, _| {
        other |= name != MARKER.as_bytes() && look(folder.as_fd(), name)?.is_some();
        Ok(())
    })
    .at(LOOK, &location.path)?;
    Ok(!other)
}

fn state_of(location: &Location, folder: &OwnedFd) -> Result<State> {
    let journal = |name| open_journal(folder, name, &location.path);
    if let Some(journal) = journal(JOURNAL)? {
        return Ok(State::Moving(journal));
    }
    if look(folder.as_fd(), DONE.as_bytes())
        .at(LOOK, &location.path)?
        .is_some()
    {
        return Ok(State::Settled);
    }
    Ok(journal(KEPT)?.map_or(State::Settled, State::Kept))
}

/// Removes a folder that has nothing in it, or a marker that says nothing; or a sign of that kind.
fn remove_empty(holder: BorrowedFd<'_>, name: &str) {
    let flags = sys::FOLDER | OFlags::NOFOLLOW;
    match sys::open_at(holder, name, flags, Mode::empty()) {
        Ok(folder) => {
            if let Ok(Some((file, _))) = HeldMarker::open(&folder) {
                // Whoever makes it has locked it by now, or looks for it again.
                let Ok(Some(held)) = HeldMarker::hold(file) else {
                    return;
                };
                if fs::unlinkat(&folder, MARKER, AtFlags::empty()).is_err() {
                    // Where it cannot be removed while it is open, whoever makes it has it open.
                    drop(held);
                    let _ = remove(folder.as_fd(), MARKER);
                }
            }
            let _ = sys::remove_folder(holder, name);
        }
        Err(Errno::NOTDIR) => {
            let read = sys::open_at(holder, name, sys::UNTRUSTED_FILE, Mode::empty())
                .and_then(|file| read_marker(&file));
            if read.is_ok_and(|read| read.is_some_and(|bytes| says_nothing(&bytes))) {
                let _ = remove(holder, name);
            }
        }
        Err(_) => {}
    }
}
