/*
 * Secrets are gone from memory when the library has no more use for them: this program
 * searches all of its own writable memory for them.
 *
 *     secrets [TEST]
 *
 * It must not keep any of them itself. They are made at run time and kept masked; the plain
 * ones exist in one buffer, during the call that hands them over, and are wiped after it.
 * Link it with -z now: the dynamic linker, when it looks up a function at its first call,
 * saves on the stack what the call before left in vector registers.
 */

#include "harness.h"

#include <inttypes.h>
#include <sys/random.h>

#define MASK 0xA5u
#define LONGEST 128

/* What is searched for, masked. */
typedef struct secret {
    const char *name;
    unsigned char masked[LONGEST];
    size_t length;
    size_t public_part; /* bytes at its beginning that are the same in all of its kind */
} secret;

static secret passphrase, long_passphrase, other_passphrase;
/* The text of an identity, and the key that it stands for. */
static secret identity, key;
static char recipient[LONGEST];
static const char *store, *encrypted_to_passphrase, *encrypted_to_key;

static unsigned char plain[2 * LONGEST];

static void wipe(void *memory, size_t length)
{
    explicit_bzero(memory, length);
}

static size_t unmask(unsigned char *to, const secret *secret)
{
    size_t i;
    for (i = 0; i < secret->length; i++)
        to[i] = (unsigned char)(secret->masked[i] ^ MASK);
    return secret->length;
}

/* ---- the search ---- */

/* What is freed is overwritten in part by the allocator: each piece of a secret is looked
   for. */
#define PIECE 8

/* How many pieces of the secret are in these bytes. */
static int count_in(const unsigned char *bytes, size_t length, const secret *secret)
{
    static const unsigned char zeros[PIECE];
    unsigned char begins[256] = {0};
    int found = 0;
    size_t at, piece, i;
    for (piece = secret->public_part; piece + PIECE <= secret->length; piece += PIECE)
        begins[secret->masked[piece] ^ MASK] = 1;
    for (at = 0; at + PIECE <= length; at++) {
        if (!begins[bytes[at]]) {
            /* Most of the memory has never been written to. */
            if (bytes[at] == 0 && memcmp(bytes + at, zeros, PIECE) == 0)
                at += PIECE - 1;
            continue;
        }
        for (piece = secret->public_part; piece + PIECE <= secret->length; piece += PIECE) {
            for (i = 0; i < PIECE && bytes[at + i] == (secret->masked[piece + i] ^ MASK); i++)
                ;
            found += i == PIECE;
        }
    }
    return found;
}

/* How many pieces of the secret are in the writable memory of this process. */
static int count_in_memory(const secret *secret)
{
    static unsigned char bytes[1 << 20];
    static char line[1024], permissions[8];
    uint64_t start, end, mappings = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY), found = 0;

    NEED(maps != NULL && memory >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        NEED(sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &start, &end, permissions) == 3);
        if (permissions[0] != 'r' || permissions[1] != 'w')
            continue;
        mappings++;
        while (start < end) {
            /* With the end of the one before, for what lies across two. */
            size_t wanted = end - start < sizeof bytes ? (size_t)(end - start) : sizeof bytes;
            ssize_t got = pread(memory, bytes, wanted, (off_t)start);
            if (got <= 0)
                break;
            if ((size_t)got == sizeof bytes) {
                found += count_in(bytes, (size_t)got, secret);
                start += sizeof bytes - PIECE + 1;
            } else {
                found += count_in(bytes, (size_t)got, secret);
                start += (uint64_t)got;
            }
            wipe(bytes, sizeof bytes);
        }
    }
    NEED(mappings > 4);
    fclose(maps);
    close(memory);
    return found;
}

static void check_gone(const secret *secret, const char *when, int line)
{
    int found = count_in_memory(secret);
    check_(found == 0, __FILE__, line, "%s %s: %d pieces found", secret->name, when, found);
}

static void check_there(const secret *secret, const char *when, int line)
{
    check_(count_in_memory(secret) > 0, __FILE__, line, "%s %s: not found", secret->name, when);
}

#define GONE(secret, when) check_gone(secret, when, __LINE__)
#define THERE(secret, when) check_there(secret, when, __LINE__)

static void the_search_finds_what_is_there(void)
{
    unsigned char *copy;
    size_t i;
    GONE(&passphrase, "at first");
    for (i = 0; i < 2; i++) {
        /* On the heap; in a mapping of its own. */
        copy = malloc(i == 0 ? LONGEST : 64 << 20);
        NEED(copy != NULL);
        unmask(copy + 5, &passphrase);
        CHECK(count_in_memory(&passphrase) == (int)passphrase.length / PIECE);
        wipe(copy, LONGEST);
        GONE(&passphrase, "after it was wiped");
        free(copy);
    }
}

/* ---- what is done with them ---- */

static wmlb_hresult set(wmlb_restorer *restorer, const char *name, const secret *secret)
{
    wmlb_hresult hr = wmlb_restorer_set_prop(restorer, name, WMLB_TYPE_STRING, plain,
                                             unmask(plain, secret));
    wipe(plain, sizeof plain);
    return hr;
}

static const struct {
    const char *property;
    const secret *secret, *other;
} properties[] = {
    {WMLB_PROP_PASSPHRASE, &passphrase, &other_passphrase},
    {WMLB_PROP_PASSPHRASE, &long_passphrase, &passphrase},
    {WMLB_PROP_IDENTITIES, &identity, NULL},
};
#define PROPERTIES (sizeof properties / sizeof *properties)

static void a_property_forgets(void)
{
    wmlb_restorer *restorer;
    size_t i;
    for (i = 0; i < PROPERTIES; i++) {
        const char *name = properties[i].property;
        const secret *secret = properties[i].secret;
        NEED(wmlb_restorer_create(&restorer) == WMLB_S_OK);
        CHECK_HR(set(restorer, name, secret), WMLB_S_OK);
        THERE(secret, "when it is set");
        CHECK_HR(wmlb_restorer_remove_prop(restorer, name), WMLB_S_OK);
        GONE(secret, "after remove_prop");
        GONE(&key, "after remove_prop");

        CHECK_HR(set(restorer, name, secret), WMLB_S_OK);
        CHECK_HR(wmlb_restorer_remove_all_props(restorer), WMLB_S_OK);
        GONE(secret, "after remove_all_props");

        if (properties[i].other != NULL) {
            CHECK_HR(set(restorer, name, secret), WMLB_S_OK);
            CHECK_HR(set(restorer, name, properties[i].other), WMLB_S_OK);
            GONE(secret, "after another was set");
            THERE(properties[i].other, "when it is set instead");
        }

        CHECK_HR(set(restorer, name, secret), WMLB_S_OK);
        CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
        GONE(secret, "after release");
        GONE(&key, "after release");
    }
}

/* A value that is refused is not kept, nor are words about it that hold it. */
static void a_refused_value_is_forgotten(void)
{
    wmlb_restorer *restorer;
    size_t length;
    NEED(wmlb_restorer_create(&restorer) == WMLB_S_OK);

    length = unmask(plain, &identity);
    memcpy(plain + length, "\nno identity", 12);
    CHECK_HR(wmlb_restorer_set_prop(restorer, WMLB_PROP_IDENTITIES, WMLB_TYPE_STRING, plain,
                                    length + 12), WMLB_E_INVALIDARG);
    wipe(plain, sizeof plain);
    GONE(&identity, "after a refusal");
    GONE(&key, "after a refusal");

    length = unmask(plain, &identity);
    CHECK_HR(wmlb_restorer_set_prop(restorer, WMLB_PROP_IDENTITIES, WMLB_TYPE_STRING, plain,
                                    length - 1), WMLB_E_INVALIDARG);
    wipe(plain, sizeof plain);
    GONE(&key, "after one that is cut off");

    length = unmask(plain, &passphrase);
    CHECK_HR(wmlb_restorer_set_prop(restorer, WMLB_PROP_PASSPHRASE, WMLB_TYPE_DWORD, plain,
                                    length), WMLB_E_INVALIDARG);
    CHECK_HR(wmlb_restorer_set_prop(restorer, WMLB_PROP_PASSPHRASE, WMLB_TYPE_STRING, plain,
                                    length + 2), WMLB_E_INVALIDARG);
    wipe(plain, sizeof plain);
    GONE(&passphrase, "after a refusal");

    CHECK_HR(set(restorer, WMLB_PROP_RECIPIENTS, &identity), WMLB_E_INVALIDARG);
    CHECK(strstr(last_error(restorer), "AGE-SECRET") == NULL);
    GONE(&identity, "as a recipient");
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
}

/* What an operation may be run as, with the secret set. */
enum { BACKUP, RESTORE, VERIFY, LIST, OPERATIONS };
static const char *const operation_names[] = {"backup", "restore", "verification", "list"};

static wmlb_hresult each_license(const wmlb_license_info *license, void *count)
{
    (void)license;
    ++*(int *)count;
    return WMLB_S_OK;
}

static wmlb_hresult start(wmlb_restorer *restorer, int operation, recorder *told)
{
    int count = 0;
    switch (operation) {
    case BACKUP:
        return wmlb_restorer_backup_licenses(restorer, WMLB_BACKUP_OVERWRITE, record, told);
    case RESTORE:
        return wmlb_restorer_restore_licenses(restorer, 0, record, told);
    case VERIFY:
        return wmlb_restorer_verify_backup(restorer, 0, record, told);
    default:
        return wmlb_restorer_enumerate_backup(restorer, each_license, &count);
    }
}

static void remove_secrets(recorder *told)
{
    CHECK_HR(wmlb_restorer_remove_prop(told->context, WMLB_PROP_PASSPHRASE), WMLB_S_OK);
}

/* Runs an operation with a secret and takes it away: after the end, amid the operation, and
   with the restorer, that nobody has waited for. */
static void run(int operation, const char *property, const secret *secret, wmlb_hresult expected)
{
    int way;
    for (way = 0; way < 3; way++) {
        wmlb_restorer *restorer = new_restorer(store, in_workspace("scratch"));
        wmlb_hresult hr, result = WMLB_E_FAIL;
        recorder told;
        char when[128];

        if (way == 1 && (operation == LIST || strcmp(property, WMLB_PROP_PASSPHRASE) != 0))
            goto next;
        snprintf(when, sizeof when, "after a %s, way %d", operation_names[operation], way);
        recorder_init(&told);
        told.context = restorer;
        if (way == 1) {
            told.act_at = operation == RESTORE ? WMLB_STATUS_BACKUPRESTORE_CONNECTING
                                               : WMLB_STATUS_BACKUPRESTORE_BEGIN;
            told.act = remove_secrets;
        }
        if (operation == RESTORE)
            NEED(wmlb_restorer_set_store_path(restorer, in_workspace("restored-%d", way)) == 0);
        NEED(wmlb_restorer_set_restore_path(restorer, strcmp(property, WMLB_PROP_PASSPHRASE) == 0
                                                          ? encrypted_to_passphrase
                                                          : encrypted_to_key) == 0);
        set_threads(restorer, 2);
        CHECK_HR(set(restorer, property, secret), WMLB_S_OK);
        hr = start(restorer, operation, &told);
        if (operation == LIST) {
            CHECK_HR(hr, expected);
        } else {
            CHECK_HR(hr, WMLB_S_OK);
            if (way < 2) {
                CHECK_HR(wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_S_OK);
                CHECK_HR(result, expected);
            }
        }
        if (way == 0)
            CHECK_HR(wmlb_restorer_remove_all_props(restorer), WMLB_S_OK);
        if (way < 2) {
            GONE(secret, when);
            GONE(&key, when);
        }
        CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
        GONE(secret, when);
        GONE(&key, when);
        recorder_destroy(&told);
        remove_tree(in_workspace("restored-%d", way));
        continue;
    next:
        CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    }
}

static void an_operation_forgets_a_passphrase(void)
{
    int operation;
    for (operation = 0; operation < OPERATIONS; operation++)
        run(operation, WMLB_PROP_PASSPHRASE, &passphrase, WMLB_S_OK);
}

static void a_long_passphrase_too(void)
{
    run(BACKUP, WMLB_PROP_PASSPHRASE, &long_passphrase, WMLB_S_OK);
    run(VERIFY, WMLB_PROP_PASSPHRASE, &long_passphrase,
        WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD);
}

static void a_wrong_passphrase_too(void)
{
    run(RESTORE, WMLB_PROP_PASSPHRASE, &other_passphrase,
        WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD);
    run(LIST, WMLB_PROP_PASSPHRASE, &other_passphrase,
        WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD);
}

static void an_operation_forgets_an_identity(void)
{
    int operation;
    for (operation = RESTORE; operation < OPERATIONS; operation++)
        run(operation, WMLB_PROP_IDENTITIES, &identity, WMLB_S_OK);
}

/* ---- making them ---- */

static void keep(secret *secret, const char *name, const unsigned char *bytes, size_t length)
{
    size_t i;
    NEED(length <= LONGEST);
    secret->name = name;
    secret->length = length;
    for (i = 0; i < length; i++)
        secret->masked[i] = (unsigned char)(bytes[i] ^ MASK);
}

static void make_passphrase(secret *secret, const char *name, size_t length)
{
    size_t i;
    NEED(getrandom(plain, length, 0) == (ssize_t)length);
    for (i = 0; i < length; i++)
        plain[i] = (unsigned char)('!' + plain[i] % 94);
    keep(secret, name, plain, length);
    wipe(plain, sizeof plain);
}

/* The 32 bytes that the identity stands for: Bech32 (BIP 173) of 5 bits a letter. */
static void decode_identity(const unsigned char *text, size_t length)
{
    static const char letters[] = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    const unsigned char *data = (const unsigned char *)memchr(text, '1', length) + 1;
    uint32_t bits = 0;
    int waiting = 0;
    key.name = "the key";
    /* Six letters at the end are a checksum. */
    for (; data < text + length - 6; data++) {
        const char *letter = strchr(letters, *data);
        NEED(letter != NULL);
        bits = (bits << 5 | (uint32_t)(letter - letters)) & 0xFFF;
        waiting += 5;
        if (waiting >= 8) {
            waiting -= 8;
            NEED(key.length < 32);
            key.masked[key.length++] = (unsigned char)((bits >> waiting) ^ MASK);
        }
    }
    NEED(key.length == 32);
}

/* Has age-keygen make an identity. */
static void make_identity(void)
{
    static unsigned char said[1024];
    static const char public_key[] = "# public key: ", secret_key[] = "AGE-SECRET-KEY-1";
    unsigned char *found;
    size_t length = 0;
    ssize_t got;
    int ends[2];
    pid_t child;

    NEED(pipe(ends) == 0);
    child = fork();
    NEED(child >= 0);
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(ends[1], 1);
        dup2(nowhere, 2);
        execlp("age-keygen", "age-keygen", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while (length < sizeof said && (got = read(ends[0], said + length, sizeof said - length)) > 0)
        length += (size_t)got;
    close(ends[0]);
    NEED(child_result(child) == 0);
    found = memmem(said, length, public_key, strlen(public_key));
    NEED(found != NULL);
    found += strlen(public_key);
    memcpy(recipient, found, (size_t)((unsigned char *)memchr(found, '\n', 80) - found));
    found = memmem(said, length, secret_key, strlen(secret_key));
    NEED(found != NULL);
    keep(&identity, "the identity", found, (size_t)((unsigned char *)memchr(found, '\n', 80) - found));
    identity.public_part = strlen(secret_key);
    decode_identity(found, identity.length);
    wipe(said, sizeof said);
}

static void save(const char *folder, int to_key)
{
    wmlb_restorer *restorer = new_restorer(store, folder);
    wmlb_hresult result = WMLB_E_FAIL;
    recorder told;
    recorder_init(&told);
    NEED((to_key ? wmlb_restorer_set_prop(restorer, WMLB_PROP_RECIPIENTS, WMLB_TYPE_STRING,
                                          (const uint8_t *)recipient, strlen(recipient))
                 : set(restorer, WMLB_PROP_PASSPHRASE, &passphrase)) == WMLB_S_OK);
    NEED(wmlb_restorer_backup_licenses(restorer, 0, record, &told) == WMLB_S_OK);
    NEED(wmlb_restorer_wait(restorer, UINT32_MAX, &result) == WMLB_S_OK);
    CHECK_HR(result, WMLB_S_OK);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
}

int main(int count, char **arguments)
{
    const struct {
        const char *name;
        void (*body)(void);
    } tests[] = {
        {"search", the_search_finds_what_is_there},
        {"property", a_property_forgets},
        {"refused", a_refused_value_is_forgotten},
        {"passphrase", an_operation_forgets_a_passphrase},
        {"long_passphrase", a_long_passphrase_too},
        {"wrong_passphrase", a_wrong_passphrase_too},
        {"identity", an_operation_forgets_an_identity},
    };
    char paths[3][PATH_MAX];
    size_t i;
    int ran = 0;

    begin_workspace();
    for (i = 0; i < 3; i++) {
        static const char *const names[] = {"store", "to-passphrase", "to-key"};
        snprintf(paths[i], sizeof paths[i], "%s", in_workspace("%s", names[i]));
    }
    store = paths[0];
    encrypted_to_passphrase = paths[1];
    encrypted_to_key = paths[2];
    make_store(store, 12, 400);
    make_passphrase(&passphrase, "the passphrase", 24);
    /* Longer than a block of the hash in the key derivation. */
    make_passphrase(&long_passphrase, "the long passphrase", 100);
    make_passphrase(&other_passphrase, "the other passphrase", 24);
    make_identity();
    save(encrypted_to_passphrase, 0);
    save(encrypted_to_key, 1);
    for (i = 0; i < sizeof tests / sizeof *tests; i++) {
        /* With an argument: those that begin with it. */
        if (count > 1 && strncmp(arguments[1], tests[i].name, strlen(arguments[1])) != 0)
            continue;
        test_name = tests[i].name;
        tests[i].body();
        ran++;
    }
    end_workspace();
    printf("%d tests; ", ran);
    return summary("secrets") || ran == 0;
}
