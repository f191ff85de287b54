using System;
using System.Text;

namespace Wmlb.WindowsMedia
{
    /// <summary>WMT_STATUS of the SDK, as far as a backup restorer tells it.</summary>
    public enum Status
    {
        /// <summary>The operation failed; the code says why.</summary>
        Error = 0,

        /// <summary>The operation begins.</summary>
        BackupRestoreBegin = 21,

        /// <summary>The operation has ended; text: the backup file.</summary>
        BackupRestoreEnd = 27,

        /// <summary>Credentials are being checked.</summary>
        BackupRestoreConnecting = 28,

        /// <summary>Credentials have been checked.</summary>
        BackupRestoreDisconnecting = 29,

        /// <summary>The restore was refused; text: an address.</summary>
        ErrorWithUrl = 30,

        /// <summary>A license that may not be backed up; text: its key IDs, one a line.</summary>
        RestrictedLicense = 31,
    }

    /// <summary>WMT_ATTR_DATATYPE of the SDK.</summary>
    public enum AttrDataType
    {
        /// <summary>32 bits; also an event without a value, which points at 0.</summary>
        DWORD = 0,

        /// <summary>UTF-16 that ends with a NUL.</summary>
        STRING = 1,

        /// <summary>Bytes.</summary>
        BINARY = 2,

        /// <summary>32 bits.</summary>
        BOOL = 3,

        /// <summary>64 bits.</summary>
        QWORD = 4,

        /// <summary>16 bits.</summary>
        WORD = 5,

        /// <summary>A GUID.</summary>
        GUID = 6,
    }

    /// <summary>The SDK's flags.</summary>
    [Flags]
    public enum BackupRestoreFlags
    {
        /// <summary>None.</summary>
        None = 0,

        /// <summary>WM_BACKUP_OVERWRITE.</summary>
        OverWrite = 1,

        /// <summary>WM_RESTORE_INDIVIDUALIZE.</summary>
        Individualize = 2,
    }

    /// <summary>The application's: is told of an operation's events.</summary>
    public interface IWMStatusCallback
    {
        /// <summary>One event. pValue is valid during the call, and never zero.</summary>
        void OnStatus(Status iStatus, int hr, AttrDataType dwType, IntPtr pValue, IntPtr pvContext);
    }

    /// <summary>Backups.</summary>
    public interface IWMLicenseBackup
    {
        /// <summary>Starts a backup.</summary>
        /// <exception cref="WmlbException">It could not be started.</exception>
        void BackupLicenses(BackupRestoreFlags dwFlags, IWMStatusCallback pCallback);

        /// <summary>Cancels the backup that runs, if one does.</summary>
        void CancelLicenseBackup();
    }

    /// <summary>Restores.</summary>
    public interface IWMLicenseRestore
    {
        /// <summary>Starts a restore.</summary>
        /// <exception cref="WmlbException">It could not be started.</exception>
        void RestoreLicenses(BackupRestoreFlags dwFlags, IWMStatusCallback pCallback);

        /// <summary>Cancels the restore that runs, if one does.</summary>
        void CancelLicenseRestore();
    }

    /// <summary>Properties. A string is UTF-16 that ends with a NUL; lengths count bytes, those of
    /// names characters, and the NUL.</summary>
    public interface IWMBackupRestoreProps
    {
        /// <summary>How many are set.</summary>
        void GetPropCount(out short pcProps);

        /// <summary>One of those that are set.</summary>
        void GetPropByIndex(short wIndex, StringBuilder pwszName, ref short pcchNameLen,
            out AttrDataType pType, out byte[] pValue, ref short pcbLength);

        /// <summary>One by its name.</summary>
        void GetPropByName(string pszName, out AttrDataType pType, out byte[] pValue,
            ref short pcbLength);

        /// <summary>Sets one.</summary>
        void SetProp(string pszName, AttrDataType Type, byte[] pValue, short cbLength);

        /// <summary>Removes one.</summary>
        void RemoveProp(string pcwszName);

        /// <summary>Removes all.</summary>
        void RemoveAllProps();
    }

    /// <summary>The SDK's function.</summary>
    public static class WMUtils
    {
        /// <summary>Creates a backup restorer; cast it to the other interfaces, or to
        /// <see cref="BackupRestorer"/>. pCallback may be null: operations call the one they are
        /// started with.</summary>
        public static void WMCreateBackupRestorer(object pCallback, out IWMLicenseBackup ppBackup)
        {
            ppBackup = new BackupRestorer();
        }
    }
}
