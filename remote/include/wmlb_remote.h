/*
 * libwmlb-remote keeps the backups of libwmlb in an object store with the S3 API, for a fleet of
 * players. It is a library beside libwmlb: a remote takes the place of the folders of a restorer.
 *
 *     wmlb_remote *remote;
 *     wmlb_hresult hr = wmlb_remote_open("s3://backups/players?endpoint=https://s3.example",
 *                                        &remote);
 *     if (WMLB_SUCCEEDED(hr))
 *         hr = wmlb_remote_attach(remote, wmlb_default_restorer(), NULL, NULL);
 *     ... then as with a folder: wmlb_backup_licenses(0, on_status, NULL), wmlb_wait(...)
 *
 * What wmlb.h says of threads, strings, memory, errors and fork() holds here too. Requests wait
 * for the server; wmlb_remote_cancel() ends them. Names are looked up on a thread of their own,
 * which may outlive a canceled call by some seconds.
 */

#ifndef WMLB_REMOTE_H
#define WMLB_REMOTE_H

#include "wmlb.h"

/**
 * wmlb_remote_forget() tells what would be removed, and removes nothing.
 */
#define WMLB_REMOTE_DRY_RUN 1

/**
 * wmlb_remote_removal.kind: a generation that the rule does not keep.
 */
#define WMLB_REMOTE_GENERATION 1

/**
 * wmlb_remote_removal.kind: a backup that was uploaded and never published.
 */
#define WMLB_REMOTE_UNPUBLISHED 2

/**
 * wmlb_remote_removal.kind: parts of a backup whose upload came to no end.
 */
#define WMLB_REMOTE_UPLOAD 3

/**
 * An opened place for backups. The pointer is a number that the library looks up and never
 * dereferences. A NULL, released or made-up one gets WMLB_E_HANDLE, and so does, in a child after
 * fork(), one from before the fork.
 */
typedef struct wmlb_remote wmlb_remote;

/**
 * A device that has backups. The pointers are valid during the call only.
 */
typedef struct wmlb_remote_device {
    /**
     * The size of this struct in bytes, as the library knows it. Read no field beyond it.
     */
    size_t struct_size;
    /**
     * Its name, as wmlb_remote_attach() takes it.
     */
    const char *device;
    /**
     * Its newest generation; "" if what names it is damaged, and then the rest is 0.
     */
    const char *generation;
    /**
     * When that was made, in Unix seconds.
     */
    int64_t created;
    /**
     * Bytes of it.
     */
    uint64_t size;
    /**
     * How many backups were published up to it.
     */
    uint64_t sequence;
} wmlb_remote_device;

/**
 * The function that receives devices, one call for each, on the thread that called the list.
 *
 * Returns: WMLB_S_OK, or anything else that is not negative, to go on; a negative value to stop,
 * which becomes the result of the list. It must return normally.
 */
typedef wmlb_hresult (*wmlb_remote_device_callback)(const struct wmlb_remote_device *device,
                                               void *user_data);

/**
 * What wmlb_remote_forget() removes. The pointers are valid during the call only.
 */
typedef struct wmlb_remote_removal {
    /**
     * The size of this struct in bytes, as the library knows it. Read no field beyond it.
     */
    size_t struct_size;
    /**
     * WMLB_REMOTE_GENERATION, WMLB_REMOTE_UNPUBLISHED or WMLB_REMOTE_UPLOAD.
     */
    int32_t kind;
    /**
     * The name of the generation.
     */
    const char *generation;
    /**
     * When it was made, in Unix seconds.
     */
    int64_t created;
    /**
     * Bytes; 0 of an upload.
     */
    uint64_t size;
} wmlb_remote_removal;

/**
 * The function that is told of removals, one call for each, after it; or, with
 * WMLB_REMOTE_DRY_RUN, instead of it.
 *
 * Returns: as wmlb_remote_device_callback; to stop is WMLB_NS_E_DRM_OPERATION_CANCELED.
 */
typedef wmlb_hresult (*wmlb_remote_removal_callback)(const struct wmlb_remote_removal *removal,
                                                void *user_data);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Opens a place for backups. No server is asked yet. Give it back with wmlb_remote_release().
 *
 * Parameters:
 * - url: s3://bucket/prefix?name=value&...; the prefix may be missing. Names:
 *   - endpoint: https://host or https://host:port of the server; without one it is that of AWS.
 *     http is taken for a loopback address only, or with insecure=1.
 *   - region: else $AWS_REGION, else $AWS_DEFAULT_REGION, else us-east-1.
 *   - style: path or host, where the bucket's name stands. With an endpoint it is path.
 *   - roots: a file of certificates in PEM, in place of those that the system trusts.
 *   - deadline: for how many seconds a request is tried again; 60.
 *   - insecure: 1 takes http.
 *   - no credentials: a URL that has some is refused.
 * - out: receives the handle; NULL on failure.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_POINTER: url or out is NULL
 * - WMLB_E_INVALIDARG: the URL is not one of these, or roots cannot be read
 *
 * Threads: any.
 */
WMLB_NODISCARD wmlb_hresult wmlb_remote_open(const char *url, struct wmlb_remote **out);

/**
 * Sets who asks. Without it, or with NULL for all three, that is looked for at the first request:
 * in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; then in the file
 * $AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials, under $AWS_PROFILE, else default. Where
 * there is nothing, requests are not signed. A program with privileges beyond its user's takes
 * none from the environment.
 *
 * The secret is wiped from memory when it is replaced or the remote released.
 *
 * Parameters:
 * - remote: the handle.
 * - id, secret: of the key.
 * - token: of a session; may be NULL.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: one of id and secret is NULL
 * - WMLB_E_INVALIDARG: one is empty, or not plain text
 *
 * Threads: any. Requests that have begun are not changed.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_remote_set_credentials(struct wmlb_remote *remote,
                                    const char *id,
                                    const char *secret,
                                    const char *token);

/**
 * Asks the server what it keeps of its promises: it writes an object below the prefix several
 * times, under conditions, and removes it. The first backup without WMLB_BACKUP_OVERWRITE does so
 * by itself.
 *
 * Parameters:
 * - remote: the handle.
 * - capabilities: receives WMLB_TARGET_CREATE_ONLY, if the server refuses to replace an object
 *   that it was told not to replace, and WMLB_TARGET_RANGES, if it gives parts of an object;
 *   joined by |. Without the first, backups need WMLB_BACKUP_OVERWRITE.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: capabilities is NULL
 * - those of requests: WMLB_E_ACCESSDENIED, WMLB_E_TIMEOUT (no answer before the deadline),
 *   WMLB_HRESULT_FROM_WIN32(3) (no such bucket), WMLB_HRESULT_FROM_WIN32(1398) (the clocks differ
 *   too much), WMLB_NS_E_DRM_OPERATION_CANCELED, WMLB_E_FAIL
 *
 * Threads: any. It waits for the server.
 */
WMLB_NODISCARD wmlb_hresult wmlb_remote_probe(struct wmlb_remote *remote, uint32_t *capabilities);

/**
 * Makes a device's backups the target of a restorer, as wmlb_restorer_set_target() does: what is
 * said there holds. wmlb_restorer_set_target() with NULL takes it away. No server is asked yet.
 *
 * A backup is uploaded as it is made, and shows when it is whole, in one step. Without
 * WMLB_BACKUP_OVERWRITE, one that finds another ends with WMLB_NS_E_DRM_BACKUP_EXISTS, also when
 * both began at once. On a server that cannot refuse (see wmlb_remote_probe()) it ends with
 * WMLB_E_NOTIMPL. With WMLB_BACKUP_OVERWRITE the earlier ones stay, as generations. The words of a
 * failure are those of wmlb_remote_get_last_error().
 *
 * Restoring what another device has backed up needs WMLB_RESTORE_INDIVIDUALIZE.
 *
 * Parameters:
 * - remote: the handle.
 * - restorer: the handle of the restorer.
 * - device: the device's name; NULL: the ID of this one. A host may choose names of its own, of
 *   up to 128 letters, digits, - _ and . that do not begin with a dot.
 * - generation: what wmlb_remote_list_generations() tells as path, for reading only; NULL: the
 *   newest.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE: either handle
 * - WMLB_E_INVALIDARG: device or generation is not one, or this machine has no ID
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_remote_attach(struct wmlb_remote *remote,
                           wmlb_restorer *restorer,
                           const char *device,
                           const char *generation);

/**
 * Cancels the requests of a remote that are running, whoever made them, and the backups, restores
 * and lists that they belong to. What a restorer does is canceled by wmlb_restorer_cancel() first:
 * that alone takes effect when the server has answered.
 *
 * Parameters:
 * - remote: the handle.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 *
 * Threads: any, also in a callback. It does not wait.
 */
wmlb_hresult wmlb_remote_cancel(struct wmlb_remote *remote);

/**
 * The words of the last failure of a remote, also of one in an operation. They name no secret.
 *
 * Parameters:
 * - remote: the handle.
 * - buffer: receives the string; NULL asks for the size.
 * - len: the size of the buffer; receives the size that is needed, with the NUL.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: len is NULL
 * - WMLB_E_INSUFFICIENT_BUFFER
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_remote_get_last_error(struct wmlb_remote *remote,
                                   char *buffer,
                                   size_t *len);

/**
 * Releases a remote. What it is attached to fails from then on with WMLB_E_HANDLE; what runs is
 * canceled, and what it has uploaded in part is removed, as far as the server answers at once.
 *
 * Parameters:
 * - remote: the handle.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 *
 * Threads: any, also in a callback.
 */
wmlb_hresult wmlb_remote_release(struct wmlb_remote *remote);

/**
 * Lists the devices that have backups in a place, in the order of their names.
 *
 * Parameters:
 * - remote: the handle.
 * - callback, user_data: receive them, after all were read.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_INVALIDARG: callback is NULL
 * - what the callback returned to stop
 * - those of requests, see wmlb_remote_probe()
 *
 * Threads: any. It waits for the server, with up to 16 requests at once.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_remote_list_devices(struct wmlb_remote *remote,
                                 wmlb_remote_device_callback callback,
                                 void *user_data);

/**
 * Lists the generations of a device, the newest first. path is what wmlb_remote_attach() takes as
 * generation; licenses and bytes are UINT64_MAX, device_id and store "", since no file is opened;
 * kept_by is WMLB_KEPT_CURRENT of the one that restores find, and 0 of the others.
 *
 * Parameters:
 * - remote: the handle.
 * - device: as wmlb_remote_attach().
 * - callback, user_data: receive them, after all were read.
 *
 * Returns: as wmlb_remote_list_devices(); WMLB_E_INVALIDARG also if device is not one;
 * WMLB_NS_E_DRM_BACKUP_CORRUPT if what names the newest is damaged.
 *
 * Threads: any. It waits for the server.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_remote_list_generations(struct wmlb_remote *remote,
                                     const char *device,
                                     wmlb_generation_callback callback,
                                     void *user_data);

/**
 * Removes the generations of a device that a rule does not keep, and what writers that were killed
 * have left. Nothing that is younger than 24 hours by the server's clock is removed, and never the
 * newest generation.
 *
 * Parameters:
 * - remote: the handle.
 * - device: as wmlb_remote_attach().
 * - keep: the rule, as the property Keep takes it ("last=3 daily=7"); NULL or "": all generations
 *   are kept, and only what was left is removed.
 * - flags: 0, or WMLB_REMOTE_DRY_RUN.
 * - callback, user_data: are told of each; callback may be NULL.
 *
 * Returns:
 * - WMLB_S_OK: something was removed, or would be
 * - WMLB_S_FALSE: there is nothing to remove
 * - WMLB_E_HANDLE
 * - WMLB_E_INVALIDARG: keep, device or flags are not what they may be
 * - those of requests, see wmlb_remote_probe(); what was told of before is removed
 *
 * Threads: any. It waits for the server.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_remote_forget(struct wmlb_remote *remote,
                           const char *device,
                           const char *keep,
                           uint32_t flags,
                           wmlb_remote_removal_callback callback,
                           void *user_data);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* WMLB_REMOTE_H */
