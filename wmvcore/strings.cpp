// Between strings of WCHAR and UTF-8, for WCHARs of both sizes. Compiled once for each.
#include "wmsdk/windows.h"

namespace {

struct Read {
    UINT c;
    int units;
};

// The next character of UTF-8; U+FFFD and one byte when it is not valid.
Read next(const unsigned char *text, int left)
{
    const UINT first = text[0];
    const int more = first < 0x80                    ? 0
                     : first < 0xC2 || first >= 0xF5 ? -1
                     : first < 0xE0                  ? 1
                     : first < 0xF0                  ? 2
                                                     : 3;
    if (more == 0)
        return {first, 1};
    UINT c = first & (0x3Fu >> (more < 0 ? 0 : more));
    bool valid = more > 0 && more < left;
    for (int i = 1; valid && i <= more; i++) {
        valid = (text[i] & 0xC0) == 0x80;
        c = (c << 6) | (text[i] & 0x3Fu);
    }
    static const UINT least[] = {0, 0, 0x800, 0x10000};
    if (!valid || c < least[more] || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF)
        return {0xFFFD, 1};
    return {c, more + 1};
}

Read next(LPCWSTR text, int left)
{
    const UINT first = static_cast<UINT>(text[0]);
    if (sizeof(WCHAR) == 2 && first >= 0xD800 && first < 0xDC00 && left > 1) {
        const UINT low = static_cast<UINT>(text[1]);
        if (low >= 0xDC00 && low < 0xE000)
            return {0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00), 2};
    }
    if ((first >= 0xD800 && first < 0xE000) || first > 0x10FFFF)
        return {0xFFFD, 1};
    return {first, 1};
}

int units_of(UINT c, char *to)
{
    if (c < 0x80) {
        to[0] = static_cast<char>(c);
        return 1;
    }
    const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const UINT first[] = {0, 0xC0, 0xE0, 0xF0};
    to[0] = static_cast<char>(first[more] | (c >> (6 * more)));
    for (int i = 1; i <= more; i++)
        to[i] = static_cast<char>(0x80 | ((c >> (6 * (more - i))) & 0x3F));
    return more + 1;
}

int units_of(UINT c, WCHAR *to)
{
    if (sizeof(WCHAR) == 4 || c < 0x10000) {
        to[0] = static_cast<WCHAR>(c);
        return 1;
    }
    to[0] = static_cast<WCHAR>(0xD800 + ((c - 0x10000) >> 10));
    to[1] = static_cast<WCHAR>(0xDC00 + ((c - 0x10000) & 0x3FF));
    return 2;
}

// Both directions: what is needed when there is no room given, else what was written; 0 and the
// last error when it does not fit.
template <typename From, typename To>
int convert(const From *from, int size, To *to, int room, bool strict)
{
    if (from == nullptr || size == 0 || size < -1 || room < 0 || (to == nullptr && room > 0)) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return 0;
    }
    if (size == -1)
        for (size = 1; from[size - 1] != 0;)
            size++;
    int needed = 0;
    for (int i = 0; i < size;) {
        const Read read = next(from + i, size - i);
        if (strict && read.c == 0xFFFD && read.units == 1) {
            SetLastError(ERROR_NO_UNICODE_TRANSLATION);
            return 0;
        }
        i += read.units;
        To units[4];
        const int count = units_of(read.c, units);
        if (room > 0 && needed + count > room) {
            SetLastError(ERROR_INSUFFICIENT_BUFFER);
            return 0;
        }
        for (int k = 0; room > 0 && k < count; k++)
            to[needed + k] = units[k];
        needed += count;
    }
    return needed;
}

} // namespace

int WINAPI MultiByteToWideChar(UINT code_page, DWORD flags, LPCSTR text, int size, LPWSTR wide,
                               int wide_size)
{
    if (code_page != CP_ACP && code_page != CP_UTF8) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return 0;
    }
    return convert(reinterpret_cast<const unsigned char *>(text), size, wide, wide_size,
                   (flags & MB_ERR_INVALID_CHARS) != 0);
}

int WINAPI WideCharToMultiByte(UINT code_page, DWORD, LPCWSTR wide, int wide_size, LPSTR text,
                               int size, LPCSTR default_char, BOOL *used_default)
{
    if ((code_page != CP_ACP && code_page != CP_UTF8) || default_char != nullptr) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return 0;
    }
    if (used_default != nullptr)
        *used_default = FALSE;
    return convert(wide, wide_size, text, size, false);
}
