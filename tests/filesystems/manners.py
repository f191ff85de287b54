"""The table of manners: what a file system may have, and which operations must work all the same.

Each row is one way of being of a file system, as switches of manners.c. What is not said to fail,
or to be allowed to fail, must work.
"""

import dataclasses
import errno

NOBODY = 65534
# Groups of operations.
BACKUPS = frozenset({"backup", "backup overwrite", "backup refused"})
READS = frozenset({"verify", "list backup"})
STORE_READS = frozenset({"backup of the store", "list of the store"})
FRESH_RESTORES = frozenset({"restore missing", "restore empty"})
POPULATED_RESTORES = frozenset({"restore kept", "restore overwrite"})
RESTORES = FRESH_RESTORES | POPULATED_RESTORES
WRITES = (BACKUPS - {"backup refused"}) | RESTORES
EVERYTHING = BACKUPS | READS | STORE_READS | RESTORES


@dataclasses.dataclass(frozen=True)
class Manner:
    name: str
    options: str = ""
    # Operations that must fail, and those that may.
    fails: frozenset = frozenset()
    may_fail: frozenset = frozenset()
    # The cause that a failure must name.
    error: int = 0
    # Whether a backup that failed at last may be there, whole.
    told_late: bool = False
    # Whether stat tells a file's size.
    sizes: bool = True
    # How exactly times are kept, in nanoseconds; None: not at all.
    times: int = 1
    # System calls that fail with an error besides, of every file: (name, errno).
    calls: tuple = ()
    # Who uses it: root, who has mounted it, or another user.
    user: int = None
    # Whether the file system makes something up that an undo may not believe, and whether it is
    # mounted again between a kill and the next operation.
    makes_up: bool = False
    remount: bool = False
    # Differs from one before it by an errno or a number alone: a sample is tried of it.
    variant: bool = False
    # Counts what is written or opened: mounted for each operation.
    counts: bool = False


def number_of(word):
    return getattr(errno, word)


def lacking():
    """What other file systems have."""
    for variant, word in enumerate(("EPERM", "ENOTSUP", "ENOSYS", "EACCES")):
        yield Manner("chmod %s" % word, "chmod=" + word, variant=variant > 0)
        yield Manner("utimens %s" % word, "utimens=" + word, times=None, variant=variant > 0)
    yield Manner("chmod dropped", "drop_chmod=1")
    yield Manner("chown EPERM", "chown=EPERM")
    for variant, word in enumerate(("EINVAL", "ENOTSUP", "ENOSYS")):
        yield Manner("fsync of folders %s" % word, "fsyncdir=" + word, variant=variant > 0)
    yield Manner("fsync ENOSYS", "fsync=ENOSYS,fsyncdir=ENOSYS")
    yield Manner("fsync EINVAL", "fsync=EINVAL", may_fail=WRITES)
    for variant, word in enumerate(("EINVAL", "ENOSYS", "EPERM", "ENOTSUP")):
        variant = variant > 0
        yield Manner("rename flags %s" % word, "rename_flags=" + word, variant=variant)
        yield Manner("rename flags and links %s" % word, "rename_flags=%s,link=%s" % (word, word),
                     variant=variant)
        yield Manner("exchange %s" % word, "exchange=" + word, variant=variant)
    for variant, word in enumerate(("EIO", "EACCES", "ENOTTY", "ERANGE", "EMLINK", "EXDEV",
                                    "ENOENT", "EROFS")):
        yield Manner("link %s" % word, "rename_flags=EINVAL,link=" + word, variant=variant > 0)
    for variant, word in enumerate(("ENOLCK", "ENOSYS", "ENOTSUP")):
        variant = variant > 0
        yield Manner("flock %s" % word, "flock=" + word, variant=variant)
        yield Manner("flock %s of folders too" % word, calls=(("flock", number_of(word)),),
                     variant=variant)
        yield Manner("fcntl locks %s" % word, "lock=" + word, variant=variant)
    for variant, word in enumerate(("ENOSYS", "EIO", "EINVAL")):
        yield Manner("syncfs %s" % word, calls=(("syncfs", number_of(word)),),
                     may_fail=RESTORES if word == "EIO" else frozenset(), variant=variant > 0)
    yield Manner("statfs ENOSYS", "statfs=ENOSYS")
    yield Manner("attributes ENOTSUP", "xattr=ENOTSUP")
    yield Manner("attributes EPERM", "xattr=EPERM", variant=True)
    yield Manner("no kinds in listings", "dtype_unknown=1")
    yield Manner("names of 100 bytes", "name_max=100")
    yield Manner("names in UTF-8 alone", "utf8=1,refuse=:*?<>|")


def made_up():
    """What other file systems do not make up."""
    for variant, modes in enumerate((("755", "755"), ("777", "777"), ("644", "755"),
                                     ("700", "700"))):
        yield Manner("modes %s and %s" % modes, "file_mode=%s,dir_mode=%s" % modes, makes_up=True,
                     variant=variant > 0)
    yield Manner("modes 755 and chmod EPERM", "file_mode=755,dir_mode=755,chmod=EPERM",
                 makes_up=True)
    yield Manner("modes 777 of another owner", "file_mode=777,dir_mode=777,owner=12345,chown=EPERM",
                 makes_up=True)
    yield Manner("inode numbers by name", "ino=name", makes_up=True)
    yield Manner("inode numbers by name, no rename flags", "ino=name,rename_flags=EINVAL",
                 makes_up=True)
    yield Manner("inode numbers by name, no exchange", "ino=name,exchange=EINVAL", makes_up=True)
    yield Manner("inode numbers of each mount", "ino=mount", makes_up=True, remount=True)
    yield Manner("inode numbers of the cache", "ino=cache", makes_up=True)
    yield Manner("inode numbers of the cache, no rename flags", "ino=cache,rename_flags=EINVAL",
                 makes_up=True, remount=True)
    yield Manner("link counts of 0", "nlink=0", makes_up=True)
    yield Manner("times of 2 seconds", "time_step=2", times=2 * 10**9, makes_up=True)
    yield Manner("times by a clock that is ahead", "time_skew=3600", makes_up=True)
    yield Manner("times by a clock that is behind", "time_skew=-3600", makes_up=True, variant=True)
    yield Manner("utimens dropped", "drop_utimens=1", times=None, makes_up=True)
    yield Manner("UTIME_OMIT dropped", "drop_omit=1", makes_up=True)
    yield Manner("folders listed as they were when opened", "listing=snapshot", makes_up=True)
    yield Manner("folders listed once when opened", "listing=once", makes_up=True)
    # A license that goes while a store is read is an error.
    yield Manner("names that are listed when they are gone", "stale=2", may_fail=STORE_READS,
                 makes_up=True)
    yield Manner("sizes that come late", "size_late=2", sizes=False, may_fail=EVERYTHING,
                 makes_up=True)
    yield Manner("sizes too large", "size_pad=100", sizes=False, may_fail=EVERYTHING,
                 makes_up=True)
    yield Manner("sizes of 0", "size_zero=1", sizes=False, may_fail=EVERYTHING,
                 makes_up=True)
    yield Manner("ctime is now", "ctime_now=1", may_fail=STORE_READS | RESTORES, makes_up=True)
    yield Manner("names folded in case", "fold=case")
    yield Manner("names folded in normalization", "fold=accents")
    yield Manner("dots at the end dropped", "strip=1")


def told_late():
    """Errors of writing, wherever they are told."""
    for variant, word in enumerate(("EIO", "ENOSPC", "EDQUOT")):
        variant, number = variant > 0, number_of(word)
        yield Manner("close %s" % word, "flush=" + word, fails=WRITES, error=number,
                     variant=variant)
        yield Manner("fsync %s" % word, "fsync=" + word, fails=WRITES, error=number,
                     variant=variant)
    yield Manner("fsync of folders EIO", "fsyncdir=EIO", fails=WRITES, error=errno.EIO,
                 told_late=True)
    yield Manner("write EIO", "write=EIO", fails=WRITES, error=errno.EIO)
    for size in (2000000, 0, 100, 40000):
        variant = size != 2000000
        yield Manner("full after %d bytes" % size, "full=%d" % size, fails=WRITES,
                     error=errno.ENOSPC, counts=True, variant=variant)
        yield Manner("full after %d bytes, told by close" % size, "full_late=%d" % size,
                     fails=WRITES, error=errno.ENOSPC, counts=True, variant=variant)
    yield Manner("listings that end in EIO", "readdir_fail=4", fails=STORE_READS,
                 may_fail=WRITES, error=errno.EIO)


def refusing():
    """What is refused now and then, and what comes in pieces."""
    yield Manner("folders that cannot be renamed", "rename_folder=EXDEV")
    yield Manner("folders that cannot be renamed, EPERM", "rename_folder=EPERM", variant=True)
    yield Manner("no rename to another folder", "rename_across=EXDEV", may_fail=RESTORES)
    yield Manner("no link to another folder", "rename_flags=EINVAL,link=EXDEV")
    yield Manner("a store that is a room of its own", "room=/place/store")
    yield Manner("no rename over a file", "rename_over=EEXIST", may_fail=WRITES)
    yield Manner("no rename at all", "rename=EOPNOTSUPP,unlink_open=EOPNOTSUPP,link=EPERM",
                 may_fail=WRITES)
    yield Manner("open files cannot be unlinked", "unlink_open=EBUSY")
    yield Manner("open files cannot be unlinked, ETXTBSY", "unlink_open=ETXTBSY",
                 variant=True)
    yield Manner("open files cannot be renamed", "rename_open=EBUSY", may_fail=WRITES)
    yield Manner("unlinked files cannot be read", "unlinked=1")
    yield Manner("leases", "lease=1", counts=True)
    yield Manner("reads and writes of 30000 bytes", "brief=30000")
    yield Manner("no memory of the kernel", "direct=1")


def whole_ones():
    """What real ones have together."""
    yield Manner("as a stick", "file_mode=755,dir_mode=755,chmod=EPERM,chown=EPERM,time_step=2,"
                 "ino=mount,link=EPERM,rename_flags=EINVAL,xattr=ENOTSUP,fold=case,strip=1,"
                 "refuse=:*?<>|,utf8=1", times=2 * 10**9, makes_up=True, remount=True)
    yield Manner("as sshfs", "ino=cache,rename_flags=EINVAL,listing=once,time_step=1,xattr=ENOTSUP,"
                 "chown=EPERM", times=10**9, makes_up=True, remount=True)
    yield Manner("as a share", "file_mode=777,dir_mode=777,chmod=ENOTSUP,utimens=ENOTSUP,"
                 "link=ENOTSUP,rename_flags=EINVAL,flock=ENOLCK,lock=ENOLCK,unlink_open=EBUSY,"
                 "fsyncdir=EINVAL", times=None, makes_up=True)
    yield Manner("as a cloud folder", "file_mode=644,dir_mode=755,drop_chmod=1,link=EIO,"
                 "rename_flags=EINVAL,ino=cache,nlink=0,fsyncdir=ENOSYS,xattr=ENOSYS,stale=1,"
                 "time_step=1", times=10**9, may_fail=STORE_READS, makes_up=True, remount=True)
    yield Manner("as a shared folder of a machine", "link=EPERM,rename_flags=EINVAL,"
                 "fsyncdir=EINVAL,unlink_open=ETXTBSY,unlinked=1,ino=name,dtype_unknown=1",
                 makes_up=True)


def of_root():
    """Mounted by root, for everybody."""
    everybody = "allow_other,default_permissions,file_mode=777,dir_mode=777,owner=0"
    # Only the owner of a file may set its times to anything else than now.
    yield Manner("modes 777 of root, for another user", everybody, user=NOBODY, times=None)
    yield Manner("as a stick of root, for another user", everybody + ",time_step=2,ino=mount,"
                 "link=EPERM,rename_flags=EINVAL,xattr=ENOTSUP,fold=case,strip=1",
                 times=None, user=NOBODY, makes_up=True, remount=True)


PLAIN = Manner("none")
MANNERS = [PLAIN, *lacking(), *made_up(), *told_late(), *refusing(), *whole_ones(), *of_root()]
assert len({manner.name for manner in MANNERS}) == len(MANNERS)
