//! LCP licenses as JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    match input {
        [b'{', ..] => wmlb::fuzzing::license(input),
        _ => wmlb::fuzzing::license(&[b"{", input].concat()),
    }
});
