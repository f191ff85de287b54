//! Lists the licences of a store or of a backup file, on the calling thread.

use std::path::Path;

use rustix::io::Errno;

use crate::archive::commit;
use crate::archive::envelope::Keys;
use crate::archive::frame::Unpacker;
use crate::archive::reader::Archive;
use crate::archive::walk::{Piece, Pieces};
use crate::error::{Error, Result, reserve};
use crate::hresult::{self, wmlb_hresult};
use crate::license::{self, Excerpt, Inspector, LicenseInfo, Statement};
use crate::operation::{Control, HostCalls};
use crate::props::{Properties, Property};
use crate::store::directory::{Directory, Entry, Lister, OpenError, Reader, Reserved};
use crate::store::host::{HostLicense, SetStore};
use crate::store::opened::License;
use crate::store::{TRIES, sqlite};
use crate::sys;

/// Whoever is told of the licences; a negative answer ends the list, and is its result.
pub type Listener<'a> = &'a mut dyn FnMut(&LicenseInfo<'_>) -> wmlb_hresult;

/// Lists the host's store, in the host's order, or else the one at StorePath, in the order of
/// names.
pub fn enumerate_store(
    properties: &Properties,
    host: Option<&SetStore>,
    listener: Listener<'_>,
) -> Result<wmlb_hresult> {
    match host {
        Some(host) => enumerate_host(host, listener),
        None => enumerate_directory(properties, listener),
    }
}

fn enumerate_host(store: &SetStore, listener: Listener<'_>) -> Result<wmlb_hresult> {
    let mut claim = store.claim()?;
    let mut session = claim.open(false, HostCalls::on_hosts_thread())?;
    let mut inspector = Inspector::default();
    let mut statement = Statement::default();
    while let Some(HostLicense {
        name,
        data,
        modified,
    }) = session.next()?
    {
        let size = data.len() as u64;
        let head = &data[..license::most_of_head(size)];
        let tail = &data[data.len() - license::wanted_tail(head, size)..];
        inspector.inspect(Excerpt::large(head, tail, size), &mut statement)?;
        let answer = listener(&LicenseInfo {
            name,
            size,
            modified,
            statement: &statement,
        });
        if answer < 0 {
            return Ok(answer);
        }
    }
    Ok(hresult::WMLB_S_OK)
}

fn enumerate_directory(properties: &Properties, listener: Listener<'_>) -> Result<wmlb_hresult> {
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
    let mut inspector = Inspector::default();
    let mut statement = Statement::default();
    let (mut name, mut head, mut tail) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(mut batch) = lister.next_batch()? {
        while let Some(entry) = batch.peek() {
            if let Entry::License = entry {
                name.clear();
                batch.append_name(&mut name);
                let path = || store.display_path(&name);
                let mut tries = 0;
                let license = loop {
                    let license = match reader.open(&batch) {
                        Ok(license) => license,
                        // Its folder may have been replaced: looked up again, it may be there.
                        Err(OpenError::Gone) if tries + 1 < TRIES => {
                            tries += 1;
                            continue;
                        }
                        // Gone, or no licence any more: it is not in the store.
                        Err(OpenError::Gone | OpenError::NotALicense) => break None,
                        Err(OpenError::Failed(errno)) => {
                            return Err(Error::system("open", path(), errno));
                        }
                    };
                    reserve(
                        &mut head,
                        license::most_of_head(license.size()),
                        "a license",
                    )?;
                    match read_excerpt(&license, &mut head, &mut tail) {
                        Ok(true) => break Some(license),
                        // Whether it changes is told by its locks.
                        Ok(false) if sqlite::is_database(&head) => break Some(license),
                        Ok(false) => tries += 1,
                        Err(errno) => return Err(Error::system("read", path(), errno)),
                    }
                    if tries == TRIES {
                        return Err(Error::Changed(path()));
                    }
                };
                if let Some(license) = license {
                    let size = license.size();
                    inspector.inspect(Excerpt::large(&head, &tail, size), &mut statement)?;
                    let answer = listener(&LicenseInfo {
                        name: &name,
                        size,
                        modified: license.modified().seconds,
                        statement: &statement,
                    });
                    if answer < 0 {
                        return Ok(answer);
                    }
                    if sqlite::is_database(&head) {
                        let path = path();
                        let rows = license.rows(&reader.place(&batch, &path)?, &control)?;
                        let answer = tell_rows(&name, &rows.unwrap_or_default(), listener);
                        if answer < 0 {
                            return Ok(answer);
                        }
                    }
                }
            }
            batch.advance();
        }
    }
    Ok(hresult::WMLB_S_OK)
}

/// Tells the licences that are rows of a database, after the database itself.
fn tell_rows(database: &[u8], rows: &[sqlite::Row], listener: Listener<'_>) -> wmlb_hresult {
    // What a CDM keeps in a row is its own.
    let statement = Statement::default();
    let mut answer = hresult::WMLB_S_OK;
    for row in rows {
        answer = listener(&LicenseInfo {
            name: &[database, &row.name].concat(),
            size: row.size,
            modified: row.modified.unwrap_or(i64::MIN),
            statement: &statement,
        });
        if answer < 0 {
            break;
        }
    }
    answer
}

/// Reads what is looked at of a licence; false when it changed meanwhile.
fn read_excerpt(
    license: &License,
    head: &mut Vec<u8>,
    tail: &mut Vec<u8>,
) -> std::result::Result<bool, Errno> {
    head.clear();
    tail.clear();
    let size = license.size();
    let wanted = license::most_of_head(size);
    let read = license.read_next(head, wanted)?;
    license.read_end(tail, license::wanted_tail(head, size))?;
    Ok(read == wanted && license.is_unchanged()?)
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
        }
        memory = frame.data;
    }
    checker.finish(&mut frames)?;
    Ok(hresult::WMLB_S_OK)
}

/// Gathers what is looked at of the licences in an archive.
#[derive(Default)]
struct Excerpts {
    inspector: Inspector,
    statement: Statement,
    /// Of a licence that takes several frames: its beginning, and the last bytes so far.
    head: Vec<u8>,
    tail: Vec<u8>,
    wanted_tail: usize,
}

impl Excerpts {
    /// Adds the next piece of a licence. What the licence says, once enough of it is there.
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
