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

/// So many percent of these frames, at random, but one at least. A large license goes on in the
/// frames after its first, and counts as one. `below` draws a number below another.
pub fn sample(
    frames: &[Described],
    numbers: &[usize],
    percent: u32,
    mut below: impl FnMut(u64) -> u64,
) -> Vec<usize> {
    let licenses = || numbers.chunk_by(|&one, &next| frames[one].first == frames[next].first);
    let mut left = licenses().count() as u64;
    let mut wanted = (left * u64::from(percent)).div_ceil(100);
    let mut chosen = Vec::new();
    for license in licenses() {
        if below(left) < wanted {
            chosen.extend_from_slice(license);
            wanted -= 1;
        }
        left -= 1;
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::frame::Seal;

    fn frames(names: &[&str]) -> Vec<Described> {
        let frame = |name: &&str| Described {
            start: 0,
            seal: Seal {
                length: 0,
                hash: blake3::hash(b""),
                stored: 0,
                check: 0,
            },
            first: name.as_bytes().to_vec(),
            source: None,
        };
        names.iter().map(frame).collect()
    }

    #[test]
    fn a_sample_has_whole_licenses() {
        let frames = frames(&["a", "b", "b", "b", "c", "d"]);
        let all: Vec<usize> = (0..frames.len()).collect();
        let first = |percent| sample(&frames, &all, percent, |_| 0);
        let last = |percent| sample(&frames, &all, percent, |left| left - 1);
        for (percent, from_the_front, from_the_end) in [
            (1, &[0][..], &[5][..]),
            (25, &[0], &[5]),
            (26, &[0, 1, 2, 3], &[4, 5]),
            (75, &[0, 1, 2, 3, 4], &[1, 2, 3, 4, 5]),
            (100, &all, &all),
        ] {
            assert_eq!(first(percent), from_the_front, "{percent}");
            assert_eq!(last(percent), from_the_end, "{percent}");
        }
        assert!(sample(&frames, &[], 50, |_| 0).is_empty());
        assert_eq!(sample(&frames, &[1, 2, 3, 5], 50, |_| 0), [1, 2, 3]);
    }
}
