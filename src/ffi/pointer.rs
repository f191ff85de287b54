//! Reading and writing through the caller's pointers.
//!
//! Every function here takes NULL and unaligned pointers. A pointer that does not point to what
//! the header says is the caller's fault, and cannot be told from a good one.

use std::borrow::Cow;
use std::ffi::{CStr, c_char};

use crate::error::{Error, Result};

/// No property needs more, and a length that was read from the wrong place is mostly larger.
const LONGEST_VALUE: usize = 1 << 20;

/// A NUL-terminated string of the caller.
///
/// # Safety
/// `text` is NULL or points to such a string, which stays as it is during the borrow.
unsafe fn c_str<'a>(text: *const c_char, name: &'static str) -> Result<&'a CStr> {
    if text.is_null() {
        return Err(Error::Null(name));
    }
    // SAFETY: not NULL, so a string as the caller promises.
    Ok(unsafe { CStr::from_ptr(text) })
}

/// The name of a property. A name that is not UTF-8 belongs to no property.
///
/// # Safety
/// As [`c_str`].
pub unsafe fn name<'a>(text: *const c_char) -> Result<Cow<'a, str>> {
    // SAFETY: the caller's promise.
    Ok(unsafe { c_str(text, "name") }?.to_string_lossy())
}

/// The bytes of a string that is a property's value.
///
/// # Safety
/// As [`c_str`].
pub unsafe fn path<'a>(text: *const c_char) -> Result<&'a [u8]> {
    // SAFETY: the caller's promise.
    Ok(unsafe { c_str(text, "path") }?.to_bytes())
}

/// The bytes of a property's value; the name of the property is for messages.
///
/// # Safety
/// `value` is NULL or points to `length` bytes, which stay as they are during the borrow.
pub unsafe fn value<'a>(value: *const u8, length: usize, property: &str) -> Result<&'a [u8]> {
    if value.is_null() {
        return Err(Error::Null("value"));
    }
    if length > LONGEST_VALUE {
        return Err(Error::Argument(format!(
            "property {property}: the value has {length} bytes, more than {LONGEST_VALUE}"
        )));
    }
    // SAFETY: not NULL, so `length` bytes as the caller promises.
    Ok(unsafe { std::slice::from_raw_parts(value, length) })
}

/// Writes a value to the caller's variable.
///
/// # Safety
/// `variable` is NULL or may be written to.
pub unsafe fn write<T>(variable: *mut T, value: T, name: &'static str) -> Result<()> {
    if variable.is_null() {
        return Err(Error::Null(name));
    }
    // SAFETY: not NULL, so writable as the caller promises.
    unsafe { variable.write_unaligned(value) };
    Ok(())
}

/// A buffer of the caller, and the variable of its length, for getters that are called twice.
pub struct Output<T> {
    buffer: *mut T,
    length: *mut usize,
    capacity: usize,
}

impl<T> Output<T> {
    /// # Safety
    /// `length` is NULL or points to a size; `buffer` is NULL or has room for that many
    /// bytes. Both stay so as long as the value lives.
    pub unsafe fn new(buffer: *mut T, length: *mut usize, name: &'static str) -> Result<Self> {
        if length.is_null() {
            return Err(Error::Null(name));
        }
        let capacity = if buffer.is_null() {
            0
        } else {
            // SAFETY: not NULL, so readable as the caller promises.
            unsafe { length.read_unaligned() }
        };
        Ok(Output {
            buffer,
            length,
            capacity,
        })
    }

    /// Writes the size that is needed. It is an error if there is a buffer and it is too small;
    /// nothing else is written then.
    pub fn fit(&self, bytes: &[u8]) -> Result<()> {
        // SAFETY: not NULL, so writable as was promised at the start.
        unsafe { self.length.write_unaligned(bytes.len()) };
        if self.buffer.is_null() || bytes.len() <= self.capacity {
            Ok(())
        } else {
            Err(Error::BufferTooSmall)
        }
    }

    /// Writes the bytes, which fit.
    pub fn fill(&self, bytes: &[u8]) {
        if !self.buffer.is_null() {
            let length = bytes.len().min(self.capacity);
            // SAFETY: the buffer has room for `capacity` bytes, as was promised at the start,
            // and is the caller's, so it does not overlap ours.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.buffer.cast(), length) };
        }
    }
}

/// Looks whether the caller's struct can be filled in; how many of its bytes the caller knows.
///
/// # Safety
/// `T` begins with its `struct_size`, and `out` is NULL or points to a struct of as many bytes as
/// its own says.
pub unsafe fn check_struct<T>(out: *const T, name: &'static str) -> Result<usize> {
    if out.is_null() {
        return Err(Error::Null(name));
    }
    // SAFETY: the first field is there in every version of the struct.
    let known = unsafe { out.cast::<usize>().read_unaligned() };
    if known < size_of::<usize>() {
        return Err(Error::Argument(format!(
            "struct_size is {known}, less than its own field takes"
        )));
    }
    Ok(known.min(size_of::<T>()))
}

/// Fills in the caller's struct as far as the caller knows it; its `struct_size` stays.
///
/// # Safety
/// As [`check_struct`].
pub unsafe fn write_struct<T>(out: *mut T, value: &T, name: &'static str) -> Result<()> {
    // SAFETY: the caller's promise.
    let known = unsafe { check_struct(out, name) }?;
    let first = size_of::<usize>();
    // SAFETY: both structs have `known` bytes, and do not overlap.
    unsafe {
        let from = std::ptr::from_ref(value).cast::<u8>().add(first);
        let to = out.cast::<u8>().add(first);
        std::ptr::copy_nonoverlapping(from, to, known - first);
    }
    Ok(())
}
