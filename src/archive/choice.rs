//! Which licenses of an archive are wanted, and the frames that they are in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::index::Described;
use crate::name::Patterns;

/// Licenses that are wanted.
#[derive(Clone)]
pub enum Choice {
    /// Those with such names.
    Names(Arc<Patterns>),
    Noted(Arc<Notes>),
}

/// Licenses by the numbers of their frames, and by their own there.
#[derive(Default)]
pub struct Notes(BTreeMap<usize, Vec<usize>>);

impl Notes {
    /// Notes a license by the frame that it begins in; they come in order.
    pub fn add(&mut self, frame: usize, number: usize) {
        self.0.entry(frame).or_default().push(number);
    }

    /// The frames of what was noted, with those that large licenses go on in.
    pub fn complete(&mut self, frames: &[Described]) -> Vec<usize> {
        let noted: Vec<usize> = self.0.keys().copied().collect();
        for frame in noted {
            for next in frame + 1..frames.len() {
                if frames[next].first != frames[frame].first {
                    break;
                }
                self.add(next, 0);
            }
        }
        self.0.keys().copied().collect()
    }
}

impl Choice {
    /// Whether a license is wanted, by its frame's number, its own there, and its name.
    pub fn has(&self, frame: usize, number: usize, name: &[u8]) -> bool {
        match self {
            Choice::Names(patterns) => patterns.match_name(name),
            Choice::Noted(notes) => {
                let numbers = notes.0.get(&frame);
                numbers.is_some_and(|numbers| numbers.binary_search(&number).is_ok())
            }
        }
    }
}

/// The frames that can hold licenses with such names.
pub fn frames_for(patterns: &Patterns, frames: &[Described]) -> Vec<usize> {
    let name = |number: usize| frames.get(number).map(|frame| &frame.first[..]);
    let can = |&number: &usize| {
        let first = &frames[number].first[..];
        // Nothing else is in the frames of a large license.
        let is_large =
            name(number + 1) == Some(first) || number.checked_sub(1).and_then(name) == Some(first);
        match is_large {
            true => patterns.match_name(first),
            false => patterns.can_match_between(first, name(number + 1)),
        }
    };
    (0..frames.len()).filter(can).collect()
}
