//! WMDRM licenses and responses in XML. What is no element is put into the license's data.
#![no_main]

use libfuzzer_sys::fuzz_target;

const BEFORE: &[u8] = br#"<LICENSE version="2.0.0.0"><LICENSORINFO><DATA>"#;
const AFTER: &[u8] = b"</DATA></LICENSORINFO></LICENSE>";

fuzz_target!(|input: &[u8]| {
    match input {
        [b'<' | 0xEF | 0xFE | 0xFF, ..] => wmlb::fuzzing::license(input),
        _ => wmlb::fuzzing::license(&[BEFORE, input, AFTER].concat()),
    }
});
