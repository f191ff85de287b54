//! Targets that a host sets: functions of its own, or a descriptor.

use std::ffi::c_void;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::guard::{self, entry_on};
use super::{pointer, wmlb_restorer};
use crate::error::{Error, Result};
use crate::hresult::{WMLB_S_FALSE, wmlb_hresult};
use crate::sys::Part;
use crate::target::Descriptor;
use crate::target::host::{HostTarget, HostsTarget};

/// The backup file in a target, as wmlb_target_ops.stat describes it.
#[repr(C)]
pub struct wmlb_target_info {
    /// The size of this struct in bytes, as the library knows it. Write no field beyond it.
    pub struct_size: usize,
    /// The size of the backup file in bytes.
    pub size: u64,
    /// The time when it was published, in Unix seconds.
    pub modified: i64,
}

/// The functions of a target: where a backup file goes, and where it comes from, when that is not a
/// folder, such as a server. For wmlb_restorer_set_target(), which copies the struct.
///
/// In all of them, ctx is as it was passed to that function. All but abandon return WMLB_S_OK, or
/// anything else that is not negative; or, if they fail, a negative value, which becomes the result
/// of the operation or the enumeration. The message says which function failed.
///
/// Order of calls in a backup, all after WMLB_STATUS_BACKUPRESTORE_BEGIN:
/// - Without WMLB_BACKUP_OVERWRITE: stat. If there is a backup, the operation ends with
///   WMLB_NS_E_DRM_BACKUP_EXISTS; nothing else is called.
/// - begin; write any number of times, and with WMLB_TARGET_REUSE reuse; then publish, after the
///   last WMLB_STATUS_PROGRESS. Without WMLB_BACKUP_OVERWRITE and WMLB_TARGET_CREATE_ONLY, stat is
///   called again before publish.
/// - With WMLB_BACKUP_OVERWRITE: stat, and read of the published backup at any offset, between
///   begin and publish. They tell how many licenses it has; one that cannot be read is replaced
///   all the same, except by a backup without licenses.
/// - abandon, once, if begin succeeded and publish was not called or failed. A publish that failed
///   may have published all the same: then abandon must not remove that.
///
/// Order of calls in a restore, a verification or an enumeration: stat; read from the beginning on,
/// without gaps, until it gives 0 bytes. With a filter or the property Only, read at any offset.
///
/// Threads:
/// - In an operation, they are called on its thread, where events come too, under the rules of
///   wmlb_status_callback. The last event comes after all of them.
/// - In an enumeration, they are called on the calling thread, under the rules of
///   wmlb_license_callback.
/// - No two of them are called at the same time. An operation that finds the target in use fails
///   with WMLB_NS_E_DRM_BACKUPRESTORE_BUSY in its ERROR event; an enumeration returns that.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wmlb_target_ops {
    /// Set it to sizeof(wmlb_target_ops).
    pub struct_size: usize,
    /// 0, or WMLB_TARGET_* joined by |.
    pub capabilities: u32,
    /// Begins a backup file, which stays invisible until publish. size_hint: roughly its size in
    /// bytes; 0: not known.
    pub begin:
        Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, size_hint: u64) -> wmlb_hresult>,
    /// Appends bytes; len is not 0. They are valid during the call only.
    pub write: Option<
        unsafe extern "C-unwind" fn(ctx: *mut c_void, data: *const u8, len: usize) -> wmlb_hresult,
    >,
    /// Appends bytes of the published file: the one that stat and read have described since begin.
    /// They are not read, and so not checked. May be NULL without WMLB_TARGET_REUSE.
    pub reuse: Option<
        unsafe extern "C-unwind" fn(ctx: *mut c_void, offset: u64, len: u64) -> wmlb_hresult,
    >,
    /// Makes the file durable, and visible in one step. overwrite: 0, it must not take the place of
    /// another, which is WMLB_NS_E_DRM_BACKUP_EXISTS; 1, it does.
    pub publish:
        Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, overwrite: i32) -> wmlb_hresult>,
    /// Drops what was begun.
    pub abandon: Option<unsafe extern "C-unwind" fn(ctx: *mut c_void)>,
    /// Describes the published file: fills in *info, in which all but struct_size is 0; or returns
    /// WMLB_S_FALSE if there is none.
    pub stat: Option<
        unsafe extern "C-unwind" fn(ctx: *mut c_void, info: *mut wmlb_target_info) -> wmlb_hresult,
    >,
    /// Reads bytes of the published file to buffer. len: the size of buffer, not 0; receives the
    /// number of bytes that were read: 0 only at the end of the file, otherwise any number.
    pub read: Option<
        unsafe extern "C-unwind" fn(
            ctx: *mut c_void,
            offset: u64,
            buffer: *mut u8,
            len: *mut usize,
        ) -> wmlb_hresult,
    >,
}

type Begin = unsafe extern "C-unwind" fn(*mut c_void, u64) -> wmlb_hresult;
type Write = unsafe extern "C-unwind" fn(*mut c_void, *const u8, usize) -> wmlb_hresult;
type Reuse = unsafe extern "C-unwind" fn(*mut c_void, u64, u64) -> wmlb_hresult;
type Publish = unsafe extern "C-unwind" fn(*mut c_void, i32) -> wmlb_hresult;
type Abandon = unsafe extern "C-unwind" fn(*mut c_void);
type Stat = unsafe extern "C-unwind" fn(*mut c_void, *mut wmlb_target_info) -> wmlb_hresult;
type Read = unsafe extern "C-unwind" fn(*mut c_void, u64, *mut u8, *mut usize) -> wmlb_hresult;

struct Functions {
    capabilities: u32,
    begin: Begin,
    write: Write,
    reuse: Option<Reuse>,
    publish: Publish,
    abandon: Abandon,
    stat: Stat,
    read: Read,
    ctx: *mut c_void,
}

// SAFETY: the pointer is never dereferenced here, only handed back to the host, which agreed
// in the header to be called on the operation's thread.
unsafe impl Send for Functions {}
// SAFETY: as above; only one caller at a time has the target.
unsafe impl Sync for Functions {}

impl Functions {
    /// The host's functions, copied.
    ///
    /// # Safety
    /// `ops` points to a struct of as many bytes as its `struct_size` says.
    unsafe fn copy(ops: *const wmlb_target_ops, ctx: *mut c_void) -> Result<Self> {
        // SAFETY: the caller's promise.
        let size = unsafe { pointer::check_struct(ops, "ops") }?;
        if size < size_of::<wmlb_target_ops>() {
            return Err(Error::Argument(format!(
                "struct_size is {size}, and a wmlb_target_ops has {} bytes",
                size_of::<wmlb_target_ops>()
            )));
        }
        // SAFETY: as large as it has to be, as the caller promises.
        let ops = unsafe { ops.read_unaligned() };
        let reuses = ops.capabilities & crate::flags::WMLB_TARGET_REUSE != 0;
        if reuses && ops.reuse.is_none() {
            return Err(Error::Null("reuse"));
        }
        Ok(Functions {
            capabilities: ops.capabilities,
            begin: ops.begin.ok_or(Error::Null("begin"))?,
            write: ops.write.ok_or(Error::Null("write"))?,
            reuse: ops.reuse.filter(|_| reuses),
            publish: ops.publish.ok_or(Error::Null("publish"))?,
            abandon: ops.abandon.ok_or(Error::Null("abandon"))?,
            stat: ops.stat.ok_or(Error::Null("stat"))?,
            read: ops.read.ok_or(Error::Null("read"))?,
            ctx,
        })
    }
}

impl HostTarget for Functions {
    fn refuses(&self) -> bool {
        self.capabilities & crate::flags::WMLB_TARGET_CREATE_ONLY != 0
    }

    fn begin(&self) -> Result<()> {
        // SAFETY: the host gave the function to be called like this.
        let hr = guard::host(|| unsafe { (self.begin)(self.ctx, 0) });
        check(hr, "begin")
    }

    fn write(&self, data: &[u8]) -> Result<()> {
        // SAFETY: the host gave the function to be called like this; the bytes outlive the call.
        let hr = guard::host(|| unsafe { (self.write)(self.ctx, data.as_ptr(), data.len()) });
        check(hr, "write")
    }

    fn reuses(&self) -> bool {
        self.reuse.is_some()
    }

    fn reuse(&self, part: Part) -> Result<()> {
        let reuse = self.reuse.ok_or(Error::Null("reuse"))?;
        // SAFETY: the host gave the function to be called like this.
        let hr = guard::host(|| unsafe { reuse(self.ctx, part.offset, part.length) });
        check(hr, "reuse")
    }

    fn publish(&self, overwrite: bool) -> Result<()> {
        // SAFETY: the host gave the function to be called like this.
        let hr = guard::host(|| unsafe { (self.publish)(self.ctx, overwrite.into()) });
        check(hr, "publish")
    }

    fn abandon(&self) {
        // SAFETY: the host gave the function to be called like this.
        guard::host(|| unsafe { (self.abandon)(self.ctx) });
    }

    fn size(&self) -> Result<Option<u64>> {
        let mut info = wmlb_target_info {
            struct_size: size_of::<wmlb_target_info>(),
            size: 0,
            modified: 0,
        };
        // SAFETY: the host gave the function to be called like this; the struct outlives the call.
        let hr = guard::host(|| unsafe { (self.stat)(self.ctx, &mut info) });
        check(hr, "stat")?;
        Ok((hr != WMLB_S_FALSE).then_some(info.size))
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let room = buffer.len();
        let mut len = room;
        // SAFETY: the host gave the function to be called like this; the buffer has room for as
        // many bytes as it is told, and outlives the call.
        let hr =
            guard::host(|| unsafe { (self.read)(self.ctx, offset, buffer.as_mut_ptr(), &mut len) });
        check(hr, "read")?;
        if len > room {
            return Err(Error::Argument(format!(
                "the host's target has read {len} bytes to a buffer of {room}"
            )));
        }
        Ok(len)
    }
}

fn check(hr: wmlb_hresult, action: &'static str) -> Result<()> {
    match hr {
        0.. => Ok(()),
        hr => Err(Error::HostTarget { action, hr }),
    }
}

/// Sets a target in place of the folders BackupPath and RestorePath, for all operations of this
/// restorer and for wmlb_restorer_enumerate_backup(). While it is set, those properties are not
/// used. What is running keeps the target that it started with.
///
/// With a target, WMLB_NS_E_DRM_BACKUP_EXISTS comes in the ERROR event only, since the starting
/// call does not call the target; WMLB_BACKUP_VERIFY is refused with WMLB_E_NOTIMPL; and the value
/// of the END event is "".
///
/// Parameters:
/// - restorer: the handle.
/// - ops: the functions, see wmlb_target_ops; copied. NULL: the folders are used again.
/// - ctx: is passed to the functions, and not touched otherwise. It and the functions must live as
///   long as they are set, and until operations and enumerations that started with them have
///   ended: after wmlb_restorer_wait() or, from another thread, wmlb_restorer_release(), they are
///   not called again.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_INVALIDARG: ops->struct_size is less than sizeof(wmlb_target_ops)
/// - WMLB_E_POINTER: a function is NULL, except reuse without WMLB_TARGET_REUSE
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wmlb_restorer_set_target(
    restorer: *mut wmlb_restorer,
    ops: *const wmlb_target_ops,
    ctx: *mut c_void,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        if ops.is_null() {
            restorer.set_target(None);
            return Ok(());
        }
        // SAFETY: not NULL, so a struct as the caller promises.
        let functions = unsafe { Functions::copy(ops, ctx) }?;
        restorer.set_target(Some(Arc::new(HostsTarget::new(functions))));
        Ok(())
    })
}

/// Sets an open descriptor as the target, as wmlb_restorer_set_target() sets functions: a document
/// that a system's dialog handed out, a file without a name, a pipe, a socket. The library uses a
/// duplicate of it, until another target is set or the restorer is released. To go back to the
/// folders, call wmlb_restorer_set_target() with NULL.
///
/// - A regular file is overwritten from its offset on, truncated after the backup, and flushed to
///   the disk. A backup that fails after its first byte truncates the file where it began. A
///   restore, a verification or an enumeration reads from its offset to its end. Each of them moves
///   the offset: set it back before the next. A 32-bit program opens it with O_LARGEFILE, as
///   -D_FILE_OFFSET_BITS=64 does, or the system ends it at 2 GiB.
/// - A pipe, socket or device is written as the backup is made, and read until its end. A backup
///   that fails leaves it incomplete, and readers refuse that as damaged. While the other end takes
///   or sends no bytes, the operation waits; it can be canceled. SIGPIPE is never raised.
/// - WMLB_BACKUP_OVERWRITE changes nothing. WMLB_BACKUP_VERIFY needs a regular file that is open
///   for reading and writing; else it is refused with WMLB_E_NOTIMPL.
/// - An operation whose direction the descriptor was not opened for is refused with
///   WMLB_E_ACCESSDENIED.
///
/// Parameters:
/// - restorer: the handle.
/// - fd: the descriptor.
///
/// Returns:
/// - WMLB_S_OK
/// - WMLB_E_HANDLE
/// - WMLB_E_INVALIDARG: fd is not an open descriptor
/// - WMLB_HRESULT_FROM_WIN32(4): no more descriptors can be opened
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_set_target_fd(
    restorer: *mut wmlb_restorer,
    fd: i32,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        if fd < 0 {
            return Err(Error::Argument("fd is not an open descriptor".to_owned()));
        }
        // SAFETY: not -1, and used in this call only, in which the system says whether it is open.
        let descriptor = Descriptor::duplicate(unsafe { BorrowedFd::borrow_raw(fd) })?;
        restorer.set_target(Some(Arc::new(descriptor)));
        Ok(())
    })
}
