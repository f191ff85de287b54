// The SDK's interfaces without COM.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using Wmlb;
using Wmlb.WindowsMedia;
using static Runner;

internal static partial class Tests
{
    /// <summary>Reads every value by its type, as programs of the SDK do.</summary>
    private sealed class Listener : IWMStatusCallback
    {
        private readonly SemaphoreSlim ended = new SemaphoreSlim(0);
        private int inside;

        public List<Wmlb.WindowsMedia.Status> Events { get; } =
            new List<Wmlb.WindowsMedia.Status>();

        public Action<Wmlb.WindowsMedia.Status> Told { get; set; }

        public int Result { get; private set; }

        public string Text { get; private set; }

        public int Zeros { get; private set; }

        public bool IsAlone { get; private set; } = true;

        public void OnStatus(Wmlb.WindowsMedia.Status iStatus, int hr, AttrDataType dwType,
            IntPtr pValue, IntPtr pvContext)
        {
            IsAlone &= Interlocked.Increment(ref inside) == 1;
            Events.Add(iStatus);
            string text = null;
            if (dwType == AttrDataType.STRING)
            {
                text = Marshal.PtrToStringUni(pValue);
            }
            else
            {
                Zeros += Marshal.ReadInt32(pValue) == 0 ? 1 : 0;
            }
            Told?.Invoke(iStatus);
            Interlocked.Decrement(ref inside);
            if (iStatus == Wmlb.WindowsMedia.Status.BackupRestoreEnd ||
                iStatus == Wmlb.WindowsMedia.Status.Error ||
                iStatus == Wmlb.WindowsMedia.Status.ErrorWithUrl)
            {
                Result = hr;
                Text = text;
                ended.Release();
            }
        }

        public int Wait()
        {
            Check(ended.Wait(120000), "no end");
            return Result;
        }
    }

    private static byte[] Wide(string text) => Encoding.Unicode.GetBytes(text + "\0");

    private static void SetWide(IWMBackupRestoreProps props, string name, string text)
    {
        byte[] wide = Wide(text);
        props.SetProp(name, AttrDataType.STRING, wide, (short)wide.Length);
    }

    private static int CodeOf(Action call)
    {
        try
        {
            call();
            return 0;
        }
        catch (WmlbException failure)
        {
            return failure.Code;
        }
    }

    [Test]
    private static void TheSdksInterfaces()
    {
        string store = Store(30), backups = Fresh("backups"), other = Fresh("other");
        IWMLicenseBackup backup;
        var listener = new Listener();
        WMUtils.WMCreateBackupRestorer(listener, out backup);
        var props = (IWMBackupRestoreProps)backup;
        using (var restorer = (BackupRestorer)backup)
        {
            SetWide(props, "StorePath", store);
            Equal(HResult.NS_E_DRM_NOT_CONFIGURED,
                CodeOf(() => backup.BackupLicenses(BackupRestoreFlags.None, listener)));
            SetWide(props, "BackupPath", backups);
            Equal(HResult.E_INVALIDARG,
                CodeOf(() => backup.BackupLicenses(BackupRestoreFlags.None, null)));
            backup.BackupLicenses(BackupRestoreFlags.None, listener);
            Equal(0, listener.Wait());
            Equal(Path.Combine(backups, Native.BackupFileName), listener.Text);
            Equal(1, listener.Zeros);
            Equal(HResult.NS_E_DRM_BACKUP_EXISTS,
                CodeOf(() => backup.BackupLicenses(BackupRestoreFlags.None, listener)));

            // A refusal with an address, by what the SDK does not have.
            SetWide(props, "RestorePath", backups);
            SetWide(props, "StorePath", other);
            restorer.Restorer.Authorizer = request => "https://licenses.example/why";
            ((IWMLicenseRestore)backup).RestoreLicenses(BackupRestoreFlags.None, listener);
            Equal(HResult.NS_E_DRM_RESTORE_FRAUD, listener.Wait());
            Equal("https://licenses.example/why", listener.Text);
            restorer.Restorer.Authorizer = null;
            ((IWMLicenseRestore)backup).RestoreLicenses(BackupRestoreFlags.None, listener);
            Equal(0, listener.Wait());
            Check(Contents(store).SequenceEqual(Contents(other)), "restored");
            Equal(Wmlb.WindowsMedia.Status.BackupRestoreConnecting, listener.Events.Skip(2)
                .First(one => one == Wmlb.WindowsMedia.Status.BackupRestoreConnecting));
            Check(listener.IsAlone, "two at a time");
        }
    }

    [Test]
    private static void TheSdksOperationsFollowOneAnother()
    {
        string store = Store(3), backups = Fresh("backups");
        using (var restorer = new BackupRestorer())
        {
            SetWide(restorer, "StorePath", store);
            SetWide(restorer, "BackupPath", backups);
            var listener = new Listener();
            int left = 50, refused = 0;
            listener.Told = status =>
            {
                Action start =
                    () => restorer.BackupLicenses(BackupRestoreFlags.OverWrite, listener);
                if (status == Wmlb.WindowsMedia.Status.BackupRestoreBegin)
                {
                    refused += CodeOf(start) == HResult.NS_E_DRM_BACKUPRESTORE_BUSY ? 1 : 0;
                }
                if (status == Wmlb.WindowsMedia.Status.BackupRestoreEnd && --left > 0)
                {
                    start();
                }
            };
            restorer.BackupLicenses(BackupRestoreFlags.OverWrite, listener);
            for (int operation = 0; operation < 50; operation++)
            {
                Equal(0, listener.Wait());
            }
            Equal(50, refused);
            listener.Told = status =>
            {
                if (status == Wmlb.WindowsMedia.Status.BackupRestoreBegin)
                {
                    restorer.CancelLicenseBackup();
                }
            };
            restorer.BackupLicenses(BackupRestoreFlags.OverWrite, listener);
            Equal(HResult.NS_E_DRM_OPERATION_CANCELED, listener.Wait());
            listener.Told = status => throw new InvalidOperationException("of the program");
            restorer.BackupLicenses(BackupRestoreFlags.OverWrite, listener);
            restorer.CancelLicenseRestore();
        }
    }

    [Test]
    private static void TheSdksProperties()
    {
        using (var restorer = new BackupRestorer())
        {
            byte[] path = Wide("/tmp/\u00e9\U0001F3B5");
            restorer.SetProp("BackupPath", AttrDataType.STRING, path, (short)path.Length);
            short size = 0, count, length = 0;
            AttrDataType type;
            byte[] value;
            restorer.GetPropByName("BackupPath", out type, out value, ref size);
            Check(path.SequenceEqual(value) && size == path.Length, "value");
            var name = new StringBuilder();
            restorer.GetPropCount(out count);
            restorer.GetPropByIndex(0, name, ref length, out type, out value, ref size);
            Check(count == 1 && name.ToString() == "BackupPath" && length == 11, "by index");
            restorer.SetProp("Threads", AttrDataType.DWORD, new byte[] { 2, 0, 0, 0 }, 4);
            restorer.GetPropByName("Threads", out type, out value, ref size);
            Check(type == AttrDataType.DWORD && value.SequenceEqual(new byte[] { 2, 0, 0, 0 }), "number");

            for (short cut = 0; cut < path.Length; cut++)
            {
                short now = cut;
                Equal(HResult.E_INVALIDARG, CodeOf(
                    () => restorer.SetProp("BackupPath", AttrDataType.STRING, path, now)));
            }
            Equal(HResult.E_INVALIDARG,
                CodeOf(() => restorer.SetProp("BackupPath", AttrDataType.DWORD, path, 4)));
            Equal(HResult.E_INVALIDARG, CodeOf(() => SetWide(restorer, "BackupPath", "/a\0b")));
            foreach (string windows in new[] { "A:\\", "d:/x", "c:", "\\\\server\\share" })
            {
                Equal(unchecked((int)0x800700A1),
                    CodeOf(() => SetWide(restorer, "RestorePath", windows)));
            }
            restorer.RemoveProp("BackupPath");
            restorer.RemoveAllProps();
            restorer.GetPropCount(out count);
            Equal<short>(0, count);
        }
    }
}
