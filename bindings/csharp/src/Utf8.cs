using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Wmlb
{
    /// <summary>Strings to UTF-8 and back, which .NET Standard 2.0 does not marshal.</summary>
    internal static class Utf8
    {
        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        /// <summary>With a NUL at the end; null for null. Half of a surrogate pair, or a NUL in
        /// the text, would name something else than was meant.</summary>
        public static byte[] Bytes(string text)
        {
            if (text == null)
            {
                return null;
            }
            if (text.IndexOf('\0') >= 0)
            {
                throw new ArgumentException("a NUL is in the text");
            }
            byte[] bytes = new byte[Strict.GetByteCount(text) + 1];
            Strict.GetBytes(text, 0, text.Length, bytes, 0);
            return bytes;
        }

        /// <summary>Of bytes that end with a NUL.</summary>
        public static string Text(IntPtr bytes)
        {
            if (bytes == IntPtr.Zero)
            {
                return "";
            }
            int length = 0;
            while (Marshal.ReadByte(bytes, length) != 0)
            {
                length++;
            }
            return Text(bytes, length);
        }

        /// <summary>Of so many bytes, with U+FFFD for what is not UTF-8.</summary>
        public static string Text(IntPtr bytes, int length)
        {
            return Encoding.UTF8.GetString(Copy(bytes, length));
        }

        public static byte[] Copy(IntPtr bytes, int length)
        {
            byte[] copy = new byte[length];
            if (length > 0)
            {
                Marshal.Copy(bytes, copy, 0, length);
            }
            return copy;
        }
    }
}
