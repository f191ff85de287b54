//! Memory for secrets: pages of their own, which are not written to a core dump, to swap space or
//! to the memory of a child, as far as the system lets them be, and wiped in the end.

use std::ptr::{NonNull, null_mut};

use zeroize::Zeroize;

/// Bytes in memory for secrets.
pub struct SecretBytes {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: nothing changes the bytes as long as there is a reference to them.
unsafe impl Send for SecretBytes {}
// SAFETY: as above.
unsafe impl Sync for SecretBytes {}

impl SecretBytes {
    /// A copy; None if there is no memory for it.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        // No memory can be mapped for no bytes.
        let size = bytes.len().max(1);
        // SAFETY: new memory, which nothing else knows of.
        let memory = unsafe {
            libc::mmap(
                null_mut(),
                size,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANON,
                -1,
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return None;
        }
        let start = NonNull::new(memory.cast::<u8>())?;
        // SAFETY: that memory, which has room for the bytes. Where the system refuses the advice,
        // or to lock so much (RLIMIT_MEMLOCK), the secret is kept without.
        unsafe {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            {
                libc::madvise(memory, size, libc::MADV_DONTDUMP);
                libc::madvise(memory, size, libc::MADV_WIPEONFORK);
            }
            #[cfg(target_os = "freebsd")]
            libc::madvise(memory, size, libc::MADV_NOCORE);
            libc::mlock(memory, size);
            start.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        }
        Some(SecretBytes {
            start,
            length: bytes.len(),
        })
    }

    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: so many bytes were copied there.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        // SAFETY: so many bytes are there, and nobody has a reference to them any more.
        unsafe {
            std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length).zeroize();
            libc::munmap(self.start.as_ptr().cast(), self.length.max(1));
        }
    }
}

/// Clears the vector registers that a function may leave as it likes. What copies a secret leaves
/// pieces of it in them, and on aarch64 every function with a variable number of arguments,
/// such as the host's next `open`, saves them on its stack.
pub fn clear_vector_registers() {
    #[cfg(target_arch = "aarch64")]
    {
        macro_rules! clear {
            ($($register:tt)*) => {
                // SAFETY: it changes these registers alone, and tells that it does.
                unsafe {
                    std::arch::asm!(
                        $(concat!("movi ", $register, ".2d, #0"),)*
                        $(out($register) _,)*
                        options(nomem, nostack, preserves_flags),
                    )
                }
            };
        }
        clear!(
            "v0" "v1" "v2" "v3" "v4" "v5" "v6" "v7" "v16" "v17" "v18" "v19" "v20" "v21" "v22" "v23"
            "v24" "v25" "v26" "v27" "v28" "v29" "v30" "v31"
        );
    }
}
