/* What must hold after a round: who was told what, and what is in the bucket. It is read from the
 * server itself, past the proxy. */
#include "chaos.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wmlb_remote.h>

bool wrong(const struct life *life, const char *format, ...)
{
    va_list arguments;
    flockfile(stdout);
    printf("LOST: round %d, slot %d, device %s: ", life->slot->round, life->slot->number,
           life->device);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    for (int at = 0; at < WRITERS; at++)
        printf("  writer %d: %s%s 0x%08x %s\n", at, life->told[at].overwrite ? "overwrites" : "strict",
               life->told[at].killed ? ", killed" : "", (unsigned)life->told[at].hr,
               life->told[at].words);
    for (size_t at = 0; at < life->slot->count; at++) {
        const struct write *write = &life->slot->writes[at];
        printf("  HEAD: round %d, writer %d, nonce %s, on %s: %d %s\n", write->round, write->writer,
               write->nonce, write->condition, write->status, write->tag);
    }
    printf("  HEAD is %s\n", life->head);
    fflush(stdout);
    funlockfile(stdout);
    return false;
}

/* HEAD as the server has it: its nonce, and those before it. */
static bool read_chain(struct life *life)
{
    char path[200];
    struct message answer;
    int status;
    const char *found;
    snprintf(path, sizeof path, "/bucket/s%d/%s/HEAD", life->slot->number, life->device);
    status = ask(life->port, "GET", path, &answer);
    life->chained = 0;
    life->head[0] = 0;
    if (status == 404) {
        message_free(&answer);
        return true;
    }
    if (status != 200)
        return wrong(life, "HEAD cannot be read: %d", status);
    found = strstr(answer.body, "\"generation\":\"");
    sscanf(found ? found + 14 : "", "%63[^\"]", life->generation);
    found = strstr(answer.body, "\"nonce\":\"");
    snprintf(life->head, sizeof life->head, "%.32s", found ? found + 9 : "?");
    memcpy(life->chain[life->chained++], life->head, sizeof life->head);
    found = strstr(answer.body, "\"before\":[");
    for (found = found ? found + 10 : "]"; *found == '"' || *found == ',';) {
        if (*found == ',') {
            found++;
            continue;
        }
        snprintf(life->chain[life->chained++], NONCE + 1, "%.32s", found + 1);
        found += NONCE + 2;
    }
    found = strstr(answer.body, "\"sequence\":");
    status = found ? atoi(found + 11) : -1;
    message_free(&answer);
    if (life->honest && status != (int)life->chained)
        return wrong(life, "HEAD is number %d, and knows %zu", status, life->chained);
    return true;
}

static const struct write *accepted(const struct life *life, const char *nonce, unsigned *count)
{
    const struct write *found = NULL;
    *count = 0;
    for (size_t at = 0; at < life->slot->count; at++)
        if (life->slot->writes[at].status == 200 && !strcmp(life->slot->writes[at].nonce, nonce)) {
            found = &life->slot->writes[at];
            ++*count;
        }
    return found;
}

static bool is_chained(const struct life *life, const char *nonce)
{
    for (size_t at = 0; at < life->chained; at++)
        if (!strcmp(life->chain[at], nonce))
            return true;
    return false;
}

/* Each HEAD took the place of the one that it names, and no write that the server took is
 * missing. */
static bool check_chain(const struct life *life)
{
    const struct slot *slot = life->slot;
    unsigned count;
    for (size_t at = 0; at < slot->count; at++)
        if (slot->writes[at].status == 200 && !is_chained(life, slot->writes[at].nonce))
            return wrong(life, "%s was replaced, and nobody says so", slot->writes[at].nonce);
    for (size_t at = 0; at < life->chained; at++) {
        bool is_first = at + 1 == life->chained;
        const struct write *write = accepted(life, life->chain[at], &count);
        const struct write *before = is_first ? NULL : accepted(life, life->chain[at + 1], &count);
        if (!write || (!is_first && !before))
            return wrong(life, "%s is named, and was never written", life->chain[at]);
        accepted(life, life->chain[at], &count);
        if (count != 1)
            return wrong(life, "%s was taken %u times", life->chain[at], count);
        if (strcmp(write->condition, is_first ? "*" : before->tag))
            return wrong(life, "%s took the place of another than it names", write->nonce);
    }
    return true;
}

/* Whether something of this round's writer was HEAD at some time. */
static const struct write *published(const struct life *life, int writer)
{
    for (size_t at = 0; at < life->slot->count; at++) {
        const struct write *write = &life->slot->writes[at];
        if (write->round == life->slot->round && write->writer == writer && write->status == 200)
            return write;
    }
    return NULL;
}

static bool check_writer(const struct life *life, int writer)
{
    const struct told *told = &life->told[writer];
    const struct write *write = published(life, writer);
    bool is_strict = life->honest && !told->overwrite;
    bool is_first = write && life->chained > 0 && !strcmp(life->chain[life->chained - 1], write->nonce);
    if (is_strict && write && (life->had_head || !is_first))
        return wrong(life, "writer %d has replaced another's and may not", writer);
    if (told->killed)
        return true;
    if (told->hr == WMLB_S_OK && !write)
        return wrong(life, "writer %d was told of a success, and has none", writer);
    if (told->hr == WMLB_S_OK && is_strict && !is_first)
        return wrong(life, "writer %d was told of a success, and is not the first", writer);
    if (told->hr == WMLB_NS_E_DRM_BACKUP_EXISTS && 
        (told->overwrite || (life->honest && write) || !life->chained))
        return wrong(life, "writer %d was refused, and has no reason to be", writer);
    if (told->hr == WMLB_E_NOTIMPL && (life->honest || told->overwrite || write))
        return wrong(life, "writer %d was told that the server is unable", writer);
    if (told->hr != WMLB_S_OK && told->hr != WMLB_NS_E_DRM_BACKUP_EXISTS &&
        told->hr != WMLB_E_NOTIMPL && told->hr != WMLB_E_TIMEOUT)
        return wrong(life, "writer %d was told of something else", writer);
    if (!life->honest && !told->overwrite && told->hr == WMLB_S_OK)
        return wrong(life, "writer %d cannot know that it was the first", writer);
    return true;
}

/* Of strict ones, where none was before, exactly one has a success: the first, if all of them
 * live to be told. */
static bool check_strict(const struct life *life)
{
    int successes = 0, open = 0;
    for (int at = 0; at < WRITERS; at++) {
        const struct told *told = &life->told[at];
        successes += !told->overwrite && !told->killed && told->hr == WMLB_S_OK;
        open += told->overwrite || told->killed || told->hr == WMLB_E_TIMEOUT;
    }
    if (life->honest && (successes > 1 || (life->had_head && successes)))
        return wrong(life, "%d strict ones have a success", successes);
    if (life->honest && !life->had_head && !open && successes != 1)
        return wrong(life, "%d strict ones have a success", successes);
    return true;
}

bool check_round(struct life *life)
{
    bool holds = read_chain(life);
    if (holds && life->honest)
        holds = check_chain(life);
    for (int at = 0; holds && at < WRITERS; at++)
        holds = check_writer(life, at);
    return holds && check_strict(life);
}

int owner(const struct life *life)
{
    for (size_t at = life->slot->count; at-- > 0;)
        if (!strcmp(life->slot->writes[at].nonce, life->head))
            return life->slot->writes[at].writer;
    return -1;
}

/* The keys of what there is, one after the other: `body` is an answer that is taken apart. */
static const char *next_key(char **body)
{
    char *key = strstr(*body, "<Key>"), *end = key ? strstr(key, "</Key>") : NULL;
    if (!end)
        return NULL;
    *end = 0;
    *body = end + 1;
    return key + 5;
}

static int list(const struct life *life, const char *folder, struct message *answer)
{
    char path[300];
    snprintf(path, sizeof path, "/bucket?list-type=2&max-keys=1000&prefix=s%d/%s",
             life->slot->number, folder);
    return ask(life->port, "GET", path, answer);
}

static bool check_uploads(struct life *life)
{
    struct message answer;
    char prefix[100];
    bool is_left;
    if (!life->honest)
        return true; /* it has none */
    if (ask(life->port, "GET", "/bucket?uploads=", &answer) != 200) {
        message_free(&answer);
        return wrong(life, "uploads cannot be listed");
    }
    snprintf(prefix, sizeof prefix, "<Key>s%d/%s/", life->slot->number, life->device);
    is_left = strstr(answer.body, prefix);
    message_free(&answer);
    return !is_left || wrong(life, "an upload is left");
}

bool check_keys(struct life *life, bool all)
{
    char folder[100];
    struct message answer;
    const char *key;
    char *rest;
    size_t count = 0;
    bool holds = true;
    snprintf(folder, sizeof folder, "%s/", life->device);
    if (list(life, folder, &answer) != 200)
        holds = wrong(life, "what is there cannot be listed");
    rest = answer.body;
    while (holds && (key = next_key(&rest))) {
        const char *name = strrchr(key, '/') + 1;
        const char *nonce = strchr(name, '-');
        char found[NONCE + 1] = "";
        if (!strcmp(name, "HEAD"))
            continue;
        if (nonce)
            snprintf(found, sizeof found, "%.32s", nonce + 1);
        count++;
        /* The one that was begun last is kept beside the one that is HEAD. */
        if (life->honest && (!is_chained(life, found) || (!all && strcmp(found, life->head) &&
                                                          strncmp(name, life->generation, 16) <= 0)))
            holds = wrong(life, "after collection there still is %s", key);
    }
    message_free(&answer);
    if (holds && life->honest && all && count != life->chained)
        holds = wrong(life, "after collection there are %zu of %zu", count, life->chained);
    if (holds && life->honest && list(life, ".probe/", &answer) == 200) {
        rest = answer.body;
        if ((key = next_key(&rest)))
            holds = wrong(life, "after collection there still is %s", key);
        message_free(&answer);
    }
    return holds && check_uploads(life);
}

bool remove_keys(struct life *life)
{
    char folder[100], path[300];
    struct message answer, removed;
    const char *key;
    char *rest;
    snprintf(folder, sizeof folder, "%s/", life->device);
    if (list(life, folder, &answer) != 200) {
        message_free(&answer);
        return wrong(life, "what is there cannot be listed");
    }
    rest = answer.body;
    while ((key = next_key(&rest))) {
        snprintf(path, sizeof path, "/bucket/%s", key);
        ask(life->port, "DELETE", path, &removed);
        message_free(&removed);
    }
    message_free(&answer);
    return true;
}
