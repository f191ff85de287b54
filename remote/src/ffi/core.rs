//! What wmlb.h declares, as far as it is used here.

use std::ffi::{c_char, c_void};

#[repr(C)]
pub struct wmlb_restorer {
    _private: [u8; 0],
}

#[repr(C)]
pub struct wmlb_target_info {
    pub struct_size: usize,
    pub size: u64,
    pub modified: i64,
}

type Hresult = i32;

#[repr(C)]
pub struct wmlb_target_ops {
    pub struct_size: usize,
    pub capabilities: u32,
    pub begin: Option<unsafe extern "C" fn(*mut c_void, u64) -> Hresult>,
    pub write: Option<unsafe extern "C" fn(*mut c_void, *const u8, usize) -> Hresult>,
    pub reuse: Option<unsafe extern "C" fn(*mut c_void, u64, u64) -> Hresult>,
    pub publish: Option<unsafe extern "C" fn(*mut c_void, i32) -> Hresult>,
    pub abandon: Option<unsafe extern "C" fn(*mut c_void)>,
    pub stat: Option<unsafe extern "C" fn(*mut c_void, *mut wmlb_target_info) -> Hresult>,
    pub read: Option<unsafe extern "C" fn(*mut c_void, u64, *mut u8, *mut usize) -> Hresult>,
}

#[repr(C)]
pub struct wmlb_generation_info {
    pub struct_size: usize,
    pub path: *const c_char,
    pub created: i64,
    pub size: u64,
    pub encrypted: i32,
    pub licenses: u64,
    pub bytes: u64,
    pub device_id: *const c_char,
    pub store: *const c_char,
    pub kept_by: u32,
}

pub type wmlb_generation_callback =
    Option<unsafe extern "C" fn(*const wmlb_generation_info, *mut c_void) -> Hresult>;

unsafe extern "C" {
    pub fn wmlb_restorer_set_target(
        restorer: *mut wmlb_restorer,
        ops: *const wmlb_target_ops,
        ctx: *mut c_void,
    ) -> Hresult;
}
