/* What the wmlb command tells of a store and a backup that differ. */
#ifndef WMLB_DIFF_H
#define WMLB_DIFF_H

#include <wmlb.h>

#include "list.h"

/* Shows what differs between the store and the backup at RestorePath. S_FALSE: nothing. */
wmlb_hresult show_differences(struct listing *listing);

#endif
