//! What an operation tells its caller: status values, value types, progress counters.

use std::ffi::CStr;

use crate::hresult::wmlb_hresult;

/// The operation failed or was cancelled; the last event. hr says why, the value
/// (string) says it in words.
pub const WMLB_STATUS_ERROR: i32 = 0;
/// The operation has begun: the first event of a backup or a verification; in a restore,
/// nothing was touched before it.
pub const WMLB_STATUS_BACKUPRESTORE_BEGIN: i32 = 21;
/// The operation has done what it should; the last event. Value: string, the path of
/// the backup file. hr is WMLB_S_OK or WMLB_NS_E_DRM_STORE_NOTALLSTORED.
pub const WMLB_STATUS_BACKUPRESTORE_END: i32 = 27;
/// A restore checks credentials and authorization.
pub const WMLB_STATUS_BACKUPRESTORE_CONNECTING: i32 = 28;
/// A restore has checked credentials and authorization.
pub const WMLB_STATUS_BACKUPRESTORE_DISCONNECTING: i32 = 29;
/// A restore was refused; the last event. Value: string, an address to go to.
pub const WMLB_STATUS_ERROR_WITHURL: i32 = 30;
/// A license is left out because its owner forbids backup. Value: string, its key IDs
/// joined by newlines; where it has none, for "lcp" its license ID, for others its name.
/// That is what somebody else wrote; a name may hold control characters.
pub const WMLB_STATUS_RESTRICTED_LICENSE: i32 = 31;
/// How far the operation is; at most 20 a second, and one after the last license.
/// Value: binary, a wmlb_progress.
pub const WMLB_STATUS_PROGRESS: i32 = 0x1000;
/// A license, or something else found in the store, is left out; in a restore, a license
/// of the store stays as it is. hr is the cause: WMLB_E_ACCESSDENIED for a link or a
/// special file (in a restore: for one that is in the way of a license), in a restore
/// WMLB_HRESULT_FROM_WIN32(80) for a license that differs. The value (string) is its name,
/// that is its path in the store, with U+FFFD for what is not UTF-8; with
/// WMLB_BACKUP_PARTIAL it may be that of a folder that cannot be listed.
pub const WMLB_STATUS_LICENSE_SKIPPED: i32 = 0x1001;

/// The value is a uint32_t in the machine's byte order. Also the type of an event
/// that carries no value.
pub const WMLB_TYPE_DWORD: i32 = 0;
/// The value is UTF-8.
pub const WMLB_TYPE_STRING: i32 = 1;
/// The value is bytes, or a struct that the status names.
pub const WMLB_TYPE_BINARY: i32 = 2;
/// The value is a 32-bit truth value.
pub const WMLB_TYPE_BOOL: i32 = 3;
/// The value is a uint64_t.
pub const WMLB_TYPE_QWORD: i32 = 4;
/// The value is a uint16_t.
pub const WMLB_TYPE_WORD: i32 = 5;
/// The value is the 16 bytes of a GUID.
pub const WMLB_TYPE_GUID: i32 = 6;

/// How far an operation is. A caller that passes one to be filled in sets
/// struct_size to sizeof(wmlb_progress) first.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub struct wmlb_progress {
    /// Size of this struct in bytes, as the program that made it knows it.
    pub struct_size: usize,
    /// Licenses saved so far.
    pub licenses_done: u64,
    /// Licenses to deal with: at the end licenses_done + licenses_restricted +
    /// licenses_skipped. 0: not known yet, which may last for most of the time with a
    /// store of more than some 50,000 licenses, and for all of a restore.
    pub licenses_total: u64,
    /// Bytes of the licenses saved so far.
    pub bytes_done: u64,
    /// Bytes of all licenses; 0: not known yet.
    pub bytes_total: u64,
    /// Licenses left out because their owner forbids backup.
    pub licenses_restricted: u64,
    /// Licenses left out because they could not be read, or were kept as they were
    /// (restore), and other things that were found in the store.
    pub licenses_skipped: u64,
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
        }
    }
}

/// What an event carries.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    None,
    Text(&'a str),
    Progress(&'a wmlb_progress),
}

/// One call of the status callback.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub status: i32,
    pub hr: wmlb_hresult,
    pub value: Value<'a>,
}

/// Whoever is told of an operation's events, on the operation's own thread.
/// A negative answer cancels the operation.
pub trait Observer: Send {
    fn notify(&mut self, event: Event<'_>) -> wmlb_hresult;
}

/// The SDK's name of a status value; "unknown" for a value that has none here.
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
        _ => c"unknown",
    }
}
