//! Functions that need no restorer.

use std::ffi::{CStr, c_char};

use super::guard::call_or;
use crate::hresult::{self, wmlb_hresult};
use crate::status;

/// Version of the interface in this header; wmlb_abi_version() is that of the library
/// that is loaded. It is raised only by a change that breaks existing programs.
pub const WMLB_ABI_VERSION: u32 = 1;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a NUL in the version"),
    };

/// Version of the library that is loaded, such as "1.0.0". Compare with
/// WMLB_VERSION, which is that of the header.
///
/// Returns a static string. Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_version() -> *const c_char {
    VERSION.as_ptr()
}

/// Version of the interface that the loaded library has. A program that was built
/// with a header of the same WMLB_ABI_VERSION can use it.
///
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_abi_version() -> u32 {
    WMLB_ABI_VERSION
}

/// Name of a result code as the Windows SDKs have it, such as
/// "NS_E_DRM_BACKUP_EXISTS"; "unknown" for a value that has none.
///
/// Returns a static string, for any value. Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_hresult_name(hr: wmlb_hresult) -> *const c_char {
    call_or(c"unknown".as_ptr(), || hresult::name(hr).as_ptr())
}

/// A sentence in English for a result code. The ERROR event and
/// wmlb_get_last_error() say more: they name the path and the cause.
///
/// Returns a static string, for any value. Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_hresult_message(hr: wmlb_hresult) -> *const c_char {
    call_or(c"unknown".as_ptr(), || hresult::message(hr).as_ptr())
}

/// Name of a status value as the Windows SDKs have it, such as
/// "WMT_BACKUPRESTORE_BEGIN"; "WMLB_PROGRESS" and "WMLB_LICENSE_SKIPPED" for the two
/// that they do not have; "unknown" for a value that has none.
///
/// Returns a static string, for any value. Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_status_name(status: i32) -> *const c_char {
    call_or(c"unknown".as_ptr(), || status::name(status).as_ptr())
}
