//! What an operation reports: events, with a status, a result code and a value.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::hresult::wmlb_hresult;

pub mod values;

pub use values::*;

/// The progress of an operation. Before wmlb_restorer_get_progress() fills one in, set struct_size
/// to sizeof(wmlb_progress).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub struct wmlb_progress {
    /// The size of this struct in bytes, as the program that made it knows it.
    pub struct_size: usize,
    /// Licenses that are done so far.
    pub licenses_done: u64,
    /// All licenses: at the end, licenses_done + licenses_restricted + licenses_skipped. 0 while
    /// unknown: during most of the backup of a large store (more than about 50,000 licenses), and
    /// throughout a restore or verification of chosen licenses, of an encrypted file, or of a
    /// target. Show an indeterminate bar then. The number comes from the end of the backup file,
    /// and is not checked before that is read.
    pub licenses_total: u64,
    /// The bytes of the licenses that are done so far.
    pub bytes_done: u64,
    /// The bytes of all licenses; 0: not known yet.
    pub bytes_total: u64,
    /// Licenses that are left out because their owner forbids backup.
    pub licenses_restricted: u64,
    /// Licenses that are left out because they could not be read, or, in a restore, kept as they
    /// were; and other things that were found in the store.
    pub licenses_skipped: u64,
    /// Of those that are done, the ones that a backup took from the one that it replaces, since
    /// they have not changed (WMLB_BACKUP_REREAD).
    pub licenses_reused: u64,
}

impl wmlb_progress {
    /// Whether no license is left.
    pub fn is_complete(&self) -> bool {
        let done = [self.licenses_restricted, self.licenses_skipped];
        let done = done
            .iter()
            .fold(self.licenses_done, |done, &more| done.saturating_add(more));
        self.licenses_total > 0 && done >= self.licenses_total
    }
}

impl Default for wmlb_progress {
    fn default() -> Self {
        wmlb_progress {
            struct_size: size_of::<wmlb_progress>(),
            licenses_done: 0,
            licenses_total: 0,
            bytes_done: 0,
            bytes_total: 0,
            licenses_restricted: 0,
            licenses_skipped: 0,
            licenses_reused: 0,
        }
    }
}

/// The value of an event.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    None,
    Text(&'a str),
    Progress(&'a wmlb_progress),
    Counts(&'a [u64]),
}

/// One call of the status callback.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub status: i32,
    pub hr: wmlb_hresult,
    pub value: Value<'a>,
}

/// The wish that an operation ends, which anybody may have who knows of it.
#[derive(Default)]
pub struct Cancellation {
    asked: AtomicBool,
    /// Wakes whoever keeps the operation waiting.
    waker: Option<Box<dyn Fn() + Send + Sync>>,
}

impl Cancellation {
    pub fn waking(waker: impl Fn() + Send + Sync + 'static) -> Self {
        Cancellation {
            asked: AtomicBool::new(false),
            waker: Some(Box::new(waker)),
        }
    }

    pub fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        if let Some(waker) = &self.waker {
            waker();
        }
    }

    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }
}

/// The receiver of an operation's events, which come on the operation's own thread. A negative
/// answer cancels the operation.
pub trait Observer: Send {
    fn notify(&mut self, event: Event<'_>) -> wmlb_hresult;

    /// What cancels the operation.
    fn cancellation(&self) -> Arc<Cancellation> {
        Arc::default()
    }
}

/// Whether an event is the last one of its operation.
pub fn is_last(status: i32) -> bool {
    matches!(
        status,
        WMLB_STATUS_ERROR | WMLB_STATUS_ERROR_WITHURL | WMLB_STATUS_BACKUPRESTORE_END
    )
}

/// The SDK's name of a status value; "unknown" if it has none here.
pub fn name(status: i32) -> &'static CStr {
    match status {
        WMLB_STATUS_ERROR => c"WMT_ERROR",
        WMLB_STATUS_BACKUPRESTORE_BEGIN => c"WMT_BACKUPRESTORE_BEGIN",
        WMLB_STATUS_BACKUPRESTORE_END => c"WMT_BACKUPRESTORE_END",
        WMLB_STATUS_BACKUPRESTORE_CONNECTING => c"WMT_BACKUPRESTORE_CONNECTING",
        WMLB_STATUS_BACKUPRESTORE_DISCONNECTING => c"WMT_BACKUPRESTORE_DISCONNECTING",
        WMLB_STATUS_ERROR_WITHURL => c"WMT_ERROR_WITHURL",
        WMLB_STATUS_RESTRICTED_LICENSE => c"WMT_RESTRICTED_LICENSE",
        WMLB_STATUS_PROGRESS => c"WMLB_PROGRESS",
        WMLB_STATUS_LICENSE_SKIPPED => c"WMLB_LICENSE_SKIPPED",
        WMLB_STATUS_FEWER_LICENSES => c"WMLB_FEWER_LICENSES",
        _ => c"unknown",
    }
}
