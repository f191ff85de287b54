//! XMR licenses: bytes as they are, and objects whose lengths are right.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// Types that are known, and one that is not.
const KINDS: [u16; 9] = [
    0x0001, 0x0002, 0x0004, 0x0005, 0x0009, 0x000A, 0x000D, 0x0012, 0x0034,
];

fuzz_target!(|input: &[u8]| {
    if input.starts_with(b"XMR\0") {
        return wmlb::fuzzing::license(input);
    }
    let (id, mut rest) = input.split_at(input.len().min(16));
    let mut license = [b"XMR\0\0\0\0\x03".as_slice(), id].concat();
    license.resize(24, 0);
    let mut open = Vec::new();
    begin(&mut license, &mut open, 2, KINDS[0]);
    while let [action, count, more @ ..] = rest {
        let content;
        (content, rest) = more.split_at(more.len().min((count & 63).into()));
        match usize::from(action & 15) {
            kind @ 0..9 => {
                begin(&mut license, &mut open, (action >> 6).into(), KINDS[kind]);
                license.extend_from_slice(content);
                // Containers stay open for what comes next.
                if action & 0x20 == 0 {
                    end(&mut license, &mut open);
                }
            }
            9 | 10 if open.len() > 1 => end(&mut license, &mut open),
            _ => license.extend_from_slice(content),
        }
    }
    while !open.is_empty() {
        end(&mut license, &mut open);
    }
    wmlb::fuzzing::license(&license);
});

fn begin(license: &mut Vec<u8>, open: &mut Vec<usize>, flags: u16, kind: u16) {
    open.push(license.len());
    license.extend_from_slice(&flags.to_be_bytes());
    license.extend_from_slice(&kind.to_be_bytes());
    license.extend_from_slice(&[0; 4]);
}

fn end(license: &mut [u8], open: &mut Vec<usize>) {
    if let Some(start) = open.pop() {
        let length = (license.len() - start) as u32;
        license[start + 4..start + 8].copy_from_slice(&length.to_be_bytes());
    }
}
