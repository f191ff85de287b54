using System.Runtime.InteropServices;

namespace Wmlb
{
    /// <summary>Which signals a thread takes. The library's threads block all of them, and threads
    /// that are made in a callback, of the pool for example, would do so too: but the runtime stops
    /// its threads by signals, to collect garbage and to exit. So the thread of an operation gets
    /// the mask of the one that started it before anything of the host's runs on it.</summary>
    internal sealed class Signals
    {
        // Of Linux.
        private const int SetMask = 2;
        private const int Bytes = 128;

        private readonly byte[] mask = new byte[Bytes];

        /// <summary>Those of this thread.</summary>
        public Signals()
        {
            pthread_sigmask(SetMask, null, mask);
        }

        /// <summary>This thread takes them from here on.</summary>
        public void Take()
        {
            pthread_sigmask(SetMask, mask, null);
        }

        [DllImport("libc", CallingConvention = CallingConvention.Cdecl)]
        private static extern int pthread_sigmask(int how, byte[] set, [Out] byte[] old);
    }
}
