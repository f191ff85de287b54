// What the tests of wmlb_wmsdk.hpp share: checks, strings of WCHAR, and a callback that notes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "wmlb_wmsdk.hpp"

static std::atomic<int> made, failed;
#define CHECK(condition)                                                                \
    do {                                                                                \
        made++;                                                                         \
        if (!(condition)) {                                                             \
            std::fprintf(stderr, "FAIL %s:%d: %s\n", __FILE__, __LINE__, #condition);   \
            failed++;                                                                   \
        }                                                                               \
    } while (0)

// std::wstring is not for a wchar_t of another size than the standard library's.
typedef std::vector<WCHAR> Wide;

static inline Wide wide(const std::string &ascii)
{
    Wide units;
    for (const char c : ascii)
        units.push_back(static_cast<WCHAR>(c));
    units.push_back(0);
    return units;
}

static inline std::string plain(const void *text)
{
    std::string copy;
    for (const WCHAR *c = static_cast<const WCHAR *>(text); *c != 0; c++)
        copy += static_cast<char>(*c);
    return copy;
}

static inline HRESULT set(IWMBackupRestoreProps *props, const char *name, const std::string &value)
{
    const Wide text = wide(value);
    return props->SetProp(wide(name).data(), WMT_TYPE_STRING,
                          reinterpret_cast<const BYTE *>(text.data()),
                          static_cast<WORD>(text.size() * sizeof(WCHAR)));
}

// Notes the last event, and does in OnStatus what a test wants done there.
class Callback : public IWMStatusCallback {
public:
    STDMETHODIMP QueryInterface(REFIID riid, void **ppv) override
    {
        if (riid != IID_IUnknown && riid != IID_IWMStatusCallback) {
            *ppv = NULL;
            return E_NOINTERFACE;
        }
        *ppv = static_cast<IWMStatusCallback *>(this);
        AddRef();
        return S_OK;
    }
    STDMETHODIMP_(ULONG) AddRef() override { return ++references; }
    STDMETHOD_(ULONG, Release)() override { return --references; }
    STDMETHOD(OnStatus)(WMT_STATUS Status, HRESULT hr, WMT_ATTR_DATATYPE dwType, BYTE *pValue,
                        LPVOID pvContext) override
    {
        inside++;
        CHECK(inside <= deepest && pvContext == NULL && pValue != NULL);
        if (seen)
            seen(Status, hr, dwType, pValue);
        inside--;
        if (Status != WMT_BACKUPRESTORE_END && Status != WMT_ERROR && Status != WMT_ERROR_WITHURL)
            return S_OK;
        std::lock_guard<std::mutex> lock(mutex);
        ended++;
        last = Status;
        result = hr;
        text = dwType == WMT_TYPE_STRING ? plain(pValue) : "";
        changed.notify_all();
        return S_OK;
    }
    // Waits for so many ends since the last call.
    HRESULT Wait(int ends = 1)
    {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [this, ends] { return ended >= ends; });
        ended -= ends;
        return result;
    }

    std::function<void(WMT_STATUS, HRESULT, WMT_ATTR_DATATYPE, BYTE *)> seen;
    std::atomic<ULONG> references{1};
    std::atomic<int> inside{0};
    int deepest = 1; // calls of it that are in one another
    WMT_STATUS last = WMT_CONTENT_ENABLER;
    HRESULT result = E_FAIL;
    std::string text;

private:
    std::mutex mutex;
    std::condition_variable changed;
    int ended = 0;
};

static inline int report(const char *name)
{
    std::printf("%s: %d checks, %d failed\n", name, made.load(), failed.load());
    return failed == 0 ? 0 : 1;
}
