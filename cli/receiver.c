/* A store of the command's own, which has nothing and takes what a restore brings. */
#include "receiver.h"

static wmlb_hresult open_it(void *ctx, int32_t for_writing)
{
    (void)ctx;
    (void)for_writing;
    return WMLB_S_OK;
}

static wmlb_hresult next(void *ctx, wmlb_store_license *license)
{
    (void)ctx;
    (void)license;
    return WMLB_S_FALSE;
}

static void close_it(void *ctx)
{
    (void)ctx;
}

wmlb_hresult restore_to(wmlb_hresult (*put)(void *ctx, const wmlb_store_license *license),
                        wmlb_hresult (*commit)(void *ctx), void *ctx)
{
    wmlb_store_ops ops = {sizeof ops, open_it, next, put, commit, close_it};

    return wmlb_restorer_set_store(wmlb_default_restorer(), &ops, ctx);
}
