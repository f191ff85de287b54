//! What the operation's thread does in a backup.

use super::messages::{FrameResult, LargeMark, Notice, Task};
use super::rights::Inspected;
use super::shared::Packing;
use crate::archive::writer::Writer;
use crate::error::{Error, Result};
use crate::hresult;
use crate::license::Right;
use crate::operation::Operation;
use crate::pipeline::MainSide;
use crate::rights::Rights;
use crate::status::{self, Value, wmlb_progress};
use crate::store::List;

/// It lists, writes and tells.
pub struct BackupMain<'a, 'b> {
    pub operation: &'a mut Operation<'b>,
    list: Box<dyn List + 'a>,
    pub writer: Writer<'a>,
    packing: &'a Packing<'a>,
    rights: Option<&'a dyn Rights>,
    pub progress: wmlb_progress,
    /// What to come back to when the large license that is being written is void.
    bytes_before_large: u64,
    /// Databases without licenses.
    pub empty: u64,
    /// No license was left out because it could not be read.
    pub all_stored: bool,
}

impl<'a, 'b> BackupMain<'a, 'b> {
    pub fn new(
        operation: &'a mut Operation<'b>,
        list: Box<dyn List + 'a>,
        writer: Writer<'a>,
        packing: &'a Packing<'a>,
        rights: Option<&'a dyn Rights>,
    ) -> Self {
        let (licenses_total, bytes_total) = list.totals().unwrap_or_default();
        BackupMain {
            operation,
            list,
            writer,
            packing,
            rights,
            progress: wmlb_progress {
                licenses_total,
                bytes_total,
                ..Default::default()
            },
            bytes_before_large: 0,
            empty: 0,
            all_stored: true,
        }
    }
}

impl<'a> MainSide<Packing<'a>> for BackupMain<'a, '_> {
    fn next(&mut self) -> Result<Option<Task>> {
        let batch = match self.list.next_batch() {
            // Those who read ahead have some, which are needed here.
            Err(error) if self.packing.ahead.is_some() && error.lacks_descriptors() => {
                self.packing.end_read_ahead();
                self.list.next_batch()?
            }
            batch => batch?,
        };
        let Some(batch) = batch else {
            self.progress.licenses_total = self.list.listed();
            return Ok(None);
        };
        Ok(Some(Task::new(batch)))
    }

    fn accept(&mut self, result: FrameResult) -> Result<()> {
        match result.large {
            LargeMark::Begins => {
                self.writer.begin_large();
                self.bytes_before_large = self.progress.bytes_done;
            }
            LargeMark::Void => {
                self.writer.drop_large()?;
                self.progress.bytes_done = self.bytes_before_large;
            }
            LargeMark::None | LargeMark::Ends => {}
        }
        if let Some(frame) = result.frame {
            let memory = self.writer.write(frame)?;
            self.packing.memory.put_back(memory);
            if let Some(reuse) = &self.packing.reuse
                && self.writer.takes_frames_of_earlier()
            {
                reuse.take_from_now_on();
            }
        }
        if result.large == LargeMark::Ends {
            self.writer.accept_large(self.operation.control())?;
        }
        self.progress.licenses_done += result.licenses;
        self.progress.licenses_reused += result.reused;
        self.empty += result.empty;
        self.progress.bytes_done += result.bytes;
        for notice in result.notices {
            self.tell(notice)?;
        }
        self.operation.advance(self.progress)
    }

    fn answer(&mut self, question: Vec<Inspected>) -> Result<Vec<(Inspected, Right)>> {
        let mut answers = Vec::with_capacity(question.len());
        for license in question {
            self.check()?;
            let host = self.rights;
            let ask =
                |host: &dyn Rights| self.operation.call_host(|| host.right_of(&license.info()));
            let right = host.map_or(Ok(Right::NotStated), ask)?;
            answers.push((license, right));
            // A host that takes its time does not keep the user from seeing that it goes on.
            self.operation.advance(self.progress)?;
        }
        Ok(answers)
    }

    fn check(&self) -> Result<()> {
        self.operation.control().check()
    }
}

impl BackupMain<'_, '_> {
    fn tell(&mut self, notice: Notice) -> Result<()> {
        match notice {
            Notice::Restricted { title } => {
                self.progress.licenses_restricted += 1;
                self.operation.report(
                    status::WMLB_STATUS_RESTRICTED_LICENSE,
                    hresult::WMLB_S_OK,
                    Value::Text(&title),
                )
            }
            Notice::Skipped { name, cause } => {
                self.progress.licenses_skipped += 1;
                self.all_stored &= matches!(cause, Error::NotALicense(_));
                self.operation.report(
                    status::WMLB_STATUS_LICENSE_SKIPPED,
                    cause.hresult(),
                    Value::Text(&String::from_utf8_lossy(&name)),
                )
            }
        }
    }
}
