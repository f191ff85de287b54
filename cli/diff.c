/* What the wmlb command tells of a store and a backup that differ. */
#include "diff.h"

#include <stdio.h>

#include "print.h"

static const struct {
    char mark;
    const char *word;
} kinds[] = {
    [WMLB_DIFFERENCE_ADDED] = {'+', "added"},
    [WMLB_DIFFERENCE_REMOVED] = {'-', "removed"},
    [WMLB_DIFFERENCE_CHANGED] = {'~', "changed"},
};

static void add_side(struct object *row, const char *name, const wmlb_license_info *license)
{
    if (license != NULL) {
        struct object side = begin_inner(row, name);

        add_license(&side, license);
        end_object(&side);
    } else {
        add_word(row, name, "null");
    }
}

static wmlb_hresult show_difference(const wmlb_difference *difference, void *user_data)
{
    struct listing *listing = user_data;
    const wmlb_license_info *license =
        difference->in_backup != NULL ? difference->in_backup : difference->in_store;

    if (listing->json) {
        struct object row = begin_row(listing);

        add_text(&row, "difference", kinds[difference->kind].word);
        add_side(&row, "in_backup", difference->in_backup);
        add_side(&row, "in_store", difference->in_store);
        end_object(&row);
    } else {
        listing->count++;
        printf("%c ", kinds[difference->kind].mark);
        print_plain(stdout, license->name);
        putchar('\n');
    }
    return signaled || ferror(stdout) ? WMLB_NS_E_DRM_OPERATION_CANCELED : WMLB_S_OK;
}

wmlb_hresult show_differences(struct listing *listing)
{
    return wmlb_restorer_compare(wmlb_default_restorer(), show_difference, listing);
}
