//! Memory for what is large and allocated in a way that cannot fail.

/// Memory for one large allocation that the calling thread is about to make; given back when this
/// is dropped and it was not made. Zero bytes are none.
pub struct SetAside(());

impl SetAside {
    /// None when there is not as much.
    pub fn new(bytes: usize) -> Option<Self> {
        match bytes {
            0 => Some(SetAside(())),
            _ => set_aside(bytes),
        }
    }
}

/// In a Rust program, whose allocator is its own, it can only be tried.
#[cfg(not(feature = "capi"))]
fn set_aside(bytes: usize) -> Option<SetAside> {
    let mut probe = Vec::<u8>::new();
    probe.try_reserve_exact(bytes).ok()?;
    // Without a use of it there would be no allocation.
    std::hint::black_box(&mut probe);
    Some(SetAside(()))
}

#[cfg(feature = "capi")]
pub use kept::take;
#[cfg(feature = "capi")]
use kept::{give_back, set_aside};

#[cfg(feature = "capi")]
impl Drop for SetAside {
    fn drop(&mut self) {
        give_back();
    }
}

#[cfg(feature = "capi")]
mod kept {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;
    use std::ptr::null_mut;

    use super::SetAside;

    /// Smaller allocations are not looked at.
    const LEAST: usize = 1 << 20;
    const ALIGNMENT: usize = 16;

    thread_local! {
        /// Zeroed memory of [`System`]'s, and how much.
        static KEPT: Cell<(*mut u8, usize)> = const { Cell::new((null_mut(), 0)) };
    }

    fn layout_of(bytes: usize) -> Option<Layout> {
        Layout::from_size_align(bytes, ALIGNMENT).ok()
    }

    pub fn set_aside(bytes: usize) -> Option<SetAside> {
        give_back();
        let bytes = bytes.max(LEAST);
        // SAFETY: the size is not 0.
        let memory = unsafe { System.alloc_zeroed(layout_of(bytes)?) };
        if memory.is_null() {
            return None;
        }
        KEPT.set((memory, bytes));
        Some(SetAside(()))
    }

    pub fn give_back() {
        let (memory, bytes) = KEPT.replace((null_mut(), 0));
        if let (false, Some(layout)) = (memory.is_null(), layout_of(bytes)) {
            // SAFETY: it was allocated with this layout, and nobody else has it.
            unsafe { System.dealloc(memory, layout) };
        }
    }

    /// What is kept, zeroed, if it does for this layout. It is then a block of [`System`]'s like
    /// others.
    pub fn take(layout: Layout) -> Option<*mut u8> {
        if layout.size() < LEAST || layout.align() > ALIGNMENT {
            return None;
        }
        let (memory, bytes) = KEPT.get();
        if memory.is_null() || layout.size() > bytes {
            return None;
        }
        KEPT.set((null_mut(), 0));
        Some(memory)
    }
}
