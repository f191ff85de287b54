/**
 * \file
 * libwmlb backs up the media licenses that a player holds into one file, and restores them, with
 * the flags, property names, status values and result codes of the backup restorer object of the
 * Windows Media Format SDK. It never decrypts a license.
 *
 *     static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t type,
 *                                   const uint8_t *value, size_t len, void *user_data)
 *     {
 *         if (status == WMLB_STATUS_ERROR)
 *             fprintf(stderr, "%.*s\n", (int)len, (const char *)value);
 *         return WMLB_S_OK;
 *     }
 *
 *     wmlb_hresult result = WMLB_E_FAIL;
 *     wmlb_hresult hr = wmlb_set_store_path("/home/me/.local/share/player/licenses");
 *     if (WMLB_SUCCEEDED(hr))
 *         hr = wmlb_set_backup_path("/media/stick");
 *     if (WMLB_SUCCEEDED(hr))
 *         hr = wmlb_backup_licenses(0, on_status, NULL);     // starts it
 *     if (WMLB_SUCCEEDED(hr))
 *         hr = wmlb_wait(UINT32_MAX, &result);               // waits for its end
 *     if (WMLB_SUCCEEDED(hr))
 *         hr = result;                                       // how it ended
 *
 * Contents, in the order of a restorer's life: result codes; restorers; properties; events;
 * operations (start, cancel, wait, progress); events that are fetched; messages of errors; lists of
 * licenses; what differs between a store and a backup; backups and their generations; what a host
 * may decide (rights, restores, a store and a target of its own); the end of a restorer. Then: the
 * default restorer, the license stores of players, names and versions.
 *
 * The life of an operation:
 * - A call starts it: the call checks its arguments and returns at once.
 * - It runs on a thread of its own, named "wmlb", and reports events to the callback. (With
 *   WMLB_RUN_HERE it runs on the calling thread, and the call returns its result.)
 * - If the starting call returned WMLB_S_OK, there is exactly one last event: BACKUPRESTORE_END,
 *   ERROR or ERROR_WITHURL. If it failed, there is no event.
 * - After the callback has returned from the last event, the restorer is idle, and user_data is
 *   not touched again.
 * - There is no thread before an operation starts, and none after wmlb_wait(),
 *   wmlb_restorer_wait() or wmlb_restorer_release() has returned.
 *
 * Threads: every function may be called from any thread at any time; wmlb_status_callback says what
 * holds in callbacks. Only wmlb_wait(), wmlb_restorer_wait() and wmlb_restorer_release() wait for
 * operations. Never call them on a thread that the callback waits for, such as the main thread of a
 * window or of an interpreter: each would wait for the other forever.
 *
 * Signal handlers: no function may be called in a signal handler, since the thread that it
 * interrupts may be inside the library.
 *
 * The end of the process: wait for a running operation, or release its restorer, before anything
 * that the callback needs is torn down. Python, for example, ends the process with a signal when
 * one of its callbacks runs while it exits.
 *
 * Memory: arguments are copied before a call returns, and must not change until then. The library
 * hands out no memory that must be freed. If memory runs out, calls and operations end with
 * WMLB_E_OUTOFMEMORY, and the process goes on.
 *
 * Strings are UTF-8 and end in a NUL. Relative paths count from the working directory at the start
 * of an operation.
 *
 * Errors: every function that can fail returns a wmlb_hresult. wmlb_get_last_error() and the ERROR
 * event have the message, which names the path and the cause. Output parameters are written only on
 * success. Exceptions: sizes are written with WMLB_E_INSUFFICIENT_BUFFER too, and a handle is set
 * to NULL on failure. The compiler warns if a result that must be checked is ignored (see
 * WMLB_NODISCARD).
 *
 * The host: the library prints nothing, logs nothing, and leaves the environment, the signal
 * handlers and the working directory alone. After a call, errno has no meaning. dlclose() does not
 * unload the library. In a child after fork() there is no operation, and handles from before the
 * fork get WMLB_E_HANDLE. In a program that runs with privileges beyond the user's (set-user-ID,
 * file capabilities), environment variables count as not set.
 */

#ifndef WMLB_H
#define WMLB_H

#include <stddef.h>
#include <stdint.h>

/** The version of this header. */
#define WMLB_VERSION_MAJOR 1
#define WMLB_VERSION_MINOR 0
#define WMLB_VERSION_PATCH 0
#define WMLB_VERSION "1.0.0"

/**
 * Marks the functions whose result must not be ignored. Functions that only end something do not
 * have it: wmlb_restorer_release(), wmlb_queue_release() and the cancels. To switch the warnings
 * off, define it as nothing before you include this header.
 */
#ifndef WMLB_NODISCARD
#  if defined(__cplusplus) && __cplusplus >= 201703L
#    define WMLB_NODISCARD [[nodiscard]]
#  elif !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L
#    define WMLB_NODISCARD [[nodiscard]]
#  elif defined(__GNUC__)
#    define WMLB_NODISCARD __attribute__((warn_unused_result))
#  else
#    define WMLB_NODISCARD
#  endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Result codes --------------------------------------------------------------------------- */

/**
 * A result code with the values of a Windows HRESULT: negative is failure, 0 and above is
 * success. The library returns the codes below and, for an error of the operating system,
 * WMLB_HRESULT_FROM_WIN32(code). Callbacks may return any.
 */
typedef int32_t wmlb_hresult;

/**
 * A number as a wmlb_hresult. In C++ it is a static_cast, since compilers can warn of C's casts
 * there (-Wold-style-cast).
 */
#ifdef __cplusplus
#  define WMLB_HRESULT(number) (static_cast<wmlb_hresult>(number))
#else
#  define WMLB_HRESULT(number) ((wmlb_hresult)(number))
#endif

/** Whether a result code is a success (0 and above) or a failure (below 0). */
#define WMLB_SUCCEEDED(hr) (WMLB_HRESULT(hr) >= 0)
#define WMLB_FAILED(hr) (WMLB_HRESULT(hr) < 0)

/**
 * The result code of a Win32 error code, such as 112, ERROR_DISK_FULL: an error of the operating
 * system becomes one of these. wmlb_hresult_name() names those in use.
 */
#define WMLB_HRESULT_FROM_WIN32(code) WMLB_HRESULT(0x80070000 | (code))

/** The operation succeeded. */
#define WMLB_S_OK WMLB_HRESULT(0x00000000)

/** The operation succeeded; there was nothing to do. */
#define WMLB_S_FALSE WMLB_HRESULT(0x00000001)

/** This build of the library leaves the function out. */
#define WMLB_E_NOTIMPL WMLB_HRESULT(0x80004001)

/** A pointer that is needed is NULL. */
#define WMLB_E_POINTER WMLB_HRESULT(0x80004003)

/**
 * The operation failed. There is no better code for the error; the message of the error says
 * more.
 */
#define WMLB_E_FAIL WMLB_HRESULT(0x80004005)

/** A defect in the library ended the call. Please report it, with the message of the error. */
#define WMLB_E_UNEXPECTED WMLB_HRESULT(0x8000FFFF)

/** The call is not allowed at this time or for this restorer. */
#define WMLB_E_ILLEGAL_METHOD_CALL WMLB_HRESULT(0x8000000E)

/**
 * Access is denied. Either permission is missing, or the file is of a kind that the library does
 * not touch.
 */
#define WMLB_E_ACCESSDENIED WMLB_HRESULT(0x80070005)

/** The handle is not that of a restorer. It is NULL, released, made up, or from before a fork. */
#define WMLB_E_HANDLE WMLB_HRESULT(0x80070006)

/** Memory or threads have run out. */
#define WMLB_E_OUTOFMEMORY WMLB_HRESULT(0x8007000E)

/** An argument has a value that is not allowed. */
#define WMLB_E_INVALIDARG WMLB_HRESULT(0x80070057)

/**
 * The file kept changing while it was read. A license or folder kept changing, or was removed,
 * while it was read; or a restore into the store is running.
 */
#define WMLB_E_SHARING_VIOLATION WMLB_HRESULT(0x80070020)

/** The buffer is too small. The size that is needed was written. */
#define WMLB_E_INSUFFICIENT_BUFFER WMLB_HRESULT(0x8007007A)

/** The time-out was reached before the operation ended. */
#define WMLB_E_TIMEOUT WMLB_HRESULT(0x80070102)

/** The license store failed. */
#define WMLB_NS_E_DRM_LICENSE_STORE_ERROR WMLB_HRESULT(0xC00D2712)

/** A license could not be saved in the license store. */
#define WMLB_NS_E_DRM_LICENSE_STORE_SAVE_ERROR WMLB_HRESULT(0xC00D2714)

/** A license is not valid. */
#define WMLB_NS_E_DRM_INVALID_LICENSE WMLB_HRESULT(0xC00D2718)

/**
 * The backup was made on another device; restoring it here needs the user's agreement. The
 * agreement is the flag WMLB_RESTORE_INDIVIDUALIZE.
 */
#define WMLB_NS_E_DRM_NEEDS_INDIVIDUALIZATION WMLB_HRESULT(0xC00D2728)

/** The backup or restore failed. */
#define WMLB_NS_E_BACKUP_RESTORE_FAILURE WMLB_HRESULT(0xC00D272D)

/** A backup file exists already. WMLB_BACKUP_OVERWRITE would replace it. */
#define WMLB_NS_E_DRM_BACKUP_EXISTS WMLB_HRESULT(0xC00D2742)

/** The backup file is damaged or truncated. */
#define WMLB_NS_E_DRM_BACKUP_CORRUPT WMLB_HRESULT(0xC00D2743)

/**
 * An operation is running on this restorer already. Also: a database, its player, or the store of
 * the host is in use.
 */
#define WMLB_NS_E_DRM_BACKUPRESTORE_BUSY WMLB_HRESULT(0xC00D2744)

/** The file is not a backup file of a version this library reads. */
#define WMLB_NS_E_BACKUP_RESTORE_BAD_DATA WMLB_HRESULT(0xC00D2745)

/**
 * A property is not valid. This library does not return it: a property without a value is
 * WMLB_NS_E_DRM_NOT_CONFIGURED, an unknown one WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY.
 */
#define WMLB_NS_E_DRM_INVALID_PROPERTY WMLB_HRESULT(0xC00D2749)

/** The passphrase or identity is wrong or missing. */
#define WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD WMLB_HRESULT(0xC00D2751)

/** The restore was refused. The authorizer of the host answers with it by custom. */
#define WMLB_NS_E_DRM_RESTORE_FRAUD WMLB_HRESULT(0xC00D2753)

/** There is no property of this name. */
#define WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY WMLB_HRESULT(0xC00D275D)

/**
 * Not all licenses could be stored. The backup was made, without the licenses that could not be
 * read (WMLB_BACKUP_PARTIAL). The code comes with the END event, although it is negative: a
 * backup with this result is there and whole, and wmlb_get_last_error() says nothing of it.
 */
#define WMLB_NS_E_DRM_STORE_NOTALLSTORED WMLB_HRESULT(0xC00D275F)

/** A property that the operation needs is not set. */
#define WMLB_NS_E_DRM_NOT_CONFIGURED WMLB_HRESULT(0xC00D2764)

/** The operation was canceled. */
#define WMLB_NS_E_DRM_OPERATION_CANCELED WMLB_HRESULT(0xC00D2768)

/** The license store is missing or is not a store. */
#define WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE WMLB_HRESULT(0xC00D2782)

/** The license store is damaged. */
#define WMLB_NS_E_DRM_DATASTORE_CORRUPT WMLB_HRESULT(0xC00D2783)

/** The service that authorizes restores cannot be reached. */
#define WMLB_NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE WMLB_HRESULT(0xC00D2846)

/* ---- Restorers ------------------------------------------------------------------------------ */

/**
 * A restorer: properties, and at most one running operation. The pointer is a number that the
 * library looks up and never dereferences: NULL, released and made-up handles get WMLB_E_HANDLE,
 * and so do, in a child after fork(), handles from before it.
 */
typedef struct wmlb_restorer wmlb_restorer;

/**
 * Creates a restorer. Give it back with wmlb_restorer_release(). A program that needs only one
 * restorer can use the default restorer instead, through the functions that take no handle.
 *
 * Parameters:
 * - out: receives the handle; NULL on failure.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_POINTER: out is NULL
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD wmlb_hresult wmlb_restorer_create(struct wmlb_restorer **out);

/* ---- Properties ----------------------------------------------------------------------------- */

/* Types of values, in properties and events. */

/**
 * A uint32_t in the byte order of the machine. Also the type of an event that carries
 * no value.
 */
#define WMLB_TYPE_DWORD 0

/** A string in UTF-8. */
#define WMLB_TYPE_STRING 1

/** Bytes, or a struct that the status names. */
#define WMLB_TYPE_BINARY 2

/** A 32-bit truth value. */
#define WMLB_TYPE_BOOL 3

/** A uint64_t in the byte order of the machine. */
#define WMLB_TYPE_QWORD 4

/** A uint16_t in the byte order of the machine. */
#define WMLB_TYPE_WORD 5

/** The 16 bytes of a GUID. */
#define WMLB_TYPE_GUID 6

/* Names of properties. */

/**
 * The folder that backups are written to. A backup needs it.
 *
 * Type: string.
 */
#define WMLB_PROP_BACKUP_PATH "BackupPath"

/**
 * The folder that holds the backup file to restore, or that file itself. A restore needs it,
 * and so does everything else that reads a backup.
 *
 * Type: string.
 */
#define WMLB_PROP_RESTORE_PATH "RestorePath"

/**
 * The license store: a folder, in which every file at any depth is a license, or one SQLite
 * database. While a store is set with wmlb_restorer_set_store(), this property is not used.
 *
 * WARNING: close the host's own connections to a database in it before that is restored; see
 * wmlb_restorer_restore_licenses().
 *
 * Default: $WMLB_STORE_PATH, else $XDG_DATA_HOME/wmlb/licenses, else
 * $HOME/.local/share/wmlb/licenses. An empty variable counts as not set, and so do
 * XDG_DATA_HOME and HOME with a relative path.
 *
 * Type: string.
 */
#define WMLB_PROP_STORE_PATH "StorePath"

/**
 * The licenses that a restore, a verification and the list of a backup are about: patterns,
 * one per line. A license is chosen if any of them matches. Not set or empty: all licenses.
 *
 * - a name, in which * stands for any characters (slashes too), ? for any byte, [a-z] for
 * one of these and [!a-z] for any other; \ makes the character after it a plain one;
 * - key: and a key ID, as lists show it;
 * - license: and a license ID, as lists show it;
 * - name: and a name that begins like one of these.
 *
 * With names alone only the end of the backup file is read, and the parts that can hold such
 * names: damage anywhere else is not found. A stream is read and checked to its end. With IDs
 * a restore or a verification reads the file twice, so it must be one that can be sought in.
 * wmlb_restorer_set_filter() chooses among these licenses.
 *
 * Type: string.
 */
#define WMLB_PROP_ONLY "Only"

/**
 * What the list of a backup tells of each license: all, or names: its name, size and time.
 * Then the licenses themselves are not looked at, which takes less time: format is "opaque",
 * and nothing else is stated. For a choice by IDs or by the filter, they are looked at all the
 * same. Of a file at RestorePath, the bytes of each part are then checked by the XXH64 that
 * the file's end has of them: that finds any damage, but not every file that somebody made up.
 *
 * Type: string, "all" or "names". Default: "all".
 */
#define WMLB_PROP_DETAILS "Details"

/**
 * The passphrase of encrypted backups, not empty. While it is set, backups are encrypted with
 * it, and every operation that reads a backup opens one that was encrypted with it. Deriving
 * the key takes 128 MiB of memory and about a third of a second, which cannot be canceled.
 *
 * The property's copy is kept out of core dumps and of children after fork(), and out of swap
 * space where the system lets it (RLIMIT_MEMLOCK). It is wiped from memory when the property
 * is removed or replaced, or the restorer released, and no operation that was started with it
 * runs any more.
 *
 * Type: string, write-only.
 */
#define WMLB_PROP_PASSPHRASE "Passphrase"

/**
 * The recipients that backups are encrypted to: public keys of the age format ("age1..."), one
 * per line, at most 500. The identity of any one of them opens the backup. Backups to keys in
 * hardware ("age1tag1...") are opened by other programs. Either all are post-quantum
 * ("age1pq1...", "age1tagpq1..."), and at most 64, or none is. Empty lines and lines that
 * begin with # are ignored. A backup does not start while Passphrase is set too.
 *
 * Type: string.
 */
#define WMLB_PROP_RECIPIENTS "Recipients"

/**
 * The identities that open encrypted backups: secret keys of the age format
 * ("AGE-SECRET-KEY-1...", "AGE-SECRET-KEY-PQ-1..."), one per line, at most 500; the identity
 * file of age-keygen is such a text. Empty lines and lines that begin with # are ignored. They
 * are kept and wiped as Passphrase is. If both are set, Passphrase opens the backups that were
 * made with a passphrase, and the identities open all others.
 *
 * Type: string, write-only.
 */
#define WMLB_PROP_IDENTITIES "Identities"

/**
 * The compression level of zstd.
 *
 * Type: DWORD, 1 to 19. Default: 1.
 */
#define WMLB_PROP_COMPRESSION_LEVEL "CompressionLevel"

/**
 * The number of threads that compute. 0: one per processor, at most 8. 1: a single thread in
 * all. Each takes about 6 MiB of memory. With 2 or more, up to 8 further threads read ahead in
 * a backup, and one writes to the disk in a restore; these mostly wait, and need almost no
 * memory.
 *
 * Type: DWORD, 0 to 64. Default: 0.
 */
#define WMLB_PROP_THREADS "Threads"

/**
 * How much nicer the threads of an operation are than the thread that starts it, in steps of
 * niceness, up to the nicest there is. Unless it is 0, they are also the last to use the
 * disk among those that use it normally (class best-effort, level 7; not the idle class, in
 * which an operation might wait forever for a busy disk). 0: the threads are like the thread
 * that starts the operation, and nothing is asked of the system.
 *
 * The threads of the host keep their niceness, and so does what runs on them: lists, and the
 * search for stores. Callbacks run on the thread of the operation and are as nice as it is,
 * and so are threads and processes that they start. A system that refuses is not an error.
 * The property has an effect on Linux and Android only: elsewhere, niceness belongs to the
 * whole process.
 *
 * Type: DWORD, 0 to 19. Default: 5.
 */
#define WMLB_PROP_NICENESS "Niceness"

/**
 * What to do with a license that does not say whether it may be backed up.
 *
 * Type: string, "allow" or "deny". Default: "allow".
 */
#define WMLB_PROP_UNSTATED_RIGHTS "UnstatedRights"

/**
 * Which generations of a backup are kept in the folder BackupPath. When a backup replaces
 * another, that one is kept there as licenses-YYYYMMDDThhmmssZ.wmlb, where the time is that of
 * its beginning, in UTC; with -2, -3 and so on after the Z if there is one of that second
 * already. When the new backup has its name, generations that the rule does not want are
 * removed. Not set or empty: nothing is kept or removed.
 *
 * The rule is a text such as "last=3 daily=7 weekly=4 monthly=6 yearly=2": any of these parts,
 * separated by blanks, each with a number from 1 to 9999. last keeps the newest generations;
 * the other parts keep the newest one of each day, week (from Monday on), month or year, in
 * UTC, until they have that many. A generation stays if any part wants it; licenses.wmlb
 * counts as one, and always stays. None is removed for its age, so a clock that jumps removes
 * nothing.
 *
 * While a target is set with wmlb_restorer_set_target(), a backup does not use it.
 *
 * Type: string.
 */
#define WMLB_PROP_KEEP "Keep"

/**
 * How much of a backup a verification looks at, in percent. With less than 100 it reads the
 * end of the file, and a random sample of the parts that hold the licenses, at least one:
 * damage anywhere else is not found. licenses_total is then the number of licenses in the
 * backup, also at the end, and licenses_done that of those that were checked; if Only or a
 * filter chooses, the sample is one of what can be chosen, and both are the latter. A stream
 * is read and checked to its end.
 *
 * Type: DWORD, 1 to 100. Default: 100.
 */
#define WMLB_PROP_SAMPLE "Sample"

/** The name of the backup file in the folder that BackupPath names. */
#define WMLB_BACKUP_FILE_NAME "licenses.wmlb"

/**
 * Sets a property. A running operation keeps the values that it started with.
 *
 * Parameters:
 * - restorer: the handle.
 * - name: one of WMLB_PROP_*, matched exactly.
 * - type: WMLB_TYPE_STRING or WMLB_TYPE_DWORD, as the property has it.
 * - value: a string in UTF-8, with or without a NUL at its end, or a uint32_t in the byte order
 *   of the machine. It is copied.
 * - value_len: the size of the value in bytes; with the NUL if there is one, at most 1 MiB.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: name or value is NULL
 * - WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY: there is no property of this name
 * - WMLB_E_INVALIDARG: the type is not the property's, a path or passphrase is empty, the string
 *   has a NUL inside or is not UTF-8, the number is out of range, the value is too large, or a
 *   line is not a recipient or identity; the message says which line, and never shows it
 * - WMLB_E_NOTIMPL: the property is Passphrase, Recipients or Identities, and this build has no
 *   encryption
 * - WMLB_E_OUTOFMEMORY
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_set_prop(struct wmlb_restorer *restorer,
                                    const char *name,
                                    int32_t type,
                                    const uint8_t *value,
                                    size_t value_len);

/**
 * Reads a property. Call the function with value NULL to learn the size, and again with a buffer
 * of that size. A property that is not set gives its default.
 *
 * Parameters:
 * - restorer: the handle.
 * - name: one of WMLB_PROP_*.
 * - type: receives the type of the property.
 * - value: NULL, or a buffer of *value_len bytes. Receives the value: a string in UTF-8 with its
 *   NUL, or a uint32_t in the byte order of the machine.
 * - value_len: receives the size of the value in bytes, the NUL of a string included.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_S_FALSE: the property is not set and has no default; the size is 0, and *type is written
 * - WMLB_E_ACCESSDENIED: the property is write-only (Passphrase and Identities)
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: name, type or value_len is NULL
 * - WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY: there is no property of this name
 * - WMLB_E_INSUFFICIENT_BUFFER: the buffer is too small; only *value_len is written
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_get_prop_by_name(struct wmlb_restorer *restorer,
                                            const char *name,
                                            int32_t *type,
                                            uint8_t *value,
                                            size_t *value_len);

/**
 * Counts the properties that are set.
 *
 * Parameters:
 * - restorer: the handle.
 * - count: receives the number, with those that are write-only.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: count is NULL
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_get_prop_count(struct wmlb_restorer *restorer,
                                          size_t *count);

/**
 * Reads the name and the value of one of the properties that are set. Their order is fixed;
 * setting and removing properties shifts the indexes.
 *
 * Parameters:
 * - restorer: the handle.
 * - index: 0 to the count less one.
 * - name: NULL, or a buffer of *name_len bytes. Receives the name, with its NUL.
 * - name_len: receives the size of the name in bytes, its NUL included.
 * - type, value, value_len: as in wmlb_restorer_get_prop_by_name().
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: name_len, type or value_len is NULL
 * - WMLB_E_INVALIDARG: index is too large; nothing is written
 * - WMLB_E_ACCESSDENIED: the property is write-only; nothing is written
 * - WMLB_E_INSUFFICIENT_BUFFER: a buffer is too small; only the two sizes are written
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_get_prop_by_index(struct wmlb_restorer *restorer,
                                             size_t index,
                                             char *name,
                                             size_t *name_len,
                                             int32_t *type,
                                             uint8_t *value,
                                             size_t *value_len);

/**
 * Removes a property; from then on, it has its default.
 *
 * Parameters:
 * - restorer: the handle.
 * - name: one of WMLB_PROP_*.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_S_FALSE: the property was not set
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: name is NULL
 * - WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY: there is no property of this name
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_remove_prop(struct wmlb_restorer *restorer,
                                       const char *name);

/**
 * Removes all properties; from then on, they have their defaults.
 *
 * Parameters:
 * - restorer: the handle.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD wmlb_hresult wmlb_restorer_remove_all_props(struct wmlb_restorer *restorer);

/**
 * Sets the property BackupPath, as wmlb_restorer_set_prop() does.
 *
 * Parameters:
 * - restorer: the handle.
 * - path: a NUL-terminated string in UTF-8.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: path is NULL
 * - WMLB_E_INVALIDARG: path is empty, not UTF-8, or longer than 1 MiB
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_set_backup_path(struct wmlb_restorer *restorer,
                                           const char *path);

/**
 * Sets the property RestorePath, as wmlb_restorer_set_prop() does.
 *
 * Parameters:
 * - restorer: the handle.
 * - path: a NUL-terminated string in UTF-8.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: path is NULL
 * - WMLB_E_INVALIDARG: path is empty, not UTF-8, or longer than 1 MiB
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_set_restore_path(struct wmlb_restorer *restorer,
                                            const char *path);

/**
 * Sets the property StorePath, as wmlb_restorer_set_prop() does.
 *
 * Parameters:
 * - restorer: the handle.
 * - path: a NUL-terminated string in UTF-8.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: path is NULL
 * - WMLB_E_INVALIDARG: path is empty, not UTF-8, or longer than 1 MiB
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_set_store_path(struct wmlb_restorer *restorer,
                                          const char *path);

/* ---- Events --------------------------------------------------------------------------------- */

/* Status values: what an event says. */

/**
 * The operation failed or was canceled; the last event. hr is the reason. Value: string,
 * the message.
 */
#define WMLB_STATUS_ERROR 0

/**
 * The operation has begun: the first event of a backup or a verification. In a restore,
 * nothing was touched before it. No value.
 */
#define WMLB_STATUS_BACKUPRESTORE_BEGIN 21

/**
 * The operation succeeded; the last event. hr is WMLB_S_OK or
 * WMLB_NS_E_DRM_STORE_NOTALLSTORED. Value: string, the path of the backup file.
 */
#define WMLB_STATUS_BACKUPRESTORE_END 27

/** A restore begins to check credentials and authorization. No value. */
#define WMLB_STATUS_BACKUPRESTORE_CONNECTING 28

/** A restore has checked credentials and authorization. No value. */
#define WMLB_STATUS_BACKUPRESTORE_DISCONNECTING 29

/**
 * The authorizer refused the restore; the last event. hr is its answer. Value: string,
 * the address that the user may go to.
 */
#define WMLB_STATUS_ERROR_WITHURL 30

/**
 * A license is left out because its owner forbids backup. Value: string, the key IDs of
 * the license, separated by newlines. A license without key IDs is named by its license ID
 * (format "lcp") or its name (all others). The text is untrusted, and may contain control
 * characters.
 */
#define WMLB_STATUS_RESTRICTED_LICENSE 31

/**
 * The progress of the operation: at most 20 of these events a second, and one after the
 * last license. Value: binary, a wmlb_progress.
 */
#define WMLB_STATUS_PROGRESS 0x1000

/**
 * A license, or something else found in the store, is left out; in a restore, a license
 * in the store stays as it is. Value: string, the name: its path in the store, with
 * U+FFFD for bytes that are not UTF-8; with WMLB_BACKUP_PARTIAL possibly the path of a
 * folder that cannot be listed. hr is the reason:
 * - WMLB_E_ACCESSDENIED: a link or a special file, or, in a restore, one that is in the
 * way of a license;
 * - WMLB_HRESULT_FROM_WIN32(80): in a restore, a license that differs;
 * - anything else: the error with which the license could not be read.
 */
#define WMLB_STATUS_LICENSE_SKIPPED 0x1001

/**
 * A backup has fewer than half the licenses of the one that it is about to replace; it
 * comes before the last PROGRESS. A negative answer cancels, and the earlier backup stays.
 * It does not come if the earlier backup cannot be opened with the secrets that are set.
 * Value: binary, two uint64_t in the byte order of the machine: the licenses of the
 * earlier backup, and those of this one. A database is one license.
 */
#define WMLB_STATUS_FEWER_LICENSES 0x1002

/**
 * The progress of an operation. Before wmlb_restorer_get_progress() fills one in, set struct_size
 * to sizeof(wmlb_progress).
 */
typedef struct wmlb_progress {
    /**
     * The size of this struct in bytes, as the program that made it knows it.
     */
    size_t struct_size;
    /**
     * Licenses that are done so far.
     */
    uint64_t licenses_done;
    /**
     * All licenses: at the end, licenses_done + licenses_restricted + licenses_skipped. 0 while
     * unknown: during most of the backup of a large store (more than about 50,000 licenses), and
     * throughout a restore or verification of chosen licenses, of an encrypted file, or of a
     * target. Show an indeterminate bar then. The number comes from the end of the backup file,
     * and is not checked before that is read.
     */
    uint64_t licenses_total;
    /**
     * The bytes of the licenses that are done so far.
     */
    uint64_t bytes_done;
    /**
     * The bytes of all licenses; 0: not known yet.
     */
    uint64_t bytes_total;
    /**
     * Licenses that are left out because their owner forbids backup.
     */
    uint64_t licenses_restricted;
    /**
     * Licenses that are left out because they could not be read, or, in a restore, kept as they
     * were; and other things that were found in the store.
     */
    uint64_t licenses_skipped;
    /**
     * Of those that are done, the ones that a backup took from the one that it replaces, since
     * they have not changed (WMLB_BACKUP_REREAD).
     */
    uint64_t licenses_reused;
} wmlb_progress;

/**
 * The function that receives the events of an operation.
 *
 * Parameters:
 * - status: one of WMLB_STATUS_*.
 * - hr: the result code that belongs to the event; in the last event, the result of the
 *   operation.
 * - value_type: one of WMLB_TYPE_*; 0 without a value.
 * - value: the value, valid during the call only; NULL if the event carries none.
 * - value_len: the size of the value in bytes; 0 without one. A string is followed by a NUL that
 *   is not counted.
 * - user_data: as it was passed to the function that started the operation.
 *
 * Returns: WMLB_S_OK, or anything else that is not negative, to go on; a negative value to cancel
 * the operation. The answer to the last event has no effect.
 *
 * Threads: it is called on the operation's own thread, one call at a time, in order.
 * - The thread blocks all signals. It is nicer than the host's, as the property Niceness says.
 * - The operation waits while the function runs. If there is much to do, hand the event to a
 *   thread of your own.
 *
 * During the call, every function of this library may be called, with these exceptions:
 * - wmlb_wait() and wmlb_restorer_wait() return WMLB_E_ILLEGAL_METHOD_CALL.
 * - Starting an operation on the same restorer returns WMLB_NS_E_DRM_BACKUPRESTORE_BUSY.
 * - wmlb_restorer_release() of the same restorer returns at once: its handle is gone, the
 *   operation is canceled, and no further event comes, not even the last one. user_data is not
 *   touched again once the function has returned.
 * - Two callbacks must not release each other's restorers at the same time: each would wait for
 *   the other.
 *
 * The function must return normally:
 * - An exception or pthread_exit() that leaves it ends the process with SIGABRT, so that no half
 *   of an operation goes on. Nothing is printed, and nothing is cleaned up.
 * - A longjmp() that leaves it goes to the stack of another thread; its effect is undefined.
 * - After a fork() in it, the child must call exec() or _exit() before the function returns.
 */
typedef wmlb_hresult (*wmlb_status_callback)(int32_t status,
                                             wmlb_hresult hr,
                                             int32_t value_type,
                                             const uint8_t *value,
                                             size_t value_len,
                                             void *user_data);

/* ---- Operations: start, cancel, wait, progress ---------------------------------------------- */

/* Flags of a backup. */

/** Replaces the backup file that is there. */
#define WMLB_BACKUP_OVERWRITE 0x1u

/**
 * Leaves out licenses that cannot be read, instead of failing. WMLB_STATUS_LICENSE_SKIPPED
 * says which and why, and the backup ends with WMLB_NS_E_DRM_STORE_NOTALLSTORED in the
 * END event. Running out of memory or of file descriptors is still a failure. Links and
 * special files are left out with or without this flag, and do not change the result.
 */
#define WMLB_BACKUP_PARTIAL 0x100u

/**
 * Reads the written file back from the disk and checks every hash before the file takes
 * its name. Damage is WMLB_NS_E_DRM_BACKUP_CORRUPT. An encrypted backup is compared in
 * its encrypted form, since the key that opens it may be elsewhere.
 */
#define WMLB_BACKUP_VERIFY 0x200u

/**
 * Reads every license. Without this flag, and with WMLB_BACKUP_OVERWRITE, what has not
 * changed since the backup that is replaced is taken from that: as far as it can be told
 * without opening a license, by its size, its inode number and its times.
 */
#define WMLB_BACKUP_REREAD 0x400u

/**
 * Lets a backup of a store without licenses replace a backup that has some. Without this
 * flag it fails with WMLB_NS_E_DRM_LICENSE_STORE_ERROR, and the earlier backup stays:
 * stores are emptied by faults and updates, too. With WMLB_BACKUP_PARTIAL, licenses that
 * cannot be read do not count. A database whose license tables have no
 * row counts as no license, as far as its schema is known (Chromium's); any other
 * database is one license. An earlier backup that cannot be opened here counts as one
 * that has licenses, unless it is too small for any.
 */
#define WMLB_BACKUP_EMPTY 0x800u

/* Flags of a restore. */

/**
 * The user agreed to bring licenses that were made on another device to this one.
 * Without this flag, a backup from another device is refused.
 */
#define WMLB_RESTORE_INDIVIDUALIZE 0x2u

/**
 * Replaces licenses in the store that differ from those in the backup. Without this
 * flag they are kept, and reported with WMLB_STATUS_LICENSE_SKIPPED.
 */
#define WMLB_RESTORE_OVERWRITE 0x100u

/* Flags of a restore and of a verification. */

/**
 * Takes a backup file that is not encrypted although Passphrase or Identities is set.
 * Without this flag it is refused with WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD: the
 * secret proves where a backup comes from; without it, anybody who can replace the file
 * could have anything restored.
 */
#define WMLB_ALLOW_CLEAR 0x1000u

/* A flag of every operation. */

/**
 * Runs the operation on the calling thread: the call returns when it has ended, with its
 * result. All functions of the host (callback, store, rights, authorizer) are called on
 * that thread, whose signals and priority stay as they are. With Threads = 1 there is no
 * other thread; otherwise, threads of the library compute, and never call the host. A call
 * that is refused makes no event. In a callback of another restorer's operation it is
 * refused with WMLB_E_ILLEGAL_METHOD_CALL.
 */
#define WMLB_RUN_HERE 0x10000u

/**
 * Starts a backup: saves copies of the licenses in the store (property StorePath, or the store
 * set with wmlb_restorer_set_store()) in the file licenses.wmlb in the folder BackupPath. The
 * folder is created if it is missing.
 *
 * The function checks what can be checked at once, and returns; the backup then runs on a thread
 * of its own. Events may come before the function has returned. If it returned WMLB_S_OK, they
 * are:
 * - WMLB_STATUS_BACKUPRESTORE_BEGIN;
 * - any number of WMLB_STATUS_PROGRESS, WMLB_STATUS_RESTRICTED_LICENSE and
 *   WMLB_STATUS_LICENSE_SKIPPED;
 * - WMLB_STATUS_BACKUPRESTORE_END or WMLB_STATUS_ERROR, the last event.
 *
 * If it failed, there is no event.
 *
 * The backup file takes its name in one step, when it is complete. Whatever fails before, an
 * earlier backup file stays as it was.
 *
 * With the property Passphrase or Recipients the file is encrypted: an age file (version 1)
 * around the content that it has otherwise.
 *
 * A SQLite database in the store is saved as it is at one moment, while other programs have it
 * open:
 * - The files beside it (-journal, -wal, -shm) are part of it, and not licenses.
 * - SQLite's locks are honored: programs with a log go on writing; without one, they wait until
 *   the database is read. The locks of the host's own connections stay as they are.
 * - Nothing is written for it but the backup, and copies that have no name.
 *
 * Parameters:
 * - restorer: the handle.
 * - flags: 0, or WMLB_BACKUP_* joined by |.
 * - callback: receives the events; see wmlb_status_callback.
 * - user_data: is passed to callback, and not touched otherwise.
 *
 * Returns, checked in this order:
 * - WMLB_E_HANDLE
 * - WMLB_E_INVALIDARG: callback is NULL, or there is an unknown flag
 * - WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: an operation is running
 * - WMLB_NS_E_DRM_NOT_CONFIGURED: BackupPath is not set, or StorePath is not and has no default
 * - WMLB_E_INVALIDARG: Passphrase and Recipients are both set
 * - WMLB_NS_E_DRM_BACKUP_EXISTS: there is a backup file, and flags do not have
 *   WMLB_BACKUP_OVERWRITE
 * - WMLB_E_ACCESSDENIED: licenses.wmlb is a link, a folder or a device
 * - WMLB_HRESULT_FROM_WIN32(code): the folder cannot be examined; 267 if BackupPath is, or leads
 *   through, a file
 * - WMLB_E_OUTOFMEMORY: no thread can be started
 * - WMLB_S_OK
 *
 * Failures in the last event, besides errors of the system:
 * - WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE: there is no store at StorePath
 * - WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: another program has locked a database for 5 seconds, or an
 *   enumeration is using the store of the host
 * - WMLB_NS_E_DRM_DATASTORE_CORRUPT: a database is damaged
 * - WMLB_NS_E_DRM_OPERATION_CANCELED
 * - WMLB_E_SHARING_VIOLATION: a license or folder kept changing while it was read, or a restore
 *   into the store is running
 * - WMLB_NS_E_DRM_INVALID_LICENSE or WMLB_E_POINTER: the store of the host gave a license that is
 *   not as wmlb_store_ops says
 * - any negative value that a function of that store returned
 * - WMLB_NS_E_DRM_LICENSE_STORE_ERROR: the store has no licenses, and the backup that would be
 *   replaced may have some; see WMLB_BACKUP_EMPTY
 * - WMLB_NS_E_DRM_BACKUP_EXISTS: a backup file has appeared since the start
 * - WMLB_NS_E_DRM_BACKUP_CORRUPT: with WMLB_BACKUP_VERIFY, the bytes that were read back are not
 *   the ones that were written
 * - WMLB_E_OUTOFMEMORY: also, less is left than the 128 MiB that Passphrase takes
 *
 * Threads: any; in a callback of the same restorer it is busy.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_backup_licenses(struct wmlb_restorer *restorer,
                                           uint32_t flags,
                                           wmlb_status_callback callback,
                                           void *user_data);

/**
 * Starts a restore: brings the licenses in the backup file (property RestorePath: the folder that
 * was BackupPath, or the file itself) back into the store (property StorePath, or the store set
 * with wmlb_restorer_set_store()), all or none.
 *
 * The whole file is read and checked before anything in the store is touched; then all licenses
 * take their places. A failure or a cancel puts everything back. After a kill, the next operation
 * on the store does that.
 *
 * The property Only and wmlb_restorer_set_filter() choose among the licenses in the file: the
 * restore is about these then, as if there were no others.
 *
 * A license that the store already has stays if it is equal. If it differs, it stays too, and is
 * reported with WMLB_STATUS_LICENSE_SKIPPED and WMLB_HRESULT_FROM_WIN32(80), unless flags have
 * WMLB_RESTORE_OVERWRITE.
 *
 * SQLite databases:
 * - They are compared by their content and replaced as a whole. The files beside the old one
 *   (-journal, -wal, -shm) go with it.
 * - A database that another program has open, as far as locks tell, is not touched; neither is
 *   one that belongs to Chromium or Firefox while they run.
 * - WARNING: close the host's own connections to a database before it is restored. An idle one
 *   with a rollback journal holds no lock: it would go on with the file that was replaced, and
 *   what it writes there is lost.
 * - A backup of one database goes to the file that StorePath names, whatever its name is, or
 *   into the folder there.
 *
 * The events are those of a backup, with WMLB_STATUS_BACKUPRESTORE_CONNECTING before BEGIN, and,
 * when the secret has opened an encrypted file and the authorizer has agreed,
 * WMLB_STATUS_BACKUPRESTORE_DISCONNECTING. A refusal with an address ends in
 * WMLB_STATUS_ERROR_WITHURL. wmlb_progress.licenses_total says when the number of licenses is
 * known.
 *
 * Parameters:
 * - restorer: the handle.
 * - flags: 0, or WMLB_RESTORE_* and WMLB_ALLOW_CLEAR joined by |.
 * - callback: receives the events; see wmlb_status_callback.
 * - user_data: is passed to callback, and not touched otherwise.
 *
 * Returns, checked in this order:
 * - WMLB_E_HANDLE
 * - WMLB_E_INVALIDARG: callback is NULL, or there is an unknown flag
 * - WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: an operation is running
 * - WMLB_NS_E_DRM_NOT_CONFIGURED: RestorePath is not set, or StorePath is not and has no default
 * - WMLB_E_NOTIMPL: the store of the host has no put or no commit
 * - WMLB_E_OUTOFMEMORY: no thread can be started
 * - WMLB_S_OK
 *
 * Failures in the last event, besides errors of the system:
 * - WMLB_NS_E_DRM_BACKUP_CORRUPT: the file is damaged or truncated
 * - WMLB_NS_E_BACKUP_RESTORE_BAD_DATA: it is not a backup file, or one of a newer version
 * - WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD: it is encrypted, and the secret that opens it
 *   (Passphrase or Identities) is wrong or not set. Damage to the few lines that hold its key
 *   looks the same; any other damage is WMLB_NS_E_DRM_BACKUP_CORRUPT if the secret is right. Also:
 *   it is not encrypted although a secret is set, and flags do not have WMLB_ALLOW_CLEAR
 * - WMLB_HRESULT_FROM_WIN32(50): its passphrase has a work factor above 18. It was not tried; the
 *   age command can open the file
 * - WMLB_E_OUTOFMEMORY: also, less is left than the 128 or 256 MiB that its passphrase takes, or
 *   than a whole license, which the put of a host's store takes in one piece
 * - WMLB_E_NOTIMPL: it is encrypted, and this build has no encryption
 * - the answer of the authorizer, or of the filter, if it is negative
 * - WMLB_NS_E_DRM_NEEDS_INDIVIDUALIZATION: it is from another device, and flags do not have
 *   WMLB_RESTORE_INDIVIDUALIZE
 * - WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE: StorePath cannot be a store, or is a file while the
 *   backup is not that of one database
 * - WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: a database in the store, or the store of the host, is in
 *   use, or the player whose store it is is running
 * - WMLB_E_ACCESSDENIED: with WMLB_RESTORE_OVERWRITE, a link, folder or special file is in the
 *   way of a license
 * - WMLB_E_SHARING_VIOLATION: the store was changed during the restore, or another restore into
 *   it is running
 * - WMLB_NS_E_DRM_INVALID_LICENSE, WMLB_E_POINTER, or any negative value that a function of the
 *   host's store returned, as in a backup
 * - WMLB_NS_E_DRM_OPERATION_CANCELED
 * - WMLB_NS_E_BACKUP_RESTORE_FAILURE: the store could not be put back as it was; the next
 *   operation on it tries again
 *
 * Threads: any; in a callback of the same restorer it is busy.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_restore_licenses(struct wmlb_restorer *restorer,
                                            uint32_t flags,
                                            wmlb_status_callback callback,
                                            void *user_data);

/**
 * Starts a verification: reads the backup file (property RestorePath) and makes every check that
 * a restore makes, but touches no store. The events are those of a backup. The message of a
 * failure says where the damage is and which licenses it touches. It is about the licenses that
 * the property Only and the filter choose, and counts these.
 *
 * Parameters:
 * - restorer: the handle.
 * - flags: 0, or WMLB_ALLOW_CLEAR.
 * - callback: receives the events; see wmlb_status_callback.
 * - user_data: is passed to callback, and not touched otherwise.
 *
 * Returns, checked in this order:
 * - WMLB_E_HANDLE
 * - WMLB_E_INVALIDARG: callback is NULL, or there is an unknown flag
 * - WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: an operation is running
 * - WMLB_NS_E_DRM_NOT_CONFIGURED: RestorePath is not set
 * - WMLB_E_OUTOFMEMORY: no thread can be started
 * - WMLB_S_OK
 *
 * Failures in the last event, besides errors of the system:
 * - WMLB_NS_E_DRM_BACKUP_CORRUPT, WMLB_NS_E_BACKUP_RESTORE_BAD_DATA,
 *   WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD, WMLB_HRESULT_FROM_WIN32(50), WMLB_E_OUTOFMEMORY,
 *   WMLB_E_NOTIMPL, WMLB_NS_E_DRM_OPERATION_CANCELED: as in a restore
 * - the answer of the filter, if it is negative
 *
 * Threads: any; in a callback of the same restorer it is busy.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_verify_backup(struct wmlb_restorer *restorer,
                                         uint32_t flags,
                                         wmlb_status_callback callback,
                                         void *user_data);

/**
 * Cancels the running backup: asks it to end, and returns at once. Its last event then is
 * WMLB_STATUS_ERROR with WMLB_NS_E_DRM_OPERATION_CANCELED, or WMLB_STATUS_BACKUPRESTORE_END if
 * the backup file had its name already.
 *
 * Parameters:
 * - restorer: the handle.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_S_FALSE: no backup is running
 * - WMLB_E_HANDLE
 *
 * Threads: any, also in a callback.
 */
wmlb_hresult wmlb_restorer_cancel_license_backup(struct wmlb_restorer *restorer);

/**
 * Cancels the running restore: asks it to end, and returns at once. Its last event then is
 * WMLB_STATUS_ERROR with WMLB_NS_E_DRM_OPERATION_CANCELED, or WMLB_STATUS_BACKUPRESTORE_END if
 * the licenses had taken their places already.
 *
 * Parameters:
 * - restorer: the handle.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_S_FALSE: no restore is running
 * - WMLB_E_HANDLE
 *
 * Threads: any, also in a callback.
 */
wmlb_hresult wmlb_restorer_cancel_license_restore(struct wmlb_restorer *restorer);

/**
 * Cancels the running operation, of whatever kind: asks it to end, and returns at once. Its last
 * event then is WMLB_STATUS_ERROR with WMLB_NS_E_DRM_OPERATION_CANCELED, or
 * WMLB_STATUS_BACKUPRESTORE_END if it was done already. Enumerations by this restorer that are
 * running, on whatever thread, return WMLB_NS_E_DRM_OPERATION_CANCELED.
 *
 * Parameters:
 * - restorer: the handle.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_S_FALSE: no operation is running
 * - WMLB_E_HANDLE
 *
 * Threads: any, also in a callback.
 */
wmlb_hresult wmlb_restorer_cancel(struct wmlb_restorer *restorer);

/**
 * Waits until the running operation has made its last event and its thread has ended. If none is
 * running, the function returns at once, any number of times. If the restorer is released while
 * it waits, it still waits for the end of the operation.
 *
 * Parameters:
 * - restorer: the handle.
 * - timeout_ms: milliseconds. 0 does not wait, UINT32_MAX waits without limit.
 * - result: receives the result of the last operation, which is the hr of its last event.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_S_FALSE: there was no operation yet; *result stays as it was
 * - WMLB_E_TIMEOUT: the operation still runs; *result stays as it was
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: result is NULL
 * - WMLB_E_ILLEGAL_METHOD_CALL: the call was made in a callback, of this or another restorer
 *
 * Threads: any, except those of callbacks.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_wait(struct wmlb_restorer *restorer,
                                uint32_t timeout_ms,
                                wmlb_hresult *result);

/**
 * Reads the progress of the running operation, or of the last one.
 *
 * Parameters:
 * - restorer: the handle.
 * - out: receives the progress. Set out->struct_size to sizeof(wmlb_progress) before the call.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: out is NULL
 * - WMLB_E_INVALIDARG: struct_size is less than its own field takes
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_get_progress(struct wmlb_restorer *restorer,
                                        struct wmlb_progress *out);

/* ---- Events that are fetched ---------------------------------------------------------------- */

/**
 * A queue of events, for hosts that cannot be called on a foreign thread: they fetch the events of
 * operations in a loop of their own. The pointer is a number that the library looks up and never
 * dereferences: NULL, released and made-up handles get WMLB_E_HANDLE, and so do, in a child after
 * fork(), handles from before it.
 *
 *     wmlb_queue *queue;
 *     wmlb_event event = {sizeof event};
 *     hr = wmlb_queue_create(&queue);
 *     hr = wmlb_backup_licenses(0, wmlb_queue_push, queue);
 *     while ((hr = wmlb_queue_next(queue, UINT32_MAX, &event)) == WMLB_S_OK)
 *         show(&event);                                        // WMLB_S_FALSE: it was the last
 *     wmlb_queue_release(queue);
 *
 * One queue serves any number of operations, of any restorers, also at the same time. An operation
 * feeds the queue that is its user_data, from the call that starts it until its restorer is idle
 * again: when its last event can be fetched, the next operation can be started.
 */
typedef struct wmlb_queue wmlb_queue;

/**
 * An event of a queue. Before wmlb_queue_next() fills one in, set struct_size to
 * sizeof(wmlb_event). The other fields are what wmlb_status_callback is given.
 */
typedef struct wmlb_event {
    /**
     * The size of this struct in bytes, as the program that made it knows it.
     */
    size_t struct_size;
    /**
     * One of WMLB_STATUS_*.
     */
    int32_t status;
    /**
     * The result code that belongs to the event.
     */
    wmlb_hresult hr;
    /**
     * One of WMLB_TYPE_*; 0 without a value.
     */
    int32_t value_type;
    /**
     * The value, valid until the next wmlb_queue_next() or wmlb_queue_release(); NULL if the event
     * carries none.
     */
    const uint8_t *value;
    /**
     * The size of the value in bytes; a string is followed by a NUL that is not counted.
     */
    size_t value_len;
} wmlb_event;

/**
 * Creates a queue. Give it back with wmlb_queue_release().
 *
 * Parameters:
 * - out: receives the handle; NULL on failure.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_POINTER: out is NULL
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD wmlb_hresult wmlb_queue_create(struct wmlb_queue **out);

/**
 * Adds an event to a queue. It is a wmlb_status_callback: pass it to the function that starts an
 * operation, with the queue as user_data.
 *
 * - A WMLB_STATUS_PROGRESS takes the place of an older one of the same operation that is still
 *   unread, and goes to the end. All other events keep their order, and none is lost.
 * - At 1,024 unread events, the operation waits until some are fetched or it is canceled. An
 *   operation on the host's own thread (WMLB_RUN_HERE) does not wait, since that thread may be the
 *   one that fetches.
 *
 * Callbacks and threads of the host may call it too, to pass events of their own to the thread
 * that fetches. Such a call does not wait, and its event does not replace a WMLB_STATUS_PROGRESS.
 *
 * Parameters:
 * - status, hr, value_type, value, value_len: those of a wmlb_status_callback; copied.
 * - queue: the handle.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_NS_E_DRM_OPERATION_CANCELED: the event was added, and its operation is to end
 * - WMLB_E_HANDLE: also if the queue was released meanwhile
 * - WMLB_E_POINTER: value is NULL, and value_len is not 0
 * - WMLB_E_INVALIDARG: value_len is more than 1 MiB
 * - WMLB_E_OUTOFMEMORY: memory has run out; a last event is added all the same, with a shorter
 *   message
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_queue_push(int32_t status,
                             wmlb_hresult hr,
                             int32_t value_type,
                             const uint8_t *value,
                             size_t value_len,
                             void *queue);

/**
 * Fetches the next event.
 *
 * Parameters:
 * - queue: the handle.
 * - timeout_ms: milliseconds to wait for an event. 0 does not wait, UINT32_MAX waits without
 *   limit.
 * - event: receives the event. Set event->struct_size to sizeof(wmlb_event) before the call.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_S_FALSE: no operation feeds the queue, and nothing is left; *event stays as it was
 * - WMLB_E_TIMEOUT: there is no event yet; *event stays as it was
 * - WMLB_E_HANDLE: also if the queue was released meanwhile
 * - WMLB_E_POINTER: event is NULL
 * - WMLB_E_INVALIDARG: struct_size is less than its own field takes
 * - WMLB_E_ILLEGAL_METHOD_CALL: the call was made in a callback, and timeout_ms is not 0
 *
 * Threads: any, one at a time.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_queue_next(struct wmlb_queue *queue,
                             uint32_t timeout_ms,
                             struct wmlb_event *event);

/**
 * A descriptor for the host's loop (poll, epoll, GLib, libuv, asyncio): it is readable while there
 * are events. Then call wmlb_queue_next() with a timeout_ms of 0 until it does not return
 * WMLB_S_OK. It is readable, too, if an operation has ended without a last event, because its
 * restorer was released in a callback, until wmlb_queue_next() has returned WMLB_S_FALSE.
 *
 * The descriptor is always the same. It belongs to the library: poll it, and do not read, write or
 * close it. wmlb_queue_release() closes it, so take it out of the loop before that.
 *
 * Parameters:
 * - queue: the handle.
 * - fd: receives the descriptor.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: fd is NULL
 * - WMLB_HRESULT_FROM_WIN32(4): no more descriptors can be opened
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD wmlb_hresult wmlb_queue_fd(struct wmlb_queue *queue, int32_t *fd);

/**
 * Cancels the operations that feed a queue, as a negative answer of a callback would, and returns
 * at once. Their last events still come.
 *
 * Parameters:
 * - queue: the handle.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_S_FALSE: no operation feeds it
 * - WMLB_E_HANDLE
 *
 * Threads: any, also in a callback.
 */
wmlb_hresult wmlb_queue_cancel(struct wmlb_queue *queue);

/**
 * Releases a queue: its handle is not valid any more. The operations that feed it are canceled;
 * the function does not wait for their end, and their last events are not delivered.
 * (wmlb_restorer_wait() and wmlb_restorer_release() wait for it.) Unread events are dropped.
 *
 * Parameters:
 * - queue: the handle.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 *
 * Threads: any, also in a callback.
 */
wmlb_hresult wmlb_queue_release(struct wmlb_queue *queue);

/* ---- Messages of errors --------------------------------------------------------------------- */

/**
 * Reads the message of the restorer's last failed call or operation: what was tried, on which
 * path, and the chain of causes, joined by ": ". It is "" if nothing has failed yet. Call the
 * function with buffer NULL to learn the size, and again with a buffer of that size; between the
 * two calls, other threads may change the message.
 *
 * The message belongs to the restorer, not to the thread. Neither a success nor a failure of this
 * function changes it. It may contain names from the store or the backup, which are untrusted:
 * escape control characters before a terminal shows it.
 *
 * Parameters:
 * - restorer: the handle.
 * - buffer: NULL, or a buffer of *len bytes. Receives the message, UTF-8, with its NUL.
 * - len: receives the size of the message in bytes, its NUL included.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_POINTER: len is NULL
 * - WMLB_E_INSUFFICIENT_BUFFER: the buffer is too small; only *len is written
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_get_last_error(struct wmlb_restorer *restorer,
                                          char *buffer,
                                          size_t *len);

/* ---- Lists of licenses ---------------------------------------------------------------------- */

/* The right of a license to be backed up. */

/**
 * The license does not state it, or states it under a condition that is not evaluated
 * here.
 */
#define WMLB_RIGHT_NOT_STATED 0

/** The owner allows backup. */
#define WMLB_RIGHT_ALLOWED 1

/** The owner forbids backup. */
#define WMLB_RIGHT_DENIED 2

/**
 * A license, as far as it is known. The pointers are valid during the call only.
 */
typedef struct wmlb_license_info {
    /**
     * The size of this struct in bytes, as the library knows it. Read no field beyond it.
     */
    size_t struct_size;
    /**
     * Its path in the store, UTF-8; with U+FFFD for bytes that are not UTF-8.
     */
    const char *name;
    /**
     * The exact bytes of its path: name_len of them, without a NUL.
     */
    const uint8_t *name_bytes;
    size_t name_len;
    /**
     * Its format, recognized by its content: "wmdrm-v1", "wmdrm-v7" (Windows Media DRM), "xmr"
     * (PlayReady), "lcp" (Readium LCP; also an EPUB, PDF package or audiobook with such a license
     * in it), "sqlite" (a database) or "opaque" (any other, and what does not parse).
     */
    const char *format;
    /**
     * Its ID, as the format spells it: for "wmdrm-v7", LID; for "xmr", base64 of the 16 bytes of
     * its rights ID; for "lcp", id. "" if it has none.
     */
    const char *license_id;
    /**
     * The IDs of the keys that it holds, separated by newlines; at most 1,024 of them and 64 KiB.
     * For "wmdrm-v1" and "wmdrm-v7", KID as the license spells it; for "xmr", base64 of the 16
     * bytes, as KID in a WRMHEADER. "" if it names none.
     */
    const char *key_ids;
    /**
     * Whether its owner lets it be backed up, according to the license itself: one of
     * WMLB_RIGHT_*. wmlb_restorer_set_rights() and the property UnstatedRights do not change it.
     */
    int32_t backup_right;
    /**
     * Its size in bytes.
     */
    uint64_t size;
    /**
     * The time when it was last modified, in Unix seconds; INT64_MIN: not stated.
     */
    int64_t modified;
    /**
     * The times from which and until which it is valid, in Unix seconds; INT64_MIN: not stated, or
     * only in a condition, which is not evaluated. For "wmdrm-v1", valid_until is the beginning
     * of a day in UTC, since the format states no time of day.
     */
    int64_t valid_from;
    int64_t valid_until;
} wmlb_license_info;

/**
 * The function that receives licenses, one call for each.
 *
 * Parameters:
 * - license: valid during the call only.
 * - user_data: as it was passed to the enumeration.
 *
 * Returns: WMLB_S_OK, or anything else that is not negative, to go on; a negative value to stop.
 *
 * Threads: it is called on the thread that called the enumeration. During the call, every
 * function of this library may be called. After a fork() in it, the child must call exec() or
 * _exit() before the function returns.
 *
 * The function must return normally. An exception or pthread_exit() that leaves it ends the
 * process with SIGABRT, and nothing is printed; the effect of a longjmp() that leaves it is
 * undefined. (In this version, what the call held is lost then: memory, open files, and the store
 * of a host, which stays in use.)
 */
typedef wmlb_hresult (*wmlb_license_callback)(const struct wmlb_license_info *license,
                                              void *user_data);

/**
 * Lists the licenses in the store (property StorePath, or the store set with
 * wmlb_restorer_set_store()): calls callback for each, in the order of their names, and returns
 * at the end of the list. It reads the beginning of each license, and also the end of a large one
 * that may be a package: 1 MiB at most.
 *
 * After a database of Chromium (tables cdm_storage, versions 1 and 2, or licenses), the list has
 * the licenses in it, one per row, as they were at one moment:
 * - name is the name of the database, "/", the row's storage_key (none in the table licenses),
 *   "/", the CDM as 32 hexadecimal digits, "/", and the row's file_name;
 * - format is "opaque", size is that of the data, and modified is INT64_MIN if the row does not
 *   say.
 *
 * The list of a backup does not have these, since a backup holds the database.
 *
 * A store of the host is listed in the order in which its function next gives the licenses; its
 * functions are called on this thread.
 *
 * Parameters:
 * - restorer: the handle.
 * - callback: receives the licenses; see wmlb_license_callback.
 * - user_data: is passed to callback, and not touched otherwise.
 *
 * Returns:
 * - WMLB_S_OK
 * - the negative value that callback returned
 * - WMLB_NS_E_DRM_OPERATION_CANCELED: wmlb_restorer_cancel() was called
 * - WMLB_E_HANDLE
 * - WMLB_E_INVALIDARG: callback is NULL
 * - WMLB_NS_E_DRM_NOT_CONFIGURED: StorePath is not set and has no default
 * - WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE: there is no store at StorePath
 * - WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: another program has locked a database for 5 seconds, or an
 *   operation or another enumeration is using the store of the host
 * - WMLB_NS_E_DRM_DATASTORE_CORRUPT: a database is damaged
 * - WMLB_HRESULT_FROM_WIN32(code): something in the store cannot be listed or read, or keeps
 *   changing
 * - WMLB_NS_E_DRM_INVALID_LICENSE or WMLB_E_POINTER: the store of the host gave a license that is
 *   not as wmlb_store_ops says
 * - the negative value that a function of the host's store returned
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_enumerate_store(struct wmlb_restorer *restorer,
                                           wmlb_license_callback callback,
                                           void *user_data);

/**
 * Lists the licenses in the backup file (property RestorePath), or those of them that the property
 * Only and the filter choose: calls callback for each, in the order of their names, and returns
 * at the end of the list. The file is checked on the way: when damage is found, callback has
 * received the licenses before it. Of a larger file, threads of the library (property Threads)
 * read ahead of callback; they have ended when the function returns.
 *
 * Parameters:
 * - restorer: the handle.
 * - callback: receives the licenses; see wmlb_license_callback.
 * - user_data: is passed to callback, and not touched otherwise.
 *
 * Returns:
 * - WMLB_S_OK
 * - the negative value that callback returned
 * - WMLB_NS_E_DRM_OPERATION_CANCELED: wmlb_restorer_cancel() was called
 * - WMLB_E_HANDLE
 * - WMLB_E_INVALIDARG: callback is NULL
 * - WMLB_NS_E_DRM_NOT_CONFIGURED: RestorePath is not set
 * - WMLB_NS_E_DRM_BACKUP_CORRUPT, WMLB_NS_E_BACKUP_RESTORE_BAD_DATA,
 *   WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD, WMLB_HRESULT_FROM_WIN32(50), WMLB_E_OUTOFMEMORY,
 *   WMLB_E_NOTIMPL: as in the last event of wmlb_restorer_restore_licenses()
 * - WMLB_HRESULT_FROM_WIN32(code): the file cannot be read
 * - the negative value that the filter returned
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_enumerate_backup(struct wmlb_restorer *restorer,
                                            wmlb_license_callback callback,
                                            void *user_data);

/* ---- What differs between a store and a backup ---------------------------------------------- */

/* Kinds of differences, seen from the backup to the store. */

/** The store has the license, and the backup does not: a backup would add it. */
#define WMLB_DIFFERENCE_ADDED 1

/** The backup has the license, and the store does not: a restore would bring it back. */
#define WMLB_DIFFERENCE_REMOVED 2

/**
 * Both have it, with different contents: a restore with WMLB_RESTORE_OVERWRITE would bring
 * back that of the backup.
 */
#define WMLB_DIFFERENCE_CHANGED 3

/**
 * A license that differs between a backup and a store. The pointers are valid during the call
 * only.
 */
typedef struct wmlb_difference {
    /**
     * The size of this struct in bytes, as the library knows it. Read no field beyond it.
     */
    size_t struct_size;
    /**
     * WMLB_DIFFERENCE_*.
     */
    int32_t kind;
    /**
     * The license as it is in the backup; NULL for WMLB_DIFFERENCE_ADDED.
     */
    const struct wmlb_license_info *in_backup;
    /**
     * The license as it is in the store; NULL for WMLB_DIFFERENCE_REMOVED. For a database, size
     * and modified are those that a backup of it would have.
     */
    const struct wmlb_license_info *in_store;
} wmlb_difference;

/**
 * The function that receives differences, one call for each license that differs.
 *
 * Parameters:
 * - difference: valid during the call only.
 * - user_data: as it was passed to the comparison.
 *
 * Returns: WMLB_S_OK, or anything else that is not negative, to go on; a negative value to stop.
 *
 * Threads: it is called on the thread that called the comparison. During the call, every function
 * of this library may be called.
 *
 * The function must return normally. An exception or pthread_exit() that leaves it ends the
 * process with SIGABRT, and nothing is printed; the effect of a longjmp() that leaves it is
 * undefined. (In this version, what the call held is lost then: memory and open files.)
 */
typedef wmlb_hresult (*wmlb_difference_callback)(const struct wmlb_difference *difference,
                                                 void *user_data);

/**
 * Compares the store (property StorePath, or the store set with wmlb_restorer_set_store()) with
 * the backup file (property RestorePath, or the target): calls callback for each license that
 * differs, in the order of their names, and returns when it has gone through both. Nothing is
 * written to either.
 *
 * - Contents are compared; equal sizes and times prove nothing. Licenses with the same content do
 *   not differ, whatever their times: a restore leaves them alone, too.
 * - A license of the store that a backup would leave out (its owner forbids backup, according to
 *   the license, the function set with wmlb_restorer_set_rights() or the property UnstatedRights)
 *   is not reported as added. A license that the backup has is compared like any other.
 * - A database is one license, and its content is what a backup would have of it now, without the
 *   counters that SQLite changes whenever it writes. If StorePath is a database and the backup is
 *   of one, they are compared whatever their names.
 * - After a database of Chromium that differs come the rows of it that differ: those that one of
 *   both lacks, and those whose license is another. Their names are those that
 *   wmlb_restorer_enumerate_store() gives them, and so is what is known of them. Rows that share a
 *   name differ if their licenses do, whatever their order. If no row differs, something else in
 *   the database does.
 * - Links and special files are no licenses; nor are the backup file itself and its generations,
 *   in the folder BackupPath, or that of the backup file if BackupPath is not set.
 * - The property Only and the filter choose among the licenses that differ: by what is in the
 *   backup, or by what is in the store if the backup does not have the license. If Only names
 *   licenses by their names alone, only their parts of the backup file are read. The rows of a
 *   database come with it.
 *
 * The file is checked on the way: when damage is found, callback has received the differences
 * before it. A host's store is copied first, up to 16 MiB in memory and the rest to a file without
 * a name in the folder $XDG_CACHE_HOME/wmlb; its functions are called on this thread, before
 * callback.
 *
 * Parameters:
 * - restorer: the handle.
 * - callback: receives the differences; see wmlb_difference_callback.
 * - user_data: is passed to callback, and not touched otherwise.
 *
 * Returns:
 * - WMLB_S_OK: callback was called for each license that differs
 * - WMLB_S_FALSE: nothing differs
 * - the negative value that callback returned
 * - WMLB_NS_E_DRM_OPERATION_CANCELED: wmlb_restorer_cancel() was called
 * - WMLB_E_HANDLE
 * - WMLB_E_INVALIDARG: callback is NULL
 * - WMLB_NS_E_DRM_NOT_CONFIGURED: RestorePath is not set, or StorePath is not set and has no
 *   default
 * - about the backup file, as wmlb_restorer_enumerate_backup()
 * - about the store, as wmlb_restorer_enumerate_store()
 * - the negative value that the filter returned
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_compare(struct wmlb_restorer *restorer,
                                   wmlb_difference_callback callback,
                                   void *user_data);

/* ---- Backups and their generations ---------------------------------------------------------- */

/* What keeps a generation: see the property Keep. */

/** It is the last backup: licenses.wmlb. Nothing removes it. */
#define WMLB_KEPT_CURRENT 0x1u

/** It is one of the newest generations. */
#define WMLB_KEPT_LAST 0x2u

/** It is the newest of its day, in UTC. */
#define WMLB_KEPT_DAILY 0x4u

/** It is the newest of its week, which begins on Monday. */
#define WMLB_KEPT_WEEKLY 0x8u

/** It is the newest of its month. */
#define WMLB_KEPT_MONTHLY 0x10u

/** It is the newest of its year. */
#define WMLB_KEPT_YEARLY 0x20u

/**
 * A generation of a backup, as far as it is known. The pointers are valid during the call only.
 */
typedef struct wmlb_generation_info {
    /**
     * The size of this struct in bytes, as the library knows it. Read no field beyond it.
     */
    size_t struct_size;
    /**
     * The absolute path of the file, as the property RestorePath takes it; with U+FFFD for bytes
     * that are not UTF-8. "" for a target.
     */
    const char *path;
    /**
     * The time when the backup was made, in Unix seconds. If the content cannot be read: the time
     * in the name of the file, or INT64_MIN for licenses.wmlb.
     */
    int64_t created;
    /**
     * The size of the file in bytes; UINT64_MAX for a stream.
     */
    uint64_t size;
    /**
     * 1: it is encrypted; 0: it is not.
     */
    int32_t encrypted;
    /**
     * The number of licenses in it, and of their bytes, as the end of the file states them; the
     * file is not checked. UINT64_MAX if they cannot be read, as in an encrypted file without its
     * secret.
     */
    uint64_t licenses;
    uint64_t bytes;
    /**
     * The ID of the device that made it, in hexadecimal, and the kind of its store: "directory",
     * "sqlite" or "host". "" if they cannot be read.
     */
    const char *device_id;
    const char *store;
    /**
     * WMLB_KEPT_* joined by |: what keeps it, according to the property Keep. 0: nothing does, or
     * the call does not determine it (wmlb_restorer_backup_info()).
     */
    uint32_t kept_by;
} wmlb_generation_info;

/**
 * The function that receives generations, one call for each.
 *
 * Parameters:
 * - generation: valid during the call only.
 * - user_data: as it was passed to the function that lists them.
 *
 * Returns: WMLB_S_OK, or anything else that is not negative, to go on; a negative value to stop.
 *
 * Threads: it is called on the thread that called the list. During the call, every function of
 * this library may be called.
 *
 * The function must return normally. An exception or pthread_exit() that leaves it ends the
 * process with SIGABRT, and nothing is printed; the effect of a longjmp() that leaves it is
 * undefined. (In this version, what the call held is lost then: memory and open files.)
 */
typedef wmlb_hresult (*wmlb_generation_callback)(const struct wmlb_generation_info *generation,
                                                 void *user_data);

/**
 * Describes the backup (property RestorePath: the folder or the file, or the target that is set):
 * calls callback once, and returns. It reads only the beginning and the end of the file, and does
 * not check the rest; wmlb_restorer_verify_backup() does.
 *
 * An encrypted file is opened if Passphrase or Identities is set. If neither is set, the call
 * succeeds all the same, and unknown fields have the values that wmlb_generation_info states.
 * licenses and bytes are unknown for a pipe and for a target without WMLB_TARGET_RANGES.
 *
 * Parameters:
 * - restorer: the handle.
 * - callback: receives the backup; see wmlb_generation_callback.
 * - user_data: is passed to callback, and not touched otherwise.
 *
 * Returns:
 * - WMLB_S_OK
 * - the negative value that callback returned
 * - WMLB_NS_E_DRM_OPERATION_CANCELED: wmlb_restorer_cancel() was called
 * - WMLB_E_HANDLE
 * - WMLB_E_INVALIDARG: callback is NULL
 * - WMLB_NS_E_DRM_NOT_CONFIGURED: RestorePath is not set
 * - WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD: a secret is set, and does not open the file
 * - WMLB_NS_E_DRM_BACKUP_CORRUPT, WMLB_NS_E_BACKUP_RESTORE_BAD_DATA, WMLB_HRESULT_FROM_WIN32(50),
 *   WMLB_E_OUTOFMEMORY, WMLB_E_NOTIMPL: as in the last event of
 *   wmlb_restorer_restore_licenses()
 * - WMLB_HRESULT_FROM_WIN32(code): the file cannot be read
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_backup_info(struct wmlb_restorer *restorer,
                                       wmlb_generation_callback callback,
                                       void *user_data);

/**
 * Lists the generations of a backup: calls callback for licenses.wmlb and each generation (see
 * the property Keep) in the folder RestorePath, or in that of the file RestorePath, the newest
 * first, and returns at the end of the list. It reads the beginning and the end of each file; one
 * that is damaged is listed too. kept_by says what the property Keep would keep, and so
 * what wmlb_restorer_forget_generations() would remove.
 *
 * Encrypted files are opened if Passphrase or Identities is set; for each that a passphrase
 * encrypts, that takes a third of a second.
 *
 * Parameters:
 * - restorer: the handle.
 * - callback: receives the generations; see wmlb_generation_callback.
 * - user_data: is passed to callback, and not touched otherwise.
 *
 * Returns:
 * - WMLB_S_OK, also if there is none
 * - the negative value that callback returned
 * - WMLB_NS_E_DRM_OPERATION_CANCELED: wmlb_restorer_cancel() was called
 * - WMLB_E_HANDLE
 * - WMLB_E_INVALIDARG: callback is NULL
 * - WMLB_NS_E_DRM_NOT_CONFIGURED: RestorePath is not set
 * - WMLB_E_NOTIMPL: a target is set
 * - WMLB_HRESULT_FROM_WIN32(code): the folder or a file in it cannot be read
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_enumerate_generations(struct wmlb_restorer *restorer,
                                                 wmlb_generation_callback callback,
                                                 void *user_data);

/**
 * Removes the generations that the property Keep does not want: lists all, as
 * wmlb_restorer_enumerate_generations() does, and at the end of the list removes those with
 * kept_by 0, unless callback returned WMLB_S_FALSE for them. licenses.wmlb is never removed.
 *
 * Parameters:
 * - restorer: the handle.
 * - callback: receives the generations; see wmlb_generation_callback. If it returns a negative
 *   value, nothing is removed.
 * - user_data: is passed to callback, and not touched otherwise.
 *
 * Returns:
 * - WMLB_S_OK
 * - what wmlb_restorer_enumerate_generations() returns; nothing was removed then
 * - WMLB_NS_E_DRM_NOT_CONFIGURED: also, Keep is not set
 * - WMLB_HRESULT_FROM_WIN32(code): also, a file cannot be removed
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_forget_generations(struct wmlb_restorer *restorer,
                                              wmlb_generation_callback callback,
                                              void *user_data);

/* ---- What a host may decide: rights, restores, a store and a target of its own -------------- */

/**
 * The function that says whether a license may be backed up, for hosts that know more about their
 * DRM system than the clear text of the license states.
 *
 * It is called between the events of a backup, for every license that could be read, in no
 * particular order. For a license that is larger than 2 MiB, it is called when the beginning has
 * been read; the rest may still turn out to be unreadable. For a license that changes while it is
 * read, it may be called again. wmlb_restorer_compare() calls it, on the thread of its caller, for
 * the licenses that the backup does not have.
 *
 * Parameters:
 * - license: what the license says of itself; valid during the call only.
 * - ctx: as it was passed to wmlb_restorer_set_rights().
 *
 * Returns:
 * - WMLB_RIGHT_ALLOWED or WMLB_RIGHT_DENIED: overrides what the license says
 * - WMLB_RIGHT_NOT_STATED: keeps what the license says (license->backup_right); if that is
 *   WMLB_RIGHT_NOT_STATED too, the property UnstatedRights decides
 * - anything else ends the backup, or the comparison, with WMLB_E_INVALIDARG
 *
 * Threads: it is called on the operation's thread, under the rules of wmlb_status_callback,
 * except for the value that is returned.
 */
typedef int32_t (*wmlb_rights_callback)(const struct wmlb_license_info *license, void *ctx);

/**
 * Sets the function that is asked about each license in a backup. A running backup keeps the one
 * that it started with.
 *
 * Parameters:
 * - restorer: the handle.
 * - rights: see wmlb_rights_callback; NULL for none.
 * - ctx: is passed to rights, and not touched otherwise. It must live as long as the function is
 *   set and a backup may run.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_set_rights(struct wmlb_restorer *restorer,
                                      wmlb_rights_callback rights,
                                      void *ctx);

/**
 * The question to an authorizer. The pointers are valid during the call only.
 */
typedef struct wmlb_restore_request {
    /**
     * The size of this struct in bytes, as the library knows it. Read no field beyond it.
     */
    size_t struct_size;
    /**
     * The time when the backup was made, in Unix seconds.
     */
    int64_t created;
    /**
     * The ID of the device that made it, in hexadecimal; "" if it is not known.
     */
    const char *device_id;
    /**
     * 1: this device made it; 0: another one did, or it is not known.
     */
    int32_t same_device;
    /**
     * The flags of the restore.
     */
    uint32_t flags;
} wmlb_restore_request;

/**
 * The function that may refuse a restore. It is called between the events CONNECTING and
 * DISCONNECTING, before anything is touched.
 *
 * Parameters:
 * - request: the question; valid during the call only.
 * - url: a buffer of url_len bytes, all 0, for an address that the user may go to:
 *   NUL-terminated, UTF-8.
 * - url_len: the size of that buffer in bytes.
 * - ctx: as it was passed to wmlb_restorer_set_authorizer().
 *
 * Returns: WMLB_S_OK, or anything else that is not negative, to allow the restore. A negative
 * value, by custom WMLB_NS_E_DRM_RESTORE_FRAUD, refuses it and is the result of the operation;
 * its last event is WMLB_STATUS_ERROR_WITHURL with the address, or WMLB_STATUS_ERROR if there is
 * none.
 *
 * Threads: it is called on the operation's thread, under the rules of wmlb_status_callback.
 */
typedef wmlb_hresult (*wmlb_authorizer_callback)(const struct wmlb_restore_request *request,
                                                 char *url,
                                                 size_t url_len,
                                                 void *ctx);

/**
 * Sets the function that is asked before a restore. A running restore keeps the one that it
 * started with.
 *
 * Parameters:
 * - restorer: the handle.
 * - authorizer: see wmlb_authorizer_callback; NULL for none.
 * - ctx: is passed to authorizer, and not touched otherwise. It must live as long as the function
 *   is set and a restore may run.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_set_authorizer(struct wmlb_restorer *restorer,
                                          wmlb_authorizer_callback authorizer,
                                          void *ctx);

/**
 * The function that chooses the licenses that a restore, a verification or the list of a backup is
 * about. It is called for each license that the property Only has left, in the order of their
 * names, before the first of them is restored: a restore with a filter reads the backup file once
 * for the filter, and the chosen licenses once more. It restores all of the chosen licenses, or
 * none. wmlb_restorer_compare() calls it for the licenses that differ.
 *
 * Parameters:
 * - license: the license; valid during the call only.
 * - ctx: as it was passed to wmlb_restorer_set_filter().
 *
 * Returns:
 * - WMLB_S_OK: the license is chosen
 * - WMLB_S_FALSE: it is left out, as if the backup did not have it
 * - a negative value ends the operation, and is its result
 * - anything else ends it with WMLB_E_INVALIDARG
 *
 * Threads: it is called on the operation's thread, under the rules of wmlb_status_callback; in an
 * enumeration or a comparison on the caller's, under those of wmlb_license_callback.
 */
typedef wmlb_hresult (*wmlb_filter_callback)(const struct wmlb_license_info *license, void *ctx);

/**
 * Sets the function that chooses among the licenses of a backup, in restores, verifications and
 * lists of it. A running operation keeps the one that it started with.
 *
 * Parameters:
 * - restorer: the handle.
 * - filter: see wmlb_filter_callback; NULL for none.
 * - ctx: is passed to filter, and not touched otherwise. It must live as long as the function is
 *   set and such an operation may run.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_set_filter(struct wmlb_restorer *restorer,
                                      wmlb_filter_callback filter,
                                      void *ctx);

/**
 * A license in a store of the host.
 */
typedef struct wmlb_store_license {
    /**
     * The size of this struct in bytes, as the library knows it. Read and write no field beyond
     * it.
     */
    size_t struct_size;
    /**
     * Its name: name_len bytes, none of them NUL, and no NUL after them; at most 16,384 bytes. It
     * is a relative path: its components are separated by "/", and none of them is empty, "." or
     * "..". No two licenses have the same name, and no name is a folder in another one ("a" and
     * "a/b"). The first component is not ".wmlb-restore-" and 16 hexadecimal digits.
     */
    const uint8_t *name;
    size_t name_len;
    /**
     * Its data_len bytes, of any values. May be NULL if data_len is 0.
     */
    const uint8_t *data;
    size_t data_len;
    /**
     * The time when it was last modified, in Unix seconds.
     */
    int64_t modified;
} wmlb_store_license;

/**
 * The functions of a store that the host keeps itself: a player that has its licenses in a
 * database of its own, or in memory, needs no files to back them up. For
 * wmlb_restorer_set_store(), which copies the struct.
 *
 * In all of them, ctx is as it was passed to that function. All but close return WMLB_S_OK, or
 * anything else that is not negative; or, if they fail, a negative value, which becomes the result
 * of the operation or the enumeration. The message says which function failed.
 *
 * Order of calls in a backup:
 * - open(0); next until it returns WMLB_S_FALSE; close.
 * - The licenses come in any order; the backup file has them in the order of their names.
 * - All are copied before the first is packed: 16 MiB of them to memory and the rest to a file
 *   without a name, in the backup folder, or, since the copy is not encrypted, in
 *   $XDG_CACHE_HOME/wmlb, else $HOME/.cache/wmlb, if the backup is.
 * - Before close, the progress stays at 0, but WMLB_STATUS_PROGRESS comes, so that the backup can
 *   be canceled.
 *
 * Order of calls in an enumeration: as in a backup, with a call of the callback after each next.
 *
 * Order of calls in a restore:
 * - With WMLB_RESTORE_OVERWRITE: open(1); put for each license, in the order of names; commit;
 *   close.
 * - Without it: first open(0), next until WMLB_S_FALSE, close, to learn what the store has; then
 *   as above, but a license that the store has is not put. It counts as done if it is equal, and
 *   is reported with WMLB_STATUS_LICENSE_SKIPPED if it differs.
 * - commit is called only when the whole backup file was read and found sound, after the last
 *   WMLB_STATUS_PROGRESS. A cancel or failure before it leads to close without commit; a cancel
 *   after it changes nothing.
 *
 * Threads:
 * - In an operation, they are called on its thread, where events come too, under the rules of
 *   wmlb_status_callback. The last event comes after close.
 * - In an enumeration, they are called on the calling thread, under the rules of
 *   wmlb_license_callback.
 * - No two of them are called at the same time, nor while the store is open for another operation.
 *   An operation that finds the store in use fails with WMLB_NS_E_DRM_BACKUPRESTORE_BUSY in its
 *   ERROR event; an enumeration returns that. A backup uses the store until close, a restore from
 *   WMLB_STATUS_BACKUPRESTORE_BEGIN to its last close.
 * - Each call of wmlb_restorer_set_store() makes a store of its own. A host that sets the same
 *   functions twice, or on two restorers, must keep them apart itself.
 */
typedef struct wmlb_store_ops {
    /**
     * Set it to sizeof(wmlb_store_ops).
     */
    size_t struct_size;
    /**
     * Opens the store. for_writing: 0, to list its licenses from the first one, as they are; 1, to
     * put licenses into it. If it fails, nothing else is called, not even close.
     */
    wmlb_hresult (*open)(void *ctx, int32_t for_writing);
    /**
     * Gives the next license: fills in *license, in which all but struct_size is 0, and returns
     * WMLB_S_OK; or returns WMLB_S_FALSE if there are no more. The order does not matter. What
     * name and data point to belongs to the host, and stays as it is until the next call of next
     * or close. A name that is not as wmlb_store_license says is WMLB_NS_E_DRM_INVALID_LICENSE; a
     * NULL with a length is WMLB_E_POINTER; both also with WMLB_BACKUP_PARTIAL. (An enumeration
     * does not check that names do not repeat.)
     */
    wmlb_hresult (*next)(void *ctx, struct wmlb_store_license *license);
    /**
     * Stages a license; what it replaces stays until commit. *license and what it points to, which
     * is never NULL, are valid during the call only: copy what is to be kept. NULL, alone or with
     * commit: the store can only be backed up and listed.
     */
    wmlb_hresult (*put)(void *ctx, const struct wmlb_store_license *license);
    /**
     * Puts everything that was staged in place: all of it, or, if it fails, nothing. Licenses that
     * were not staged stay. It is called at most once, also if nothing was staged.
     */
    wmlb_hresult (*commit)(void *ctx);
    /**
     * Ends what open began: it is called once after each open that succeeded, whatever happened
     * between. If open was for writing and there was no commit, or commit failed, drop what was
     * staged.
     */
    void (*close)(void *ctx);
} wmlb_store_ops;

/**
 * Sets a store that the host keeps itself, in place of the one at StorePath, for backups, restores
 * and wmlb_restorer_enumerate_store() of this restorer. While it is set, StorePath is not used.
 * What is running keeps the store that it started with.
 *
 * A restore into a store without put or commit is refused with WMLB_E_NOTIMPL.
 *
 * Parameters:
 * - restorer: the handle.
 * - ops: the functions, see wmlb_store_ops; copied. NULL: the store is the one at StorePath again.
 * - ctx: is passed to the functions, and not touched otherwise. It and the functions must live as
 *   long as they are set, and until operations and enumerations that started with them have
 *   ended: after wmlb_restorer_wait() or, from another thread, wmlb_restorer_release(), they are
 *   not called again.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_INVALIDARG: ops->struct_size is less than sizeof(wmlb_store_ops)
 * - WMLB_E_POINTER: open, next or close is NULL
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_set_store(struct wmlb_restorer *restorer,
                                     const struct wmlb_store_ops *ops,
                                     void *ctx);

/* Capabilities of a target. */

/** publish can refuse in one step when there is a backup already. */
#define WMLB_TARGET_CREATE_ONLY 0x1u

/** read takes any offset. */
#define WMLB_TARGET_RANGES 0x2u

/** reuse exists: bytes of the published file need not be sent again. */
#define WMLB_TARGET_REUSE 0x4u

/**
 * The backup file in a target, as wmlb_target_ops.stat describes it.
 */
typedef struct wmlb_target_info {
    /**
     * The size of this struct in bytes, as the library knows it. Write no field beyond it.
     */
    size_t struct_size;
    /**
     * The size of the backup file in bytes.
     */
    uint64_t size;
    /**
     * The time when it was published, in Unix seconds.
     */
    int64_t modified;
} wmlb_target_info;

/**
 * The functions of a target: where a backup file goes, and where it comes from, when that is not a
 * folder, such as a server. For wmlb_restorer_set_target(), which copies the struct.
 *
 * In all of them, ctx is as it was passed to that function. All but abandon return WMLB_S_OK, or
 * anything else that is not negative; or, if they fail, a negative value, which becomes the result
 * of the operation or the enumeration. The message says which function failed.
 *
 * Order of calls in a backup, all after WMLB_STATUS_BACKUPRESTORE_BEGIN:
 * - Without WMLB_BACKUP_OVERWRITE: stat. If there is a backup, the operation ends with
 *   WMLB_NS_E_DRM_BACKUP_EXISTS; nothing else is called.
 * - begin; write any number of times, and with WMLB_TARGET_REUSE reuse; then publish, after the
 *   last WMLB_STATUS_PROGRESS. Without WMLB_BACKUP_OVERWRITE and WMLB_TARGET_CREATE_ONLY, stat is
 *   called again before publish.
 * - With WMLB_BACKUP_OVERWRITE: stat, and read of the published backup at any offset, between
 *   begin and publish. They tell how many licenses it has; one that cannot be read is replaced
 *   all the same, except by a backup without licenses.
 * - abandon, once, if begin succeeded and publish was not called or failed. A publish that failed
 *   may have published all the same: then abandon must not remove that.
 *
 * Order of calls in a restore, a verification or an enumeration: stat; read from the beginning on,
 * without gaps, until it gives 0 bytes. With a filter or the property Only, read at any offset.
 *
 * Threads:
 * - In an operation, they are called on its thread, where events come too, under the rules of
 *   wmlb_status_callback. The last event comes after all of them.
 * - In an enumeration, they are called on the calling thread, under the rules of
 *   wmlb_license_callback.
 * - No two of them are called at the same time. An operation that finds the target in use fails
 *   with WMLB_NS_E_DRM_BACKUPRESTORE_BUSY in its ERROR event; an enumeration returns that.
 */
typedef struct wmlb_target_ops {
    /**
     * Set it to sizeof(wmlb_target_ops).
     */
    size_t struct_size;
    /**
     * 0, or WMLB_TARGET_* joined by |.
     */
    uint32_t capabilities;
    /**
     * Begins a backup file, which stays invisible until publish. size_hint: roughly its size in
     * bytes; 0: not known.
     */
    wmlb_hresult (*begin)(void *ctx, uint64_t size_hint);
    /**
     * Appends bytes; len is not 0. They are valid during the call only.
     */
    wmlb_hresult (*write)(void *ctx, const uint8_t *data, size_t len);
    /**
     * Appends bytes of the published file: the one that stat and read have described since begin.
     * They are not read, and so not checked. May be NULL without WMLB_TARGET_REUSE.
     */
    wmlb_hresult (*reuse)(void *ctx, uint64_t offset, uint64_t len);
    /**
     * Makes the file durable, and visible in one step. overwrite: 0, it must not take the place of
     * another, which is WMLB_NS_E_DRM_BACKUP_EXISTS; 1, it does.
     */
    wmlb_hresult (*publish)(void *ctx, int32_t overwrite);
    /**
     * Drops what was begun.
     */
    void (*abandon)(void *ctx);
    /**
     * Describes the published file: fills in *info, in which all but struct_size is 0; or returns
     * WMLB_S_FALSE if there is none.
     */
    wmlb_hresult (*stat)(void *ctx, struct wmlb_target_info *info);
    /**
     * Reads bytes of the published file to buffer. len: the size of buffer, not 0; receives the
     * number of bytes that were read: 0 only at the end of the file, otherwise any number.
     */
    wmlb_hresult (*read)(void *ctx, uint64_t offset, uint8_t *buffer, size_t *len);
} wmlb_target_ops;

/**
 * Sets a target in place of the folders BackupPath and RestorePath, for all operations of this
 * restorer and for wmlb_restorer_enumerate_backup(). While it is set, those properties are not
 * used. What is running keeps the target that it started with.
 *
 * With a target, WMLB_NS_E_DRM_BACKUP_EXISTS comes in the ERROR event only, since the starting
 * call does not call the target; WMLB_BACKUP_VERIFY is refused with WMLB_E_NOTIMPL; and the value
 * of the END event is "".
 *
 * Parameters:
 * - restorer: the handle.
 * - ops: the functions, see wmlb_target_ops; copied. NULL: the folders are used again.
 * - ctx: is passed to the functions, and not touched otherwise. It and the functions must live as
 *   long as they are set, and until operations and enumerations that started with them have
 *   ended: after wmlb_restorer_wait() or, from another thread, wmlb_restorer_release(), they are
 *   not called again.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_INVALIDARG: ops->struct_size is less than sizeof(wmlb_target_ops)
 * - WMLB_E_POINTER: a function is NULL, except reuse without WMLB_TARGET_REUSE
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restorer_set_target(struct wmlb_restorer *restorer,
                                      const struct wmlb_target_ops *ops,
                                      void *ctx);

/**
 * Sets an open descriptor as the target, as wmlb_restorer_set_target() sets functions: a document
 * that a system's dialog handed out, a file without a name, a pipe, a socket. The library uses a
 * duplicate of it, until another target is set or the restorer is released. To go back to the
 * folders, call wmlb_restorer_set_target() with NULL.
 *
 * - A regular file is overwritten from its offset on, truncated after the backup, and flushed to
 *   the disk. A backup that fails after its first byte truncates the file where it began. A
 *   restore, a verification or an enumeration reads from its offset to its end. Each of them moves
 *   the offset: set it back before the next. A 32-bit program opens it with O_LARGEFILE, as
 *   -D_FILE_OFFSET_BITS=64 does, or the system ends it at 2 GiB.
 * - A pipe, socket or device is written as the backup is made, and read until its end. A backup
 *   that fails leaves it incomplete, and readers refuse that as damaged. While the other end takes
 *   or sends no bytes, the operation waits; it can be canceled. SIGPIPE is never raised.
 * - WMLB_BACKUP_OVERWRITE changes nothing. WMLB_BACKUP_VERIFY needs a regular file that is open
 *   for reading and writing; else it is refused with WMLB_E_NOTIMPL.
 * - An operation whose direction the descriptor was not opened for is refused with
 *   WMLB_E_ACCESSDENIED.
 *
 * Parameters:
 * - restorer: the handle.
 * - fd: the descriptor.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_INVALIDARG: fd is not an open descriptor
 * - WMLB_HRESULT_FROM_WIN32(4): no more descriptors can be opened
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD wmlb_hresult wmlb_restorer_set_target_fd(struct wmlb_restorer *restorer, int32_t fd);

/* ---- The end of a restorer ------------------------------------------------------------------ */

/**
 * Releases a restorer: its handle is not valid any more.
 *
 * A running operation is canceled. Its last event is still delivered (END, if the cancel came too
 * late), and the function returns when its thread has ended. After that, the callback is not
 * called again, and user_data may be freed.
 *
 * In a callback of the same restorer, the function returns at once, and no further event comes,
 * not even the last one.
 *
 * Parameters:
 * - restorer: the handle; not the one of the default restorer, which stays.
 *
 * Returns:
 * - WMLB_S_OK
 * - WMLB_E_HANDLE
 * - WMLB_E_ILLEGAL_METHOD_CALL: it is the default restorer
 *
 * Threads: any, also in a callback.
 */
wmlb_hresult wmlb_restorer_release(struct wmlb_restorer *restorer);

/* ---- The default restorer ------------------------------------------------------------------- */

/**
 * The default restorer: there is one per process, and the functions without a handle act on it.
 * Every function that takes a handle takes this one too. It is never released. In a child after
 * fork(), the default restorer is a new one.
 *
 * Returns: the handle; NULL if memory has run out.
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD struct wmlb_restorer *wmlb_default_restorer(void);

/**
 * Sets a property of the default restorer. Parameters, results and threads are those of
 * wmlb_restorer_set_prop().
 */
WMLB_NODISCARD
wmlb_hresult wmlb_set_prop(const char *name,
                           int32_t type,
                           const uint8_t *value,
                           size_t value_len);

/**
 * Reads a property of the default restorer. Parameters, results and threads are those of
 * wmlb_restorer_get_prop_by_name().
 */
WMLB_NODISCARD
wmlb_hresult wmlb_get_prop_by_name(const char *name,
                                   int32_t *type,
                                   uint8_t *value,
                                   size_t *value_len);

/**
 * Counts the properties of the default restorer that are set. Parameters, results and threads are
 * those of wmlb_restorer_get_prop_count().
 */
WMLB_NODISCARD wmlb_hresult wmlb_get_prop_count(size_t *count);

/**
 * Reads the name and the value of one of the properties of the default restorer that are set.
 * Parameters, results and threads are those of wmlb_restorer_get_prop_by_index().
 */
WMLB_NODISCARD
wmlb_hresult wmlb_get_prop_by_index(size_t index,
                                    char *name,
                                    size_t *name_len,
                                    int32_t *type,
                                    uint8_t *value,
                                    size_t *value_len);

/**
 * Removes a property of the default restorer. Parameters, results and threads are those of
 * wmlb_restorer_remove_prop().
 */
WMLB_NODISCARD wmlb_hresult wmlb_remove_prop(const char *name);

/**
 * Removes all properties of the default restorer. Results and threads are those of
 * wmlb_restorer_remove_all_props().
 */
WMLB_NODISCARD wmlb_hresult wmlb_remove_all_props(void);

/**
 * Sets the property BackupPath of the default restorer. Parameters, results and threads are those
 * of wmlb_restorer_set_backup_path().
 */
WMLB_NODISCARD wmlb_hresult wmlb_set_backup_path(const char *path);

/**
 * Sets the property RestorePath of the default restorer. Parameters, results and threads are those
 * of wmlb_restorer_set_restore_path().
 */
WMLB_NODISCARD wmlb_hresult wmlb_set_restore_path(const char *path);

/**
 * Sets the property StorePath of the default restorer. Parameters, results and threads are those
 * of wmlb_restorer_set_store_path().
 */
WMLB_NODISCARD wmlb_hresult wmlb_set_store_path(const char *path);

/**
 * Starts a backup on the default restorer. Parameters, results, events and threads are those of
 * wmlb_restorer_backup_licenses().
 */
WMLB_NODISCARD
wmlb_hresult wmlb_backup_licenses(uint32_t flags,
                                  wmlb_status_callback callback,
                                  void *user_data);

/**
 * Starts a restore on the default restorer. Parameters, results, events and threads are those of
 * wmlb_restorer_restore_licenses().
 */
WMLB_NODISCARD
wmlb_hresult wmlb_restore_licenses(uint32_t flags,
                                   wmlb_status_callback callback,
                                   void *user_data);

/**
 * Cancels the running backup of the default restorer. Results and threads are those of
 * wmlb_restorer_cancel_license_backup().
 */
wmlb_hresult wmlb_cancel_license_backup(void);

/**
 * Cancels the running restore of the default restorer. Results and threads are those of
 * wmlb_restorer_cancel_license_restore().
 */
wmlb_hresult wmlb_cancel_license_restore(void);

/**
 * Waits until the running operation of the default restorer has ended. Parameters, results and
 * threads are those of wmlb_restorer_wait().
 */
WMLB_NODISCARD wmlb_hresult wmlb_wait(uint32_t timeout_ms, wmlb_hresult *result);

/**
 * Reads the message of the last failed call or operation of the default restorer. Parameters,
 * results and threads are those of wmlb_restorer_get_last_error().
 */
WMLB_NODISCARD wmlb_hresult wmlb_get_last_error(char *buffer, size_t *len);

/* ---- The license stores of players ---------------------------------------------------------- */

/**
 * A license store of a player. The pointers are valid during the call only.
 */
typedef struct wmlb_store_info {
    /**
     * The size of this struct in bytes, as the library knows it. Read no field beyond it.
     */
    size_t struct_size;
    /**
     * The player: "Chromium", "Chrome", "Brave", "Edge", "Vivaldi", "Opera", each also with a
     * channel after it ("Chrome Beta", "Edge Dev"), "Firefox", "Kodi", "Thorium", "PlayReady" (on
     * a set-top box with RDK), or "wmlb": the store at $WMLB_STORE_PATH, and the default of the
     * property StorePath. Other names may be added. A snap or flatpak has the same name. Any other
     * program that is made with Electron or from Chromium has the name of its folder, and a DRM
     * system of a set-top box that of its configuration: untrusted data, which may contain control
     * characters.
     */
    const char *player;
    /**
     * The player's profile: the name of its folder; for Firefox, its name in profiles.ini if it
     * has one there. "" if the player has no profiles, and for the main profile of Kodi. One
     * profile may have several stores.
     */
    const char *profile;
    /**
     * "directory": path is a folder, and the files in it are the licenses. "sqlite": path is a
     * database file, which holds them.
     */
    const char *kind;
    /**
     * The absolute path of the store, as the property StorePath takes it.
     */
    const char *path;
    /**
     * Whether the player is running, judged by its lock files at the time of the search: 1
     * probably, 0 certainly not, -1 unknown (always so for Kodi, PlayReady and "wmlb"). A running
     * player may overwrite what is restored: close it first.
     */
    int32_t running;
} wmlb_store_info;

/**
 * The function that receives stores, one call for each.
 *
 * Parameters:
 * - store: valid during the call only.
 * - user_data: as it was passed to wmlb_discover_stores().
 *
 * Returns: WMLB_S_OK, or anything else that is not negative, to go on; a negative value to stop.
 *
 * Threads: it is called on the thread that called wmlb_discover_stores(). During the call, every
 * function of this library may be called.
 *
 * The function must return normally. An exception or pthread_exit() that leaves it ends the
 * process with SIGABRT, and nothing is printed; the effect of a longjmp() that leaves it is
 * undefined. (In this version, the memory that the call held is lost then.)
 */
typedef wmlb_hresult (*wmlb_store_callback)(const struct wmlb_store_info *store, void *user_data);

/**
 * Finds the license stores that players have made for this user: calls callback for each, and
 * returns at the end of the list. It needs no restorer, and changes nothing. To back up a store,
 * set its path as the property StorePath.
 *
 * It looks at the places where browsers made from Chromium, programs made with Electron, Firefox,
 * Kodi, Thorium, and PlayReady on RDK keep their stores by default: below $HOME (if that is not
 * set, the user's home in the password database), and where $XDG_CONFIG_HOME, $XDG_DATA_HOME,
 * $CHROME_CONFIG_HOME, $CHROME_USER_DATA_DIR, $KODI_DATA and $WMLB_STORE_PATH point. It does not
 * know a place that was chosen on the command line of a player. It reads names, links and small
 * files of settings, and no license. Below such a place it follows no links, except where a player
 * or its users have them. wmlb_discover_places() lists the places.
 *
 * The order is always the same: by player, then by profile. A store that several paths reach is
 * listed once. Stores that cannot be read are left out, and so are those whose path is not UTF-8,
 * since StorePath cannot name them.
 *
 * Parameters:
 * - callback: receives the stores; see wmlb_store_callback.
 * - user_data: is passed to callback, and not touched otherwise.
 *
 * Returns:
 * - WMLB_S_OK, also if there is no store
 * - the negative value that callback returned
 * - WMLB_E_INVALIDARG: callback is NULL
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD wmlb_hresult wmlb_discover_stores(wmlb_store_callback callback, void *user_data);

/**
 * Lists the places at which wmlb_discover_stores() looks for stores, whether there is one or not:
 * calls callback for each, and returns at the end of the list. In a place only player and path are
 * known: player is "" if every program's data is looked for there, profile and kind are "", and
 * running is -1. In path, U+FFFD stands for what is not UTF-8.
 *
 * Parameters:
 * - callback: receives the places; see wmlb_store_callback.
 * - user_data: is passed to callback, and not touched otherwise.
 *
 * Returns:
 * - WMLB_S_OK
 * - the negative value that callback returned
 * - WMLB_E_INVALIDARG: callback is NULL
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD wmlb_hresult wmlb_discover_places(wmlb_store_callback callback, void *user_data);

/* ---- Names and versions --------------------------------------------------------------------- */

/**
 * The version of the interface in this header; wmlb_abi_version() is that of the library
 * that is loaded. Only a change that breaks existing programs raises it.
 */
#define WMLB_ABI_VERSION 1

/**
 * The name of a result code in the Windows SDKs, such as "NS_E_DRM_BACKUP_EXISTS".
 *
 * Parameters:
 * - hr: any value.
 *
 * Returns: a static string; "unknown" for a value that has no name.
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD const char *wmlb_hresult_name(wmlb_hresult hr);

/**
 * A sentence in English for a result code. The ERROR event and wmlb_get_last_error() say more:
 * they name the path and the cause.
 *
 * Parameters:
 * - hr: any value.
 *
 * Returns: a static string.
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD const char *wmlb_hresult_message(wmlb_hresult hr);

/**
 * The name of a status value in the Windows SDKs, such as "WMT_BACKUPRESTORE_BEGIN"; for those
 * that the SDKs do not have, "WMLB_PROGRESS" and "WMLB_LICENSE_SKIPPED".
 *
 * Parameters:
 * - status: any value.
 *
 * Returns: a static string; "unknown" for a value that has no name.
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD const char *wmlb_status_name(int32_t status);

/**
 * The version of the library that is loaded, such as "1.0.0". WMLB_VERSION is that of the header.
 *
 * Returns: a static string.
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD const char *wmlb_version(void);

/**
 * The version of the interface that the loaded library has. A program can use the library if it
 * was built with a header of the same WMLB_ABI_VERSION.
 *
 * Returns: that version, 1.
 *
 * Threads: any, also in a callback.
 */
WMLB_NODISCARD uint32_t wmlb_abi_version(void);

#ifdef __cplusplus
}
#endif

#endif /* WMLB_H */
