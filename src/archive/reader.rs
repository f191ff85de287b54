//! Reads an archive: its frames in order, unpacked and checked by any number of workers.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::choice::Choice;
use super::envelope::{self, Bytes, Decryption};
use super::frame::{self, Padding, Seal, Unpacker};
use super::frames::{FrameReader, Packed};
use super::index::{self, Described, Index};
use super::walk::{Pieces, Walk};
use super::{FORMAT, INFO_NAME, Info, member};
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::pipeline::{self, TaskContext, Work};
use crate::sync::{Condvar, Mutex, lock, wait};

/// Where in the file the name of the first member is.
const INFO_OFFSET: usize = 10;

/// Bytes that tell a backup file from others.
const BEGINNING: usize = INFO_OFFSET + INFO_NAME.len();

/// Version of the format, in whatever else its `wmlb.json` says.
#[derive(Deserialize)]
struct Version {
    format: u64,
}

/// An archive of which the first frame was read.
pub struct Archive {
    pub info: Info,
    path: PathBuf,
    frames: FrameReader,
    first: Seal,
}

impl Archive {
    /// Opens a backup file, of which `path` is said in messages.
    pub fn open(
        bytes: Bytes,
        path: PathBuf,
        decryption: &Decryption,
        control: &Control,
    ) -> Result<Self> {
        let source = envelope::open(bytes, &path, decryption, control)?;
        let mut frames = FrameReader::new(source, path.clone());
        let authentic = frames.is_authentic();
        check_beginning(frames.peek(BEGINNING)?, authentic, &path)?;
        if !authentic && decryption.refuses_clear() {
            return Err(Error::InClear(path));
        }
        let Some(first) = frames.next(Vec::new())? else {
            return Err(frames.damaged("the file ends"));
        };
        let mut content = Vec::new();
        let Some(seal) = Unpacker::new()?.unpack(&first.data, first.length, &mut content)? else {
            return Err(damaged(&path, &first, "its checksum is wrong", b""));
        };
        let info = read_info(&content, &path)?;
        if first.data != frame::store(&content).data {
            let what = "it is not stored as it should be";
            return Err(damaged(&path, &first, what, b""));
        }
        if first.padding != Padding::at(seal.stored) {
            let what = "what is behind it is not as it should be";
            return Err(damaged(&path, &first, what, b""));
        }
        Ok(Archive {
            info,
            path,
            frames,
            first: seal,
        })
    }

    pub fn is_encrypted(&self) -> bool {
        self.frames.is_authentic()
    }

    /// Whether frames can be read in any order.
    pub fn can_seek(&mut self) -> bool {
        self.frames.aside(|source| source.length()).is_ok()
    }

    /// What the file says of itself at its end. That its frames are like that is not known by it.
    pub fn index(&mut self) -> Result<Index> {
        let (path, first) = (&self.path, self.first);
        self.frames.aside(|source| Index::read(source, path, first))
    }

    /// Reads bytes of its frames.
    pub fn read_range(&mut self, start: u64, length: usize, out: &mut Vec<u8>) -> Result<()> {
        self.frames
            .aside(|source| source.read_range(start, length, out))
    }

    /// The number of licenses, and their bytes, that the file says it has; 0 where that is not
    /// told.
    pub fn stated_amount(&mut self) -> Result<(u64, u64)> {
        let amount = self
            .frames
            .aside(|source| Ok(index::stated_amount(source)))?;
        Ok(amount.unwrap_or_default())
    }

    /// The frames that follow, and what checks them.
    pub fn split(self) -> (FrameReader, Checker) {
        let checker = Checker::new(self.path, self.first);
        (self.frames, checker)
    }

    /// The same where nothing of it is kept, so that a hash of each frame is enough: it must be
    /// what the file's end says. Where that cannot be read at once, all is checked as usual.
    pub fn split_to_look(mut self) -> (FrameReader, Checker) {
        let (path, first) = (&self.path, self.first);
        let index = self
            .frames
            .aside(|source| Ok(Index::read_at_once(source, path, first)));
        let (frames, mut checker) = self.split();
        if let Ok(Ok(index)) = index {
            checker.known = index.frames.iter().map(|frame| frame.seal).collect();
        }
        (frames, checker)
    }

    /// The frames of licenses whose numbers are chosen, and what checks them.
    pub fn choose(
        mut self,
        choose: impl FnOnce(&[Described]) -> Vec<usize>,
    ) -> Result<(FrameReader, Checker)> {
        let index = self.index()?;
        let numbers = choose(&index.frames);
        let (mut frames, checker) = self.split();
        frames.choose(index, numbers);
        Ok((frames, checker))
    }
}

/// Tells what is no backup file from a damaged one, as far as its first bytes can. What is
/// authentic is not damaged.
fn check_beginning(header: &[u8], authentic: bool, path: &Path) -> Result<()> {
    let not_a_backup = |why: &str| Error::NotABackup {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    // The first frame is stored as it is, so that after its header, with a content size of
    // two bytes, and that of its block comes the name of the first member.
    let magic = frame::MAGIC.iter().enumerate();
    let expected = magic.chain((INFO_OFFSET..).zip(INFO_NAME));
    let wrong = expected.filter(|&(at, byte)| header.get(at).is_some_and(|found| found != byte));
    match header.len() {
        0 if !authentic => Err(Error::Corrupt {
            path: path.to_owned(),
            what: "it is empty".to_owned(),
        }),
        // One byte that differs is damage; a file of another kind differs in more.
        0 => Err(not_a_backup("there is nothing in it")),
        _ if wrong.count() > usize::from(!authentic) => {
            Err(not_a_backup("it does not begin as one"))
        }
        _ => Ok(()),
    }
}

fn read_info(content: &[u8], path: &Path) -> Result<Info> {
    let not_a_backup = |why: String| Error::NotABackup {
        path: path.to_owned(),
        why,
    };
    let json = json_of(content)
        .ok_or_else(|| not_a_backup("it does not begin with wmlb.json".to_owned()))?;
    let version: Version = serde_json::from_slice(json)
        .map_err(|_| not_a_backup("its wmlb.json states no format".to_owned()))?;
    if version.format != u64::from(FORMAT) {
        return Err(not_a_backup(format!(
            "its format is {}, and this library reads {FORMAT}",
            version.format
        )));
    }
    let info: Info = serde_json::from_slice(json).map_err(|_| Error::Corrupt {
        path: path.to_owned(),
        what: "its wmlb.json does not say what it should".to_owned(),
    })?;
    if info.to_content()? == content {
        return Ok(info);
    }
    Err(Error::Corrupt {
        path: path.to_owned(),
        what: "its wmlb.json is not in the form that backups have".to_owned(),
    })
}

fn json_of(content: &[u8]) -> Option<&[u8]> {
    let mut name = Vec::new();
    let header = member::read_header(content, &mut name, &mut Vec::new())?;
    let end = header
        .length
        .checked_add(usize::try_from(header.size).ok()?)?;
    if name == INFO_NAME {
        content.get(header.length..end)
    } else {
        None
    }
}

/// Words for a damaged frame: where it is, and which licenses it touches.
fn damaged(path: &Path, frame: &Packed, what: &str, last: &[u8]) -> Error {
    let touched = match (frame.index, last) {
        (0, _) => "all of it is unusable".to_owned(),
        (_, b"") => "the first licenses are in it".to_owned(),
        (_, last) => format!("licenses after {} are in it", String::from_utf8_lossy(last)),
    };
    Error::Corrupt {
        path: path.to_owned(),
        what: format!(
            "in frame {} (at byte {}, {} bytes of content) {what}; {touched}",
            frame.index, frame.offset, frame.length
        ),
    }
}

struct FrameOrder {
    /// The frame whose turn it is.
    next: u64,
    walk: Walk,
    /// A frame before was wrong: what comes after it cannot be judged.
    failed: bool,
}

/// Checks frames. Unpacking and hashing go on side by side, going through the content in
/// the order of the frames.
pub struct Checker {
    path: PathBuf,
    first: Seal,
    /// What frames of licenses should be, in order from the first, if the file's end was asked.
    known: Vec<Seal>,
    state: Mutex<FrameOrder>,
    next: Condvar,
}

/// Passes the turn on, also when something went wrong.
struct NextTurn<'a> {
    checker: &'a Checker,
    right: bool,
}

impl Drop for NextTurn<'_> {
    fn drop(&mut self) {
        let mut turn = lock(&self.checker.state);
        turn.next += 1;
        turn.failed |= !self.right;
        drop(turn);
        self.checker.next.notify_all();
    }
}

impl Checker {
    fn new(path: PathBuf, first: Seal) -> Self {
        Checker {
            path,
            first,
            known: Vec::new(),
            state: Mutex::new(FrameOrder {
                next: 1,
                walk: Walk::new(first),
                failed: false,
            }),
            next: Condvar::new(),
        }
    }

    /// One for frames of the same archive that are chosen anew.
    pub fn again(&self) -> Self {
        Checker::new(self.path.clone(), self.first)
    }

    /// Unpacks a frame, and goes through it when all before it were. [`Error::Canceled`]
    /// when one of those was wrong.
    pub fn check(
        &self,
        unpacker: &mut Unpacker,
        frame: &Packed,
        content: &mut Vec<u8>,
        pieces: &mut Pieces,
    ) -> Result<()> {
        let unpacked = self.unpack(unpacker, frame, content);
        let mut turn = lock(&self.state);
        while turn.next != frame.index {
            turn = wait(&self.next, turn);
        }
        drop(turn);
        let mut pass_on = NextTurn {
            checker: self,
            right: false,
        };
        let mut turn = lock(&self.state);
        if turn.failed {
            return Err(Error::Canceled);
        }
        let last = |walk: &Walk| walk.last_name().to_vec();
        let Some(seal) = unpacked? else {
            let last = last(&turn.walk);
            drop(turn);
            return Err(damaged(&self.path, frame, "the checksum is wrong", &last));
        };
        if let Some(chosen) = frame.chosen {
            if chosen.seal != seal {
                let what = "it is not what the summary says";
                drop(turn);
                return Err(damaged(&self.path, frame, what, b""));
            }
            if chosen.is_apart {
                turn.walk.go_on_apart();
            }
        }
        let end = frame.start + frame.data.len() as u64;
        let mut taken = turn.walk.take(content, seal, (end, frame.padding), pieces);
        if taken.is_ok() && turn.walk.is_summary() && frame.data != frame::store(content).data {
            taken = Err("the summary is not stored as it should be");
        }
        if let Err(what) = taken {
            let last = last(&turn.walk);
            drop(turn);
            return Err(damaged(&self.path, frame, what, &last));
        }
        drop(turn);
        pass_on.right = true;
        Ok(())
    }

    /// Unpacks a frame. None when it is damaged.
    fn unpack(
        &self,
        unpacker: &mut Unpacker,
        frame: &Packed,
        content: &mut Vec<u8>,
    ) -> Result<Option<Seal>> {
        let Packed { data, length, .. } = frame;
        // The first frame of licenses has the number 1.
        let known = self.known.get(frame.index.wrapping_sub(1) as usize);
        match known.filter(|seal| seal.is_of(data, *length)) {
            Some(seal) => {
                let is_whole = unpacker.unpack_known(data, *length, content)?;
                Ok(is_whole.then_some(*seal))
            }
            None => unpacker.unpack(data, *length, content),
        }
    }

    /// When there are no more frames: whether the archive was whole.
    pub fn finish(&self, frames: &mut FrameReader) -> Result<()> {
        let mut turn = lock(&self.state);
        let last = String::from_utf8_lossy(turn.walk.last_name());
        let after = if last.is_empty() {
            "all licenses".to_owned()
        } else {
            format!("the licenses after {last}")
        };
        match frames.take_damage() {
            Some(Error::Corrupt { path, what }) => {
                return Err(Error::Corrupt {
                    path,
                    what: format!("{what}; {after} are in what follows"),
                });
            }
            Some(error) => return Err(error),
            None if frames.is_chosen() && !turn.walk.is_in_license() => return Ok(()),
            None if turn.walk.is_complete() => {}
            None => {
                return Err(Error::Corrupt {
                    path: self.path.clone(),
                    what: format!("it ends early: {after} are missing"),
                });
            }
        }
        let table = turn.walk.table();
        frames.rest(|bytes| table.compare(bytes))?;
        if table.is_right() {
            return Ok(());
        }
        Err(Error::Corrupt {
            path: self.path.clone(),
            what: "the table of frames at its end is not that of the frames before it".to_owned(),
        })
    }
}

/// What is done with the pieces of each frame, by the worker that checked it.
pub trait Visitor: Sync {
    /// What one worker keeps for it.
    type Own: Send;
    type Outcome: Send;

    fn own(&self) -> Result<Self::Own>;
    fn visit(&self, own: &mut Self::Own, content: &[u8], pieces: &Pieces) -> Result<Self::Outcome>;
}

/// The work of reading an archive.
pub struct Unpacking<'a, V> {
    checker: &'a Checker,
    control: &'a Control,
    visitor: &'a V,
    /// None: all licenses.
    choice: Option<Choice>,
    /// Memory of frames that are done with, to be used again.
    used: parking_lot::Mutex<Vec<Vec<u8>>>,
}

impl<'a, V> Unpacking<'a, V> {
    pub fn new(
        checker: &'a Checker,
        control: &'a Control,
        visitor: &'a V,
        choice: Option<Choice>,
    ) -> Self {
        Unpacking {
            checker,
            control,
            visitor,
            choice,
            used: parking_lot::Mutex::default(),
        }
    }

    /// Memory for the next frame.
    pub fn memory(&self) -> Vec<u8> {
        self.used.lock().pop().unwrap_or_default()
    }
}

pub struct Worker<O> {
    unpacker: Unpacker,
    content: Vec<u8>,
    pieces: Pieces,
    own: O,
}

impl<V: Visitor> Work for Unpacking<'_, V> {
    type Task = Packed;
    type Part = V::Outcome;
    type Worker = Worker<V::Own>;
    type Question = Infallible;
    type Answer = Infallible;

    fn worker(&self) -> Result<Self::Worker> {
        Ok(Worker {
            unpacker: Unpacker::new()?,
            content: Vec::new(),
            pieces: Pieces::default(),
            own: self.visitor.own()?,
        })
    }

    fn work(
        &self,
        worker: &mut Self::Worker,
        frame: Packed,
        _context: &mut dyn TaskContext<Self>,
    ) -> Result<V::Outcome> {
        let Worker {
            unpacker,
            content,
            pieces,
            own,
        } = worker;
        self.checker.check(unpacker, &frame, content, pieces)?;
        if let Some(choice) = &self.choice {
            // Where all frames are read, the names alone tell.
            let frame = frame.chosen.map_or(0, |chosen| chosen.number);
            pieces.retain(|number, name| choice.has(frame, number, name));
        }
        self.used.lock().push(frame.data);
        self.control.check()?;
        self.visitor.visit(own, content, pieces)
    }

    fn weight(_frame: &Packed) -> usize {
        /// Frames that are read ahead: reading one takes a fraction of what unpacking it does.
        const AHEAD: usize = 2;
        pipeline::LOOKAHEAD / AHEAD
    }
}
