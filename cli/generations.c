/* What the wmlb command does with the generations of a backup. */
#define _GNU_SOURCE /* gmtime_r */
#include "generations.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "json.h"
#include "print.h"
#include "words.h"

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
void print_made(int64_t created, int width)
{
    time_t time = (time_t)created;
    struct tm parts;
    char text[64] = "?";

    if (created != INT64_MIN && gmtime_r(&time, &parts) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    printf("%-*s", width, text);
}

void print_amount(uint64_t amount, int width)
{
    if (amount == UINT64_MAX)
        printf("%*s ", width, "?");
    else
        printf("%*" PRIu64 " ", width, amount);
}

static void print_row(const wmlb_generation_info *generation, bool is_first)
{
    if (is_first)
        printf("%s%-20s %12s %10s %-9s %s%s\n", color(stdout, BOLD), "MADE", "BYTES", "LICENSES",
               "ENCRYPTED", "FILE", color(stdout, PLAIN));
    print_made(generation->created, 21);
    print_amount(generation->size, 12);
    print_amount(generation->licenses, 10);
    printf("%-9s ", generation->encrypted ? "yes" : "no");
    print_plain(stdout, name_of(generation->path));
    putchar('\n');
}

/* Words, which are together shorter than 64 bytes. */
static void join_reasons(const wmlb_generation_info *generation, const char *between, char *words)
{
    const char *begin = words;

    for (int i = 0; i < REASONS; i++)
        if (generation->kept_by & reasons[i].flag)
            words += sprintf(words, "%s%s", words > begin ? between : "", reasons[i].word);
}

static void print_reasons(const wmlb_generation_info *generation, bool is_first)
{
    char words[64] = "";

    if (is_first)
        printf("%s%-5s %-20s %-35s %s%s\n", color(stdout, BOLD), "", "MADE", "KEPT BY", "FILE",
               color(stdout, PLAIN));
    join_reasons(generation, " ", words);
    printf("%-5s ", generation->kept_by != 0 ? "stays" : "goes");
    print_made(generation->created, 21);
    printf("%-35s ", generation->kept_by != 0 ? words : "nothing");
    print_plain(stdout, name_of(generation->path));
    putchar('\n');
}

static void add_generation(struct object *object, const wmlb_generation_info *generation)
{
    add_text(object, "path", generation->path);
    add_time(object, "created", generation->created);
    add_known(object, "size", generation->size, UINT64_MAX);
    add_word(object, "encrypted", generation->encrypted ? "true" : "false");
    add_known(object, "licenses", generation->licenses, UINT64_MAX);
    add_known(object, "bytes", generation->bytes, UINT64_MAX);
    add_text(object, "device_id", generation->device_id);
    add_text(object, "store", generation->store);
}

static void print_object(const wmlb_generation_info *generation, struct table *table)
{
    struct object row = begin_row(table->listing);
    char words[64] = "";

    add_generation(&row, generation);
    if (table->forgets) {
        add_word(&row, "stays", generation->kept_by != 0 ? "true" : "false");
        join_reasons(generation, "\n", words);
        add_lines(&row, "kept_by", words);
    }
    end_object(&row);
}

wmlb_hresult show_generation(const wmlb_generation_info *generation, void *user_data)
{
    struct table *table = user_data;
    bool is_first = table->listing->count == 0;

    table->listing->count += !table->listing->json; /* an object counts itself */
    table->going += generation->kept_by == 0;
    if (table->listing->json)
        print_object(generation, table);
    else if (table->forgets)
        print_reasons(generation, is_first);
    else
        print_row(generation, is_first);
    if (signaled || ferror(stdout))
        return WMLB_NS_E_DRM_OPERATION_CANCELED;
    return table->dry_run ? WMLB_S_FALSE : WMLB_S_OK;
}

static void print_fact(const char *name, const char *text)
{
    printf("%-10s ", name);
    print_plain(stdout, *text != 0 ? text : "?");
    putchar('\n');
}

static wmlb_hresult show_info(const wmlb_generation_info *backup, void *user_data)
{
    bool *json = user_data;

    if (*json) {
        struct object object = begin_object(stdout);

        add_generation(&object, backup);
        end_object(&object);
        putchar('\n');
        return WMLB_S_OK;
    }
    if (*backup->path != 0)
        print_fact("file", backup->path);
    printf("%-10s ", "made");
    print_made(backup->created, 0);
    printf("\n%-10s ", "size");
    if (backup->size != UINT64_MAX)
        print_size(stdout, backup->size);
    else
        putchar('?');
    printf("\n%-10s ", "licenses");
    if (backup->licenses != UINT64_MAX) {
        printf("%" PRIu64 " (", backup->licenses);
        print_size(stdout, backup->bytes);
        putchar(')');
    } else {
        putchar('?');
    }
    putchar('\n');
    print_fact("store", backup->store);
    print_fact("device", backup->device_id);
    print_fact("encrypted", backup->encrypted ? "yes" : "no");
    return WMLB_S_OK;
}

wmlb_hresult show_backup_info(bool json)
{
    return wmlb_restorer_backup_info(wmlb_default_restorer(), show_info, &json);
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

int miss_generation(void)
{
    begin_complaint();
    fputs("there is no backup from then or before\n", stderr);
    return FAILED;
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
