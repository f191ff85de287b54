using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Wmlb
{
    /// <summary>The functions of wmlb_remote.h, whose library is loaded with the first call.
    /// </summary>
    internal static class NativeRemote
    {
        public const uint DryRun = 1;

        private const string Library = "wmlb-remote";

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate int ToldCallback(IntPtr told, IntPtr userData);

#pragma warning disable 649 // The library fills them in.
        [StructLayout(LayoutKind.Sequential)]
        public struct wmlb_remote_device
        {
            public UIntPtr struct_size;
            public IntPtr device;
            public IntPtr generation;
            public long created;
            public ulong size;
            public ulong sequence;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct wmlb_remote_removal
        {
            public UIntPtr struct_size;
            public int kind;
            public IntPtr generation;
            public long created;
            public ulong size;
        }
#pragma warning restore 649

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_remote_open(byte[] url, out RemoteHandle remote);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_remote_set_credentials(RemoteHandle remote, byte[] id,
            byte[] secret, byte[] token);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_remote_attach(RemoteHandle remote, RestorerHandle restorer,
            byte[] device, byte[] generation);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_remote_cancel(IntPtr remote);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_remote_get_last_error(IntPtr remote, byte[] buffer,
            ref UIntPtr length);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_remote_release(IntPtr remote);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_remote_list_devices(RemoteHandle remote,
            ToldCallback callback, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_remote_list_generations(RemoteHandle remote, byte[] device,
            Native.GenerationCallback callback, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_remote_forget(RemoteHandle remote, byte[] device,
            byte[] keep, uint flags, ToldCallback callback, IntPtr userData);
    }

    /// <summary>Keeps an opened bucket until nobody uses it any more.</summary>
    internal sealed class RemoteHandle : SafeHandle
    {
        public RemoteHandle() : base(IntPtr.Zero, true)
        {
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        protected override bool ReleaseHandle() => NativeRemote.wmlb_remote_release(handle) >= 0;
    }

    /// <summary>An opened bucket.</summary>
    internal sealed class Remote : IDisposable
    {
        // To be canceled also when it is released: the library knows that it is no more.
        private readonly IntPtr native;

        public Remote(Bucket bucket)
        {
            RemoteHandle opened;
            int hr;
            try
            {
                hr = NativeRemote.wmlb_remote_open(Utf8.Bytes(bucket.Url), out opened);
            }
            catch (Exception problem) when (problem is DllNotFoundException
                || problem is EntryPointNotFoundException)
            {
                throw WmlbException.Of(HResult.E_NOTIMPL, "backups in a bucket need "
                    + "libwmlb-remote, which cannot be used: " + problem.Message);
            }
            if (hr < 0)
            {
                // It may have a secret in it, in the wrong place.
                throw WmlbException.Of(hr,
                    "not an address such as s3://bucket/prefix?endpoint=https://host");
            }
            Handle = opened;
            native = opened.DangerousGetHandle();
            try
            {
                SetCredentials(bucket);
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public RemoteHandle Handle { get; }

        /// <summary>The words of its last failure; "" when there was none.</summary>
        public string LastError
        {
            get
            {
                byte[] buffer = new byte[256];
                while (true)
                {
                    var length = new UIntPtr((uint)buffer.Length);
                    int hr = NativeRemote.wmlb_remote_get_last_error(native, buffer, ref length);
                    if (hr != HResult.E_INSUFFICIENT_BUFFER)
                    {
                        // With the NUL.
                        return hr < 0 ? "" : Encoding.UTF8.GetString(buffer, 0, (int)length - 1);
                    }
                    buffer = new byte[(int)length + 256];
                }
            }
        }

        public void Attach(RestorerHandle restorer, Bucket bucket)
        {
            Check(NativeRemote.wmlb_remote_attach(Handle, restorer, Utf8.Bytes(bucket.Device),
                Utf8.Bytes(bucket.Generation)));
        }

        public void Forget(byte[] device, byte[] keep)
        {
            Check(NativeRemote.wmlb_remote_forget(Handle, device, keep, 0, null, IntPtr.Zero));
        }

        public void Cancel()
        {
            NativeRemote.wmlb_remote_cancel(native);
        }

        public void Dispose()
        {
            Handle.Dispose();
        }

        private void SetCredentials(Bucket bucket)
        {
            if (bucket.Key.Item2 == null)
            {
                return;
            }
            byte[] secret = Utf8.Bytes(bucket.Key.Item3);
            Check(NativeRemote.wmlb_remote_set_credentials(Handle, Utf8.Bytes(bucket.Key.Item2),
                secret, Utf8.Bytes(bucket.Key.Item4)));
            Array.Clear(secret, 0, secret.Length);
        }

        private void Check(int hr)
        {
            if (hr < 0)
            {
                throw WmlbException.Of(hr, LastError);
            }
        }
    }
}
