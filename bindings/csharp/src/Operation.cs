using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace Wmlb
{
    /// <summary>One operation, from its start until its task has ended.</summary>
    internal sealed class Operation
    {
        /// <summary>Starts one: gives the answer of the C function.</summary>
        public delegate int Start(RestorerHandle handle, Native.StatusCallback callback,
            IntPtr userData);

        // One for all operations, so that it is never collected while the library has it.
        private static readonly Native.StatusCallback Callback = OnStatus;

        /// <summary>The restorer in whose callback this thread is.</summary>
        [ThreadStatic]
        private static Restorer calling;

        private readonly Restorer restorer;
        private readonly IProgress<Progress> progress;
        private readonly CancellationToken token;
        private readonly TaskCompletionSource<Outcome> ended =
            new TaskCompletionSource<Outcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly List<string> restricted = new List<string>();
        private readonly List<string> skipped = new List<string>();
        private Signals signals = new Signals();
        private Progress last;
        private StatusEventArgs terminal;
        private Exception thrown;
        private GCHandle self;

        private Operation(Restorer restorer, IProgress<Progress> progress, CancellationToken token)
        {
            this.restorer = restorer;
            this.progress = progress;
            this.token = token;
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

        public static Task<Outcome> Run(Restorer restorer, RestorerHandle handle, Start start,
            IProgress<Progress> progress, CancellationToken token)
        {
            if (token.IsCancellationRequested)
            {
                return Task.FromCanceled<Outcome>(token);
            }
            var operation = new Operation(restorer, progress, token);
            bool isKept = false;
            // Nothing releases the restorer before the operation has ended.
            handle.DangerousAddRef(ref isKept);
            operation.self = GCHandle.Alloc(operation);
            int hr = start(handle, Callback, GCHandle.ToIntPtr(operation.self));
            if (hr < 0)
            {
                Exception failure = WmlbException.Of(hr, restorer.LastError);
                operation.self.Free();
                handle.DangerousRelease();
                return Task.FromException<Outcome>(failure);
            }
            if (!token.CanBeCanceled)
            {
                return operation.ended.Task;
            }
            // Too late, it names a restorer that is no more, and has no effect.
            IntPtr native = handle.DangerousGetHandle();
            return operation.UntilEnded(token.Register(() => Native.wmlb_restorer_cancel(native)));
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
            // In the first event, before which nothing else is called.
            if (signals != null)
            {
                signals.Take();
                signals = null;
                // Else the runtime waits for it when the program exits; mono sometimes forever.
                Thread.CurrentThread.IsBackground = true;
            }
            int answer = Guard(restorer, Keep, HResult.E_FAIL,
                () => Tell(status, hr, valueType, value, length));
            if (status == Status.ERROR || status == Status.ERROR_WITHURL ||
                status == Status.BACKUPRESTORE_END)
            {
                // This thread of the library's is still needed to return.
                ThreadPool.UnsafeQueueUserWorkItem(_ => End(), null);
            }
            return answer;
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

        /// <summary>After the last event, on a thread of the pool.</summary>
        private void End()
        {
            RestorerHandle handle = restorer.Handle;
            int result = HResult.E_UNEXPECTED;
            Native.wmlb_restorer_wait(handle.DangerousGetHandle(), uint.MaxValue, out result);
            self.Free();
            Exception kept = thrown ?? restorer.TakeThrown();
            handle.DangerousRelease();
            if (kept != null)
            {
                ended.TrySetException(kept);
            }
            else if (result >= 0 || result == HResult.NS_E_DRM_STORE_NOTALLSTORED)
            {
                ended.TrySetResult(new Outcome(terminal.Text, last, result < 0, restricted,
                    skipped));
            }
            else if (result == HResult.NS_E_DRM_OPERATION_CANCELED)
            {
                ended.TrySetCanceled(token);
            }
            else if (terminal.Status == Status.ERROR_WITHURL)
            {
                ended.TrySetException(new RestoreRefusedException(result, terminal.Text));
            }
            else
            {
                ended.TrySetException(WmlbException.Of(result, terminal.Text));
            }
        }
    }
}
