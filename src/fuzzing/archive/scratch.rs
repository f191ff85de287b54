//! A file in memory that becomes a backup file, and what reads it.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::archive::Info;
use crate::archive::envelope::{self, Encryption};
use crate::archive::output::Append;
use crate::archive::writer::Writer;
use crate::error::{At, Error, Result};
use crate::operation::Control;
use crate::props::{Properties, Property, Setting};
use crate::secret::Secret;
use crate::sys;

/// A pair of keys for nothing else.
const RECIPIENT: &str = "age1faw8jp7278f75k44ht4sk24vqdjp6ah95xexp6fgsjvwyj3ak3uqqswlj8";
const IDENTITY: &str = "AGE-SECRET-KEY-1TJS3ADX2XGC4Q98L6HCF4X8CQXK6YF46UTNKHCSY7PXCN0SLRYGSJPT35N";

/// What encrypted files are made with; None in a build without encryption.
pub static LOCK: LazyLock<Option<Encryption>> = LazyLock::new(|| {
    let mut properties = Properties::default();
    let recipients = Setting::Secret(Secret::new(RECIPIENT).expect("memory"));
    properties.set(Property::Recipients, recipients);
    Encryption::new(&properties).ok().flatten()
});

/// What reads a backup file.
pub fn properties(path: &Path) -> Properties {
    let mut properties = Properties::default();
    let path = path.to_str().expect("ASCII").to_owned();
    properties.set(Property::RestorePath, Setting::Text(path));
    let identities = Setting::Secret(Secret::new(IDENTITY).expect("memory"));
    properties.set(Property::Identities, identities);
    properties
}

/// A file in memory.
pub struct Scratch {
    pub file: File,
    pub path: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Scratch {
    pub fn with(content: &[u8]) -> Self {
        // Whoever reads backups by their path follows no link to a file without a name.
        let in_memory = Path::new("/dev/shm");
        let folder = if in_memory.is_dir() {
            in_memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let path = folder.join(format!("wmlb-fuzz-{:016x}", sys::random()));
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(&path);
        let file = file.expect("a file");
        file.write_all_at(content, 0).expect("memory");
        Scratch { file, path }
    }

    pub fn content(&self) -> Vec<u8> {
        std::fs::read(&self.path).expect("what was written")
    }

    /// Makes it a backup file; the frames come from `write`, and how many licenses and bytes
    /// they hold.
    pub fn write(
        info: &Info,
        lock: Option<&Encryption>,
        write: impl FnOnce(&mut Writer<'_>) -> (u64, u64),
    ) -> Self {
        let scratch = Scratch::with(b"");
        let Scratch { file, path } = &scratch;
        let mut end = End(file);
        let none = || Err(Error::Defect("nothing large waits here".to_owned()));
        let output = envelope::output(
            lock,
            &mut end,
            path,
            false,
            &Control::new(std::sync::Arc::default()),
        );
        let mut writer = Writer::new(output.expect("memory"), info, lock, &none).expect("memory");
        let (licenses, bytes) = write(&mut writer);
        writer.finish(licenses, bytes).map(drop).expect("memory");
        scratch
    }
}

/// The end of a file that is being written.
struct End<'a>(&'a File);

impl Append for End<'_> {
    fn append(&mut self, data: &[u8]) -> Result<()> {
        self.0.write_all(data).at("write", Path::new("memory"))
    }

    fn share(&mut self, _part: sys::Part) -> Result<bool> {
        Ok(false)
    }

    fn takes_back(&self) -> bool {
        true
    }

    fn take_back(&mut self, bytes: u64) -> Result<()> {
        let length = self.0.stream_position();
        let cut = length.and_then(|length| {
            self.0.set_len(length - bytes)?;
            self.0.seek(SeekFrom::Start(length - bytes))
        });
        cut.map(drop).at("cut", Path::new("memory"))
    }
}
