//! The entry points: no panic crosses the boundary, in either direction.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::wmlb_restorer;
use crate::error::{Error, Result};
use crate::hresult::{WMLB_S_FALSE, WMLB_S_OK, wmlb_hresult};
use crate::panics;
use crate::registry::{self, Handle};
use crate::restorer::Restorer;

/// What the body of an entry point gives when it does not fail.
pub trait Success {
    fn code(self) -> wmlb_hresult;
}

impl Success for () {
    fn code(self) -> wmlb_hresult {
        WMLB_S_OK
    }
}

/// Whether there was something to do.
impl Success for bool {
    fn code(self) -> wmlb_hresult {
        if self { WMLB_S_OK } else { WMLB_S_FALSE }
    }
}

impl Success for wmlb_hresult {
    fn code(self) -> wmlb_hresult {
        self
    }
}

/// Runs the body of an entry point.
fn catch<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    panics::install_hook();
    let _inside = panics::enter();
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(Error::from_panic(&*panic)))
}

/// An entry point that can fail.
pub fn entry<T: Success>(body: impl FnOnce() -> Result<T>) -> wmlb_hresult {
    catch(body).map_or_else(|error| error.hresult(), Success::code)
}

/// An entry point that can fail only by a defect, and then gives `otherwise`.
pub fn entry_or<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch(|| Ok(body())).unwrap_or(otherwise)
}

/// An entry point on a restorer, which keeps the message of a failure.
pub fn entry_on<T: Success>(
    handle: *mut wmlb_restorer,
    body: impl FnOnce(&Arc<Restorer>) -> Result<T>,
) -> wmlb_hresult {
    entry(|| {
        let restorer = registry::find(handle as Handle)?;
        catch(|| body(&restorer)).inspect_err(|error| restorer.keep_error(error))
    })
}

/// Ends the process when it is dropped, and prints nothing.
struct MustReturn;

impl Drop for MustReturn {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// Calls the host's code. If that ends otherwise than by returning, such as by an exception, the
/// process ends here: the exception must not pass through our frames, which cannot stop it, nor
/// release a lock or skip the end of a thread on its way.
pub fn host<T>(call: impl FnOnce() -> T) -> T {
    let _outside = panics::leave();
    let must_return = MustReturn;
    let answer = call();
    std::mem::forget(must_return);
    answer
}
