/*
 * libwmlb: backs up the media licenses that a player holds into one file, and
 * restores them, with the flags, property names, status values and result codes of the
 * backup restorer object of the Windows Media Format SDK. It never decrypts a license.
 *
 *     static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t type,
 *                                   const uint8_t *value, size_t len, void *user_data)
 *     {
 *         if (status == WMLB_STATUS_ERROR)
 *             fprintf(stderr, "%.*s\n", (int)len, (const char *)value);
 *         return WMLB_S_OK;
 *     }
 *
 *     wmlb_hresult hr, result = WMLB_E_FAIL;
 *     wmlb_set_store_path("/home/me/.local/share/player/licenses");
 *     wmlb_set_backup_path("/media/stick");
 *     hr = wmlb_backup_licenses(0, on_status, NULL);     started?
 *     if (WMLB_SUCCEEDED(hr))
 *         hr = wmlb_wait(UINT32_MAX, &result);           waited?
 *     if (WMLB_SUCCEEDED(hr))
 *         hr = result;                                   backed up?
 *
 * Life of an operation. It is started by a call that checks its arguments and returns
 * at once; then it runs on a thread of its own, named "wmlb", and tells the callback
 * how it goes. An operation whose start returned WMLB_S_OK makes exactly one last
 * event: BACKUPRESTORE_END, ERROR or ERROR_WITHURL. One whose start failed makes none.
 * After the callback has returned from the last event, the restorer is idle and
 * user_data is not touched again. There is no thread before an operation starts, and
 * none after wmlb_wait() or wmlb_restorer_release() has returned.
 *
 * Threads. Every function may be called from any thread at any time; what holds in a
 * callback is said at wmlb_status_callback. A call never waits for another one's
 * operation, but for wmlb_wait(), wmlb_restorer_wait() and wmlb_restorer_release().
 *
 * At the end of the process, wait for a running operation or release its restorer, at
 * the latest before what the callback needs is torn down: Python, for one, ends the
 * process with a signal when a callback of its own runs while it exits.
 *
 * Restorers. The functions without a handle act on the default restorer, one for the
 * process. A program that runs several operations at once creates a restorer for each.
 *
 * Memory. Whatever is passed to a function is copied before it returns, and belongs to
 * the caller. The library hands out no memory that must be freed. Where there is none
 * left, calls and operations end with WMLB_E_OUTOFMEMORY, and the process goes on.
 *
 * Strings are UTF-8 and end in a NUL. Paths are taken as they are: relative ones count
 * from the working directory at the start of an operation.
 *
 * Errors. Every function that can fail returns a wmlb_hresult; wmlb_get_last_error()
 * and the ERROR event have the words, which name the path and the cause. Output is
 * written on success only; but sizes, and a handle, which is set to NULL.
 *
 * The host. The library prints nothing, logs nothing, and changes neither environment
 * nor signal handlers nor working directory. After fork() the child has no operation,
 * and handles from before get WMLB_E_HANDLE there. dlclose() does not unload it. What
 * errno is after a call has no meaning.
 */

#ifndef WMLB_H
#define WMLB_H

#include <stddef.h>
#include <stdint.h>
/* Version of this header. */
#define WMLB_VERSION_MAJOR 1
#define WMLB_VERSION_MINOR 0
#define WMLB_VERSION_PATCH 0
#define WMLB_VERSION "1.0.0"


/* Whether a result code is a success (0 and above) or a failure (below 0). */
#define WMLB_SUCCEEDED(hr) ((wmlb_hresult)(hr) >= 0)
#define WMLB_FAILED(hr) ((wmlb_hresult)(hr) < 0)

/* The result code of a Win32 error code, such as 112, ERROR_DISK_FULL: what an error
   of the operating system becomes. wmlb_hresult_name() names those in use. */
#define WMLB_HRESULT_FROM_WIN32(code) ((wmlb_hresult)(0x80070000 | (code)))

/**
 * Name of a property, string: the folder that backups are written to. Needed for a
 * backup.
 */
#define WMLB_PROP_BACKUP_PATH "BackupPath"

/**
 * Name of a property, string: the folder that holds the backup file to restore.
 */
#define WMLB_PROP_RESTORE_PATH "RestorePath"

/**
 * Name of a property, string: where the license store is: a folder, in which every file
 * at any depth is a license, or one SQLite database. When not set:
 * $WMLB_STORE_PATH, else $XDG_DATA_HOME/wmlb/licenses, else
 * ~/.local/share/wmlb/licenses. A variable that is empty counts as not set, and so
 * does XDG_DATA_HOME with a relative path. Not looked at while a store is set with
 * wmlb_restorer_set_store().
 */
#define WMLB_PROP_STORE_PATH "StorePath"

/**
 * Name of a property, string, write-only: the passphrase of encrypted backups, not
 * empty. When it is set, backups are encrypted with it, and backups that were are
 * opened with it, in any of the operations that read one. To derive the key takes
 * 128 MiB of memory and a third of a second or so, which cannot be cancelled. The
 * library's copy is wiped from memory when the property is removed or replaced or the
 * restorer released, or when the operation that was started with it has ended, if that
 * is later.
 */
#define WMLB_PROP_PASSPHRASE "Passphrase"

/**
 * Name of a property, string: the recipients that backups are encrypted to, public
 * keys of the age format ("age1..."), one a line, at most 500. Any one of their
 * identities opens the backup. Empty lines and lines that begin with # are passed
 * over. Not together with Passphrase, when a backup starts.
 */
#define WMLB_PROP_RECIPIENTS "Recipients"

/**
 * Name of a property, string, write-only: the identities that encrypted backups are
 * opened with, secret keys of the age format ("AGE-SECRET-KEY-1..."), one a line, at
 * most 500; an identity file of age-keygen is such a text. Empty lines and lines that
 * begin with # are passed over. Wiped from memory as Passphrase is. When both are set,
 * a backup made with a passphrase is opened with that, any other with these.
 */
#define WMLB_PROP_IDENTITIES "Identities"

/**
 * Name of a property, DWORD: zstd's compression level, 1 to 19. When not set: 1.
 */
#define WMLB_PROP_COMPRESSION_LEVEL "CompressionLevel"

/**
 * Name of a property, DWORD: how many threads compute, 1 to 64; 1 is one thread in
 * all. 0, or not set: as many as there are processors, at most 8. Each takes about
 * 6 MiB of memory. With more than one, up to 8 others read ahead in a backup while its
 * workers wait for files, and one has the disk write in a restore; these take next to
 * no memory, and their time is spent waiting.
 */
#define WMLB_PROP_THREADS "Threads"

/**
 * Name of a property, DWORD: how much nicer the threads of an operation are than the
 * thread that starts it, 0 to 19 steps of niceness, up to the nicest there is. When not
 * set: 5. Unless it is 0 they are also the last to use the disk, of those that use it as
 * usual (class best-effort, level 7; not the idle class, in which an operation might wait
 * for a busy disk for ever). 0: they are as the thread that starts the operation, and
 * nothing is asked of the system.
 *
 * The host's own threads stay as they are, and what runs on them does: lists, and the
 * search for stores. Callbacks run on the operation's thread and are as nice as it is,
 * and so are threads and processes that they start. If the system refuses, that is no
 * error. It has an effect on Linux and Android only: elsewhere niceness belongs to the
 * whole process.
 */
#define WMLB_PROP_NICENESS "Niceness"

/**
 * Name of a property, string: "allow" or "deny", what to do with a license that
 * does not say whether it may be backed up. When not set: "allow".
 */
#define WMLB_PROP_UNSTATED_RIGHTS "UnstatedRights"

/**
 * The name of the backup file in the folder that BackupPath names.
 */
#define WMLB_BACKUP_FILE_NAME "licenses.wmlb"

/**
 * For a backup: replace the backup file that is there.
 */
#define WMLB_BACKUP_OVERWRITE 1

/**
 * For a backup: leave out licenses that cannot be read (WMLB_STATUS_LICENSE_SKIPPED
 * tells which and why) and end with WMLB_NS_E_DRM_STORE_NOTALLSTORED in the END
 * event, instead of failing. Running out of memory or of file descriptors is still
 * a failure. Links and special files are left out with or without it, and do not
 * change the result.
 */
#define WMLB_BACKUP_PARTIAL 256

/**
 * For a backup: read the written file back from the disk and check every hash
 * before it takes its name. Damage is WMLB_NS_E_DRM_BACKUP_CORRUPT. Of an encrypted
 * backup the encrypted bytes are compared, as the key to open it may be elsewhere.
 */
#define WMLB_BACKUP_VERIFY 512

/**
 * The right of a license to be backed up: its format does not state it, or under a
 * condition that is not evaluated here.
 */
#define WMLB_RIGHT_NOT_STATED 0

/**
 * The owner allows backup.
 */
#define WMLB_RIGHT_ALLOWED 1

/**
 * The owner forbids backup.
 */
#define WMLB_RIGHT_DENIED 2

/**
 * Version of the interface in this header; wmlb_abi_version() is that of the library
 * that is loaded. It is raised only by a change that breaks existing programs.
 */
#define WMLB_ABI_VERSION 1

/**
 * For a restore: the user agreed to bring licenses that were made on another device
 * to this one. Without it, a backup from another device is refused.
 */
#define WMLB_RESTORE_INDIVIDUALIZE 2

/**
 * For a restore: replace licenses in the store that differ from those in the backup.
 * Without it they are kept, and reported with WMLB_STATUS_LICENSE_SKIPPED.
 */
#define WMLB_RESTORE_OVERWRITE 256

/**
 * The operation failed or was cancelled; the last event. hr says why, the value
 * (string) says it in words.
 */
#define WMLB_STATUS_ERROR 0

/**
 * The operation has begun: the first event of a backup or a verification; in a restore,
 * nothing was touched before it.
 */
#define WMLB_STATUS_BACKUPRESTORE_BEGIN 21

/**
 * The operation has done what it should; the last event. Value: string, the path of
 * the backup file. hr is WMLB_S_OK or WMLB_NS_E_DRM_STORE_NOTALLSTORED.
 */
#define WMLB_STATUS_BACKUPRESTORE_END 27

/**
 * A restore checks credentials and authorization.
 */
#define WMLB_STATUS_BACKUPRESTORE_CONNECTING 28

/**
 * A restore has checked credentials and authorization.
 */
#define WMLB_STATUS_BACKUPRESTORE_DISCONNECTING 29

/**
 * A restore was refused; the last event. Value: string, an address to go to.
 */
#define WMLB_STATUS_ERROR_WITHURL 30

/**
 * A license is left out because its owner forbids backup. Value: string, its key IDs
 * joined by newlines; where it has none, for "lcp" its license ID, for others its name.
 * That is what somebody else wrote; a name may hold control characters.
 */
#define WMLB_STATUS_RESTRICTED_LICENSE 31

/**
 * How far the operation is; at most 20 a second, and one after the last license.
 * Value: binary, a wmlb_progress.
 */
#define WMLB_STATUS_PROGRESS 4096

/**
 * A license, or something else found in the store, is left out; in a restore, a license
 * of the store stays as it is. hr is the cause: WMLB_E_ACCESSDENIED for a link or a
 * special file (in a restore: for one that is in the way of a license), in a restore
 * WMLB_HRESULT_FROM_WIN32(80) for a license that differs. The value (string) is its name,
 * that is its path in the store, with U+FFFD for what is not UTF-8; with
 * WMLB_BACKUP_PARTIAL it may be that of a folder that cannot be listed.
 */
#define WMLB_STATUS_LICENSE_SKIPPED 4097

/**
 * The value is a uint32_t in the machine's byte order. Also the type of an event
 * that carries no value.
 */
#define WMLB_TYPE_DWORD 0

/**
 * The value is UTF-8.
 */
#define WMLB_TYPE_STRING 1

/**
 * The value is bytes, or a struct that the status names.
 */
#define WMLB_TYPE_BINARY 2

/**
 * The value is a 32-bit truth value.
 */
#define WMLB_TYPE_BOOL 3

/**
 * The value is a uint64_t.
 */
#define WMLB_TYPE_QWORD 4

/**
 * The value is a uint16_t.
 */
#define WMLB_TYPE_WORD 5

/**
 * The value is the 16 bytes of a GUID.
 */
#define WMLB_TYPE_GUID 6

/**
 * A restorer: properties, and at most one running operation. The pointer is a
 * number that the library looks up and never dereferences; a NULL, released or
 * made-up one gets WMLB_E_HANDLE. So does, in a child after fork, one from before.
 */
typedef struct wmlb_restorer wmlb_restorer;

/**
 * A result code with the values of a Windows HRESULT: negative is failure, zero
 * and above success. The constants below that begin with WMLB_S_, WMLB_E_ or
 * WMLB_NS_E_ are the codes this library returns; besides them it returns
 * WMLB_HRESULT_FROM_WIN32(code) for an error of the operating system.
 */
typedef int32_t wmlb_hresult;

/**
 * What an authorizer is asked. The pointers are valid during the call only.
 */
typedef struct wmlb_restore_request {
    /**
     * Size of this struct in bytes, as the library knows it. Read no field that lies
     * beyond.
     */
    size_t struct_size;
    /**
     * When the backup was made, Unix seconds.
     */
    int64_t created;
    /**
     * ID of the device that made it, hexadecimal; "" when that could not be told.
     */
    const char *device_id;
    /**
     * 1: that is this device; 0: it is another, or cannot be told.
     */
    int32_t same_device;
    /**
     * The flags of the restore.
     */
    uint32_t flags;
} wmlb_restore_request;

/**
 * The function that may refuse a restore.
 *
 * request: valid during the call only. url: a buffer of url_len bytes, all 0, for a
 * NUL-terminated address in UTF-8 that the user may go to. ctx: as it was passed.
 * Return WMLB_S_OK (or anything that is not negative) to allow the restore, a negative
 * value, by custom WMLB_NS_E_DRM_RESTORE_FRAUD, to refuse it: that is the result of the
 * operation then, and its last event is WMLB_STATUS_ERROR_WITHURL with the address, or
 * WMLB_STATUS_ERROR when there is none.
 *
 * It is called on the operation's thread, before anything is touched, between the
 * CONNECTING and DISCONNECTING events; what holds in a wmlb_status_callback holds in it.
 */
typedef wmlb_hresult (*wmlb_authorizer_callback)(const struct wmlb_restore_request *request,
                                                 char *url,
                                                 size_t url_len,
                                                 void *ctx);

/**
 * The function that is told of an operation's events.
 *
 * status: one of WMLB_STATUS_*. hr: how the event went; in the last event, the
 * result of the operation. value_type: one of WMLB_TYPE_*. value: NULL when the
 * event carries none (value_type and value_len are then 0). value_len: its bytes; a
 * string has a NUL after them that is not counted. user_data: as it was passed when
 * the operation was started.
 *
 * Return WMLB_S_OK (or anything that is not negative) to go on, a negative value to
 * cancel the operation. What is returned from the last event has no effect.
 *
 * It is called on the operation's own thread, which blocks all signals: one call at
 * a time, in order; the thread is nicer than the host's, as the property Niceness says.
 * value is valid only during the call. The operation waits while
 * the function runs, so it should return soon: hand the event to your own thread if
 * there is much to do.
 *
 * It must return normally. An exception or pthread_exit that leaves it ends the process
 * with SIGABRT, and nothing is printed; it is not cleaned up after, so that no half of an
 * operation goes on. A longjmp that leaves it would be to another thread's stack: what
 * comes of that is undefined. After a fork in it, the child must exec or _exit before it
 * returns.
 *
 * In it, every function of this library may be called, but: wmlb_wait and
 * wmlb_restorer_wait return WMLB_E_ILLEGAL_METHOD_CALL, starting an operation on the
 * same restorer returns WMLB_NS_E_DRM_BACKUPRESTORE_BUSY, and wmlb_restorer_release
 * of the same restorer returns at once: its handle is gone, the operation is
 * cancelled, and no further event comes, not even the last one; user_data is not
 * touched again once the call of the callback has returned. Two callbacks must
 * not release each other's restorers at the same time: each would wait for the other.
 */
typedef wmlb_hresult (*wmlb_status_callback)(int32_t status,
                                             wmlb_hresult hr,
                                             int32_t value_type,
                                             const uint8_t *value,
                                             size_t value_len,
                                             void *user_data);

/**
 * A store of licenses that a player has. The pointers are valid during the call only.
 */
typedef struct wmlb_store_info {
    /**
     * Size of this struct in bytes, as the library knows it. Read no field that lies
     * beyond.
     */
    size_t struct_size;
    /**
     * Whose it is: "Chromium", "Chrome", "Brave", "Edge", "Vivaldi", "Opera", each also
     * with a channel after it ("Chrome Beta", "Edge Dev"), "Firefox", "Kodi", "Thorium",
     * "PlayReady" (of a set-top box with RDK), or "wmlb": the store at $WMLB_STORE_PATH,
     * and the default of the property StorePath. Other names may be added. Whether it was
     * installed as a snap or flatpak is not told.
     */
    const char *player;
    /**
     * The player's profile: the name of its folder; of Firefox, its name in profiles.ini,
     * if it has one there. "" where the player has no profiles, and for the main one of
     * Kodi. One profile may have several stores.
     */
    const char *profile;
    /**
     * "directory": path is a folder, and the files in it are the licenses. "sqlite": path
     * is a database file, which holds them.
     */
    const char *kind;
    /**
     * Where it is: an absolute path, as the property StorePath takes it.
     */
    const char *path;
    /**
     * Whether the player has the store in use, by the locks that it leaves: 1: it seems
     * so; 0: no; -1: that cannot be told, as always of Kodi, PlayReady and "wmlb". It is
     * what was so when the search was made. A player that runs may overwrite what is
     * restored: close it first.
     */
    int32_t running;
} wmlb_store_info;

/**
 * The function that is told of stores, one call for each.
 *
 * store: valid during the call only. user_data: as it was passed. Return WMLB_S_OK (or
 * anything that is not negative) to go on, a negative value to stop.
 *
 * It is called on the thread that called wmlb_discover_stores(). Every function of this
 * library may be called in it. It must return normally: an exception or pthread_exit that
 * leaves it ends the process with SIGABRT, and nothing is printed; a longjmp that leaves it
 * is undefined. (As this version is made, the memory that the call held is lost then.)
 */
typedef wmlb_hresult (*wmlb_store_callback)(const struct wmlb_store_info *store,
                                            void *user_data);

/**
 * What is known of a license. The pointers are valid during the call only.
 */
typedef struct wmlb_license_info {
    /**
     * Size of this struct in bytes, as the library knows it. Read no field that lies
     * beyond.
     */
    size_t struct_size;
    /**
     * Its path in the store, UTF-8; with U+FFFD for what is not UTF-8.
     */
    const char *name;
    /**
     * The exact bytes of its path, name_len of them, without a NUL.
     */
    const uint8_t *name_bytes;
    size_t name_len;
    /**
     * Its format, recognized by its content: "wmdrm-v1", "wmdrm-v7" (Windows Media DRM),
     * "xmr" (PlayReady), "lcp" (Readium LCP; also an EPUB, PDF package or audiobook with
     * such a license in it), "sqlite" (a database) or "opaque": any other, and what does
     * not parse.
     */
    const char *format;
    /**
     * Its ID, as the format spells it: "wmdrm-v7": LID; "xmr": base64 of the 16 bytes of
     * its rights ID; "lcp": id. "" when it has none.
     */
    const char *license_id;
    /**
     * The IDs of the keys it holds, newline-separated, at most 1,024 of them and 64 KiB. "wmdrm-v1",
     * "wmdrm-v7": KID as the license spells it; "xmr": base64 of the 16 bytes, as KID in
     * a WRMHEADER. "" when it names none.
     */
    const char *key_ids;
    /**
     * Whether its owner lets it be backed up, by its own words: one of WMLB_RIGHT_*.
     * Neither wmlb_restorer_set_rights() nor the property UnstatedRights changes it.
     */
    int32_t backup_right;
    /**
     * Bytes.
     */
    uint64_t size;
    /**
     * When it was last modified, Unix seconds; INT64_MIN: not stated.
     */
    int64_t modified;
    /**
     * From when and until when it is valid, Unix seconds; INT64_MIN: not stated, or only
     * in a condition, which is not evaluated. Of a "wmdrm-v1" valid_until is the
     * beginning of a day in UTC: it states no time of day.
     */
    int64_t valid_from;
    int64_t valid_until;
} wmlb_license_info;

/**
 * The function that is told of licenses, one call for each.
 *
 * license: valid during the call only. user_data: as it was passed. Return WMLB_S_OK
 * (or anything that is not negative) to go on, a negative value to stop.
 *
 * It is called on the thread that called the enumeration. Every function of this
 * library may be called in it. It must return normally: an exception or pthread_exit that
 * leaves it ends the process with SIGABRT, and nothing is printed; a longjmp that leaves it
 * is undefined. (As this version is made, what the call held is lost then: memory, open
 * files, and a host's store, which stays in use.)
 */
typedef wmlb_hresult (*wmlb_license_callback)(const struct wmlb_license_info *license,
                                              void *user_data);

/**
 * How far an operation is. A caller that passes one to be filled in sets
 * struct_size to sizeof(wmlb_progress) first.
 */
typedef struct wmlb_progress {
    /**
     * Size of this struct in bytes, as the program that made it knows it.
     */
    size_t struct_size;
    /**
     * Licenses saved so far.
     */
    uint64_t licenses_done;
    /**
     * Licenses to deal with: at the end licenses_done + licenses_restricted +
     * licenses_skipped. 0: not known yet, which may last for most of the time with a
     * store of more than some 50,000 licenses, and for all of a restore.
     */
    uint64_t licenses_total;
    /**
     * Bytes of the licenses saved so far.
     */
    uint64_t bytes_done;
    /**
     * Bytes of all licenses; 0: not known yet.
     */
    uint64_t bytes_total;
    /**
     * Licenses left out because their owner forbids backup.
     */
    uint64_t licenses_restricted;
    /**
     * Licenses left out because they could not be read, or were kept as they were
     * (restore), and other things that were found in the store.
     */
    uint64_t licenses_skipped;
} wmlb_progress;

/**
 * The function that says whether a license may be backed up, for a host that knows its
 * DRM system better than the license's clear text tells.
 *
 * license: what the license says of itself; valid during the call only. ctx: as it was
 * passed. Return WMLB_RIGHT_ALLOWED or WMLB_RIGHT_DENIED, which override what the
 * license says, or WMLB_RIGHT_NOT_STATED to keep that (license->backup_right); when
 * that is WMLB_RIGHT_NOT_STATED too, the property UnstatedRights decides. Any other
 * value ends the backup with WMLB_E_INVALIDARG.
 *
 * It is called on the operation's thread, between the events of a backup, for every
 * license that could be read, in no particular order. One that is larger than 2 MiB is
 * asked of when its beginning was read, and may still turn out not to be readable; one
 * that changes while it is read may be asked of again. But for the value that is
 * returned, what holds in a wmlb_status_callback holds in it.
 */
typedef int32_t (*wmlb_rights_callback)(const struct wmlb_license_info *license,
                                        void *ctx);

/**
 * A license of a store that the host keeps itself.
 */
typedef struct wmlb_store_license {
    /**
     * Size of this struct in bytes, as the library knows it. Read and write no field that
     * lies beyond.
     */
    size_t struct_size;
    /**
     * Its name: name_len bytes, any but NUL, and no NUL after them. A relative path, its
     * components separated by /, none of them empty, "." or ".."; at most 16,384 bytes. No
     * two licenses have the same, and none has one that is a folder of another's ("a" and
     * "a/b"). The first component is not ".wmlb-restore-" and 16 hexadecimal digits.
     */
    const uint8_t *name;
    size_t name_len;
    /**
     * Its data_len bytes, whatever they are. May be NULL when data_len is 0.
     */
    const uint8_t *data;
    size_t data_len;
    /**
     * When it was last modified, Unix seconds.
     */
    int64_t modified;
} wmlb_store_license;

/**
 * The functions of a store that the host keeps itself: a player that has its licenses in a
 * database of its own, or in memory, needs no files to back them up. For
 * wmlb_restorer_set_store(), which copies the struct.
 *
 * ctx, in all of them: as it was passed there. All but close return WMLB_S_OK (or
 * anything that is not negative) or, when they fail, a negative value: that is the result
 * of the operation then, or of the enumeration, and its words say which function failed.
 *
 * In which order they are called:
 *
 * Backup: open(0); next until it returns WMLB_S_FALSE; close. Whatever order the licenses
 * come in, the backup file has them in that of their names. All are copied before the
 * first is packed, 16 MiB of them to memory and the rest to a file without a name: in the
 * backup folder or, when the backup is encrypted, in $XDG_CACHE_HOME/wmlb, else
 * ~/.cache/wmlb, as the copy is in clear. Before close no progress is made, but
 * WMLB_STATUS_PROGRESS comes, so that the backup can be cancelled.
 *
 * Enumeration: the same, with the call of the callback after each next.
 *
 * Restore: with WMLB_RESTORE_OVERWRITE open(1); put for each license, in the order of
 * names; commit; close. Without it first open(0), next until WMLB_S_FALSE, close, to learn
 * what the store has, and then the same; but a license that it has is not put: it counts
 * as done when the bytes are equal, and is reported with WMLB_STATUS_LICENSE_SKIPPED when
 * they differ. commit is called only when the whole backup file was read and found sound,
 * and after the last WMLB_STATUS_PROGRESS. A cancel or failure before it: close without
 * commit. A cancel after it changes nothing. Two licenses never have the same name.
 *
 * Threads: in an operation they are called on its thread, the one that the events come on,
 * and what holds in a wmlb_status_callback holds in them; the last event comes after close.
 * In an enumeration they are called on the calling thread, and what holds in a
 * wmlb_license_callback holds in them. Never are two of them called at a time, or while
 * the store is open for somebody else: an operation that finds the store in use fails with
 * WMLB_NS_E_DRM_BACKUPRESTORE_BUSY in its ERROR event, and an enumeration returns that. A
 * backup uses the store up to close, a restore from WMLB_STATUS_BACKUPRESTORE_BEGIN to its
 * last close. But each call of wmlb_restorer_set_store() makes a store of its own: if you
 * set one twice, or on two restorers, see to that yourself.
 */
typedef struct wmlb_store_ops {
    /**
     * Set it to sizeof(wmlb_store_ops).
     */
    size_t struct_size;
    /**
     * Opens the store. for_writing: 0: to list its licenses from the first one, as they
     * are; 1: to put licenses into it. When it fails nothing else is called, not even
     * close.
     */
    wmlb_hresult (*open)(void *ctx, int32_t for_writing);
    /**
     * Gives the next license: fills in *license, of which all but struct_size is 0, and
     * returns WMLB_S_OK; or returns WMLB_S_FALSE: there are no more. In any order. What
     * name and data point to belongs to the host, and stays as it is until the next call of
     * next or close. A name that is not as wmlb_store_license says is
     * WMLB_NS_E_DRM_INVALID_LICENSE; a NULL with a length is WMLB_E_POINTER; both also with
     * WMLB_BACKUP_PARTIAL. (An enumeration does not look for names that repeat.)
     */
    wmlb_hresult (*next)(void *ctx, struct wmlb_store_license *license);
    /**
     * Stages a license: what it replaces stays until commit. *license and what it points
     * to, never NULL, are valid during the call only; copy what is to be kept. NULL with
     * commit or alone: the store can be backed up and listed only.
     */
    wmlb_hresult (*put)(void *ctx, const struct wmlb_store_license *license);
    /**
     * Puts all that was staged in place: all, or, when it fails, nothing. Licenses of which
     * none was staged stay. Called once at the most, also when nothing was staged.
     */
    wmlb_hresult (*commit)(void *ctx);
    /**
     * Ends what open began: called once after each open that succeeded, whatever comes
     * between. If it was for writing and there was no commit, or that failed, drop what was
     * staged.
     */
    void (*close)(void *ctx);
} wmlb_store_ops;

/**
 * 0x00000000: the call succeeded.
 */
#define WMLB_S_OK 0

/**
 * 0x00000001: the call succeeded, and there was nothing to do or to report.
 */
#define WMLB_S_FALSE 1

/**
 * 0x80004001: this build of the library leaves the function out.
 */
#define WMLB_E_NOTIMPL -2147467263

/**
 * 0x80004003: a pointer that is needed is NULL.
 */
#define WMLB_E_POINTER -2147467261

/**
 * 0x80004005: an error for which there is no better code; the words say more.
 */
#define WMLB_E_FAIL -2147467259

/**
 * 0x8000FFFF: a defect of the library; please report it with the words.
 */
#define WMLB_E_UNEXPECTED -2147418113

/**
 * 0x8000000E: the call is not allowed at this time or for this restorer.
 */
#define WMLB_E_ILLEGAL_METHOD_CALL -2147483634

/**
 * 0x80070005: permission denied, or a file of a kind that is left alone.
 */
#define WMLB_E_ACCESSDENIED -2147024891

/**
 * 0x80070006: the handle is NULL, released, made up, or from before a fork.
 */
#define WMLB_E_HANDLE -2147024890

/**
 * 0x8007000E: memory or threads have run out.
 */
#define WMLB_E_OUTOFMEMORY -2147024882

/**
 * 0x80070057: an argument has a value that is not allowed.
 */
#define WMLB_E_INVALIDARG -2147024809

/**
 * 0x80070020, HRESULT_FROM_WIN32(ERROR_SHARING_VIOLATION): a license or folder kept
 * changing, or was removed, while it was read; or a restore into the store is running.
 */
#define WMLB_E_SHARING_VIOLATION -2147024864

/**
 * 0x8007007A, HRESULT_FROM_WIN32(ERROR_INSUFFICIENT_BUFFER): the buffer is too small;
 * the size that is needed was written.
 */
#define WMLB_E_INSUFFICIENT_BUFFER -2147024774

/**
 * 0x80070102, HRESULT_FROM_WIN32(WAIT_TIMEOUT): the operation still runs.
 */
#define WMLB_E_TIMEOUT -2147024638

/**
 * 0xC00D2712: the license store failed.
 */
#define WMLB_NS_E_DRM_LICENSE_STORE_ERROR -1072879854

/**
 * 0xC00D2714: a license could not be saved in the store.
 */
#define WMLB_NS_E_DRM_LICENSE_STORE_SAVE_ERROR -1072879852

/**
 * 0xC00D2718: a license is not valid.
 */
#define WMLB_NS_E_DRM_INVALID_LICENSE -1072879848

/**
 * 0xC00D2728: the backup is from another device, and the flag
 * WMLB_RESTORE_INDIVIDUALIZE was not given.
 */
#define WMLB_NS_E_DRM_NEEDS_INDIVIDUALIZATION -1072879832

/**
 * 0xC00D272D: the backup or restore failed.
 */
#define WMLB_NS_E_BACKUP_RESTORE_FAILURE -1072879827

/**
 * 0xC00D2742: a backup file exists, and WMLB_BACKUP_OVERWRITE was not given.
 */
#define WMLB_NS_E_DRM_BACKUP_EXISTS -1072879806

/**
 * 0xC00D2743: the backup file is damaged or truncated.
 */
#define WMLB_NS_E_DRM_BACKUP_CORRUPT -1072879805

/**
 * 0xC00D2744: an operation is running on this restorer.
 */
#define WMLB_NS_E_DRM_BACKUPRESTORE_BUSY -1072879804

/**
 * 0xC00D2745: the file is not a backup file, or one of a newer version.
 */
#define WMLB_NS_E_BACKUP_RESTORE_BAD_DATA -1072879803

/**
 * 0xC00D2749: there is no property of this name.
 */
#define WMLB_NS_E_DRM_INVALID_PROPERTY -1072879799

/**
 * 0xC00D2751: the passphrase or identity is wrong or missing.
 */
#define WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD -1072879791

/**
 * 0xC00D2753: the host's authorizer refused the restore.
 */
#define WMLB_NS_E_DRM_RESTORE_FRAUD -1072879789

/**
 * 0xC00D275F: the backup was made, but without the licenses that could not be
 * read (WMLB_BACKUP_PARTIAL). It comes with the END event, though it is negative: a
 * backup with this result is there and whole, and nothing was said to
 * wmlb_get_last_error().
 */
#define WMLB_NS_E_DRM_STORE_NOTALLSTORED -1072879777

/**
 * 0xC00D2764: a property that the operation needs is not set.
 */
#define WMLB_NS_E_DRM_NOT_CONFIGURED -1072879772

/**
 * 0xC00D2768: the operation was cancelled.
 */
#define WMLB_NS_E_DRM_OPERATION_CANCELED -1072879768

/**
 * 0xC00D2782: the license store is missing or is not a store.
 */
#define WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE -1072879742

/**
 * 0xC00D2783: the license store is damaged.
 */
#define WMLB_NS_E_DRM_DATASTORE_CORRUPT -1072879741

/**
 * 0xC00D2846: the service that authorizes restores cannot be reached.
 */
#define WMLB_NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE -1072879546



























#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Sets the function that is asked before a restore; NULL for none. A running restore
 * keeps what it started with.
 *
 * authorizer: see wmlb_authorizer_callback. ctx: passed to it, and not touched
 * otherwise; it must live as long as the function is set and a restore may run.
 *
 * Returns WMLB_S_OK or WMLB_E_HANDLE.
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_set_authorizer(struct wmlb_restorer *restorer,
                                          wmlb_authorizer_callback authorizer,
                                          void *ctx);

/**
 * The handle of the default restorer, which the functions without a handle act on.
 * Every function that takes a handle takes it too. It is never released, and in a
 * child after fork the default restorer is a new one.
 *
 * Returns the handle; NULL only when memory has run out.
 * Any thread; also in a callback.
 */
struct wmlb_restorer *wmlb_default_restorer(void);

/**
 * Starts a backup on the default restorer. Set the property BackupPath first. flags,
 * callback, user_data, events and results are those of
 * wmlb_restorer_backup_licenses().
 */
wmlb_hresult wmlb_backup_licenses(uint32_t flags,
                                  wmlb_status_callback callback,
                                  void *user_data);

/**
 * As wmlb_restorer_cancel_license_backup(), on the default restorer.
 */
wmlb_hresult wmlb_cancel_license_backup(void);

/**
 * Starts a restore on the default restorer. Set the property RestorePath first. flags,
 * callback, user_data, events and results are those of
 * wmlb_restorer_restore_licenses().
 */
wmlb_hresult wmlb_restore_licenses(uint32_t flags,
                                   wmlb_status_callback callback,
                                   void *user_data);

/**
 * As wmlb_restorer_cancel_license_restore(), on the default restorer.
 */
wmlb_hresult wmlb_cancel_license_restore(void);

/**
 * As wmlb_restorer_wait(), on the default restorer.
 */
wmlb_hresult wmlb_wait(uint32_t timeout_ms, wmlb_hresult *result);

/**
 * As wmlb_restorer_set_prop(), on the default restorer.
 */
wmlb_hresult wmlb_set_prop(const char *name,
                           int32_t type,
                           const uint8_t *value,
                           size_t value_len);

/**
 * As wmlb_restorer_get_prop_by_name(), on the default restorer.
 */
wmlb_hresult wmlb_get_prop_by_name(const char *name,
                                   int32_t *type,
                                   uint8_t *value,
                                   size_t *value_len);

/**
 * As wmlb_restorer_get_prop_count(), on the default restorer.
 */
wmlb_hresult wmlb_get_prop_count(size_t *count);

/**
 * As wmlb_restorer_get_prop_by_index(), on the default restorer.
 */
wmlb_hresult wmlb_get_prop_by_index(size_t index,
                                    char *name,
                                    size_t *name_len,
                                    int32_t *type,
                                    uint8_t *value,
                                    size_t *value_len);

/**
 * As wmlb_restorer_remove_prop(), on the default restorer.
 */
wmlb_hresult wmlb_remove_prop(const char *name);

/**
 * As wmlb_restorer_remove_all_props(), on the default restorer.
 */
wmlb_hresult wmlb_remove_all_props(void);

/**
 * As wmlb_restorer_set_backup_path(), on the default restorer.
 */
wmlb_hresult wmlb_set_backup_path(const char *path);

/**
 * As wmlb_restorer_set_restore_path(), on the default restorer.
 */
wmlb_hresult wmlb_set_restore_path(const char *path);

/**
 * As wmlb_restorer_set_store_path(), on the default restorer.
 */
wmlb_hresult wmlb_set_store_path(const char *path);

/**
 * As wmlb_restorer_get_last_error(), on the default restorer.
 */
wmlb_hresult wmlb_get_last_error(char *buffer, size_t *len);

/**
 * Finds the stores of licenses that players have made for this user, and calls callback
 * for each, on this thread; returns when all were told. It needs no restorer and changes
 * nothing. To back one up, set its path as the property StorePath.
 *
 * It looks where browsers made from Chromium, Firefox, Kodi, Thorium and PlayReady on RDK
 * keep them by default, below $HOME (without it: the user's home in the password
 * database), and where $XDG_CONFIG_HOME, $XDG_DATA_HOME, $CHROME_CONFIG_HOME,
 * $CHROME_USER_DATA_DIR, $KODI_DATA and $WMLB_STORE_PATH point to. A place that was chosen
 * on a player's command line is not known to it. Names, links and small files of settings
 * are all it reads, and no license.
 *
 * The order is always the same: by player, then by profile. A store that is reached by
 * several paths is told once. What cannot be read is passed over, and so is a store whose
 * path is not UTF-8, as StorePath cannot name it.
 *
 * callback: see wmlb_store_callback. user_data: passed to callback, and not touched
 * otherwise.
 *
 * Returns WMLB_S_OK, also when there is no store; the negative value that callback
 * returned; or WMLB_E_INVALIDARG (callback is NULL).
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_discover_stores(wmlb_store_callback callback,
                                  void *user_data);

/**
 * Lists the licenses in the store (property StorePath): calls callback for each, on
 * this thread, in the order of their names, and returns when all were told. It reads
 * the beginning of each, of packages also the end: 1 MiB at the most.
 *
 * After a database of Chromium's (tables cdm_storage, versions 1 and 2, or licenses) the
 * licenses in it are told, one a row, as they were at one moment: name is that of the
 * database, "/", the row's storage_key (in "licenses" there is none) and "/", the CDM as 32
 * hexadecimal digits and "/", the row's file_name; format is "opaque", size that of the
 * data, and modified INT64_MIN where the row does not say. In a backup they are not told:
 * it holds the database.
 *
 * Of a store that the host keeps itself (wmlb_restorer_set_store()) it lists the licenses
 * in the order that next gives them in, and calls its functions on this thread.
 *
 * callback: see wmlb_license_callback. user_data: passed to callback, and not touched
 * otherwise.
 *
 * Returns WMLB_S_OK; the negative value that callback returned; WMLB_E_HANDLE;
 * WMLB_E_INVALIDARG (callback is NULL); WMLB_NS_E_DRM_NOT_CONFIGURED (there is no
 * StorePath); WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE;
 * WMLB_NS_E_DRM_BACKUPRESTORE_BUSY and WMLB_NS_E_DRM_DATASTORE_CORRUPT, as for
 * wmlb_restorer_backup_licenses(); or
 * WMLB_HRESULT_FROM_WIN32(code) (something in it cannot be listed or read, or
 * keeps changing). Of a host's store: the negative value that one of its functions
 * returned; WMLB_NS_E_DRM_INVALID_LICENSE or WMLB_E_POINTER (what next gave is not as it
 * should be); or WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (an operation, or another enumeration, is
 * using it).
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_enumerate_store(struct wmlb_restorer *restorer,
                                           wmlb_license_callback callback,
                                           void *user_data);

/**
 * Lists the licenses in the backup file (property RestorePath), as
 * wmlb_restorer_enumerate_store() those in the store. The file is checked on the way:
 * when damage is found, licenses before it were told already.
 *
 * Returns WMLB_S_OK; the negative value that callback returned; WMLB_E_HANDLE;
 * WMLB_E_INVALIDARG (callback is NULL); WMLB_NS_E_DRM_NOT_CONFIGURED (RestorePath is
 * not set); WMLB_NS_E_DRM_BACKUP_CORRUPT, WMLB_NS_E_BACKUP_RESTORE_BAD_DATA,
 * WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD, WMLB_HRESULT_FROM_WIN32(50),
 * WMLB_E_OUTOFMEMORY or WMLB_E_NOTIMPL, as for wmlb_restorer_restore_licenses(); or
 * WMLB_HRESULT_FROM_WIN32(code) (the file cannot be read).
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_enumerate_backup(struct wmlb_restorer *restorer,
                                            wmlb_license_callback callback,
                                            void *user_data);

/**
 * Version of the library that is loaded, such as "1.0.0". Compare with
 * WMLB_VERSION, which is that of the header.
 *
 * Returns a static string. Any thread; also in a callback.
 */
const char *wmlb_version(void);

/**
 * Version of the interface that the loaded library has. A program that was built
 * with a header of the same WMLB_ABI_VERSION can use it.
 *
 * Any thread; also in a callback.
 */
uint32_t wmlb_abi_version(void);

/**
 * Name of a result code as the Windows SDKs have it, such as
 * "NS_E_DRM_BACKUP_EXISTS"; "unknown" for a value that has none.
 *
 * Returns a static string, for any value. Any thread; also in a callback.
 */
const char *wmlb_hresult_name(wmlb_hresult hr);

/**
 * A sentence in English for a result code. The ERROR event and
 * wmlb_get_last_error() say more: they name the path and the cause.
 *
 * Returns a static string, for any value. Any thread; also in a callback.
 */
const char *wmlb_hresult_message(wmlb_hresult hr);

/**
 * Name of a status value as the Windows SDKs have it, such as
 * "WMT_BACKUPRESTORE_BEGIN"; "WMLB_PROGRESS" and "WMLB_LICENSE_SKIPPED" for the two
 * that they do not have; "unknown" for a value that has none.
 *
 * Returns a static string, for any value. Any thread; also in a callback.
 */
const char *wmlb_status_name(int32_t status);

/**
 * Starts a backup: saves copies of the licenses in the store (property StorePath)
 * in the file licenses.wmlb in the folder that the property BackupPath names. The
 * folder is created when it is missing.
 *
 * flags: 0, or WMLB_BACKUP_* joined by |. callback: is told how it goes; see
 * wmlb_status_callback. user_data: passed to callback, and not touched otherwise.
 *
 * The function checks what can be checked at once and returns; the backup then runs
 * on its own thread. If it returned WMLB_S_OK, callback is called with
 * WMLB_STATUS_BACKUPRESTORE_BEGIN and later, as the last event, with either
 * WMLB_STATUS_BACKUPRESTORE_END or WMLB_STATUS_ERROR. If it returned a failure,
 * callback is not called at all. Events may come before the function has returned.
 *
 * With wmlb_restorer_set_store() the store is one that the host keeps itself, and
 * StorePath does not count; here and in a restore.
 *
 * With the property Passphrase or Recipients the file is encrypted: an age file (version
 * 1) around what it holds otherwise.
 *
 * A SQLite database in the store is saved as a snapshot of one moment, made by SQLite, while
 * other programs go on writing to it; what lies beside it (-journal, -wal, -shm) is in the
 * snapshot and no license of its own. As long as it takes, the snapshot lies in a hidden
 * file in the backup folder; of an encrypted backup, in $XDG_CACHE_HOME/wmlb, else
 * ~/.cache/wmlb. A program that has such a database open itself, through another copy of
 * SQLite than this library's, must close it first: to read a file ends the locks that its
 * own process has on it.
 *
 * Until the backup file takes its name, in one step, nothing is changed that was
 * there before: whatever fails, an earlier backup file is as it was.
 *
 * Returns, checked in this order:
 * WMLB_E_HANDLE;
 * WMLB_E_INVALIDARG (callback is NULL, or there is an unknown flag);
 * WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (an operation is running);
 * WMLB_NS_E_DRM_NOT_CONFIGURED (BackupPath is not set, or there is no StorePath);
 * WMLB_E_INVALIDARG (Passphrase and Recipients are both set);
 * WMLB_NS_E_DRM_BACKUP_EXISTS (there is a backup file, and flags do not have
 * WMLB_BACKUP_OVERWRITE);
 * WMLB_E_ACCESSDENIED (licenses.wmlb is a link, a folder or a device);
 * WMLB_HRESULT_FROM_WIN32(code) (the folder cannot be examined; 267 when BackupPath is
 * or leads through a file);
 * WMLB_E_OUTOFMEMORY (no thread can be started).
 *
 * Failures that the last event tells, besides those of the system:
 * WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE (there is no store at StorePath);
 * WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (another program has kept a database locked for 5
 * seconds);
 * WMLB_NS_E_DRM_DATASTORE_CORRUPT (a database is damaged);
 * WMLB_E_NOTIMPL (a database is in use, and this build has no SQLite);
 * WMLB_NS_E_DRM_OPERATION_CANCELED;
 * WMLB_E_SHARING_VIOLATION (a license or folder kept changing while it was read, or a
 * restore into the store is running);
 * of a host's store: the negative value that one of its functions returned;
 * WMLB_NS_E_DRM_INVALID_LICENSE or WMLB_E_POINTER (what next gave is not as it should be,
 * see wmlb_store_ops); WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (an enumeration is using it);
 * WMLB_NS_E_DRM_BACKUP_EXISTS (a backup file has appeared meanwhile);
 * WMLB_NS_E_DRM_BACKUP_CORRUPT (with WMLB_BACKUP_VERIFY: what was read back is not
 * what was written);
 * WMLB_E_OUTOFMEMORY (also: less than the 128 MiB that Passphrase takes).
 *
 * Any thread; in a callback of the same restorer it is busy.
 */
wmlb_hresult wmlb_restorer_backup_licenses(struct wmlb_restorer *restorer,
                                           uint32_t flags,
                                           wmlb_status_callback callback,
                                           void *user_data);

/**
 * Cancels the running backup: asks it to end and returns at once. The last event
 * then is WMLB_STATUS_ERROR with WMLB_NS_E_DRM_OPERATION_CANCELED, or
 * WMLB_STATUS_BACKUPRESTORE_END if the backup file had its name already.
 *
 * Returns WMLB_S_OK, WMLB_S_FALSE (no backup is running), or WMLB_E_HANDLE.
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_cancel_license_backup(struct wmlb_restorer *restorer);

/**
 * Starts a restore: brings the licenses in the backup file (property RestorePath: the
 * folder that BackupPath was, or the file itself) back into the store (property
 * StorePath), all or none.
 *
 * The whole file is read and checked before anything in the store is touched; then all
 * licenses take their places. Whatever fails, or a cancel, puts everything back; after
 * a kill the next operation on the store does. A license that the store has already
 * stays if it is equal; if it differs it stays too and is reported with
 * WMLB_STATUS_LICENSE_SKIPPED, hr WMLB_HRESULT_FROM_WIN32(80), unless flags have
 * WMLB_RESTORE_OVERWRITE.
 *
 * A SQLite database is compared by what it holds, and replaced whole; what lay beside the
 * old one (-journal, -wal, -shm) goes with it. One that another program has open, as far as
 * locks tell, is not touched, nor is what belongs to Chromium or Firefox while they run. A
 * backup of one database goes to the file that StorePath names, whatever its name, or into
 * the folder there.
 *
 * flags: 0, or WMLB_RESTORE_* joined by |. callback, user_data: as for
 * wmlb_restorer_backup_licenses(). Before WMLB_STATUS_BACKUPRESTORE_BEGIN there are
 * WMLB_STATUS_BACKUPRESTORE_CONNECTING and, when the secret has opened an encrypted
 * file and the authorizer has agreed, WMLB_STATUS_BACKUPRESTORE_DISCONNECTING. The
 * number of licenses is not known before the last one was read.
 *
 * Returns, checked in this order:
 * WMLB_E_HANDLE;
 * WMLB_E_INVALIDARG (callback is NULL, or there is an unknown flag);
 * WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (an operation is running);
 * WMLB_NS_E_DRM_NOT_CONFIGURED (RestorePath is not set, or there is no StorePath);
 * WMLB_E_NOTIMPL (the host's store has no put or no commit);
 * WMLB_E_OUTOFMEMORY (no thread can be started).
 *
 * Failures that the last event tells, besides those of the system:
 * WMLB_NS_E_DRM_BACKUP_CORRUPT (the file is damaged or truncated);
 * WMLB_NS_E_BACKUP_RESTORE_BAD_DATA (it is no backup file, or of a newer version);
 * WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD (it is encrypted, and Passphrase or
 * Identities, whichever it takes, is not set or another. Damage of the few lines that
 * hold its key cannot be told from that; any other damage is, if the secret is right);
 * WMLB_HRESULT_FROM_WIN32(50) (a passphrase encrypts it with more work than this library
 * does, the factor 18: the passphrase was not tried. The age command can open it);
 * WMLB_E_OUTOFMEMORY (also: less than the 128 or 256 MiB that its passphrase takes);
 * WMLB_E_NOTIMPL (it is encrypted, and this build has no encryption);
 * what the authorizer answered, with WMLB_STATUS_ERROR_WITHURL if it gave an address;
 * WMLB_NS_E_DRM_NEEDS_INDIVIDUALIZATION (it is from another device, and flags do not
 * have WMLB_RESTORE_INDIVIDUALIZE);
 * WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE (StorePath cannot be a store, or is a file and
 * the backup not that of one database);
 * WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (a database in the store is in use, or the player whose
 * store it is is running);
 * WMLB_E_ACCESSDENIED (with WMLB_RESTORE_OVERWRITE: a link, folder or special file is
 * in the way of a license);
 * WMLB_E_SHARING_VIOLATION (the store was changed meanwhile,
 * or another restore into it is running);
 * of a host's store what is said there of a backup, and WMLB_E_OUTOFMEMORY (also: for a
 * license as a whole, which put takes in one piece);
 * WMLB_NS_E_DRM_OPERATION_CANCELED;
 * WMLB_NS_E_BACKUP_RESTORE_FAILURE (the store could not be put back as it was; the
 * next operation on it tries again).
 *
 * Any thread; in a callback of the same restorer it is busy.
 */
wmlb_hresult wmlb_restorer_restore_licenses(struct wmlb_restorer *restorer,
                                            uint32_t flags,
                                            wmlb_status_callback callback,
                                            void *user_data);

/**
 * Cancels the running restore, as wmlb_restorer_cancel_license_backup() does a backup.
 *
 * Returns WMLB_S_OK, WMLB_S_FALSE (no restore is running), or WMLB_E_HANDLE.
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_cancel_license_restore(struct wmlb_restorer *restorer);

/**
 * Starts a verification: reads the backup file (property RestorePath) and makes every
 * check that a restore makes, but touches no store. It makes the events of a backup;
 * the words of a failure say where the damage is and which licenses it touches.
 *
 * flags: 0. callback, user_data: as for wmlb_restorer_backup_licenses().
 *
 * Returns, checked in this order:
 * WMLB_E_HANDLE;
 * WMLB_E_INVALIDARG (callback is NULL, or flags are not 0);
 * WMLB_NS_E_DRM_BACKUPRESTORE_BUSY (an operation is running);
 * WMLB_NS_E_DRM_NOT_CONFIGURED (RestorePath is not set);
 * WMLB_E_OUTOFMEMORY (no thread can be started).
 *
 * Failures that the last event tells, besides those of the system:
 * WMLB_NS_E_DRM_BACKUP_CORRUPT, WMLB_NS_E_BACKUP_RESTORE_BAD_DATA,
 * WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD, WMLB_HRESULT_FROM_WIN32(50),
 * WMLB_E_OUTOFMEMORY, WMLB_E_NOTIMPL and WMLB_NS_E_DRM_OPERATION_CANCELED, as for
 * wmlb_restorer_restore_licenses().
 *
 * Any thread; in a callback of the same restorer it is busy.
 */
wmlb_hresult wmlb_restorer_verify_backup(struct wmlb_restorer *restorer,
                                         uint32_t flags,
                                         wmlb_status_callback callback,
                                         void *user_data);

/**
 * Cancels whatever operation is running, as wmlb_restorer_cancel_license_backup()
 * does a backup.
 *
 * Returns WMLB_S_OK, WMLB_S_FALSE (none is running), or WMLB_E_HANDLE.
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_cancel(struct wmlb_restorer *restorer);

/**
 * Waits until the running operation has made its last event and its thread has
 * ended. Writes the result of the last operation to *result: the hr of its last
 * event. With no operation running it returns at once, any number of times. If the
 * restorer is released meanwhile, the operation's end is waited for all the same.
 *
 * timeout_ms: milliseconds; 0 only looks, UINT32_MAX waits without limit.
 *
 * Returns WMLB_S_OK, WMLB_S_FALSE (there was no operation yet; *result is as it
 * was), WMLB_E_TIMEOUT (*result is as it was), WMLB_E_HANDLE, WMLB_E_POINTER (result is NULL), or
 * WMLB_E_ILLEGAL_METHOD_CALL (in a callback, of this or another restorer).
 * Any thread.
 */
wmlb_hresult wmlb_restorer_wait(struct wmlb_restorer *restorer,
                                uint32_t timeout_ms,
                                wmlb_hresult *result);

/**
 * Writes to *out how far the running operation is, or how far the last one came.
 * Set out->struct_size to sizeof(wmlb_progress) before the call.
 *
 * Returns WMLB_S_OK, WMLB_E_HANDLE, WMLB_E_POINTER (out is NULL), or
 * WMLB_E_INVALIDARG (struct_size is too small for itself).
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_get_progress(struct wmlb_restorer *restorer,
                                        struct wmlb_progress *out);

/**
 * Sets a property. A running operation keeps the values it started with.
 *
 * name: one of WMLB_PROP_*, matched exactly. type: WMLB_TYPE_STRING or
 * WMLB_TYPE_DWORD, as the property has it. value: a string in UTF-8, with or without
 * a NUL at its end, or a uint32_t in the machine's byte order; it is copied.
 * value_len: its bytes, a NUL included if there is one.
 *
 * Returns WMLB_S_OK; WMLB_E_HANDLE; WMLB_E_POINTER (name or value is NULL);
 * WMLB_NS_E_DRM_INVALID_PROPERTY (there is no property of this name);
 * WMLB_E_INVALIDARG (another type than the property's, an empty path or passphrase, a
 * NUL inside the string, invalid UTF-8, a number out of range, more than 1 MiB, a line
 * that is no recipient or identity: the words say which line, and never show it); or
 * WMLB_E_NOTIMPL (Passphrase, Recipients and Identities, in a build without
 * encryption).
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_set_prop(struct wmlb_restorer *restorer,
                                    const char *name,
                                    int32_t type,
                                    const uint8_t *value,
                                    size_t value_len);

/**
 * Reads a property: call it with value NULL to learn the size, and again with a
 * buffer of that size.
 *
 * name: one of WMLB_PROP_*. *type receives the type of the property. value: NULL, or
 * a buffer of *value_len bytes. *value_len receives the size of the value in bytes,
 * the NUL of a string included. A property that is not set gives its default.
 *
 * Returns WMLB_S_OK; WMLB_S_FALSE (it is not set and has no default: the size is 0,
 * and *type is written); WMLB_E_ACCESSDENIED (Passphrase and Identities are
 * write-only); WMLB_E_HANDLE; WMLB_E_POINTER (name, type or value_len is NULL);
 * WMLB_NS_E_DRM_INVALID_PROPERTY (there is no property of this name); or
 * WMLB_E_INSUFFICIENT_BUFFER (the buffer is too small; only *value_len is
 * written).
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_get_prop_by_name(struct wmlb_restorer *restorer,
                                            const char *name,
                                            int32_t *type,
                                            uint8_t *value,
                                            size_t *value_len);

/**
 * Writes to *count how many properties are set.
 *
 * Returns WMLB_S_OK, WMLB_E_HANDLE, or WMLB_E_POINTER (count is NULL).
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_get_prop_count(struct wmlb_restorer *restorer,
                                          size_t *count);

/**
 * Reads one of the properties that are set: as wmlb_restorer_get_prop_by_name(), and
 * its name too. Their order is fixed; setting and removing shifts the indexes.
 *
 * index: 0 to the count less one. name: NULL, or a buffer of *name_len bytes.
 * *name_len receives the size of the name, its NUL included. The rest as there.
 *
 * Returns WMLB_S_OK; WMLB_E_HANDLE; WMLB_E_POINTER (name_len, type or value_len is
 * NULL); WMLB_E_INVALIDARG (index is too large; nothing is written);
 * WMLB_E_ACCESSDENIED (the property is write-only); or WMLB_E_INSUFFICIENT_BUFFER (a
 * buffer is too small; only the two sizes are written).
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_get_prop_by_index(struct wmlb_restorer *restorer,
                                             size_t index,
                                             char *name,
                                             size_t *name_len,
                                             int32_t *type,
                                             uint8_t *value,
                                             size_t *value_len);

/**
 * Removes a property: what holds then is its default.
 *
 * Returns WMLB_S_OK, WMLB_S_FALSE (it was not set), WMLB_E_HANDLE, WMLB_E_POINTER
 * (name is NULL), or WMLB_NS_E_DRM_INVALID_PROPERTY.
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_remove_prop(struct wmlb_restorer *restorer,
                                       const char *name);

/**
 * Removes all properties.
 *
 * Returns WMLB_S_OK or WMLB_E_HANDLE.
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_remove_all_props(struct wmlb_restorer *restorer);

/**
 * Sets the property BackupPath to a NUL-terminated string; returns what
 * wmlb_restorer_set_prop() does.
 */
wmlb_hresult wmlb_restorer_set_backup_path(struct wmlb_restorer *restorer,
                                           const char *path);

/**
 * Sets the property RestorePath to a NUL-terminated string; returns what
 * wmlb_restorer_set_prop() does.
 */
wmlb_hresult wmlb_restorer_set_restore_path(struct wmlb_restorer *restorer,
                                            const char *path);

/**
 * Sets the property StorePath to a NUL-terminated string; returns what
 * wmlb_restorer_set_prop() does.
 */
wmlb_hresult wmlb_restorer_set_store_path(struct wmlb_restorer *restorer,
                                          const char *path);

/**
 * Creates a restorer and writes its handle to *out. Give it back with
 * wmlb_restorer_release(). A program that needs only one can use the default
 * restorer instead, through the functions that take no handle.
 *
 * Returns WMLB_S_OK, or WMLB_E_POINTER (out is NULL).
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_create(struct wmlb_restorer **out);

/**
 * Releases a restorer: its handle is not valid any more. A running operation is
 * cancelled; its last event is still delivered (END, if the cancel came too late), and
 * the function returns when its thread has ended. After that the callback is not called again, and what user_data
 * points to may be freed.
 *
 * In a callback of the same restorer it returns at once, and no further event
 * comes, not even the last one.
 *
 * Returns WMLB_S_OK, WMLB_E_HANDLE, or WMLB_E_ILLEGAL_METHOD_CALL (it is the
 * default restorer, which stays).
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_release(struct wmlb_restorer *restorer);

/**
 * Reads the words for the restorer's last failed call or operation: what was
 * tried, on which path, and the chain of causes, joined by ": ". "" when nothing
 * has failed yet. Call it with buffer NULL to learn the size, and again with a
 * buffer of that size; other threads may change the words in between.
 *
 * buffer: NULL, or a buffer of *len bytes. *len receives the size of the string, its
 * NUL included.
 *
 * The words are kept with the restorer, not with the thread. A success does not
 * change them, nor does a failure of this function.
 *
 * Returns WMLB_S_OK, WMLB_E_HANDLE, WMLB_E_POINTER (len is NULL), or
 * WMLB_E_INSUFFICIENT_BUFFER (the buffer is too small; only *len is written).
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_get_last_error(struct wmlb_restorer *restorer,
                                          char *buffer,
                                          size_t *len);

/**
 * Sets the function that is asked of each license in a backup; NULL for none. A running
 * backup keeps what it started with.
 *
 * rights: see wmlb_rights_callback. ctx: passed to it, and not touched otherwise; it
 * must live as long as the function is set and a backup may run.
 *
 * Returns WMLB_S_OK or WMLB_E_HANDLE.
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_set_rights(struct wmlb_restorer *restorer,
                                      wmlb_rights_callback rights,
                                      void *ctx);

/**
 * Sets a store that the host keeps itself, in place of the one at StorePath, for backup,
 * restore and wmlb_restorer_enumerate_store() on this restorer; NULL for none: StorePath
 * counts again. What is running keeps what it started with. While one is set StorePath is
 * not looked at, and need not be there.
 *
 * ops: the functions, see wmlb_store_ops; copied. ctx: passed to them, and not touched
 * otherwise. The functions and ctx must live as long as they are set, and until operations
 * and enumerations that started with them have ended: after wmlb_restorer_wait() or, from
 * another thread, wmlb_restorer_release() they are not called again.
 *
 * A restore to a store whose put or commit is NULL is refused with WMLB_E_NOTIMPL.
 *
 * Returns WMLB_S_OK; WMLB_E_HANDLE; WMLB_E_INVALIDARG (ops->struct_size is less than
 * sizeof(wmlb_store_ops)); or WMLB_E_POINTER (open, next or close is NULL).
 * Any thread; also in a callback.
 */
wmlb_hresult wmlb_restorer_set_store(struct wmlb_restorer *restorer,
                                     const struct wmlb_store_ops *ops,
                                     void *ctx);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* WMLB_H */
