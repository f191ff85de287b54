/* Strings between WCHAR and the UTF-8 of wmlb.h, without exceptions. */

#ifndef WMLB_WMSDK_TEXT_HPP
#define WMLB_WMSDK_TEXT_HPP

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "types.h"

namespace wmlb_wmsdk {

/// Memory that may not be had. It leaves nothing behind: it may have held a secret.
template <typename Unit> class block {
public:
    block() {}
    block(const block &) = delete;
    block &operator=(const block &) = delete;
    ~block()
    {
        volatile unsigned char *const bytes = reinterpret_cast<unsigned char *>(units_);
        for (std::size_t i = 0; i < size_ * sizeof(Unit); i++)
            bytes[i] = 0;
        std::free(units_);
    }
    /// Has room for so many, once.
    bool make(std::size_t size)
    {
        units_ = static_cast<Unit *>(std::calloc(size + 1, sizeof(Unit)));
        size_ = units_ == nullptr ? 0 : size;
        return units_ != nullptr;
    }
    void shorten(std::size_t size) { used_ = size; }
    Unit *data() { return units_; }
    BYTE *bytes() { return reinterpret_cast<BYTE *>(units_); }
    std::size_t size() const { return used_; }

private:
    Unit *units_ = nullptr;
    std::size_t size_ = 0, used_ = 0;
};

inline std::uint32_t unit_at(const BYTE *value, std::size_t index, std::size_t width)
{
    std::uint16_t narrow = 0;
    std::uint32_t wide = 0;
    if (width == 4)
        std::memcpy(&wide, value + index * 4, 4);
    else
        std::memcpy(&narrow, value + index * 2, 2);
    return width == 4 ? wide : narrow;
}

/// Bytes of a unit of a string. A program may give UTF-16 (u"...") where WCHAR has 32 bits, and
/// UTF-32 where it has 16. What can be UTF-32 to its end is no text of UTF-16 that a property has:
/// every second of its characters would be U+0010 or less. Where WCHAR has 32 bits, it is UTF-32
/// also without a NUL at its end, so that what was cut is not taken for the other.
inline std::size_t unit_of(const BYTE *value, std::size_t size, std::size_t own)
{
    if (size % 4 != 0 || size == 0 || (own == 2 && unit_at(value, size / 4 - 1, 4) != 0))
        return 2;
    for (std::size_t i = 0; i < size / 4; i++)
        if (unit_at(value, i, 4) > 0x10FFFF)
            return 2;
    return 4;
}

inline std::size_t encode(std::uint32_t c, char *to)
{
    const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
    if ((c >= 0xD800 && c < 0xE000) || c > 0x10FFFF) {
        to[0] = byte(0xFF); // no UTF-8, so that the library refuses it
        return 1;
    }
    if (c < 0x80) {
        to[0] = byte(c);
        return 1;
    }
    const std::size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xC0, 0xE0, 0xF0};
    to[0] = byte(first[more] | (c >> (6 * more)));
    for (std::size_t i = 1; i <= more; i++)
        to[i] = byte(0x80 | ((c >> (6 * (more - i))) & 0x3F));
    return more + 1;
}

/// The text of a string value, which has to end in a NUL: one without was cut, by a wcslen() that
/// counts other units or by a length that has outgrown a WORD. NULs at its end are one, as a
/// whole buffer may be given; none may be within.
inline HRESULT to_utf8(const BYTE *value, std::size_t size, std::size_t own, block<char> &text)
{
    const std::size_t width = unit_of(value, size, own);
    std::size_t count = size / width;
    if (size % width != 0 || count == 0 || unit_at(value, count - 1, width) != 0)
        return E_INVALIDARG;
    while (count > 0 && unit_at(value, count - 1, width) == 0)
        count--;
    if (!text.make(count * 4))
        return E_OUTOFMEMORY;
    std::size_t length = 0;
    for (std::size_t i = 0; i < count; i++) {
        std::uint32_t c = unit_at(value, i, width);
        if (c == 0)
            return E_INVALIDARG;
        if (width == 2 && c >= 0xD800 && c < 0xDC00 && i + 1 < count) {
            const std::uint32_t low = unit_at(value, i + 1, width);
            if (low >= 0xDC00 && low < 0xE000) {
                c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
                i++;
            }
        }
        length += encode(c, text.data() + length);
    }
    text.shorten(length);
    return S_OK;
}

/// The name of a property. They are ASCII and short; others become a name that there is not.
struct property_name {
    char text[48];

    explicit property_name(LPCWSTR name)
    {
        std::size_t length = 0;
        for (; name[length] != 0 && length + 1 < sizeof text; length++) {
            const auto c = static_cast<std::uint32_t>(name[length]);
            text[length] = c < 0x80 ? static_cast<char>(c) : '?';
        }
        text[length] = 0;
        if (name[length] != 0)
            text[0] = '?';
    }
    bool is(const char *other) const { return std::strcmp(text, other) == 0; }
};

/// The units of valid UTF-8, which is what the library gives, and a NUL. False: no memory.
template <typename Unit> bool to_wide(const char *text, std::size_t size, block<Unit> &wide)
{
    if (!wide.make(size + 1))
        return false;
    std::size_t length = 0;
    for (std::size_t i = 0; i < size;) {
        const auto first = static_cast<unsigned char>(text[i++]);
        unsigned more = first < 0xC0 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        std::uint32_t c = more == 0 ? first : first & (0x3Fu >> more);
        for (; more > 0 && i < size; more--)
            c = (c << 6) | (static_cast<unsigned char>(text[i++]) & 0x3Fu);
        if (sizeof(Unit) == 2 && c >= 0x10000) {
            wide.data()[length++] = static_cast<Unit>(0xD800 + ((c - 0x10000) >> 10));
            c = 0xDC00 + ((c - 0x10000) & 0x3FF);
        }
        wide.data()[length++] = static_cast<Unit>(c);
    }
    wide.data()[length++] = 0;
    wide.shorten(length);
    return true;
}

/// Whether a path is one of Windows: with a drive, or of a server.
inline bool is_of_windows(const char *path)
{
    const bool letter = (path[0] >= 'A' && path[0] <= 'Z') || (path[0] >= 'a' && path[0] <= 'z');
    if (letter && path[1] == ':')
        return path[2] == 0 || path[2] == '\\' || path[2] == '/';
    return path[0] == '\\' && path[1] == '\\';
}

} // namespace wmlb_wmsdk

#endif
