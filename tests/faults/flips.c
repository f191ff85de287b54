/*
 * Damages a backup in every small way, and has each verified:
 *
 *     flips FOLDER SECRET SEED EVERY START
 *
 * FOLDER holds licenses.wmlb, which is left as it was. SECRET: an identity, or "". Of all flips of
 * one bit, all cuts, and so many swaps of blocks and additions, one in EVERY is tried, from START
 * on. Prints how many were tried and how many were missed, and of those missed the first few.
 *
 * Missed: what is not called damaged, or no backup, or not to be opened by this key.
 */

#include "wmlb.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the swaps and additions that there are. */
enum { SWAPS = 50000, ADDITIONS = 4000, SHOWN = 5 };

static wmlb_restorer *restorer;
static int file;
static uint8_t *whole;
static size_t length;
static unsigned long tried, missed;

static void need(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "flips: %s\n", what);
        exit(2);
    }
}

static void string(const char *property, const char *value)
{
    need(wmlb_restorer_set_prop(restorer, property, WMLB_TYPE_STRING, (const uint8_t *)value,
                                strlen(value)) == WMLB_S_OK, property);
}

static wmlb_hresult on_event(int32_t status, wmlb_hresult hr, int32_t type, const uint8_t *value,
                             size_t size, void *data)
{
    (void)status, (void)hr, (void)type, (void)value, (void)size, (void)data;
    return WMLB_S_OK;
}

static wmlb_hresult verify(void)
{
    wmlb_hresult result = WMLB_E_FAIL;
    wmlb_hresult started = wmlb_restorer_verify_backup(restorer, 0, on_event, NULL);
    if (WMLB_FAILED(started))
        return started;
    need(wmlb_restorer_wait(restorer, UINT32_MAX, &result) == WMLB_S_OK, "wait");
    return result;
}

static void put(size_t at, const uint8_t *bytes, size_t count)
{
    need(pwrite(file, bytes, count, (off_t)at) == (ssize_t)count, "the file cannot be written");
}

static void put_back(size_t from)
{
    put(from, whole + from, length - from);
    need(ftruncate(file, (off_t)length) == 0, "the file cannot be cut");
}

static void expect_damage(const char *what, size_t at, size_t other)
{
    wmlb_hresult result = verify();
    tried++;
    if (result == WMLB_NS_E_DRM_BACKUP_CORRUPT || result == WMLB_NS_E_BACKUP_RESTORE_BAD_DATA ||
        result == WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD)
        return;
    if (missed++ < SHOWN)
        fprintf(stderr, "%s at %zu (%zu): %s\n", what, at, other, wmlb_hresult_name(result));
}

static uint64_t state;

static uint64_t any(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

static void flip(size_t bit)
{
    uint8_t byte = whole[bit / 8] ^ (uint8_t)(1 << bit % 8);
    put(bit / 8, &byte, 1);
    expect_damage("a flip", bit / 8, bit % 8);
    put(bit / 8, &whole[bit / 8], 1);
}

static void cut(size_t at)
{
    need(ftruncate(file, (off_t)at) == 0, "the file cannot be cut");
    expect_damage("a cut", at, 0);
    put_back(at);
}

static void swap(void)
{
    size_t most = length / 2 < 512 ? length / 2 : 512;
    size_t size = 1 + any(most), one = any(length - size + 1), other = any(length - size + 1);
    size_t apart = one < other ? other - one : one - other;
    if (apart < size || memcmp(whole + one, whole + other, size) == 0)
        return;
    put(one, whole + other, size);
    put(other, whole + one, size);
    expect_damage("a swap", one, other);
    put_back(one < other ? one : other);
}

static void add(void)
{
    uint8_t more[256];
    size_t size = 1 + any(sizeof more), from = any(length);
    if (size > length - from)
        size = length - from;
    /* Parts of itself, zeros, or anything. */
    switch (any(3)) {
    case 0: memcpy(more, whole + from, size); break;
    case 1: memset(more, 0, size); break;
    default:
        for (size_t byte = 0; byte < size; byte++)
            more[byte] = (uint8_t)any(256);
    }
    put(length, more, size);
    expect_damage("an addition", length, size);
    put_back(length - 1);
}

int main(int count, char **arguments)
{
    char path[4096];
    struct stat status;
    need(count == 6, "FOLDER SECRET SEED EVERY START");
    size_t every = strtoul(arguments[4], NULL, 10), start = strtoul(arguments[5], NULL, 10);
    state = 0x9E3779B97F4A7C15u ^ (strtoull(arguments[3], NULL, 10) * 2 + 1) ^ start << 32;

    snprintf(path, sizeof path, "%s/licenses.wmlb", arguments[1]);
    file = open(path, O_RDWR | O_CLOEXEC);
    need(file >= 0 && fstat(file, &status) == 0, path);
    length = (size_t)status.st_size;
    whole = malloc(length);
    need(whole != NULL && read(file, whole, length) == (ssize_t)length, path);

    need(wmlb_restorer_create(&restorer) == WMLB_S_OK, "create");
    string(WMLB_PROP_RESTORE_PATH, arguments[1]);
    uint32_t one = 1;
    need(wmlb_restorer_set_prop(restorer, WMLB_PROP_THREADS, WMLB_TYPE_DWORD,
                                (const uint8_t *)&one, sizeof one) == WMLB_S_OK, "threads");
    if (arguments[2][0] != '\0')
        string(WMLB_PROP_IDENTITIES, arguments[2]);
    wmlb_hresult before = verify();
    need(before == WMLB_S_OK, wmlb_hresult_name(before));

    for (size_t bit = start; bit < length * 8; bit += every)
        flip(bit);
    for (size_t at = start; at < length; at += every)
        cut(at);
    for (size_t number = start; number < SWAPS; number += every)
        swap();
    for (size_t number = start; number < ADDITIONS; number += every)
        add();

    need(verify() == WMLB_S_OK, "the backup does not verify after it was put back");
    need(wmlb_restorer_release(restorer) == WMLB_S_OK, "release");
    printf("%lu %lu\n", tried, missed);
    return missed != 0;
}
