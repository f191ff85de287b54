using System;

namespace Wmlb
{
    /// <summary>The library's result codes, with the values of Windows.</summary>
    public static class HResult
    {
        public const int S_OK = 0;
        public const int S_FALSE = 1;
        public const int E_NOTIMPL = -2147467263;
        public const int E_POINTER = -2147467261;
        public const int E_FAIL = -2147467259;
        public const int E_UNEXPECTED = -2147418113;
        public const int E_ILLEGAL_METHOD_CALL = -2147483634;
        public const int E_ACCESSDENIED = -2147024891;
        public const int E_HANDLE = -2147024890;
        public const int E_OUTOFMEMORY = -2147024882;
        public const int E_SHARING_VIOLATION = -2147024864;
        public const int E_INVALIDARG = -2147024809;
        public const int E_INSUFFICIENT_BUFFER = -2147024774;
        public const int E_TIMEOUT = -2147024638;
        public const int NS_E_BACKUP_RESTORE_BAD_DATA = -1072879803;
        public const int NS_E_BACKUP_RESTORE_FAILURE = -1072879827;
        public const int NS_E_DRM_BACKUPRESTORE_BUSY = -1072879804;
        public const int NS_E_DRM_BACKUP_CORRUPT = -1072879805;
        public const int NS_E_DRM_BACKUP_EXISTS = -1072879806;
        public const int NS_E_DRM_DATASTORE_CORRUPT = -1072879741;
        public const int NS_E_DRM_INVALID_LICENSE = -1072879848;
        public const int NS_E_DRM_INVALID_PROPERTY = -1072879799;
        public const int NS_E_DRM_UNSUPPORTED_PROPERTY = -1072879779;
        public const int NS_E_DRM_INVALID_SECURESTORE_PASSWORD = -1072879791;
        public const int NS_E_DRM_LICENSE_STORE_ERROR = -1072879854;
        public const int NS_E_DRM_LICENSE_STORE_SAVE_ERROR = -1072879852;
        public const int NS_E_DRM_NEEDS_INDIVIDUALIZATION = -1072879832;
        public const int NS_E_DRM_NOT_CONFIGURED = -1072879772;
        public const int NS_E_DRM_OPERATION_CANCELED = -1072879768;
        public const int NS_E_DRM_RESTORE_FRAUD = -1072879789;
        public const int NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE = -1072879546;
        public const int NS_E_DRM_STORE_NOTALLSTORED = -1072879777;
        public const int NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE = -1072879742;
    }

    /// <summary>Of every operation: on the calling thread.</summary>
    internal static class Flags
    {
        public const uint RunHere = 0x10000;
    }

    /// <summary>What an event says.</summary>
    public static class Status
    {
        public const int ERROR = 0;
        public const int BACKUPRESTORE_BEGIN = 21;
        public const int BACKUPRESTORE_END = 27;
        public const int BACKUPRESTORE_CONNECTING = 28;
        public const int BACKUPRESTORE_DISCONNECTING = 29;
        public const int ERROR_WITHURL = 30;
        public const int RESTRICTED_LICENSE = 31;
        public const int PROGRESS = 4096;
        public const int LICENSE_SKIPPED = 4097;
        public const int FEWER_LICENSES = 4098;
    }

    /// <summary>What a value is.</summary>
    public static class ValueType
    {
        public const int DWORD = 0;
        public const int STRING = 1;
        public const int BINARY = 2;
        public const int BOOL = 3;
        public const int QWORD = 4;
        public const int WORD = 5;
        public const int GUID = 6;
    }

    /// <summary>The names of the properties.</summary>
    public static class Property
    {
        public const string BACKUP_PATH = "BackupPath";
        public const string RESTORE_PATH = "RestorePath";
        public const string STORE_PATH = "StorePath";
        public const string ONLY = "Only";
        public const string DETAILS = "Details";
        public const string PASSPHRASE = "Passphrase";
        public const string RECIPIENTS = "Recipients";
        public const string IDENTITIES = "Identities";
        public const string COMPRESSION_LEVEL = "CompressionLevel";
        public const string THREADS = "Threads";
        public const string NICENESS = "Niceness";
        public const string UNSTATED_RIGHTS = "UnstatedRights";
        public const string KEEP = "Keep";
        public const string SAMPLE = "Sample";
    }

    /// <summary>How to back up.</summary>
    [Flags]
    public enum BackupFlags : uint
    {
        /// <summary>As it is by custom: an existing backup is kept.</summary>
        None = 0,

        /// <summary>Replace the backup file that is there.</summary>
        Overwrite = 1,

        /// <summary>Leave out licenses that cannot be read, instead of failing.</summary>
        Partial = 256,

        /// <summary>Read the file back from the disk before it takes its name.</summary>
        Verify = 512,

        /// <summary>Read also what has not changed since the backup that is replaced.</summary>
        Reread = 1024,

        /// <summary>A store without licenses may replace a backup that has some.</summary>
        Empty = 2048,
    }

    /// <summary>What keeps a generation of a backup.</summary>
    [Flags]
    public enum KeptBy : uint
    {
        /// <summary>Nothing does.</summary>
        None = 0,

        /// <summary>It is the last backup.</summary>
        Current = 1,

        /// <summary>It is one of the newest.</summary>
        Last = 2,

        /// <summary>It is the newest of its day.</summary>
        Daily = 4,

        /// <summary>It is the newest of its week.</summary>
        Weekly = 8,

        /// <summary>It is the newest of its month.</summary>
        Monthly = 16,

        /// <summary>It is the newest of its year.</summary>
        Yearly = 32,
    }

    /// <summary>How a store differs from a backup.</summary>
    public enum DifferenceKind
    {
        /// <summary>The store has the license, and the backup does not.</summary>
        Added = 1,

        /// <summary>The backup has the license, and the store does not.</summary>
        Removed = 2,

        /// <summary>Both have it, with different contents.</summary>
        Changed = 3,
    }

    /// <summary>How to restore.</summary>
    [Flags]
    public enum RestoreFlags : uint
    {
        /// <summary>As it is by custom: what is in the store is kept.</summary>
        None = 0,

        /// <summary>The user agreed to bring licenses of another device to this one.</summary>
        Individualize = 2,

        /// <summary>Replace licenses in the store that differ from those in the backup.</summary>
        Overwrite = 256,

        /// <summary>Take a backup that is not encrypted although a secret is set.</summary>
        AllowClear = 4096,
    }

    /// <summary>How a verification is done, joined by |.</summary>
    [Flags]
    public enum VerifyFlags : uint
    {
        /// <summary>As it is by custom.</summary>
        None = 0,

        /// <summary>Take a backup that is not encrypted although a secret is set.</summary>
        AllowClear = 4096,
    }

    /// <summary>Whether a license may be backed up.</summary>
    public enum Right
    {
        /// <summary>The license does not say.</summary>
        NotStated = 0,

        /// <summary>Its owner allows it.</summary>
        Allowed = 1,

        /// <summary>Its owner forbids it.</summary>
        Denied = 2,
    }
}
