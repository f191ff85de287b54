//! A database's file with what is beside it: a journal that is to be played back, and a log.

use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::fs::Stat;

use super::journal::{self, Unreadable};
use super::locks;
use super::log::{self, Extent};
use super::sidecars::{Kept, Sidecars};
use super::tree::HEADER;
use super::view::{Layer, OpenFile, View};
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::sys::{self, StoreFile};

/// What the database holds with what is beside it. None when that has changed meanwhile.
pub fn view(
    place: &Kept,
    file: &Arc<StoreFile>,
    before: &Stat,
    header: &[u8; HEADER],
    sidecars: Sidecars,
    extent: Option<Extent>,
    control: &Control,
) -> Result<Option<View>> {
    let failed = |errno| Error::system("read", &place.path, errno);
    let stops = || control.check().is_err();
    let mut view = View::new(file.clone(), before.st_size as u64);
    let mut page_size = None;
    if let Some(journal) = sidecars.journal {
        let reserved = locks::is_reserved(file.as_fd()).map_err(failed)?;
        let content = OpenFile::whole(&journal.file).map_err(failed)?;
        if !reserved && content.begins_with_content().map_err(failed)? {
            // The largest size does not fit two bytes, and is a 1.
            let size = (u32::from(header[16]) << 8) | (u32::from(header[17]) << 16);
            match journal::read(&content, size, &stops) {
                Ok(None) => {}
                Ok(Some(found)) if place.is_committed(found.list.as_deref())? => {}
                Ok(Some(found)) => {
                    page_size = Some(found.page_size);
                    let layer = Layer::new(&journal.file, found.places);
                    view.lay(layer, found.page_size, found.pages);
                }
                Err(unreadable) => return unread(place, "journal", unreadable, control),
            }
        }
    }
    if let Some(log) = sidecars.log {
        let content = OpenFile::whole(&log.file).map_err(failed)?;
        match log::read(&content, extent, &stops) {
            Ok(None) => {}
            Ok(Some(found)) if page_size.is_some_and(|size| size != found.page_size) => {
                return Err(damaged(place, "its journal and its log are at odds"));
            }
            Ok(Some(found)) => {
                let layer = Layer::new(&log.file, found.places);
                view.lay(layer, found.page_size, found.pages);
            }
            Err(unreadable) => return unread(place, "log", unreadable, control),
        }
    }
    without_absent_pages(view, place, file, before)
}

/// The view, unless pages are said to be in it that are nowhere.
fn without_absent_pages(
    view: View,
    place: &Kept,
    file: &StoreFile,
    before: &Stat,
) -> Result<Option<View>> {
    let failed = |errno| Error::system("read", &place.path, errno);
    if !view.lacks_pages().map_err(failed)? {
        return Ok(Some(view));
    }
    // Where nothing could be locked, its file may have grown meanwhile.
    let now = sys::fstat(file.as_fd()).map_err(failed)?;
    if !sys::unchanged(before, &now) {
        return Ok(None);
    }
    let problem = "pages of it are neither in its file nor beside it";
    Err(damaged(place, problem))
}

fn damaged(place: &Kept, problem: impl Into<String>) -> Error {
    Error::Database {
        path: place.path.clone(),
        problem: problem.into(),
    }
}

fn unread(
    place: &Kept,
    what: &str,
    unreadable: Unreadable,
    control: &Control,
) -> Result<Option<View>> {
    let path = place.path.clone();
    match unreadable {
        Unreadable::Failed(errno) => Err(Error::system("read", path, errno)),
        Unreadable::TooLarge => Err(Error::Memory("the log of a database")),
        Unreadable::Unknown => {
            let problem = format!("its {what} is of a format that is not known");
            Err(damaged(place, problem))
        }
        Unreadable::Stopped => control.check().map(|()| None),
    }
}
