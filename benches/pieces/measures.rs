//! What is measured. Memory is used again as the library does, and stays in the caches: times
//! are those of the work alone.

use std::hint::black_box;
use std::mem::take;

use criterion::{Criterion, Throughput, criterion_group};
use wmlb::pieces::frame::{Packer, Unpacker};
use wmlb::pieces::{Excerpt, Inspector, Right, Statement, Time, member};

use crate::contents::{Backup, EPOCH, Maker};

criterion_group!(pieces, licenses, headers, frames);

/// Licenses of each kind, in turns, so that no branch is learned by heart.
const LICENSES: usize = 64;

/// As much as a usual frame holds.
const FRAME: usize = 2 << 20;

/// The level of a backup that was told none.
const LEVEL: i32 = 1;

/// `inspect`: everything that a license says; `inspect_denied`: whether it denies, which is all
/// that a backup looks for.
fn licenses(criterion: &mut Criterion) {
    let mut maker = Maker::new();
    let mut some = |make: fn(&mut Maker) -> Vec<u8>| -> Vec<Vec<u8>> {
        (0..LICENSES).map(|_| make(&mut maker)).collect()
    };
    let kinds = [
        (
            "wmdrm-v7 usual",
            c"wmdrm-v7",
            Right::Allowed,
            some(|maker| maker.wmdrm(Backup::Granted)),
        ),
        (
            "wmdrm-v7 at length",
            c"wmdrm-v7",
            Right::Allowed,
            some(|maker| maker.wmdrm(Backup::GrantedAtLength)),
        ),
        (
            "wmdrm-v7 denied",
            c"wmdrm-v7",
            Right::Denied,
            some(|maker| maker.wmdrm(Backup::Denied)),
        ),
        ("xmr", c"xmr", Right::NotStated, some(Maker::xmr)),
        ("lcp", c"lcp", Right::NotStated, some(Maker::lcp)),
        ("opaque", c"opaque", Right::NotStated, some(Maker::opaque)),
    ];
    let mut inspector = Inspector::default();
    let mut statement = Statement::default();

    let mut group = criterion.benchmark_group("inspect");
    for (name, format, right, licenses) in &kinds {
        for license in licenses {
            let read = inspector.inspect(Excerpt::whole(license), &mut statement);
            read.expect("memory");
            // What is not what its name says would be measured for nothing.
            assert_eq!((statement.format(), statement.right), (*format, *right));
        }
        let mut turns = licenses.iter().cycle();
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                let license = turns.next().expect("a circle");
                let read = inspector.inspect(Excerpt::whole(license), &mut statement);
                read.expect("memory");
                black_box(&statement);
            });
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("inspect_denied");
    for (name, _, right, licenses) in &kinds {
        let mut turns = licenses.iter().cycle();
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                let license = turns.next().expect("a circle");
                let denied = inspector.inspect_denied(Excerpt::whole(license), &mut statement);
                assert_eq!(denied.expect("memory"), *right == Right::Denied);
                black_box(&statement);
            });
        });
    }
    group.finish();
}

/// `ustar`: the header of most licenses; `pax`: one that needs a second header for its time and
/// its name.
fn headers(criterion: &mut Criterion) {
    let long = format!("licenses/{}/license-\u{e9}.lic", "f".repeat(200));
    let kinds = [
        ("ustar", "licenses/wmdrm/1/2/12ab34cd56ef.lic", 0),
        ("pax", long.as_str(), 123_456_789),
    ];
    let write = |header: &mut Vec<u8>, path: &str, nanoseconds| {
        let modified = Time {
            seconds: EPOCH,
            nanoseconds,
        };
        header.clear();
        member::write_header(header, path.as_bytes(), 4321, modified);
    };
    let mut header = Vec::new();
    let (mut path_read, mut scratch) = (Vec::new(), Vec::new());

    let mut group = criterion.benchmark_group("header");
    for (name, path, nanoseconds) in kinds {
        group.bench_function(format!("write {name}"), |bencher| {
            bencher.iter(|| {
                write(&mut header, black_box(path), black_box(nanoseconds));
                black_box(&header);
            });
        });
        write(&mut header, path, nanoseconds);
        group.bench_function(format!("read {name}"), |bencher| {
            bencher.iter(|| {
                let header = black_box(header.as_slice());
                let read = member::read_header(header, &mut path_read, &mut scratch);
                read.expect("a header")
            });
        });
    }
    group.finish();
}

/// With the hashes of content and frame, as the library packs and unpacks.
fn frames(criterion: &mut Criterion) {
    let mut maker = Maker::new();
    let contents = [
        ("mixed", maker.mixed(FRAME)),
        ("random", maker.random(FRAME)),
    ];
    let mut packer = Packer::new(LEVEL).expect("memory");
    let mut unpacker = Unpacker::new().expect("memory");

    let mut group = criterion.benchmark_group("frame");
    group.throughput(Throughput::Bytes(FRAME as u64));
    for (name, content) in contents {
        let mut memory = Vec::new();
        group.bench_function(format!("pack {name}"), |bencher| {
            bencher.iter(|| {
                let frame = packer.pack(black_box(&content), false, take(&mut memory), || Ok(()));
                let frame = frame.expect("memory");
                memory = frame.data;
                frame.seal
            });
        });
        // Packed anew, because a filter may have left out the measurement above.
        let frame = packer
            .pack(&content, false, memory, || Ok(()))
            .expect("memory");
        println!("{name}: {FRAME} bytes become {}", frame.seal.stored);
        let mut unpacked = Vec::new();
        group.bench_function(format!("unpack {name}"), |bencher| {
            bencher.iter(|| {
                let data = black_box(frame.data.as_slice());
                let seal = unpacker.unpack(data, FRAME as u64, &mut unpacked);
                seal.expect("memory").expect("a sound frame")
            });
        });
    }
    group.finish();
}
