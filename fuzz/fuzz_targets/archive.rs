//! Backup files: bytes as they are, frames of any content, and members that are nearly right.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| wmlb::fuzzing::archive(input));
