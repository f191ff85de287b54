//! Memory, when there is none.
//!
//! Much of what allocates cannot fail: the standard library's containers and the crates that use
//! them end the process when there is no memory. A C library must not. So in it (the feature
//! `capi`; a Rust program has its own allocator) what is small and cannot be had comes from a
//! [`Reserve`]; the operation, which looks at [`shortages`] at every step, ends as soon as it can,
//! and gives back what it had. What is large is asked for in a way that can fail.

#[cfg(feature = "encryption")]
use std::alloc::{GlobalAlloc, Layout, System};

/// Whether there is a little memory of the system's: after this, less than that can be had.
#[cfg(feature = "encryption")]
pub fn has_memory() -> bool {
    const TRIED: Layout = Layout::new::<[u64; 2048]>();
    // SAFETY: the size is not 0, and what is allocated is given back with the same layout.
    unsafe {
        let memory = System.alloc(TRIED);
        if memory.is_null() {
            return false;
        }
        // Without a use of it there would be no allocation.
        System.dealloc(std::hint::black_box(memory), TRIED);
    }
    true
}

/// The most bytes that may be asked for in a way that cannot fail: the reserve has blocks as large.
pub const SCRATCH: usize = 1 << 17;

/// How often so far the reserve was needed.
pub fn shortages() -> u64 {
    #[cfg(feature = "capi")]
    {
        allocator::SHORTAGES.load(std::sync::atomic::Ordering::Relaxed)
    }
    #[cfg(not(feature = "capi"))]
    {
        0
    }
}

#[cfg(feature = "capi")]
mod allocator {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::UnsafeCell;
    use std::ptr::{copy_nonoverlapping, null_mut};
    use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    pub static SHORTAGES: AtomicU64 = AtomicU64::new(0);

    #[global_allocator]
    static ALLOCATOR: WithReserve = WithReserve;

    static RESERVE: Reserve = Reserve {
        small: Pool::new(),
        medium: Pool::new(),
        large: Pool::new(),
        huge: Pool::new(),
    };

    /// Bytes from which on memory is aligned to lines of a processor's cache. What is read from a
    /// file goes there, mostly from where a page begins, and what malloc gives is 16 bytes behind
    /// such a place. To anywhere up to 63 bytes behind it, AMD's processors copy at less than a
    /// third of their speed (sourceware.org's bug 30994).
    const LARGE: usize = 1 << 16;
    const LINE: usize = 64;

    fn aligned(layout: Layout) -> Layout {
        if layout.size() < LARGE {
            return layout;
        }
        layout.align_to(LINE).unwrap_or(layout)
    }

    /// What was set aside for an allocation like this.
    fn from_set_aside(layout: Layout) -> Option<*mut u8> {
        #[cfg(feature = "encryption")]
        {
            crate::sys::set_aside::take(layout)
        }
        #[cfg(not(feature = "encryption"))]
        {
            let _ = layout;
            None
        }
    }

    /// The system's allocator, and the reserve for what it does not have.
    struct WithReserve;

    // SAFETY: memory is that of `System`, whose blocks do not depend on the layout, or a
    // block of the reserve that nobody else has, large and aligned enough.
    unsafe impl GlobalAlloc for WithReserve {
        // Not inlined: what allocates is all over the library.
        #[inline(never)]
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            if let Some(memory) = from_set_aside(layout) {
                return memory;
            }
            // SAFETY: the caller's promises are the same, and more alignment is no less.
            let memory = unsafe { System.alloc(aligned(layout)) };
            if memory.is_null() {
                RESERVE.take(layout)
            } else {
                memory
            }
        }

        #[inline(never)]
        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            if let Some(memory) = from_set_aside(layout) {
                return memory;
            }
            // SAFETY: the caller's promises are the same.
            let memory = unsafe { System.alloc_zeroed(layout) };
            if !memory.is_null() {
                return memory;
            }
            let memory = RESERVE.take(layout);
            if !memory.is_null() {
                // SAFETY: the block is as large as the layout.
                unsafe { memory.write_bytes(0, layout.size()) };
            }
            memory
        }

        #[inline(never)]
        unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
            if !RESERVE.put_back(memory) {
                // SAFETY: so it is `System`'s, and the caller's promises are the same.
                unsafe { System.dealloc(memory, layout) };
            }
        }

        #[inline(never)]
        unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            let owned = RESERVE.block_of(memory);
            if owned.is_some_and(|block| size <= block) {
                return memory;
            }
            // SAFETY: the caller promises that the size fits the alignment.
            let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
            let becomes_large = layout.size() < LARGE && size >= LARGE;
            let moved = match owned {
                // SAFETY: it is `System`'s, and the caller's promises are the same.
                None if !becomes_large => match unsafe { System.realloc(memory, layout, size) } {
                    moved if moved.is_null() => RESERVE.take(wanted),
                    moved => return moved,
                },
                // SAFETY: the size is not 0, as the caller promises.
                _ => unsafe { self.alloc(wanted) },
            };
            if !moved.is_null() {
                // SAFETY: both are as large, and they are two blocks.
                unsafe { copy_nonoverlapping(memory, moved, size.min(layout.size())) };
                // SAFETY: the caller gave it with its layout, and does not use it again.
                unsafe { self.dealloc(memory, layout) };
            }
            moved
        }
    }

    /// Blocks of a few sizes, in memory that the system gives when it is first touched: in a
    /// process that never runs short it costs addresses only. No lock is taken, so that a fork
    /// finds none held. It is far more than an operation asks for between two of its steps.
    struct Reserve {
        small: Pool<{ 1 << 7 }, 256>,
        medium: Pool<{ 1 << 11 }, 16>,
        large: Pool<{ 1 << 14 }, 2>,
        huge: Pool<{ super::SCRATCH }, 1>,
    }

    impl Reserve {
        /// Null when there is no such block.
        #[cold]
        fn take(&self, layout: Layout) -> *mut u8 {
            let block = self.small.take(layout);
            let block = block.or_else(|| self.medium.take(layout));
            let block = block.or_else(|| self.large.take(layout));
            let block = block.or_else(|| self.huge.take(layout));
            if block.is_some() {
                SHORTAGES.fetch_add(1, Ordering::Relaxed);
            }
            block.unwrap_or(null_mut())
        }

        /// The size of the block that this memory is; None of memory that is not the reserve's.
        fn block_of(&self, memory: *mut u8) -> Option<usize> {
            let offset = (memory as usize).wrapping_sub(std::ptr::from_ref(self) as usize);
            if offset >= size_of::<Reserve>() {
                return None;
            }
            let pools = [
                self.small.size_of(memory),
                self.medium.size_of(memory),
                self.large.size_of(memory),
                self.huge.size_of(memory),
            ];
            pools.into_iter().flatten().next()
        }

        /// False of memory that is not the reserve's.
        fn put_back(&self, memory: *mut u8) -> bool {
            self.block_of(memory).is_some()
                && (self.small.put_back(memory)
                    || self.medium.put_back(memory)
                    || self.large.put_back(memory)
                    || self.huge.put_back(memory))
        }
    }

    /// So many times 32 blocks of one size, and which of them are taken.
    #[repr(C, align(4096))]
    struct Pool<const BLOCK: usize, const WORDS: usize> {
        blocks: UnsafeCell<[[[u8; BLOCK]; 32]; WORDS]>,
        taken: [AtomicU32; WORDS],
    }

    // SAFETY: a block is written to only by whoever took it, which `taken` sees to.
    unsafe impl<const BLOCK: usize, const WORDS: usize> Sync for Pool<BLOCK, WORDS> {}

    impl<const BLOCK: usize, const WORDS: usize> Pool<BLOCK, WORDS> {
        const fn new() -> Self {
            Pool {
                blocks: UnsafeCell::new([[[0; BLOCK]; 32]; WORDS]),
                taken: [const { AtomicU32::new(0) }; WORDS],
            }
        }

        fn take(&self, layout: Layout) -> Option<*mut u8> {
            // Blocks are aligned to their size, up to a page.
            if layout.size() > BLOCK || layout.align() > BLOCK.min(4096) {
                return None;
            }
            for (number, word) in self.taken.iter().enumerate() {
                loop {
                    let free = !word.load(Ordering::Relaxed);
                    if free == 0 {
                        break;
                    }
                    let bit = free.trailing_zeros();
                    if word.fetch_or(1 << bit, Ordering::Acquire) & 1 << bit == 0 {
                        let offset = (number * 32 + bit as usize) * BLOCK;
                        // SAFETY: the offset is that of a block in the array.
                        return Some(unsafe { self.blocks.get().cast::<u8>().add(offset) });
                    }
                }
            }
            None
        }

        fn number_of(&self, memory: *mut u8) -> Option<usize> {
            let offset = (memory as usize).wrapping_sub(self.blocks.get() as usize);
            (offset < BLOCK * 32 * WORDS).then_some(offset / BLOCK)
        }

        fn size_of(&self, memory: *mut u8) -> Option<usize> {
            self.number_of(memory).map(|_| BLOCK)
        }

        fn put_back(&self, memory: *mut u8) -> bool {
            let Some(number) = self.number_of(memory) else {
                return false;
            };
            self.taken[number / 32].fetch_and(!(1 << (number % 32)), Ordering::Release);
            true
        }
    }
}
