using System;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Wmlb.WindowsMedia
{
    /// <summary>The SDK's backup restorer object over a <see cref="Wmlb.Restorer"/>, for programs
    /// that call the SDK's interfaces where there is no COM. What differs from the SDK is in
    /// include/wmlb_wmsdk.hpp; events that the SDK does not have are those of
    /// <see cref="Restorer"/> only.</summary>
    public sealed class BackupRestorer : IWMLicenseBackup, IWMLicenseRestore, IWMBackupRestoreProps,
        IDisposable
    {
        private const int BadPathName = unchecked((int)0x800700A1);

        // One call of a callback at a time, also of two operations.
        private readonly object turn = new object();
        private IWMStatusCallback callback;
        private StatusEventArgs last;
        private int running;

        /// <summary>A restorer with no property set.</summary>
        public BackupRestorer()
        {
            Restorer.StatusChanged += OnStatusChanged;
        }

        /// <summary>The restorer in it, for what the SDK does not have.</summary>
        public Restorer Restorer { get; } = new Restorer();

        /// <summary>As Restorer.Dispose().</summary>
        public void Dispose()
        {
            Restorer.Dispose();
        }

        /// <summary>Starts a backup.</summary>
        public void BackupLicenses(BackupRestoreFlags dwFlags, IWMStatusCallback pCallback)
        {
            Start(pCallback, () => Restorer.BackupAsync((BackupFlags)(uint)dwFlags));
        }

        /// <summary>Cancels the backup that runs, if one does.</summary>
        public void CancelLicenseBackup()
        {
            Canceled(Native.wmlb_restorer_cancel_license_backup(Restorer.Handle));
        }

        /// <summary>Starts a restore.</summary>
        public void RestoreLicenses(BackupRestoreFlags dwFlags, IWMStatusCallback pCallback)
        {
            Start(pCallback, () => Restorer.RestoreAsync((RestoreFlags)(uint)dwFlags));
        }

        /// <summary>Cancels the restore that runs, if one does.</summary>
        public void CancelLicenseRestore()
        {
            Canceled(Native.wmlb_restorer_cancel_license_restore(Restorer.Handle));
        }

        /// <summary>How many properties are set.</summary>
        public void GetPropCount(out short pcProps)
        {
            UIntPtr count;
            Check(Native.wmlb_restorer_get_prop_count(Restorer.Handle, out count));
            pcProps = (short)count;
        }

        /// <summary>One of those that are set.</summary>
        public void GetPropByIndex(short wIndex, StringBuilder pwszName, ref short pcchNameLen,
            out AttrDataType pType, out byte[] pValue, ref short pcbLength)
        {
            byte[] name = new byte[64];
            var length = new UIntPtr((uint)name.Length);
            UIntPtr size = UIntPtr.Zero;
            int type;
            Check(Native.wmlb_restorer_get_prop_by_index(Restorer.Handle,
                new UIntPtr((ushort)wIndex), name, ref length, out type, null, ref size));
            string text = Encoding.UTF8.GetString(name, 0, (int)length - 1);
            pwszName?.Clear().Append(text);
            pcchNameLen = (short)(text.Length + 1);
            GetPropByName(text, out pType, out pValue, ref pcbLength);
        }

        /// <summary>One by its name.</summary>
        public void GetPropByName(string pszName, out AttrDataType pType, out byte[] pValue,
            ref short pcbLength)
        {
            byte[] name = NameOf(pszName);
            byte[] value = new byte[64];
            var length = new UIntPtr((uint)value.Length);
            int type;
            int hr = Native.wmlb_restorer_get_prop_by_name(Restorer.Handle, name, out type, value,
                ref length);
            while (hr == HResult.E_INSUFFICIENT_BUFFER)
            {
                value = new byte[(int)length];
                hr = Native.wmlb_restorer_get_prop_by_name(Restorer.Handle, name, out type, value,
                    ref length);
            }
            Check(hr);
            pType = (AttrDataType)type;
            pValue = type == ValueType.STRING
                ? Encoding.Unicode.GetBytes(Encoding.UTF8.GetString(value, 0, (int)length))
                : value;
            Array.Resize(ref pValue, type == ValueType.STRING ? pValue.Length : (int)length);
            pcbLength = (short)pValue.Length;
        }

        /// <summary>Sets one.</summary>
        public void SetProp(string pszName, AttrDataType Type, byte[] pValue, short cbLength)
        {
            int size = (ushort)cbLength;
            if (pValue == null)
            {
                throw new ArgumentNullException(nameof(pValue));
            }
            // What does not end in a NUL has been cut.
            if (size > pValue.Length || Type == AttrDataType.STRING &&
                (size < 2 || size % 2 != 0 || pValue[size - 1] != 0 || pValue[size - 2] != 0))
            {
                throw WmlbException.Of(HResult.E_INVALIDARG, "");
            }
            byte[] value = pValue;
            if (Type == AttrDataType.STRING)
            {
                string text = Encoding.Unicode.GetString(pValue, 0, size).TrimEnd('\0');
                if (text.IndexOf('\0') >= 0)
                {
                    throw WmlbException.Of(HResult.E_INVALIDARG, "");
                }
                bool isPath = pszName == Property.BACKUP_PATH || pszName == Property.RESTORE_PATH ||
                    pszName == Property.STORE_PATH;
                if (isPath && IsOfWindows(text))
                {
                    throw WmlbException.Of(BadPathName, "");
                }
                value = Utf8.Bytes(text);
                size = value.Length - 1;
            }
            int hr = Native.wmlb_restorer_set_prop(Restorer.Handle, NameOf(pszName), (int)Type,
                value, new UIntPtr((uint)size));
            if (value != pValue)
            {
                // It may be a secret.
                Array.Clear(value, 0, value.Length);
            }
            Check(hr);
        }

        /// <summary>Removes one.</summary>
        public void RemoveProp(string pcwszName)
        {
            Check(Native.wmlb_restorer_remove_prop(Restorer.Handle, NameOf(pcwszName)));
        }

        /// <summary>Removes all.</summary>
        public void RemoveAllProps()
        {
            Check(Native.wmlb_restorer_remove_all_props(Restorer.Handle));
        }

        private static byte[] NameOf(string name)
        {
            return Utf8.Bytes(name ?? throw new ArgumentNullException(nameof(name)));
        }

        /// <summary>Whether a path has a drive, or is on a server.</summary>
        private static bool IsOfWindows(string path)
        {
            if (path.Length >= 2 && path[1] == ':' && (path[0] | 32) >= 'a' && (path[0] | 32) <= 'z')
            {
                return path.Length == 2 || path[2] == '\\' || path[2] == '/';
            }
            return path.StartsWith("\\\\", StringComparison.Ordinal);
        }

        private void Start(IWMStatusCallback to, Func<Task<Outcome>> start)
        {
            if (to == null)
            {
                throw WmlbException.Of(HResult.E_INVALIDARG, "");
            }
            if (Interlocked.CompareExchange(ref running, 1, 0) != 0)
            {
                throw WmlbException.Of(HResult.NS_E_DRM_BACKUPRESTORE_BUSY, "");
            }
            callback = to;
            last = null;
            Task<Outcome> task = start();
            // What could not start has told nothing.
            if (task.IsFaulted && Volatile.Read(ref last) == null)
            {
                running = 0;
                throw task.Exception.InnerException;
            }
            task.ContinueWith(TellLast, TaskScheduler.Default);
        }

        private void OnStatusChanged(object sender, StatusEventArgs told)
        {
            switch (told.Status)
            {
                case Wmlb.Status.ERROR:
                case Wmlb.Status.ERROR_WITHURL:
                case Wmlb.Status.BACKUPRESTORE_END:
                    Volatile.Write(ref last, told);
                    break;
                case Wmlb.Status.BACKUPRESTORE_BEGIN:
                case Wmlb.Status.BACKUPRESTORE_CONNECTING:
                case Wmlb.Status.BACKUPRESTORE_DISCONNECTING:
                case Wmlb.Status.RESTRICTED_LICENSE:
                    Tell(callback, told);
                    break;
            }
        }

        /// <summary>The last event is told when the next operation can be started, in it too.
        /// </summary>
        private void TellLast(Task<Outcome> ended)
        {
            // Whatever it was is told by the event.
            GC.KeepAlive(ended.Exception);
            IWMStatusCallback to = callback;
            StatusEventArgs told = last;
            lock (turn)
            {
                Volatile.Write(ref running, 0);
                if (told != null)
                {
                    Tell(to, told);
                }
            }
        }

        private void Tell(IWMStatusCallback to, StatusEventArgs told)
        {
            lock (turn)
            {
                IntPtr value = told.Text == null
                    ? Marshal.AllocHGlobal(sizeof(long))
                    : Marshal.StringToHGlobalUni(told.Text);
                if (told.Text == null)
                {
                    // The SDK points at a DWORD, 0, when there is no value.
                    Marshal.WriteInt64(value, 0);
                }
                try
                {
                    to.OnStatus((Status)told.Status, told.Code,
                        told.Text == null ? AttrDataType.DWORD : AttrDataType.STRING, value,
                        IntPtr.Zero);
                }
                catch (Exception)
                {
                    // By COM it would be a result that nobody looks at.
                }
                finally
                {
                    Marshal.FreeHGlobal(value);
                }
            }
        }

        /// <summary>What waits for a server is canceled with what was.</summary>
        private void Canceled(int hr)
        {
            Check(hr);
            if (hr == HResult.S_OK)
            {
                Restorer.CancelRequests();
            }
        }

        private void Check(int hr)
        {
            if (hr < 0)
            {
                throw WmlbException.Of(hr, Restorer.LastError);
            }
        }
    }
}
