//! The properties, in their order: each is one row, with the text for the header.

/// What a property may hold.
pub enum Kind {
    /// A path that is not empty.
    Path,
    /// Age recipients. They are public, but an identity that is set by mistake is a secret.
    Recipients,
    /// A passphrase or age identities: never handed out.
    Secret,
    /// A DWORD in a range, and its default.
    Number { min: u32, max: u32, default: u32 },
    /// Any text, which may be empty: so it is by default.
    Text,
    /// A rule of which generations are kept; empty by default.
    Rule,
    /// One of these words; the first is the default.
    Choice(&'static [&'static str]),
}

properties! {
    /// The folder that backups are written to. A backup needs it.
    BackupPath: Kind::Path;

    /// The folder that holds the backup file to restore, or that file itself. A restore needs it,
    /// and so does everything else that reads a backup.
    RestorePath: Kind::Path;

    /// The license store: a folder, in which every file at any depth is a license, or one SQLite
    /// database. While a store is set with wmlb_restorer_set_store(), this property is not used.
    ///
    /// WARNING: close the host's own connections to a database in it before that is restored; see
    /// wmlb_restorer_restore_licenses().
    ///
    /// Default: $WMLB_STORE_PATH, else $XDG_DATA_HOME/wmlb/licenses, else
    /// $HOME/.local/share/wmlb/licenses. An empty variable counts as not set, and so do
    /// XDG_DATA_HOME and HOME with a relative path.
    StorePath: Kind::Path;

    /// The licenses that a restore, a verification and the list of a backup are about: patterns,
    /// one per line. A license is chosen if any of them matches. Not set or empty: all licenses.
    ///
    /// - a name, in which * stands for any characters (slashes too), ? for any byte, [a-z] for
    ///   one of these and [!a-z] for any other; \ makes the character after it a plain one;
    /// - key: and a key ID, as lists show it;
    /// - license: and a license ID, as lists show it;
    /// - name: and a name that begins like one of these.
    ///
    /// With names alone only the end of the backup file is read, and the parts that can hold such
    /// names: damage anywhere else is not found. A stream is read and checked to its end. With IDs
    /// a restore or a verification reads the file twice, so it must be one that can be sought in.
    /// wmlb_restorer_set_filter() chooses among these licenses.
    Only: Kind::Text;

    /// What the list of a backup tells of each license: all, or names: its name, size and time.
    /// Then the licenses themselves are not looked at, which takes less time: format is "opaque",
    /// and nothing else is stated. For a choice by IDs or by the filter, they are looked at all the
    /// same. Of a file at RestorePath, the bytes of each part are then checked by the XXH64 that
    /// the file's end has of them: that finds any damage, but not every file that somebody made up.
    Details: Kind::Choice(&["all", "names"]);

    /// The passphrase of encrypted backups, not empty. While it is set, backups are encrypted with
    /// it, and every operation that reads a backup opens one that was encrypted with it. Deriving
    /// the key takes 128 MiB of memory and about a third of a second, which cannot be canceled.
    ///
    /// The property's copy is kept out of core dumps and of children after fork(), and out of swap
    /// space where the system lets it (RLIMIT_MEMLOCK). It is wiped from memory when the property
    /// is removed or replaced, or the restorer released, and no operation that was started with it
    /// runs any more.
    Passphrase: Kind::Secret;

    /// The recipients that backups are encrypted to: public keys of the age format ("age1..."), one
    /// per line, at most 500. The identity of any one of them opens the backup. Backups to keys in
    /// hardware ("age1tag1...") are opened by other programs. Either all are post-quantum
    /// ("age1pq1...", "age1tagpq1..."), and at most 64, or none is. Empty lines and lines that
    /// begin with # are ignored. A backup does not start while Passphrase is set too.
    Recipients: Kind::Recipients;

    /// The identities that open encrypted backups: secret keys of the age format
    /// ("AGE-SECRET-KEY-1...", "AGE-SECRET-KEY-PQ-1..."), one per line, at most 500; the identity
    /// file of age-keygen is such a text. Empty lines and lines that begin with # are ignored. They
    /// are kept and wiped as Passphrase is. If both are set, Passphrase opens the backups that were
    /// made with a passphrase, and the identities open all others.
    Identities: Kind::Secret;

    /// The compression level of zstd.
    CompressionLevel: Kind::Number {
        min: 1,
        // The levels above need more memory, also in the program that decompresses.
        max: 19,
        default: 1,
    };

    /// The number of threads that compute. 0: one per processor, at most 8. 1: a single thread in
    /// all. Each takes about 6 MiB of memory. With 2 or more, up to 8 further threads read ahead in
    /// a backup, and one writes to the disk in a restore; these mostly wait, and need almost no
    /// memory.
    Threads: Kind::Number {
        min: 0,
        // More threads than this would only cost memory.
        max: 64,
        default: 0,
    };

    /// How much nicer the threads of an operation are than the thread that starts it, in steps of
    /// niceness, up to the nicest there is. Unless it is 0, they are also the last to use the
    /// disk among those that use it normally (class best-effort, level 7; not the idle class, in
    /// which an operation might wait forever for a busy disk). 0: the threads are like the thread
    /// that starts the operation, and nothing is asked of the system.
    ///
    /// The threads of the host keep their niceness, and so does what runs on them: lists, and the
    /// search for stores. Callbacks run on the thread of the operation and are as nice as it is,
    /// and so are threads and processes that they start. A system that refuses is not an error.
    /// The property has an effect on Linux and Android only: elsewhere, niceness belongs to the
    /// whole process.
    Niceness: Kind::Number {
        min: 0,
        max: 19,
        default: 5,
    };

    /// What to do with a license that does not say whether it may be backed up.
    UnstatedRights: Kind::Choice(&["allow", "deny"]);

    /// Which generations of a backup are kept in the folder BackupPath. When a backup replaces
    /// another, that one is kept there as licenses-YYYYMMDDThhmmssZ.wmlb, where the time is that of
    /// its beginning, in UTC; with -2, -3 and so on after the Z if there is one of that second
    /// already. When the new backup has its name, generations that the rule does not want are
    /// removed. Not set or empty: nothing is kept or removed.
    ///
    /// The rule is a text such as "last=3 daily=7 weekly=4 monthly=6 yearly=2": any of these parts,
    /// separated by blanks, each with a number from 1 to 9999. last keeps the newest generations;
    /// the other parts keep the newest one of each day, week (from Monday on), month or year, in
    /// UTC, until they have that many. A generation stays if any part wants it; licenses.wmlb
    /// counts as one, and always stays. None is removed for its age, so a clock that jumps removes
    /// nothing.
    ///
    /// While a target is set with wmlb_restorer_set_target(), a backup does not use it.
    Keep: Kind::Rule;

    /// How much of a backup a verification looks at, in percent. With less than 100 it reads the
    /// end of the file, and a random sample of the parts that hold the licenses, at least one:
    /// damage anywhere else is not found. licenses_total is then the number of licenses in the
    /// backup, also at the end, and licenses_done that of those that were checked; if Only or a
    /// filter chooses, the sample is one of what can be chosen, and both are the latter. A stream
    /// is read and checked to its end.
    Sample: Kind::Number {
        min: 1,
        max: 100,
        default: 100,
    };
}
