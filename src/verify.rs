//! Proves that a backup file is whole: every check of a restore, and nothing written.

use std::convert::Infallible;
use std::path::PathBuf;

use crate::archive::envelope::Keys;
use crate::archive::frames::{FrameReader, Packed};
use crate::archive::reader::{Archive, Unpacking, Visitor};
use crate::archive::walk::Pieces;
use crate::error::Result;
use crate::flags::WMLB_ALLOW_CLEAR;
use crate::hresult::{self, wmlb_hresult};
use crate::operation::{Job, Operation};
use crate::pipeline::{self, Ends};
use crate::props::{Properties, Property};
use crate::status::{self, Value, wmlb_progress};

/// The flags of a verification.
pub(crate) const FLAGS: u32 = WMLB_ALLOW_CLEAR;

/// A verification that is ready to run.
pub struct Verify {
    file: PathBuf,
    keys: Keys,
    threads: usize,
}

impl Verify {
    pub fn prepare(properties: &Properties) -> Result<Self> {
        Ok(Verify {
            file: properties.absolute_path(Property::RestorePath)?,
            keys: Keys::new(properties)?,
            threads: properties.threads(),
        })
    }
}

impl Job for Verify {
    fn backup_file(&self) -> PathBuf {
        crate::archive::reader::file_in(&self.file)
    }

    fn run(&self, operation: &mut Operation<'_>) -> Result<wmlb_hresult> {
        operation.report(
            status::WMLB_STATUS_BACKUPRESTORE_BEGIN,
            hresult::WMLB_S_OK,
            Value::None,
        )?;
        let archive = Archive::open(&self.file, &self.keys, operation.control())?;
        let (frames, checker) = archive.split();
        let unpacking = Unpacking::new(&checker, operation.control(), &Counting);
        let mut ends = VerifyEnds {
            operation,
            frames,
            unpacking: &unpacking,
            progress: wmlb_progress::default(),
        };
        pipeline::run(&unpacking, &mut ends, self.threads)?;
        checker.finish(&mut ends.frames)?;
        ends.progress.licenses_total = ends.progress.licenses_done;
        ends.progress.bytes_total = ends.progress.bytes_done;
        ends.operation.report_progress(ends.progress)?;
        Ok(hresult::WMLB_S_OK)
    }
}

/// Licences and bytes of a frame.
struct Count {
    licenses: u64,
    bytes: u64,
}

struct Counting;

impl Visitor for Counting {
    type Own = ();
    type Outcome = Count;

    fn own(&self) -> Result<()> {
        Ok(())
    }

    fn visit(&self, (): &mut (), _content: &[u8], pieces: &Pieces) -> Result<Count> {
        let ended = pieces.list.iter().filter(|piece| piece.ends());
        let bytes = pieces.list.iter().map(|piece| piece.data.len() as u64);
        Ok(Count {
            licenses: ended.count() as u64,
            bytes: bytes.sum(),
        })
    }
}

struct VerifyEnds<'a, 'b> {
    operation: &'a mut Operation<'b>,
    frames: FrameReader,
    unpacking: &'a Unpacking<'a, Counting>,
    progress: wmlb_progress,
}

impl<'a> Ends<Unpacking<'a, Counting>> for VerifyEnds<'a, '_> {
    fn next(&mut self) -> Result<Option<Packed>> {
        self.frames.next_sound(self.unpacking.memory())
    }

    fn accept(&mut self, count: Count) -> Result<()> {
        self.progress.licenses_done += count.licenses;
        self.progress.bytes_done += count.bytes;
        self.operation.advance(self.progress)
    }

    fn answer(&mut self, question: Infallible) -> Result<Infallible> {
        match question {}
    }

    fn check(&self) -> Result<()> {
        self.operation.control().check()
    }
}
