using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Wmlb
{
    /// <summary>What a restorer does with backups in buckets.</summary>
    public sealed partial class Restorer
    {
        private static readonly NativeRemote.ToldCallback DeviceTold = AddDevice;
        private static readonly NativeRemote.ToldCallback RemovalTold = AddRemoval;

        // Those that were opened: what runs may be at work on another than the next operation.
        private readonly Dictionary<Tuple<string, string, string, string>, Remote> remotes =
            new Dictionary<Tuple<string, string, string, string>, Remote>();
        private Bucket backupBucket;
        private Bucket restoreBucket;
        // What the library was told last; null: folders.
        private Remote attached;

        /// <summary>The bucket that backups are written to; null: BackupPath names a folder. To
        /// set BackupPath to an address (s3://...) sets it too.</summary>
        public Bucket BackupBucket
        {
            get => backupBucket;
            set => backupBucket = value;
        }

        /// <summary>The bucket that backups are read from; null: RestorePath names a folder or a
        /// file. To set RestorePath to an address (s3://...) sets it too.</summary>
        public Bucket RestoreBucket
        {
            get => restoreBucket;
            set => restoreBucket = value;
        }

        /// <summary>The devices that have backups in RestoreBucket, by name.</summary>
        public IReadOnlyList<DeviceInfo> ListDevices()
        {
            return AskBucket<DeviceInfo>((remote, own) =>
                NativeRemote.wmlb_remote_list_devices(remote.Handle, DeviceTold, own));
        }

        /// <summary>Removes the backups in RestoreBucket that Keep does not want, never the newest,
        /// and what killed backups have left there; nothing that is younger than a day. Gives all
        /// that was removed.</summary>
        /// <param name="dryRun">Remove nothing, and tell what would be.</param>
        public IReadOnlyList<RemovalInfo> ForgetInBucket(bool dryRun = false)
        {
            return AskBucket<RemovalInfo>((remote, own) => NativeRemote.wmlb_remote_forget(
                remote.Handle, Utf8.Bytes(restoreBucket.Device), Utf8.Bytes(Get(Property.KEEP)),
                dryRun ? NativeRemote.DryRun : 0, RemovalTold, own));
        }

        private IReadOnlyList<GenerationInfo> ListGenerationsInBucket()
        {
            return AskBucket<GenerationInfo>((remote, own) =>
                NativeRemote.wmlb_remote_list_generations(remote.Handle,
                    Utf8.Bytes(restoreBucket.Device), GenerationTold, own));
        }

        private IReadOnlyList<T> AskBucket<T>(Func<Remote, IntPtr, int> function)
        {
            if (restoreBucket == null)
            {
                throw WmlbException.Of(HResult.E_INVALIDARG, "RestoreBucket is not set");
            }
            Remote remote = Opened(restoreBucket);
            var list = new Collected<T>();
            list.Gather(own => function(remote, own), () => remote.LastError);
            return list.Items;
        }

        /// <summary>Makes the next operation or list one of the bucket; null: of folders.</summary>
        private Remote GoTo(Bucket bucket)
        {
            if (bucket != null)
            {
                Remote remote = Opened(bucket);
                remote.Attach(handle, bucket);
                attached = remote;
                return remote;
            }
            if (attached != null)
            {
                Check(Native.wmlb_restorer_set_target(handle, IntPtr.Zero, IntPtr.Zero));
                attached = null;
            }
            return null;
        }

        private Remote Opened(Bucket bucket)
        {
            lock (remotes)
            {
                if (handle.IsClosed)
                {
                    throw new ObjectDisposedException(nameof(Restorer));
                }
                Remote remote;
                if (!remotes.TryGetValue(bucket.Key, out remote))
                {
                    remote = new Remote(bucket);
                    remotes.Add(bucket.Key, remote);
                }
                return remote;
            }
        }

        private Task<Outcome> Run(Bucket bucket, bool isBackup, Operation.Start start,
            IProgress<Progress> progress, CancellationToken token)
        {
            Remote remote;
            Action after = null;
            try
            {
                remote = GoTo(bucket);
                // What Keep says is done by the library in folders, and here in a bucket.
                string keep = isBackup && remote != null ? Get(Property.KEEP) : null;
                if (keep != null)
                {
                    byte[] device = Utf8.Bytes(bucket.Device);
                    after = () => remote.Forget(device, Utf8.Bytes(keep));
                }
            }
            catch (WmlbException refused)
            {
                return Task.FromException<Outcome>(refused);
            }
            return Operation.Run(this, handle, start, progress, token, remote, after);
        }

        /// <summary>Ends what waits for a server.</summary>
        internal void CancelRequests()
        {
            lock (remotes)
            {
                foreach (Remote remote in remotes.Values)
                {
                    remote.Cancel();
                }
            }
        }

        private void CloseBuckets()
        {
            lock (remotes)
            {
                foreach (Remote remote in remotes.Values.ToArray())
                {
                    remote.Dispose();
                }
            }
        }

        /// <summary>The library knows only that something failed in a bucket.</summary>
        internal string WordsOf(string words)
        {
            Remote remote = attached;
            if (remote == null || words == null || !words.Contains("the host's target failed"))
            {
                return words;
            }
            string own = remote.LastError;
            return own.Length == 0 ? words : own;
        }

        private static int AddDevice(IntPtr device, IntPtr userData)
        {
            return Collected<DeviceInfo>.Add(userData, () => new DeviceInfo(device));
        }

        private static int AddRemoval(IntPtr removal, IntPtr userData)
        {
            return Collected<RemovalInfo>.Add(userData, () => new RemovalInfo(removal));
        }
    }
}
