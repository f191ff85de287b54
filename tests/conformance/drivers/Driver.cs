// The driver of C#: makes the calls of README.md through the package.

using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Wmlb;

internal sealed class NotHere : Exception
{
}

internal static class Driver
{
    private const uint RunHere = 0x10000;

    private static readonly List<Restorer> Restorers = new List<Restorer>();
    private static readonly Dictionary<Restorer, Task<Outcome>> Running =
        new Dictionary<Restorer, Task<Outcome>>();

    private static readonly List<StatusEventArgs> Later = new List<StatusEventArgs>();

    // What is started is held in its first event until it is looked at.
    private static ManualResetEventSlim mayGo = new ManualResetEventSlim();
    private static Restorer own;

    public static int Main()
    {
        var input = new System.IO.StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
        var output = new System.IO.StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
        Console.SetOut(System.IO.TextWriter.Synchronized(output));
        for (string line; (line = input.ReadLine()) != null;)
        {
            string[] words = line.Split(' ');
            if (words[0] == "exit")
            {
                return 0;
            }
            try
            {
                Console.WriteLine("result {0}", Call(words));
            }
            catch (NotHere)
            {
                Console.WriteLine("no");
            }
            catch (Exception exception)
            {
                Console.WriteLine("result {0}", CodeOf(exception));
            }
            Console.Out.Flush();
        }
        return 0;
    }

    private static int CodeOf(Exception exception)
    {
        var several = exception as AggregateException;
        if (several != null)
        {
            return CodeOf(several.InnerExceptions[0]);
        }
        if (exception is OperationCanceledException)
        {
            return HResult.NS_E_DRM_OPERATION_CANCELED;
        }
        if (exception is ObjectDisposedException)
        {
            return HResult.E_HANDLE;
        }
        var failure = exception as WmlbException;
        if (failure == null)
        {
            Console.Error.WriteLine(exception);
            return HResult.E_UNEXPECTED;
        }
        return failure.Code;
    }

    private static int Call(string[] words)
    {
        switch (words[0])
        {
            case "reset":
                foreach (Restorer one in Restorers)
                {
                    mayGo.Set();
                    one.Dispose();
                }
                Restorers.Clear();
                Running.Clear();
                mayGo = new ManualResetEventSlim();
                return 0;
            case "new":
                own = new Restorer();
                Restorers.Add(own);
                return 0;
            case "use":
                own = Restorers[int.Parse(words[1])];
                return 0;
            case "set":
                own.Set(words[1], words[2]);
                return 0;
            case "number":
                own.Set(words[1], uint.Parse(words[2]));
                return 0;
            case "start":
                return Start(words[1], uint.Parse(words[2]));
            case "drain":
                mayGo.Set();
                foreach (Task<Outcome> task in Running.Values)
                {
                    Result(task);
                }
                Later.ForEach(Say);
                Later.Clear();
                return 0;
            case "wait":
                return Running.ContainsKey(own) ? Result(Running[own]) : throw new NotHere();
            case "release":
                own.Cancel();
                mayGo.Set();
                own.Dispose();
                return 0;
            case "words":
                Console.WriteLine("name " + own.LastError);
                return 0;
            case "list":
                foreach (LicenseInfo license in words[1] == "store" ? own.ListStore() : own.ListBackup())
                {
                    Console.WriteLine("name " + license.Name);
                }
                return 0;
            case "backup":
            case "restore":
            case "verify":
                return Operate(words);
            default:
                throw new NotHere();
        }
    }

    private static Task<Outcome> Begin(string operation, uint flags, CancellationToken token)
    {
        flags &= ~RunHere;
        switch (operation)
        {
            case "backup":
                return own.BackupAsync((BackupFlags)flags, null, token);
            case "restore":
                return own.RestoreAsync((RestoreFlags)flags, null, token);
            default:
                return own.VerifyAsync((VerifyFlags)flags, null, token);
        }
    }

    private static int Start(string operation, uint flags)
    {
        ManualResetEventSlim gate = mayGo;
        EventHandler<StatusEventArgs> held = (_, told) =>
        {
            gate.Wait();
            lock (Later)
            {
                Later.Add(told);
            }
        };
        if (!Running.ContainsKey(own))
        {
            own.StatusChanged += held;
        }
        Task<Outcome> task = Begin(operation, flags, CancellationToken.None);
        if (task.IsFaulted)
        {
            return Result(task);
        }
        Running[own] = task;
        return 0;
    }

    // words: OPERATION FLAGS [WAY STATUS]
    private static int Operate(string[] words)
    {
        var canceling = new CancellationTokenSource();
        EventHandler<StatusEventArgs> tell = (_, told) =>
        {
            Say(told);
            if (words.Length < 4 || told.Status != int.Parse(words[3]))
            {
                return;
            }
            switch (words[2])
            {
                case "answer":
                    told.Cancel = true;
                    break;
                case "restorer":
                    own.Cancel();
                    break;
                default:
                    canceling.Cancel();
                    break;
            }
        };
        own.StatusChanged += tell;
        int result = Result(Begin(words[0], uint.Parse(words[1]), canceling.Token));
        own.StatusChanged -= tell;
        return result;
    }

    private static int Result(Task<Outcome> task)
    {
        try
        {
            return task.Result.IsPartial ? HResult.NS_E_DRM_STORE_NOTALLSTORED : HResult.S_OK;
        }
        catch (AggregateException failure)
        {
            return CodeOf(failure);
        }
    }

    private static void Say(StatusEventArgs told)
    {
        string text = told.Text;
        if (told.Progress != null)
        {
            text = string.Join(" ", told.Progress.LicensesDone, told.Progress.LicensesTotal,
                told.Progress.LicensesRestricted, told.Progress.LicensesSkipped);
        }
        else if (told.LicensesNow != null)
        {
            text = told.LicensesBefore + " " + told.LicensesNow;
        }
        Console.WriteLine("event {0} {1} {2}", told.Status, told.Code, text);
    }
}
