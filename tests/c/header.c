/*
 * The header alone, twice, before everything else; compiled into two objects that are
 * linked together, so that nothing in it may be a definition. As C and as C++.
 */

#include "wmlb.h"
#include "wmlb.h"

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t value_type,
                              const uint8_t *value, size_t value_len, void *user_data)
{
    (void)status;
    (void)value_type;
    (void)value;
    (void)value_len;
    (void)user_data;
    return WMLB_SUCCEEDED(hr) ? WMLB_S_OK : WMLB_E_FAIL;
}

/* A code can be told from others with a switch, the macro's too. */
static int is_a_time_out(wmlb_hresult hr)
{
    switch (hr) {
    case WMLB_HRESULT_FROM_WIN32(258):
        return 1;
    case WMLB_S_OK:
    case WMLB_E_FAIL:
    case WMLB_NS_E_DRM_BACKUP_EXISTS:
    default:
        return 0;
    }
}

#ifdef SECOND
int second(void);
int second(void)
#else
int second(void);
int main(void)
#endif
{
    wmlb_status_callback callback = on_status;
    wmlb_progress progress;
    struct wmlb_progress same;
    wmlb_restorer *restorer = wmlb_default_restorer();
    progress.struct_size = sizeof progress;
    same = progress;
    (void)callback;
    if (same.struct_size != sizeof(wmlb_progress) || is_a_time_out(WMLB_S_OK))
        return 1;
    if (wmlb_abi_version() != WMLB_ABI_VERSION || WMLB_FAILED(WMLB_S_FALSE))
        return 2;
    if (wmlb_restorer_get_progress(restorer, &progress) != WMLB_S_OK)
        return 3;
#ifdef SECOND
    return 0;
#else
    return second();
#endif
}
