//! What the workers of a backup do: each owns a frame, from opening the licenses' files to
//! the compressed bytes.

use super::frame::FrameInProgress;
use super::messages::{FrameResult, LargeMark, Task};
use super::rights::{Inspected, Judge};
use super::shared::{Packing, Worker};
use super::source::{End, Range};
use crate::archive::frame::{Licenses, Packer};
use crate::error::Result;
use crate::license::Right;
use crate::pipeline::{TaskContext, Work};
use crate::store::Waits;

impl Work for Packing<'_> {
    type Task = Task;
    type Part = FrameResult;
    type Worker = Worker;
    type Question = Vec<Inspected>;
    /// The same, each with what the host says of it.
    type Answer = Vec<(Inspected, Right)>;

    // One worker at a time opens and reads what a batch has, so that two are busy only with a batch
    // each. Most batches are of some ten frames, and the second one's wait for the first one's: as
    // many as memory allows.
    const AHEAD: usize = 16;
    const HELD: usize = 3 << 20;

    fn worker(&self) -> Result<Worker> {
        Ok(Worker {
            reader: self.contents.reader(),
            packer: Packer::new(self.level)?,
            content: Vec::new(),
            path: Vec::new(),
            judge: Judge::new(self.policy),
            waits: Waits::default(),
            range: Range::default(),
        })
    }

    fn work(
        &self,
        worker: &mut Worker,
        mut task: Task,
        context: &mut dyn TaskContext<Self>,
    ) -> Result<FrameResult> {
        if let Some(result) = self.take_earlier(worker, &mut task)? {
            if task.reused.is_some() || !task.batch.is_empty() {
                context.requeue(task);
            }
            return Ok(result);
        }
        worker.content.clear();
        worker.judge.begin();
        worker.range.begin();
        let large = task.large.take();
        let continues_large = large.is_some();
        let mut frame = FrameInProgress::new(self, worker, task);
        match large {
            Some(large) => frame.continue_large(large)?,
            None => frame.fill(context)?,
        }
        frame.worker.range.end(End::List);
        let FrameInProgress {
            worker,
            task,
            mut notices,
            licenses,
            empty,
            bytes,
            large,
            mut first,
            ..
        } = frame;
        if task.large.is_some() || !task.batch.is_empty() {
            context.requeue(task);
        }
        let Worker { judge, content, .. } = &mut *worker;
        let dropped =
            judge.ask_host_and_drop_denied(content, &mut notices, |asked| context.ask(asked))?;
        if !dropped.first.is_empty() {
            first = dropped.first;
        }
        let mut result = FrameResult {
            frame: None,
            notices,
            licenses: licenses - dropped.licenses,
            reused: 0,
            empty: empty - dropped.empty,
            bytes: bytes - dropped.bytes,
            large,
        };
        if !worker.content.is_empty() {
            let is_large = continues_large || large == LargeMark::Begins;
            result.frame = Some(self.pack(worker, is_large, first)?);
        }
        Ok(result)
    }

    fn held(result: &FrameResult) -> usize {
        let frame = result.frame.as_ref();
        frame.map_or(0, |licenses| licenses.data.len())
    }

    fn weight(task: &Task) -> usize {
        task.batch.weight()
    }
}

impl Packing<'_> {
    /// Packs the content that a worker has gathered, of which `first` is the first license.
    fn pack(&self, worker: &mut Worker, is_large: bool, first: Vec<u8>) -> Result<Licenses> {
        let packer = &mut worker.packer;
        let (seal, data) = packer.pack(&worker.content, is_large, || self.control.check())?;
        Ok(Licenses {
            source: self.sources.of(&worker.range, &seal),
            seal,
            data: self.memory.hold(data)?,
            first,
            origin: None,
        })
    }
}
