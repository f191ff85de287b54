//! Lists the licences of a store or of a backup file, on the calling thread.

use std::path::Path;

use crate::archive::commit;
use crate::archive::envelope::Keys;
use crate::archive::frame::Unpacker;
use crate::archive::reader::Archive;
use crate::archive::walk::Pieces;
use crate::error::{Error, Result};
use crate::hresult::{self, wmlb_hresult};
use crate::operation::Control;
use crate::props::{Properties, Property};
use crate::store::directory::{Directory, Entry, Lister, OpenError, Reader, Reserved};
use crate::sys;

/// What is told of a licence.
pub struct LicenseInfo<'a> {
    /// Its path in the store, any bytes.
    pub name: &'a [u8],
    pub size: u64,
    /// Unix seconds.
    pub modified: i64,
}

/// Whoever is told of the licences; a negative answer ends the list, and is its result.
pub type Listener<'a> = &'a mut dyn FnMut(&LicenseInfo<'_>) -> wmlb_hresult;

/// Lists the store at StorePath, in the order of names.
pub fn enumerate_store(properties: &Properties, listener: Listener<'_>) -> Result<wmlb_hresult> {
    let path = properties.absolute_path(Property::StorePath)?;
    let store = Directory::open(&path)?;
    let control = Control::new();
    let reserved = Reserved {
        folder: properties
            .absolute_path(Property::BackupPath)
            .ok()
            .and_then(|folder| identity_of(&folder))
            .unwrap_or_default(),
        is_reserved: commit::is_reserved,
    };
    let mut lister = Lister::new(store.clone(), reserved, false, &control)?;
    let mut reader = Reader::new(store.clone());
    let mut name = Vec::new();
    while let Some(mut batch) = lister.next_batch()? {
        while let Some(entry) = batch.peek() {
            if let Entry::License = entry {
                name.clear();
                batch.append_name(&mut name);
                let license = match reader.open(&batch) {
                    Ok(license) => license,
                    // Gone, or no licence any more: it is not in the store.
                    Err(OpenError::Gone | OpenError::NotALicense) => {
                        batch.advance();
                        continue;
                    }
                    Err(OpenError::Failed(errno)) => {
                        return Err(Error::system("open", store.display_path(&name), errno));
                    }
                };
                let info = LicenseInfo {
                    name: &name,
                    size: license.size(),
                    modified: license.modified().seconds,
                };
                let answer = listener(&info);
                if answer < 0 {
                    return Ok(answer);
                }
            }
            batch.advance();
        }
    }
    Ok(hresult::WMLB_S_OK)
}

fn identity_of(folder: &Path) -> Option<sys::Identity> {
    let stat = rustix::fs::stat(folder).ok()?;
    Some(sys::identity(&stat))
}

/// Lists the backup file at RestorePath, in the order of names, and checks it on the way.
pub fn enumerate_backup(properties: &Properties, listener: Listener<'_>) -> Result<wmlb_hresult> {
    let path = properties.absolute_path(Property::RestorePath)?;
    let keys = Keys::new(properties)?;
    let (mut frames, checker) = Archive::open(&path, &keys, &Control::new())?.split();
    let mut unpacker = Unpacker::new()?;
    let mut content = Vec::new();
    let mut pieces = Pieces::default();
    let mut memory = Vec::new();
    while let Some(frame) = frames.next_sound(memory)? {
        checker.check(&mut unpacker, &frame, &mut content, &mut pieces)?;
        for piece in pieces.list.iter().filter(|piece| piece.begins()) {
            let info = LicenseInfo {
                name: pieces.name(piece),
                size: piece.size,
                modified: piece.modified.seconds,
            };
            let answer = listener(&info);
            if answer < 0 {
                return Ok(answer);
            }
        }
        memory = frame.data;
    }
    checker.finish(&mut frames)?;
    Ok(hresult::WMLB_S_OK)
}
