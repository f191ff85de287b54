//! The blocks that a new backup file shares with the one that it replaces.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::sys::{self, Part, ReadAt};

/// Bytes that one call shares at the most, between two looks at whether the backup is canceled.
const MOST: u64 = 64 << 20;

/// Bytes that are copied at once.
const PIECE: usize = 128 << 10;

/// Has a file share parts of another one. Parts that follow each other in both are shared by one
/// call, since each call keeps everybody from reading the other file.
pub(super) struct Sharing {
    from: Arc<File>,
    /// The file system has shared a part. So what it refuses later is copied.
    is_possible: bool,
    /// What is not shared yet, and where it goes.
    waiting: Option<(Part, u64)>,
}

impl Sharing {
    pub fn new(from: Arc<File>) -> Self {
        Sharing {
            from,
            is_possible: false,
            waiting: None,
        }
    }

    /// Shares a part, which goes to the offset `at`, before [`Sharing::finish`] returns. False
    /// where the file system shares nothing.
    pub fn share(&mut self, part: Part, to: &File, at: u64) -> io::Result<bool> {
        if !self.is_possible {
            self.is_possible = sys::share(self.from.as_fd(), part, to.as_fd(), at).is_ok();
            if self.is_possible {
                // What is checked from now on is what is on the disk, as that is what is shared.
                sys::forget_cached(self.from.as_fd());
            }
            return Ok(self.is_possible);
        }
        if let Some((before, begin)) = &mut self.waiting
            && before.offset + before.length == part.offset
            && *begin + before.length == at
            && before.length + part.length <= MOST
        {
            before.length += part.length;
            return Ok(true);
        }
        self.finish(to)?;
        self.waiting = Some((part, at));
        Ok(true)
    }

    /// Shares what waits.
    pub fn finish(&mut self, to: &File) -> io::Result<()> {
        let Some((part, at)) = self.waiting.take() else {
            return Ok(());
        };
        if sys::share(self.from.as_fd(), part, to.as_fd(), at).is_ok() {
            return Ok(());
        }
        self.copy(part, to, at)
    }

    fn copy(&self, part: Part, to: &File, at: u64) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        let mut done = 0;
        while done < part.length {
            let length = (part.length - done).min(PIECE as u64) as usize;
            let piece = &mut piece[..length];
            if !self.from.fills(piece, part.offset + done)? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            to.write_all_at(piece, at + done)?;
            done += length as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files that are gone when they are closed: of these bytes, and of none.
    fn files(content: &[u8]) -> (Arc<File>, File) {
        let folder = File::open(std::env::temp_dir()).expect("a folder");
        let file = || {
            let file = sys::create_unnamed(folder.as_fd());
            File::from(file.expect("a file without a name"))
        };
        let from = file();
        from.write_all_at(content, 0).expect("content");
        (Arc::new(from), file())
    }

    fn part(offset: u64, length: u64) -> Part {
        Part { offset, length }
    }

    /// Whether the file system shares blocks or not: after it has said once that it does, each
    /// part is there.
    #[test]
    fn what_it_refuses_later_is_copied() {
        let content: Vec<u8> = (0..1_000_000u32).map(|at| (at % 251) as u8).collect();
        let (from, to) = files(&content);
        let mut sharing = Sharing::new(from);
        sharing.is_possible = true;
        let parts = [
            part(4096, 300_000),
            part(304_096, 7),
            part(100, 0),
            part(8192, 500_000),
        ];
        let mut expected = vec![0; 5];
        for it in parts {
            let at = expected.len() as u64;
            assert!(sharing.share(it, &to, at).expect("shared"));
            expected.extend_from_slice(&content[it.offset as usize..][..it.length as usize]);
        }
        sharing.finish(&to).expect("shared");
        let mut found = vec![0; expected.len()];
        assert!(to.fills(&mut found, 0).expect("content"));
        assert_eq!(found, expected);
        assert_eq!(
            to.metadata().expect("its size").len(),
            expected.len() as u64
        );
    }

    #[test]
    fn a_file_that_has_become_shorter_is_an_error() {
        let (from, to) = files(b"short");
        let mut sharing = Sharing::new(from);
        sharing.is_possible = true;
        assert!(sharing.share(part(0, 4096), &to, 0).expect("noted"));
        let error = sharing.finish(&to).expect_err("there is no such part");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }
}
