//! The licenses of a backup, one after the other.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use super::content::{Hash, Side};
use crate::archive::frame::Unpacker;
use crate::archive::frames::FrameReader;
use crate::archive::reader::Checker;
use crate::archive::walk::Pieces;
use crate::error::{Error, Result};
use crate::license;
use crate::operation::Control;

pub struct BackupSide<'a> {
    frames: FrameReader,
    checker: Checker,
    control: &'a Control,
    unpacker: Unpacker,
    /// The frame that is gone through, and the piece in it that comes next.
    content: Vec<u8>,
    pieces: Pieces,
    next: usize,
    memory: Vec<u8>,
    /// More pieces of the license follow.
    is_in_license: bool,
    /// The license, and the hash of its content once that was wanted and read.
    pub name: Vec<u8>,
    pub side: Side,
    pub hash: Option<blake3::Hash>,
}

impl<'a> BackupSide<'a> {
    pub fn new((frames, checker): (FrameReader, Checker), control: &'a Control) -> Result<Self> {
        Ok(BackupSide {
            frames,
            checker,
            control,
            unpacker: Unpacker::new()?,
            content: Vec::new(),
            pieces: Pieces::default(),
            next: 0,
            memory: Vec::new(),
            is_in_license: false,
            name: Vec::new(),
            side: Side::default(),
            hash: None,
        })
    }

    /// Goes on to the next license; false when there is none, and the file was whole.
    pub fn advance(&mut self) -> Result<bool> {
        while self.is_in_license {
            self.piece(|_, _| {})?;
        }
        if !self.load()? {
            self.checker.finish(&mut self.frames)?;
            return Ok(false);
        }
        let piece = &self.pieces.list[self.next];
        self.name.clear();
        self.name.extend_from_slice(self.pieces.name(piece));
        self.side.begin(piece.size, piece.modified.seconds)?;
        self.hash = None;
        self.is_in_license = true;
        Ok(true)
    }

    /// Reads what is looked at of the license, and hashes it if it is said whether it is a
    /// database. All of it is copied to the file, if there is one.
    pub fn read(&mut self, is_database: Option<bool>, mut copy: Option<&File>) -> Result<()> {
        let mut hash = is_database.map(Hash::new);
        let mut copied = Ok(());
        let most = license::most_of_head(self.side.size);
        let (mut begins, mut wanted) = (true, 0);
        while self.is_in_license {
            self.piece(|side, data| {
                if begins {
                    // A piece holds as much as is looked at, or all.
                    side.head.extend_from_slice(&data[..most.min(data.len())]);
                    wanted = side.wanted_tail();
                    begins = false;
                }
                if wanted > 0 {
                    let from = data.len().saturating_sub(wanted);
                    side.tail.extend_from_slice(&data[from..]);
                    let excess = side.tail.len().saturating_sub(wanted);
                    side.tail.drain(..excess);
                }
                if let Some(hash) = &mut hash {
                    hash.add(data);
                }
                if let (Some(file), Ok(())) = (&mut copy, &copied) {
                    copied = file.write_all(data);
                }
            })?;
            if let Err(error) = std::mem::replace(&mut copied, Ok(())) {
                let path = PathBuf::from(String::from_utf8_lossy(&self.name).as_ref());
                return Err(Error::io("copy", &path, error));
            }
        }
        self.hash = hash.map(|hash| hash.finish());
        Ok(())
    }

    /// Passes the next piece of the license on.
    fn piece(&mut self, mut take: impl FnMut(&mut Side, &[u8])) -> Result<()> {
        if !self.load()? {
            // The end is checked before a license can miss any.
            self.checker.finish(&mut self.frames)?;
            return Err(Error::Defect("a license without an end".to_owned()));
        }
        let piece = &self.pieces.list[self.next];
        take(&mut self.side, &self.content[piece.data.clone()]);
        self.is_in_license = !piece.ends();
        self.next += 1;
        Ok(())
    }

    /// Has the next piece at hand; false when there is none.
    fn load(&mut self) -> Result<bool> {
        while self.next == self.pieces.list.len() {
            self.control.check()?;
            let memory = std::mem::take(&mut self.memory);
            let Some(frame) = self.frames.next_sound(memory)? else {
                return Ok(false);
            };
            let (content, pieces) = (&mut self.content, &mut self.pieces);
            self.checker
                .check(&mut self.unpacker, &frame, content, pieces)?;
            self.memory = frame.data;
            self.next = 0;
        }
        Ok(true)
    }
}
