using System;
using System.Runtime.InteropServices;

namespace Wmlb
{
    /// <summary>The functions of include/wmlb.h as they are, with their numbers; what they do is
    /// said there. Strings are pointers to UTF-8 that ends with a NUL, sizes are UIntPtr.</summary>
    public static class Native
    {
        private const string Library = "wmlb";

        public const string BackupFileName = "licenses.wmlb";

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate int StatusCallback(int status, int hr, int valueType, IntPtr value,
            UIntPtr valueLength, IntPtr userData);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate int LicenseCallback(IntPtr license, IntPtr userData);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate int GenerationCallback(IntPtr generation, IntPtr userData);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate int DifferenceCallback(IntPtr difference, IntPtr userData);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate int StoreCallback(IntPtr store, IntPtr userData);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate int FilterCallback(IntPtr license, IntPtr ctx);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate int RightsCallback(IntPtr license, IntPtr ctx);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate int AuthorizerCallback(IntPtr request, IntPtr url, UIntPtr urlLength,
            IntPtr ctx);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate int StoreOpen(IntPtr ctx, int forWriting);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate int StoreNext(IntPtr ctx, IntPtr license);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate int StorePut(IntPtr ctx, IntPtr license);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate int StoreCommit(IntPtr ctx);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate void StoreClose(IntPtr ctx);

#pragma warning disable 649 // The library fills them in.
        [StructLayout(LayoutKind.Sequential)]
        public struct wmlb_progress
        {
            public UIntPtr struct_size;
            public ulong licenses_done;
            public ulong licenses_total;
            public ulong bytes_done;
            public ulong bytes_total;
            public ulong licenses_restricted;
            public ulong licenses_skipped;
            public ulong licenses_reused;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct wmlb_license_info
        {
            public UIntPtr struct_size;
            public IntPtr name;
            public IntPtr name_bytes;
            public UIntPtr name_len;
            public IntPtr format;
            public IntPtr license_id;
            public IntPtr key_ids;
            public int backup_right;
            public ulong size;
            public long modified;
            public long valid_from;
            public long valid_until;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct wmlb_generation_info
        {
            public UIntPtr struct_size;
            public IntPtr path;
            public long created;
            public ulong size;
            public int encrypted;
            public ulong licenses;
            public ulong bytes;
            public IntPtr device_id;
            public IntPtr store;
            public uint kept_by;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct wmlb_difference
        {
            public UIntPtr struct_size;
            public int kind;
            public IntPtr in_backup;
            public IntPtr in_store;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct wmlb_store_info
        {
            public UIntPtr struct_size;
            public IntPtr player;
            public IntPtr profile;
            public IntPtr kind;
            public IntPtr path;
            public int running;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct wmlb_restore_request
        {
            public UIntPtr struct_size;
            public long created;
            public IntPtr device_id;
            public int same_device;
            public uint flags;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct wmlb_store_license
        {
            public UIntPtr struct_size;
            public IntPtr name;
            public UIntPtr name_len;
            public IntPtr data;
            public UIntPtr data_len;
            public long modified;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct wmlb_store_ops
        {
            public UIntPtr struct_size;
            public StoreOpen open;
            public StoreNext next;
            public StorePut put;
            public StoreCommit commit;
            public StoreClose close;
        }
#pragma warning restore 649

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_create(out RestorerHandle restorer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_release(IntPtr restorer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr wmlb_default_restorer();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_backup_licenses(RestorerHandle restorer, uint flags,
            StatusCallback callback, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_cancel_license_backup(RestorerHandle restorer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_restore_licenses(RestorerHandle restorer, uint flags,
            StatusCallback callback, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_cancel_license_restore(RestorerHandle restorer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_verify_backup(RestorerHandle restorer, uint flags,
            StatusCallback callback, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_cancel(RestorerHandle restorer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_wait(RestorerHandle restorer, uint timeoutMs,
            out int result);

        // For an operation whose restorer was disposed of: that waits until it has ended, but the
        // runtime takes no handle that is closed.
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int wmlb_restorer_wait(IntPtr restorer, uint timeoutMs,
            out int result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int wmlb_restorer_cancel(IntPtr restorer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_get_progress(RestorerHandle restorer,
            ref wmlb_progress progress);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_set_prop(RestorerHandle restorer, byte[] name,
            int type, byte[] value, UIntPtr valueLength);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_get_prop_by_name(RestorerHandle restorer,
            byte[] name, out int type, byte[] value, ref UIntPtr valueLength);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_get_prop_count(RestorerHandle restorer,
            out UIntPtr count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_get_prop_by_index(RestorerHandle restorer,
            UIntPtr index, byte[] name, ref UIntPtr nameLength, out int type, byte[] value,
            ref UIntPtr valueLength);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_remove_prop(RestorerHandle restorer, byte[] name);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_remove_all_props(RestorerHandle restorer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_set_backup_path(RestorerHandle restorer,
            byte[] path);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_set_restore_path(RestorerHandle restorer,
            byte[] path);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_set_store_path(RestorerHandle restorer, byte[] path);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_get_last_error(RestorerHandle restorer,
            byte[] buffer, ref UIntPtr length);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_set_rights(RestorerHandle restorer,
            RightsCallback rights, IntPtr ctx);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_set_authorizer(RestorerHandle restorer,
            AuthorizerCallback authorizer, IntPtr ctx);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_set_filter(RestorerHandle restorer,
            FilterCallback filter, IntPtr ctx);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_set_store(RestorerHandle restorer,
            ref wmlb_store_ops ops, IntPtr ctx);

        // Only to go back to folders; libwmlb-remote sets the others.
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int wmlb_restorer_set_target(RestorerHandle restorer, IntPtr ops,
            IntPtr ctx);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_enumerate_store(RestorerHandle restorer,
            LicenseCallback callback, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_enumerate_backup(RestorerHandle restorer,
            LicenseCallback callback, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_backup_info(RestorerHandle restorer,
            GenerationCallback callback, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_enumerate_generations(RestorerHandle restorer,
            GenerationCallback callback, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_forget_generations(RestorerHandle restorer,
            GenerationCallback callback, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restorer_compare(RestorerHandle restorer,
            DifferenceCallback callback, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_discover_stores(StoreCallback callback, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_discover_places(StoreCallback callback, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_backup_licenses(uint flags, StatusCallback callback,
            IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_cancel_license_backup();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_restore_licenses(uint flags, StatusCallback callback,
            IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_cancel_license_restore();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_wait(uint timeoutMs, out int result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_set_prop(byte[] name, int type, byte[] value,
            UIntPtr valueLength);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_get_prop_by_name(byte[] name, out int type, byte[] value,
            ref UIntPtr valueLength);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_get_prop_count(out UIntPtr count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_get_prop_by_index(UIntPtr index, byte[] name,
            ref UIntPtr nameLength, out int type, byte[] value, ref UIntPtr valueLength);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_remove_prop(byte[] name);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_remove_all_props();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_set_backup_path(byte[] path);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_set_restore_path(byte[] path);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_set_store_path(byte[] path);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int wmlb_get_last_error(byte[] buffer, ref UIntPtr length);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr wmlb_version();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern uint wmlb_abi_version();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr wmlb_hresult_name(int hr);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr wmlb_hresult_message(int hr);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr wmlb_status_name(int status);
    }
}
