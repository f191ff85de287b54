
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
