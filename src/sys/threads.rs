//! The calling thread: its signals, its priority, its waiting, its end.

use std::cell::Cell;
use std::mem::MaybeUninit;

/// Ends the calling thread on the spot. For the copy of an operation's thread that a
/// fork inside a callback made: the child has no other thread, and nothing that the
/// operation's stack holds may be let go of twice.
pub fn end_thread() -> ! {
    #[cfg(target_os = "linux")]
    // SAFETY: exit(2), unlike exit(3), takes a number, ends this thread and runs nothing.
    unsafe {
        libc::syscall(libc::SYS_exit, 0);
    }
    // SAFETY: as above, for the process, which has no other thread.
    unsafe { libc::_exit(0) }
}

/// Blocks every signal for the calling thread, and so for the threads it starts, until
/// the value is dropped.
pub struct SignalsBlocked(libc::sigset_t);

impl SignalsBlocked {
    pub fn new() -> Self {
        let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
        let mut all = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: both point to a sigset_t of ours; zero bytes are a valid one, so
        // `before` is initialized even if the call failed, which it cannot: its
        // arguments are right.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            SignalsBlocked(before.assume_init())
        }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: the set was filled in by pthread_sigmask.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut());
        }
    }
}

thread_local! {
    static NICER: Cell<u32> = const { Cell::new(0) };
}

/// Makes the threads that the calling thread begins nicer than it by so many steps, until the
/// value is dropped.
pub struct NicerThreads {
    before: u32,
}

impl NicerThreads {
    pub fn new(steps: u32) -> Self {
        NicerThreads {
            before: NICER.replace(steps),
        }
    }

    pub(super) fn steps() -> u32 {
        NICER.get()
    }
}

impl Drop for NicerThreads {
    fn drop(&mut self) {
        NICER.set(self.before);
    }
}

/// Makes the calling thread, and so the threads it starts, nicer by this many steps to whoever
/// else wants the processor, and, unless that is none, to whoever else wants the disk. It never
/// raises a priority, and what the system refuses is left as it is.
///
/// Nothing where niceness belongs to the process: the host's own threads would pay for it.
pub(super) fn be_nicer(steps: u32) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if steps > 0 {
        lower_priority(steps);
        lower_disk_priority();
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = steps;
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn lower_priority(steps: u32) {
    use rustix::process::{getpriority_process, setpriority_process};
    const NICEST: i32 = 19;
    // No process stands for the calling thread here.
    let Ok(now) = getpriority_process(None) else {
        return;
    };
    let wanted = now.saturating_add_unsigned(steps).min(NICEST);
    if wanted > now {
        let _ = setpriority_process(None, wanted);
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn lower_disk_priority() {
    // Of the kernel's include/uapi/linux/ioprio.h.
    const WHO_PROCESS: libc::c_int = 1;
    const CLASS_SHIFT: libc::c_int = 13;
    const NO_CLASS: libc::c_long = 0;
    const BEST_EFFORT: libc::c_int = 2;
    const IDLE: libc::c_long = 3;
    const LAST_LEVEL: libc::c_int = 7;

    // SAFETY: it takes numbers, 0 for the calling thread, and gives one.
    let now = unsafe { libc::syscall(libc::SYS_ioprio_get, WHO_PROCESS, 0) };
    let has_less = match now >> CLASS_SHIFT {
        // Without a class the scheduling policy decides.
        NO_CLASS => {
            // SAFETY: as above.
            let policy = unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0) };
            let idle = libc::c_long::from(libc::SCHED_IDLE);
            policy < 0 || policy & !libc::c_long::from(libc::SCHED_RESET_ON_FORK) == idle
        }
        class => !(0..IDLE).contains(&class),
    };
    if has_less {
        return;
    }
    // Not the idle class, in which a backup might wait for ever for a busy disk.
    let wanted = BEST_EFFORT << CLASS_SHIFT | LAST_LEVEL;
    // SAFETY: as above.
    unsafe {
        libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, wanted);
    }
}

/// How often the calling thread has waited for something so far; 0 where that cannot be told.
pub fn thread_waits() -> u64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        /// Of the kernel's include/uapi/linux/resource.h: libc does not have it for each system.
        const OF_THREAD: libc::c_int = 1;
        // SAFETY: zero bytes are a valid `rusage`, a struct of numbers.
        let mut usage = unsafe { MaybeUninit::<libc::rusage>::zeroed().assume_init() };
        // SAFETY: the call writes to a `rusage`, which is ours.
        unsafe { libc::getrusage(OF_THREAD as _, &mut usage) };
        usage.ru_nvcsw as u64
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        0
    }
}
