using System;
using System.Text.RegularExpressions;

namespace Wmlb
{
    /// <summary>What the library answers when something fails. The message names the path and
    /// the cause.</summary>
    public class WmlbException : Exception
    {
        internal WmlbException(int code, string message) : base(message)
        {
            HResult = code;
        }

        /// <summary>The result code: one of <see cref="Wmlb.HResult"/>, or that of an error of the
        /// system.</summary>
        public int Code => HResult;

        /// <summary>The code's name, such as "NS_E_DRM_BACKUP_EXISTS".</summary>
        public string Name => Utf8.Text(Native.wmlb_hresult_name(HResult));

        /// <summary>The library's words about its flags, and what they are called here.</summary>
        private static readonly string[,] OwnWords =
        {
            { ", and WMLB_BACKUP_OVERWRITE was not given", ": BackupFlags.Overwrite replaces it" },
            { "since WMLB_BACKUP_EMPTY was not given", "unless BackupFlags.Empty is given" },
            {
                ", and WMLB_RESTORE_INDIVIDUALIZE was not given",
                ": RestoreFlags.Individualize allows it"
            },
            { "WMLB_BACKUP_VERIFY", "BackupFlags.Verify" },
        };

        /// <summary>The exception for a failed call or operation.</summary>
        internal static WmlbException Of(int code, string words)
        {
            string message = string.IsNullOrEmpty(words)
                ? Utf8.Text(Native.wmlb_hresult_message(code))
                : words;
            for (int row = 0; row < OwnWords.GetLength(0); row++)
            {
                message = message.Replace(OwnWords[row, 0], OwnWords[row, 1]);
            }
            // The number of a system's error, which its words precede.
            message = Regex.Replace(message, @" \(os error \d+\)", "");
            switch (code)
            {
                case Wmlb.HResult.NS_E_DRM_BACKUP_EXISTS:
                    return new BackupExistsException(code, message);
                case Wmlb.HResult.NS_E_DRM_BACKUP_CORRUPT:
                    return new BackupDamagedException(code, message);
                case Wmlb.HResult.NS_E_DRM_INVALID_SECURESTORE_PASSWORD:
                    return new WrongSecretException(code, message);
                case Wmlb.HResult.NS_E_DRM_NEEDS_INDIVIDUALIZATION:
                    return new OtherDeviceException(code, message);
                case Wmlb.HResult.NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE:
                    return new StoreException(code, message);
                case Wmlb.HResult.NS_E_DRM_BACKUPRESTORE_BUSY:
                    return new BusyException(code, message);
                default:
                    return new WmlbException(code, message);
            }
        }
    }

    /// <summary>There is a backup file, and it was not to be overwritten.</summary>
    public sealed class BackupExistsException : WmlbException
    {
        internal BackupExistsException(int code, string message) : base(code, message)
        {
        }
    }

    /// <summary>The backup file is damaged.</summary>
    public sealed class BackupDamagedException : WmlbException
    {
        internal BackupDamagedException(int code, string message) : base(code, message)
        {
        }
    }

    /// <summary>The passphrase or the identity does not open the backup.</summary>
    public sealed class WrongSecretException : WmlbException
    {
        internal WrongSecretException(int code, string message) : base(code, message)
        {
        }
    }

    /// <summary>The backup was made on another device, and the restore was not told to bring it to
    /// this one.</summary>
    public sealed class OtherDeviceException : WmlbException
    {
        internal OtherDeviceException(int code, string message) : base(code, message)
        {
        }
    }

    /// <summary>The license store is missing, or is not a store.</summary>
    public sealed class StoreException : WmlbException
    {
        internal StoreException(int code, string message) : base(code, message)
        {
        }
    }

    /// <summary>The restorer, a database in the store, or its player is busy.</summary>
    public sealed class BusyException : WmlbException
    {
        internal BusyException(int code, string message) : base(code, message)
        {
        }
    }

    /// <summary>The host refused the restore, and named an address to go to.</summary>
    public sealed class RestoreRefusedException : WmlbException
    {
        internal RestoreRefusedException(int code, string url)
            : base(code, "the restore was refused: " + url)
        {
            Url = url;
        }

        /// <summary>The address.</summary>
        public string Url { get; }
    }
}
