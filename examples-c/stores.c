/*
 * Shows the license stores that players on this machine have made for this user.
 *
 *     stores
 *
 *     cc stores.c $(pkg-config --cflags --libs wmlb) -o stores
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <wmlb.h>

#include "visible.h"

/* Called on the thread that asked, once for each store. What it is given is valid only
   during the call. */
/* Names are in UTF-8, which printf() would count by bytes. */
static void print_column(const char *text, int width)
{
    for (int printed = print_visible(stdout, text, ' '); printed <= width; printed++)
        putchar(' ');
}

static wmlb_hresult on_store(const wmlb_store_info *store, void *user_data)
{
    unsigned *count = user_data;
    const char *running = store->running > 0 ? "yes" : store->running == 0 ? "no" : "?";

    if (*count == 0)
        printf("%-16s %-20s %-8s %-10s %s\n", "PLAYER", "PROFILE", "RUNNING", "KIND", "PATH");
    print_column(store->player, 16);
    print_column(store->profile, 20);
    printf("%-8s %-10s ", running, store->kind);
    print_line(stdout, "", store->path, NULL);
    *count += 1;
    return WMLB_S_OK; /* a negative value would end the search */
}

int main(void)
{
    unsigned count = 0;
    wmlb_hresult hr = wmlb_discover_stores(on_store, &count);

    if (WMLB_FAILED(hr)) {
        fprintf(stderr, "%s (%s)\n", wmlb_hresult_message(hr), wmlb_hresult_name(hr));
        return EXIT_FAILURE;
    }
    if (count == 0)
        puts("No player has a license store here.");
    return EXIT_SUCCESS;
}
