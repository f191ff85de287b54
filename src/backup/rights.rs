//! Which licenses of a frame are saved: by what they say of themselves, and what the host says of
//! them.

use std::ops::Range;

use super::messages::Notice;
use crate::error::Result;
use crate::license::{self, Excerpt, Inspector, LicenseInfo, Right, Statement};
use crate::rights::Policy;

/// A license of which the host is asked.
pub struct Inspected {
    name: Vec<u8>,
    size: u64,
    modified: i64,
    statement: Statement,
    /// It is a database without licenses.
    is_empty: bool,
    /// Where its member is in the frame's content.
    member: Range<usize>,
    /// How many notices of its frame come before its own.
    notices: usize,
}

impl Inspected {
    pub fn info(&self) -> LicenseInfo<'_> {
        LicenseInfo {
            name: &self.name,
            size: self.size,
            modified: self.modified,
            statement: &self.statement,
        }
    }
}

/// A license that was read.
pub struct Candidate<'a> {
    pub name: &'a [u8],
    pub size: u64,
    pub modified: i64,
    /// It is a database without licenses.
    pub is_empty: bool,
    /// Where its member is in the frame's content.
    pub member: Range<usize>,
    pub excerpt: Excerpt<'a>,
}

/// Judges the licenses of one frame after the other; one a worker.
pub struct Judge {
    policy: Policy,
    inspector: Inspector,
    statement: Statement,
    /// Those in the frame of which the host is to be asked.
    pending: Vec<Inspected>,
}

impl Judge {
    pub fn new(policy: Policy) -> Self {
        Judge {
            policy,
            inspector: Inspector::default(),
            statement: Statement::default(),
            pending: Vec::new(),
        }
    }

    /// Begins with a frame. One that failed may have left licenses pending.
    pub fn begin(&mut self) {
        self.pending.clear();
    }

    /// Bytes from the end of a license that are wanted besides those from its beginning.
    pub fn wanted_tail(&self, head: &[u8], size: u64) -> usize {
        if self.inspects_all() {
            license::wanted_tail(head, size)
        } else {
            0
        }
    }

    fn inspects_all(&self) -> bool {
        self.policy.denies_unstated || self.policy.asks_host
    }

    /// Whether the license stays in the frame, as far as that is known before the host was asked.
    /// A notice says that it does not.
    pub fn admits(&mut self, license: Candidate<'_>, notices: &mut Vec<Notice>) -> Result<bool> {
        // For the benchmark of what inspection costs, and nothing else.
        if cfg!(wmlb_without_inspection) {
            return Ok(true);
        }
        let denied = if self.inspects_all() {
            self.inspector
                .inspect(license.excerpt, &mut self.statement)?;
            self.policy.denies(self.statement.right, Right::NotStated)
        } else {
            self.inspector
                .inspect_denied(license.excerpt, &mut self.statement)?
        };
        if self.policy.asks_host {
            self.pending.push(Inspected {
                name: license.name.to_vec(),
                size: license.size,
                modified: license.modified,
                statement: std::mem::take(&mut self.statement),
                is_empty: license.is_empty,
                member: license.member,
                notices: notices.len(),
            });
            return Ok(true);
        }
        if denied {
            let title = self.statement.title(license.name).into_owned();
            notices.push(Notice::Restricted { title });
        }
        Ok(!denied)
    }

    /// Has the host asked of the frame's licenses, and takes those out that are denied.
    pub fn ask_host_and_drop_denied(
        &mut self,
        content: &mut Vec<u8>,
        notices: &mut Vec<Notice>,
        ask: impl FnOnce(Vec<Inspected>) -> Result<Vec<(Inspected, Right)>>,
    ) -> Result<Dropped> {
        let mut dropped = Dropped::default();
        if self.pending.is_empty() {
            return Ok(dropped);
        }
        let mut kept = 0;
        for (license, answer) in ask(std::mem::take(&mut self.pending))? {
            let Range { start, end } = license.member;
            if self.policy.denies(license.statement.right, answer) {
                let title = license.statement.title(&license.name).into_owned();
                let place = license.notices + dropped.licenses as usize;
                notices.insert(place, Notice::Restricted { title });
                dropped.licenses += 1;
                dropped.empty += u64::from(license.is_empty);
                dropped.bytes += license.size;
            } else {
                if kept == 0 {
                    dropped.first = license.name;
                }
                content.copy_within(start..end, kept);
                kept += end - start;
            }
        }
        content.truncate(kept);
        Ok(dropped)
    }
}

/// Licenses that the host denied.
#[derive(Default)]
pub struct Dropped {
    pub licenses: u64,
    /// Of these, databases without licenses.
    pub empty: u64,
    pub bytes: u64,
    /// The name of the first one that stays in the frame, if any was asked about.
    pub first: Vec<u8>,
}
