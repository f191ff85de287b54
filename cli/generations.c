/* What the wmlb command does with the generations of a backup. */
#define _GNU_SOURCE /* gmtime_r */
#include "generations.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A generation's table, and how many of its rows go. */
struct table {
    struct listing *listing;
    uint64_t going;
    bool forgets, dry_run;
};

static const struct {
    uint32_t flag;
    const char *word;
} reasons[] = {
    {WMLB_KEPT_CURRENT, "current"}, {WMLB_KEPT_LAST, "last"},       {WMLB_KEPT_DAILY, "daily"},
    {WMLB_KEPT_WEEKLY, "weekly"},   {WMLB_KEPT_MONTHLY, "monthly"}, {WMLB_KEPT_YEARLY, "yearly"},
};
enum { REASONS = sizeof reasons / sizeof *reasons };

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* In UTC, as the names of generations are and the days of a rule. */
static void print_made(int64_t created)
{
    time_t time = (time_t)created;
    struct tm parts;
    char text[64] = "?";

    if (created != INT64_MIN && gmtime_r(&time, &parts) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    printf("%-20s ", text);
}

static void print_amount(uint64_t amount, int width)
{
    if (amount == UINT64_MAX)
        printf("%*s ", width, "?");
    else
        printf("%*" PRIu64 " ", width, amount);
}

static void print_row(const wmlb_generation_info *generation, bool is_first)
{
    if (is_first)
        printf("%-20s %12s %10s %-9s %s\n", "MADE", "BYTES", "LICENSES", "ENCRYPTED", "FILE");
    print_made(generation->created);
    print_amount(generation->size, 12);
    print_amount(generation->licenses, 10);
    printf("%-9s ", generation->encrypted ? "yes" : "no");
    print_plain(stdout, name_of(generation->path));
    putchar('\n');
}

static void print_reasons(const wmlb_generation_info *generation, bool is_first)
{
    char words[64] = "", *end = words;

    if (is_first)
        printf("%-5s %-20s %-35s %s\n", "", "MADE", "KEPT BY", "FILE");
    for (int i = 0; i < REASONS; i++)
        if (generation->kept_by & reasons[i].flag)
            end += sprintf(end, "%s%s", end > words ? " " : "", reasons[i].word);
    printf("%-5s ", generation->kept_by != 0 ? "stays" : "goes");
    print_made(generation->created);
    printf("%-35s ", generation->kept_by != 0 ? words : "nothing");
    print_plain(stdout, name_of(generation->path));
    putchar('\n');
}

static void print_json_amount(const char *name, uint64_t amount)
{
    if (amount == UINT64_MAX)
        printf(", \"%s\": null", name);
    else
        printf(", \"%s\": %" PRIu64, name, amount);
}

static void print_object(const wmlb_generation_info *generation, bool is_first, bool forgets)
{
    const char *between = "";

    printf("%s{\"path\": ", is_first ? "\n" : ",\n");
    print_json(generation->path);
    print_json_time("created", generation->created);
    print_json_amount("size", generation->size);
    printf(", \"encrypted\": %s", generation->encrypted ? "true" : "false");
    print_json_amount("licenses", generation->licenses);
    print_json_amount("bytes", generation->bytes);
    print_json_member("device_id", generation->device_id);
    print_json_member("store", generation->store);
    if (forgets) {
        printf(", \"stays\": %s, \"kept_by\": [", generation->kept_by != 0 ? "true" : "false");
        for (int i = 0; i < REASONS; i++)
            if (generation->kept_by & reasons[i].flag) {
                printf("%s\"%s\"", between, reasons[i].word);
                between = ", ";
            }
        putchar(']');
    }
    putchar('}');
}

static wmlb_hresult show_generation(const wmlb_generation_info *generation, void *user_data)
{
    struct table *table = user_data;
    bool is_first = table->listing->count++ == 0;

    table->going += generation->kept_by == 0;
    if (table->listing->json)
        print_object(generation, is_first, table->forgets);
    else if (table->forgets)
        print_reasons(generation, is_first);
    else
        print_row(generation, is_first);
    if (signaled || ferror(stdout))
        return WMLB_NS_E_DRM_OPERATION_CANCELED;
    return table->dry_run ? WMLB_S_FALSE : WMLB_S_OK;
}

wmlb_hresult list_generations(struct listing *listing)
{
    struct table table = {.listing = listing};

    return wmlb_restorer_enumerate_generations(wmlb_default_restorer(), show_generation, &table);
}

wmlb_hresult forget_generations(struct listing *listing, bool dry_run)
{
    struct table table = {.listing = listing, .forgets = true, .dry_run = dry_run};
    wmlb_hresult hr =
        wmlb_restorer_forget_generations(wmlb_default_restorer(), show_generation, &table);

    if (WMLB_SUCCEEDED(hr) && !listing->json)
        printf("%s %" PRIu64 " of %" PRIu64 " backups\n", dry_run ? "would remove" : "removed",
               table.going, listing->count);
    return hr;
}

/* The newest generation that was not made after a time. */
struct choice {
    int64_t time;
    const char *place; /* the folder, or a file in it; what is told of it is UTF-8 always */
    char *path;
};

static char *path_beside(const char *place, const char *name)
{
    struct stat it;
    bool is_folder = stat(place, &it) == 0 && S_ISDIR(it.st_mode);
    size_t length = is_folder ? strlen(place) : (size_t)(name_of(place) - place);
    char *path = malloc(length + strlen(name) + 2);

    if (path != NULL)
        sprintf(path, "%.*s%s%s", (int)length, place, is_folder ? "/" : "", name);
    return path;
}

static wmlb_hresult choose(const wmlb_generation_info *generation, void *user_data)
{
    struct choice *choice = user_data;
    int64_t made = generation->created;
    struct stat it;
    char *path;

    if (choice->path == NULL && (made == INT64_MIN || made <= choice->time)) {
        path = path_beside(choice->place, name_of(generation->path));
        if (path == NULL)
            return WMLB_E_OUTOFMEMORY;
        /* What cannot be read says no time; the library takes that of its file too. */
        if (made == INT64_MIN && stat(path, &it) == 0)
            made = it.st_mtime;
        if (made <= choice->time)
            choice->path = path;
        else
            free(path);
    }
    return signaled ? WMLB_NS_E_DRM_OPERATION_CANCELED : WMLB_S_OK;
}

wmlb_hresult choose_generation(const char *restore_path, int64_t time)
{
    struct choice choice = {.time = time, .place = restore_path};
    wmlb_hresult hr =
        wmlb_restorer_enumerate_generations(wmlb_default_restorer(), choose, &choice);

    if (WMLB_SUCCEEDED(hr))
        hr = choice.path != NULL ? wmlb_set_restore_path(choice.path) : WMLB_S_FALSE;
    free(choice.path);
    return hr;
}
