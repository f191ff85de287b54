/* The stores of players, as the wmlb command takes them. */
#ifndef WMLB_STORES_H
#define WMLB_STORES_H

#include <stdbool.h>
#include <stddef.h>
#include <wmlb.h>

struct store {
    char *player, *profile, *path;
};

struct stores {
    struct store *list;
    size_t count;
};

/* All that players have made for this user. To be freed, also after a failure. */
wmlb_hresult find_stores(struct stores *stores);
void free_stores(struct stores *stores);

/* Makes the store that --store names that of the default restorer: a path, or the one store of a
 * player. DONE, or the code to end with. */
int set_store(const char *given, bool must_exist);

/* The folder of a store's own in another one, which stays the same as long as the store has its
 * path. NULL when there is no memory. To be freed. */
char *own_folder(const char *folder, const struct store *store);

#endif
