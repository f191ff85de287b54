//! Where frames of licenses end: where the names say so. A license that is added, removed or
//! changed moves the ends of one or two frames, and leaves all others as they are.

use super::{FRAME_CONTENT, MEMBER_OVERHEAD};
use crate::name;

/// Bytes of content that a frame has at least, unless a large license or another batch of names
/// comes next.
const LEAST: usize = 1 << 20;

/// And at the most, if it is of more than one license. Measured on mixed stores: frames of 1 MiB
/// take 0.7 % more than those of 2, and larger ones gain 0.4 % and cost memory.
pub(crate) const MOST: usize = 3 << 20;

/// Binary logarithm of the bytes of content after which, once there is enough, the next end
/// comes on average.
const MEAN: u32 = 20;

/// Bytes of content of the largest license that shares a frame with others. A larger one
/// begins a frame, and goes on in frames of [`FRAME_CONTENT`] of its bytes each.
pub(crate) const LARGEST_WHOLE: u64 = (FRAME_CONTENT - MEMBER_OVERHEAD) as u64;

/// How many frames a large license of this size takes.
pub fn pieces(size: u64) -> u64 {
    size.div_ceil(FRAME_CONTENT as u64)
}

/// Whether a frame that has this much content ends after a member of this length, of the license
/// that has this name: the more of the content it is, the likelier.
pub fn ends_after(content: usize, member: usize, license: &[u8]) -> bool {
    let draw = u128::from(name::hash(license) >> 32);
    content >= LEAST && draw << MEAN < (member as u128) << 32
}

/// Whether a member of this length has no place any more in a frame that has this much content.
pub fn ends_before(content: usize, member: usize) -> bool {
    content > 0 && content + member > MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts licenses of these sizes, and gives the indexes of the last of each frame.
    fn cuts(licenses: &[(String, usize)]) -> Vec<String> {
        let (mut ends, mut content) = (Vec::new(), 0);
        for (at, (name, size)) in licenses.iter().enumerate() {
            if ends_before(content, *size) {
                ends.push(licenses[at - 1].0.clone());
                content = 0;
            }
            content += size;
            if ends_after(content, *size, name.as_bytes()) {
                ends.push(name.clone());
                content = 0;
            }
        }
        ends
    }

    #[test]
    fn a_change_moves_few_ends() {
        let size = |at: usize| {
            512 * (1 + at * 7919 % 40) + if at.is_multiple_of(97) { 1 << 20 } else { 0 }
        };
        let store: Vec<_> = (0..20_000)
            .map(|at| (format!("{at:08}"), size(at)))
            .collect();
        let before = cuts(&store);
        let bytes: usize = store.iter().map(|(_, size)| size).sum();
        let mean = bytes / before.len();
        assert!((LEAST..MOST).contains(&mean), "{mean}");
        for at in (0..store.len()).step_by(1777) {
            let mut less = store.clone();
            less.remove(at);
            let after = cuts(&less);
            let kept = after.iter().filter(|end| before.contains(end)).count();
            assert!(before.len() - kept <= 8, "{} of {}", kept, before.len());
        }
    }
}
