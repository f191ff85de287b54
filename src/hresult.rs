//! Result codes: their values, their names in the SDK, and messages.
//!
//! The values are those of the Windows Media Format SDK (`nserror.h`, `winerror.h`).

use std::ffi::CStr;

use rustix::io::Errno;

/// A result code with the values of a Windows HRESULT: negative is failure, 0 and above is
/// success. The library returns the codes below and, for an error of the operating system,
/// WMLB_HRESULT_FROM_WIN32(code). Callbacks may return any.
#[allow(non_camel_case_types)]
pub type wmlb_hresult = i32;

/// Value, name in the SDK, message.
type Row = (wmlb_hresult, &'static CStr, &'static CStr);

/// The codes that are in the header too: constants, and the rows of a table.
macro_rules! result_codes {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident = $value:literal, $sdk:literal, $message:literal;
    )*) => {
        use super::{Row, wmlb_hresult};

        $($(#[doc = $doc])* pub const $name: wmlb_hresult = {
            const VALUE: u32 = $value;
            VALUE as wmlb_hresult
        };)*

        pub(super) const ROWS: &[Row] = &[$(($name, $sdk, $message)),*];
    };
}

pub mod codes;
mod sdk;

pub use codes::*;

/// The HRESULT of a Win32 error code (`HRESULT_FROM_WIN32` of `winerror.h`).
const fn from_win32(code: u16) -> wmlb_hresult {
    (0x8007_0000_u32 | code as u32) as wmlb_hresult
}

/// The codes of the system's errors. In the header they are WMLB_HRESULT_FROM_WIN32(code).
macro_rules! system_codes {
    ($($name:ident = $code:literal, $sdk:literal, $message:literal;)*) => {
        $(pub(crate) const $name: wmlb_hresult = from_win32($code);)*

        const SYSTEM_ROWS: &[Row] = &[$(($name, $sdk, $message)),*];
    };
}

system_codes! {
    FILE_NOT_FOUND = 2, c"HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND)",
        c"The file does not exist.";
    PATH_NOT_FOUND = 3, c"HRESULT_FROM_WIN32(ERROR_PATH_NOT_FOUND)",
        c"The folder does not exist.";
    TOO_MANY_OPEN_FILES = 4, c"HRESULT_FROM_WIN32(ERROR_TOO_MANY_OPEN_FILES)",
        c"Too many files are open.";
    WRITE_PROTECT = 19, c"HRESULT_FROM_WIN32(ERROR_WRITE_PROTECT)",
        c"The file system is read-only.";
    NOT_SUPPORTED = 50, c"HRESULT_FROM_WIN32(ERROR_NOT_SUPPORTED)",
        c"The request is not supported.";
    FILE_EXISTS = 80, c"HRESULT_FROM_WIN32(ERROR_FILE_EXISTS)",
        c"The file exists.";
    DISK_FULL = 112, c"HRESULT_FROM_WIN32(ERROR_DISK_FULL)",
        c"The disk is full.";
    BUSY = 170, c"HRESULT_FROM_WIN32(ERROR_BUSY)",
        c"The file or device is in use.";
    FILENAME_EXCED_RANGE = 206, c"HRESULT_FROM_WIN32(ERROR_FILENAME_EXCED_RANGE)",
        c"The file name is too long.";
    FILE_TOO_LARGE = 223, c"HRESULT_FROM_WIN32(ERROR_FILE_TOO_LARGE)",
        c"The file is larger than its file system or its limit allows.";
    DIRECTORY = 267, c"HRESULT_FROM_WIN32(ERROR_DIRECTORY)",
        c"A folder is needed, and the path is not one.";
    IO_DEVICE = 1117, c"HRESULT_FROM_WIN32(ERROR_IO_DEVICE)",
        c"The device failed to read or write.";
    CANT_RESOLVE_FILENAME = 1921, c"HRESULT_FROM_WIN32(ERROR_CANT_RESOLVE_FILENAME)",
        c"The path holds too many links.";
}

fn row(hr: wmlb_hresult) -> Option<&'static Row> {
    let mut rows = codes::ROWS.iter().chain(SYSTEM_ROWS).chain(sdk::ROWS);
    rows.find(|(value, ..)| *value == hr)
}

/// The SDK's name of a result code; "unknown" for a value that has none here.
pub fn name(hr: wmlb_hresult) -> &'static CStr {
    row(hr).map_or(c"unknown", |(_, name, _)| name)
}

/// A sentence for a result code, for any value.
pub fn message(hr: wmlb_hresult) -> &'static CStr {
    match row(hr) {
        Some((_, _, message)) => message,
        None if hr >= 0 => c"The operation succeeded.",
        None => c"The operation failed with a code this library does not know.",
    }
}

/// The HRESULT of a system error: that of the nearest Win32 code.
pub fn from_errno(errno: Errno) -> wmlb_hresult {
    match errno {
        Errno::NOENT => FILE_NOT_FOUND,
        Errno::ACCESS | Errno::PERM => WMLB_E_ACCESSDENIED,
        Errno::MFILE | Errno::NFILE => TOO_MANY_OPEN_FILES,
        Errno::NOMEM => WMLB_E_OUTOFMEMORY,
        Errno::ROFS => WRITE_PROTECT,
        Errno::TXTBSY | Errno::AGAIN => WMLB_E_SHARING_VIOLATION,
        Errno::OPNOTSUPP => NOT_SUPPORTED,
        Errno::EXIST => FILE_EXISTS,
        Errno::NOSPC | Errno::DQUOT => DISK_FULL,
        Errno::BUSY => BUSY,
        Errno::NAMETOOLONG => FILENAME_EXCED_RANGE,
        Errno::FBIG => FILE_TOO_LARGE,
        Errno::NOTDIR => DIRECTORY,
        Errno::IO | Errno::STALE | Errno::NXIO => IO_DEVICE,
        Errno::LOOP => CANT_RESOLVE_FILENAME,
        _ => WMLB_E_FAIL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(hr: wmlb_hresult) -> u32 {
        hr as u32
    }

    #[test]
    fn every_code_stands_there_once() {
        let rows: Vec<_> = codes::ROWS
            .iter()
            .chain(SYSTEM_ROWS)
            .chain(sdk::ROWS)
            .collect();
        for (index, (hr, sdk, text)) in rows.iter().enumerate() {
            assert!(
                !rows[..index].iter().any(|row| row.0 == *hr),
                "{hr:#x} twice"
            );
            assert!(
                !rows[..index].iter().any(|row| row.1 == *sdk),
                "{sdk:?} twice"
            );
            assert_eq!(name(*hr), *sdk);
            assert_eq!(message(*hr), *text);
            let text = text.to_str().expect("UTF-8");
            assert!(
                text.ends_with('.') && text.starts_with(char::is_uppercase),
                "{text}"
            );
        }
    }

    #[test]
    fn any_value_has_a_name_and_a_message() {
        for hr in [2, i32::MAX, i32::MIN, -1, from_win32(0xffff)] {
            assert_eq!(name(hr), c"unknown");
            assert_eq!(message(hr) == c"The operation succeeded.", hr >= 0, "{hr}");
        }
    }

    #[test]
    fn errors_of_the_system() {
        for (errno, code) in [
            (Errno::NOENT, 2),
            (Errno::MFILE, 4),
            (Errno::NFILE, 4),
            (Errno::ACCESS, 5),
            (Errno::PERM, 5),
            (Errno::NOMEM, 14),
            (Errno::ROFS, 19),
            (Errno::AGAIN, 32),
            (Errno::TXTBSY, 32),
            (Errno::EXIST, 80),
            (Errno::NOSPC, 112),
            (Errno::DQUOT, 112),
            (Errno::BUSY, 170),
            (Errno::NAMETOOLONG, 206),
            (Errno::FBIG, 223),
            (Errno::NOTDIR, 267),
            (Errno::IO, 1117),
            (Errno::LOOP, 1921),
        ] {
            assert_eq!(bits(from_errno(errno)), 0x8007_0000 | code, "{errno}");
        }
        assert_eq!(bits(from_errno(Errno::NOTTY)), 0x8000_4005);
    }
}
