//! Remotes: opened, asked, attached, released.

use std::ffi::{c_char, c_void};
use std::ptr;

use super::core::wmlb_restorer;
use super::{core, guard, target};
use crate::error::{Error, Result, S_OK, SMALL_BUFFER};
use crate::head;
use crate::registry::{self, Handle};
use crate::remote::Remote;
use crate::target::Target;
use crate::{credentials, device, probe};

/// An opened place for backups. The pointer is a number that the library looks up and never
/// dereferences. A NULL, released or made-up one gets WMLB_E_HANDLE, and so does, in a child after
/// fork(), one from before the fork.
pub struct wmlb_remote {
    _private: [u8; 0],
}

/// Runs the body of a function on a remote.
pub(super) fn on_remote(
    remote: *mut wmlb_remote,
    body: impl FnOnce(&Remote) -> Result<i32>,
) -> i32 {
    match guard::catch(|| registry::find(remote as Handle)) {
        Ok(remote) => guard::entry_on(&remote, || body(&remote)),
        Err(error) => error.code,
    }
}

/// A device that the caller names; NULL: this one.
///
/// # Safety
/// As `guard::text`.
pub(super) unsafe fn device(name: *const c_char) -> Result<String> {
    // SAFETY: the caller's promise.
    match unsafe { guard::text(name, "device") }? {
        None => device::id(),
        Some(name) if head::is_device(name) => Ok(name.to_owned()),
        Some(_) => Err(Error::argument(
            "a device has up to 128 letters, digits, - _ and ., and does not begin with a dot",
        )),
    }
}

/// Opens a place for backups. No server is asked yet. Give it back with wmlb_remote_release().
///
/// Parameters:
/// - url: s3://bucket/prefix?name=value&...; the prefix may be missing. Names:
///   - endpoint: https://host or https://host:port of the server; without one it is that of AWS.
///     http is taken for a loopback address only, or with insecure=1.
///   - region: else $AWS_REGION, else $AWS_DEFAULT_REGION, else us-east-1.
///   - style: path or host, where the bucket's name stands. With an endpoint it is path.
///   - roots: a file of certificates in PEM, in place of those that the system trusts.
///   - deadline: for how many seconds a request is tried again; 60.
///   - insecure: 1 takes http.
///   - no credentials: a URL that has some is refused.
/// - out: receives the handle; NULL on failure.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_POINTER: url or out is NULL
/// - WMLB_E_INVALIDARG: the URL is not one of these, or roots cannot be read
///
/// Threads: any.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_remote_open(url: *const c_char, out: *mut *mut wmlb_remote) -> i32 {
    guard::entry(|| {
        if out.is_null() {
            return Err(Error::null("out"));
        }
        // SAFETY: not NULL, so writable as the caller promises.
        unsafe { out.write_unaligned(ptr::null_mut()) };
        // SAFETY: the caller's promise.
        let url = unsafe { guard::text(url, "url") }?.ok_or_else(|| Error::null("url"))?;
        let handle = registry::insert(Remote::open(url)?);
        // SAFETY: as above.
        unsafe { out.write_unaligned(handle as *mut wmlb_remote) };
        Ok(S_OK)
    })
}

/// Sets who asks. Without it, or with NULL for all three, that is looked for at the first request:
/// in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; then in the file
/// $AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials, under $AWS_PROFILE, else default. Where
/// there is nothing, requests are not signed. A program with privileges beyond its user's takes
/// none from the environment.
///
/// The secret is wiped from memory when it is replaced or the remote released.
///
/// Parameters:
/// - remote: the handle.
/// - id, secret: of the key.
/// - token: of a session; may be NULL.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: one of id and secret is NULL
/// - WMLB_E_INVALIDARG: one is empty, or not plain text
///
/// Threads: any. Requests that have begun are not changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_remote_set_credentials(
    remote: *mut wmlb_remote,
    id: *const c_char,
    secret: *const c_char,
    token: *const c_char,
) -> i32 {
    on_remote(remote, |remote| {
        // SAFETY: the caller's promise, for all three.
        let [id, secret, token] = unsafe {
            [
                guard::text(id, "id")?,
                guard::text(secret, "secret")?,
                guard::text(token, "token")?,
            ]
        };
        let found = match (id, secret) {
            (None, None) if token.is_none() => None,
            (Some(id), Some(secret)) => Some(credentials::make(id, secret, token)?),
            (None, _) => return Err(Error::null("id")),
            (_, None) => return Err(Error::null("secret")),
        };
        remote.store.set_credentials(found);
        Ok(S_OK)
    })
}

/// Asks the server what it keeps of its promises: it writes an object below the prefix several
/// times, under conditions, and removes it. The first backup without WMLB_BACKUP_OVERWRITE does so
/// by itself.
///
/// Parameters:
/// - remote: the handle.
/// - capabilities: receives WMLB_TARGET_CREATE_ONLY, if the server refuses to replace an object
///   that it was told not to replace, and WMLB_TARGET_RANGES, if it gives parts of an object;
///   joined by |. Without the first, backups need WMLB_BACKUP_OVERWRITE.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: capabilities is NULL
/// - those of requests: WMLB_E_ACCESSDENIED, WMLB_E_TIMEOUT (no answer before the deadline),
///   WMLB_HRESULT_FROM_WIN32(3) (no such bucket), WMLB_HRESULT_FROM_WIN32(1398) (the clocks differ
///   too much), WMLB_NS_E_DRM_OPERATION_CANCELED, WMLB_E_FAIL
///
/// Threads: any. It waits for the server.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_remote_probe(
    remote: *mut wmlb_remote,
    capabilities: *mut u32,
) -> i32 {
    on_remote(remote, |remote| {
        if capabilities.is_null() {
            return Err(Error::null("capabilities"));
        }
        let found = probe::probe(remote, &remote.calls.begin())?;
        // SAFETY: not NULL, so writable as the caller promises.
        unsafe { capabilities.write_unaligned(found) };
        Ok(S_OK)
    })
}

/// Makes a device's backups the target of a restorer, as wmlb_restorer_set_target() does: what is
/// said there holds. wmlb_restorer_set_target() with NULL takes it away. No server is asked yet.
///
/// A backup is uploaded as it is made, and shows when it is whole, in one step. Without
/// WMLB_BACKUP_OVERWRITE, one that finds another ends with WMLB_NS_E_DRM_BACKUP_EXISTS, also when
/// both began at once. On a server that cannot refuse (see wmlb_remote_probe()) it ends with
/// WMLB_E_NOTIMPL. With WMLB_BACKUP_OVERWRITE the earlier ones stay, as generations. The words of a
/// failure are those of wmlb_remote_get_last_error().
///
/// Restoring what another device has backed up needs WMLB_RESTORE_INDIVIDUALIZE.
///
/// Parameters:
/// - remote: the handle.
/// - restorer: the handle of the restorer.
/// - device: the device's name; NULL: the ID of this one. A host may choose names of its own, of
///   up to 128 letters, digits, - _ and . that do not begin with a dot.
/// - generation: what wmlb_remote_list_generations() tells as path, for reading only; NULL: the
///   newest.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE: either handle
/// - WMLB_E_INVALIDARG: device or generation is not one, or this machine has no ID
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_remote_attach(
    remote: *mut wmlb_remote,
    restorer: *mut wmlb_restorer,
    device: *const c_char,
    generation: *const c_char,
) -> i32 {
    on_remote(remote, |_| {
        let handle = remote as Handle;
        // SAFETY: the caller's promise.
        let device = unsafe { self::device(device) }?;
        // SAFETY: the caller's promise.
        let generation = unsafe { guard::text(generation, "generation") }?;
        if generation.is_some_and(|name| head::created_of(name).is_none()) {
            return Err(Error::argument("the generation is not the name of one"));
        }
        let generation = generation.map(str::to_owned);
        let target = Target::new(registry::find(handle)?, device, generation);
        let context = registry::attach(handle, target)?;
        // SAFETY: the functions take any context, and look it up.
        let hr = unsafe {
            core::wmlb_restorer_set_target(restorer, &target::OPS, context as *mut c_void)
        };
        if hr < 0 {
            registry::detach(context);
            return Err(Error::new(hr, "the handle is not that of a restorer"));
        }
        Ok(hr)
    })
}

/// Cancels the requests of a remote that are running, whoever made them, and the backups, restores
/// and lists that they belong to. What a restorer does is canceled by wmlb_restorer_cancel() first:
/// that alone takes effect when the server has answered.
///
/// Parameters:
/// - remote: the handle.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
///
/// Threads: any, also in a callback. It does not wait.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_remote_cancel(remote: *mut wmlb_remote) -> i32 {
    on_remote(remote, |remote| {
        remote.calls.cancel();
        Ok(S_OK)
    })
}

/// The words of the last failure of a remote, also of one in an operation. They name no secret.
///
/// Parameters:
/// - remote: the handle.
/// - buffer: receives the string; NULL asks for the size.
/// - len: the size of the buffer; receives the size that is needed, with the NUL.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_POINTER: len is NULL
/// - WMLB_E_INSUFFICIENT_BUFFER
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_remote_get_last_error(
    remote: *mut wmlb_remote,
    buffer: *mut c_char,
    len: *mut usize,
) -> i32 {
    guard::entry(|| {
        let remote = registry::find(remote as Handle)?;
        if len.is_null() {
            return Err(Error::null("len"));
        }
        let words = guard::c_string(&remote.last_error());
        let words = words.to_bytes_with_nul();
        // SAFETY: not NULL, so readable and writable as the caller promises.
        let room = unsafe { len.read_unaligned() };
        // SAFETY: as above.
        unsafe { len.write_unaligned(words.len()) };
        if buffer.is_null() {
            return Ok(S_OK);
        }
        if room < words.len() {
            return Err(Error::new(SMALL_BUFFER, "the buffer is too small"));
        }
        // SAFETY: there is room for as many bytes, and the buffer is the caller's.
        unsafe { ptr::copy_nonoverlapping(words.as_ptr(), buffer.cast(), words.len()) };
        Ok(S_OK)
    })
}

/// Releases a remote. What it is attached to fails from then on with WMLB_E_HANDLE; what runs is
/// canceled, and what it has uploaded in part is removed, as far as the server answers at once.
///
/// Parameters:
/// - remote: the handle.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
///
/// Threads: any, also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_remote_release(remote: *mut wmlb_remote) -> i32 {
    guard::entry(|| {
        let (remote, targets) = registry::remove(remote as Handle)?;
        remote.calls.cancel();
        targets.iter().for_each(|target| target.close());
        Ok(S_OK)
    })
}
