// Tests of the binding, against the library as it is shipped. usage: Tests.exe ABI-RECORD FOLDER

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Wmlb;
using static Runner;

/// <summary>Reports at once, on the thread that it is called on.</summary>
internal sealed class Direct<T> : IProgress<T>
{
    private readonly Action<T> body;

    public Direct(Action<T> body)
    {
        this.body = body;
    }

    public void Report(T value) => body(value);
}

internal static partial class Tests
{
    private static string record;
    private static string work;
    private static int folders;

    public static int Main(string[] arguments)
    {
        record = arguments[0];
        work = arguments[1];
        return Runner.Run(typeof(Tests));
    }

    // ---- what they need

    private static void Check(bool holds, string words)
    {
        if (!holds)
        {
            throw new Failed(words);
        }
    }

    /// <summary>What a task throws; a test fails when it does not, or does not end.</summary>
    private static T Throws<T>(Task task) where T : Exception
    {
        try
        {
            Get(task);
        }
        catch (T exception)
        {
            return exception;
        }
        throw new Failed("no " + typeof(T).Name);
    }

    private static void Get(Task task)
    {
        try
        {
            Check(task.Wait(120000), "the task does not end");
        }
        catch (AggregateException several)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo
                .Capture(several.InnerExceptions[0]).Throw();
        }
    }

    private static Outcome Get(Task<Outcome> task)
    {
        Get((Task)task);
        return task.Result;
    }

    private static string Fresh(string name)
    {
        string path = Path.Combine(work, name + Interlocked.Increment(ref folders));
        Directory.CreateDirectory(path);
        return path;
    }

    private static string Store(int licenses, int size = 700)
    {
        string path = Fresh("store");
        byte[] content = new byte[size];
        for (int number = 0; number < licenses; number++)
        {
            new Random(number).NextBytes(content);
            string folder = Path.Combine(path, "player-" + number % 3);
            Directory.CreateDirectory(folder);
            File.WriteAllBytes(Path.Combine(folder, "license-" + number), content);
        }
        return path;
    }

    private static Restorer New(string store, string backups)
    {
        return new Restorer
        {
            StorePath = store,
            BackupPath = backups,
            RestorePath = backups,
            Niceness = 0,
        };
    }

    private static string[] Contents(string folder)
    {
        return Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
            .OrderBy(path => path, StringComparer.Ordinal)
            .Select(path => path.Substring(folder.Length) + " " +
                Convert.ToBase64String(File.ReadAllBytes(path)))
            .ToArray();
    }

    private static int Entries(string folder) => Directory.GetFileSystemEntries(folder).Length;

    // ---- operations

    [Test]
    private static void BackupRestoreVerifyAndList()
    {
        string store = Store(500), backups = Fresh("backups"), other = Fresh("other");
        var told = new List<Progress>();
        var events = new List<int>();
        using (Restorer restorer = New(store, backups))
        {
            restorer.StatusChanged += (sender, status) => events.Add(status.Status);
            Outcome made = Get(restorer.BackupAsync(BackupFlags.Verify,
                new Direct<Progress>(told.Add)));
            Equal(Path.Combine(backups, Native.BackupFileName), made.Path);
            Equal(500L, made.Progress.LicensesDone);
            Equal(500L, told[told.Count - 1].LicensesTotal);
            Equal(500L * 700, told[told.Count - 1].BytesDone);
            Equal(Status.BACKUPRESTORE_BEGIN, events[0]);
            Equal(Status.BACKUPRESTORE_END, events[events.Count - 1]);
            Check(!made.IsPartial && made.Restricted.Count == 0 && made.Skipped.Count == 0, "left");
            Equal(500L, Get(restorer.VerifyAsync()).Progress.LicensesDone);
            Equal(500, restorer.ListBackup().Count);
            Equal(500, restorer.ListStore().Count);
            LicenseInfo one = restorer.ListBackup().First(
                license => license.Name == "player-0/license-0");
            Equal(700L, one.Size);
            Equal("opaque", one.Format);
            Equal("player-0/license-0", Encoding.UTF8.GetString(one.NameBytes));
            Equal(Right.NotStated, one.BackupRight);
            Check(one.Modified > DateTimeOffset.UtcNow.AddDays(-1), "the time");
            Check(one.ValidFrom == null && one.KeyIds.Count == 0, "what it does not say");
            restorer.StorePath = other + "/restored";
            Get(restorer.RestoreAsync());
        }
        Check(Contents(store).SequenceEqual(Contents(other + "/restored")), "other contents");
    }

    [Test]
    private static void AnExistingBackupIsKept()
    {
        string store = Store(3), backups = Fresh("backups");
        using (Restorer restorer = New(store, backups))
        {
            Get(restorer.BackupAsync());
            byte[] before = File.ReadAllBytes(Path.Combine(backups, Native.BackupFileName));
            File.WriteAllText(Path.Combine(store, "another"), "another");
            var refused = Throws<BackupExistsException>(restorer.BackupAsync());
            Equal(HResult.NS_E_DRM_BACKUP_EXISTS, refused.Code);
            Equal("NS_E_DRM_BACKUP_EXISTS", refused.Name);
            Check(refused.Message.Contains(backups), refused.Message);
            Check(refused.Message.EndsWith(": BackupFlags.Overwrite replaces it"), refused.Message);
            Check(before.SequenceEqual(File.ReadAllBytes(
                Path.Combine(backups, Native.BackupFileName))), "the backup has changed");
            Equal(4L, Get(restorer.BackupAsync(BackupFlags.Overwrite)).Progress.LicensesDone);
        }
    }

    [Test]
    private static void TheLastGoodBackupIsKept()
    {
        string store = Store(5), backups = Fresh("backups");
        using (Restorer restorer = New(store, backups))
        {
            Get(restorer.BackupAsync());
            string[] files = Directory.GetFiles(store, "*", SearchOption.AllDirectories);
            foreach (string file in files.Skip(1))
            {
                File.Delete(file);
            }
            var told = new List<long?>();
            restorer.StatusChanged += (sender, status) =>
            {
                if (status.Status == Status.FEWER_LICENSES)
                {
                    told.Add(status.LicensesBefore);
                    told.Add(status.LicensesNow);
                }
            };
            File.Delete(files[0]);
            Equal(HResult.NS_E_DRM_LICENSE_STORE_ERROR,
                Throws<WmlbException>(restorer.BackupAsync(BackupFlags.Overwrite)).Code);
            Equal(5, restorer.ListBackup().Count);
            Get(restorer.BackupAsync(BackupFlags.Overwrite | BackupFlags.Empty));
            Check(told.SequenceEqual(new long?[] { 5, 0 }), string.Join(" ", told));
        }
    }

    [Test]
    private static void SomeLicensesOfABackup()
    {
        string store = Store(20), backups = Fresh("backups"), some = Fresh("some");
        using (Restorer restorer = New(store, backups))
        {
            Get(restorer.BackupAsync());
            var names = restorer.ListBackup().Select(license => license.Name).ToList();
            restorer.Only = names[3];
            Equal(names[3], restorer.ListBackup().Single().Name);
            restorer.StorePath = some;
            Equal(1L, Get(restorer.RestoreAsync()).Progress.LicensesDone);
            restorer.Only = null;
            restorer.Filter = license => license.Name == names[5] || license.Name == names[3];
            Equal(2, restorer.ListBackup().Count);
            Equal(2L, Get(restorer.RestoreAsync()).Progress.LicensesDone);
            restorer.Filter = license => throw new InvalidOperationException(license.Name);
            Throws<InvalidOperationException>(restorer.VerifyAsync());
            string thrown = null;
            try
            {
                restorer.ListBackup();
            }
            catch (InvalidOperationException exception)
            {
                thrown = exception.Message;
            }
            Equal(names[0], thrown);
        }
    }

    [Test]
    private static void Differences()
    {
        string store = Store(3), backups = Fresh("backups");
        using (Restorer restorer = New(store, backups))
        {
            restorer.RestorePath = backups;
            Get(restorer.BackupAsync());
            Equal(0, restorer.Compare().Count);
            string[] names = restorer.ListBackup().Select(one => one.Name).ToArray();
            File.WriteAllText(Path.Combine(store, names[0]), "changed");
            File.Delete(Path.Combine(store, names[1]));
            File.WriteAllText(Path.Combine(store, "zz"), "new");
            IReadOnlyList<Difference> found = restorer.Compare();
            Equal("Changed Removed Added", string.Join(" ", found.Select(one => one.Kind)));
            Equal(names[0], found[0].InBackup.Name);
            Equal(7L, found[0].InStore.Size);
            Equal(names[1], found[1].InBackup.Name);
            Check(found[1].InStore == null && found[2].InBackup == null, "one side only");
            Equal("zz", found[2].InStore.Name);
            restorer.Filter = license => license.Name == "zz";
            Equal(1, restorer.Compare().Count);
            restorer.Filter = license => throw new InvalidOperationException();
            try
            {
                restorer.Compare();
                Check(false, "nothing was thrown");
            }
            catch (InvalidOperationException)
            {
            }
        }
    }

    [Test]
    private static void Generations()
    {
        string store = Store(3), backups = Fresh("backups");
        using (Restorer restorer = New(store, backups))
        {
            restorer.Keep = "last=9";
            for (int number = 0; number < 4; number++)
            {
                File.WriteAllText(Path.Combine(store, "changing"), number.ToString());
                Get(restorer.BackupAsync(BackupFlags.Overwrite));
            }
            IReadOnlyList<GenerationInfo> found = restorer.ListGenerations();
            Equal(4, found.Count);
            Equal(Path.Combine(backups, Native.BackupFileName), found[0].Path);
            Equal(KeptBy.Current | KeptBy.Last, found[0].KeptBy);
            Equal(4L, found[1].Licenses);
            Equal(new FileInfo(found[1].Path).Length, found[1].Size);
            Check(found[1].Created > DateTimeOffset.UtcNow.AddDays(-1), "the time");
            Check(!found[1].IsEncrypted && found[1].Bytes > 2100 && found[1].Store == "directory"
                && found[1].DeviceId.Length == 32, "what it says");
            GenerationInfo info = restorer.BackupInfo();
            Equal(found[0].Path, info.Path);
            Equal(found[0].Created, info.Created);
            Equal(4L, info.Licenses);
            restorer.Keep = "last=2";
            Equal(4, restorer.ForgetGenerations(one => one.Path != found[3].Path).Count);
            Equal(3, restorer.ListGenerations().Count);
            Check(File.Exists(found[3].Path), "it was held back");
            try
            {
                restorer.ForgetGenerations(one => throw new InvalidOperationException());
                Check(false, "nothing was thrown");
            }
            catch (InvalidOperationException)
            {
            }
            Check(File.Exists(found[3].Path), "it is gone");
            Equal(KeptBy.None, restorer.ForgetGenerations()[2].KeptBy);
            Equal(2, restorer.ListGenerations().Count);
            File.WriteAllText(found[3].Path, "damaged");
            GenerationInfo damaged = restorer.ListGenerations()[2];
            Check(damaged.Licenses == null && damaged.Bytes == null && damaged.Store == "", "told");
        }
    }

    [Test]
    private static void FailuresNameThePath()
    {
        string missing = Path.Combine(work, "there is no such store");
        using (Restorer restorer = New(missing, Fresh("backups")))
        {
            var failed = Throws<WmlbException>(restorer.BackupAsync());
            Equal(HResult.NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE, failed.Code);
            Check(failed.Message.Contains(missing), failed.Message);
        }
        using (var restorer = new Restorer())
        {
            Equal(HResult.NS_E_DRM_NOT_CONFIGURED,
                Throws<WmlbException>(restorer.BackupAsync()).Code);
        }
    }

    [Test]
    private static void EncryptedBackups()
    {
        string store = Store(3), backups = Fresh("backups");
        using (Restorer restorer = New(store, backups))
        {
            restorer.Passphrase = "correct horse battery staple äöü";
            Get(restorer.BackupAsync());
            Equal(3, restorer.ListBackup().Count);
            restorer.Passphrase = "wrong";
            Throws<WrongSecretException>(restorer.VerifyAsync());
            restorer.Passphrase = null;
            Check(Throws<WmlbException>(restorer.VerifyAsync()).Code < 0, "opened without");
            // One in clear is not taken for it.
            Get(restorer.BackupAsync(BackupFlags.Overwrite));
            restorer.Passphrase = "any";
            Throws<WrongSecretException>(restorer.VerifyAsync());
            Get(restorer.VerifyAsync(VerifyFlags.AllowClear));
            Throws<WrongSecretException>(restorer.RestoreAsync());
            Get(restorer.RestoreAsync(RestoreFlags.AllowClear));
        }
    }

    [Test]
    private static void DamageIsFound()
    {
        string store = Store(30), backups = Fresh("backups");
        using (Restorer restorer = New(store, backups))
        {
            string file = Get(restorer.BackupAsync()).Path;
            byte[] content = File.ReadAllBytes(file);
            content[content.Length / 2] ^= 1;
            File.WriteAllBytes(file, content);
            Throws<BackupDamagedException>(restorer.VerifyAsync());
        }
    }

    [Test]
    private static void ATokenCancels()
    {
        string store = Store(2000), backups = Fresh("backups");
        using (Restorer restorer = New(store, backups))
        using (var source = new CancellationTokenSource())
        {
            Task<Outcome> task = restorer.BackupAsync(BackupFlags.None,
                new Direct<Progress>(_ => source.Cancel()), source.Token);
            var canceled = Throws<OperationCanceledException>(task);
            Check(task.IsCanceled, "the task is not canceled");
            Equal(source.Token, canceled.CancellationToken);
            Equal(0, Entries(backups));
            // One that is canceled already starts nothing.
            Check(restorer.BackupAsync(BackupFlags.None, null, source.Token).IsCanceled, "started");
            Equal(2000L, Get(restorer.BackupAsync()).Progress.LicensesDone);
        }
    }

    [Test]
    private static void AnEventCancels()
    {
        string backups = Fresh("backups");
        using (Restorer restorer = New(Store(50), backups))
        {
            restorer.StatusChanged += (sender, status) => status.Cancel = true;
            Throws<OperationCanceledException>(restorer.BackupAsync());
            Equal(0, Entries(backups));
        }
    }

    [Test]
    private static void WhatACallbackThrowsIsThrownByTheTask()
    {
        string backups = Fresh("backups");
        var thrown = new InvalidTimeZoneException("mine");
        using (Restorer restorer = New(Store(50), backups))
        {
            EventHandler<StatusEventArgs> handler = (sender, status) => { throw thrown; };
            restorer.StatusChanged += handler;
            Check(ReferenceEquals(thrown,
                Throws<InvalidTimeZoneException>(restorer.BackupAsync())), "another one");
            Equal(0, Entries(backups));
            restorer.StatusChanged -= handler;
            Throws<InvalidTimeZoneException>(restorer.BackupAsync(BackupFlags.None,
                new Direct<Progress>(_ => { throw thrown; })));
            restorer.Rights = _ => { throw thrown; };
            Throws<InvalidTimeZoneException>(restorer.BackupAsync());
            Equal(0, Entries(backups));
            restorer.Rights = null;
            Get(restorer.BackupAsync());
            restorer.Authorizer = _ => { throw thrown; };
            Throws<InvalidTimeZoneException>(restorer.RestoreAsync());
            restorer.Authorizer = null;
            Get(restorer.RestoreAsync());
        }
    }

    [Test]
    private static void RightsAndTheAuthorizerAreAsked()
    {
        string backups = Fresh("backups");
        using (Restorer restorer = New(Store(9), backups))
        {
            restorer.Rights = license =>
                license.Name.EndsWith("license-4") ? Right.Denied : Right.NotStated;
            Outcome made = Get(restorer.BackupAsync());
            Equal(8L, made.Progress.LicensesDone);
            Equal("player-1/license-4", made.Restricted.Single());
            RestoreRequest asked = null;
            restorer.Authorizer = request =>
            {
                asked = request;
                return "https://example.org/why";
            };
            var refused = Throws<RestoreRefusedException>(
                restorer.RestoreAsync(RestoreFlags.Overwrite));
            Equal("https://example.org/why", refused.Url);
            Equal(HResult.NS_E_DRM_RESTORE_FRAUD, refused.Code);
            Equal(RestoreFlags.Overwrite, asked.Flags);
            Check(asked.Created > DateTimeOffset.UtcNow.AddDays(-1), "the time");
            restorer.Authorizer = request => "";
            Equal(HResult.NS_E_DRM_RESTORE_FRAUD,
                Throws<WmlbException>(restorer.RestoreAsync()).Code);
        }
    }

    [Test]
    private static void DisposingCancelsAndWaits()
    {
        string backups = Fresh("backups");
        Restorer restorer = New(Store(3000), backups);
        int events = 0;
        var begun = new ManualResetEventSlim();
        restorer.StatusChanged += (sender, status) =>
        {
            Interlocked.Increment(ref events);
            begun.Set();
        };
        Task<Outcome> task = restorer.BackupAsync();
        begun.Wait();
        restorer.Dispose();
        int then = Volatile.Read(ref events);
        Equal(0, Entries(backups));
        Throws<OperationCanceledException>(task);
        Equal(then, Volatile.Read(ref events));
        restorer.Dispose();
        try
        {
            restorer.Cancel();
            throw new Failed("a disposed restorer works");
        }
        catch (ObjectDisposedException)
        {
        }
    }

    [Test]
    private static void DisposingInACallback()
    {
        string backups = Fresh("backups");
        Restorer restorer = New(Store(300), backups);
        restorer.StatusChanged += (sender, status) => restorer.Dispose();
        Throws<OperationCanceledException>(restorer.BackupAsync());
        Equal(0, Entries(backups));
    }

    [Test]
    private static void TheCollectorMayRunAtAnyTime()
    {
        string store = Store(40), backups = Fresh("backups");
        for (int round = 0; round < 10; round++)
        {
            // Nobody holds the restorer but its operation.
            Task<Outcome> task = StartAndForget(store, backups);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Equal(40L, Get(task).Progress.LicensesDone);
        }
    }

    private static Task<Outcome> StartAndForget(string store, string backups)
    {
        Restorer restorer = New(store, backups);
        restorer.Rights = _ =>
        {
            GC.Collect(0);
            return Right.Allowed;
        };
        restorer.StatusChanged += (sender, status) => GC.Collect();
        return restorer.BackupAsync(BackupFlags.Overwrite);
    }

    [Test]
    private static void AThousandOperationsLeaveNothing()
    {
        string store = Store(2), backups = Fresh("backups");
        Action<int> round = number =>
        {
            using (Restorer restorer = New(store, backups))
            {
                Get(restorer.BackupAsync(BackupFlags.Overwrite));
                restorer.ListBackup();
            }
        };
        for (int number = 0; number < 20; number++)
        {
            round(number);
        }
        int files = Entries("/proc/self/fd"), threads = Entries("/proc/self/task");
        for (int number = 0; number < 1000; number++)
        {
            round(number);
        }
        Check(Entries("/proc/self/fd") <= files + 2, "file descriptors are left");
        // The pool's come and go.
        Check(Entries("/proc/self/task") <= threads + Environment.ProcessorCount + 4,
            "threads are left");
        Equal(1, Entries(backups));
    }

    [Test]
    private static void NamesThatAreNotUtf8()
    {
        string store = Fresh("söre"), backups = Fresh("backups");
        var shell = Process.Start(new ProcessStartInfo("sh")
        {
            RedirectStandardInput = true,
            UseShellExecute = false,
        });
        shell.StandardInput.Write("cd '" + store + "' && printf content >\"$(printf 'na\\377me')\"");
        shell.StandardInput.Close();
        shell.WaitForExit();
        Equal(0, shell.ExitCode);
        using (Restorer restorer = New(store, backups))
        {
            Equal(1L, Get(restorer.BackupAsync()).Progress.LicensesDone);
            LicenseInfo license = restorer.ListBackup().Single();
            Equal("na\uFFFDme", license.Name);
            Check(license.NameBytes.SequenceEqual(
                new byte[] { (byte)'n', (byte)'a', 0xFF, (byte)'m', (byte)'e' }), "the bytes");
        }
    }

    [Test]
    private static void ASampleIsVerified()
    {
        string store = Fresh("store");
        string backups = Fresh("backups");
        var chosen = new Random(1);
        for (int number = 0; number < 5; number++)
        {
            var content = new byte[1 << 20];
            chosen.NextBytes(content);
            File.WriteAllBytes(Path.Combine(store, "license" + number), content);
        }
        using (Restorer restorer = New(store, backups))
        {
            restorer.RestorePath = backups;
            Get(restorer.BackupAsync());
            restorer.Sample = 1;
            Progress progress = Get(restorer.VerifyAsync()).Progress;
            Check(progress.LicensesDone > 0 && progress.LicensesDone < 5, "some of them");
            Equal(5L, progress.LicensesTotal);
            restorer.Sample = 100;
            Equal(5L, Get(restorer.VerifyAsync()).Progress.LicensesDone);
        }
    }

    [Test]
    private static void PropertiesAndStores()
    {
        using (var restorer = new Restorer())
        {
            Check(restorer.BackupPath == null, "it is not set");
            string path = "/tmp/" + new string('ü', 300);
            restorer.BackupPath = path;
            Equal(path, restorer.BackupPath);
            restorer.Threads = 3;
            Equal("3", restorer.Get(Property.THREADS));
            restorer.BackupPath = null;
            Check(restorer.BackupPath == null, "it was removed");
            foreach (Action wrong in new Action[]
            {
                () => restorer.CompressionLevel = 99,
                () => restorer.Sample = 101,
                () => restorer.Set("no such property", 1),
                () => restorer.UnknownIdentity(),
            })
            {
                try
                {
                    wrong();
                }
                catch (WmlbException exception)
                {
                    Check(exception.Code < 0 && exception.Message.Length > 0, "no words");
                    continue;
                }
                throw new Failed("accepted");
            }
        }
        foreach (StoreInfo store in Restorer.DiscoverStores())
        {
            Check(store.Path.StartsWith("/") && store.Player.Length > 0, store.Path);
        }
        Check(Restorer.DiscoverPlaces().Count > 10, "places");
        Equal("1.0.0", Restorer.Version);
    }

    private static void UnknownIdentity(this Restorer restorer)
    {
        restorer.Identities = "not a key";
    }
}
