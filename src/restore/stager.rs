//! What the workers of a restore do with a frame: they write its licences to the staging
//! folder, and note what will be done with them.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use rustix::fs::{self, AtFlags, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use crate::archive::reader::Visitor;
use crate::archive::walk::{Piece, Pieces};
use crate::error::{Error, Result};
use crate::name::split as split_name;
use crate::operation::Control;
use crate::store::folders::make_folders;
use crate::store::sqlite;
use crate::store::staging::{Fingerprint, Staging, Step, append_record};
use crate::sys::{self, StoreFile, Time, is_regular, reads_equal};

/// What became of a frame.
#[derive(Default)]
pub struct Staged {
    /// Licences that are in the store when all is done, and bytes of the frame's pieces.
    pub licenses: u64,
    pub bytes: u64,
    /// Licences of the store that stay as they are, and why.
    pub kept: Vec<(Vec<u8>, Error)>,
    /// Records for the journal.
    pub records: Vec<u8>,
    /// A licence of several frames that ends in this one.
    pub large: Option<Large>,
}

pub struct Large {
    name: Vec<u8>,
    size: u64,
    modified: Time,
}

/// How a licence of the store relates to the one in the backup.
pub(super) enum Existing {
    None,
    Equal,
    Differs,
    /// A folder, a link or a special file is where the licence should be, or a file or link
    /// where its folder should be.
    InTheWay,
}

/// Writes licences to a staging folder.
pub struct Stager<'a> {
    pub(super) staging: &'a Staging,
    overwrite: bool,
    /// What the one licence of a backup of one database is called in the store.
    only: Option<Vec<u8>>,
    /// What it is called in the backup.
    only_in_backup: OnceLock<Vec<u8>>,
    pub(super) control: &'a Control,
}

/// The folder that a worker wrote to last: the next licence is mostly in it too.
#[derive(Default)]
pub struct Own {
    folder: Option<OwnedFd>,
    path: Vec<u8>,
    /// The folder of the store that was looked for last.
    looked_for: Vec<u8>,
}

impl<'a> Stager<'a> {
    pub fn new(
        staging: &'a Staging,
        overwrite: bool,
        only: Option<Vec<u8>>,
        control: &'a Control,
    ) -> Self {
        Stager {
            staging,
            overwrite,
            only,
            only_in_backup: OnceLock::new(),
            control,
        }
    }

    /// What a licence of the backup is called in the store.
    fn name<'b>(&'b self, in_backup: &'b [u8]) -> Result<&'b [u8]> {
        let Some(only) = &self.only else {
            return Ok(in_backup);
        };
        match self.only_in_backup.get_or_init(|| in_backup.to_owned()) == in_backup {
            true => Ok(only),
            false => Err(Error::Corrupt {
                path: self.staging.display_path(only),
                what: "the backup of one database has more than that".to_owned(),
            }),
        }
    }

    pub fn journal_failed(&self, error: io::Error) -> Error {
        Error::io(
            "write the journal of",
            self.staging.display_path(b""),
            error,
        )
    }

    pub(super) fn failed(&self, action: &'static str, name: &[u8], errno: Errno) -> Error {
        Error::system(action, self.staging.display_path(name), errno)
    }

    /// Creates or opens a licence's file in the staging folder.
    fn open(&self, own: &mut Own, name: &[u8], flags: OFlags) -> std::result::Result<File, Errno> {
        let (folder, last) = split_name(name);
        if own.folder.is_none() || own.path != folder {
            own.folder = None;
            own.path.clear();
            own.path.extend_from_slice(folder);
            let set_modes = self.staging.needs_modes();
            own.folder = Some(make_folders(self.staging.new_folder(), folder, set_modes)?);
        }
        let Some(folder) = &own.folder else {
            return Err(Errno::NOENT);
        };
        let mode = Mode::RUSR | Mode::WUSR;
        let flags = flags | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = sys::open_at(folder, last, flags, mode)?;
        if self.staging.needs_modes() {
            fs::fchmod(&file, mode)?;
        }
        Ok(file.into())
    }

    /// Writes a whole licence.
    fn write_whole(
        &self,
        own: &mut Own,
        name: &[u8],
        data: &[u8],
        modified: Time,
    ) -> Result<Fingerprint> {
        let failed = |errno| self.failed("write", name, errno);
        let file = self
            .open(own, name, OFlags::WRONLY | OFlags::EXCL)
            .map_err(failed)?;
        write_all(&file, data, 0).map_err(failed)?;
        set_modified(&file, modified).map_err(failed)?;
        match self.staging.is_fresh() {
            true => Ok(Fingerprint::default()),
            // With the time that was set, as the file system keeps it.
            false => Ok(Fingerprint::of(&fs::fstat(&file).map_err(failed)?)),
        }
    }

    /// What the store has under a licence's name, and whether it reads as `wanted`, which is
    /// `size` bytes long, does.
    fn compare(
        &self,
        name: &[u8],
        wanted: impl Read,
        size: u64,
        is_database: bool,
    ) -> Result<Existing> {
        let Some(store) = self.staging.store() else {
            return Ok(Existing::None);
        };
        let opened =
            StoreFile::open_beneath(store, name).and_then(|file| Ok((fs::fstat(&file)?, file)));
        match opened {
            Err(Errno::NOENT) => Ok(Existing::None),
            Err(Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => Ok(Existing::InTheWay),
            Err(errno) => Err(self.failed("read", name, errno)),
            Ok((stat, _)) if !is_regular(&stat) => Ok(Existing::InTheWay),
            Ok((_, file)) if is_database => self.compare_database(name, file, wanted, size),
            Ok((stat, _)) if stat.st_size as u64 != size => Ok(Existing::Differs),
            Ok((_, file)) => match reads_equal(&file, wanted, size) {
                Ok(true) => Ok(Existing::Equal),
                Ok(false) => Ok(Existing::Differs),
                Err(error) => Err(Error::io("read", self.staging.display_path(name), error)),
            },
        }
    }

    /// What is to be done with a licence that reads as `wanted` does; None when it is done
    /// with already.
    fn step(
        &self,
        name: &[u8],
        wanted: impl Read,
        size: u64,
        is_database: bool,
        staged: &mut Staged,
    ) -> Result<Option<Step>> {
        if is_database {
            self.check_player(name)?;
        }
        match self.staging.is_fresh() {
            true => Ok(Some(Step::Add)),
            false => {
                let mut existing = self.compare(name, wanted, size, is_database)?;
                let keeps = matches!(existing, Existing::Equal) && !self.overwrite;
                if !is_database && !keeps && self.belongs_to_database(name)? {
                    existing = Existing::InTheWay;
                }
                self.decide(existing, name, staged)
            }
        }
    }

    /// Whether a licence is called as what belongs to a database of the store: a log or
    /// journal of another one would destroy that.
    fn belongs_to_database(&self, name: &[u8]) -> Result<bool> {
        let (Some(database), Some(store)) = (sqlite::database_of(name), self.staging.store())
        else {
            return Ok(false);
        };
        let opened = StoreFile::open_beneath(store, database);
        match opened.and_then(|file| sqlite::is_database_file(&file)) {
            Ok(is_database) => Ok(is_database),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::ISDIR) => {
                Ok(false)
            }
            Err(errno) => Err(self.failed("read", database, errno)),
        }
    }

    fn decide(&self, existing: Existing, name: &[u8], staged: &mut Staged) -> Result<Option<Step>> {
        let path = || self.staging.display_path(name);
        let kept = match existing {
            Existing::None => return Ok(Some(Step::Add)),
            Existing::Differs if self.overwrite => return Ok(Some(Step::Replace)),
            Existing::Equal => {
                staged.licenses += 1;
                return Ok(None);
            }
            Existing::InTheWay if self.overwrite => return Err(Error::InTheWay(path())),
            Existing::InTheWay => Error::InTheWay(path()),
            Existing::Differs => Error::Differs(path()),
        };
        staged.kept.push((name.to_vec(), kept));
        Ok(None)
    }

    /// Notes a licence that was staged.
    fn note(
        &self,
        own: &mut Own,
        step: Step,
        fingerprint: Fingerprint,
        name: &[u8],
        is_database: bool,
        staged: &mut Staged,
    ) -> Result<()> {
        staged.licenses += 1;
        if self.staging.is_fresh() {
            return Ok(());
        }
        if step == Step::Add {
            self.note_folders(own, name, staged)?;
        }
        if is_database {
            let records = &mut staged.records;
            append_record(records, Step::SetAside, Fingerprint::default(), name);
        }
        append_record(&mut staged.records, step, fingerprint, name);
        Ok(())
    }

    /// Notes the folders above a licence that will be made in the store. Some are noted more
    /// than once, by several workers; that does no harm.
    fn note_folders(&self, own: &mut Own, name: &[u8], staged: &mut Staged) -> Result<()> {
        let Some(store) = self.staging.store() else {
            return Ok(());
        };
        let (folder, _) = split_name(name);
        if folder.is_empty() || own.looked_for == folder {
            return Ok(());
        }
        let same = own.looked_for.iter().zip(folder);
        let same = same.take_while(|(one, other)| one == other).count();
        let slashes = folder.iter().enumerate().filter(|&(_, &byte)| byte == b'/');
        let ends = slashes.map(|(end, _)| end).chain([folder.len()]);
        for end in ends.filter(|&end| end >= same) {
            let above = &folder[..end];
            match sys::open_beneath(store, above, sys::FOLDER) {
                Ok(_) => {}
                Err(Errno::NOENT) => append_record(
                    &mut staged.records,
                    Step::MakeFolder,
                    Fingerprint::default(),
                    above,
                ),
                Err(errno) => return Err(self.failed("open the folder", above, errno)),
            }
        }
        own.looked_for.clear();
        own.looked_for.extend_from_slice(folder);
        Ok(())
    }

    fn stage_whole(
        &self,
        own: &mut Own,
        name: &[u8],
        data: &[u8],
        modified: Time,
        staged: &mut Staged,
    ) -> Result<()> {
        let is_database = sqlite::is_database(data);
        match self.step(name, data, data.len() as u64, is_database, staged)? {
            Some(step) => {
                let fingerprint = self.write_whole(own, name, data, modified)?;
                self.note(own, step, fingerprint, name, is_database, staged)
            }
            None => Ok(()),
        }
    }

    /// Writes a piece of a licence of several frames, whichever of them comes first.
    fn stage_piece(
        &self,
        own: &mut Own,
        name: &[u8],
        data: &[u8],
        piece: &Piece,
        staged: &mut Staged,
    ) -> Result<()> {
        let failed = |errno| self.failed("write", name, errno);
        let file = self.open(own, name, OFlags::WRONLY).map_err(failed)?;
        write_all(&file, data, piece.offset).map_err(failed)?;
        if piece.ends() {
            staged.large = Some(Large {
                name: name.to_vec(),
                size: piece.size,
                modified: piece.modified,
            });
        }
        Ok(())
    }

    /// Does what remains for a licence of several frames, when all of it is there.
    pub fn finish_large(&self, large: &Large, staged: &mut Staged) -> Result<()> {
        let name = &large.name;
        let failed = |errno| self.failed("write", name, errno);
        let mut own = Own::default();
        let file = self.open(&mut own, name, OFlags::RDWR).map_err(failed)?;
        set_modified(&file, large.modified).map_err(failed)?;
        let stat = fs::fstat(&file).map_err(failed)?;
        if stat.st_size as u64 != large.size {
            return Err(failed(Errno::IO));
        }
        let is_database = sqlite::is_database_content(&file).map_err(failed)?;
        match self.step(name, &file, large.size, is_database, staged)? {
            Some(step) => {
                let fingerprint = Fingerprint::of(&stat);
                self.note(&mut own, step, fingerprint, name, is_database, staged)
            }
            None => {
                let (folder, last) = split_name(name);
                make_folders(self.staging.new_folder(), folder, false)
                    .and_then(|folder| fs::unlinkat(folder, last, AtFlags::empty()))
                    .map_err(failed)
            }
        }
    }
}

impl Visitor for Stager<'_> {
    type Own = Own;
    type Outcome = Staged;

    fn own(&self) -> Result<Own> {
        Ok(Own::default())
    }

    fn visit(&self, own: &mut Own, content: &[u8], pieces: &Pieces) -> Result<Staged> {
        let mut staged = Staged::default();
        for piece in &pieces.list {
            let name = self.name(pieces.name(piece))?;
            let data = &content[piece.data.clone()];
            staged.bytes += data.len() as u64;
            match piece.begins() && piece.ends() {
                true => self.stage_whole(own, name, data, piece.modified, &mut staged)?,
                false => self.stage_piece(own, name, data, piece, &mut staged)?,
            }
        }
        Ok(staged)
    }
}

fn write_all(file: &File, mut data: &[u8], mut offset: u64) -> std::result::Result<(), Errno> {
    while !data.is_empty() {
        match rustix::io::retry_on_intr(|| rustix::io::pwrite(file, data, offset))? {
            0 => return Err(Errno::IO),
            written => {
                data = &data[written..];
                offset += written as u64;
            }
        }
    }
    Ok(())
}

fn set_modified(file: &File, modified: Time) -> std::result::Result<(), Errno> {
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: fs::UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: modified.seconds,
            tv_nsec: modified.nanoseconds.into(),
        },
    };
    fs::futimens(file, &times)
}
