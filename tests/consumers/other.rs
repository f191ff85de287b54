//! Another Rust library that a program may link beside this one; it has a runtime of its own.

#[unsafe(no_mangle)]
pub extern "C" fn other_catches() -> i32 {
    i32::from(std::panic::catch_unwind(|| panic!("on purpose")).is_err())
}
