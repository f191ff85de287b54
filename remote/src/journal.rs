//! What lets an upload go on whose process was killed: which parts of it the server has, noted on
//! this machine, in a file that whoever uploads holds locked. A backup does well without it.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use rustix::fs::{FlockOperation, OFlags, flock};
use serde::{Deserialize, Serialize};

use crate::credentials::is_privileged;

/// No journal is larger: there are at most 10,000 parts.
const LARGEST: u64 = 4 << 20;
/// Seconds after which an upload is begun anew. What is older than twice that may be removed by
/// others.
const LONGEST_AGE: i64 = 12 * 60 * 60;

/// An upload in parts that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// What stands before the name of the generation in its key.
    pub folder: String,
    pub id: String,
    pub created: i64,
    pub nonce: String,
}

/// A part that the server has taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub number: u16,
    /// What is in it: its hash, or what the server has copied.
    pub content: String,
    pub tag: String,
}

/// The file, locked.
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// The journal of what is uploaded to one place; None: there is nowhere to keep one, or
    /// another backup is at work with it.
    pub fn open(place: &str) -> Option<Self> {
        let folder = state_folder().filter(|_| !is_privileged())?;
        let mut builder = DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(folder.join("uploads"))
            .ok()?;
        let name = blake3::hash(place.as_bytes()).to_hex();
        let path = folder.join("uploads").join(&name[..32]);
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(flags)
            .open(&path)
            .ok()?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
        // Whoever had it before may have removed it meanwhile.
        let (ours, there) = (file.metadata().ok()?, fs::symlink_metadata(&path).ok()?);
        let is_there = (ours.dev(), ours.ino()) == (there.dev(), there.ino());
        (is_there && ours.is_file()).then_some(Journal { file, path })
    }

    /// The upload that came to no end, if it may go on at this time.
    pub fn earlier(&mut self, now: i64) -> Option<(Begun, Vec<Part>)> {
        let mut text = String::new();
        self.file.seek(SeekFrom::Start(0)).ok()?;
        (&self.file).take(LARGEST).read_to_string(&mut text).ok()?;
        parse(&text, now)
    }

    /// Forgets what was noted, and notes an upload that has begun.
    pub fn begin(&mut self, begun: &Begun) {
        let emptied = self.file.set_len(0);
        if emptied.is_ok() && self.file.seek(SeekFrom::Start(0)).is_ok() {
            self.line(begun);
        }
    }

    pub fn note(&mut self, part: &Part) {
        self.line(part);
    }

    /// One that cannot be written is missing later, and then its part is sent again.
    fn line(&mut self, line: &impl Serialize) {
        if let Ok(mut text) = serde_json::to_vec(line) {
            text.push(b'\n');
            let _ = self.file.write_all(&text);
        }
    }

    /// The upload has come to an end.
    pub fn end(self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn parse(text: &str, now: i64) -> Option<(Begun, Vec<Part>)> {
    let mut lines = text.split_inclusive('\n');
    let begun: Begun = serde_json::from_str(lines.next()?).ok()?;
    let is_young = (0..LONGEST_AGE).contains(&now.saturating_sub(begun.created));
    // The last line may be cut short.
    let parts = lines.map_while(|line| serde_json::from_str(line).ok());
    is_young.then(|| (begun, parts.collect()))
}

fn state_folder() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME");
    let state = state.or_else(|| Some(absolute("HOME")?.join(".local/state")));
    Some(state?.join("wmlb"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_of_a_journal() {
        let begun = Begun {
            folder: "a/g/".to_owned(),
            id: "id".to_owned(),
            created: 1000,
            nonce: "f".repeat(32),
        };
        let part = |number| Part {
            number,
            content: "c".to_owned(),
            tag: "\"t\"".to_owned(),
        };
        let line = |number| serde_json::to_string(&part(number)).unwrap() + "\n";
        let first = serde_json::to_string(&begun).unwrap() + "\n";
        let both = first.clone() + &line(1) + &line(2);
        let all = Some((begun.clone(), vec![part(1), part(2)]));
        assert_eq!(parse(&both, 1000), all);
        assert_eq!(parse(&both, 999 + LONGEST_AGE), all);
        // Too old, and of a time to come.
        assert_eq!(parse(&both, 1000 + LONGEST_AGE), None);
        assert_eq!(parse(&both, 999), None);
        // Cut short.
        let cut = &both[..both.len() - 3];
        assert_eq!(parse(cut, 1000), Some((begun.clone(), vec![part(1)])));
        assert_eq!(parse(&first, 1000), Some((begun, Vec::new())));
        assert_eq!(parse("", 1000), None);
        assert_eq!(parse(&first[..9], 1000), None);
    }
}
