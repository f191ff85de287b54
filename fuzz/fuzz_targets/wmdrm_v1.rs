//! Binary WMDRM licenses of version 1: what tells one is put in its place, at either offset.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [kind, content @ ..] = input else {
        return;
    };
    let mut content = content.to_vec();
    let offset = match kind & 1 {
        0 => 0,
        _ => 208,
    };
    if kind & 2 == 0 {
        let length = content.len().max(offset + 165);
        content.resize(length, 0);
        content[offset..offset + 8].copy_from_slice(&[0, 1, 0, kind >> 2 & 1, 0x75, 0, 0, 0]);
    }
    wmlb::fuzzing::license(&content);
});
