//! The backup that another is to replace: the last good one must not be lost to a store that
//! was emptied.

use std::fs::File;
use std::io::{SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::reuse::{Bytes, Reuse};
use crate::archive::Info;
use crate::archive::envelope::{self, Decryption};
use crate::archive::frame::Unpacker;
use crate::archive::index::Index;
use crate::archive::reader::Archive;
use crate::archive::walk::Pieces;
use crate::error::{At, Error, Result};
use crate::operation::Control;
use crate::scratch::Scratch;
use crate::store::{self, sqlite};
use crate::target::Source;

/// Bytes of the frames of an archive with a license in it, at least: the information and a frame
/// of licenses, each padded.
const WITH_LICENSES: u64 = 2 * 4096;

/// How much there is in a backup.
pub struct Amount {
    pub licenses: u64,
    /// Of these, databases without licenses.
    pub empty: u64,
    /// Licenses of the store that are not in it since that is forbidden.
    pub restricted: u64,
}

/// A backup that is to be replaced.
pub struct Earlier<'a> {
    /// None when there is none.
    pub source: Option<Result<Source>>,
    pub path: PathBuf,
    pub decryption: &'a Decryption,
    /// It may be replaced by one without licenses.
    pub allows_empty: bool,
    /// It stays as a generation, under a name that says when it was made.
    pub is_kept: bool,
    pub scratch: &'a Scratch,
    pub control: &'a Control,
}

/// What a comparison with a new backup says.
#[derive(Default)]
pub struct Compared {
    /// When the earlier one was made, where it is kept and that can be told.
    pub created: Option<i64>,
    /// How many licenses it has, if they are more than twice those of the new one.
    pub fewer: Option<u64>,
}

/// The same, as far as it was read.
pub struct Opened<'a> {
    allows_empty: bool,
    path: PathBuf,
    scratch: &'a Scratch,
    control: &'a Control,
    /// None when there is nothing to be read.
    read: Result<Option<Read>>,
}

/// What was read of it.
struct Read {
    info: Info,
    /// Until it is read for the last time.
    archive: Mutex<Option<Archive>>,
    /// None where it is too small for any license.
    index: Option<Result<Index>>,
    file: Option<Arc<File>>,
    is_encrypted: bool,
}

impl<'a> Earlier<'a> {
    /// Opens it, and reads what it says of itself at its end.
    pub fn open(self) -> Result<Opened<'a>> {
        let read = self.source.map_or(Ok(None), |source| {
            read(source?, self.is_kept, self.decryption, self.control)
        });
        self.control.check()?;
        Ok(Opened {
            allows_empty: self.allows_empty,
            path: self.path,
            scratch: self.scratch,
            control: self.control,
            read,
        })
    }
}

impl Opened<'_> {
    /// The frames that a backup made at `now`, of this kind of store, may take from it. One that
    /// `encrypts` takes them from what is known to be what was once written.
    pub fn reuse(&self, now: &Info, encrypts: bool) -> Option<Reuse<'_>> {
        let Ok(Some(read)) = &self.read else {
            return None;
        };
        let Some(Ok(index)) = &read.index else {
            return None;
        };
        let before = &read.info;
        // A clock that was set back may come to the same times again.
        let goes_back = before.created > now.created;
        if before.store != now.store || goes_back || (encrypts && !read.is_encrypted) {
            return None;
        }
        let bytes = match &read.file {
            Some(file) if !read.is_encrypted => Bytes::File(file.clone()),
            _ if read.is_encrypted => Bytes::Archive(&read.archive),
            _ => return None,
        };
        Some(Reuse::new(index, before.created, bytes))
    }

    /// An error when it has licenses and the new one none; what cannot be read may have some.
    pub fn compare(&self, now: &Amount) -> Result<Compared> {
        let is_empty = now.licenses == now.empty && now.restricted == 0;
        let nothing = is_empty && !self.allows_empty;
        let refusal = || Error::NothingToSave(self.path.clone());
        let mut compared = Compared::default();
        let read = match &self.read {
            Ok(None) => return Ok(compared),
            Ok(Some(read)) => read,
            // It is not replaced.
            Err(Error::NotRegular(path)) => return Err(Error::NotRegular(path.clone())),
            Err(_) if nothing => return Err(refusal()),
            Err(_) => return Ok(compared),
        };
        compared.created = Some(read.info.created);
        let before = match &read.index {
            None => return Ok(compared),
            Some(Ok(index)) => index.licenses,
            Some(Err(_)) if nothing => return Err(refusal()),
            Some(Err(_)) => return Ok(compared),
        };
        if nothing && before > 0 {
            let archive = read.archive.lock().take();
            let holds = archive
                .is_none_or(|it| holds_licenses(it, self.scratch, self.control).unwrap_or(true));
            self.control.check()?;
            if holds {
                return Err(refusal());
            }
        }
        compared.fewer = Some(before).filter(|_| now.licenses < before.div_ceil(2));
        Ok(compared)
    }
}

/// Opens a backup; one that is too small for any license is opened where it is kept only.
fn read(
    source: Source,
    is_kept: bool,
    decryption: &Decryption,
    control: &Control,
) -> Result<Option<Read>> {
    let Source {
        mut bytes,
        path,
        file,
    } = source;
    let length = envelope::length_of(&mut *bytes).at("read", &path)?;
    let is_small = length.is_some_and(|length| length < WITH_LICENSES);
    if is_small && !is_kept {
        return Ok(None);
    }
    bytes.seek(SeekFrom::Start(0)).at("read", &path)?;
    let mut archive = match Archive::open(bytes, path, decryption, control) {
        Err(_) if is_small => return Ok(None),
        archive => archive?,
    };
    Ok(Some(Read {
        info: archive.info.clone(),
        index: (!is_small).then(|| archive.index()),
        is_encrypted: archive.is_encrypted(),
        archive: Mutex::new(Some(archive)),
        file,
    }))
}

/// Whether an archive has anything in it that is not a database without licenses.
fn holds_licenses(archive: Archive, scratch: &Scratch, control: &Control) -> Result<bool> {
    // What a host gives is a license, whatever is in it.
    if archive.info.store == store::HOST {
        return Ok(true);
    }
    let (mut frames, checker) = archive.split();
    let mut unpacker = Unpacker::new()?;
    let (mut content, mut memory) = (Vec::new(), Vec::new());
    let mut pieces = Pieces::default();
    let mut copy = None::<File>;
    while let Some(frame) = frames.next_sound(memory)? {
        checker.check(&mut unpacker, &frame, &mut content, &mut pieces)?;
        for piece in &pieces.list {
            control.check()?;
            let data = &content[piece.data.clone()];
            if piece.begins() && !sqlite::is_database(data) {
                return Ok(true);
            }
            let (mut file, path) = match copy.take() {
                Some(file) => (file, PathBuf::new()),
                None => scratch.file()?,
            };
            file.write_all(data).at("write", path)?;
            if !piece.ends() {
                copy = Some(file);
            } else if !sqlite::copy_is_empty(file, piece.size, control) {
                return Ok(true);
            }
        }
        memory = frame.data;
    }
    checker.finish(&mut frames)?;
    Ok(false)
}
