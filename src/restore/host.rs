//! From a backup file into a store that the host keeps itself. What is staged is the host's
//! to keep; all or nothing is by its commit.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use parking_lot::Mutex;

use crate::archive::frames::{FrameReader, Packed};
use crate::archive::reader::{Archive, Unpacking, Visitor};
use crate::archive::walk::{Piece, Pieces};
use crate::choice::{Chosen, Wanted};
use crate::error::{Error, Result, reserve};
use crate::hresult::{self, wmlb_hresult};
use crate::operation::Operation;
use crate::pipeline::{self, MainSide};
use crate::status::{self, Value, wmlb_progress};
use crate::store::host::{HostLicense, Session, SetStore, bad_name};

/// Bytes that are hashed before canceling is looked for.
const HASHED: usize = 4 << 20;

/// Restores what is wanted of an archive, with a progress that begins so, into the host's store;
/// `overwrite` replaces what differs.
pub fn restore(
    store: &SetStore,
    (archive, progress, wanted): (Archive, wmlb_progress, &Wanted),
    overwrite: bool,
    threads: usize,
    operation: &mut Operation<'_>,
) -> Result<wmlb_hresult> {
    let mut claim = store.claim()?;
    let existing = if overwrite {
        None
    } else {
        let session = claim.open(false, operation.host_calls())?;
        Some(Existing::read(session, operation)?)
    };
    operation.control().check()?;
    let Chosen {
        frames,
        checker,
        choice,
    } = super::choose(wanted, archive, operation)?;
    let session = claim.open(true, operation.host_calls())?;
    let copying = Copying::default();
    let unpacking = Unpacking::new(&checker, operation.control(), &copying, choice);
    let threads = frames.busy(threads);
    let mut main = HostMain {
        operation,
        frames,
        unpacking: &unpacking,
        copying: &copying,
        session,
        existing,
        large: Vec::new(),
        progress,
    };
    pipeline::run(&unpacking, &mut main, threads)?;
    checker.finish(&mut main.frames)?;
    let HostMain {
        operation,
        mut session,
        mut progress,
        ..
    } = main;
    progress.licenses_total = progress.licenses_done + progress.licenses_skipped;
    progress.bytes_total = progress.bytes_done;
    operation.report_progress(progress)?;
    session.commit()?;
    Ok(hresult::WMLB_S_OK)
}

/// What the host's store has already, by hashes.
struct Existing {
    /// The size and the hash of the content of each; by so much of the hash of a name as
    /// does not repeat by accident.
    contents: HashMap<[u8; 16], (u64, blake3::Hash)>,
}

impl Existing {
    /// Reads the store, and closes it.
    fn read(mut session: Session<'_>, operation: &mut Operation<'_>) -> Result<Self> {
        let control = operation.control();
        let mut contents = HashMap::new();
        loop {
            // Nothing is done yet, but the user sees that it goes on, and may cancel.
            operation.advance(wmlb_progress::default())?;
            let Some(license) = session.next()? else {
                return Ok(Existing { contents });
            };
            let mut hasher = blake3::Hasher::new();
            for piece in license.data.chunks(HASHED) {
                control.check()?;
                hasher.update(piece);
            }
            contents
                .try_reserve(1)
                .map_err(|_| Error::Memory("the names in the host's store"))?;
            let content = (license.data.len() as u64, hasher.finalize());
            if contents.insert(key(license.name), content).is_some() {
                return Err(bad_name(license.name, "which another one has too"));
            }
        }
    }

    /// Whether the store has a license as it is wanted; None when it has none of that name.
    fn has(&self, license: &HostLicense<'_>) -> Option<bool> {
        let (size, hash) = self.contents.get(&key(license.name))?;
        let same_size = *size == license.data.len() as u64;
        Some(same_size && *hash == blake3::hash(license.data))
    }
}

fn key(name: &[u8]) -> [u8; 16] {
    let mut key = [0; 16];
    key.copy_from_slice(&blake3::hash(name).as_bytes()[..16]);
    key
}

/// Copies what is in the frames for the operation's thread, which alone may call the host.
#[derive(Default)]
struct Copying {
    /// Memory of contents that are done with, to be used again.
    used: Mutex<Vec<Vec<u8>>>,
}

/// The content of a frame that was checked.
struct Checked {
    content: Vec<u8>,
    pieces: Pieces,
}

impl Visitor for Copying {
    type Own = ();
    type Outcome = Checked;

    fn own(&self) -> Result<()> {
        Ok(())
    }

    fn visit(&self, (): &mut (), content: &[u8], pieces: &Pieces) -> Result<Checked> {
        let mut copy = self.used.lock().pop().unwrap_or_default();
        reserve(&mut copy, content.len(), "a frame")?;
        copy.extend_from_slice(content);
        Ok(Checked {
            content: copy,
            pieces: pieces.clone(),
        })
    }
}

/// What the operation's thread does in a restore to a host's store: it cuts the file into
/// frames, hands licenses to the host, and tells.
struct HostMain<'a, 'b> {
    operation: &'a mut Operation<'b>,
    frames: FrameReader,
    unpacking: &'a Unpacking<'a, Copying>,
    copying: &'a Copying,
    session: Session<'a>,
    /// None: it is replaced, whatever it is.
    existing: Option<Existing>,
    /// So much as is there of a license that takes several frames.
    large: Vec<u8>,
    progress: wmlb_progress,
}

impl<'a> MainSide<Unpacking<'a, Copying>> for HostMain<'a, '_> {
    fn next(&mut self) -> Result<Option<Packed>> {
        self.frames.next_sound(self.unpacking.memory())
    }

    fn accept(&mut self, frame: Checked) -> Result<()> {
        let Checked {
            mut content,
            pieces,
        } = frame;
        for piece in &pieces.list {
            let name = pieces.name(piece);
            self.take(name, piece, &content[piece.data.clone()])?;
        }
        content.clear();
        self.copying.used.lock().push(content);
        // A frame may have nothing for the host in it.
        self.operation.advance(self.progress)
    }

    fn check(&self) -> Result<()> {
        self.operation.control().check()
    }
}

impl HostMain<'_, '_> {
    /// Takes the next piece, and hands its license over when that is whole.
    fn take(&mut self, name: &[u8], piece: &Piece, data: &[u8]) -> Result<()> {
        let modified = piece.modified.seconds;
        self.progress.bytes_done += data.len() as u64;
        if piece.begins() && piece.ends() {
            return self.settle(&HostLicense {
                name,
                data,
                modified,
            });
        }
        // What is there counts, not the size that it says it has.
        reserve(&mut self.large, data.len(), "a license")?;
        self.large.extend_from_slice(data);
        if piece.ends() {
            let data = &std::mem::take(&mut self.large);
            self.settle(&HostLicense {
                name,
                data,
                modified,
            })
        } else {
            self.operation.advance(self.progress)
        }
    }

    /// Hands a license to the host, unless it has one of that name.
    fn settle(&mut self, license: &HostLicense<'_>) -> Result<()> {
        let existing = self.existing.as_ref();
        match existing.and_then(|existing| existing.has(license)) {
            None => {
                self.operation.control().check()?;
                self.session.put(license)?;
                self.progress.licenses_done += 1;
            }
            Some(true) => self.progress.licenses_done += 1,
            Some(false) => {
                self.progress.licenses_skipped += 1;
                let cause = Error::Differs(OsStr::from_bytes(license.name).into());
                self.operation.report(
                    status::WMLB_STATUS_LICENSE_SKIPPED,
                    cause.hresult(),
                    Value::Text(&String::from_utf8_lossy(license.name)),
                )?;
            }
        }
        self.operation.advance(self.progress)
    }
}
