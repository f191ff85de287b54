using System;
using System.Runtime.InteropServices;

namespace Wmlb
{
    /// <summary>A place for backups in an object store with the S3 API, wherever a folder can be
    /// named. It needs libwmlb-remote beside libwmlb, or where the system finds it.</summary>
    public sealed class Bucket
    {
        internal const string Scheme = "s3://";

        private string id;
        private string secret;
        private string token;

        /// <summary>The place at an address: s3://bucket/prefix?endpoint=https://host; what else
        /// it may say is in wmlb_remote.h.</summary>
        public Bucket(string url)
        {
            Url = url ?? throw new ArgumentNullException(nameof(url));
        }

        /// <summary>The address.</summary>
        public string Url { get; }

        /// <summary>Whose backups; null: those of the device at work.</summary>
        public string Device { get; set; }

        /// <summary>One that ListGenerations tells, as its path, to be read in place of the newest;
        /// null: the newest.</summary>
        public string Generation { get; set; }

        /// <summary>Says who asks; without it that is taken from the environment
        /// (AWS_ACCESS_KEY_ID and so on), else from the shared credentials file.</summary>
        /// <param name="keyId">The ID of the key.</param>
        /// <param name="secretKey">Its secret.</param>
        /// <param name="sessionToken">The token of a session; null: there is none.</param>
        public void SetCredentials(string keyId, string secretKey, string sessionToken = null)
        {
            id = keyId ?? throw new ArgumentNullException(nameof(keyId));
            secret = secretKey ?? throw new ArgumentNullException(nameof(secretKey));
            token = sessionToken;
        }

        internal static bool IsAddress(string path)
        {
            return path != null && path.StartsWith(Scheme, StringComparison.Ordinal);
        }

        /// <summary>Equal for those that one opened bucket serves.</summary>
        internal Tuple<string, string, string, string> Key => Tuple.Create(Url, id, secret, token);
    }

    /// <summary>A device that has backups in a bucket, and its last one. Of one whose last backup
    /// cannot be told, all but the name is null.</summary>
    public sealed class DeviceInfo
    {
        internal DeviceInfo(IntPtr told)
        {
            var info = Marshal.PtrToStructure<NativeRemote.wmlb_remote_device>(told);
            Name = Utf8.Text(info.device);
            string generation = Utf8.Text(info.generation);
            if (generation.Length == 0)
            {
                return;
            }
            Generation = generation;
            Created = Moment.Of(info.created);
            Size = (long)info.size;
            Backups = (long)info.sequence;
        }

        /// <summary>Its name, as Bucket.Device takes it.</summary>
        public string Name { get; }

        /// <summary>Its newest backup, as Bucket.Generation takes it.</summary>
        public string Generation { get; }

        /// <summary>When that was made.</summary>
        public DateTimeOffset? Created { get; }

        /// <summary>Bytes of it.</summary>
        public long? Size { get; }

        /// <summary>How many backups there were.</summary>
        public long? Backups { get; }
    }

    /// <summary>What is removed from a bucket.</summary>
    public enum RemovalKind
    {
        /// <summary>A backup that is not kept.</summary>
        Generation = 1,

        /// <summary>What a backup that was killed has uploaded.</summary>
        Unpublished = 2,

        /// <summary>The same, in part.</summary>
        Upload = 3,
    }

    /// <summary>What was removed from a bucket, or would be.</summary>
    public sealed class RemovalInfo
    {
        internal RemovalInfo(IntPtr told)
        {
            var info = Marshal.PtrToStructure<NativeRemote.wmlb_remote_removal>(told);
            Kind = (RemovalKind)info.kind;
            Name = Utf8.Text(info.generation);
            Created = Moment.Of(info.created);
            Size = (long)info.size;
        }

        /// <summary>What it was.</summary>
        public RemovalKind Kind { get; }

        /// <summary>The name of the backup.</summary>
        public string Name { get; }

        /// <summary>When it was made.</summary>
        public DateTimeOffset? Created { get; }

        /// <summary>Bytes; 0 of an upload.</summary>
        public long Size { get; }
    }
}
