/* A store of the command's own, which has nothing and takes what a restore brings. */
#ifndef WMLB_RECEIVER_H
#define WMLB_RECEIVER_H

#include <wmlb.h>

/* Makes the next restores of the default restorer give their licenses to put, and call commit when
 * that was all; ctx is what both are called with. */
wmlb_hresult restore_to(wmlb_hresult (*put)(void *ctx, const wmlb_store_license *license),
                        wmlb_hresult (*commit)(void *ctx), void *ctx);

#endif
