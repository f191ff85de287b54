//! Looks at the licenses in frames. Workers unpack and check the frames, and read what is in them;
//! who asked is told of each license, in order, on the calling thread.

use std::collections::VecDeque;
use std::ops::Range;

use parking_lot::Mutex;

use crate::archive::frames::{FrameReader, Packed};
use crate::archive::reader::{Checker, Unpacking, Visitor};
use crate::archive::walk::{Piece, Pieces};
use crate::error::{Error, Result};
use crate::license::{self, Excerpt, Inspector, LicenseInfo, Statement, Statements};
use crate::operation::Control;
use crate::pipeline::{self, MainSide};

/// Whoever is told of a license, by the number of the frame that it begins in and its own there;
/// false ends it.
pub type Each<'a> = &'a mut dyn FnMut(usize, usize, &LicenseInfo<'_>) -> Result<bool>;

/// Frames that no threads are begun for if there are fewer.
const FEW: usize = 4;

/// Calls `each` with the licenses in frames until it gives false. What is read is checked. What
/// licenses say is read if `inspects` says so.
pub fn look_through(
    frames: &mut FrameReader,
    checker: &Checker,
    (control, threads, inspects): (&Control, usize, bool),
    each: Each<'_>,
) -> Result<()> {
    let looker = Looker {
        used: Mutex::default(),
        inspects,
    };
    let unpacking = Unpacking::new(checker, control, &looker, None);
    let mut ahead = VecDeque::new();
    let mut failure = None;
    while ahead.len() < FEW && failure.is_none() {
        match frames.next_sound(unpacking.memory()) {
            Ok(Some(frame)) => ahead.push_back(frame),
            Ok(None) => break,
            Err(error) => failure = Some(error),
        }
    }
    let threads = if ahead.len() < FEW { 1 } else { threads };
    let mut main = LookMain {
        frames,
        unpacking: &unpacking,
        looker: &looker,
        control,
        each,
        ahead,
        numbers: VecDeque::new(),
        failure,
        ended: false,
        large: None,
        inspector: Inspector::default(),
        statement: Statement::default(),
    };
    let outcome = pipeline::run(&unpacking, &mut main, threads);
    if main.ended {
        return Ok(());
    }
    outcome?;
    match main.failure {
        Some(error) => Err(error),
        None => checker.finish(main.frames),
    }
}

/// A license that is told of.
struct Look {
    /// In [`Looked::names`].
    name: Range<usize>,
    /// Which one of its frame it is.
    number: usize,
    size: u64,
    modified: i64,
}

/// What a frame holds.
#[derive(Default)]
struct Looked {
    names: Vec<u8>,
    /// Licenses, and what they say.
    list: Vec<Look>,
    statements: Statements,
    part: Option<Part>,
}

impl Looked {
    fn clear(&mut self) {
        self.names.clear();
        self.list.clear();
        self.statements.clear();
        self.part = None;
    }

    fn look(&mut self, number: usize, piece: &Piece, name: &[u8]) -> Look {
        let start = self.names.len();
        self.names.extend_from_slice(name);
        Look {
            name: start..self.names.len(),
            number,
            size: piece.size,
            modified: piece.modified.seconds,
        }
    }
}

/// What is looked at of a license that goes on in other frames, and is looked at to its end. It is
/// alone in its frames.
struct Part {
    /// None where the license does not begin.
    head: Option<(Look, Vec<u8>)>,
    tail: Vec<u8>,
    ends: bool,
}

/// Reads what licenses say.
struct Looker {
    /// Memory to be used again.
    used: Mutex<Vec<Looked>>,
    /// False: they are not looked at.
    inspects: bool,
}

impl Visitor for Looker {
    type Own = (Inspector, Statement);
    type Outcome = Looked;

    fn own(&self) -> Result<Self::Own> {
        Ok(Default::default())
    }

    fn visit(
        &self,
        (inspector, statement): &mut Self::Own,
        content: &[u8],
        pieces: &Pieces,
    ) -> Result<Looked> {
        let mut looked = self.used.lock().pop().unwrap_or_default();
        looked.clear();
        for (number, piece) in pieces.list.iter().enumerate() {
            let data = &content[piece.data.clone()];
            if !self.inspects {
                if piece.begins() {
                    let look = looked.look(number, piece, pieces.name(piece));
                    looked.list.push(look);
                }
                continue;
            }
            let wants_end = piece.begins() && license::wanted_tail(data, piece.size) > 0;
            if piece.begins() && (piece.ends() || !wants_end) {
                let end = if wants_end { data } else { &[] };
                inspector.inspect(Excerpt::large(data, end, piece.size), statement)?;
                let look = looked.look(number, piece, pieces.name(piece));
                looked.list.push(look);
                looked.statements.add(statement);
                continue;
            }
            let head = wants_end.then(|| {
                let most = license::most_of_head(piece.size).min(data.len());
                let look = looked.look(number, piece, pieces.name(piece));
                (look, data[..most].to_vec())
            });
            let tail = license::tail_in(data, piece.offset, piece.size).to_vec();
            looked.part = Some(Part {
                head,
                tail,
                ends: piece.ends(),
            });
        }
        Ok(looked)
    }
}

/// A large license that is being gathered.
struct Large {
    /// The frame that it begins in.
    frame: usize,
    name: Vec<u8>,
    look: Look,
    head: Vec<u8>,
    tail: Vec<u8>,
}

struct LookMain<'a> {
    frames: &'a mut FrameReader,
    unpacking: &'a Unpacking<'a, Looker>,
    looker: &'a Looker,
    control: &'a Control,
    each: Each<'a>,
    /// Frames that were read and that nobody works at.
    ahead: VecDeque<Packed>,
    /// Of the frames that were read and not told of, which ones they are.
    numbers: VecDeque<usize>,
    /// Why no more could be read, which is told after what was.
    failure: Option<Error>,
    /// It was said that this is enough.
    ended: bool,
    large: Option<Large>,
    inspector: Inspector,
    statement: Statement,
}

impl LookMain<'_> {
    /// Tells of a license, of which `statement` is what it says.
    fn tell(&mut self, frame: usize, look: &Look, name: &[u8]) -> Result<()> {
        let info = LicenseInfo {
            name,
            size: look.size,
            modified: look.modified,
            statement: &self.statement,
        };
        if (self.each)(frame, look.number, &info)? {
            return Ok(());
        }
        self.ended = true;
        Err(Error::Canceled)
    }

    fn gather(&mut self, frame: usize, names: &[u8], part: Part) -> Result<()> {
        if let Some((look, head)) = part.head {
            self.large = Some(Large {
                frame,
                name: names[look.name.clone()].to_vec(),
                look,
                head,
                tail: Vec::new(),
            });
        }
        let Some(mut large) = self.large.take() else {
            return Ok(());
        };
        large.tail.extend_from_slice(&part.tail);
        if !part.ends {
            self.large = Some(large);
            return Ok(());
        }
        let excerpt = Excerpt::large(&large.head, &large.tail, large.look.size);
        self.inspector.inspect(excerpt, &mut self.statement)?;
        self.tell(large.frame, &large.look, &large.name)
    }
}

impl<'a> MainSide<Unpacking<'a, Looker>> for LookMain<'a> {
    fn next(&mut self) -> Result<Option<Packed>> {
        let next = match self.ahead.pop_front() {
            Some(frame) => Some(frame),
            None if self.failure.is_some() => None,
            None => match self.frames.next_sound(self.unpacking.memory()) {
                Ok(next) => next,
                Err(error) => {
                    self.failure = Some(error);
                    None
                }
            },
        };
        if let Some(frame) = &next {
            let number = frame.chosen.map_or(0, |chosen| chosen.number);
            self.numbers.push_back(number);
        }
        Ok(next)
    }

    fn accept(&mut self, mut looked: Looked) -> Result<()> {
        let frame = self.numbers.pop_front().unwrap_or_default();
        let list = std::mem::take(&mut looked.list);
        for (at, look) in list.iter().enumerate() {
            if self.looker.inspects {
                looked.statements.read(at, &mut self.statement);
            }
            self.tell(frame, look, &looked.names[look.name.clone()])?;
        }
        if let Some(part) = looked.part.take() {
            self.gather(frame, &looked.names, part)?;
        }
        looked.list = list;
        self.looker.used.lock().push(looked);
        Ok(())
    }

    fn check(&self) -> Result<()> {
        self.control.check()
    }
}
