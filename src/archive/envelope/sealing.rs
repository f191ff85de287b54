//! Encrypts frames into an age file.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, Write};
use std::iter;
use std::path::Path;
use std::rc::Rc;

use age::stream::StreamWriter;
use age::{DecryptError, Decryptor, Encryptor, x25519};

use super::with_age::{CHUNK, Encryption, encryptor, is_of_the_system};
use crate::archive::output::{Append, Output};
use crate::archive::readback::{Expected, What};
use crate::error::{At, Error, Result};
use crate::operation::Control;

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

/// Begins an age file; the frames go into it.
pub fn output<'a>(
    encryption: &Encryption,
    file: &'a mut dyn Append,
    path: &'a Path,
    verify: bool,
    control: &Control,
) -> Result<Box<dyn Output + 'a>> {
    let encryptor = encryption.encryptor(control)?;
    Ok(Box::new(Sealed::new(encryptor, file, path, verify)?))
}

/// Frames on their way into an age file.
struct Sealed<'a> {
    stream: StreamWriter<Gathered<Stored<'a>>>,
    path: &'a Path,
    failure: Failure,
}

/// Why the file took no more: age hands on errors of the system only.
type Failure = Rc<RefCell<Option<Error>>>;

impl<'a> Sealed<'a> {
    /// Begins the file with the header.
    fn new(
        encryptor: Encryptor,
        file: &'a mut dyn Append,
        path: &'a Path,
        verify: bool,
    ) -> Result<Self> {
        let failure = Failure::default();
        let stored = Stored {
            file,
            regions: verify.then(Regions::default),
            failure: failure.clone(),
        };
        let stream = encryptor
            .wrap_output(gathered(stored))
            .map_err(|error| reason(&failure, path, error))?;
        Ok(Sealed {
            stream,
            path,
            failure,
        })
    }
}

fn reason(failure: &Failure, path: &Path, error: io::Error) -> Error {
    let cause = failure.borrow_mut().take();
    cause.unwrap_or_else(|| Error::io("write", path, error))
}

impl Output for Sealed<'_> {
    fn write(&mut self, data: &[u8]) -> Result<()> {
        let written = self.stream.write_all(data);
        written.map_err(|error| reason(&self.failure, self.path, error))
    }

    fn finish(self: Box<Self>) -> Result<Option<Vec<Expected>>> {
        let finished = finish(self.stream);
        let stored = finished.map_err(|error| reason(&self.failure, self.path, error))?;
        Ok(Some(stored.regions.map_or(Vec::new(), Regions::finish)))
    }
}

/// The file that the ciphertext goes to, and hashes of it.
struct Stored<'a> {
    file: &'a mut dyn Append,
    regions: Option<Regions>,
    failure: Failure,
}

impl Write for Stored<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.file.append(data) {
            *self.failure.borrow_mut() = Some(error);
            return Err(ErrorKind::Other.into());
        }
        if let Some(regions) = &mut self.regions {
            regions.add(data);
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file for large licenses, and what opens it. Nobody has that but this operation, so that clear
/// text is never on the disk: what is once encrypted to the backup's own key cannot be taken back,
/// as something else would be encrypted in its place with the same key and nonce.
pub struct SideFile {
    stream: StreamWriter<Gathered<File>>,
    identity: x25519::Identity,
}

impl SideFile {
    /// Begins an age file with a key of its own.
    pub fn new(file: File, path: &Path) -> Result<Self> {
        let identity = x25519::Identity::generate();
        let recipient = identity.to_public();
        let encryptor = encryptor(iter::once(&recipient as _))?;
        let stream = encryptor.wrap_output(gathered(file)).at("write", path)?;
        Ok(SideFile { stream, identity })
    }

    pub fn read_back(self, path: &Path) -> Result<impl Read + use<>> {
        let mut file = finish(self.stream).at("write", path)?;
        file.rewind().at("read back", path)?;
        let unreadable = |error: io::Error| {
            if is_of_the_system(&error) {
                return Error::io("read back", path, error);
            }
            Error::Corrupt {
                path: path.to_owned(),
                what: "a large license read back is not what was written".to_owned(),
            }
        };
        Decryptor::new_buffered(BufReader::new(file))
            .and_then(|decryptor| decryptor.decrypt(iter::once(&self.identity as _)))
            .map_err(|error| match error {
                DecryptError::Io(error) => unreadable(error),
                _ => unreadable(ErrorKind::InvalidData.into()),
            })
    }
}

impl Write for SideFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.stream.write(data)
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
