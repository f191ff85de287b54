//! What is read of a made backup file, in every way there is, and whether that agrees.

use std::path::Path;

use super::scratch::{Scratch, properties};
use crate::archive::envelope::Decryption;
use crate::archive::frame::{self, Frame, Licenses, Padding, Unpacker};
use crate::archive::reader::Archive;
use crate::archive::segments::Segments;
use crate::archive::walk::Pieces;
use crate::archive::{Info, LICENSES_FOLDER, member};
use crate::enumerate::enumerate_backup;
use crate::error::{Error, Result};
use crate::license::LicenseInfo;
use crate::name::LONGEST;
use crate::operation::Control;
use crate::props::{Property, Setting};
use crate::target::folder;

/// What was read of a backup file.
#[derive(Default)]
pub struct Seen {
    pub whole: bool,
    /// Frames of licenses that were right.
    pub frames: usize,
    pub names: Vec<Vec<u8>>,
    pub bytes: u64,
    /// The last license is not complete.
    pub goes_on: bool,
}

/// Reads a backup file in every way there is, and writes it again.
pub fn read(scratch: &Scratch) -> Seen {
    let Scratch { file: _, path } = scratch;
    let mut seen = Seen::default();
    let mut again = Vec::new();
    let result = read_frames(path, &mut seen, &mut again);
    seen.whole = result.is_ok();
    match &result {
        // What is encrypted is another file each time.
        Ok(_) if scratch.content().starts_with(b"age") => {}
        Ok(info) => assert!(same_again(scratch, info, &seen, again)),
        Err(error) => {
            let told = matches!(
                error,
                Error::Corrupt { .. } | Error::NotABackup { .. } | Error::Encrypted { .. }
            );
            assert!(told && !error.message().is_empty());
        }
    }

    let mut names = Vec::new();
    let mut listener = |license: &LicenseInfo<'_>| {
        names.push(license.name.to_vec());
        0
    };
    let listed = enumerate_backup(
        &properties(path),
        None,
        None,
        &mut listener,
        &Control::new(std::sync::Arc::default()),
    );
    assert_eq!(listed.is_ok(), seen.whole);
    assert!(seen.names.starts_with(&names));
    if seen.whole {
        assert_eq!(names.len(), seen.names.len());
    }
    read_by_names(path, &seen);
    seen
}

/// Reads by names, from the end of the file: what is whole has them all that way too.
fn read_by_names(path: &Path, seen: &Seen) {
    let mut names = Vec::new();
    let mut listener = |license: &LicenseInfo<'_>| {
        names.push(license.name.to_vec());
        0
    };
    let mut only = properties(path);
    only.set(Property::Only, Setting::Text("*".to_owned()));
    let control = Control::new(std::sync::Arc::default());
    let listed = enumerate_backup(&only, None, None, &mut listener, &control);
    if seen.whole {
        assert!(listed.is_ok());
        assert_eq!(names, seen.names);
    }
}

/// A frame after the first, as it was read.
struct Again {
    frame: Frame,
    first: Vec<u8>,
    is_summary: bool,
}

/// Reads the frames, and takes each apart: it must be as a backup makes it of what it holds.
fn read_frames(path: &Path, seen: &mut Seen, again: &mut Vec<Again>) -> Result<Info> {
    let decryption = Decryption::new(&properties(path), false)?;
    let file = folder::open(path)?;
    let archive = Archive::open(
        file.bytes,
        file.path,
        &decryption,
        &Control::new(std::sync::Arc::default()),
    )?;
    let info = archive.info.clone();
    let (mut frames, checker) = archive.split();
    let (mut unpacker, mut pieces) = (Unpacker::new()?, Pieces::default());
    let (mut content, mut copy, mut right) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(packed) = frames.next_sound(Vec::new())? {
        checker.check(&mut unpacker, &packed, &mut content, &mut pieces)?;
        let seal = unpacker.unpack(&packed.data, packed.length, &mut copy)?;
        let seal = seal.expect("the same as before");
        assert_eq!(content, copy);
        let first = pieces.list.first();
        again.push(Again {
            first: first.map_or(Vec::new(), |piece| pieces.name(piece).to_vec()),
            is_summary: pieces.list.is_empty(),
            frame: Frame {
                seal,
                data: packed.data,
            },
        });
        right.clear();
        for piece in &pieces.list {
            let name = pieces.name(piece);
            let data = &content[piece.data.clone()];
            if piece.begins() {
                check_name(name, seen.names.last());
                let path = [LICENSES_FOLDER, name].concat();
                member::write_header(&mut right, &path, piece.size, piece.modified);
                seen.names.push(name.to_vec());
            }
            right.extend_from_slice(data);
            if piece.ends() {
                member::pad(&mut right, piece.size);
            }
            seen.bytes += data.len() as u64;
            seen.goes_on = !piece.ends();
        }
        if !pieces.list.is_empty() {
            assert_eq!(content, right);
            seen.frames += 1;
        }
    }
    checker.finish(&mut frames)?;
    Ok(info)
}

fn check_name(name: &[u8], before: Option<&Vec<u8>>) {
    let split = |name: &[u8]| -> Vec<Vec<u8>> {
        name.split(|byte| *byte == b'/')
            .map(<[u8]>::to_vec)
            .collect()
    };
    let parts = split(name);
    assert!(name.len() <= LONGEST && !name.contains(&0));
    for part in &parts {
        assert!(!matches!(part.as_slice(), b"" | b"." | b".."));
    }
    assert!(before.is_none_or(|before| split(before) < parts));
}

/// Whether the same frames, written as a backup file, are the same file, and whether other
/// programs find in it what was read.
fn same_again(scratch: &Scratch, info: &Info, seen: &Seen, again: Vec<Again>) -> bool {
    let length: u64 = again.iter().map(|again| again.frame.seal.length).sum();
    let rewritten = Scratch::write(info, None, |writer| {
        for again in again.into_iter().filter(|again| !again.is_summary) {
            let licenses = Licenses {
                seal: again.frame.seal,
                data: Segments::of(again.frame.data),
                first: again.first,
                source: None,
                origin: None,
            };
            writer.write(licenses).expect("memory");
        }
        (seen.names.len() as u64, seen.bytes)
    });
    let content = scratch.content();
    let first = zstd_safe::find_frame_compressed_size(&content).expect("a frame");
    let mut rest = &content[first + Padding::at(first as u64).length() as usize..];
    let mut tar = Vec::new();
    while !rest.is_empty() {
        let length = zstd_safe::find_frame_compressed_size(rest).expect("a frame");
        let (frame, others) = rest.split_at(length);
        // Frames that are skipped have no size.
        if let Some(size) = zstd_safe::get_frame_content_size(frame).ok().flatten()
            && frame.starts_with(&frame::MAGIC)
        {
            let mut part = Vec::with_capacity(size as usize);
            zstd_safe::decompress(&mut part, frame).expect("a right frame");
            tar.extend(part);
        }
        rest = others;
    }
    rewritten.content() == content && tar.len() as u64 == length && tar.ends_with(&member::END)
}
