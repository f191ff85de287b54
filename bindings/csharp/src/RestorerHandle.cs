using System;
using System.Runtime.InteropServices;

namespace Wmlb
{
    /// <summary>Keeps a restorer of the library's until nobody uses it any more.</summary>
    public sealed class RestorerHandle : SafeHandle
    {
        /// <summary>For the runtime, which fills it in.</summary>
        public RestorerHandle() : base(IntPtr.Zero, true)
        {
        }

        /// <summary>Whether there is none.</summary>
        public override bool IsInvalid => handle == IntPtr.Zero;

        /// <summary>Releases the restorer.</summary>
        protected override bool ReleaseHandle() => Native.wmlb_restorer_release(handle) >= 0;
    }
}
