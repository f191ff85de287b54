//! Failures: a message for people, and a result code for programs.

use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::hresult::{self, wmlb_hresult};

pub type Result<T> = std::result::Result<T, Error>;

/// A failure. [`Error::message`] gives the chain of causes, [`Error::hresult`] the code.
///
/// The content of licenses and the values of secret properties are never part of one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the handle is not that of a restorer in this process")]
    Handle,
    #[error("the handle is not that of a queue in this process")]
    Queue,
    #[error("cannot make a descriptor")]
    Descriptor(#[source] io::Error),
    #[error("{0} is NULL")]
    Null(&'static str),
    #[error("callback is NULL")]
    NoCallback,
    #[error("{0}")]
    Argument(String),
    #[error("there is no property named {0:?}")]
    UnknownProperty(String),
    #[error("property {name}: {problem}")]
    PropertyValue { name: &'static str, problem: String },
    #[error("property {0}: this build of the library has no encryption")]
    #[cfg_attr(feature = "encryption", expect(dead_code))]
    NoEncryption(&'static str),
    #[error("property {0} is write-only")]
    WriteOnly(&'static str),
    #[error("property {0} is not set")]
    NotConfigured(&'static str),
    #[error("an operation is running on this restorer")]
    Busy,
    #[error("{0}")]
    IllegalCall(&'static str),
    #[error("the operation has not ended after {0} ms")]
    Timeout(u32),
    #[error("the buffer is too small")]
    BufferTooSmall,
    #[error("the operation was canceled")]
    Canceled,
    #[error("{} exists already, and WMLB_BACKUP_OVERWRITE was not given", .0.display())]
    BackupExists(PathBuf),
    #[error(
        "the license store has no licenses, and the backup {} may have some: it stays, since \
         WMLB_BACKUP_EMPTY was not given",
        .0.display()
    )]
    NothingToSave(PathBuf),
    #[error("{} is not a regular file, so it is neither followed nor replaced", .0.display())]
    NotRegular(PathBuf),
    #[error("{} is not a regular file, so it cannot be a backup", .0.display())]
    NotAFile(PathBuf),
    #[error("{} is a link or a special file, not a license", .0.display())]
    NotALicense(PathBuf),
    #[error("the license store {} cannot be opened", path.display())]
    Store { path: PathBuf, source: io::Error },
    #[error("{} kept changing while it was read", .0.display())]
    Changed(PathBuf),
    #[error("{} was changed by another program meanwhile", .0.display())]
    Disturbed(PathBuf),
    #[error("{} is damaged: {what}", path.display())]
    Corrupt { path: PathBuf, what: String },
    #[error("{} is not a backup file that this library reads: {why}", path.display())]
    NotABackup { path: PathBuf, why: String },
    #[error("{} is encrypted, and {why}", path.display())]
    Encrypted {
        path: PathBuf,
        hr: wmlb_hresult,
        why: String,
    },
    #[error(
        "{} is not encrypted, although a passphrase or identities are set: it may have replaced an \
         encrypted backup",
        .0.display()
    )]
    InClear(PathBuf),
    #[error("the host's authorizer refused the restore")]
    Refused {
        hr: wmlb_hresult,
        /// The address that the user may go to; "" if the authorizer gave none.
        url: String,
    },
    #[error("the backup was made on another device, and WMLB_RESTORE_INDIVIDUALIZE was not given")]
    OtherDevice,
    #[error("{} differs from the license in the backup", .0.display())]
    Differs(PathBuf),
    #[error("{} is in the way of a license", .0.display())]
    InTheWay(PathBuf),
    #[error("the license store {} is in use by another backup, restore or list", .0.display())]
    StoreBusy(PathBuf),
    #[error(
        "the license store {} may be half restored: {why} (see {})",
        path.display(),
        staging.display()
    )]
    HalfRestored {
        path: PathBuf,
        staging: PathBuf,
        why: String,
    },
    #[error(
        "{} and {} are one name in the license store: its file system does not tell them apart",
        name.display(),
        other.display()
    )]
    Twins { name: PathBuf, other: PathBuf },
    #[error("{} is the backup that is being restored", .0.display())]
    OwnBackup(PathBuf),
    #[error("the licenses are in place in {}, but a power cut may undo that", path.display())]
    NotSafe { path: PathBuf, source: Box<Error> },
    #[error("{} could not be put back as it was; the next operation tries again", path.display())]
    NotPutBack { path: PathBuf, source: Box<Error> },
    #[error("cannot {action} {}", path.display())]
    System {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("the database {} is damaged: {problem}", path.display())]
    Database { path: PathBuf, problem: String },
    #[error("the database {} is in use by another program", .0.display())]
    DatabaseInUse(PathBuf),
    #[error("the player whose license store {} is in is running: close it first", .0.display())]
    PlayerRuns(PathBuf),
    #[error("{} belongs to a database, and is a link or a special file", .0.display())]
    Sidecar(PathBuf),
    #[error("cannot write a snapshot of a database to {}", path.display())]
    Scratch { path: PathBuf, source: io::Error },
    #[error("the host's store failed to {action}")]
    HostStore { action: String, hr: wmlb_hresult },
    #[error("the host's filter ended the operation")]
    Filter(wmlb_hresult),
    #[error("the host's store gave a license whose {0} is NULL")]
    HostNull(String),
    #[error("the host's store is in use by another call")]
    HostStoreBusy,
    #[error("the host's store has no function put or commit, so it can only be backed up")]
    HostStoreReadOnly,
    #[error("the host's store gave a license named {name}, {why}")]
    HostName { name: String, why: &'static str },
    #[error("the host's target failed to {action}")]
    HostTarget {
        action: &'static str,
        hr: wmlb_hresult,
    },
    #[error("the target is in use by another call")]
    TargetBusy,
    #[error("{} is being replaced by another backup", .0.display())]
    BackupInUse(PathBuf),
    #[error("the target cannot be read back, which WMLB_BACKUP_VERIFY needs")]
    NoReadBack,
    #[error("the target that is set has no generations: only folders have them")]
    NoGenerations,
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    #[error("no memory for {0}")]
    Memory(&'static str),
    #[error("a defect in the library: {0}")]
    Defect(String),
}

/// A path that is only made when an error has to name it: `&path`, or `|| folder.join(name)`.
pub trait ErrorPath {
    fn into_path(self) -> PathBuf;
}

impl ErrorPath for &Path {
    fn into_path(self) -> PathBuf {
        self.to_owned()
    }
}

impl ErrorPath for &PathBuf {
    fn into_path(self) -> PathBuf {
        self.clone()
    }
}

impl ErrorPath for PathBuf {
    fn into_path(self) -> PathBuf {
        self
    }
}

impl<F: FnOnce() -> PathBuf> ErrorPath for F {
    fn into_path(self) -> PathBuf {
        self()
    }
}

/// Says of a failed system call what was tried, and on which path:
/// `open(&path).at("open", &path)?` fails with "cannot open /a/b: Permission denied".
pub trait At<T> {
    fn at(self, action: &'static str, path: impl ErrorPath) -> Result<T>;
}

/// For [`crate::sys::Result`] and [`io::Result`].
impl<T, E: Into<io::Error>> At<T> for std::result::Result<T, E> {
    fn at(self, action: &'static str, path: impl ErrorPath) -> Result<T> {
        self.map_err(|error| Error::System {
            action,
            path: path.into_path(),
            source: error.into(),
        })
    }
}

/// Makes room in a large buffer. Small buffers need no such check: the allocator has a reserve.
pub fn reserve(buffer: &mut Vec<u8>, more: usize, what: &'static str) -> Result<()> {
    let reserved = if buffer.is_empty() {
        buffer.try_reserve_exact(more)
    } else {
        buffer.try_reserve(more)
    };
    reserved.map_err(|_| Error::Memory(what))
}

impl Error {
    /// A system call's failure on a path: "cannot read /a/b: Permission denied".
    pub fn system(action: &'static str, path: impl AsRef<Path>, errno: Errno) -> Self {
        Error::System {
            action,
            path: path.as_ref().to_owned(),
            source: errno.into(),
        }
    }

    /// As [`Error::system`], for an error that the standard library made.
    pub fn io(action: &'static str, path: impl AsRef<Path>, source: io::Error) -> Self {
        Error::System {
            action,
            path: path.as_ref().to_owned(),
            source,
        }
    }

    /// For those who read through the standard library's traits.
    pub fn into_io(self) -> io::Error {
        io::Error::other(self)
    }

    /// The error that [`Error::into_io`] was called on.
    pub fn of_io(error: &io::Error) -> Option<&Error> {
        error.get_ref()?.downcast_ref()
    }

    /// The error that a panic becomes.
    pub fn from_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned());
        Error::Defect(text.unwrap_or_else(|| "a panic without a message".to_owned()))
    }

    pub fn hresult(&self) -> wmlb_hresult {
        match self {
            Error::Handle | Error::Queue => hresult::WMLB_E_HANDLE,
            Error::Null(_) | Error::HostNull(_) => hresult::WMLB_E_POINTER,
            Error::NoCallback | Error::Argument(_) | Error::PropertyValue { .. } => {
                hresult::WMLB_E_INVALIDARG
            }
            Error::UnknownProperty(_) => hresult::WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY,
            Error::NoEncryption(_)
            | Error::HostStoreReadOnly
            | Error::NoReadBack
            | Error::NoGenerations => hresult::WMLB_E_NOTIMPL,
            Error::NotConfigured(_) => hresult::WMLB_NS_E_DRM_NOT_CONFIGURED,
            Error::Busy
            | Error::DatabaseInUse(_)
            | Error::PlayerRuns(_)
            | Error::HostStoreBusy
            | Error::TargetBusy
            | Error::BackupInUse(_)
            | Error::StoreBusy(_)
            | Error::HalfRestored { .. } => hresult::WMLB_NS_E_DRM_BACKUPRESTORE_BUSY,
            Error::HostName { .. } => hresult::WMLB_NS_E_DRM_INVALID_LICENSE,
            Error::Database { .. } => hresult::WMLB_NS_E_DRM_DATASTORE_CORRUPT,
            Error::IllegalCall(_) => hresult::WMLB_E_ILLEGAL_METHOD_CALL,
            Error::Timeout(_) => hresult::WMLB_E_TIMEOUT,
            Error::NothingToSave(_) => hresult::WMLB_NS_E_DRM_LICENSE_STORE_ERROR,
            Error::BufferTooSmall => hresult::WMLB_E_INSUFFICIENT_BUFFER,
            Error::Canceled => hresult::WMLB_NS_E_DRM_OPERATION_CANCELED,
            Error::BackupExists(_) => hresult::WMLB_NS_E_DRM_BACKUP_EXISTS,
            Error::WriteOnly(_)
            | Error::NotRegular(_)
            | Error::NotAFile(_)
            | Error::NotALicense(_)
            | Error::Sidecar(_)
            | Error::InTheWay(_)
            | Error::OwnBackup(_) => hresult::WMLB_E_ACCESSDENIED,
            Error::Store { .. } => hresult::WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE,
            Error::Changed(_) | Error::Disturbed(_) => hresult::WMLB_E_SHARING_VIOLATION,
            Error::NotABackup { .. } => hresult::WMLB_NS_E_BACKUP_RESTORE_BAD_DATA,
            Error::Encrypted { hr, .. }
            | Error::Refused { hr, .. }
            | Error::HostStore { hr, .. }
            | Error::HostTarget { hr, .. }
            | Error::Filter(hr) => *hr,
            Error::InClear(_) => hresult::WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD,
            Error::OtherDevice => hresult::WMLB_NS_E_DRM_NEEDS_INDIVIDUALIZATION,
            Error::Differs(_) | Error::Twins { .. } => hresult::FILE_EXISTS,
            Error::NotSafe { source, .. } => source.hresult(),
            Error::NotPutBack { .. } => hresult::WMLB_NS_E_BACKUP_RESTORE_FAILURE,
            Error::Corrupt { .. } => hresult::WMLB_NS_E_DRM_BACKUP_CORRUPT,
            Error::System { source, .. }
            | Error::Scratch { source, .. }
            | Error::Descriptor(source) => hresult_of_io(source),
            // What some sandboxes say to the call that the C library begins threads by.
            Error::Thread(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                hresult::WMLB_E_ACCESSDENIED
            }
            Error::Thread(_) | Error::Memory(_) => hresult::WMLB_E_OUTOFMEMORY,
            Error::Defect(_) => hresult::WMLB_E_UNEXPECTED,
        }
    }

    /// Whether the failure concerns one license alone, so that a partial backup may go on without
    /// it. Running out of descriptors or memory does not: it would leave out sound licenses.
    pub fn concerns_one_license(&self) -> bool {
        match self {
            Error::Changed(_)
            | Error::Database { .. }
            | Error::DatabaseInUse(_)
            | Error::Sidecar(_) => true,
            Error::System { .. } => !matches!(
                self.hresult(),
                hresult::TOO_MANY_OPEN_FILES | hresult::WMLB_E_OUTOFMEMORY
            ),
            _ => false,
        }
    }

    /// Whether no more descriptors could be opened.
    pub fn lacks_descriptors(&self) -> bool {
        self.hresult() == hresult::TOO_MANY_OPEN_FILES
    }

    /// The address that came with a refusal.
    pub fn url(&self) -> Option<&str> {
        match self {
            Error::Refused { url, .. } if !url.is_empty() => Some(url),
            _ => None,
        }
    }

    /// The chain of causes, joined by ": ".
    pub fn message(&self) -> String {
        let mut message = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        message
    }
}

/// The HRESULT of what the standard library says, or of our own error in it.
fn hresult_of_io(source: &io::Error) -> wmlb_hresult {
    match (source.raw_os_error(), Error::of_io(source)) {
        (Some(code), _) => hresult::from_errno(Errno::from_raw_os_error(code)),
        (None, Some(error)) => error.hresult(),
        (None, None) => hresult::WMLB_E_FAIL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_says_what_was_tried_and_where() {
        let path = PathBuf::from("/a/b");
        let failed = || Err::<(), _>(Errno::ACCESS);
        let expected = "cannot open /a/b: Permission denied (os error 13)";
        for error in [
            failed().at("open", &path),
            failed().at("open", path.as_path()),
            failed().at("open", || Path::new("/a").join("b")),
            failed().map_err(io::Error::from).at("open", path.clone()),
        ] {
            let error = error.expect_err("it failed");
            assert_eq!(error.message(), expected);
            assert_eq!(error.hresult(), hresult::WMLB_E_ACCESSDENIED);
        }
    }

    #[test]
    fn the_path_of_a_call_that_succeeded_is_not_made() {
        let never = || -> PathBuf { panic!("it was made") };
        assert_eq!(
            Ok::<_, Errno>(7).at("open", never).expect("it succeeded"),
            7
        );
    }

    #[test]
    fn a_message_is_the_chain_of_causes() {
        let source = Box::new(Error::system("rename", "/b", Errno::NOSPC));
        let error = Error::NotPutBack {
            path: "/a".into(),
            source,
        };
        assert_eq!(
            error.message(),
            "/a could not be put back as it was; the next operation tries again: \
             cannot rename /b: No space left on device (os error 28)"
        );
        assert_eq!(error.hresult(), hresult::WMLB_NS_E_BACKUP_RESTORE_FAILURE);
    }

    #[test]
    fn panics_become_defects() {
        let text = |payload: &(dyn std::any::Any + Send)| Error::from_panic(payload).message();
        assert_eq!(text(&"literal"), "a defect in the library: literal");
        assert_eq!(text(&"made".to_owned()), "a defect in the library: made");
        assert!(text(&7).ends_with("a panic without a message"));
    }

    #[test]
    fn what_a_partial_backup_goes_on_without() {
        let failed = |errno| Error::system("read", "/a", errno);
        for (error, concerns) in [
            (failed(Errno::ACCESS), true),
            (failed(Errno::IO), true),
            (Error::Changed("/a".into()), true),
            (failed(Errno::MFILE), false),
            (failed(Errno::NOMEM), false),
            (Error::Canceled, false),
            (Error::Memory("a license"), false),
        ] {
            assert_eq!(
                error.concerns_one_license(),
                concerns,
                "{}",
                error.message()
            );
        }
    }
}
