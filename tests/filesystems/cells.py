"""The cells of the matrix: one operation on a file system with manners, and what must hold then.

What is there is looked at behind the manners. All that is wrong with a cell is told as words.
"""

import contextlib
import dataclasses
import errno
import os
import random
import select
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(TESTS, "python"), os.path.join(TESTS, "faults")]

import manners  # noqa: E402
import mounts  # noqa: E402
import scene  # noqa: E402
import support  # noqa: E402
import wmlb_ctypes as w  # noqa: E402

support.CALLS.setdefault("flock", (73, 32))
support.CALLS.setdefault("syncfs", (306, 267))

NOT_PUT_BACK = w.RESTORE_FAILURE
# Of all licenses, long ago; some operations wait for what was written just now.
LONG_AGO = 1600000000


class Wrong(Exception):
    """What must hold does not."""


def files_of(folder):
    """Name -> (bytes, time) of all files below a folder; None when it is not there."""
    if not os.path.isdir(folder):
        return None
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            full = os.path.join(path, name)
            status = os.lstat(full)
            with open(full, "rb") as file:
                found[os.path.relpath(full, folder)] = (file.read(), status.st_mtime_ns)
    return found


def contents(files):
    return None if files is None else {name: content for name, (content, _) in files.items()}


def write_files(folder, files):
    os.makedirs(folder, exist_ok=True)
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        os.utime(path, ns=(LONG_AGO * 10**9 + 123456789,) * 2)


def database(word, hot=False):
    """The files of a database, by what is added to its name. A hot one has a log beside it, with
    all that it knows."""
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        path = os.path.join(folder, "db")
        with contextlib.closing(sqlite3.connect(path)) as connection:
            if hot:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("CREATE TABLE keys (n INTEGER PRIMARY KEY, word TEXT)")
            connection.executemany("INSERT INTO keys (word) VALUES (?)", [(word,)] * 20)
            connection.commit()
            files = {}
            for suffix in ("", "-wal") if hot else ("",):
                with open(path + suffix, "rb") as file:
                    files[suffix] = file.read()
            return files


def memory_folder():
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@dataclasses.dataclass
class Outcome:
    """How an operation ended: its result, its words, and what it listed."""
    hr: int
    words: str
    listed: list

    def __str__(self):
        return "%s %s" % (w.describe(self.hr), self.words)


def operate(operation, store=None, backups=None, flags=0, on_event=None):
    """One operation of a restorer of its own."""
    restorer = w.Restorer()
    try:
        for name, value in (("StorePath", store), ("BackupPath", backups),
                            ("RestorePath", backups)):
            if value is not None:
                assert restorer.set(name, value) == w.S_OK
        listed, words = [], ""
        if operation in ("store", "backup"):
            hr, licenses = restorer.enumerate(operation)
            listed = [(one.name, one.size) for one in licenses]
        else:
            hr, events = restorer.backup(flags, on_event, operation)
            if events and not events[-1].is_terminal:
                raise Wrong("the last event is no terminal one")
            if events and events[-1].hr != hr:
                raise Wrong("the last event's code is not the result")
        if hr < 0:
            words = restorer.last_error()
        return Outcome(hr, words, listed)
    finally:
        restorer.release()


class World:
    """What all cells begin with: what a player had, what it has now, and the backups of both."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="cells-", dir=memory_folder())
        os.chmod(self.folder, 0o755)
        self.program = mounts.build(self.folder)
        scene.build(self.folder)
        choice = random.Random(20)
        same, large = choice.randbytes(700), choice.randbytes(2_600_000)
        self.old = {"same": same, "differs": b"old" * 100, "large": large[::-1],
                    "folder/differs": b"old", "folder/own": b"in the store alone",
                    "own/own": b"alone too", **{"keys.db" + suffix: content for suffix, content
                                                in database("old", hot=True).items()}}
        self.now = {"same": same, "differs": b"new" * 120, "large": large,
                    "folder/differs": b"new", "folder/new": choice.randbytes(3000),
                    "new/deeper/new": b"new too", "another": b"another",
                    "keys.db": database("new")[""]}
        self.overwritten = {**self.old, **self.now}
        # It belongs to the database that was there.
        del self.overwritten["keys.db-wal"]
        self.kept = {**self.now, **self.old}
        self.next = 0
        self.home = self.path("home")
        os.mkdir(self.home)
        os.chmod(self.home, 0o777)
        self.source = self.path("source")
        write_files(self.source, self.now)
        self.backup = self.make_backup(self.now)
        self.old_backup = self.make_backup(self.old)
        # What a backup of each store has: a database and its log are one license.
        self.read = {state: self.read_made(getattr(self, state))
                     for state in ("old", "now", "overwritten")}

    def read_made(self, files):
        folder = self.path("read")
        os.mkdir(folder)
        with open(os.path.join(folder, w.BACKUP_NAME), "wb") as file:
            file.write(self.make_backup(files))
        found = self.read_backup(folder)
        shutil.rmtree(folder)
        return found

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_backup(self, files):
        folder, store = self.path("made"), self.scratch()
        write_files(store, files)
        outcome = operate("backup_licenses", store, folder, w.OVERWRITE)
        assert outcome.hr == w.S_OK, outcome
        with open(os.path.join(folder, w.BACKUP_NAME), "rb") as file:
            return file.read()

    def scratch(self):
        self.next += 1
        return self.path("scratch-%d" % self.next)

    def clear(self):
        """Removes what was made for the attempts before."""
        for number in range(1, self.next + 1):
            shutil.rmtree(self.path("scratch-%d" % number), ignore_errors=True)
        self.next = 0

    def read_backup(self, path):
        """What a restore of a backup gives where nothing is odd: name -> bytes."""
        folder = self.scratch()
        try:
            outcome = operate("restore_licenses", folder, path)
            if outcome.hr != w.S_OK:
                raise Wrong("the backup is not whole: %s" % outcome)
            return contents(files_of(folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self):
        shutil.rmtree(self.folder)


class Cell:
    """One operation on one mounted file system, in a place of its own."""

    def __init__(self, world, manner, mounted):
        self.world, self.manner, self.mounted = world, manner, mounted
        self.clear()
        os.mkdir(self.behind("place"))
        # A database is read in one of two ways, by how long nobody has touched it.
        os.utime(os.path.join(world.source, "keys.db"), (LONG_AGO, LONG_AGO))

    def clear(self):
        """Whatever other cells have left."""
        for folder in ("place", "backups"):
            shutil.rmtree(self.behind(folder), ignore_errors=True)

    def behind(self, *names):
        return os.path.join(self.mounted.behind, *names)

    def through(self, *names):
        return os.path.join(self.mounted.through, *names)

    @property
    def store(self):
        return self.through("place", "store")

    @property
    def backups(self):
        return self.through("backups")

    def put_store(self, files=None):
        write_files(self.behind("place", "store"), self.world.old if files is None else files)

    def put_backup(self, data):
        os.makedirs(self.behind("backups"), exist_ok=True)
        with open(self.behind("backups", w.BACKUP_NAME), "wb") as file:
            file.write(data)

    def plain_backups(self, data=None):
        """A folder for backups where nothing is odd, with this one in it."""
        folder = self.world.scratch()
        os.mkdir(folder)
        os.chmod(folder, 0o777)
        if data is not None:
            with open(os.path.join(folder, w.BACKUP_NAME), "wb") as file:
                file.write(data)
        return folder

    def operate(self, *arguments, **more):
        return self.in_its_sandbox(lambda: operate(*arguments, **more))

    def in_its_sandbox(self, body):
        """body(), in a child where that has less than this process."""
        if not self.manner.calls and self.manner.user is None:
            return body()

        def sandboxed():
            self.sandbox()
            return body()

        return support.in_child(sandboxed, user=self.manner.user)

    def sandbox(self):
        """What is not there for this process from here on."""
        if self.manner.user is not None:
            os.environ["HOME"] = self.world.home
        if self.manner.calls:
            support.filter_calls(*self.manner.calls)

    # -- what must hold

    def check_ended(self, name, outcome):
        """Whether it worked; that it ended as it must, with words that name path and cause."""
        worked = outcome.hr == w.S_OK
        if worked and name in self.manner.fails:
            raise Wrong("S_OK, where nothing can be done")
        if worked:
            return True
        if name not in self.manner.fails | self.manner.may_fail:
            raise Wrong("it does not work: %s" % outcome)
        self.check_words(outcome)
        return False

    def check_words(self, outcome):
        if self.mounted.folder not in outcome.words:
            raise Wrong("the words do not say where: %s" % outcome)
        cause = os.strerror(self.manner.error) if self.manner.error else ": "
        if cause not in outcome.words and outcome.hr != w.SHARING_VIOLATION:
            raise Wrong("the words do not say why: %s" % outcome)

    def state_of_store(self, name, files):
        """"old", "new", or in between."""
        new = {"restore missing": self.world.now, "restore empty": self.world.now,
               "restore kept": self.world.kept, "restore overwrite": self.world.overwritten}[name]
        old = {"restore missing": None, "restore empty": {}}.get(name, self.world.old)
        found = contents(files)
        if found == new:
            return "new"
        return "old" if found == old else "in between: " + difference(found, old, new)

    def check_store(self, name, worked, outcome):
        files = files_of(self.behind("place", "store"))
        state = self.state_of_store(name, without_staging(files))
        if state != ("new" if worked else "old"):
            raise Wrong("%s, and the store is %s" % (outcome, state))
        if worked and self.manner.times is not None:
            self.check_times(name, files)
        self.check_alone(outcome)

    def check_times(self, name, files):
        for file in self.world.now:
            if name == "restore kept" and file in self.world.old:
                continue
            off = abs(files[file][1] - (LONG_AGO * 10**9 + 123456789))
            if off >= self.manner.times:
                raise Wrong("S_OK, and the time of %s is %d ns off" % (file, off))

    def left(self):
        """What no operation may leave. What was unlinked while it was open may still have a
        name, until its program has heard that it is closed."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and any(name.startswith(".fuse_hidden")
                                                  for name in self.names_left()):
            time.sleep(0.01)
        return self.names_left()

    def names_left(self):
        found = [name for name in os.listdir(self.behind("place")) if name != "store"]
        for folder in ("place/store", "backups"):
            folder = self.behind(folder)
            names = os.listdir(folder) if os.path.isdir(folder) else []
            found += [name for name in names if name.startswith((".wmlb", ".licenses", ".fuse"))]
        return found

    def check_alone(self, outcome):
        if self.left():
            raise Wrong("%s, and %s is left" % (outcome, self.left()))

    def check_backup(self, worked, outcome, old):
        """What the backup folder holds is the old backup, or none, or the new one, whole."""
        path = self.behind("backups", w.BACKUP_NAME)
        found = None
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
            found = file.read()
        if found == old:
            if worked:
                raise Wrong("S_OK, and there is no new backup")
        elif not worked and not self.manner.told_late:
            raise Wrong("%s, and the earlier backup is not there" % outcome)
        else:
            self.check_new_backup(path)
        self.check_alone(outcome)

    def check_new_backup(self, path):
        found = self.world.read_backup(path)
        if found != self.world.read["now"]:
            raise Wrong("the backup is not what the store is: " +
                        difference(found, self.world.read["now"]))

    # -- the operations

    def run(self, name):
        """One operation of those that manners.py names."""
        getattr(self, "do_" + name.replace(" ", "_"))()

    def do_backup(self, name="backup", old=None, flags=0, on_event=None):
        outcome = self.operate("backup_licenses", self.world.source, self.backups, flags,
                               on_event=on_event)
        worked = self.check_ended(name, outcome)
        self.check_backup(worked, outcome, old)

    def do_backup_overwrite(self):
        self.put_backup(self.world.old_backup)
        self.do_backup("backup overwrite", self.world.old_backup, w.OVERWRITE)

    def do_backup_refused(self):
        self.put_backup(self.world.old_backup)
        outcome = self.operate("backup_licenses", self.world.source, self.backups)
        if outcome.hr != w.BACKUP_EXISTS:
            raise Wrong("%s, and there is a backup" % outcome)
        self.check_backup(False, outcome, self.world.old_backup)

    def do_verify(self):
        self.put_backup(self.world.backup)
        outcome = self.operate("verify_backup", None, self.backups)
        self.check_ended("verify", outcome)
        self.check_backup(False, outcome, self.world.backup)

    def do_list_backup(self):
        self.put_backup(self.world.backup)
        outcome = self.operate("backup", None, self.backups)
        if self.check_ended("list backup", outcome):
            self.check_listed(outcome, self.world.read["now"])

    def check_listed(self, outcome, *states):
        def without_made_up(listed):
            # A database's size is that of its file, without what its log adds.
            return sorted((name, None if not self.manner.sizes or name == b"keys.db" else size)
                          for name, size in listed)

        expected = [without_made_up((name.encode(), len(content))
                                    for name, content in files.items()) for files in states]
        found = without_made_up(outcome.listed)
        if found not in expected:
            raise Wrong("S_OK, and %s are listed" % found)

    def do_backup_of_the_store(self):
        self.put_store(self.world.now)
        plain = self.plain_backups()
        outcome = self.operate("backup_licenses", self.store, plain)
        if self.check_ended("backup of the store", outcome):
            self.check_new_backup(os.path.join(plain, w.BACKUP_NAME))
        elif os.listdir(plain):
            raise Wrong("%s, and there is a backup" % outcome)
        if contents(files_of(self.behind("place", "store"))) != self.world.now:
            raise Wrong("the backup has changed the store")
        self.check_alone(outcome)

    def do_list_of_the_store(self):
        self.put_store()
        outcome = self.operate("store", self.store)
        if self.check_ended("list of the store", outcome):
            self.check_listed(outcome, self.world.read["old"])

    def restore(self, name, flags=w.RESTORE_OVERWRITE, on_event=None):
        return self.operate("restore_licenses", self.store,
                            self.plain_backups(self.world.backup), flags, on_event=on_event)

    def do_restore(self, name, flags=w.RESTORE_OVERWRITE):
        outcome = self.restore(name, flags)
        worked = self.check_ended(name, outcome)
        self.check_store(name, worked, outcome)
        if not worked:
            return
        # Once more: nothing of the first is in its way.
        again = self.restore(name, flags)
        if again.hr != w.S_OK and "restore overwrite" not in self.manner.may_fail:
            raise Wrong("a second restore: %s" % again)
        self.check_store(name, True, again)

    def do_restore_missing(self):
        self.do_restore("restore missing")

    def do_restore_empty(self):
        os.mkdir(self.behind("place", "store"))
        self.do_restore("restore empty")

    def do_restore_kept(self):
        self.put_store()
        self.do_restore("restore kept", 0)

    def do_restore_overwrite(self):
        self.put_store()
        self.do_restore("restore overwrite")


def without_staging(files):
    if files is None:
        return None
    return {name: value for name, value in files.items() if not name.startswith(".wmlb-restore-")}


def difference(found, *states):
    """Few words about what is there, and should not be, or the other way round."""
    if found is None:
        return "there is nothing"
    words = []
    for expected in states:
        if expected is None:
            words.append("%d files, not none" % len(found))
            continue
        missing = sorted(expected.keys() - found.keys())
        more = sorted(found.keys() - expected.keys())
        other = sorted(name for name in found.keys() & expected.keys()
                       if found[name] != expected[name])
        words.append("missing %s, more %s, other %s" % (missing[:5], more[:5], other[:5]))
    return "; or ".join(words)


OPERATIONS = (
    "backup", "backup overwrite", "backup refused", "verify", "list backup",
    "backup of the store", "list of the store",
    "restore missing", "restore empty", "restore kept", "restore overwrite",
)
