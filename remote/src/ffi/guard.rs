//! The entry points: no panic crosses the boundary, and none prints.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::error::{Error, Result, UNEXPECTED};
use crate::remote::Remote;

/// Runs the body of an entry point.
pub fn catch<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    // The copy of the standard library is this library's own, so all its panics are.
    HOOK.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        let words = "a defect in the library ended the call";
        Err(Error::new(UNEXPECTED, words))
    })
}

/// The same, for one that gives a result code.
pub fn entry(body: impl FnOnce() -> Result<i32>) -> i32 {
    catch(body).unwrap_or_else(|error| error.code)
}

/// The same, on a remote that keeps the words of a failure.
pub fn entry_on(remote: &Remote, body: impl FnOnce() -> Result<i32>) -> i32 {
    catch(body).unwrap_or_else(|error| {
        remote.note(&error);
        error.code
    })
}

/// A string of the caller's; None of NULL.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string, which stays as it is during the call.
pub unsafe fn text<'a>(text: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so a string as the caller promises.
    let text = unsafe { CStr::from_ptr(text) };
    let text = text.to_str();
    text.map(Some)
        .map_err(|_| Error::argument(format!("{name} is not UTF-8")))
}

pub fn c_string(text: &str) -> Cow<'static, CStr> {
    // None of our texts has a NUL in it.
    CString::new(text).map_or(Cow::Borrowed(c""), Cow::Owned)
}
