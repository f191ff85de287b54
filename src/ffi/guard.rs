//! No panic crosses the boundary.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::wmlb_restorer;
use crate::error::{Error, Result};
use crate::hresult::{WMLB_S_OK, wmlb_hresult};
use crate::panics;
use crate::registry::{self, Handle};
use crate::restorer::Restorer;

/// Runs the body of an entry point.
fn catch<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    panics::install_hook();
    let _ours = panics::enter();
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(Error::from_panic(&*panic)))
}

/// Ends the process when it is dropped, and prints nothing.
struct MustReturn;

impl Drop for MustReturn {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// A call of the host's code by ours. What leaves it otherwise than by returning, such as an
/// exception, must not go on through our frames, which cannot stop it: it ends the process
/// here, before a lock is let go or a thread's end is missed.
pub fn host<T>(call: impl FnOnce() -> T) -> T {
    let _host = panics::leave();
    let must_return = MustReturn;
    let answer = call();
    std::mem::forget(must_return);
    answer
}

/// An entry point that can fail.
pub fn call(body: impl FnOnce() -> Result<wmlb_hresult>) -> wmlb_hresult {
    catch(body).unwrap_or_else(|error| error.hresult())
}

/// An entry point that cannot, but for a defect: then it gives `otherwise`.
pub fn call_or<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch(|| Ok(body())).unwrap_or(otherwise)
}

/// An entry point on a restorer, which keeps the words of its failure.
pub fn call_on(
    handle: *mut wmlb_restorer,
    body: impl FnOnce(&Arc<Restorer>) -> Result<wmlb_hresult>,
) -> wmlb_hresult {
    call(|| {
        let restorer = registry::find(handle as Handle)?;
        catch(|| body(&restorer)).inspect_err(|error| restorer.keep_error(error))
    })
}

/// As [`call_on`], for a body that gives nothing.
pub fn do_on(
    handle: *mut wmlb_restorer,
    body: impl FnOnce(&Arc<Restorer>) -> Result<()>,
) -> wmlb_hresult {
    call_on(handle, |restorer| body(restorer).map(|()| WMLB_S_OK))
}
