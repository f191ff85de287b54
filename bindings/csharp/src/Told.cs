using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Wmlb
{
    /// <summary>How far an operation is.</summary>
    public sealed class Progress
    {
        internal Progress(Native.wmlb_progress told)
        {
            LicensesDone = (long)told.licenses_done;
            LicensesTotal = (long)told.licenses_total;
            BytesDone = (long)told.bytes_done;
            BytesTotal = (long)told.bytes_total;
            LicensesRestricted = (long)told.licenses_restricted;
            LicensesSkipped = (long)told.licenses_skipped;
            LicensesReused = (long)told.licenses_reused;
        }

        /// <summary>Licenses saved so far.</summary>
        public long LicensesDone { get; }

        /// <summary>Licenses to deal with; 0: not known yet.</summary>
        public long LicensesTotal { get; }

        /// <summary>Bytes of the licenses saved so far.</summary>
        public long BytesDone { get; }

        /// <summary>Bytes of all licenses; 0: not known yet.</summary>
        public long BytesTotal { get; }

        /// <summary>Licenses left out because their owner forbids backup.</summary>
        public long LicensesRestricted { get; }

        /// <summary>Licenses left out because they could not be read, or were kept.</summary>
        public long LicensesSkipped { get; }

        /// <summary>Of those saved, the ones taken from the backup that is replaced.</summary>
        public long LicensesReused { get; }
    }

    /// <summary>One event of an operation.</summary>
    public sealed class StatusEventArgs : EventArgs
    {
        internal StatusEventArgs(int status, int code, string text, Progress progress,
            long[] counts)
        {
            Status = status;
            Code = code;
            Text = text;
            Progress = progress;
            LicensesBefore = counts?[0];
            LicensesNow = counts?[1];
        }

        /// <summary>One of <see cref="Wmlb.Status"/>.</summary>
        public int Status { get; }

        /// <summary>Its result code.</summary>
        public int Code { get; }

        /// <summary>Its text; null when it has none.</summary>
        public string Text { get; }

        /// <summary>The counters of a progress event; null in any other.</summary>
        public Progress Progress { get; }

        /// <summary>Of <see cref="Wmlb.Status.FEWER_LICENSES"/>: how many licenses the backup has
        /// that is replaced; null in any other.</summary>
        public long? LicensesBefore { get; }

        /// <summary>The same of the new one.</summary>
        public long? LicensesNow { get; }

        /// <summary>Set it to have the operation canceled.</summary>
        public bool Cancel { get; set; }
    }

    /// <summary>What an operation did.</summary>
    public sealed class Outcome
    {
        internal Outcome(string path, Progress progress, bool isPartial,
            IReadOnlyList<string> restricted, IReadOnlyList<string> skipped)
        {
            Path = path;
            Progress = progress;
            IsPartial = isPartial;
            Restricted = restricted;
            Skipped = skipped;
        }

        /// <summary>The path of the backup file.</summary>
        public string Path { get; }

        /// <summary>The counters at the end.</summary>
        public Progress Progress { get; }

        /// <summary>Not everything could be saved (<see cref="BackupFlags.Partial"/>).</summary>
        public bool IsPartial { get; }

        /// <summary>Key IDs of the licenses that are left out because their owner forbids backup,
        /// those of one joined by newlines; or else their names.</summary>
        public IReadOnlyList<string> Restricted { get; }

        /// <summary>Names of what else was left out, or kept as it was.</summary>
        public IReadOnlyList<string> Skipped { get; }
    }

    /// <summary>What a license says of itself.</summary>
    public sealed class LicenseInfo
    {
        internal LicenseInfo(IntPtr told)
        {
            var info = Marshal.PtrToStructure<Native.wmlb_license_info>(told);
            Name = Utf8.Text(info.name);
            NameBytes = Utf8.Copy(info.name_bytes, (int)info.name_len);
            Format = Utf8.Text(info.format);
            LicenseId = Utf8.Text(info.license_id);
            string keys = Utf8.Text(info.key_ids);
            KeyIds = keys.Length == 0 ? new string[0] : keys.Split('\n');
            BackupRight = (Right)info.backup_right;
            Size = (long)info.size;
            Modified = Moment.Of(info.modified);
            ValidFrom = Moment.Of(info.valid_from);
            ValidUntil = Moment.Of(info.valid_until);
        }

        /// <summary>Its path in the store, with U+FFFD for what is not UTF-8.</summary>
        public string Name { get; }

        /// <summary>The exact bytes of its path.</summary>
        public byte[] NameBytes { get; }

        /// <summary>"wmdrm-v1", "wmdrm-v7", "xmr", "lcp", "sqlite" or "opaque".</summary>
        public string Format { get; }

        /// <summary>Its ID; "" when it has none.</summary>
        public string LicenseId { get; }

        /// <summary>The IDs of the keys it holds.</summary>
        public IReadOnlyList<string> KeyIds { get; }

        /// <summary>Whether its owner lets it be backed up.</summary>
        public Right BackupRight { get; }

        /// <summary>Bytes.</summary>
        public long Size { get; }

        /// <summary>When it was last modified; null: not stated.</summary>
        public DateTimeOffset? Modified { get; }

        /// <summary>From when it is valid; null: not stated.</summary>
        public DateTimeOffset? ValidFrom { get; }

        /// <summary>Until when it is valid; null: not stated.</summary>
        public DateTimeOffset? ValidUntil { get; }
    }

    /// <summary>A license that differs between a backup and a store.</summary>
    public sealed class Difference
    {
        internal Difference(IntPtr told)
        {
            var difference = Marshal.PtrToStructure<Native.wmlb_difference>(told);
            Kind = (DifferenceKind)difference.kind;
            InBackup = License(difference.in_backup);
            InStore = License(difference.in_store);
        }

        /// <summary>How it differs.</summary>
        public DifferenceKind Kind { get; }

        /// <summary>What it is in the backup; null: it is not there.</summary>
        public LicenseInfo InBackup { get; }

        /// <summary>What it is in the store; null: it is not there.</summary>
        public LicenseInfo InStore { get; }

        private static LicenseInfo License(IntPtr told)
        {
            return told == IntPtr.Zero ? null : new LicenseInfo(told);
        }
    }

    /// <summary>A backup in a folder: the last one, or one that another has replaced.</summary>
    public sealed class GenerationInfo
    {
        internal GenerationInfo(IntPtr told)
        {
            var info = Marshal.PtrToStructure<Native.wmlb_generation_info>(told);
            Path = Utf8.Text(info.path);
            Created = Moment.Of(info.created);
            Size = (long)info.size;
            IsEncrypted = info.encrypted != 0;
            Licenses = info.licenses == ulong.MaxValue ? (long?)null : (long)info.licenses;
            Bytes = info.bytes == ulong.MaxValue ? (long?)null : (long)info.bytes;
            DeviceId = Utf8.Text(info.device_id);
            Store = Utf8.Text(info.store);
            KeptBy = (KeptBy)info.kept_by;
        }

        /// <summary>Its path, which RestorePath takes.</summary>
        public string Path { get; }

        /// <summary>When it was made; null: that cannot be told.</summary>
        public DateTimeOffset? Created { get; }

        /// <summary>Bytes of the file.</summary>
        public long Size { get; }

        /// <summary>Whether it is encrypted.</summary>
        public bool IsEncrypted { get; }

        /// <summary>Licenses in it; null: that cannot be told.</summary>
        public long? Licenses { get; }

        /// <summary>Bytes of the licenses; null: that cannot be told.</summary>
        public long? Bytes { get; }

        /// <summary>ID of the device that made it; "" when that cannot be told.</summary>
        public string DeviceId { get; }

        /// <summary>"directory", "sqlite" or "host"; "" when that cannot be told.</summary>
        public string Store { get; }

        /// <summary>What keeps it, by the property Keep.</summary>
        public KeptBy KeptBy { get; }
    }

    /// <summary>A player's store that was found.</summary>
    public sealed class StoreInfo
    {
        internal StoreInfo(IntPtr told)
        {
            var info = Marshal.PtrToStructure<Native.wmlb_store_info>(told);
            Player = Utf8.Text(info.player);
            Profile = Utf8.Text(info.profile);
            Kind = Utf8.Text(info.kind);
            Path = Utf8.Text(info.path);
            IsRunning = info.running < 0 ? (bool?)null : info.running > 0;
        }

        /// <summary>Whose it is.</summary>
        public string Player { get; }

        /// <summary>The player's profile; "" when it has none.</summary>
        public string Profile { get; }

        /// <summary>"directory" or "sqlite".</summary>
        public string Kind { get; }

        /// <summary>Where it is.</summary>
        public string Path { get; }

        /// <summary>Whether the player has it in use; null: that cannot be told.</summary>
        public bool? IsRunning { get; }
    }

    /// <summary>What a restore is about to do.</summary>
    public sealed class RestoreRequest
    {
        internal RestoreRequest(IntPtr told)
        {
            var request = Marshal.PtrToStructure<Native.wmlb_restore_request>(told);
            Created = Moment.Of(request.created);
            DeviceId = Utf8.Text(request.device_id);
            IsSameDevice = request.same_device == 1;
            Flags = (RestoreFlags)(request.flags & ~Wmlb.Flags.RunHere);
        }

        /// <summary>When the backup was made.</summary>
        public DateTimeOffset? Created { get; }

        /// <summary>ID of the device that made it; "" when that could not be told.</summary>
        public string DeviceId { get; }

        /// <summary>Whether that is this device.</summary>
        public bool IsSameDevice { get; }

        /// <summary>The flags of the restore.</summary>
        public RestoreFlags Flags { get; }
    }

    internal static class Moment
    {
        // Of years 1 to 9999, which is all that the type has.
        private const long First = -62135596800;
        private const long Last = 253402300799;

        public static DateTimeOffset? Of(long seconds)
        {
            if (seconds < First || seconds > Last)
            {
                return null;
            }
            return DateTimeOffset.FromUnixTimeSeconds(seconds);
        }
    }
}
