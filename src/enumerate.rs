//! Lists the licenses of a store or of a backup file, on the calling thread.

use std::sync::Arc;

use crate::archive::envelope::Decryption;
use crate::archive::frame::Unpacker;
use crate::archive::reader::Archive;
use crate::archive::walk::{Piece, Pieces};
use crate::error::Result;
use crate::hresult::{self, wmlb_hresult};
use crate::license::{self, Excerpt, Inspector, LicenseInfo, Statement};
use crate::operation::{Control, HostCalls};
use crate::props::{Properties, Property};
use crate::store::host::SetStore;
use crate::store::{self, Glimpse};
use crate::target::{self, SetTarget, folder};

/// Whoever is told of the licenses; a negative answer ends the list, and is its result.
pub type Listener<'a> = &'a mut dyn FnMut(&LicenseInfo<'_>) -> wmlb_hresult;

/// Lists the host's store, in the host's order, or else the one at StorePath, in the order of
/// names.
pub fn enumerate_store(
    properties: &Properties,
    host: Option<Arc<SetStore>>,
    listener: Listener<'_>,
    control: &Control,
) -> Result<wmlb_hresult> {
    let backup_folder = properties.absolute_path(Property::BackupPath).ok();
    let reserved = backup_folder.and_then(|folder| folder::reserved_at(&folder));
    let mut looks = Looks {
        listener,
        inspector: Inspector::default(),
        statement: Statement::default(),
        answer: hresult::WMLB_S_OK,
        control,
    };
    store::of(properties, host)?.each(&mut looks, reserved, control)?;
    Ok(looks.answer)
}

/// Inspects what a store shows of its licenses.
struct Looks<'a> {
    listener: Listener<'a>,
    inspector: Inspector,
    statement: Statement,
    answer: wmlb_hresult,
    control: &'a Control,
}

impl store::Listener for Looks<'_> {
    fn wanted_head(&self, size: u64) -> usize {
        license::most_of_head(size)
    }

    fn wanted_tail(&self, head: &[u8], size: u64) -> usize {
        license::wanted_tail(head, size)
    }

    fn license(&mut self, glimpse: Glimpse<'_>) -> Result<bool> {
        let Glimpse {
            name,
            size,
            modified,
            content,
        } = glimpse;
        match content {
            Some((head, tail)) => {
                let excerpt = Excerpt::large(head, tail, size);
                self.inspector.inspect(excerpt, &mut self.statement)?;
            }
            // What a CDM keeps in a row is its own.
            None => self.statement = Statement::default(),
        }
        let answer = (self.listener)(&LicenseInfo {
            name,
            size,
            modified,
            statement: &self.statement,
        });
        if answer < 0 {
            self.answer = answer;
            return Ok(false);
        }
        self.control.check()?;
        Ok(true)
    }
}

/// Lists the backup in the target, or the file at RestorePath, in the order of names, and checks it
/// on the way.
pub fn enumerate_backup(
    properties: &Properties,
    target: Option<Arc<dyn SetTarget>>,
    listener: Listener<'_>,
    control: &Control,
) -> Result<wmlb_hresult> {
    let origin = target::origin(properties, target)?;
    let decryption = Decryption::new(properties, false)?;
    let file = origin.open(HostCalls::on_hosts_thread(), control)?;
    let archive = Archive::open(file.bytes, file.path, &decryption, control)?;
    let (mut frames, checker) = archive.split();
    let mut unpacker = Unpacker::new()?;
    let mut content = Vec::new();
    let mut pieces = Pieces::default();
    let mut memory = Vec::new();
    let mut excerpts = Excerpts::default();
    while let Some(frame) = frames.next_sound(memory)? {
        checker.check(&mut unpacker, &frame, &mut content, &mut pieces)?;
        for piece in &pieces.list {
            let Some(statement) = excerpts.add(piece, &content[piece.data.clone()])? else {
                continue;
            };
            let answer = listener(&LicenseInfo {
                name: pieces.name(piece),
                size: piece.size,
                modified: piece.modified.seconds,
                statement,
            });
            if answer < 0 {
                return Ok(answer);
            }
            control.check()?;
        }
        memory = frame.data;
    }
    checker.finish(&mut frames)?;
    Ok(hresult::WMLB_S_OK)
}

/// Gathers what is looked at of the licenses in an archive.
#[derive(Default)]
struct Excerpts {
    inspector: Inspector,
    statement: Statement,
    /// Of a license that takes several frames: its beginning, and the last bytes so far.
    head: Vec<u8>,
    tail: Vec<u8>,
    wanted_tail: usize,
}

impl Excerpts {
    /// Adds the next piece of a license. What the license says, once enough of it is there.
    fn add(&mut self, piece: &Piece, data: &[u8]) -> Result<Option<&Statement>> {
        let size = piece.size;
        if piece.begins() {
            self.wanted_tail = license::wanted_tail(data, size);
            self.tail.clear();
            if self.wanted_tail == 0 {
                let excerpt = Excerpt::large(data, &[], size);
                self.inspector.inspect(excerpt, &mut self.statement)?;
                return Ok(Some(&self.statement));
            }
            self.head.clear();
            self.head
                .extend_from_slice(&data[..license::most_of_head(size).min(data.len())]);
        }
        if self.wanted_tail == 0 {
            return Ok(None);
        }
        self.tail.extend_from_slice(data);
        let excess = self.tail.len().saturating_sub(self.wanted_tail);
        self.tail.drain(..excess);
        if !piece.ends() {
            return Ok(None);
        }
        let excerpt = Excerpt::large(&self.head, &self.tail, size);
        self.inspector.inspect(excerpt, &mut self.statement)?;
        Ok(Some(&self.statement))
    }
}
