//! A backup of one device, as a target of the library's: written, published, told of and read.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use crate::error::{self, Error, Result};
use crate::head::{self, Head};
use crate::http::{Token, Tries};
use crate::probe;
use crate::publish::{Action, Event, Writer};
use crate::remote::Remote;
use crate::start;
use crate::upload::Upload;
use crate::window::Window;

/// What is attached to a restorer.
pub struct Target {
    remote: Arc<Remote>,
    device: String,
    /// The generation that is read in place of the newest.
    generation: Option<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    writing: Option<(Upload, Token)>,
    reading: Option<(Window, Token)>,
}

/// What stat tells.
pub struct Told {
    pub size: u64,
    pub modified: i64,
}

impl Target {
    pub fn new(remote: Arc<Remote>, device: String, generation: Option<String>) -> Self {
        Target {
            remote,
            device,
            generation,
            state: Mutex::default(),
        }
    }

    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// What the state is, unless another call is at work on it.
    fn with<T>(&self, body: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        match self.state.try_lock() {
            Ok(mut state) => body(&mut state),
            Err(TryLockError::Poisoned(state)) => body(&mut state.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Error::new(
                error::BUSY,
                "another operation is at work on this target",
            )),
        }
    }

    pub fn begin(&self) -> Result<()> {
        if self.generation.is_some() {
            return Err(Error::argument(
                "a generation is for reading: attach the device to back up to it",
            ));
        }
        self.with(|state| {
            let upload = Upload::new(self.remote.generations_of(&self.device));
            state.writing = Some((upload, self.remote.calls.begin()));
            Ok(())
        })
    }

    pub fn write(&self, data: &[u8]) -> Result<()> {
        self.with(|state| {
            let (upload, token) = state.writing.as_mut().ok_or_else(not_begun)?;
            upload.write(&self.remote.store, data, token)
        })
    }

    /// Appends bytes of the backup that stat has told of.
    pub fn reuse(&self, bytes: Range<u64>) -> Result<()> {
        self.with(|state| {
            let (window, _) = state.reading.as_ref().ok_or_else(no_backup)?;
            let (upload, token) = state.writing.as_mut().ok_or_else(not_begun)?;
            if bytes.end > window.size {
                return Err(Error::new(error::UNEXPECTED, "the backup is not as long"));
            }
            upload.reuse(&self.remote.store, &window.key, bytes, token)
        })
    }

    pub fn publish(&self, overwrite: bool) -> Result<()> {
        self.with(|state| {
            let (upload, token) = state.writing.as_mut().ok_or_else(not_begun)?;
            // Asked of the server once, before the rest is sent.
            let conditions = overwrite || probe::refuses(&self.remote, token)?;
            if !conditions {
                return Err(unable());
            }
            let head = upload.finish(&self.remote.store, token)?;
            let mut may_be_named = false;
            let published =
                self.decide(Writer::new(head, overwrite, true), token, &mut may_be_named);
            if published.is_err() {
                upload.abandon(&self.remote.store, may_be_named);
            }
            state.writing = None;
            published
        })
    }

    /// Does what the writer says. `may_be_named`: whether HEAD may name the generation all the
    /// same when this fails.
    fn decide(&self, mut writer: Writer, token: &Token, may_be_named: &mut bool) -> Result<()> {
        let store = &self.remote.store;
        let key = self.remote.head_of(&self.device);
        let mut tries = Tries::new(store.place.deadline);
        let mut action = writer.start();
        loop {
            let event = match action {
                Action::Read => Event::Read(self.read_head(token)?),
                Action::Write(head, condition) => {
                    *may_be_named = true;
                    let event = store.put_if(&key, &head.write(), &condition, token)?;
                    if event == Event::Unsupported {
                        self.remote
                            .conditions
                            .store(probe::IGNORED, Ordering::Relaxed);
                    }
                    event
                }
                Action::Published => return Ok(()),
                Action::Exists => {
                    *may_be_named = false;
                    let words = format!(
                        "there is a backup of {} already, and WMLB_BACKUP_OVERWRITE was not given",
                        self.device
                    );
                    return Err(Error::new(error::EXISTS, words));
                }
                Action::Unable => {
                    *may_be_named = false;
                    return Err(unable());
                }
            };
            if matches!(event, Event::Refused | Event::Conflict | Event::Unclear) {
                tries.pause(Error::new(error::FAIL, "HEAD could not be written"), token)?;
            }
            action = writer.next(event);
        }
    }

    fn read_head(&self, token: &Token) -> Result<Option<(Head, String)>> {
        self.remote.read_head(&self.device, token)
    }

    /// Ends what is being written; calls that are at work are canceled by now.
    pub fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((mut upload, _)) = state.writing.take() {
            upload.abandon(&self.remote.store, false);
        }
    }

    pub fn abandon(&self) {
        let abandoned = self.with(|state| Ok(state.writing.take()));
        if let Ok(Some((mut upload, _))) = abandoned {
            upload.abandon(&self.remote.store, false);
        }
    }

    pub fn stat(&self) -> Result<Option<Told>> {
        self.with(|state| {
            // Within a backup, canceling is about the backup as a whole.
            let token = match &state.writing {
                Some((_, token)) => token.clone(),
                None => self.remote.calls.begin(),
            };
            state.reading = None;
            let found = match &self.generation {
                Some(name) => {
                    let key = format!("{}{name}", self.remote.generations_of(&self.device));
                    let size = self.remote.store.size(&key, &token)?;
                    let created = head::created_of(name).unwrap_or_default();
                    size.map(|size| (key, size, created, Vec::new()))
                }
                None => self.read_head(&token)?.map(|(head, _)| {
                    let folder = self.remote.generations_of(&self.device);
                    (
                        format!("{folder}{}", head.generation),
                        head.size,
                        head.created,
                        start::decode(&head.start).unwrap_or_default(),
                    )
                }),
            };
            if let (Some((upload, _)), Some((_, _, created, _))) = (&mut state.writing, &found) {
                upload.follows(*created);
            }
            Ok(found.map(|(key, size, modified, start)| {
                state.reading = Some((Window::new(key, size, start), token));
                Told { size, modified }
            }))
        })
    }

    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.with(|state| {
            let (window, token) = state.reading.as_mut().ok_or_else(no_backup)?;
            window.read(&self.remote.store, offset, buffer, token)
        })
    }
}

fn no_backup() -> Error {
    Error::new(error::NO_BACKUP, "there is no backup")
}

fn not_begun() -> Error {
    Error::new(error::UNEXPECTED, "no backup was begun")
}

fn unable() -> Error {
    Error::new(
        error::NOT_IMPLEMENTED,
        "this server replaces objects even when it is told not to: it can take backups with \
         WMLB_BACKUP_OVERWRITE only",
    )
}
