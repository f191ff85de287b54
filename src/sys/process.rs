//! Which process this is. Its ID alone does not tell: in a new PID namespace, the child of a
//! process 1 is a process 1 too, as in a container.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// A process, different from every one that it was forked from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    id: u32,
    /// A number from memory that a fork wipes; 0 where there is no such memory.
    number: u64,
}

impl Process {
    /// Whether it is the one that calls.
    pub fn is_this(self) -> bool {
        match wiped_on_fork() {
            // No system call: a child's number is another.
            Some(word) if self.number != 0 => number_in(word) == self.number,
            _ => self == this_process(),
        }
    }
}

/// The process that calls. It takes no lock, so that a fork at any moment does no harm.
pub fn this_process() -> Process {
    Process {
        id: std::process::id(),
        number: wiped_on_fork().map_or(0, number_in),
    }
}

/// The number in a word that may have been wiped.
fn number_in(word: &AtomicU64) -> u64 {
    /// The last number that was given out here, or by a process that this one was forked from.
    static LAST: AtomicU64 = AtomicU64::new(0);
    match word.load(Ordering::Relaxed) {
        0 => {
            let next = LAST.fetch_add(1, Ordering::Relaxed) + 1;
            let taken = word.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed);
            taken.err().unwrap_or(next)
        }
        number => number,
    }
}

/// A word that is 0 in a child: one for the whole process and its children.
fn wiped_on_fork() -> Option<&'static AtomicU64> {
    static WORD: AtomicPtr<AtomicU64> = AtomicPtr::new(null_mut());
    /// Its address stands for a system that has no such memory.
    static NONE: AtomicU64 = AtomicU64::new(0);
    let none = std::ptr::from_ref(&NONE).cast_mut();
    let mut word = WORD.load(Ordering::Acquire);
    if word.is_null() {
        let new = map().unwrap_or(none);
        word = match WORD.compare_exchange(null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => new,
            Err(first) => {
                if new != none {
                    unmap(new);
                }
                first
            }
        };
    }
    // SAFETY: it is mapped, and never unmapped again.
    (word != none).then(|| unsafe { &*word })
}

/// Zeroed memory that is zeroed again in a child.
#[cfg(linux_kernel)]
fn map() -> Option<*mut AtomicU64> {
    // SAFETY: new memory, which nothing else knows of; advice does not change what it may be
    // used for.
    unsafe {
        let memory = libc::mmap(
            null_mut(),
            size_of::<AtomicU64>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        if memory == libc::MAP_FAILED {
            return None;
        }
        let word = memory.cast::<AtomicU64>();
        // Kernels before 4.14 do not have it.
        if libc::madvise(memory, size_of::<AtomicU64>(), libc::MADV_WIPEONFORK) != 0 {
            unmap(word);
            return None;
        }
        Some(word)
    }
}

#[cfg(not(linux_kernel))]
fn map() -> Option<*mut AtomicU64> {
    None
}

fn unmap(word: *mut AtomicU64) {
    // SAFETY: it was mapped with this size, and nobody else has seen it.
    unsafe { libc::munmap(word.cast(), size_of::<AtomicU64>()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_on_every_thread() {
        let here = this_process();
        let others: Vec<_> = (0..8).map(|_| std::thread::spawn(this_process)).collect();
        for other in others {
            assert_eq!(other.join().expect("a thread"), here);
        }
    }

    #[test]
    fn a_word_that_was_wiped_gets_a_new_number() {
        let word = AtomicU64::new(0);
        let first = number_in(&word);
        assert_ne!(first, 0);
        assert_eq!(number_in(&word), first);
        word.store(0, Ordering::Relaxed);
        assert!(number_in(&word) > first);
    }
}
