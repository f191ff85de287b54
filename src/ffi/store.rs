//! The host's own store.

use std::ffi::c_void;

use super::guard::{self, entry_on};
use super::wmlb_restorer;
use crate::error::{Error, Result};
use crate::hresult::{WMLB_S_FALSE, wmlb_hresult};
use crate::store::host::{CallToken, HostLicense, HostStore, SetStore};

/// A license in a store of the host.
#[repr(C)]
pub struct wmlb_store_license {
    /// The size of this struct in bytes, as the library knows it. Read and write no field beyond
    /// it.
    pub struct_size: usize,
    /// Its name: name_len bytes, none of them NUL, and no NUL after them; at most 16,384 bytes. It
    /// is a relative path: its components are separated by "/", and none of them is empty, "." or
    /// "..". No two licenses have the same name, and no name is a folder in another one ("a" and
    /// "a/b"). The first component is not ".wmlb-restore-" and 16 hexadecimal digits.
    pub name: *const u8,
    pub name_len: usize,
    /// Its data_len bytes, of any values. May be NULL if data_len is 0.
    pub data: *const u8,
    pub data_len: usize,
    /// The time when it was last modified, in Unix seconds.
    pub modified: i64,
}

/// The functions of a store that the host keeps itself: a player that has its licenses in a
/// database of its own, or in memory, needs no files to back them up. For
/// wmlb_restorer_set_store(), which copies the struct.
///
/// In all of them, ctx is as it was passed to that function. All but close return WMLB_S_OK, or
/// anything else that is not negative; or, if they fail, a negative value, which becomes the result
/// of the operation or the enumeration. The message says which function failed.
///
/// Order of calls in a backup:
/// - open(0); next until it returns WMLB_S_FALSE; close.
/// - The licenses come in any order; the backup file has them in the order of their names.
/// - All are copied before the first is packed: 16 MiB of them to memory and the rest to a file
///   without a name, in the backup folder, or, since the copy is not encrypted, in
///   $XDG_CACHE_HOME/wmlb, else $HOME/.cache/wmlb, if the backup is.
/// - Before close, the progress stays at 0, but WMLB_STATUS_PROGRESS comes, so that the backup can
///   be canceled.
///
/// Order of calls in an enumeration: as in a backup, with a call of the callback after each next.
///
/// Order of calls in a restore:
/// - With WMLB_RESTORE_OVERWRITE: open(1); put for each license, in the order of names; commit;
///   close.
/// - Without it: first open(0), next until WMLB_S_FALSE, close, to learn what the store has; then
///   as above, but a license that the store has is not put. It counts as done if it is equal, and
///   is reported with WMLB_STATUS_LICENSE_SKIPPED if it differs.
/// - commit is called only when the whole backup file was read and found sound, after the last
///   WMLB_STATUS_PROGRESS. A cancel or failure before it leads to close without commit; a cancel
///   after it changes nothing.
///
/// Threads:
/// - In an operation, they are called on its thread, where events come too, under the rules of
///   wmlb_status_callback. The last event comes after close.
/// - In an enumeration, they are called on the calling thread, under the rules of
///   wmlb_license_callback.
/// - No two of them are called at the same time, nor while the store is open for another operation.
///   An operation that finds the store in use fails with WMLB_NS_E_DRM_BACKUPRESTORE_BUSY in its
///   ERROR event; an enumeration returns that. A backup uses the store until close, a restore from
///   WMLB_STATUS_BACKUPRESTORE_BEGIN to its last close.
/// - Each call of wmlb_restorer_set_store() makes a store of its own. A host that sets the same
///   functions twice, or on two restorers, must keep them apart itself.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wmlb_store_ops {
    /// Set it to sizeof(wmlb_store_ops).
    pub struct_size: usize,
    /// Opens the store. for_writing: 0, to list its licenses from the first one, as they are; 1, to
    /// put licenses into it. If it fails, nothing else is called, not even close.
    pub open:
        Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, for_writing: i32) -> wmlb_hresult>,
    /// Gives the next license: fills in *license, in which all but struct_size is 0, and returns
    /// WMLB_S_OK; or returns WMLB_S_FALSE if there are no more. The order does not matter. What
    /// name and data point to belongs to the host, and stays as it is until the next call of next
    /// or close. A name that is not as wmlb_store_license says is WMLB_NS_E_DRM_INVALID_LICENSE; a
    /// NULL with a length is WMLB_E_POINTER; both also with WMLB_BACKUP_PARTIAL. (An enumeration
    /// does not check that names do not repeat.)
    pub next: Option<
        unsafe extern "C-unwind" fn(
            ctx: *mut c_void,
            license: *mut wmlb_store_license,
        ) -> wmlb_hresult,
    >,
    /// Stages a license; what it replaces stays until commit. *license and what it points to, which
    /// is never NULL, are valid during the call only: copy what is to be kept. NULL, alone or with
    /// commit: the store can only be backed up and listed.
    pub put: Option<
        unsafe extern "C-unwind" fn(
            ctx: *mut c_void,
            license: *const wmlb_store_license,
        ) -> wmlb_hresult,
    >,
    /// Puts everything that was staged in place: all of it, or, if it fails, nothing. Licenses that
    /// were not staged stay. It is called at most once, also if nothing was staged.
    pub commit: Option<unsafe extern "C-unwind" fn(ctx: *mut c_void) -> wmlb_hresult>,
    /// Ends what open began: it is called once after each open that succeeded, whatever happened
    /// between. If open was for writing and there was no commit, or commit failed, drop what was
    /// staged.
    pub close: Option<unsafe extern "C-unwind" fn(ctx: *mut c_void)>,
}

type Open = unsafe extern "C-unwind" fn(*mut c_void, i32) -> wmlb_hresult;
type Next = unsafe extern "C-unwind" fn(*mut c_void, *mut wmlb_store_license) -> wmlb_hresult;
type Put = unsafe extern "C-unwind" fn(*mut c_void, *const wmlb_store_license) -> wmlb_hresult;
type Commit = unsafe extern "C-unwind" fn(*mut c_void) -> wmlb_hresult;
type Close = unsafe extern "C-unwind" fn(*mut c_void);

struct Functions {
    open: Open,
    next: Next,
    /// None for a store that can only be backed up.
    writing: Option<(Put, Commit)>,
    close: Close,
    ctx: *mut c_void,
}

// SAFETY: the pointer is never dereferenced here, only handed back to the host, which agreed
// in the header to be called on the operation's thread.
unsafe impl Send for Functions {}
// SAFETY: as above; only one caller at a time has the store.
unsafe impl Sync for Functions {}

impl Functions {
    /// The host's functions, copied.
    ///
    /// # Safety
    /// `ops` points to a struct of as many bytes as its `struct_size` says.
    unsafe fn copy(ops: *const wmlb_store_ops, ctx: *mut c_void) -> Result<Self> {
        // SAFETY: the first field is there in every version of the struct.
        let size = unsafe { ops.cast::<usize>().read_unaligned() };
        if size < size_of::<wmlb_store_ops>() {
            return Err(Error::Argument(format!(
                "struct_size is {size}, and a wmlb_store_ops has {} bytes",
                size_of::<wmlb_store_ops>()
            )));
        }
        // SAFETY: as large as it has to be, as the caller promises.
        let ops = unsafe { ops.read_unaligned() };
        Ok(Functions {
            open: ops.open.ok_or(Error::Null("open"))?,
            next: ops.next.ok_or(Error::Null("next"))?,
            writing: ops.put.zip(ops.commit),
            close: ops.close.ok_or(Error::Null("close"))?,
            ctx,
        })
    }

    fn writing(&self) -> Result<(Put, Commit)> {
        self.writing.ok_or(Error::HostStoreReadOnly)
    }
}

impl HostStore for Functions {
    fn is_writable(&self) -> bool {
        self.writing.is_some()
    }

    fn open(&self, writing: bool) -> Result<()> {
        // SAFETY: the host gave the function to be called like this.
        let hr = guard::host(|| unsafe { (self.open)(self.ctx, writing.into()) });
        let way = if writing { "writing" } else { "reading" };
        check(hr, || format!("open for {way}"))
    }

    fn next<'a>(&self, _token: &'a mut CallToken) -> Result<Option<HostLicense<'a>>> {
        let mut license = wmlb_store_license {
            struct_size: size_of::<wmlb_store_license>(),
            name: std::ptr::null(),
            name_len: 0,
            data: std::ptr::null(),
            data_len: 0,
            modified: 0,
        };
        // SAFETY: the host gave the function to be called like this; the struct outlives
        // the call.
        let hr = guard::host(|| unsafe { (self.next)(self.ctx, &mut license) });
        check(hr, || "give the next license".to_owned())?;
        if hr == WMLB_S_FALSE {
            return Ok(None);
        }
        // SAFETY: the host promised in the header that these bytes stay until the next call,
        // for which the token is borrowed as long as they are.
        let (name, data) = unsafe {
            (
                bytes(license.name, license.name_len, "name")?,
                bytes(license.data, license.data_len, "data")?,
            )
        };
        Ok(Some(HostLicense {
            name,
            data,
            modified: license.modified,
        }))
    }

    fn put(&self, license: &HostLicense<'_>) -> Result<()> {
        let (put, _) = self.writing()?;
        let given = wmlb_store_license {
            struct_size: size_of::<wmlb_store_license>(),
            name: license.name.as_ptr(),
            name_len: license.name.len(),
            data: license.data.as_ptr(),
            data_len: license.data.len(),
            modified: license.modified,
        };
        // SAFETY: the host gave the function to be called like this; what the struct
        // points to outlives the call.
        let hr = guard::host(|| unsafe { put(self.ctx, &given) });
        check(hr, || {
            format!("put {}", String::from_utf8_lossy(license.name))
        })
    }

    fn commit(&self) -> Result<()> {
        let (_, commit) = self.writing()?;
        // SAFETY: the host gave the function to be called like this.
        let hr = guard::host(|| unsafe { commit(self.ctx) });
        check(hr, || "commit".to_owned())
    }

    fn close(&self) {
        // SAFETY: the host gave the function to be called like this.
        guard::host(|| unsafe { (self.close)(self.ctx) })
    }
}

fn check(hr: wmlb_hresult, action: impl FnOnce() -> String) -> Result<()> {
    match hr {
        0.. => Ok(()),
        hr => Err(Error::HostStore {
            action: action(),
            hr,
        }),
    }
}

/// Bytes that belong to the host.
///
/// # Safety
/// `start` is NULL or points to `length` bytes, which stay as they are during the borrow.
unsafe fn bytes<'a>(start: *const u8, length: usize, field: &str) -> Result<&'a [u8]> {
    if length == 0 {
        return Ok(&[]);
    }
    if start.is_null() {
        return Err(Error::HostNull(format!("{field}, of {length} bytes,")));
    }
    if isize::try_from(length).is_err() {
        return Err(Error::Argument(format!(
            "the host's store gave a license whose {field}_len, {length}, is more than there is"
        )));
    }
    // SAFETY: not NULL, so `length` bytes as the caller promises, and not more than a slice
    // may have.
    Ok(unsafe { std::slice::from_raw_parts(start, length) })
}

/// Sets a store that the host keeps itself, in place of the one at StorePath, for backups, restores
/// and wmlb_restorer_enumerate_store() of this restorer. While it is set, StorePath is not used.
/// What is running keeps the store that it started with.
///
/// A restore into a store without put or commit is refused with WMLB_E_NOTIMPL.
///
/// Parameters:
/// - restorer: the handle.
/// - ops: the functions, see wmlb_store_ops; copied. NULL: the store is the one at StorePath again.
/// - ctx: is passed to the functions, and not touched otherwise. It and the functions must live as
///   long as they are set, and until operations and enumerations that started with them have
///   ended: after wmlb_restorer_wait() or, from another thread, wmlb_restorer_release(), they are
///   not called again.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_INVALIDARG: ops->struct_size is less than sizeof(wmlb_store_ops)
/// - WMLB_E_POINTER: open, next or close is NULL
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_set_store(
    restorer: *mut wmlb_restorer,
    ops: *const wmlb_store_ops,
    ctx: *mut c_void,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        let store = if ops.is_null() {
            None
        } else {
            // SAFETY: not NULL, so a struct as the caller promises.
            Some(SetStore::new(unsafe { Functions::copy(ops, ctx) }?))
        };
        restorer.set_store(store);
        Ok(())
    })
}
