//! Proves that a backup file is whole: every check of a restore, and nothing written.

use std::path::PathBuf;
use std::sync::Arc;

use crate::archive::envelope::Decryption;
use crate::archive::frames::{FrameReader, Packed};
use crate::archive::reader::{Archive, Unpacking, Visitor};
use crate::archive::walk::Pieces;
use crate::choice::{Chosen, Filter, Wanted};
use crate::error::Result;
use crate::flags::WMLB_ALLOW_CLEAR;
use crate::hresult::{self, wmlb_hresult};
use crate::operation::{Job, Operation};
use crate::pipeline::{self, MainSide};
use crate::props::{Properties, Property};
use crate::status::{self, Value, wmlb_progress};
use crate::store;
use crate::target::{self, Origin, SetTarget};

/// The flags of a verification.
pub(crate) const FLAGS: u32 = WMLB_ALLOW_CLEAR;

/// A verification that is ready to run.
pub struct Verify {
    origin: Arc<dyn Origin>,
    store: Option<PathBuf>,
    decryption: Decryption,
    threads: usize,
    wanted: Wanted,
}

impl Verify {
    pub fn prepare(
        properties: &Properties,
        flags: u32,
        target: Option<Arc<dyn SetTarget>>,
        filter: Option<Arc<dyn Filter>>,
    ) -> Result<Self> {
        Ok(Verify {
            origin: target::origin(properties, target)?,
            store: properties.absolute_path(Property::StorePath).ok(),
            decryption: Decryption::new(properties, flags & WMLB_ALLOW_CLEAR != 0)?,
            threads: properties.threads(),
            wanted: Wanted::new(properties, filter).sampled(properties.sample()),
        })
    }
}

impl Job for Verify {
    fn backup_file(&self) -> PathBuf {
        self.origin.display_path()
    }

    fn run(&self, operation: &mut Operation<'_>) -> Result<wmlb_hresult> {
        operation.report(
            status::WMLB_STATUS_BACKUPRESTORE_BEGIN,
            hresult::WMLB_S_OK,
            Value::None,
        )?;
        // Nobody is told that all is well beside a store that is half restored.
        let _whole = self.store.as_deref().map(store::keep_whole).transpose()?;
        let origin = self.origin.clone();
        let file = origin.open(operation.host_calls(), operation.control())?;
        let mut archive =
            Archive::open(file.bytes, file.path, &self.decryption, operation.control())?;
        let can_seek = self.origin.place().is_some();
        let mut progress = self.wanted.begin(&mut archive, can_seek)?;
        let control = operation.control();
        let chosen = self
            .wanted
            .choose(archive, control, &mut |filter, license| {
                operation.advance(wmlb_progress::default())?;
                operation.call_host(|| filter.admits(license))
            })?;
        let Chosen {
            frames,
            checker,
            choice,
        } = chosen;
        // Of what is a sample.
        let in_all = frames.amount_in_all().filter(|_| self.wanted.is_all());
        if let Some((licenses, bytes)) = in_all {
            progress.licenses_total = licenses;
            progress.bytes_total = bytes;
        }
        let threads = frames.busy(self.threads);
        let unpacking = Unpacking::new(&checker, control, &Counting, choice);
        let mut main = VerifyMain {
            operation,
            frames,
            unpacking: &unpacking,
            progress,
        };
        pipeline::run(&unpacking, &mut main, threads)?;
        checker.finish(&mut main.frames)?;
        if in_all.is_none() {
            main.progress.licenses_total = main.progress.licenses_done;
            main.progress.bytes_total = main.progress.bytes_done;
        }
        main.operation.report_progress(main.progress)?;
        Ok(hresult::WMLB_S_OK)
    }
}

/// Licenses and bytes of a frame.
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

struct VerifyMain<'a, 'b> {
    operation: &'a mut Operation<'b>,
    frames: FrameReader,
    unpacking: &'a Unpacking<'a, Counting>,
    progress: wmlb_progress,
}

impl<'a> MainSide<Unpacking<'a, Counting>> for VerifyMain<'a, '_> {
    fn next(&mut self) -> Result<Option<Packed>> {
        self.frames.next_sound(self.unpacking.memory())
    }

    fn accept(&mut self, count: Count) -> Result<()> {
        self.progress.licenses_done += count.licenses;
        self.progress.bytes_done += count.bytes;
        self.operation.advance(self.progress)
    }

    fn check(&self) -> Result<()> {
        self.operation.control().check()
    }
}
