//! The functions that the library calls for a target. Their context is a handle dressed as a
//! pointer: one that is no longer known is an error, and is not touched.

use std::ffi::c_void;

use super::core::{wmlb_target_info, wmlb_target_ops};
use super::guard;
use crate::error::{Error, HANDLE, Result, S_FALSE, S_OK};
use crate::flags::{WMLB_TARGET_CREATE_ONLY, WMLB_TARGET_RANGES, WMLB_TARGET_REUSE};
use crate::registry;
use crate::target::Target;

pub const OPS: wmlb_target_ops = wmlb_target_ops {
    struct_size: size_of::<wmlb_target_ops>(),
    capabilities: WMLB_TARGET_CREATE_ONLY | WMLB_TARGET_RANGES | WMLB_TARGET_REUSE,
    begin: Some(begin),
    write: Some(write),
    reuse: Some(reuse),
    publish: Some(publish),
    abandon: Some(abandon),
    stat: Some(stat),
    read: Some(read),
};

fn on_target(ctx: *mut c_void, body: impl FnOnce(&Target) -> Result<i32>) -> i32 {
    match guard::catch(|| registry::find_target(ctx as usize)) {
        Ok(target) => guard::entry_on(target.remote(), || body(&target)),
        Err(_) => HANDLE,
    }
}

unsafe extern "C" fn begin(ctx: *mut c_void, _size_hint: u64) -> i32 {
    on_target(ctx, |target| target.begin().map(|()| S_OK))
}

unsafe extern "C" fn write(ctx: *mut c_void, data: *const u8, len: usize) -> i32 {
    on_target(ctx, |target| {
        if data.is_null() {
            return Err(Error::null("data"));
        }
        // SAFETY: the library passes that many bytes, which are valid during the call.
        let data = unsafe { std::slice::from_raw_parts(data, len) };
        target.write(data).map(|()| S_OK)
    })
}

unsafe extern "C" fn reuse(ctx: *mut c_void, offset: u64, len: u64) -> i32 {
    on_target(ctx, |target| {
        let end = offset
            .checked_add(len)
            .ok_or_else(|| Error::argument("len"))?;
        target.reuse(offset..end).map(|()| S_OK)
    })
}

unsafe extern "C" fn publish(ctx: *mut c_void, overwrite: i32) -> i32 {
    on_target(ctx, |target| target.publish(overwrite != 0).map(|()| S_OK))
}

unsafe extern "C" fn abandon(ctx: *mut c_void) {
    on_target(ctx, |target| {
        target.abandon();
        Ok(S_OK)
    });
}

unsafe extern "C" fn stat(ctx: *mut c_void, info: *mut wmlb_target_info) -> i32 {
    on_target(ctx, |target| {
        let Some(told) = target.stat()? else {
            return Ok(S_FALSE);
        };
        if info.is_null() {
            return Err(Error::null("info"));
        }
        // SAFETY: the library passes a struct of its own, which has these fields.
        unsafe {
            (*info).size = told.size;
            (*info).modified = told.modified;
        }
        Ok(S_OK)
    })
}

unsafe extern "C" fn read(ctx: *mut c_void, offset: u64, buffer: *mut u8, len: *mut usize) -> i32 {
    on_target(ctx, |target| {
        if buffer.is_null() || len.is_null() {
            return Err(Error::null("buffer"));
        }
        // SAFETY: the library passes the room that there is, and a buffer of that many bytes that
        // it has written to.
        let room = unsafe { std::slice::from_raw_parts_mut(buffer, *len) };
        let count = target.read(offset, room)?;
        // SAFETY: as above.
        unsafe { *len = count };
        Ok(S_OK)
    })
}
