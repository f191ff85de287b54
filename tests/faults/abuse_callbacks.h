/*
 * What the library calls in abuse.c: callbacks that call the library, and answer as they like.
 */
#ifndef ABUSE_CALLBACKS_H
#define ABUSE_CALLBACKS_H

#include "abuse_values.h"

static void call_something(caller *c);

static void saw(wmlb_hresult hr)
{
    if (hr == WMLB_E_UNEXPECTED)
        __atomic_fetch_add(&defects, 1, __ATOMIC_RELAXED);
}

/* Calls made in a callback, of the restorer `own` or, where that is NULL, on the caller's own
   thread; and the callback's answer. */
static wmlb_hresult abuse_inside(wmlb_restorer *own)
{
    static uint64_t turn;
    caller local, *c = self, *before = self;
    wmlb_restorer *inside_before = inside;
    wmlb_hresult answer;
    if (c == NULL) {
        memset(&local, 0, sizeof local);
        local.seed =
            0x9e3779b97f4a7c15u * (__atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) + 1);
        c = &local;
    }
    if (c->depth >= 2 || below(c, 4) != 0)
        return below(c, 16) == 0 ? WMLB_E_FAIL : WMLB_S_OK;
    if (c == &local)
        new_room(c);
    self = c;
    if (inside == NULL)
        inside = own;
    c->depth++;
    call_something(c);
    c->depth--;
    inside = inside_before;
    self = before;
    answer = below(c, 8) == 0 ? (wmlb_hresult)bits(c) : WMLB_S_OK;
    if (c == &local)
        drop_room(c);
    return answer;
}

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t type,
                              const uint8_t *value, size_t length, void *user_data)
{
    (void)type, (void)value, (void)length;
    saw(hr);
    if (is_terminal(status))
        __atomic_fetch_add(status == WMLB_STATUS_BACKUPRESTORE_END ? &ended : &failed, 1,
                           __ATOMIC_RELAXED);
    return abuse_inside(user_data);
}

static wmlb_hresult on_license(const wmlb_license_info *license, void *user_data)
{
    (void)license, (void)user_data;
    return abuse_inside(NULL);
}

static wmlb_hresult on_generation(const wmlb_generation_info *generation, void *user_data)
{
    (void)generation, (void)user_data;
    return abuse_inside(NULL);
}

static wmlb_hresult on_difference(const wmlb_difference *difference, void *user_data)
{
    (void)difference, (void)user_data;
    return abuse_inside(NULL);
}

static wmlb_hresult on_store(const wmlb_store_info *store, void *user_data)
{
    (void)store, (void)user_data;
    return abuse_inside(NULL);
}

static wmlb_hresult authorize(const wmlb_restore_request *request, char *url, size_t length,
                              void *own)
{
    (void)request;
    memset(url, 'u', length); /* no NUL */
    return abuse_inside(own);
}

static int32_t right(const wmlb_license_info *license, void *own)
{
    (void)license;
    return abuse_inside(own);
}

static wmlb_hresult choose(const wmlb_license_info *license, void *own)
{
    return license->name_len % 2 == 0 ? WMLB_S_FALSE : abuse_inside(own);
}

/* A store that gives whatever it likes. What is passed along with it is the restorer. */

static wmlb_hresult open_store(void *own, int32_t writing)
{
    (void)writing;
    return abuse_inside(own);
}

static wmlb_hresult next_license(void *own, wmlb_store_license *license)
{
    static const char *const given[] = {"a", "b/c", "", "..", "/etc", "a/b", "x\xff"};
    static uint64_t turn;
    caller c = {0};
    c.seed = 0xd1342543de82ef95u * (__atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) + 1);
    if (below(&c, 3) == 0)
        return WMLB_S_FALSE;
    license->name = (const uint8_t *)ONE_OF(&c, given);
    license->name_len = strlen((const char *)license->name);
    license->data = below(&c, 4) == 0 ? NULL : (const uint8_t *)"data";
    license->data_len = license->data == NULL && below(&c, 8) != 0 ? 0 : 4;
    license->modified = (int64_t)bits(&c);
    if (below(&c, 16) == 0)
        license->name = NULL;
    return abuse_inside(own);
}

static wmlb_hresult put_license(void *own, const wmlb_store_license *license)
{
    (void)license;
    return abuse_inside(own);
}

static wmlb_hresult commit_store(void *own)
{
    return abuse_inside(own);
}

static void close_store(void *own)
{
    abuse_inside(own);
}

#endif
