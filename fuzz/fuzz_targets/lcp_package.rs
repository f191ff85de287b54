//! LCP licenses in ZIP files: bytes as they are, the two ends of a large file, and packages
//! that are nearly right.
#![no_main]

use std::io::{Cursor, Write};

use libfuzzer_sys::fuzz_target;
use wmlb::fuzzing;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const PATHS: [&str; 4] = [
    "META-INF/license.lcpl",
    "license.lcpl",
    "META-INF/other.lcpl",
    "mimetype",
];

fuzz_target!(|input: (u8, u16, u16, &[u8])| {
    let (kind, end, between, content) = input;
    match kind % 3 {
        0 => fuzzing::license(&begun(content)),
        1 => {
            let content = begun(content);
            let end = content.len() - usize::from(end).min(content.len());
            let (head, tail) = content.split_at(end);
            // Mostly just beyond what is read whole.
            let all = match kind & 0x80 {
                0 => (1 << 20) + u64::from(between),
                _ => u64::from(between) << 40,
            };
            fuzzing::excerpt(head, tail, all.saturating_sub(content.len() as u64));
        }
        _ => {
            if let Some(mut package) = package(kind, content) {
                // A few bytes of the directory, which is at the end.
                for (at, value) in [(end, between as u8), (end >> 8, (between >> 8) as u8)] {
                    let at = package.len() - 1 - usize::from(at) % package.len();
                    package[at] ^= value;
                }
                fuzzing::license(&package);
            }
        }
    }
});

fn begun(content: &[u8]) -> Vec<u8> {
    let mut content = content.to_vec();
    if let Some(begin) = content.first_chunk_mut() {
        *begin = *b"PK\x03\x04";
    }
    content
}

fn package(kind: u8, json: &[u8]) -> Option<Vec<u8>> {
    let method = match kind & 0x40 {
        0 => CompressionMethod::Stored,
        _ => CompressionMethod::Deflated,
    };
    let options = SimpleFileOptions::default()
        .compression_method(method)
        .large_file(kind & 0x20 != 0);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let path = PATHS[usize::from(kind >> 2 & 3)];
    for (path, content) in [("mimetype", &b"application/epub+zip"[..]), (path, json)] {
        // The same path twice is refused.
        writer.start_file(path, options).ok()?;
        writer.write_all(content).ok()?;
    }
    Some(writer.finish().ok()?.into_inner())
}
