using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace Wmlb
{
    /// <summary>One operation, from its start until its task has ended. It runs on a thread of
    /// the runtime's own, so that no other thread ever enters it: mono, which stops threads by
    /// signals, now and then waits for one of the library's for ever.</summary>
    internal sealed class Operation
    {
        /// <summary>Runs one: gives the answer of the C function.</summary>
        public delegate int Start(RestorerHandle handle, uint runHere,
            Native.StatusCallback callback, IntPtr userData);

        // One for all operations, so that it is never collected while the library has it.
        private static readonly Native.StatusCallback Callback = OnStatus;

        /// <summary>The restorer in whose callback this thread is.</summary>
        [ThreadStatic]
        private static Restorer calling;

        private readonly Restorer restorer;
        private readonly IProgress<Progress> progress;
        private readonly CancellationToken token;
        private readonly Action after;
        private readonly TaskCompletionSource<Outcome> ended =
            new TaskCompletionSource<Outcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly List<string> restricted = new List<string>();
        private readonly List<string> skipped = new List<string>();
        // Set in the first event, or when there will be none.
        private readonly ManualResetEventSlim begun = new ManualResetEventSlim();
        private Progress last;
        private StatusEventArgs terminal;
        private Exception thrown;

        private Operation(Restorer restorer, IProgress<Progress> progress, CancellationToken token,
            Action after)
        {
            this.restorer = restorer;
            this.progress = progress;
            this.token = token;
            this.after = after;
        }

        /// <summary>Whether this thread is in a callback.</summary>
        public static bool IsCalling => calling != null;

        /// <summary>Runs what the host gave for a callback: what it throws ends the operation,
        /// and is thrown by its task.</summary>
        public static T Guard<T>(Restorer restorer, Action<Exception> keep, T failed, Func<T> body)
        {
            Restorer before = calling;
            calling = restorer;
            try
            {
                return body();
            }
            catch (Exception exception)
            {
                keep(exception);
                return failed;
            }
            finally
            {
                calling = before;
            }
        }

        /// <summary>Runs one: remote is the bucket that is at work, or null; after is called when
        /// it has succeeded.</summary>
        public static Task<Outcome> Run(Restorer restorer, RestorerHandle handle, Start start,
            IProgress<Progress> progress, CancellationToken token, Remote remote,
            Action after = null)
        {
            if (token.IsCancellationRequested)
            {
                return Task.FromCanceled<Outcome>(token);
            }
            var operation = new Operation(restorer, progress, token, after);
            bool isKept = false;
            // Nothing releases the restorer before the operation has ended.
            handle.DangerousAddRef(ref isKept);
            new Thread(() => operation.Do(handle, start))
            {
                IsBackground = true,
                Name = "wmlb",
            }.Start();
            // From here on it can be canceled; and what is refused is so when this returns.
            operation.begun.Wait();
            if (!token.CanBeCanceled)
            {
                return operation.ended.Task;
            }
            // Too late, it names a restorer that is no more, and has no effect.
            IntPtr native = handle.DangerousGetHandle();
            return operation.UntilEnded(token.Register(() =>
            {
                Native.wmlb_restorer_cancel(native);
                // What waits for a server.
                remote?.Cancel();
            }));
        }

        /// <summary>On the operation's thread, from its first to its last step.</summary>
        private void Do(RestorerHandle handle, Start start)
        {
            GCHandle self = GCHandle.Alloc(this);
            int result = start(handle, Flags.RunHere, Callback, GCHandle.ToIntPtr(self));
            self.Free();
            string words = terminal == null ? restorer.LastError : terminal.Text;
            Exception kept = thrown ?? restorer.TakeThrown() ?? (result < 0 ? null : Finish());
            handle.DangerousRelease();
            End(result, words, kept);
            begun.Set();
        }

        /// <summary>What went wrong in what comes after it; null: nothing.</summary>
        private Exception Finish()
        {
            try
            {
                after?.Invoke();
                return null;
            }
            catch (Exception exception)
            {
                return exception;
            }
        }

        private async Task<Outcome> UntilEnded(CancellationTokenRegistration registration)
        {
            using (registration)
            {
                return await ended.Task.ConfigureAwait(false);
            }
        }

        private static int OnStatus(int status, int hr, int valueType, IntPtr value,
            UIntPtr valueLength, IntPtr userData)
        {
            var operation = (Operation)GCHandle.FromIntPtr(userData).Target;
            return operation.Notify(status, hr, valueType, value, (int)valueLength);
        }

        private int Notify(int status, int hr, int valueType, IntPtr value, int length)
        {
            begun.Set();
            return Guard(restorer, Keep, HResult.E_FAIL,
                () => Tell(status, hr, valueType, value, length));
        }

        private int Tell(int status, int hr, int valueType, IntPtr value, int length)
        {
            string text = valueType == ValueType.STRING ? Utf8.Text(value, length) : null;
            Progress counters = null;
            if (status == Status.PROGRESS)
            {
                counters = new Progress(Marshal.PtrToStructure<Native.wmlb_progress>(value));
                last = counters;
            }
            if (status == Status.ERROR)
            {
                text = restorer.WordsOf(text);
            }
            long[] counts = null;
            if (status == Status.FEWER_LICENSES)
            {
                counts = new long[2];
                Marshal.Copy(value, counts, 0, counts.Length);
            }
            var told = new StatusEventArgs(status, hr, text, counters, counts);
            switch (status)
            {
                case Status.RESTRICTED_LICENSE:
                    restricted.Add(text);
                    break;
                case Status.LICENSE_SKIPPED:
                    skipped.Add(text);
                    break;
                case Status.ERROR:
                case Status.ERROR_WITHURL:
                case Status.BACKUPRESTORE_END:
                    terminal = told;
                    break;
            }
            if (counters != null && progress != null)
            {
                progress.Report(counters);
            }
            restorer.Raise(told);
            return told.Cancel ? HResult.E_FAIL : HResult.S_OK;
        }

        internal void Keep(Exception exception)
        {
            thrown = thrown ?? exception;
        }

        private void End(int result, string words, Exception kept)
        {
            var failure = kept as WmlbException;
            if (failure != null && failure.Code == HResult.NS_E_DRM_OPERATION_CANCELED)
            {
                ended.TrySetCanceled(token);
            }
            else if (kept != null)
            {
                ended.TrySetException(kept);
            }
            else if (terminal == null)
            {
                ended.TrySetException(WmlbException.Of(result, words));
            }
            else if (result >= 0 || result == HResult.NS_E_DRM_STORE_NOTALLSTORED)
            {
                ended.TrySetResult(new Outcome(words, last, result < 0, restricted, skipped));
            }
            else if (result == HResult.NS_E_DRM_OPERATION_CANCELED)
            {
                ended.TrySetCanceled(token);
            }
            else if (terminal.Status == Status.ERROR_WITHURL)
            {
                ended.TrySetException(new RestoreRefusedException(result, words));
            }
            else
            {
                ended.TrySetException(WmlbException.Of(result, words));
            }
        }
    }
}
