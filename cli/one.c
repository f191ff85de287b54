/* How the wmlb command comes by one license of a backup: it is restored to a store of its own. */
#include "one.h"

#include <stdlib.h>
#include <string.h>

#include "receiver.h"

static wmlb_hresult put(void *ctx, const wmlb_store_license *license)
{
    struct one *one = ctx;

    one->data = malloc(license->data_len > 0 ? license->data_len : 1);
    if (one->data == NULL)
        return WMLB_E_OUTOFMEMORY;
    memcpy(one->data, license->data, license->data_len);
    one->length = license->data_len;
    return WMLB_S_OK;
}

static wmlb_hresult commit(void *ctx)
{
    struct one *one = ctx;

    one->found = one->data != NULL;
    return WMLB_S_OK;
}

wmlb_hresult want_one(struct one *one, const char *name)
{
    static const char begin[] = "name:";
    char *pattern = malloc(sizeof begin + 2 * strlen(name));
    char *end = pattern;
    wmlb_hresult hr;

    if (pattern == NULL)
        return WMLB_E_OUTOFMEMORY;
    memcpy(end, begin, sizeof begin - 1);
    end += sizeof begin - 1;
    for (; *name != 0; name++) {
        if (strchr("\\*?[", *name) != NULL)
            *end++ = '\\';
        *end++ = *name;
    }
    hr = wmlb_set_prop(WMLB_PROP_ONLY, WMLB_TYPE_STRING, (const uint8_t *)pattern,
                       (size_t)(end - pattern));
    free(pattern);
    return WMLB_FAILED(hr) ? hr : restore_to(put, commit, one);
}
