//! The numbers that events and lists carry.

constants! {
    statuses: i32 {
        /// The operation failed or was canceled; the last event. hr is the reason. Value: string,
        /// the message.
        WMLB_STATUS_ERROR = 0;
        /// The operation has begun: the first event of a backup or a verification. In a restore,
        /// nothing was touched before it. No value.
        WMLB_STATUS_BACKUPRESTORE_BEGIN = 21;
        /// The operation succeeded; the last event. hr is WMLB_S_OK or
        /// WMLB_NS_E_DRM_STORE_NOTALLSTORED. Value: string, the path of the backup file.
        WMLB_STATUS_BACKUPRESTORE_END = 27;
        /// A restore begins to check credentials and authorization. No value.
        WMLB_STATUS_BACKUPRESTORE_CONNECTING = 28;
        /// A restore has checked credentials and authorization. No value.
        WMLB_STATUS_BACKUPRESTORE_DISCONNECTING = 29;
        /// The authorizer refused the restore; the last event. hr is its answer. Value: string,
        /// the address that the user may go to.
        WMLB_STATUS_ERROR_WITHURL = 30;
        /// A license is left out because its owner forbids backup. Value: string, the key IDs of
        /// the license, separated by newlines. A license without key IDs is named by its license ID
        /// (format "lcp") or its name (all others). The text is untrusted, and may contain control
        /// characters.
        WMLB_STATUS_RESTRICTED_LICENSE = 31;
        /// The progress of the operation: at most 20 of these events a second, and one after the
        /// last license. Value: binary, a wmlb_progress.
        WMLB_STATUS_PROGRESS = 0x1000;
        /// A license, or something else found in the store, is left out; in a restore, a license
        /// in the store stays as it is. Value: string, the name: its path in the store, with
        /// U+FFFD for bytes that are not UTF-8; with WMLB_BACKUP_PARTIAL possibly the path of a
        /// folder that cannot be listed. hr is the reason:
        /// - WMLB_E_ACCESSDENIED: a link or a special file, or, in a restore, one that is in the
        ///   way of a license;
        /// - WMLB_HRESULT_FROM_WIN32(80): in a restore, a license that differs;
        /// - anything else: the error with which the license could not be read.
        WMLB_STATUS_LICENSE_SKIPPED = 0x1001;
        /// A backup has fewer than half the licenses of the one that it is about to replace; it
        /// comes before the last PROGRESS. A negative answer cancels, and the earlier backup stays.
        /// It does not come if the earlier backup cannot be opened with the secrets that are set.
        /// Value: binary, two uint64_t in the byte order of the machine: the licenses of the
        /// earlier backup, and those of this one. A database is one license.
        WMLB_STATUS_FEWER_LICENSES = 0x1002;
    }
    value_types: i32 {
        /// A uint32_t in the byte order of the machine. Also the type of an event that carries
        /// no value.
        WMLB_TYPE_DWORD = 0;
        /// A string in UTF-8.
        WMLB_TYPE_STRING = 1;
        /// Bytes, or a struct that the status names.
        WMLB_TYPE_BINARY = 2;
        /// A 32-bit truth value.
        WMLB_TYPE_BOOL = 3;
        /// A uint64_t in the byte order of the machine.
        WMLB_TYPE_QWORD = 4;
        /// A uint16_t in the byte order of the machine.
        WMLB_TYPE_WORD = 5;
        /// The 16 bytes of a GUID.
        WMLB_TYPE_GUID = 6;
    }
    rights: i32 {
        /// The license does not state it, or states it under a condition that is not evaluated
        /// here.
        WMLB_RIGHT_NOT_STATED = 0;
        /// The owner allows backup.
        WMLB_RIGHT_ALLOWED = 1;
        /// The owner forbids backup.
        WMLB_RIGHT_DENIED = 2;
    }
    differences: i32 {
        /// The store has the license, and the backup does not: a backup would add it.
        WMLB_DIFFERENCE_ADDED = 1;
        /// The backup has the license, and the store does not: a restore would bring it back.
        WMLB_DIFFERENCE_REMOVED = 2;
        /// Both have it, with different contents: a restore with WMLB_RESTORE_OVERWRITE would bring
        /// back that of the backup.
        WMLB_DIFFERENCE_CHANGED = 3;
    }
    versions: u32 {
        /// The version of the interface in this header; wmlb_abi_version() is that of the library
        /// that is loaded. Only a change that breaks existing programs raises it.
        WMLB_ABI_VERSION = 1;
    }
}
