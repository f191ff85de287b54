using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Wmlb
{
    /// <summary>Backs up, restores, verifies and lists licenses: properties, and at most one
    /// operation at a time. Every member may be used from any thread. Events, progress and the
    /// functions that the host gives are called on the operation's own thread; what one of them
    /// throws cancels the operation, and is thrown by its task.</summary>
    public sealed partial class Restorer : IDisposable
    {
        // As in Operation: of all restorers, and never collected.
        private static readonly Native.RightsCallback RightsAsked = AskRights;
        private static readonly Native.AuthorizerCallback AuthorizerAsked = AskAuthorizer;
        private static readonly Native.FilterCallback FilterAsked = AskFilter;
        private static readonly Native.LicenseCallback LicenseTold = AddLicense;
        private static readonly Native.StoreCallback StoreTold = AddStore;
        private static readonly Native.DifferenceCallback DifferenceTold = AddDifference;
        private static readonly Native.GenerationCallback GenerationTold = AddGeneration;

        private readonly RestorerHandle handle;
        // What the library is given to find this object by; weak, as it holds the library's.
        private GCHandle self;
        private Func<LicenseInfo, Right> rights;
        private Func<RestoreRequest, string> authorizer;
        private Func<LicenseInfo, bool> filter;
        private Exception thrown;

        /// <summary>A restorer with no property set.</summary>
        /// <exception cref="WmlbException">There is no memory.</exception>
        public Restorer()
        {
            Check(Native.wmlb_restorer_create(out handle));
            self = GCHandle.Alloc(this, GCHandleType.Weak);
        }

        /// <summary>Each event of each operation, on the operation's thread.</summary>
        public event EventHandler<StatusEventArgs> StatusChanged;

        /// <summary>The library's version.</summary>
        public static string Version => Utf8.Text(Native.wmlb_version());

        /// <summary>The folder that backups are written to, or the address of a bucket.</summary>
        public string BackupPath
        {
            get => backupBucket?.Url ?? Get(Property.BACKUP_PATH);
            set
            {
                backupBucket = Bucket.IsAddress(value) ? new Bucket(value) : null;
                Set(Property.BACKUP_PATH, backupBucket == null ? value : null);
            }
        }

        /// <summary>The folder that holds the backup file, or the file, or the address of a bucket.
        /// </summary>
        public string RestorePath
        {
            get => restoreBucket?.Url ?? Get(Property.RESTORE_PATH);
            set
            {
                restoreBucket = Bucket.IsAddress(value) ? new Bucket(value) : null;
                Set(Property.RESTORE_PATH, restoreBucket == null ? value : null);
            }
        }

        /// <summary>Where the license store is: a folder, or an SQLite database.</summary>
        public string StorePath
        {
            get => Get(Property.STORE_PATH);
            set => Set(Property.STORE_PATH, value);
        }

        /// <summary>Which licenses of a backup are restored, verified and listed: patterns, one a
        /// line.</summary>
        public string Only
        {
            get => Get(Property.ONLY);
            set => Set(Property.ONLY, value);
        }

        /// <summary>Which backups stay when others replace them, such as "last=3 daily=7".
        /// </summary>
        public string Keep
        {
            get => Get(Property.KEEP);
            set => Set(Property.KEEP, value);
        }

        /// <summary>The passphrase of encrypted backups.</summary>
        public string Passphrase
        {
            set => Set(Property.PASSPHRASE, value);
        }

        /// <summary>Public keys of the age format to encrypt backups to, one a line.</summary>
        public string Recipients
        {
            get => Get(Property.RECIPIENTS);
            set => Set(Property.RECIPIENTS, value);
        }

        /// <summary>Secret keys of the age format to open backups with, one a line.</summary>
        public string Identities
        {
            set => Set(Property.IDENTITIES, value);
        }

        /// <summary>How many threads compute; 0: one for each processor, at most 8.</summary>
        public uint Threads
        {
            set => Set(Property.THREADS, value);
        }

        /// <summary>zstd's compression level, 1 to 19.</summary>
        public uint CompressionLevel
        {
            set => Set(Property.COMPRESSION_LEVEL, value);
        }

        /// <summary>How much nicer an operation's threads are than the starting one.</summary>
        public uint Niceness
        {
            set => Set(Property.NICENESS, value);
        }

        /// <summary>At how many percent of a backup verifications look, chosen at random; 100: all
        /// of it.</summary>
        public uint Sample
        {
            set => Set(Property.SAMPLE, value);
        }

        /// <summary>Says of each license whether it may be backed up; null: as it says itself.
        /// </summary>
        public Func<LicenseInfo, Right> Rights
        {
            set
            {
                rights = value;
                Check(Native.wmlb_restorer_set_rights(handle, value == null ? null : RightsAsked,
                    GCHandle.ToIntPtr(self)));
            }
        }

        /// <summary>Chooses among the licenses of a backup, in restores, verifications and lists;
        /// null: all of them.</summary>
        public Func<LicenseInfo, bool> Filter
        {
            set
            {
                filter = value;
                Check(Native.wmlb_restorer_set_filter(handle, value == null ? null : FilterAsked,
                    GCHandle.ToIntPtr(self)));
            }
        }

        /// <summary>Is asked before a restore: null allows it, an address refuses it ("" for
        /// none).</summary>
        public Func<RestoreRequest, string> Authorizer
        {
            set
            {
                authorizer = value;
                Check(Native.wmlb_restorer_set_authorizer(handle,
                    value == null ? null : AuthorizerAsked, GCHandle.ToIntPtr(self)));
            }
        }

        /// <summary>The words of the last failure; "" when there was none.</summary>
        public string LastError
        {
            get
            {
                byte[] buffer = new byte[256];
                while (true)
                {
                    var length = new UIntPtr((uint)buffer.Length);
                    int hr = Native.wmlb_restorer_get_last_error(handle, buffer, ref length);
                    if (hr != HResult.E_INSUFFICIENT_BUFFER)
                    {
                        return hr < 0 ? "" : WordsOf(TextOf(buffer, (int)length));
                    }
                    // What fails meanwhile may be longer still.
                    buffer = new byte[(int)length + 256];
                }
            }
        }

        /// <summary>How far the operation is that runs, or the last one was.</summary>
        public Progress Progress
        {
            get
            {
                var told = new Native.wmlb_progress
                {
                    struct_size = new UIntPtr((uint)Marshal.SizeOf<Native.wmlb_progress>()),
                };
                Check(Native.wmlb_restorer_get_progress(handle, ref told));
                return new Progress(told);
            }
        }

        internal RestorerHandle Handle => handle;

        /// <summary>The stores of the players on this machine.</summary>
        public static IReadOnlyList<StoreInfo> DiscoverStores()
        {
            return Discover(own => Native.wmlb_discover_stores(StoreTold, own));
        }

        /// <summary>The places where DiscoverStores looks, store or not.</summary>
        public static IReadOnlyList<StoreInfo> DiscoverPlaces()
        {
            return Discover(own => Native.wmlb_discover_places(StoreTold, own));
        }

        private static IReadOnlyList<StoreInfo> Discover(Func<IntPtr, int> function)
        {
            var list = new Collected<StoreInfo>();
            list.Gather(function, () => "");
            return list.Items;
        }

        /// <summary>Sets a property to a text; null removes it.</summary>
        public void Set(string property, string value)
        {
            if (value == null)
            {
                Remove(property);
                return;
            }
            byte[] bytes = Utf8.Bytes(value);
            SetBytes(property, ValueType.STRING, bytes, bytes.Length - 1);
            // It may be a secret.
            Array.Clear(bytes, 0, bytes.Length);
        }

        /// <summary>Sets a property to a number.</summary>
        public void Set(string property, uint value)
        {
            SetBytes(property, ValueType.DWORD, BitConverter.GetBytes(value), sizeof(uint));
        }

        /// <summary>A property's text; null when it is not set.</summary>
        public string Get(string property)
        {
            byte[] name = Utf8.Bytes(property);
            byte[] value = new byte[256];
            while (true)
            {
                var length = new UIntPtr((uint)value.Length);
                int type;
                int hr = Native.wmlb_restorer_get_prop_by_name(handle, name, out type, value,
                    ref length);
                switch (hr)
                {
                    case HResult.S_FALSE:
                        return null;
                    case HResult.E_INSUFFICIENT_BUFFER:
                        value = new byte[(int)length];
                        continue;
                }
                Check(hr);
                return type == ValueType.STRING
                    ? TextOf(value, (int)length)
                    : BitConverter.ToUInt32(value, 0).ToString();
            }
        }

        /// <summary>Removes a property.</summary>
        public void Remove(string property)
        {
            Check(Native.wmlb_restorer_remove_prop(handle, Utf8.Bytes(property)));
        }

        /// <summary>Backs the store up.</summary>
        /// <exception cref="WmlbException">By the task: why it failed. An
        /// <see cref="OperationCanceledException"/> when it was canceled.</exception>
        public Task<Outcome> BackupAsync(BackupFlags flags = BackupFlags.None,
            IProgress<Progress> progress = null,
            CancellationToken token = default(CancellationToken))
        {
            return Run(backupBucket, true, (own, here, callback, data) =>
                Native.wmlb_restorer_backup_licenses(own, (uint)flags | here, callback, data),
                progress, token);
        }

        /// <summary>Puts the licenses of the backup at RestorePath back into the store.</summary>
        /// <exception cref="WmlbException">By the task: why it failed.</exception>
        public Task<Outcome> RestoreAsync(RestoreFlags flags = RestoreFlags.None,
            IProgress<Progress> progress = null,
            CancellationToken token = default(CancellationToken))
        {
            return Run(restoreBucket, false, (own, here, callback, data) =>
                Native.wmlb_restorer_restore_licenses(own, (uint)flags | here, callback, data),
                progress, token);
        }

        /// <summary>Checks that the backup at RestorePath is whole.</summary>
        /// <exception cref="WmlbException">By the task: what is wrong with it.</exception>
        public Task<Outcome> VerifyAsync(VerifyFlags flags = VerifyFlags.None,
            IProgress<Progress> progress = null,
            CancellationToken token = default(CancellationToken))
        {
            return Run(restoreBucket, false, (own, here, callback, data) =>
                Native.wmlb_restorer_verify_backup(own, (uint)flags | here, callback, data),
                progress, token);
        }

        /// <summary>The licenses in the backup at RestorePath.</summary>
        public IReadOnlyList<LicenseInfo> ListBackup()
        {
            GoTo(restoreBucket);
            return GatherAsking<LicenseInfo>(own =>
                Native.wmlb_restorer_enumerate_backup(handle, LicenseTold, own));
        }

        /// <summary>The licenses that differ between the store and the backup at RestorePath, by
        /// their contents. What a backup would leave out is not added.</summary>
        public IReadOnlyList<Difference> Compare()
        {
            GoTo(restoreBucket);
            return GatherAsking<Difference>(own =>
                Native.wmlb_restorer_compare(handle, DifferenceTold, own));
        }

        /// <summary>The licenses in the store.</summary>
        public IReadOnlyList<LicenseInfo> ListStore()
        {
            var list = new Collected<LicenseInfo>();
            list.Gather(own => Native.wmlb_restorer_enumerate_store(handle, LicenseTold, own),
                () => LastError);
            return list.Items;
        }

        /// <summary>What the backup at RestorePath says of itself; nothing else of it is checked.
        /// </summary>
        public GenerationInfo BackupInfo()
        {
            GoTo(restoreBucket);
            var list = new Collected<GenerationInfo>();
            list.Gather(own => Native.wmlb_restorer_backup_info(handle, GenerationTold, own),
                () => LastError);
            return list.Items[0];
        }

        /// <summary>The backups in the folder of RestorePath, the newest first. Of those in a
        /// bucket only their names (as paths), times and sizes are told.</summary>
        public IReadOnlyList<GenerationInfo> ListGenerations()
        {
            if (restoreBucket != null)
            {
                return ListGenerationsInBucket();
            }
            GoTo(null);
            var list = new Collected<GenerationInfo>();
            list.Gather(own => Native.wmlb_restorer_enumerate_generations(handle, GenerationTold,
                own), () => LastError);
            return list.Items;
        }

        /// <summary>Removes the backups in the folder of RestorePath that Keep does not want, and
        /// gives all that were there. An exception of the filter's removes none.</summary>
        /// <param name="goes">Whether one that is not wanted is removed; null: each is.</param>
        public IReadOnlyList<GenerationInfo> ForgetGenerations(
            Func<GenerationInfo, bool> goes = null)
        {
            if (restoreBucket != null)
            {
                throw WmlbException.Of(HResult.E_NOTIMPL,
                    "what is in a bucket is removed by ForgetInBucket");
            }
            GoTo(null);
            var list = new Collected<GenerationInfo>
            {
                Accepts = one => one.KeptBy != KeptBy.None || goes == null || goes(one),
            };
            list.Gather(own => Native.wmlb_restorer_forget_generations(handle, GenerationTold,
                own), () => LastError);
            return list.Items;
        }

        /// <summary>Cancels the operation that runs, if one does.</summary>
        public void Cancel()
        {
            Check(Native.wmlb_restorer_cancel(handle));
            CancelRequests();
        }

        /// <summary>Ends the restorer: cancels what runs and waits until it has ended. In a
        /// callback nothing can be waited for: there the rest is done when it has ended.</summary>
        public void Dispose()
        {
            if (handle.IsClosed)
            {
                return;
            }
            Native.wmlb_restorer_cancel(handle);
            CancelRequests();
            if (!Operation.IsCalling)
            {
                int result;
                Native.wmlb_restorer_wait(handle, uint.MaxValue, out result);
            }
            handle.Dispose();
            CloseBuckets();
        }

        /// <summary>Gives back what the library finds this object by.</summary>
        ~Restorer()
        {
            if (self.IsAllocated)
            {
                self.Free();
            }
        }

        internal void Raise(StatusEventArgs told)
        {
            StatusChanged?.Invoke(this, told);
        }

        /// <summary>What a function of the host's has thrown, once.</summary>
        internal Exception TakeThrown()
        {
            return Interlocked.Exchange(ref thrown, null);
        }

        private void KeepThrown(Exception exception)
        {
            Interlocked.CompareExchange(ref thrown, exception, null);
        }

        private static int AskRights(IntPtr license, IntPtr ctx)
        {
            var restorer = (Restorer)GCHandle.FromIntPtr(ctx).Target;
            // A value that is none ends the backup.
            return Operation.Guard(restorer, restorer.KeepThrown, -1,
                () => (int)restorer.rights(new LicenseInfo(license)));
        }

        private static int AskFilter(IntPtr license, IntPtr ctx)
        {
            var restorer = (Restorer)GCHandle.FromIntPtr(ctx).Target;
            return Operation.Guard(restorer, restorer.KeepThrown, HResult.E_FAIL,
                () => restorer.filter(new LicenseInfo(license)) ? HResult.S_OK : HResult.S_FALSE);
        }

        private static int AskAuthorizer(IntPtr request, IntPtr url, UIntPtr urlLength, IntPtr ctx)
        {
            var restorer = (Restorer)GCHandle.FromIntPtr(ctx).Target;
            return Operation.Guard(restorer, restorer.KeepThrown, HResult.E_FAIL, () =>
            {
                string address = restorer.authorizer(new RestoreRequest(request));
                if (address == null)
                {
                    return HResult.S_OK;
                }
                byte[] text = Utf8.Bytes(address);
                if ((ulong)text.Length <= (ulong)urlLength)
                {
                    Marshal.Copy(text, 0, url, text.Length);
                }
                return HResult.NS_E_DRM_RESTORE_FRAUD;
            });
        }

        private static int AddLicense(IntPtr license, IntPtr userData)
        {
            return Collected<LicenseInfo>.Add(userData, () => new LicenseInfo(license));
        }

        /// <summary>A list that asks functions of the host's, which may throw.</summary>
        private IReadOnlyList<T> GatherAsking<T>(Func<IntPtr, int> enumerate)
        {
            var list = new Collected<T>();
            try
            {
                list.Gather(enumerate, () => LastError);
            }
            catch (WmlbException)
            {
                Exception asked = TakeThrown();
                if (asked != null)
                {
                    throw asked;
                }
                throw;
            }
            return list.Items;
        }

        private static int AddDifference(IntPtr difference, IntPtr userData)
        {
            return Collected<Difference>.Add(userData, () => new Difference(difference));
        }

        private static int AddGeneration(IntPtr generation, IntPtr userData)
        {
            return Collected<GenerationInfo>.Add(userData, () => new GenerationInfo(generation));
        }

        private static int AddStore(IntPtr store, IntPtr userData)
        {
            return Collected<StoreInfo>.Add(userData, () => new StoreInfo(store));
        }

        private void SetBytes(string property, int type, byte[] value, int length)
        {
            if (property == null)
            {
                throw new ArgumentNullException(nameof(property));
            }
            Check(Native.wmlb_restorer_set_prop(handle, Utf8.Bytes(property), type, value,
                new UIntPtr((uint)length)));
        }

        /// <summary>Of a length that may count the NUL.</summary>
        private static string TextOf(byte[] bytes, int length)
        {
            int end = Array.IndexOf(bytes, (byte)0, 0, Math.Min(length, bytes.Length));
            return Encoding.UTF8.GetString(bytes, 0, end < 0 ? length : end);
        }

        private void Check(int hr)
        {
            if (hr < 0)
            {
                throw WmlbException.Of(hr, handle == null || handle.IsInvalid ? "" : LastError);
            }
        }

        /// <summary>What an enumeration tells.</summary>
        private sealed class Collected<T>
        {
            private readonly List<T> items = new List<T>();
            private Exception thrown;

            public IReadOnlyList<T> Items => items;

            /// <summary>The answer to each, S_FALSE for false; null: S_OK.</summary>
            public Func<T, bool> Accepts { get; set; }

            public void Gather(Func<IntPtr, int> enumerate, Func<string> words)
            {
                GCHandle own = GCHandle.Alloc(this);
                int hr;
                try
                {
                    hr = enumerate(GCHandle.ToIntPtr(own));
                }
                finally
                {
                    own.Free();
                }
                if (thrown != null)
                {
                    throw thrown;
                }
                if (hr < 0)
                {
                    throw WmlbException.Of(hr, words());
                }
            }

            public static int Add(IntPtr userData, Func<T> item)
            {
                var list = (Collected<T>)GCHandle.FromIntPtr(userData).Target;
                try
                {
                    T one = item();
                    list.items.Add(one);
                    bool accepted = list.Accepts == null || list.Accepts(one);
                    return accepted ? HResult.S_OK : HResult.S_FALSE;
                }
                catch (Exception exception)
                {
                    list.thrown = exception;
                    return HResult.E_FAIL;
                }
            }
        }
    }
}
