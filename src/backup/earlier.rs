//! The backup that another is to replace: the last good one must not be lost to a store that
//! was emptied.

use std::fs::File;
use std::io::{SeekFrom, Write};
use std::path::PathBuf;

use crate::archive::envelope::{self, Decryption};
use crate::archive::frame::Unpacker;
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
    pub scratch: &'a Scratch,
    pub control: &'a Control,
}

impl Earlier<'_> {
    /// How many licenses it has, if they are more than twice those of the new one. An error when
    /// it has some and the new one none; what cannot be read may have some.
    pub fn fewer(self, now: &Amount) -> Result<Option<u64>> {
        let is_empty = now.licenses == now.empty && now.restricted == 0;
        let nothing = is_empty && !self.allows_empty;
        let source = match self.source {
            None => return Ok(None),
            // It is not replaced.
            Some(Err(error @ Error::NotRegular(_))) => return Err(error),
            Some(Err(_)) if nothing => return Err(Error::NothingToSave(self.path)),
            Some(Err(_)) => return Ok(None),
            Some(Ok(source)) => source,
        };
        let read = read(source, self.decryption, self.control);
        self.control.check()?;
        let (archive, before) = match read {
            Ok(None) => return Ok(None),
            Ok(Some(read)) => read,
            Err(_) if nothing => return Err(Error::NothingToSave(self.path)),
            Err(_) => return Ok(None),
        };
        if nothing && before > 0 {
            let holds = holds_licenses(archive, self.scratch, self.control).unwrap_or(true);
            self.control.check()?;
            if holds {
                return Err(Error::NothingToSave(self.path));
            }
        }
        Ok(Some(before).filter(|_| now.licenses < before.div_ceil(2)))
    }
}

/// Opens a backup, and tells how many licenses are in it; None where it is too small for any.
fn read(
    source: Source,
    decryption: &Decryption,
    control: &Control,
) -> Result<Option<(Archive, u64)>> {
    let Source { mut bytes, path } = source;
    let length = envelope::length_of(&mut *bytes).at("read", &path)?;
    if length.is_some_and(|length| length < WITH_LICENSES) {
        return Ok(None);
    }
    bytes.seek(SeekFrom::Start(0)).at("read", &path)?;
    let mut archive = Archive::open(bytes, path, decryption, control)?;
    let licenses = archive.index()?.licenses;
    Ok(Some((archive, licenses)))
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
