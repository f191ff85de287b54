"""What the tests of trust share: files that others made, other users, measured and traced runs."""

import collections
import contextlib
import json
import os
import re
import signal
import sqlite3
import stat
import struct
import subprocess
import sys
import tempfile

import interrupt
import support
import wmlb_ctypes as w

ALLOW_CLEAR = 0x1000
# Two users that need no account. The first owns things, the second is no friend.
ALICE, MALLORY = 64021, 64022

MIB = 1 << 20
MOST_MEMORY = 100 * MIB
# Seconds of the processor's: what else runs on the machine does not count.
MOST_SECONDS = 2.0
# Seconds after which something hangs, on a machine that does much else.
HANGS = 30

JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
# The page of a database that SQLite's locks are on, which no journal holds.
LOCK_BYTE = 0x40000000
KINDS = ("fifo", "socket", "link", "dangling", "folder", "device")
SIBLINGS = ("-journal", "-wal", "-shm")


def owner(path):
    """All about who may do what to a file."""
    status = os.lstat(path)
    return status.st_uid, status.st_gid, oct(status.st_mode)


def identity(path):
    """Which file is at path, and that it is as it was; None when there is none."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return (status.st_dev, status.st_ino, status.st_mode, status.st_uid, status.st_gid,
            status.st_nlink, status.st_size, status.st_mtime_ns)


def give(user, *paths):
    for path in paths:
        os.chown(path, user, user, follow_symlinks=False)


def make_special(kind, path, target="/dev/null"):
    """What is no regular file, at path."""
    if kind == "fifo":
        os.mkfifo(path, 0o666)
    elif kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o666)
    elif kind in ("link", "dangling"):
        os.symlink(target if kind == "link" else "nowhere", path)
    elif kind == "folder":
        os.mkdir(path)
    else:
        support.need_root()
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # endless zeros


def plain_database(path, rows=1):
    """A database of the schema that the library looks for, so that lists read its rows."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE cdm_storage (storage_key, cdm_type, file_name, data)")
    values = (("key", "type", "file-%04d" % number, b"data") for number in range(rows))
    connection.executemany("INSERT INTO cdm_storage VALUES (?, ?, ?, ?)", values)
    connection.commit()
    connection.close()
    return path


def super_journal_record(name, page_size):
    """What a rollback journal ends in, when its transaction was one over several databases."""
    name = os.fsencode(name)
    checksum = sum(byte - 256 if byte > 127 else byte for byte in name) & 0xFFFFFFFF
    page = LOCK_BYTE // page_size + 1
    return (struct.pack(">I", page) + name + struct.pack(">II", len(name), checksum)
            + JOURNAL_MAGIC)


def journal_of(database, super_journal=None, pages=()):
    """A hot journal for a database: its pages as they were, then the name of a super-journal."""
    head = support.read(database)[:100]
    page_size = struct.unpack(">H", head[16:18])[0]
    size = os.path.getsize(database)
    nonce = 7
    records = b""
    for number in pages:
        with open(database, "rb") as file:
            file.seek((number - 1) * page_size)
            page = file.read(page_size)
        checksum = (nonce + sum(page[at] for at in range(page_size - 200, 0, -200))) & 0xFFFFFFFF
        records += struct.pack(">I", number) + page + struct.pack(">I", checksum)
    header = JOURNAL_MAGIC + struct.pack(
        ">IIIII", len(pages), nonce, size // page_size, 512, page_size)
    record = b"" if super_journal is None else super_journal_record(super_journal, page_size)
    return header.ljust(512, b"\0") + records + record


def put_hot_journal(path, super_journal=None, rows=1):
    """A database with a journal that is to be rolled back, in the place of whatever was there:
    SQLite would act on that, and wait for what it names."""
    for name in (path + "-journal", path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
    plain_database(path, rows)
    support.write(path + "-journal", journal_of(path, super_journal))
    return path


class TrustCase(support.StoreCase):
    """A store, a place for backups, and something outside of both that nobody may touch."""

    def setUp(self):
        super().setUp()
        self.outside = os.path.join(self.root, "outside")
        self.precious = os.path.join(self.outside, "precious")
        support.write(self.precious, b"precious")
        self.path = os.path.join(self.store, "x.db")

    def skipped(self, events):
        return {event.value: event.hr for event in events if event.status == w.STATUS_SKIPPED}

    def assert_outside(self, message=""):
        self.assertEqual(sorted(os.listdir(self.outside)), ["precious"], message)
        self.assertEqual(support.read(self.precious), b"precious", message)

    def shared(self, mode=0o777, user=0):
        """A folder that several users may make things in."""
        support.need_root()
        folder = tempfile.mkdtemp(prefix="shared-", dir=self.root)
        os.chmod(folder, mode)
        os.chown(folder, user, user)
        return folder


@contextlib.contextmanager
def background(*command, **options):
    """Another process, until the block ends."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def beside(body, user):
    """What another user does meanwhile: body() in a forked process, again and again, until the
    block ends. What fails for him is his matter."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            os.umask(0)
            os.write(there, b"x")
            while True:
                with contextlib.suppress(OSError):
                    body()
        finally:
            os._exit(1)
    try:
        os.read(here, 1)
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(here)
        os.close(there)


# What a run apart gave: {operation: (hr, words, licenses)}, seconds of the processor's, most
# bytes of memory, and what lies in the folders for temporary files after it.
Run = collections.namedtuple("Run", "results seconds memory left")

APART = """
import collections, json, os, resource, wmlb_ctypes as w
properties, operations = json.loads(sys.argv[1])
import restore_support
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = restore_support.memory("VmRSS")
used = sum(os.times()[:2])
results = {}
for operation in operations:
    restorer = w.Restorer()
    for name, value in properties.items():
        assert restorer.set(name, value) == w.S_OK
    if operation in ("store", "backup"):
        # What the test itself would keep of them does not count.
        seen = collections.Counter()
        hr, _ = restorer.enumerate(operation, lambda license: seen.update("x"), keep=False)
        results[operation] = hr, restorer.last_error() if hr else "", seen["x"]
        continue
    name, flags = {
        "save": ("backup_licenses", w.OVERWRITE),
        "partial": ("backup_licenses", w.OVERWRITE | w.PARTIAL),
        "verify": ("verify_backup", 0),
        "restore": ("restore_licenses", w.RESTORE_INDIVIDUALIZE | w.RESTORE_OVERWRITE),
    }[operation]
    hr, events = restorer.backup(flags, operation=name)
    words = events[-1].value.decode(errors="replace") if events else restorer.last_error()
    skipped = [event for event in events if event.status == w.STATUS_SKIPPED]
    results[operation] = hr, words, len(skipped)
seconds = sum(os.times()[:2]) - used
print(json.dumps([results, seconds, (restore_support.memory("VmHWM") - before) << 10]))
"""


def run_apart(test, *operations, timeout=HANGS, preexec=None, **properties):
    """Operations in an interpreter of its own, which may not hang. store and backup are lists;
    the others save, partial, verify, restore."""
    folders = {name: os.path.join(test.root, "apart-" + name) for name in ("home", "tmp")}
    for folder in folders.values():
        os.makedirs(folder, exist_ok=True)
    properties = {"StorePath": test.store, "BackupPath": test.backups,
                  "RestorePath": test.backups, **properties}
    environment = {
        name: value for name, value in os.environ.items()
        if not name.startswith("XDG_") and name != "SQLITE_TMPDIR"
    }
    environment.update(HOME=folders["home"], TMPDIR=folders["tmp"])
    code = "import sys; sys.path.insert(0, %r)\n%s" % (w.HERE, APART)
    child = subprocess.Popen(
        [sys.executable, "-c", code, json.dumps([properties, operations])],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=preexec,
    )
    try:
        said, problems = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise AssertionError("%s hangs" % ", ".join(operations)) from None
    if child.returncode != 0:
        raise AssertionError("%d: %s" % (child.returncode, problems.decode(errors="replace")))
    results, seconds, memory = json.loads(said)
    left = [os.path.join(folder, name) for folder in folders.values()
            for _, _, names in os.walk(folder) for name in names]
    return Run(results, seconds, memory, left)


# One system call: the folder's path that a relative one starts at (None: the working folder),
# whether that is a descriptor, the path as given, all arguments, and the path of what it opened.
Call = collections.namedtuple("Call", "name by_descriptor base path arguments result")
LINE = re.compile(r"(\w+)\((.*)\) += (-?\d+|\?)(?:<(.*)>)?")
FIRST = re.compile(r'(?:(AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')
ESCAPE = re.compile(r"\\([0-7]{1,3}|.)")


def unescape(text):
    """As strace writes strings."""
    names = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "f": "\f"}
    return ESCAPE.sub(
        lambda match: chr(int(match[1], 8)) if match[1].isdigit() else
        names.get(match[1], match[1]), text)


def trace(test, body, calls="%file"):
    """(result, calls) of body() in a child; each thread's in order."""
    folder = tempfile.mkdtemp(prefix="trace-", dir=test.root)
    outcome = interrupt.run(
        body, ["-ff", "-y", "-s", "4096", "-o", folder + "/trace", "-e", "trace=" + calls],
        timeout=HANGS)
    found = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), errors="replace") as lines:
            for line in lines:
                match = LINE.match(line)
                if not match:
                    continue
                name, arguments, _, opened = match.groups()
                first = FIRST.match(arguments)
                start, base, path = first.groups() if first else (None, None, None)
                found.append(Call(
                    name, start not in (None, "AT_FDCWD"), base,
                    None if path is None else unescape(path), arguments, opened))
    if not found:
        raise AssertionError("strace saw nothing")
    return outcome.result, found


OPENS = ("open", "openat", "openat2", "creat")


def is_below(path, folder):
    return path is not None and (path == folder or path.startswith(folder + "/"))


def place_of(call):
    """The path that a call names."""
    if call.path is None:
        return None
    if call.path.startswith("/") or not call.base:
        return call.path
    return os.path.join(call.base, call.path) if call.path else call.base


def writes(call):
    """Whether a file is opened to write to it, or to make it."""
    return call.name == "creat" or any(
        flag in call.arguments for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"))


def is_safe(call):
    """Whether a name is looked up from a descriptor, and no link on the way is followed."""
    if not call.by_descriptor or call.path.startswith("/"):
        return False
    if call.name == "openat2":
        return "RESOLVE_NO_SYMLINKS" in call.arguments or (
            "RESOLVE_BENEATH" in call.arguments and "O_NOFOLLOW" in call.arguments
            and "/" not in call.path)
    if "/" in call.path.rstrip("/"):
        return False
    if call.path in ("", "."):
        return True
    if call.name in ("openat", "open"):
        # What has to be new is no link.
        return "O_NOFOLLOW" in call.arguments or "O_EXCL" in call.arguments
    follows_not = ("readlinkat", "unlinkat", "renameat", "renameat2", "mkdirat", "mknodat",
                   "linkat", "symlinkat")
    return call.name in follows_not or "AT_SYMLINK_NOFOLLOW" in call.arguments


def hashes(folder):
    """Everything about the files below a folder that a reader must leave as it is."""
    found = {}
    for where, folders, names in os.walk(folder):
        for name in sorted(folders + names):
            path = os.path.join(where, name)
            content = support.read(path) if os.path.isfile(path) else None
            found[os.path.relpath(path, folder)] = identity(path) + (content,)
    return found


def build_command(folder):
    """The command as it is shipped, in a folder; its path."""
    program = os.path.join(folder, "wmlb")
    subprocess.run(
        ["make", "--silent", "-C", w.ROOT, "made=" + folder,
         "DIST=" + os.path.dirname(os.path.abspath(w.LIBRARY)), program],
        check=True, stdout=subprocess.DEVNULL)
    return program


def command_environment(home, **more):
    """The surroundings of a command that is to find nothing of this user's."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("XDG_", "WMLB_STORE", "CHROME_", "KODI_"))}
    library = os.path.dirname(os.path.abspath(w.LIBRARY))
    return {**kept, "HOME": home, "LD_LIBRARY_PATH": library, **more}
