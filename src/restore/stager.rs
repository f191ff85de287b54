//! What the workers of a restore do with a frame: they write its licenses to the staging
//! folder, and note what will be done with them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;

use parking_lot::Mutex;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::plan::{OwnBackup, Plan, Planned, Planner, StoreCursor};
use crate::archive::reader::Visitor;
use crate::archive::walk::{Piece, Pieces};
use crate::error::{At, Error, Result};
use crate::name::split as split_name;
use crate::operation::Control;
use crate::store::folders::{Cursor, look};
use crate::store::sqlite;
use crate::store::staging::{Content, Record, Staging, Step};
use crate::sys::{self, Time};

/// What became of a frame.
#[derive(Default)]
pub struct Staged {
    /// Licenses that are in the store when all is done, and bytes of the frame's pieces.
    pub licenses: u64,
    pub bytes: u64,
    /// Licenses of the store that stay as they are, and why.
    pub kept: Vec<(Vec<u8>, Error)>,
    /// Records for the journal.
    pub records: Vec<u8>,
    /// A license of several frames that ends in this one.
    pub large: Option<Large>,
}

pub struct Large {
    name: Vec<u8>,
    size: u64,
    modified: Time,
}

/// Writes licenses to a staging folder.
pub struct Stager<'a> {
    pub(super) staging: &'a Staging,
    planner: Planner<'a>,
    /// What the one license of a backup of one database is called in the store.
    only: Option<Vec<u8>>,
    /// What it is called in the backup.
    only_in_backup: OnceLock<Vec<u8>>,
    /// Licenses of several frames, and whether their file was made for them: else it was there.
    begun: Mutex<HashMap<Vec<u8>, bool>>,
}

/// Folders that a worker has used last: the next license is mostly in them too.
pub struct Own<'a> {
    staged: Cursor<BorrowedFd<'a>>,
    existing: StoreCursor<'a>,
    /// The folder of the store that was looked for last.
    looked_for: Vec<u8>,
}

impl<'a> Stager<'a> {
    pub fn new(
        staging: &'a Staging,
        overwrite: bool,
        only: Option<Vec<u8>>,
        backup: OwnBackup,
        control: &'a Control,
    ) -> Self {
        Stager {
            staging,
            planner: Planner {
                staging,
                overwrite,
                backup,
                control,
            },
            only,
            only_in_backup: OnceLock::new(),
            begun: Mutex::default(),
        }
    }

    fn own(&self) -> Own<'a> {
        Own {
            staged: Cursor::new(self.staging.new_folder()),
            existing: self.staging.store().map(Cursor::new),
            looked_for: Vec::new(),
        }
    }

    /// What a license of the backup is called in the store.
    fn name<'b>(&'b self, in_backup: &'b [u8]) -> Result<&'b [u8]> {
        let Some(only) = &self.only else {
            return Ok(in_backup);
        };
        if self.only_in_backup.get_or_init(|| in_backup.to_owned()) == in_backup {
            Ok(only)
        } else {
            Err(Error::Corrupt {
                path: self.staging.display_path(only),
                what: "the backup of one database has more than that".to_owned(),
            })
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

    /// Opens a license's file in the staging folder. EEXIST, where it is to be made, when there is
    /// one.
    fn open(&self, own: &mut Own<'_>, name: &[u8], flags: OFlags) -> sys::Result<File> {
        let (folder, last) = split_name(name);
        let control = self.planner.control;
        let dress = |_: BorrowedFd<'_>, made: BorrowedFd<'_>| {
            control.check().map_err(|_| Errno::CANCELED)?;
            self.staging.dress_folder(made)
        };
        let folder = own.staged.make(folder, dress)?;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = sys::open_at(folder, last, flags, Mode::RUSR | Mode::WUSR)?;
        if flags.contains(OFlags::CREATE) {
            self.staging.dress_file(&file)?;
        }
        Ok(file.into())
    }

    /// Makes a license's file. Two licenses that the file system takes for one are an error.
    fn create(&self, own: &mut Own<'_>, name: &[u8]) -> Result<File> {
        let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        match self.open(own, name, new) {
            Err(Errno::EXIST) => Err(self.twins(own, name, Errno::EXIST)),
            file => file.map_err(|errno| self.not_made(name, errno)),
        }
    }

    /// Why a license's file cannot be made.
    fn not_made(&self, name: &[u8], errno: Errno) -> Error {
        match errno {
            Errno::CANCELED => Error::Canceled,
            errno => self.failed("write", name, errno),
        }
    }

    /// Why a license's file was there already, or has what is not its own: another one is the same
    /// file. The errno says it where no other one is found.
    fn twins(&self, own: &mut Own<'_>, name: &[u8], alone: Errno) -> Error {
        let (folder, last) = split_name(name);
        let other = own
            .staged
            .existing(folder)
            .and_then(|open| match folded_name(open, last)? {
                None => self.begun_as(open, folder, last),
                other => Ok(other),
            });
        match other {
            Ok(Some(other)) => {
                let slash = if folder.is_empty() { &b""[..] } else { b"/" };
                Error::Twins {
                    name: self.staging.display_path(name),
                    other: self.staging.display_path(&[folder, slash, &other].concat()),
                }
            }
            Ok(None) => self.failed("write", name, alone),
            Err(errno) => self.failed("write", name, errno),
        }
    }

    /// The name of a license of several frames that is this file too.
    fn begun_as(
        &self,
        open: BorrowedFd<'_>,
        folder: &[u8],
        name: &[u8],
    ) -> sys::Result<Option<Vec<u8>>> {
        let wanted = look(open, name)?.map(|stat| sys::identity(&stat));
        let begun = self.begun.lock().clone();
        for (_, other) in begun
            .keys()
            .map(|begun| split_name(begun))
            .filter(|it| it.0 == folder)
        {
            if other != name && look(open, other)?.map(|stat| sys::identity(&stat)) == wanted {
                return Ok(Some(other.to_vec()));
            }
        }
        Ok(None)
    }

    /// Ends writing a file. What the file system tells late is told now.
    fn finish(&self, file: File, modified: Time) -> sys::Result<()> {
        // What is written later would change the time.
        if self.staging.is_file_by_file() {
            sys::synchronize_file(&file)?;
        }
        sys::set_modified(&file, modified)?;
        sys::close(file)
    }

    /// Writes a whole license.
    fn write_whole(
        &self,
        own: &mut Own<'_>,
        name: &[u8],
        data: &[u8],
        modified: Time,
    ) -> Result<Content> {
        let file = self.create(own, name)?;
        let path = || self.staging.display_path(name);
        write_all(&file, data, 0).at("write", path)?;
        self.finish(file, modified).at("write", path)?;
        if self.staging.is_fresh() {
            Ok(Content::default())
        } else {
            Ok(Content::of(data))
        }
    }

    /// Notes a license that was staged.
    fn note(
        &self,
        own: &mut Own<'_>,
        plan: Plan,
        new: Content,
        name: &[u8],
        staged: &mut Staged,
    ) -> Result<()> {
        staged.licenses += 1;
        if self.staging.is_fresh() {
            return Ok(());
        }
        if plan.old.is_none() {
            self.note_folders(own, name, staged)?;
        }
        let record = Record {
            new,
            old: plan.old,
            ..Record::new(plan.step, name)
        };
        record.append_to(&mut staged.records);
        Ok(())
    }

    /// Notes the folders above a license that will be made in the store. Some are noted more
    /// than once, by several workers; that does no harm.
    fn note_folders(&self, own: &mut Own<'_>, name: &[u8], staged: &mut Staged) -> Result<()> {
        let (folder, _) = split_name(name);
        if folder.is_empty() || own.looked_for == folder {
            return Ok(());
        }
        let reached = match &mut own.existing {
            Some(store) => store.reach(folder),
            None => Ok(0),
        };
        let reached = reached.at("open the folder", || self.staging.display_path(folder))?;
        if reached < folder.len() {
            let record = Record {
                reached: reached as u32,
                ..Record::new(Step::MakeFolders, folder)
            };
            record.append_to(&mut staged.records);
        }
        own.looked_for.clear();
        own.looked_for.extend_from_slice(folder);
        Ok(())
    }

    fn stage_whole(
        &self,
        own: &mut Own<'_>,
        name: &[u8],
        data: &[u8],
        modified: Time,
        staged: &mut Staged,
    ) -> Result<()> {
        let is_database = sqlite::is_database(data);
        let size = data.len() as u64;
        match self
            .planner
            .plan(&mut own.existing, name, data, size, is_database)?
        {
            Planned::Staged(plan) => {
                let new = self.write_whole(own, name, data, modified)?;
                self.note(own, plan, new, name, staged)
            }
            Planned::IsThere => {
                staged.licenses += 1;
                if !self.staging.folds_names() {
                    return Ok(());
                }
                // The name is taken, however it is written.
                sys::close(self.create(own, name)?).at("write", || self.staging.display_path(name))
            }
            Planned::Kept(cause) => {
                staged.kept.push((name.to_vec(), cause));
                Ok(())
            }
        }
    }

    /// Writes a piece of a license of several frames, whichever of them comes first.
    fn stage_piece(
        &self,
        own: &mut Own<'_>,
        name: &[u8],
        data: &[u8],
        piece: &Piece,
        staged: &mut Staged,
    ) -> Result<()> {
        let path = || self.staging.display_path(name);
        // Its name is known before its file is there, so whoever finds the file finds the name.
        let is_made = *self.begun.lock().entry(name.to_vec()).or_default();
        let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let file = if is_made {
            self.open(own, name, OFlags::WRONLY)
        } else {
            match self.open(own, name, new) {
                // Another worker's, or another license's: that shows in the end.
                Err(Errno::EXIST) => self.open(own, name, OFlags::WRONLY),
                Ok(file) => {
                    self.begun.lock().insert(name.to_vec(), true);
                    Ok(file)
                }
                Err(errno) => Err(errno),
            }
        };
        let file = file.map_err(|errno| self.not_made(name, errno))?;
        write_all(&file, data, piece.offset).at("write", path)?;
        sys::close(file).at("write", path)?;
        if piece.ends() {
            staged.large = Some(Large {
                name: name.to_vec(),
                size: piece.size,
                modified: piece.modified,
            });
        }
        Ok(())
    }

    /// Does what remains for a license of several frames, when all of it is there.
    pub fn finish_large(&self, large: &Large, staged: &mut Staged) -> Result<()> {
        let name = &large.name;
        let path = || self.staging.display_path(name);
        let mut own = self.own();
        let is_made = self.begun.lock().get(name).is_some_and(|made| *made);
        if !is_made {
            // Each piece went into a file that was there.
            return Err(self.twins(&mut own, name, Errno::EXIST));
        }
        let file = self.open(&mut own, name, OFlags::RDWR).at("write", path)?;
        if sys::fstat(&file).at("write", path)?.st_size as u64 != large.size {
            // Pieces of another one went into it as well, or the file system lost some.
            return Err(self.twins(&mut own, name, Errno::IO));
        }
        let is_database = sqlite::is_database_content(&file).at("write", path)?;
        let store = &mut own.existing;
        let planned = self
            .planner
            .plan(store, name, &file, large.size, is_database)?;
        let new = if self.staging.is_fresh() || !matches!(planned, Planned::Staged(_)) {
            Content::default()
        } else {
            (&file).rewind().at("read", path)?;
            self.planner.read_content(&file, large.size, name)?
        };
        self.finish(file, large.modified).at("write", path)?;
        match planned {
            Planned::Staged(plan) => return self.note(&mut own, plan, new, name, staged),
            Planned::IsThere => {
                staged.licenses += 1;
                if self.staging.folds_names() {
                    return Ok(());
                }
            }
            Planned::Kept(cause) => staged.kept.push((name.clone(), cause)),
        }
        let (folder, last) = split_name(name);
        let folder = own.staged.existing(folder).at("write", path)?;
        sys::remove_file(folder, last).at("write", path)
    }
}

/// The name that a file has which is found under another one; None when it is its own.
fn folded_name(folder: BorrowedFd<'_>, name: &[u8]) -> sys::Result<Option<Vec<u8>>> {
    let wanted = look(folder, name)?.map(|stat| sys::identity(&stat));
    let listed = sys::open_at(folder, c".", sys::FOLDER, Mode::empty())?;
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
    let (mut other, mut is_own) = (None, false);
    sys::list_folder(listed.as_fd(), &mut buffer, |listed, _| {
        is_own |= listed == name;
        let found = look(folder, listed)?.map(|stat| sys::identity(&stat));
        let is_same_but_for_case = listed.eq_ignore_ascii_case(name);
        if listed != name && (found == wanted || is_same_but_for_case) {
            other = Some(listed.to_vec());
        }
        Ok(())
    })?;
    Ok(other.filter(|_| !is_own))
}

impl<'a> Visitor for Stager<'a> {
    type Own = Own<'a>;
    type Outcome = Staged;

    fn own(&self) -> Result<Own<'a>> {
        Ok(Stager::own(self))
    }

    fn visit(&self, own: &mut Own<'a>, content: &[u8], pieces: &Pieces) -> Result<Staged> {
        let mut staged = Staged::default();
        for piece in &pieces.list {
            let name = self.name(pieces.name(piece))?;
            let data = &content[piece.data.clone()];
            staged.bytes += data.len() as u64;
            if piece.begins() && piece.ends() {
                self.stage_whole(own, name, data, piece.modified, &mut staged)?
            } else {
                self.stage_piece(own, name, data, piece, &mut staged)?
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
