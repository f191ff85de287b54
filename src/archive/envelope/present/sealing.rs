//! Encrypts frames into an age file.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, Write};
use std::iter;
use std::path::Path;

use age::stream::StreamWriter;
use age::{DecryptError, Decryptor, Encryptor, x25519};

use super::{CHUNK, encryptor, is_of_the_system};
use crate::archive::output::{Output, Target};
use crate::archive::readback::{Expected, What};
use crate::error::{Error, Result};
use crate::operation::Control;
use crate::target::folder::{Folder, Temporary};

/// Bytes of the file that are hashed as one, to be read back.
const REGION: u64 = 1 << 20;

/// Gathers the header, which age writes in small pieces: it takes a short write for a failure,
/// and of a failure keeps the words only. A chunk, larger than the buffer, passes by it.
type Gathered<W> = BufWriter<W>;

fn gathered<W: Write>(output: W) -> Gathered<W> {
    BufWriter::with_capacity(CHUNK as usize, output)
}

/// Ends an age file; what it was written to.
fn finish<W: Write>(stream: StreamWriter<Gathered<W>>) -> io::Result<W> {
    stream
        .finish()?
        .into_inner()
        .map_err(|error| error.into_error())
}

/// Frames on their way into an age file.
pub struct Sealed<'a> {
    stream: StreamWriter<Gathered<Stored<'a>>>,
    path: &'a Path,
    folder: &'a Folder,
    side: Option<Side<'a>>,
    /// What a large licence goes to, in the side file, until it turns out whole: what is once
    /// encrypted cannot be taken back, as something else would be encrypted in its place with
    /// the same key and nonce.
    large: Option<StreamWriter<Gathered<File>>>,
}

/// A file for large licences, gone with the backup, and what opens it.
struct Side<'a> {
    temporary: Temporary<'a>,
    /// Nobody has it but this operation, so that clear text is never on the disk. Each large
    /// licence is a new age file, with a key of its own.
    identity: x25519::Identity,
}

impl Side<'_> {
    /// The file, emptied.
    fn file(&self) -> io::Result<File> {
        let mut file = self.temporary.file();
        file.set_len(0)?;
        file.rewind()?;
        file.try_clone()
    }
}

impl<'a> Sealed<'a> {
    /// Begins the file with the header.
    pub fn new(
        encryptor: Encryptor,
        file: &'a File,
        folder: &'a Folder,
        path: &'a Path,
        verify: bool,
    ) -> Result<Self> {
        let stored = Stored {
            target: Target::new(file),
            regions: verify.then(Regions::default),
        };
        let stream = encryptor
            .wrap_output(gathered(stored))
            .map_err(|error| Error::io("write", path, error))?;
        Ok(Sealed {
            stream,
            path,
            folder,
            side: None,
            large: None,
        })
    }

    fn failed(&self, action: &'static str) -> impl Fn(io::Error) -> Error + use<'a> {
        let path = self.path;
        move |error| Error::io(action, path, error)
    }

    fn empty_side(&self) -> Result<File> {
        let side = self.side.as_ref().ok_or_else(no_large)?;
        side.file().map_err(self.failed("write"))
    }
}

fn no_large() -> Error {
    Error::Defect("a license without a beginning".to_owned())
}

impl Output for Sealed<'_> {
    fn write(&mut self, data: &[u8]) -> Result<()> {
        let written = match &mut self.large {
            Some(large) => large.write_all(data),
            None => self.stream.write_all(data),
        };
        written.map_err(self.failed("write"))
    }

    fn begin_large(&mut self) -> Result<()> {
        let side = match &mut self.side {
            Some(side) => side,
            none => none.insert(Side {
                temporary: self.folder.temporary()?,
                identity: x25519::Identity::generate(),
            }),
        };
        let recipient = side.identity.to_public();
        let encryptor = encryptor(iter::once(&recipient as _))?;
        let large = encryptor.wrap_output(gathered(self.empty_side()?));
        self.large = Some(large.map_err(self.failed("write"))?);
        Ok(())
    }

    fn keep(&mut self, control: &Control) -> Result<()> {
        let large = self.large.take().ok_or_else(no_large)?;
        let side = self.side.as_ref().ok_or_else(no_large)?;
        let mut file = finish(large).map_err(self.failed("write"))?;
        file.rewind().map_err(self.failed("read back"))?;
        let unreadable = |error: io::Error| match is_of_the_system(&error) {
            true => Error::io("read back", self.path, error),
            false => Error::Corrupt {
                path: self.path.to_owned(),
                what: "a large license read back is not what was written".to_owned(),
            },
        };
        let mut copy = Decryptor::new_buffered(BufReader::new(file))
            .and_then(|decryptor| decryptor.decrypt(iter::once(&side.identity as _)))
            .map_err(|error| match error {
                DecryptError::Io(error) => unreadable(error),
                _ => unreadable(ErrorKind::InvalidData.into()),
            })?;
        let mut buffer = vec![0; CHUNK as usize];
        loop {
            control.check()?;
            let read = copy.read(&mut buffer).map_err(unreadable)?;
            if read == 0 {
                break;
            }
            let written = self.stream.write_all(&buffer[..read]);
            written.map_err(self.failed("write"))?;
        }
        // The room it took may be needed.
        self.empty_side().map(drop)
    }

    fn void(&mut self) -> Result<()> {
        self.large = None;
        self.empty_side().map(drop)
    }

    fn finish(self: Box<Self>) -> Result<Option<Vec<Expected>>> {
        let failed = self.failed("write");
        let stored = finish(self.stream).map_err(failed)?;
        Ok(Some(stored.regions.map_or(Vec::new(), Regions::finish)))
    }
}

/// The file that the ciphertext goes to, and hashes of it.
struct Stored<'a> {
    target: Target<'a>,
    regions: Option<Regions>,
}

impl Write for Stored<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.target.write(data)?;
        if let Some(regions) = &mut self.regions {
            regions.add(&data[..written]);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct Regions {
    whole: Vec<Expected>,
    hasher: blake3::Hasher,
}

impl Regions {
    fn add(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            let room = REGION - self.hasher.count();
            let (now, later) = data.split_at(data.len().min(room as usize));
            self.hasher.update(now);
            data = later;
            if self.hasher.count() == REGION {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        self.whole.push(Expected {
            offset: self.whole.len() as u64 * REGION,
            stored: self.hasher.count(),
            what: What::Bytes(self.hasher.finalize()),
        });
        self.hasher.reset();
    }

    fn finish(mut self) -> Vec<Expected> {
        self.close();
        self.whole
    }
}
