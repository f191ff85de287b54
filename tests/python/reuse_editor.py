"""Random changes of small stores, of which repeat backups are made; and, started by itself, changes
beside a backup:

    python3 reuse_editor.py     reads lines of a store, a seed and a number of changes, and answers
                                each, when they are made, with an empty line
"""

import glob
import os
import random
import select
import shutil
import sqlite3
import subprocess
import sys

import license_forge as forge

DATABASES = "mm-databases"
DENIED = forge.v1("denied", rights=4)
# Of which contents are parts: made once, since that takes longer than most changes.
POOL = random.Random(0).randbytes(1 << 20)
# So many of each in a hundred. Frames have 1 to 3 MiB, and a store should have some of them.
SIZES = {0: 8, 100: 20, 5000: 30, 40_000: 20, 300_000: 12, 1_200_000: 5, 2_500_000: 5}
MODES = ("delete", "truncate", "persist", "memory", "off", "wal", "wal", "wal")


class Editor:
    """Changes a store at random."""

    def __init__(self, store, dice):
        self.store, self.dice = store, dice
        self.number, self.changes = 0, CHANGES
        # Open, since a log goes with the last who has its database open.
        self.databases = []

    def files(self):
        """All but databases, which change in their own ways."""
        found = []
        for folder, folders, names in os.walk(self.store):
            folders.sort()
            if DATABASES in folders:
                folders.remove(DATABASES)
            paths = (os.path.join(folder, name) for name in sorted(names))
            found += (path for path in paths if not os.path.islink(path))
        return found

    def folders(self):
        folders = (folder for folder, _, _ in os.walk(self.store))
        return sorted(folder for folder in folders if DATABASES not in folder)

    def database(self, path):
        """A new one, or more in one that is there."""
        folder = os.path.join(self.store, DATABASES)
        os.makedirs(folder, exist_ok=True)
        if len(self.databases) < 3:
            self.number += 1
            name = os.path.join(folder, "%d" % self.number)
            connection = sqlite3.connect(name, isolation_level=None)
            # What reaches the disk is not what matters here.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = " + self.dice.choice(MODES))
            connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, content)")
            self.databases.append(connection)
        connection = self.dice.choice(self.databases)
        size = self.dice.choice((10,) * 4 + (5000,) * 4 + (1_500_000,))
        connection.execute("INSERT INTO t (content) VALUES (?)", (self.bytes(size),))
        # A database that its log makes longer is always read.
        if self.dice.random() < 0.7:
            connection.execute("PRAGMA wal_checkpoint(FULL)")

    def change_row(self, path):
        if self.databases:
            connection = self.dice.choice(self.databases)
            connection.execute("UPDATE t SET content = ? WHERE n = 1", (self.bytes(10),))

    def checkpoint(self, path):
        for connection in self.databases:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def database_set_back(self, path):
        """Its row changes, its times do not."""
        for connection in self.databases[:1]:
            (_, _, name), = connection.execute("PRAGMA database_list")
            before = os.stat(name)
            connection.execute("UPDATE t SET content = ? WHERE n = 1", (self.bytes(10),))
            os.utime(name, ns=(before.st_atime_ns, before.st_mtime_ns))

    def rename_database(self, path):
        """Where a database is closed, its log goes; it is another under another name."""
        if self.databases:
            connection = self.databases.pop()
            (_, _, name), = connection.execute("PRAGMA database_list")
            connection.close()
            os.rename(name, self.fresh_path())

    def close(self):
        for connection in self.databases:
            connection.close()

    def bytes(self, size):
        if size > len(POOL) // 2:
            return self.bytes(60_000).ljust(size, self.dice.choice((b"x", b"y")))
        at = self.dice.randrange(len(POOL) - size)
        return POOL[at : at + size]

    def content(self):
        (size,) = self.dice.choices(*zip(*SIZES.items()))
        some = self.bytes(min(size, self.dice.choice((5000, 60_000))))
        return some.ljust(size, self.dice.choice((b"x", b"y")))

    def fresh_path(self):
        self.number += 1
        name = "%s%04d" % (self.dice.choice("aeimquz"), self.number)
        return os.path.join(self.dice.choice(self.folders()), name)

    def change(self):
        """Makes one; its name."""
        files = self.files()
        names = self.changes + 3 * ["change_row"] if self.databases else self.changes
        name = self.dice.choice(names) if files else "add"
        getattr(self, name)(self.dice.choice(files) if files else None)
        return name

    def write(self, path, content):
        with open(path, "wb") as file:
            file.write(content)

    def add(self, path):
        self.write(self.fresh_path(), self.content())

    def add_folder(self, path):
        folder = self.fresh_path()
        os.mkdir(folder)
        for number in range(self.dice.randrange(4)):
            self.write(os.path.join(folder, "%d" % number), self.content())

    def remove(self, path):
        os.unlink(path)

    def rename(self, path):
        os.rename(path, self.fresh_path())

    def rewrite(self, path):
        self.write(path, self.content())

    def same_size(self, path):
        self.write(path, self.bytes(os.path.getsize(path)))

    def set_back(self, path):
        before = os.stat(path)
        self.same_size(path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def touch(self, path):
        os.utime(path)

    def chmod(self, path):
        os.chmod(path, self.dice.choice((0o600, 0o644, 0o400)))

    def link(self, path):
        os.link(path, self.fresh_path())

    def exchange(self, path):
        other, between = self.dice.choice(self.files()), self.fresh_path()
        os.rename(path, between)
        if other != path:
            os.rename(other, path)
            os.rename(between, other)

    def folder_for_file(self, path):
        os.unlink(path)
        os.mkdir(path)
        self.write(os.path.join(path, "in it"), self.content())

    def file_for_folder(self, path):
        folder = self.dice.choice(self.folders())
        if folder != self.store:
            shutil.rmtree(folder)
            self.write(folder, self.content())

    def move_folder(self, path):
        folder, to = self.dice.choice(self.folders()), self.fresh_path()
        if folder != self.store and not to.startswith(folder + "/"):
            os.rename(folder, to)

    def deny(self, path):
        self.write(path, DENIED)

    def allow(self, path):
        self.write(path, forge.v1("allowed"))

    def symlink(self, path):
        os.symlink("nowhere", self.fresh_path())

    def database_name(self, path):
        if not os.path.isdir(path + "-wal"):
            self.write(path + "-wal", b"not a log")

    def nothing(self, path):
        pass


CHANGES = [name for name in vars(Editor) if not name.startswith("_") and name not in (
    "files", "folders", "bytes", "content", "fresh_path", "write", "close", "change",
)]


class Racer:
    """Another process, which changes a store while it is backed up."""

    def __init__(self):
        command = [sys.executable, os.path.abspath(__file__)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def begin(self, store, seed, changes):
        self.process.stdin.write(b"%s %d %d\n" % (os.fsencode(store), seed, changes))
        self.process.stdin.flush()

    def is_done(self):
        ready, _, _ = select.select([self.process.stdout], [], [], 0)
        if not ready:
            return False
        answer = self.process.stdout.readline()
        assert answer == b"\n", "the other process has ended"
        return True

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def race(store, dice, changes):
    editor = Editor(store, dice)
    # Its files are not those of the other.
    editor.number = 5000
    # The other has the same databases open.
    editor.changes = [name for name in CHANGES if name != "rename_database"]
    for path in sorted(glob.glob(os.path.join(store, DATABASES, "*"))):
        if os.path.basename(path).isdigit():
            editor.databases.append(sqlite3.connect(path, isolation_level=None, timeout=0.01))
    for _ in range(changes):
        try:
            editor.change()
        except sqlite3.OperationalError:
            # The backup reads it.
            pass
    editor.close()


if __name__ == "__main__":
    for line in sys.stdin:
        store, seed, changes = line.split(" ")
        race(store, random.Random(int(seed)), int(changes))
        print(flush=True)
