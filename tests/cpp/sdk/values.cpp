// Strings that SetProp takes and refuses. usage: values
#include "check.hpp"

// A test double of the interface needs its six methods only.
struct Double : IWMBackupRestoreProps {
    STDMETHODIMP QueryInterface(REFIID, void **) override { return E_NOINTERFACE; }
    STDMETHODIMP_(ULONG) AddRef() override { return 1; }
    STDMETHODIMP_(ULONG) Release() override { return 1; }
    STDMETHODIMP GetPropCount(WORD *) override { return E_NOTIMPL; }
    STDMETHODIMP GetPropByIndex(WORD, WCHAR *, WORD *, WMT_ATTR_DATATYPE *, BYTE *, WORD *) override
    {
        return E_NOTIMPL;
    }
    STDMETHODIMP GetPropByName(LPCWSTR, WMT_ATTR_DATATYPE *, BYTE *, WORD *) override
    {
        return E_NOTIMPL;
    }
    STDMETHODIMP SetProp(LPCWSTR name, WMT_ATTR_DATATYPE, const BYTE *, WORD) override
    {
        its_name = plain(name);
        return S_OK;
    }
    STDMETHODIMP RemoveProp(LPCWSTR) override { return S_OK; }
    STDMETHODIMP RemoveAllProps() override { return S_OK; }
    std::string its_name;
};

static IWMBackupRestoreProps *props;
static const Wide name = wide("BackupPath");

template <typename Unit> static HRESULT give(const Unit *text, std::size_t units)
{
    return props->SetProp(name.data(), WMT_TYPE_STRING, reinterpret_cast<const BYTE *>(text),
                          static_cast<WORD>(units * sizeof(Unit)));
}

static std::vector<std::uint32_t> stored()
{
    std::vector<WCHAR> back(64);
    WMT_ATTR_DATATYPE type = WMT_TYPE_GUID;
    WORD size = static_cast<WORD>(back.size() * sizeof(WCHAR));
    CHECK(props->GetPropByName(name.data(), &type, reinterpret_cast<BYTE *>(back.data()), &size) == S_OK);
    back.resize(size / sizeof(WCHAR));
    return std::vector<std::uint32_t>(back.begin(), back.end());
}

static void text_of_any_width()
{
    // Both widths are taken, and come back as WCHAR, also beyond the first 65,536 characters.
    const std::uint16_t utf16[] = {'/', 0xE9, 0x20AC, 0xD83C, 0xDFB5, 0};
    const std::uint32_t utf32[] = {'/', 0xE9, 0x20AC, 0x1F3B5, 0};
    const std::vector<std::uint32_t> two(utf16, utf16 + 6), four(utf32, utf32 + 5);
    CHECK(give(utf16, 6) == S_OK && stored() == (sizeof(WCHAR) == 2 ? two : four));
    CHECK(give(utf32, 5) == S_OK && stored() == (sizeof(WCHAR) == 2 ? two : four));
    const WCHAR own[] = {'/', 'o', 0};
    CHECK(give(own, 3) == S_OK && stored() == (std::vector<std::uint32_t>{'/', 'o', 0}));
    // A whole buffer, its rest zero.
    const std::uint16_t buffer16[260] = {'/', 't', 'm', 'p'};
    const std::uint32_t buffer32[260] = {'/', 't', 'm', 'p'};
    const std::vector<std::uint32_t> expected{'/', 't', 'm', 'p', 0};
    CHECK(give(buffer16, 260) == S_OK && stored() == expected);
    CHECK(give(buffer32, 260) == S_OK && stored() == expected);
}

static void text_without_its_end()
{
    const WCHAR path[] = {'/', 't', 'm', 'p', '/', 'a', 'b', 'c', 0};
    CHECK(give(path, 9) == S_OK);
    // What a wcslen() of other units cuts off, or a length that counts no NUL, or half a unit.
    for (std::size_t units = 0; units < 9; units++)
        CHECK(give(path, units) == E_INVALIDARG);
    CHECK(props->SetProp(name.data(), WMT_TYPE_STRING, (const BYTE *)path, 3) == E_INVALIDARG);
    // A length that has outgrown the WORD: never a path of the first characters.
    Wide longest(40001, 'x');
    longest[0] = '/', longest[40000] = 0;
    CHECK(give(longest.data(), longest.size()) == E_INVALIDARG);
    const WCHAR within[] = {'/', 0, 'x', 0}, half[] = {0xD800, 'x', 0}, nothing[] = {0};
    CHECK(give(within, 4) == E_INVALIDARG && give(half, 3) == E_INVALIDARG);
    CHECK(give(nothing, 1) == E_INVALIDARG);
    CHECK(stored().size() == 9);
}

static void paths_of_windows()
{
    const HRESULT bad = HRESULT_FROM_WIN32(161);
    for (const char *each : {"BackupPath", "RestorePath", "StorePath"})
        for (const char *path : {"A:\\", "d:\\Licenses", "C:/x", "c:", "\\\\server\\share", "\\\\?\\C:\\x"})
            CHECK(set(props, each, path) == bad);
    for (const char *path : {"/c:\\x", "c:x", "cc:\\x", "\\x", "./c:\\x", "1:\\"})
        CHECK(set(props, "BackupPath", path) == S_OK);
    CHECK(set(props, "Passphrase", "c:\\secret") == S_OK);
    const std::string words = wmlb_hresult_message(bad);
    CHECK(words.find("Windows") != std::string::npos);
    CHECK(std::string(wmlb_hresult_name(bad)) == "HRESULT_FROM_WIN32(ERROR_BAD_PATHNAME)");
}

static void names_and_types()
{
    const std::string many(100, 'x');
    for (const std::string &unknown : {std::string("NoSuch"), std::string("backupPath"), many,
                                       std::string("BackupPath") + many, std::string()}) {
        CHECK(set(props, unknown.c_str(), "x") == NS_E_DRM_UNSUPPORTED_PROPERTY);
        CHECK(props->RemoveProp(wide(unknown).data()) == NS_E_DRM_UNSUPPORTED_PROPERTY);
    }
    Wide foreign = name;
    foreign[0] = 0x412; // a letter that looks like B
    CHECK(props->RemoveProp(foreign.data()) == NS_E_DRM_UNSUPPORTED_PROPERTY);
    const WCHAR path[] = {'/', 'x', 0};
    for (int type = WMT_TYPE_DWORD; type <= WMT_TYPE_GUID; type++) {
        const HRESULT hr = props->SetProp(name.data(), static_cast<WMT_ATTR_DATATYPE>(type),
                                          reinterpret_cast<const BYTE *>(path), sizeof path);
        CHECK(hr == (type == WMT_TYPE_STRING ? S_OK : E_INVALIDARG));
    }
}

int main()
{
    IWMLicenseBackup *backup = NULL;
    CHECK(WMCreateBackupRestorer(NULL, &backup) == S_OK);
    CHECK(backup->QueryInterface(&props) == S_OK);
    text_of_any_width();
    text_without_its_end();
    paths_of_windows();
    names_and_types();
    Double own;
    IWMBackupRestoreProps *const any = &own;
    CHECK(set(any, "BackupPath", "/x") == S_OK && own.its_name == "BackupPath");
    props->Release();
    CHECK(backup->Release() == 0);
    return report("values");
}
