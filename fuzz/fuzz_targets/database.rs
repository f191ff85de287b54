//! A database, the journal beside it, and the log: how long the last two are, then all three.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((lengths, rest)) = input.split_first_chunk::<8>() else {
        return;
    };
    let [journal, log] = [0, 4].map(|at| {
        let length = u32::from_le_bytes([lengths[at], lengths[at + 1], lengths[at + 2], lengths[at + 3]]);
        (length as usize).min(rest.len())
    });
    let (rest, log) = rest.split_at(rest.len() - log);
    let (database, journal) = rest.split_at(rest.len().saturating_sub(journal));
    wmlb::fuzzing::database(database, journal, log);
});
