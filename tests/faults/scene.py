"""What the fault loops interfere with: an operation with a small store and an earlier backup, and
what must hold after whatever happened to it."""

import collections
import errno
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHIPPED = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"), "dist")
LIBRARY = os.environ.get("WMLB_LIBRARY") or os.path.join(SHIPPED, "libwmlb.so")
BACKUP_NAME = "licenses.wmlb"
TEMPORARY = re.compile(r"\.licenses\.wmlb\.[0-9a-f]{16}\.tmp")
# Far longer than any run takes; a hang is a violation.
PATIENCE = 120


def header_codes():
    """The result codes by their names in the header."""
    with open(os.path.join(ROOT, "include/wmlb.h")) as file:
        code = r"#define WMLB_((?:NS_)?[SE]_\w+) WMLB_HRESULT\(0x([0-9A-F]{8})\)$"
        found = re.findall(code, file.read(), re.M)
    # Negative when the highest bit is set.
    return {name: (int(value, 16) ^ 1 << 31) - (1 << 31) for name, value in found}


def win32(code):
    return (0x80070000 | code) - (1 << 32)


CODES = header_codes()
S_OK = CODES["S_OK"]
CORRUPT = CODES["NS_E_DRM_BACKUP_CORRUPT"]
DAMAGED = {
    CORRUPT, CODES["NS_E_BACKUP_RESTORE_BAD_DATA"], CODES["NS_E_DRM_DATASTORE_CORRUPT"],
    CODES["NS_E_DRM_INVALID_LICENSE"], CODES["NS_E_DRM_INVALID_SECURESTORE_PASSWORD"],
}
CLASSES = {
    errno.ENOENT: {win32(2), win32(3), CODES["NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE"],
                   CODES["E_SHARING_VIOLATION"],
                   # A journal that was there a moment ago.
                   win32(1117)},
    errno.EACCES: {CODES["E_ACCESSDENIED"], CODES["NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE"]},
    errno.EPERM: {CODES["E_ACCESSDENIED"]},
    errno.EMFILE: {win32(4)},
    errno.ENFILE: {win32(4)},
    errno.ENOMEM: {CODES["E_OUTOFMEMORY"]},
    errno.EROFS: {win32(19)},
    errno.ENOSPC: {win32(112)},
    errno.EDQUOT: {win32(112)},
    # The name was free a moment ago; what has it now is no folder of ours, or, taken for the
    # folder that was wanted, turns out to be none.
    errno.EEXIST: {win32(80), CODES["E_SHARING_VIOLATION"], CODES["E_ACCESSDENIED"], win32(2),
                   CODES["NS_E_DRM_BACKUPRESTORE_BUSY"]},
    # Locked, by another backup or restore.
    errno.EWOULDBLOCK: {CODES["E_SHARING_VIOLATION"], CODES["NS_E_DRM_BACKUPRESTORE_BUSY"]},
    errno.EBUSY: {win32(170)},
    errno.EFBIG: {win32(223)},
    errno.EIO: {win32(1117)},
    errno.ESTALE: {win32(1117)},
}
# SQLite does not hand on every errno.
OF_SQLITE = {win32(1117), CODES["E_FAIL"], CODES["E_OUTOFMEMORY"], win32(112)}
NOT_PUT_BACK = CODES["NS_E_BACKUP_RESTORE_FAILURE"]
HALF_RESTORED = CODES["NS_E_DRM_BACKUPRESTORE_BUSY"]
# glibc ends a process that has no 32 bytes for the end of a thread's own variables. Random numbers
# need them, once a thread. What the library can do is to see that there is memory right before.
OF_GLIBC = "Fatal glibc error: failed to register TLS destructor"
# With which a staging folder is removed, or taken for another restore's.
REMOVING = {"openat", "openat2", "fstat", "newfstatat", "statx", "getdents64", "lseek", "unlinkat",
            "renameat2", "flock"}
# The staging folder beside the store, and the note in it that there is one.
STAGING = re.compile(r"(?:^|/)\.wmlb-restore-[0-9a-f]{16}")

Ran = collections.namedtuple("Ran", "hits code killed result words digest lines")


class Violated(Exception):
    pass


def build(folder):
    """The programs, compiled into a folder."""
    where = os.path.dirname(os.path.realpath(LIBRARY))
    library = ["-L" + where, "-Wl,-rpath," + where, "-lwmlb"]
    for source, libraries in (("client", library), ("flips", library), ("inject", []),
                              ("nomem", ["-shared", "-fPIC"]),
                              ("../python/clock", ["-shared", "-fPIC"])):
        name = os.path.basename(source)
        command = ["cc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror",
                   "-I" + os.path.join(ROOT, "include"), os.path.join(HERE, source + ".c"),
                   "-o", os.path.join(folder, name)]
        subprocess.run(command + libraries, check=True)


def snapshot(folder):
    """Everything below a folder: path -> mode, time and content of a file, or mode of a folder."""
    found = {}
    for path, folders, files in os.walk(folder):
        for name in folders + files:
            full = os.path.join(path, name)
            stat = os.lstat(full)
            key = os.path.relpath(full, folder)
            if name in folders:
                found[key] = (stat.st_mode,)
            else:
                with open(full, "rb") as file:
                    found[key] = (stat.st_mode, stat.st_mtime_ns, file.read())
    return found


def difference(*snapshots):
    """Name -> what each has there, without the contents, where they are not the same."""
    names = sorted(set().union(*snapshots))
    each = {name: [one.get(name) for one in snapshots] for name in names}
    return {name: [one and one[:2] for one in found] for name, found in each.items()
            if any(one != found[0] for one in found)}


def contents(found):
    """Names and contents alone."""
    return {name: value[-1] for name, value in found.items() if len(value) == 3}


def words(operation, store, secret, damaged, threads):
    return ", ".join([operation, store, "encrypted" if secret else "clear"] +
                     ["damaged"] * damaged + ["2 threads"] * (threads > 1))


class Scene:
    """One operation on one kind of store, with the folders it needs."""

    environment = {}

    def __init__(self, programs, base, operation, store, secret=None, damaged=False, threads=1):
        self.operation, self.kind, self.secret, self.damaged = operation, store, secret, damaged
        self.programs, self.threads = programs, threads
        self.root = tempfile.mkdtemp(prefix="scene-", dir=base)
        self.place = os.path.join(self.root, "place")
        self.backups = os.path.join(self.root, "backups")
        self.target = os.path.join(self.backups, BACKUP_NAME)
        os.mkdir(self.backups)
        name = {"directory": "store", "sqlite": "licenses.db"}.get(store)
        self.store = os.path.join(self.place, name) if name else "host"
        self.make_store()
        self.prepare()

    def __str__(self):
        return words(self.operation, self.kind, self.secret, self.damaged, self.threads)

    # -- what it is made of

    def make_store(self):
        """Two states of the store: the earlier one, and the one of now."""
        os.mkdir(self.place)
        if self.kind == "directory":
            maker = os.path.join(ROOT, "tests/make_store.py")
            command = [sys.executable, maker, "--out", self.store, "--count", "9", "--seed", "3"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            os.makedirs(self.store + "/nested", exist_ok=True)
            self.write("nested/license", b"nested" * 50)
        elif self.kind == "sqlite":
            connection = sqlite3.connect(self.store)
            connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, content BLOB)")
            rows = ((os.urandom(700),) for _ in range(10))
            connection.executemany("INSERT INTO t (content) VALUES (?)", rows)
            connection.commit()
            connection.close()
        # At rest for long.
        for path, folders, files in os.walk(self.place):
            for name in files:
                os.utime(os.path.join(path, name), (1600000000, 1600000000))
        self.later = self.keep("later")
        if self.kind == "directory":
            self.write("nested/license", b"earlier")
            self.write("of the store alone", b"stays")
        elif self.kind == "sqlite":
            connection = sqlite3.connect(self.store)
            connection.execute("UPDATE t SET content = 'earlier' WHERE n < 4")
            connection.commit()
            connection.close()
            os.utime(self.store, (1500000000, 1500000000))
        self.earlier = self.keep("earlier")

    def write(self, name, content):
        path = os.path.join(self.store, name)
        with open(path, "wb") as file:
            file.write(content)
        os.utime(path, (1600000000, 1600000000))

    def keep(self, name):
        kept = os.path.join(self.root, name)
        shutil.copytree(self.place, kept)
        return kept

    def put(self, kept):
        """Has the store be as it was kept."""
        shutil.rmtree(self.place)
        shutil.copytree(kept, self.place)

    def prepare(self):
        """The state before the operation, and that after it."""
        backup = self.operation == "backup"
        self.put(self.earlier if backup else self.later)
        self.need(self.run("backup"), "the earlier backup")
        self.old_backup = self.backup_bytes()
        self.put(self.later if backup else self.earlier)
        if self.damaged:
            middle = len(self.old_backup) * 3 // 5
            flipped = bytes([self.old_backup[middle] ^ 1])
            self.old_backup = self.old_backup[:middle] + flipped + self.old_backup[middle + 1:]
            self.put_backup()
        self.old_store = snapshot(self.place)
        clean = self.run()
        self.clean_digest = clean.digest
        self.new_store = snapshot(self.place)
        if self.damaged:
            if clean.result != CORRUPT:
                raise Violated("a flipped bit gives %d" % clean.result)
        else:
            self.need(clean, "the clean operation")
        self.new_digest = self.run("list").digest
        self.reset()

    def need(self, ran, what):
        if ran.killed or ran.code != 0:
            raise Violated("%s: code %s, %s %s" % (what, ran.code, ran.result, ran.words))

    def backup_bytes(self):
        try:
            with open(self.target, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def put_backup(self):
        with open(self.target, "wb") as file:
            file.write(self.old_backup)

    def reset(self):
        if snapshot(self.place) != self.old_store:
            self.put(self.later if self.operation == "backup" else self.earlier)
        if self.backup_bytes() != self.old_backup:
            self.put_backup()

    # -- running it

    def run(self, operation=None, fault=None, store=None, backups=None):
        command = [os.path.join(self.programs, "client"), operation or self.operation,
                   store or self.store, backups or self.backups] + [self.secret] * bool(self.secret)
        environment = dict(os.environ, WMLB_THREADS=str(self.threads), **self.environment)
        of_memory = fault and fault[0] == "malloc"
        if of_memory:
            preloaded = [os.path.join(self.programs, "nomem"), environment.get("LD_PRELOAD", "")]
            environment.update(WMLB_FAIL_ALLOCATION="%d%s" % fault[1:],
                               LD_PRELOAD=" ".join(preloaded))
        elif fault:
            name, number, action = fault
            inject = os.path.join(self.programs, "inject")
            command = [inject, name, str(number), action] + command
        try:
            ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 timeout=PATIENCE, env=environment, errors="replace")
        except subprocess.TimeoutExpired:
            raise Violated("it hangs") from None
        lines = ran.stdout.splitlines()
        hits, code, killed = 0, ran.returncode, False
        if of_memory:
            end = re.search(r"^allocations: (\d+) of (\d+)$", ran.stdout, re.M)
            if self.secret and OF_GLIBC in ran.stdout:
                print("%s: %s" % (fault, OF_GLIBC), file=sys.stderr)
                return Ran(0, code, False, None, "", None, lines)
            if not end:
                raise Violated("exit code %d: %s" % (code, ran.stdout[-300:]))
            hits, self.allocations = int(end[1]), int(end[2])
            # What is set before the operation may be refused.
            if re.search(r"^[\w ]+: %d$" % CODES["E_OUTOFMEMORY"], ran.stdout, re.M):
                return Ran(hits, 1, False, CODES["E_OUTOFMEMORY"], "", None, lines)
        elif fault:
            end = re.fullmatch(r"(\d+) (exit|signal) (\d+)", lines.pop() if lines else "")
            if not end:
                raise Violated("inject failed: " + ran.stdout[-300:])
            hits, code, killed = int(end[1]), int(end[3]), end[2] == "signal"
        if killed:
            return Ran(hits, code, True, None, "", None, lines)
        said = re.search(r"^(-?\d+) (-?\d+) (\d+ [0-9a-f]{16}) ?(.*)$", ran.stdout, re.M)
        if not said:
            raise Violated("exit code %d: %s" % (code, ran.stdout[-300:]))
        if code not in (0, 1) or (code == 0) != (int(said[1]) == S_OK) or said[1] != said[2]:
            raise Violated("exit code %d, result %s, event %s: %s" % (
                code, said[1], said[2], said[4]))
        return Ran(hits, code, False, int(said[1]), said[4], said[3], lines)

    def calls(self):
        """The names of the calls that the operation makes, in their order."""
        ran = self.run(fault=("any", 0, "log"))
        self.reset()
        calls = [line for line in ran.lines if re.fullmatch(r"\w+", line)]
        self.counts = collections.Counter(calls)
        return calls

    def count_allocations(self):
        self.run(fault=("malloc", 0, ""))
        self.reset()
        return self.allocations

    # -- what must hold

    def check(self, fault, kind):
        """One run with a fault, and the next operation: the run, or Violated is raised."""
        try:
            ran = self.run(fault=fault)
            if ran.hits:
                self.check_run(ran, fault, kind)
            return ran
        finally:
            self.reset_all()

    def reset_all(self):
        for name in os.listdir(self.backups):
            if name != BACKUP_NAME:
                os.unlink(os.path.join(self.backups, name))
        self.reset()

    def check_run(self, ran, fault, kind):
        if ran.killed != (kind == "kill"):
            raise Violated("it ended with %s %d" % ("signal" if ran.killed else "exit", ran.code))
        if kind == "error":
            self.check_class(ran, fault)
        elif kind == "memory":
            if ran.result not in (CORRUPT if self.damaged else S_OK, CODES["E_OUTOFMEMORY"]):
                raise Violated("%d %s" % (ran.result, ran.words))
        elif kind == "short" and ran.result != (CORRUPT if self.damaged else S_OK):
            raise Violated("%d %s" % (ran.result, ran.words))
        extra = [name for name in os.listdir(self.backups) if name != BACKUP_NAME]
        if len(extra) > (kind == "kill") or not all(map(TEMPORARY.fullmatch, extra)):
            raise Violated("left in the backup folder: %s" % extra)
        if self.operation == "backup":
            self.check_backup(ran)
        else:
            self.check_reader(ran, fault, kind)
        self.check_next(fault)

    def check_class(self, ran, fault):
        name, _, action = fault
        number = int(action.rstrip("+"))
        if ran.result == S_OK:
            # The last one in a restore belongs to the removal of what is not needed any more.
            last = self.operation == "restore" and fault[1] == self.counts["fsync"]
            if name in ("fsync", "syncfs") and not (name == "fsync" and last):
                raise Violated("S_OK, and the disk never said that it has it")
            return
        if self.damaged and ran.result == CORRUPT:
            return
        if ran.result in DAMAGED:
            raise Violated("what cannot be read is called damaged: %d %s" % (
                ran.result, ran.words))
        if ran.result == NOT_PUT_BACK and action.endswith("+"):
            return  # whatever would put it back fails as well
        allowed = CLASSES.get(number, {ran.result})
        if self.kind == "sqlite":
            allowed = allowed | OF_SQLITE
        if ran.result not in allowed:
            raise Violated("%#x (%s) for %s" % (
                ran.result & 0xFFFFFFFF, ran.words, errno.errorcode[number]))

    def check_backup(self, ran):
        if snapshot(self.place) != self.old_store:
            raise Violated("the store has changed")
        if self.backup_bytes() == self.old_backup:
            if ran.result == S_OK:
                raise Violated("S_OK, and the backup is the earlier one")
            return
        self.check_new_backup()

    def check_new_backup(self):
        """The backup is whole, and it is the store's."""
        listed = self.run("list")
        if listed.result != S_OK or listed.digest != self.new_digest:
            raise Violated("neither the old backup nor the new: %s %s" % (
                listed.result, listed.words))
        if self.kind == "host":
            return self.need(self.run("restore"), "a restore of the new backup")
        fresh = os.path.join(self.root, "fresh")
        os.mkdir(fresh)
        try:
            store = os.path.join(fresh, os.path.basename(self.store))
            self.need(self.run("restore", store=store), "a restore of the new backup")
            if self.kind == "directory" and contents(snapshot(fresh)) != contents(self.old_store):
                raise Violated("the new backup has other contents than the store")
        finally:
            shutil.rmtree(fresh)

    def recover(self, ran, fault, kind):
        """What is left beside the store, or half done, is put right by the next backup of it: if
        its process was killed, or if that could not be removed or moved. A list tells, and changes
        nothing."""
        left = [name for name in snapshot(self.place) if STAGING.search(name)]
        between = contents({name: value for name, value in snapshot(self.place).items()
                            if name not in left})
        whole = between in (contents(self.old_store), contents(self.new_store))
        sticky = fault[2].endswith("+")
        if kind != "kill" and not whole and not (sticky and ran.result == NOT_PUT_BACK):
            raise Violated("%d, and the store is in between" % ran.result)
        # The last one makes sure that what says so in the store is gone before the folder is.
        last_fsync = fault[0] == "fsync" and fault[1] == self.counts["fsync"]
        removes = fault[0] in REMOVING or (last_fsync and ran.result == S_OK)
        if left and kind != "kill" and not sticky and not removes:
            raise Violated("left beside the store: %s" % left)
        if kind == "kill" or left or not whole:
            self.look(whole)
            elsewhere = os.path.join(self.root, "elsewhere")
            os.mkdir(elsewhere)
            try:
                self.need(self.run("backup", backups=elsewhere), "a backup of the store")
            finally:
                shutil.rmtree(elsewhere)

    def look(self, whole):
        before = snapshot(self.place)
        look = self.run("look")
        if look.result not in (S_OK, HALF_RESTORED) or (look.result == S_OK and not whole):
            raise Violated("a list of the store: %d %s" % (look.result, look.words))
        if snapshot(self.place) != before:
            raise Violated("a list changes the store")

    def check_reader(self, ran, fault, kind):
        if self.backup_bytes() != self.old_backup:
            raise Violated("the backup has changed")
        if ran.result == S_OK and self.damaged:
            raise Violated("S_OK, and the backup is damaged")
        if ran.result == S_OK and ran.digest != self.clean_digest:
            raise Violated("S_OK, and another list")
        if self.kind != "host" and self.operation == "restore":
            self.recover(ran, fault, kind)
        found = snapshot(self.place)
        if found == self.old_store:
            if ran.result == S_OK and self.old_store != self.new_store:
                raise Violated("S_OK, and the store is the old one")
        elif fault[0] == "utimensat" and contents(found) == contents(self.new_store):
            pass  # a file system may have no times
        elif found != self.new_store:
            raise Violated("neither the old store nor the new one: %s" % self.difference(found))

    def difference(self, found):
        return difference(self.old_store, self.new_store, found)

    def check_next(self, fault):
        """The next operation works, and leaves nothing."""
        ran = self.run()
        if ran.result != (CORRUPT if self.damaged else S_OK):
            raise Violated("the next operation: %d %s" % (ran.result, ran.words))
        if os.listdir(self.backups) != [BACKUP_NAME]:
            raise Violated("left after the next operation: %s" % os.listdir(self.backups))
        found = snapshot(self.place)
        # A license that has the content stays as it is, without its time too.
        same = contents if fault[0] == "utimensat" else dict
        if self.operation == "restore" and same(found) != same(self.new_store):
            raise Violated("the next restore does not give the new store: %s" % (
                self.difference(found)))


class Repeat(Scene):
    """A backup of a store of which all but one small license has not changed since the backup that
    it replaces. The store is on a disk, whose times tell that."""

    LARGE = 5_000_000

    def __init__(self, programs, base, disk, secret=None):
        self.disk = disk
        super().__init__(programs, base, "backup", "directory", secret)

    def __str__(self):
        return super().__str__() + ", repeated"

    def at(self, seconds):
        """Has the clock go ahead."""
        self.environment = {"LD_PRELOAD": os.path.join(self.programs, "clock"),
                            "WMLB_CLOCK_IS_AHEAD": str(seconds)}

    def make_store(self):
        self.place = tempfile.mkdtemp(prefix="place-", dir=self.disk)
        self.store = os.path.join(self.place, "store")
        os.makedirs(self.store + "/nested")
        self.write("large", os.urandom(self.LARGE))
        self.write("nested/license", b"earlier")

    def prepare(self):
        self.at(100)
        self.need(self.run(), "the earlier backup")
        self.old_backup = self.backup_bytes()
        self.write("nested/license", b"nested" * 50)
        self.old_store = self.new_store = snapshot(self.place)
        self.at(200)
        clean = self.run()
        self.need(clean, "the clean operation")
        if "reused: 1" not in clean.lines:
            raise Violated("nothing is reused: %s" % clean.lines)
        self.new_digest = self.run("list").digest
        self.reset()

    def reset(self):
        if self.backup_bytes() != self.old_backup:
            self.put_backup()
