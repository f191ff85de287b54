//! Names and versions.

use std::ffi::{CStr, c_char};

use super::guard::entry_or;
use crate::hresult::{self, wmlb_hresult};
use crate::status::{self, WMLB_ABI_VERSION};

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a NUL in the version"),
    };

/// The name of a result code in the Windows SDKs, such as "NS_E_DRM_BACKUP_EXISTS".
///
/// Parameters:
/// - hr: any value.
///
/// Returns: a static string; "unknown" for a value that has no name.
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_hresult_name(hr: wmlb_hresult) -> *const c_char {
    entry_or(c"unknown".as_ptr(), || hresult::name(hr).as_ptr())
}

/// A sentence in English for a result code. The ERROR event and wmlb_get_last_error() say more:
/// they name the path and the cause.
///
/// Parameters:
/// - hr: any value.
///
/// Returns: a static string.
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_hresult_message(hr: wmlb_hresult) -> *const c_char {
    entry_or(c"unknown".as_ptr(), || hresult::message(hr).as_ptr())
}

/// The name of a status value in the Windows SDKs, such as "WMT_BACKUPRESTORE_BEGIN"; for those
/// that the SDKs do not have, "WMLB_PROGRESS" and "WMLB_LICENSE_SKIPPED".
///
/// Parameters:
/// - status: any value.
///
/// Returns: a static string; "unknown" for a value that has no name.
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_status_name(status: i32) -> *const c_char {
    entry_or(c"unknown".as_ptr(), || status::name(status).as_ptr())
}

/// The version of the library that is loaded, such as "1.0.0". WMLB_VERSION is that of the header.
///
/// Returns: a static string.
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the interface that the loaded library has. A program can use the library if it
/// was built with a header of the same WMLB_ABI_VERSION.
///
/// Returns: that version, 1.
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_abi_version() -> u32 {
    WMLB_ABI_VERSION
}
