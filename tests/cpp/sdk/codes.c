/* The codes of nserror.h: each has the value of wmlb.h where that has it too, and its name and
 * words in the library. NAME(code) for each is in names.h, which run.sh makes. */
#include <wmlb.h>
#include <wmsdk.h>

#include <stdio.h>
#include <string.h>

static int failed, made;

static void check(const char *name, HRESULT hr)
{
    const char *const its = wmlb_hresult_name(hr), *const words = wmlb_hresult_message(hr);
    made++;
    if (strcmp(its, name) != 0 || words[0] == 0 || strstr(words, "does not know") != NULL) {
        fprintf(stderr, "FAIL codes: %s 0x%08lX is %s: %s\n", name, (unsigned long)(DWORD)hr, its, words);
        failed++;
    }
}

#define EQUAL(name) (failed += (name) != WMLB_##name, made++)

int main(void)
{
#define NAME(code) check(#code, code);
#include "names.h"
    EQUAL(S_OK), EQUAL(S_FALSE), EQUAL(E_NOTIMPL), EQUAL(E_POINTER), EQUAL(E_FAIL);
    EQUAL(E_UNEXPECTED), EQUAL(E_ACCESSDENIED), EQUAL(E_HANDLE), EQUAL(E_OUTOFMEMORY);
    EQUAL(E_INVALIDARG), EQUAL(NS_E_DRM_BACKUP_EXISTS), EQUAL(NS_E_DRM_BACKUPRESTORE_BUSY);
    EQUAL(NS_E_DRM_OPERATION_CANCELED), EQUAL(NS_E_DRM_NOT_CONFIGURED);
    check("E_ABORT", E_ABORT);
    failed += HRESULT_FROM_WIN32(0) != S_OK || HRESULT_FROM_WIN32(122) != WMLB_E_INSUFFICIENT_BUFFER;
    failed += HRESULT_FROM_WIN32(E_FAIL) != E_FAIL || WMT_CONTENT_ENABLER != 51;
    printf("codes: %d checks, %d failed\n", made, failed);
    return failed == 0 && made > 250 ? 0 : 1;
}
