//! The flags of operations.

constants! {
    backup_flags: u32 {
        /// Replaces the backup file that is there.
        WMLB_BACKUP_OVERWRITE = 0x1;
        /// Leaves out licenses that cannot be read, instead of failing. WMLB_STATUS_LICENSE_SKIPPED
        /// says which and why, and the backup ends with WMLB_NS_E_DRM_STORE_NOTALLSTORED in the
        /// END event. Running out of memory or of file descriptors is still a failure. Links and
        /// special files are left out with or without this flag, and do not change the result.
        WMLB_BACKUP_PARTIAL = 0x100;
        /// Reads the written file back from the disk and checks every hash before the file takes
        /// its name. Damage is WMLB_NS_E_DRM_BACKUP_CORRUPT. An encrypted backup is compared in
        /// its encrypted form, since the key that opens it may be elsewhere.
        WMLB_BACKUP_VERIFY = 0x200;
        /// Reads every license. Without this flag, and with WMLB_BACKUP_OVERWRITE, what has not
        /// changed since the backup that is replaced is taken from that: as far as it can be told
        /// without opening a license, by its size, its inode number and its times.
        WMLB_BACKUP_REREAD = 0x400;
        /// Lets a backup of a store without licenses replace a backup that has some. Without this
        /// flag it fails with WMLB_NS_E_DRM_LICENSE_STORE_ERROR, and the earlier backup stays:
        /// stores are emptied by faults and updates, too. With WMLB_BACKUP_PARTIAL, licenses that
        /// cannot be read do not count. A database whose license tables have no
        /// row counts as no license, as far as its schema is known (Chromium's); any other
        /// database is one license. An earlier backup that cannot be opened here counts as one
        /// that has licenses, unless it is too small for any.
        WMLB_BACKUP_EMPTY = 0x800;
    }
    restore_flags: u32 {
        /// The user agreed to bring licenses that were made on another device to this one.
        /// Without this flag, a backup from another device is refused.
        WMLB_RESTORE_INDIVIDUALIZE = 0x2;
        /// Replaces licenses in the store that differ from those in the backup. Without this
        /// flag they are kept, and reported with WMLB_STATUS_LICENSE_SKIPPED.
        WMLB_RESTORE_OVERWRITE = 0x100;
    }
    reading_flags: u32 {
        /// Takes a backup file that is not encrypted although Passphrase or Identities is set.
        /// Without this flag it is refused with WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD: the
        /// secret proves where a backup comes from; without it, anybody who can replace the file
        /// could have anything restored.
        WMLB_ALLOW_CLEAR = 0x1000;
    }
    generation_flags: u32 {
        /// It is the last backup: licenses.wmlb. Nothing removes it.
        WMLB_KEPT_CURRENT = 0x1;
        /// It is one of the newest generations.
        WMLB_KEPT_LAST = 0x2;
        /// It is the newest of its day, in UTC.
        WMLB_KEPT_DAILY = 0x4;
        /// It is the newest of its week, which begins on Monday.
        WMLB_KEPT_WEEKLY = 0x8;
        /// It is the newest of its month.
        WMLB_KEPT_MONTHLY = 0x10;
        /// It is the newest of its year.
        WMLB_KEPT_YEARLY = 0x20;
    }
    running_flags: u32 {
        /// Runs the operation on the calling thread: the call returns when it has ended, with its
        /// result. All functions of the host (callback, store, rights, authorizer) are called on
        /// that thread, whose signals and priority stay as they are. With Threads = 1 there is no
        /// other thread; otherwise, threads of the library compute, and never call the host. A call
        /// that is refused makes no event. In a callback of another restorer's operation it is
        /// refused with WMLB_E_ILLEGAL_METHOD_CALL.
        WMLB_RUN_HERE = 0x10000;
    }
    target_capabilities: u32 {
        /// publish can refuse in one step when there is a backup already.
        WMLB_TARGET_CREATE_ONLY = 0x1;
        /// read takes any offset.
        WMLB_TARGET_RANGES = 0x2;
        /// reuse exists: bytes of the published file need not be sent again.
        WMLB_TARGET_REUSE = 0x4;
    }
}
