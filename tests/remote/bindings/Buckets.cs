// The C# binding with a bucket in place of a folder; tests/remote/test_bindings.py runs it, beside
// a server. STORE_URL has PREFIX in it; LATER_URL is the same bucket more than a day later.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Wmlb;
using static Runner;

internal static class Buckets
{
    private static readonly string Small = Environment.GetEnvironmentVariable("SMALL");
    private static readonly string Large = Environment.GetEnvironmentVariable("LARGE");
    private static string work;
    private static int folders;

    public static int Main(string[] arguments)
    {
        work = arguments[0];
        return Runner.Run(typeof(Buckets), arguments.Skip(1).ToArray());
    }

    // ---- what they need

    private static Outcome Get(Task<Outcome> task)
    {
        return task.GetAwaiter().GetResult();
    }

    private static T Throws<T>(Action action) where T : Exception
    {
        try
        {
            action();
        }
        catch (T exception)
        {
            return exception;
        }
        throw new Failed("no " + typeof(T).Name);
    }

    private static string Fresh()
    {
        string path = Path.Combine(work, "folder" + Interlocked.Increment(ref folders));
        Directory.CreateDirectory(path);
        return path;
    }

    private static Bucket At(string prefix, string device = "d", string variable = "STORE_URL")
    {
        var bucket = new Bucket(Environment.GetEnvironmentVariable(variable)
            .Replace("PREFIX", "csharp-" + prefix)) { Device = device };
        bucket.SetCredentials("someid", "somesecret");
        return bucket;
    }

    private static Restorer New(string store, Bucket bucket)
    {
        return new Restorer { StorePath = store, BackupBucket = bucket, RestoreBucket = bucket };
    }

    private static void Same(string store, string restored)
    {
        Func<string, string> names = folder => string.Join("\n",
            Directory.GetFiles(folder).Select(Path.GetFileName).OrderBy(name => name));
        Equal(names(store), names(restored));
        foreach (string file in Directory.GetFiles(store))
        {
            string other = Path.Combine(restored, Path.GetFileName(file));
            Equal(true, File.ReadAllBytes(file).SequenceEqual(File.ReadAllBytes(other)));
        }
    }

    // ---- the tests

    [Test]
    private static void ABackupComesBack()
    {
        using (Restorer restorer = New(Small, At("comes-back")))
        {
            Equal(3L, Get(restorer.BackupAsync()).Progress.LicensesDone);
            Throws<BackupExistsException>(() => Get(restorer.BackupAsync()));
            Equal(3L, Get(restorer.VerifyAsync()).Progress.LicensesDone);
            Equal(3, restorer.ListBackup().Count);
            Equal(3L, restorer.BackupInfo().Licenses);
            Equal(0, restorer.Compare().Count);
            DeviceInfo device = restorer.ListDevices().Single();
            Equal("d", device.Name);
            Equal(1L, device.Backups);
            string target = Fresh();
            restorer.StorePath = target;
            Get(restorer.RestoreAsync());
            Same(Small, target);
        }
    }

    [Test]
    private static void EarlierBackupsStayAsLongAsKeepWantsThem()
    {
        using (Restorer restorer = New(Small, At("keep")))
        {
            Get(restorer.BackupAsync());
            restorer.StorePath = Large;
            Get(restorer.BackupAsync(BackupFlags.Overwrite));
            GenerationInfo[] told =
                restorer.ListGenerations().OrderByDescending(one => one.Size).ToArray();
            Equal(KeptBy.Current, told[0].KeptBy);
            Equal(KeptBy.None, told[1].KeptBy);
            Bucket old = At("keep");
            old.Generation = told[1].Path;
            restorer.RestoreBucket = old;
            restorer.StorePath = Fresh();
            Get(restorer.RestoreAsync());
            Same(Small, restorer.StorePath);

            restorer.Keep = "last=1";
            restorer.RestoreBucket = At("keep");
            Equal(0, restorer.ForgetInBucket().Count);
            restorer.RestoreBucket = At("keep", variable: "LATER_URL");
            RemovalInfo gone = restorer.ForgetInBucket(dryRun: true).Single();
            Equal(RemovalKind.Generation, gone.Kind);
            Equal(told[1].Path, gone.Name);
            Equal(2, restorer.ListGenerations().Count);
            restorer.StorePath = Small;
            restorer.BackupBucket = restorer.RestoreBucket;
            Get(restorer.BackupAsync(BackupFlags.Overwrite));
            Equal(1, restorer.ListGenerations().Count);
            Equal(HResult.E_NOTIMPL,
                Throws<WmlbException>(() => restorer.ForgetGenerations()).Code);
        }
    }

    [Test]
    private static void AnAddressIsEnough()
    {
        // AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set: mono shows no later ones to C.
        string url = At("address").Url;
        using (var restorer = new Restorer
        {
            StorePath = Small, BackupPath = url, RestorePath = url,
        })
        {
            Get(restorer.BackupAsync());
            Equal(3L, Get(restorer.VerifyAsync()).Progress.LicensesDone);
            Equal(url, restorer.BackupPath);
            Equal(32, restorer.ListDevices().Single().Name.Length);
        }
    }

    [Test]
    private static void ARestorerGoesFromPlaceToPlace()
    {
        string here = Fresh();
        using (Restorer restorer = New(Small, At("places", "a")))
        {
            Get(restorer.BackupAsync());
            restorer.BackupPath = here;
            Get(restorer.BackupAsync());
            restorer.BackupBucket = At("places", "b");
            Get(restorer.BackupAsync());
            Equal("licenses.wmlb", Directory.GetFiles(here).Select(Path.GetFileName).Single());
            Equal("a b", string.Join(" ", restorer.ListDevices().Select(one => one.Name)));
            restorer.RestorePath = here;
            Equal(3L, Get(restorer.VerifyAsync()).Progress.LicensesDone);
            Throws<WmlbException>(() => restorer.ListDevices());
        }
    }

    /// <summary>A server that never answers: it is told when one asks.</summary>
    private static void WhenAsked(Action stop, Action<Bucket> use)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var asking = new List<TcpClient>();
        var accepting = new Thread(() =>
        {
            try
            {
                while (true)
                {
                    asking.Add(listener.AcceptTcpClient());
                    stop();
                }
            }
            catch (SocketException)
            {
                // It was stopped.
            }
        }) { IsBackground = true };
        accepting.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var bucket = new Bucket("s3://bucket?endpoint=http://127.0.0.1:" + port) { Device = "d" };
        bucket.SetCredentials("someid", "somesecret");
        try
        {
            use(bucket);
        }
        finally
        {
            listener.Stop();
            accepting.Join();
            asking.ForEach(one => one.Close());
        }
    }

    [Test]
    private static void ATokenEndsWhatWaitsForAServer()
    {
        foreach (Func<Restorer, CancellationToken, Task<Outcome>> call in
            new Func<Restorer, CancellationToken, Task<Outcome>>[]
            {
                (restorer, token) => restorer.BackupAsync(token: token),
                (restorer, token) => restorer.VerifyAsync(token: token),
                (restorer, token) => restorer.RestoreAsync(token: token),
            })
        {
            var stop = new CancellationTokenSource();
            WhenAsked(stop.Cancel, bucket =>
            {
                using (Restorer restorer = New(Small, bucket))
                {
                    Throws<OperationCanceledException>(() => Get(call(restorer, stop.Token)));
                }
            });
        }
    }

    [Test]
    private static void CancelAndDisposeEndWhatWaitsForAServer()
    {
        foreach (Action<Restorer> end in new Action<Restorer>[]
        {
            restorer => restorer.Cancel(), restorer => restorer.Dispose(),
        })
        {
            Restorer one = null;
            WhenAsked(() => end(one), bucket =>
            {
                one = New(Small, bucket);
                Equal(HResult.NS_E_DRM_OPERATION_CANCELED,
                    Throws<WmlbException>(() => one.ListDevices()).Code);
                one.Dispose();
            });
            WhenAsked(() => end(one), bucket =>
            {
                one = New(Small, bucket);
                Throws<OperationCanceledException>(() => Get(one.VerifyAsync()));
                one.Dispose();
            });
        }
    }

    [Test]
    private static void WhatFailsIsSaid()
    {
        string url = "s3://bucket?deadline=1&endpoint=http://127.0.0.1:"
            + Environment.GetEnvironmentVariable("FREE_PORT");
        using (Restorer restorer = New(Small, new Bucket(url) { Device = "d" }))
        {
            foreach (Action call in new Action[]
            {
                () => Get(restorer.VerifyAsync()), () => restorer.ListBackup(),
                () => restorer.ListDevices(), () => restorer.ListGenerations(),
                () => restorer.ForgetInBucket(),
            })
            {
                string words = Throws<WmlbException>(call).Message;
                Equal(true, words.Contains("no answer before the deadline"));
            }
            foreach (string wrong in new[] { "s3://someid:somesecret@bucket", "s3://bucket?x=1" })
            {
                restorer.RestorePath = wrong;
                var refused = Throws<WmlbException>(() => Get(restorer.VerifyAsync()));
                Equal(HResult.E_INVALIDARG, refused.Code);
                Equal(false, refused.Message.Contains("somesecret"));
            }
            restorer.RestoreBucket = new Bucket(url) { Device = "../x" };
            Equal(HResult.E_INVALIDARG,
                Throws<WmlbException>(() => restorer.ListBackup()).Code);
            restorer.RestoreBucket = new Bucket(url);
            restorer.RestoreBucket.SetCredentials("", "");
            Equal(HResult.E_INVALIDARG,
                Throws<WmlbException>(() => restorer.ListBackup()).Code);
        }
    }

    /// <summary>For a process that does not find libwmlb-remote.</summary>
    [Test(OnlyByName = true)]
    private static void WithoutTheLibrary()
    {
        using (var restorer = new Restorer { RestorePath = "s3://bucket" })
        {
            var refused = Throws<WmlbException>(() => restorer.ListDevices());
            Equal(HResult.E_NOTIMPL, refused.Code);
            Equal(true, refused.Message.Contains("libwmlb-remote"));
        }
    }
}
