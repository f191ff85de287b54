//! Any license, whole or as the excerpt that is looked at of a large one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wmlb::fuzzing;

/// As much as is never looked at whole.
const LARGE: u64 = 1 << 20;

fuzz_target!(|input: (u8, u16, u16, &[u8])| {
    let (kind, end, between, content) = input;
    let (head, tail) = content.split_at(content.len() - usize::from(end).min(content.len()));
    match kind % 4 {
        0 | 1 => fuzzing::license(content),
        2 => fuzzing::excerpt(head, &[], between.into()),
        _ => fuzzing::excerpt(head, tail, LARGE + u64::from(between)),
    }
});
