//! Frames of a large license that may still turn out void, because it may change while it is
//! read. They wait here until it is known to be whole: what is once in the archive stays there.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::envelope::{Encryption, Side, SideReader};
use super::frame::{Licenses, Seal, SourceHash};
use crate::error::{At, Error, Result, reserve};
use crate::operation::Control;

/// Bytes that wait in memory; what comes after them is in a file.
const IN_MEMORY: usize = 8 << 20;

/// Bytes that are copied at a time.
const PIECE: usize = 64 << 10;

/// Makes a file that is gone when it is closed, and says where it lies.
pub type NewFile<'a> = &'a dyn Fn() -> Result<(File, PathBuf)>;

/// Frames that wait.
#[derive(Default)]
pub struct Waiting {
    frames: Vec<Noted>,
    memory: Vec<u8>,
    file: Option<Spill>,
}

struct Noted {
    seal: Seal,
    first: Vec<u8>,
    source: SourceHash,
}

struct Spill {
    side: Side,
    path: PathBuf,
}

/// What comes out again, in this order for each frame.
pub enum Released<'a> {
    Bytes(&'a [u8]),
    /// The frame whose bytes these were.
    Frame {
        seal: Seal,
        first: &'a [u8],
        source: SourceHash,
    },
}

impl Waiting {
    /// Adds a frame. Of an encrypted backup the file is encrypted too: no clear text is on the
    /// disk.
    pub fn add(
        &mut self,
        licenses: &Licenses,
        encryption: Option<&Encryption>,
        new_file: NewFile<'_>,
    ) -> Result<()> {
        let data = &licenses.data;
        self.frames.push(Noted {
            seal: licenses.seal,
            first: licenses.first.clone(),
            source: licenses.source,
        });
        if self.file.is_none() && self.memory.len() + data.len() <= IN_MEMORY {
            reserve(&mut self.memory, data.len(), "a large license")?;
            data.each()
                .for_each(|piece| self.memory.extend_from_slice(piece));
            return Ok(());
        }
        let spill = match &mut self.file {
            Some(spill) => spill,
            none => {
                let (file, path) = new_file()?;
                let side = Side::new(file, encryption.is_some(), &path)?;
                none.insert(Spill { side, path })
            }
        };
        let mut pieces = data.each();
        let written = pieces.try_for_each(|piece| spill.side.write_all(piece));
        written.at("write", &spill.path)
    }

    /// Gives everything to `take`, in order.
    pub fn release(
        self,
        control: &Control,
        mut take: impl FnMut(Released<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut memory = &self.memory[..];
        let mut file = None::<(SideReader, PathBuf)>;
        let mut spill = self.file;
        let mut buffer = vec![0; PIECE];
        for Noted {
            seal,
            first,
            source,
        } in &self.frames
        {
            control.check()?;
            if memory.is_empty()
                && let Some(Spill { side, path }) = spill.take()
            {
                file = Some((side.read_back(&path)?, path));
            }
            let mut left = seal.stored as usize;
            if let Some((file, path)) = &mut file {
                while left > 0 {
                    let piece = &mut buffer[..left.min(PIECE)];
                    file.read_exact(piece)
                        .map_err(|error| unreadable(error, path))?;
                    take(Released::Bytes(piece))?;
                    left -= piece.len();
                }
            } else {
                let (now, later) = memory.split_at(left);
                take(Released::Bytes(now))?;
                memory = later;
            }
            take(Released::Frame {
                seal: *seal,
                first,
                source: *source,
            })?;
        }
        Ok(())
    }
}

fn unreadable(error: std::io::Error, path: &Path) -> Error {
    match error.raw_os_error() {
        Some(_) => Error::io("read back", path, error),
        None => Error::Corrupt {
            path: path.to_owned(),
            what: "a large license read back is not what was written".to_owned(),
        },
    }
}
