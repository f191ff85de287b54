/* The commands and options of the wmlb command: its parser, its help and the completions for shells
 * are made from these tables. */
#include <wmlb.h>

#include "options.h"

#define LOOKS (RESTORE | VERIFY | LIST | DIFF | CAT | INFO)
#define OPENS (LOOKS | GENERATIONS)
#define OPERATES (BACKUP | RESTORE | VERIFY)

const struct command commands[] = {
    {BACKUP, "backup", "save the licenses of a store in a file", "FOLDER", 1, 1,
     "Saves the licenses of a store in FOLDER/" WMLB_BACKUP_FILE_NAME ". For -, the backup goes to "
     "standard output; for s3://BUCKET/PREFIX?endpoint=https://HOST, to a bucket, if libwmlb-remote "
     "is installed. All other commands take it from there by the same address."},
    {WATCH, "watch", "save them in a file whenever they have changed", "STORE FOLDER", 2, 2,
     "Saves the licenses of a store (a path or a player, as wmlb stores shows it) in "
     "FOLDER/" WMLB_BACKUP_FILE_NAME ", now and whenever they have changed, until a signal ends "
     "it. What fails is told, and tried again."},
    {RESTORE, "restore", "bring them back", "BACKUP", 1, 1,
     "Brings the licenses of a backup (a folder or file; -: standard input) back into a store, all "
     "or none. Licenses of the store that differ stay, and are reported (exit code 3)."},
    {VERIFY, "verify", "check a backup", "BACKUP", 1, 1,
     "Checks a backup (a folder or file; -: standard input) as a restore would, and restores "
     "nothing."},
    {LIST, "list", "show the licenses in a backup or store", "BACKUP | --store STORE", 0, 1,
     "Shows the licenses in a backup (a folder or file; -: standard input) or store."},
    {DIFF, "diff", "show what differs between a store and a backup", "BACKUP", 1, 1,
     "Shows which licenses differ between a store and a backup (a folder or file; -: standard "
     "input), by their contents: + is in the store only, - in the backup only, and ~ in both, with "
     "other contents. What a backup would leave out is not shown. Exit code 7: some differ."},
    {CAT, "cat", "write one license of a backup to standard output", "BACKUP NAME", 2, 2,
     "Writes one license of a backup to standard output."},
    {INFO, "info", "say when a backup was made, and how much is in it", "BACKUP", 1, 1,
     "Says when a backup (a folder or file; -: standard input) was made, of which kind of store, by "
     "which device, and how much is in it. The file is not checked: see verify. An encrypted backup "
     "needs its passphrase or identity for that."},
    {GENERATIONS, "generations", "show the backups that a folder has", "FOLDER", 1, 1,
     "Shows the backups in a folder or bucket, the newest first: the last one, and those that were "
     "replaced and kept. Restore, verify, list, diff and cat take each by its path; in a bucket, by "
     "--generation."},
    {FORGET, "forget", "remove old backups that a rule does not keep", "--keep RULE FOLDER", 1, 1,
     "Removes replaced backups that a rule does not keep, and says for each why it stays or goes. The "
     "last backup always stays. In a bucket, also what backups that were killed have left; nothing "
     "that is younger than a day goes there."},
    {DEVICES, "devices", "show the devices that have backups in a bucket", "s3://BUCKET/PREFIX", 1, 1,
     "Shows the devices that have backups in a bucket, by name: when the last one was made, how "
     "large it is, and how many there were."},
    {STORES, "stores", "show the stores of this user's players", "", 0, 0,
     "Shows the license stores that players have made for this user."},
    {HELP, "help", "say more about a command", "[COMMAND]", 0, 1, "Shows the usage of a command."},
    {0, NULL, NULL, NULL, 0, 0, NULL},
};

const struct option_row options[] = {
    {STORE, 's', "store", "STORE", OPERATES & ~VERIFY,
     "the store: a path, or the name of a player, or of a player and its profile, as wmlb stores "
     "shows them; by default $WMLB_STORE_PATH, else wmlb/licenses in $XDG_DATA_HOME or "
     "~/.local/share"},
    {STORE, 's', "store", "STORE", LIST | DIFF, "the store: a path or a player, as for backup"},
    {EVERY_STORE, 'a', "all", NULL, BACKUP,
     "back up every store that wmlb stores shows, each into a folder of its own in FOLDER"},
    {SETTLE, 0, "settle", "SECONDS", WATCH,
     "how long the store must rest before it is backed up; by default 3. One that never rests is "
     "backed up all the same, after 20 times as long"},
    {REPLACE, 0, "replace", NULL, BACKUP,
     "replace the backup that is there, unless it has more than twice the licenses of this one: "
     "then a terminal is asked"},
    {FORCE, 'f', "force", NULL, BACKUP, "replace it without asking"},
    {FORCE, 'f', "force", NULL, WATCH,
     "replace a backup that has more than twice the licenses of the new one too"},
    {FORCE, 'f', "force", NULL, RESTORE, "replace licenses that differ"},
    {KEEP, 'k', "keep", "RULE", BACKUP,
     "replace it as --replace does, and keep it as licenses-YYYYMMDDThhmmssZ.wmlb as long as RULE "
     "says: any of last=N daily=N weekly=N monthly=N yearly=N"},
    {KEEP, 'k', "keep", "RULE", WATCH,
     "keep backups that are replaced as licenses-YYYYMMDDThhmmssZ.wmlb as long as RULE says: any of "
     "last=N daily=N weekly=N monthly=N yearly=N"},
    {KEEP, 'k', "keep", "RULE", FORGET,
     "any of last=N daily=N weekly=N monthly=N yearly=N: the newest N backups, the newest of each "
     "of N days, and so on, in UTC; a backup stays if any part keeps it"},
    {EMPTY, 0, "empty", NULL, SAVES, "replace it even with the backup of an empty store"},
    {REREAD, 0, "reread", NULL, SAVES,
     "read every license, also those that have not changed since the backup that is replaced"},
    {PARTIAL, 0, "partial", NULL, SAVES, "leave out what cannot be read (exit code 3)"},
    {CHECK, 0, "verify", NULL, SAVES, "read the backup back from the disk"},
    {INDIVIDUALIZE, 0, "individualize", NULL, RESTORE, "restore a backup from another device too"},
    {DRY_RUN, 'n', "dry-run", NULL, RESTORE,
     "check the backup, and say what it would bring; the store stays as it is"},
    {DRY_RUN, 'n', "dry-run", NULL, FORGET, "say what would be removed, and remove nothing"},
    {ONLY, 'o', "only", "PATTERN", RESTORE | LIST | DIFF,
     "these licenses of a backup only: names (* and ? stand for any characters, [a-z] for one), "
     "key:ID or license:ID; may be given repeatedly"},
    {NAMES, 'N', "names", NULL, LIST,
     "names alone, one a line, in less time; with --json, also sizes and times"},
    {SAMPLE, 0, "sample", "PERCENT", VERIFY,
     "look at a random sample only, such as 5%: the end of the file and these parts of it are "
     "read, and damage anywhere else is not found; of standard input everything is read"},
    {AT, 't', "at", "TIME", LOOKS,
     "the newest backup in the folder that was not made after TIME: 2026-11-30, '2026-11-30 04:48', "
     "2026-11-30T04:48:51Z, or @ and seconds since 1970; a day or minute means its end"},
    {DEVICE, 'd', "device", "NAME", BACKUP | OPENS | FORGET,
     "in a bucket: the backups of this device; by default of the one at work"},
    {GENERATION, 'g', "generation", "FILE", LOOKS,
     "in a bucket: this backup of those that wmlb generations shows, in place of the last one"},
    {PASSPHRASE, 'p', "passphrase-file", "FILE", SAVES,
     "encrypt with the first line of FILE; -: standard input; a terminal prompts for it"},
    {PASSPHRASE, 'p', "passphrase-file", "FILE", OPENS,
     "the passphrase is the first line of FILE; -: standard input. Without this option, a terminal "
     "prompts for a passphrase that is needed"},
    {RECIPIENT, 'r', "recipient", "AGE1...", SAVES,
     "encrypt to a public key of age; may be given repeatedly"},
    {IDENTITY, 'i', "identity", "FILE", SAVES,
     "secret keys of age that open the backup to be replaced; may be given repeatedly"},
    {IDENTITY, 'i', "identity", "FILE", OPENS,
     "secret keys of age, for a backup to recipients; may be given repeatedly"},
    {ALLOW_CLEAR, 0, "allow-clear", NULL, RESTORE | VERIFY,
     "accept a backup that is not encrypted although a secret is given"},
    {LEVEL, 'l', "level", "N", SAVES, "compression, 1 to 19"},
    {JSON, 'j', "json", NULL, OPERATES | WATCH,
     "progress and results as objects of JSON, one a line"},
    {JSON, 'j', "json", NULL, LIST,
     "an array of objects, one a line; a name that is not UTF-8 has U+FFFD in \"name\", and its "
     "exact bytes, in hexadecimal, in \"name_hex\""},
    {JSON, 'j', "json", NULL, INFO, "an object"},
    {JSON, 'j', "json", NULL, DIFF | STORES | DEVICES | GENERATIONS | FORGET, "an array of objects, one a line"},
    {QUIET, 'q', "quiet", NULL, OPERATES | WATCH, "say only what went wrong"},
    {VERBOSE, 'v', "verbose", NULL, OPERATES | WATCH,
     "say more: progress where there is no terminal, each license that is left out or that a dry "
     "run is about, and the result codes of failures"},
    {VERBOSE, 'v', "verbose", NULL, LIST | DIFF | CAT | INFO | GENERATIONS | FORGET | DEVICES,
     "show the result codes of failures"},
    {VERBOSE, 'v', "verbose", NULL, STORES, "also show the places that were searched"},
    {HELP_OPTION, 'h', "help", NULL, ~0u, "this help"},
    {VERSION, 'V', "version", NULL, 0, "the version"},
    {0, 0, NULL, NULL, 0, NULL},
};
