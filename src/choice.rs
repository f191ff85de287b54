//! Which licenses of a backup an operation is about: those that match the property Only, and that
//! the host's filter admits.

mod look;

use std::sync::Arc;

use look::look_through;

use crate::archive::choice::{Choice, Notes, frames_for, sample};
use crate::archive::frames::FrameReader;
use crate::archive::index::Described;
use crate::archive::reader::{Archive, Checker};
use crate::error::Result;
use crate::license::{LicenseInfo, Statement};
use crate::name::Patterns;
use crate::operation::Control;
use crate::props::{Properties, Property};
use crate::status::wmlb_progress;
use crate::sys;

/// Whoever chooses licenses.
pub trait Filter: Send + Sync {
    fn admits(&self, license: &LicenseInfo<'_>) -> Result<bool>;
}

/// A sample that leaves nothing out, in percent.
const EVERYTHING: u32 = 100;

/// What is wanted.
pub struct Wanted {
    patterns: Arc<Patterns>,
    filter: Option<Arc<dyn Filter>>,
    /// How many percent of that are looked at.
    percent: u32,
    /// How many threads look.
    threads: usize,
    /// Of each license that is told of, nothing that it says.
    only_names: bool,
}

/// How the filter is called, and the licenses that were looked at are counted.
pub type Ask<'a> = &'a mut dyn FnMut(&dyn Filter, &LicenseInfo<'_>) -> Result<bool>;

/// Whoever is told of each license that is wanted; false ends it.
pub type Listener<'a> = &'a mut dyn FnMut(&LicenseInfo<'_>) -> Result<bool>;

/// Frames that are read, and the licenses in them that are wanted; None: all.
pub struct Chosen {
    pub frames: FrameReader,
    pub checker: Checker,
    pub choice: Option<Choice>,
}

impl Wanted {
    pub fn new(properties: &Properties, filter: Option<Arc<dyn Filter>>) -> Self {
        let patterns = Patterns::parse(properties.text(Property::Only).unwrap_or_default());
        Wanted {
            patterns: Arc::new(patterns),
            filter,
            percent: EVERYTHING,
            threads: properties.threads(),
            only_names: properties.lists_names(),
        }
    }

    /// A random sample of it, where the file can be read in any order.
    pub fn sampled(self, percent: u32) -> Self {
        Wanted { percent, ..self }
    }

    /// Whether each license is.
    pub fn is_all(&self) -> bool {
        self.patterns.is_empty() && self.filter.is_none()
    }

    /// Whether names tell what is wanted, without a look at the licenses.
    fn names_tell(&self) -> bool {
        self.filter.is_none() && self.patterns.has_names_only()
    }

    /// What is wanted of the names, where only they are asked for.
    fn of_names(&self) -> Option<&Patterns> {
        let patterns = &*self.patterns;
        (!patterns.is_empty() && patterns.has_names_only()).then_some(patterns)
    }

    /// Whether a license of this name can be.
    pub fn can_have(&self, name: &[u8]) -> bool {
        self.of_names()
            .is_none_or(|patterns| patterns.match_name(name))
    }

    /// The frames to be looked at. Of a stream that is all of them.
    pub fn open(&self, mut archive: Archive) -> Result<(FrameReader, Checker)> {
        let is_part = self.of_names().is_some() || self.percent < EVERYTHING;
        if is_part && archive.can_seek() {
            archive.choose(|frames| self.frames_of(frames))
        } else {
            Ok(archive.split())
        }
    }

    /// The frames that can hold what is wanted, or a sample of them.
    fn frames_of(&self, frames: &[Described]) -> Vec<usize> {
        let numbers = match self.of_names() {
            Some(patterns) => frames_for(patterns, frames),
            None => (0..frames.len()).collect(),
        };
        if self.percent == EVERYTHING {
            return numbers;
        }
        sample(frames, &numbers, self.percent, |end| sys::random() % end)
    }

    /// The progress of an operation that begins with an archive: it has totals if all of it is
    /// wanted, and, as `can_seek` says, it is in a file. Damage at the end of one that is encrypted
    /// is only met in passing.
    pub fn begin(&self, archive: &mut Archive, can_seek: bool) -> Result<wmlb_progress> {
        let is_told = can_seek && self.is_all() && !archive.is_encrypted();
        let (licenses_total, bytes_total) = if is_told {
            archive.stated_amount()?
        } else {
            (0, 0)
        };
        Ok(wmlb_progress {
            licenses_total,
            bytes_total,
            ..wmlb_progress::default()
        })
    }

    /// Tells of each license that is wanted, in order, on this thread. What is read is checked; for
    /// names alone, if the file `is_here`, by the hash of each frame's bytes.
    pub fn each(
        &self,
        archive: Archive,
        is_here: bool,
        control: &Control,
        ask: Ask<'_>,
        listener: Listener<'_>,
    ) -> Result<()> {
        let (mut frames, checker) = match self.of_names() {
            None if is_here && self.only_names => archive.split_to_look(),
            _ => self.open(archive)?,
        };
        let nothing = Statement::default();
        let each = &mut |_: usize, _: usize, info: &LicenseInfo<'_>| {
            let statement = if self.only_names {
                &nothing
            } else {
                info.statement
            };
            let told = LicenseInfo { statement, ..*info };
            let goes_on = !self.has(info, ask)? || listener(&told)?;
            control.check()?;
            Ok(goes_on)
        };
        let inspects = !self.only_names || !self.names_tell();
        let way = (control, self.threads, inspects);
        look_through(&mut frames, &checker, way, each)
    }

    /// The licenses that are wanted, to be read. Where their names do not tell, all that can be
    /// wanted are looked at before, on this thread.
    pub fn choose(&self, archive: Archive, control: &Control, ask: Ask<'_>) -> Result<Chosen> {
        if self.is_all() || self.names_tell() {
            let choice = match self.is_all() {
                true => None,
                false => Some(Choice::Names(self.patterns.clone())),
            };
            let (frames, checker) = self.open(archive)?;
            return Ok(Chosen {
                frames,
                checker,
                choice,
            });
        }
        let (mut frames, checker) = archive.choose(|frames| self.frames_of(frames))?;
        let mut notes = Notes::default();
        let each = &mut |frame: usize, number: usize, info: &LicenseInfo<'_>| {
            if self.has(info, ask)? {
                notes.add(frame, number);
            }
            control.check()?;
            Ok(true)
        };
        let way = (control, self.threads, true);
        look_through(&mut frames, &checker, way, each)?;
        let numbers = match frames.take_index() {
            Some(index) => {
                let numbers = notes.complete(&index.frames);
                frames.choose(index, numbers.clone());
                numbers
            }
            None => Vec::new(),
        };
        debug_assert!(numbers.is_sorted());
        Ok(Chosen {
            frames,
            checker: checker.again(),
            choice: Some(Choice::Noted(Arc::new(notes))),
        })
    }

    /// Whether this license is.
    pub fn has(&self, info: &LicenseInfo<'_>, ask: Ask<'_>) -> Result<bool> {
        let LicenseInfo {
            name, statement, ..
        } = info;
        let patterns = &self.patterns;
        let matches = patterns.is_empty()
            || patterns.match_license(name, &statement.license_id, &statement.key_ids);
        match &self.filter {
            Some(filter) if matches => ask(&**filter, info),
            _ => Ok(matches),
        }
    }
}
