//! Bugs that are put in on purpose, so that the fault loops show that they would see them
//! (`tests/faults/seeded.py`). Only a library that is built with `--cfg wmlb_seeded` has them,
//! and of these the one that the environment names.

/// Each is one that a change could bring.
#[derive(Clone, Copy)]
pub enum Bug {
    /// The archive is put in place before the disk has it.
    ArchiveNotFlushed,
    /// The backup's new name may be lost with the power.
    NameNotFlushed,
    /// The disk says that it could not write, and nobody listens.
    FlushFailureIgnored,
    /// Licences are put in place before the disk has them.
    RestoreNotFlushed,
    /// What a killed restore left half done stays so.
    RestoreNotTakenBack,
    /// The earlier backup goes before the new one comes.
    ReplacedInTwoSteps,
    /// A backup that fails leaves its temporary file.
    TemporaryLeft,
    /// What killed backups left stays.
    LeftOverStays,
    /// Of a frame only the content is checked.
    FrameNotChecked,
    /// A read that gives less than was asked for counts as the end of the file.
    ShortReadIsTheEnd,
    /// What the disk does not give counts as damaged.
    UnreadableIsDamaged,
    /// Nothing is there for when there is no memory.
    #[cfg_attr(not(feature = "capi"), expect(dead_code))]
    NoReserve,
    /// A released handle still works.
    ReleasedStillWorks,
    /// A release does not wait for the operation's thread.
    ReleaseDoesNotWait,
    /// A licence that changed while it was read is saved as it was read.
    ChangedIsSaved,
    /// Nobody looks whether the operation is to end.
    DeafToCancel,
}

/// Whether the library has this bug.
#[cfg(not(wmlb_seeded))]
pub const fn has(_: Bug) -> bool {
    false
}

/// Whether the library has this bug.
#[cfg(wmlb_seeded)]
pub fn has(bug: Bug) -> bool {
    // Not by way of `std::env`, which allocates: the allocator asks too.
    // SAFETY: the name ends with a NUL, and nobody sets the variable while the library runs.
    let seeded = unsafe { libc::getenv(c"WMLB_SEEDED".as_ptr()) };
    if seeded.is_null() {
        return false;
    }
    // SAFETY: it is a string of the environment, which lives on.
    let seeded = unsafe { std::ffi::CStr::from_ptr(seeded) };
    seeded.to_bytes() == name(bug).as_bytes()
}

#[cfg(wmlb_seeded)]
const fn name(bug: Bug) -> &'static str {
    match bug {
        Bug::ArchiveNotFlushed => "archive-not-flushed",
        Bug::NameNotFlushed => "name-not-flushed",
        Bug::FlushFailureIgnored => "flush-failure-ignored",
        Bug::RestoreNotFlushed => "restore-not-flushed",
        Bug::RestoreNotTakenBack => "restore-not-taken-back",
        Bug::ReplacedInTwoSteps => "replaced-in-two-steps",
        Bug::TemporaryLeft => "temporary-left",
        Bug::LeftOverStays => "left-over-stays",
        Bug::FrameNotChecked => "frame-not-checked",
        Bug::ShortReadIsTheEnd => "short-read-is-the-end",
        Bug::UnreadableIsDamaged => "unreadable-is-damaged",
        Bug::NoReserve => "no-reserve",
        Bug::ReleasedStillWorks => "released-still-works",
        Bug::ReleaseDoesNotWait => "release-does-not-wait",
        Bug::ChangedIsSaved => "changed-is-saved",
        Bug::DeafToCancel => "deaf-to-cancel",
    }
}
