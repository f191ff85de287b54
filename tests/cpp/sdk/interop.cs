// A program for .NET that calls the SDK by COM, with interfaces as wrapper libraries for .NET
// declare them: IntPtr values that are read by the type they come with, failures as exceptions.
// It has no line for this library; a dllmap says which file WMVCore.dll is.
// usage: interop.exe BACKUP STORE

using System;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

internal enum Status
{
    Error = 0,
    BackupRestoreBegin = 21,
    BackupRestoreEnd = 27,
    BackupRestoreConnecting = 28,
    BackupRestoreDisconnecting = 29,
    ErrorWithUrl = 30,
    RestrictedLicense = 31,
}

internal enum AttrDataType
{
    DWORD = 0,
    STRING = 1,
    BINARY = 2,
    BOOL = 3,
    QWORD = 4,
    WORD = 5,
    GUID = 6,
}

[Flags]
internal enum BackupRestoreFlags
{
    None = 0,
    OverWrite = 1,
    Individualize = 2,
}

[ComImport, Guid("6d7cdc70-9888-11d3-8edc-00c04f6109cf"), InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
internal interface IWMStatusCallback
{
    void OnStatus([In] Status iStatus, [In] int hr, [In] AttrDataType dwType, [In] IntPtr pValue,
        [In] IntPtr pvContext);
}

[ComImport, Guid("05e5ac9f-3fb6-4508-bb43-a4067ba1ebe8"), InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
internal interface IWMLicenseBackup
{
    void BackupLicenses([In] BackupRestoreFlags dwFlags, [In] IWMStatusCallback pCallback);

    void CancelLicenseBackup();
}

[ComImport, Guid("c70b6334-a22e-4efb-a245-15e65a004a13"), InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
internal interface IWMLicenseRestore
{
    void RestoreLicenses([In] BackupRestoreFlags dwFlags, [In] IWMStatusCallback pCallback);

    void CancelLicenseRestore();
}

[ComImport, Guid("3c8e0da6-996f-4ff3-a1af-4838f9377e2e"), InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
internal interface IWMBackupRestoreProps
{
    void GetPropCount(out short pcProps);

    void GetPropByIndex([In] short wIndex, [In] IntPtr pwszName, ref short pcchNameLen,
        out AttrDataType pType, [In] IntPtr pValue, ref short pcbLength);

    void GetPropByName([In, MarshalAs(UnmanagedType.LPWStr)] string pszName, out AttrDataType pType,
        [Out, MarshalAs(UnmanagedType.LPArray)] byte[] pValue, ref short pcbLength);

    void SetProp([In, MarshalAs(UnmanagedType.LPWStr)] string pszName, [In] AttrDataType Type,
        [In, MarshalAs(UnmanagedType.LPArray)] byte[] pValue, [In] short cbLength);

    void RemoveProp([In, MarshalAs(UnmanagedType.LPWStr)] string pcwszName);

    void RemoveAllProps();
}

internal delegate void StatusHandler(Status status, int hr, object value);

// Reads what a status comes with, and hands it to delegates.
internal sealed class Listener : IWMStatusCallback
{
    private readonly AutoResetEvent ended = new AutoResetEvent(false);
    private int result;

    public event StatusHandler Told;

    public Exception Failure { get; private set; }

    public void OnStatus(Status iStatus, int hr, AttrDataType dwType, IntPtr pValue, IntPtr pvContext)
    {
        try
        {
            object value = null;
            switch (dwType)
            {
                case AttrDataType.STRING:
                    value = Marshal.PtrToStringUni(pValue);
                    break;
                case AttrDataType.BOOL:
                case AttrDataType.DWORD:
                    value = Marshal.ReadInt32(pValue);
                    break;
                case AttrDataType.QWORD:
                    value = Marshal.ReadInt64(pValue);
                    break;
            }
            Told?.Invoke(iStatus, hr, value);
        }
        catch (Exception failure)
        {
            Failure = failure;
        }
        if (iStatus == Status.BackupRestoreEnd || iStatus == Status.Error)
        {
            result = hr;
            ended.Set();
        }
    }

    public int Wait()
    {
        if (!ended.WaitOne(60000))
        {
            throw new TimeoutException();
        }
        return result;
    }
}

internal static class Program
{
    private const int Exists = unchecked((int)0xC00D2742);
    private const int Canceled = unchecked((int)0xC00D2768);
    private static int made;
    private static int failed;

    [DllImport("WMVCore.dll", ExactSpelling = true, PreserveSig = false)]
    private static extern void WMCreateBackupRestorer(
        [MarshalAs(UnmanagedType.IUnknown)] object pCallback, out IWMLicenseBackup ppBackup);

    // See bindings/csharp/tests/Tests.cs.
    [DllImport("libc")]
    private static extern void _exit(int code);

    [DllImport("libc")]
    private static extern int setenv(string name, string value, int overwrite);

    private static void Check(bool holds, string what)
    {
        made++;
        if (!holds)
        {
            failed++;
            Console.WriteLine("FAIL interop: " + what);
        }
    }

    private static byte[] Wide(string text)
    {
        byte[] bytes = Encoding.Unicode.GetBytes(text);
        Array.Resize(ref bytes, bytes.Length + 2);
        return bytes;
    }

    private static int ErrorOf(Action call)
    {
        try
        {
            call();
            return 0;
        }
        catch (Exception failure)
        {
            return Marshal.GetHRForException(failure);
        }
    }

    private static void Run(string folder, string store)
    {
        var listener = new Listener();
        int begun = 0, restricted = 0, connected = 0;
        string path = null;
        listener.Told += (status, hr, value) =>
        {
            begun += status == Status.BackupRestoreBegin && (int)value == 0 ? 1 : 0;
            restricted += status == Status.RestrictedLicense && ((string)value).Length > 0 ? 1 : 0;
            connected += status == Status.BackupRestoreConnecting && (int)value == 0 ? 1 : 0;
            path = status == Status.BackupRestoreEnd ? (string)value : path;
        };
        IWMLicenseBackup backup;
        WMCreateBackupRestorer(listener, out backup);
        var props = (IWMBackupRestoreProps)backup;
        var restore = (IWMLicenseRestore)backup;
        byte[] wide = Wide(folder);
        props.SetProp("BackupPath", AttrDataType.STRING, wide, (short)wide.Length);
        Check(ErrorOf(() => props.SetProp("BackupPath", AttrDataType.DWORD, wide, 4)) == unchecked((int)0x80070057),
            "another type");
        backup.BackupLicenses(BackupRestoreFlags.None, listener);
        Check(listener.Wait() == 0 && begun == 1 && restricted > 0, "backup");
        Check(path == folder + "/licenses.wmlb", "path " + path);
        Check(ErrorOf(() => backup.BackupLicenses(BackupRestoreFlags.None, listener)) == Exists, "exists");
        backup.BackupLicenses(BackupRestoreFlags.OverWrite, listener);
        Check(listener.Wait() == 0 && begun == 2, "backup again");

        short size = (short)wide.Length;
        AttrDataType type;
        var back = new byte[size];
        props.GetPropByName("BackupPath", out type, back, ref size);
        Check(Encoding.Unicode.GetString(back) == folder + "\0" && type == AttrDataType.STRING, "property");

        // Canceled in a status.
        StatusHandler cancel = (status, hr, value) =>
        {
            if (status == Status.BackupRestoreBegin)
            {
                backup.CancelLicenseBackup();
            }
        };
        listener.Told += cancel;
        backup.BackupLicenses(BackupRestoreFlags.OverWrite, listener);
        Check(listener.Wait() == Canceled, "canceled");
        listener.Told -= cancel;

        setenv("WMLB_STORE_PATH", store, 1);
        props.SetProp("RestorePath", AttrDataType.STRING, wide, (short)wide.Length);
        restore.RestoreLicenses(BackupRestoreFlags.Individualize, listener);
        Check(listener.Wait() == 0 && connected == 1, "restore");
        Check(System.IO.Directory.GetFiles(store, "*", System.IO.SearchOption.AllDirectories).Length > 0,
            "restored files");
        props.RemoveProp("RestorePath");
        props.RemoveAllProps();
        short count;
        props.GetPropCount(out count);
        Check(count == 0, "count");
        Check(listener.Failure == null, "failure " + listener.Failure);
        Check(Marshal.ReleaseComObject(backup) >= 0, "release");
    }

    private static void Main(string[] arguments)
    {
        Run(arguments[0], arguments[1]);
        Console.WriteLine("interop: {0} checks, {1} failed", made, failed);
        Console.Out.Flush();
        _exit(failed == 0 ? 0 : 1);
    }
}
