"""Databases are read where they lie, without a copy, under the locks of a reader: who writes
meanwhile waits, or goes on in a log, and nothing of that is in the backup."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import encryption_support
import support
import wmlb_ctypes as w
from sqlite_support import (
    DATASTORE_CORRUPT, INSERT, MIB, MODES, DatabaseCase, User, hold, make, opened, rows_of,
    wait_until,
)

# Rows and bytes of each: a part of a frame, several frames, and so many that it is checked while
# it is packed.
SIZES = {"small": (30, 1000), "middle": (120, 50000), "large": (120, 100000)}

# As a program writes that waits for its lock, and says when it begins to.
WRITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
# Else a large transaction waits for its lock before it is committed.
connection.execute("PRAGMA cache_spill = OFF")
connection.execute("BEGIN IMMEDIATE")
for statement in sys.argv[2:]:
    connection.execute(statement).fetchall()
print("ready", flush=True)
connection.execute("COMMIT")
connection.close()
"""
UPDATE = "UPDATE t SET content = zeroblob(50000)"


def write(test, path, *statements):
    """A process that writes this, and is about to commit it."""
    process = subprocess.Popen([sys.executable, "-c", WRITE, path, *statements],
                               stdout=subprocess.PIPE)
    test.addCleanup(process.stdout.close)
    test.addCleanup(process.wait)
    test.addCleanup(process.kill)
    test.assertEqual(process.stdout.readline(), b"ready\n")
    return process


class AtRestCase(DatabaseCase):
    """Without files that are made by name, which a copy would take, and the backup does not."""

    # That are made for a class, each in a store of its own: {name: arguments of make()}.
    databases = {}

    @classmethod
    def setUpClass(cls):
        cls.made = tempfile.mkdtemp(prefix="wmlb-test-")
        cls.addClassCleanup(shutil.rmtree, cls.made)
        os.chmod(cls.made, 0o755)
        cls.paths = {}
        for name, (size, arguments) in cls.databases.items():
            path = cls.paths[name] = "%s/%s/x.db" % (cls.made, name)
            rows, blob = SIZES[size]
            make(path, rows, size=blob, **arguments)
            cls.alter(name, path)

    @classmethod
    def alter(cls, name, path):
        """What is done to one that was made."""

    def use(self, name):
        self.path = self.paths[name]
        self.store = os.path.dirname(self.path)
        self.restorer.set("StorePath", self.store)

    def save_without_files(self, store=None, **properties):
        """The result of a backup that can make none by a name."""
        support.need_filters()

        def body():
            support.without_named_files()
            return self.new_restorer(store or self.store, **properties).backup(w.OVERWRITE)[0]

        return support.in_child(body)

    def assert_read_in_place(self, **properties):
        with self.untouched():
            self.assert_hr(self.save_without_files(**properties), w.S_OK)
        self.assert_clean(names=[w.BACKUP_NAME])

    def saved(self):
        content, = self.opened().files().values()
        return content


class InPlace(AtRestCase):
    databases = {"%s-%s" % (size, mode): (size, {"mode": mode})
                 for size in SIZES for mode in MODES}
    databases["random"] = "large", {"script": "UPDATE t SET content = randomblob(100000)"}

    def test_every_kind(self):
        for name in self.databases:
            with self.subTest(name):
                self.use(name)
                self.assert_read_in_place()
                self.assertTrue(self.saved() == support.read(self.path), "other bytes")
                found, = self.opened().licenses
                self.assertEqual(found.mtime, os.stat(self.path).st_mtime_ns)

    def test_named_by_the_path(self):
        self.use("large-delete")
        self.assert_hr(self.save_without_files(self.path), w.S_OK)
        self.assertTrue(self.saved() == support.read(self.path), "other bytes")

    def test_an_encrypted_backup(self):
        for name in ("small-wal", "large-wal"):
            self.use(name)
            self.assert_read_in_place(Recipients=encryption_support.key().recipient)

    def test_whatever_the_threads(self):
        """All of them among other licenses."""
        found = []
        for threads in (1, 2, 8, 1):
            restorer = self.new_restorer(store=self.made, Threads=threads)
            self.assert_ends(restorer.backup(w.OVERWRITE | w.VERIFY))
            backup = self.opened()
            for name, content in backup.files().items():
                path = os.path.join(self.made, name.decode())
                self.assertTrue(content == support.read(path), path)
            found.append(backup.between())
            self.assertTrue(found[0] == found[-1], "%d threads give other bytes" % threads)

    def test_others_that_have_it_open(self):
        """Readers, and a writer whose transaction is open."""
        for name in [name for name in self.databases if not name.startswith("middle")]:
            self.use(name)
            for statements in (["BEGIN", "SELECT * FROM t"],
                               ["BEGIN IMMEDIATE", "DELETE FROM t WHERE n = 1"]):
                with self.subTest(name, statements=statements):
                    user = User(self, self.path, *statements)
                    self.assert_read_in_place()
                    self.assertTrue(self.saved() == support.read(self.path), "other bytes")
                    user.run("ROLLBACK")
                    user.close()
                    os.unlink(self.target)

    def test_canceled_at_any_time(self):
        self.use("large-delete")
        for threads in (1, 2):
            self.restorer.set("Threads", threads)
            for number in range(1000):
                left = iter(range(number))
                outcome = self.restorer.backup(
                    0, lambda event: 0 if next(left, None) is not None else -1)
                if outcome[1][-1].status == w.STATUS_END:
                    break
                self.assert_fails(outcome, w.CANCELED)
                self.assert_clean()
            os.unlink(self.target)

    def test_full_disk(self):
        self.use("random")
        support.mount(self, self.backups, "tmpfs", "size=2m")
        for threads in (1, 2):
            self.restorer.set("Threads", threads)
            for flags in (0, w.PARTIAL):
                # A large database waits there for its place in the backup file, without a name.
                self.assert_fails(self.restorer.backup(flags), w.from_win32(112), self.backups)
                self.assert_clean()

    def test_rights(self):
        for name in ("small-delete", "middle-delete", "large-delete"):
            self.use(name)
            restorer = self.new_restorer(store=self.store)
            asked = []
            self.assert_hr(restorer.ask_rights(lambda each: asked.append(each)), w.S_OK)
            self.assert_ends(restorer.backup(w.OVERWRITE))
            self.assertEqual([(each.name, each.format) for each in asked], [(b"x.db", b"sqlite")])
            restorer.set("UnstatedRights", "deny")
            self.assert_ends(restorer.backup(w.OVERWRITE))
            self.assertEqual(self.opened().files(), {})

    def test_an_empty_log_and_a_journal_without_content(self):
        self.use("middle-wal")
        for suffix, content in (("-wal", b""), ("-journal", b""), ("-journal", bytes(5000))):
            support.write(self.path + suffix, content)
            self.assert_read_in_place()
            self.assertTrue(self.saved() == support.read(self.path), "other bytes")
            os.unlink(self.path + suffix)


class WithWhatLiesBesideIt(AtRestCase):
    databases = {"%s-%s" % (size, mode): (size, {"mode": mode})
                 for size in SIZES for mode in MODES}

    def assert_holds_what_others_read(self):
        expected = rows_of(self.path)
        self.assert_read_in_place()
        self.assert_holds(self.saved(), expected)

    def test_a_transaction_that_was_left(self):
        for name in self.databases:
            if not name.endswith("wal"):
                self.use(name)
                hold(self, self.path, "PRAGMA cache_size = 2", "PRAGMA cache_spill = 2", "BEGIN",
                     UPDATE)(kill=True)
                self.assertNotEqual(support.read(self.path + "-journal")[:1], b"\0")
                self.assert_holds_what_others_read()

    def test_a_log(self):
        """In use, and left."""
        for size in SIZES:
            self.use(size + "-wal")
            user = User(self, self.path, "PRAGMA wal_autocheckpoint = 0", INSERT % (1001, 40, 30000))
            self.assertGreater(os.path.getsize(self.path + "-wal"), MIB)
            self.assert_holds_what_others_read()
            user.kill()
            self.assert_holds_what_others_read()
            os.unlink(self.path + "-shm")
            self.assert_holds_what_others_read()
            for suffix in ("-wal", "-shm"):
                if os.path.exists(self.path + suffix):
                    os.unlink(self.path + suffix)

    def test_what_is_stale(self):
        make(self.path, 30)
        for suffix in ("-wal", "-journal"):
            for content in (b"stale" * 1000, b"", bytes(5000), b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"):
                support.write(self.path + suffix, content)
                self.assert_read_in_place()
                self.assertTrue(self.saved() == support.read(self.path), "other bytes")
                os.unlink(self.path + suffix)

    def test_a_file_system_that_keeps_no_times(self):
        folder = self.root + "/mounted"
        support.mount(self, folder, "ramfs")
        self.store, self.path = folder, folder + "/x.db"
        make(self.path, 30)
        self.assert_read_in_place()


class Written(AtRestCase):
    """Somebody comes to write in the middle: it is one state or the other."""

    databases = {
        "%s-%s-%s" % (what, size, mode): (size, {"mode": mode})
        for what in ("commit", "open", "left", "log", "replaced", "touched")
        for size in ("middle", "large") for mode in MODES
    }

    def save_while(self, act, threads=1):
        """A backup in the middle of whose database this is done, once."""
        self.acted = []

        def on_event(event):
            progress = event.progress if event.status == w.STATUS_PROGRESS else None
            if progress and 0 < progress.bytes_done < os.path.getsize(self.path) // 2 \
                    and not self.acted:
                self.acted.append(progress.bytes_done)
                self.acted.append(act())

        self.restorer.set("Threads", threads)
        self.assert_ends(self.restorer.backup(w.OVERWRITE | w.VERIFY, on_event))
        self.assertTrue(self.acted, "nothing was done in the middle of it")
        self.assert_clean(names=[w.BACKUP_NAME])
        backup = self.opened()
        self.assertEqual(backup.names(), [b"x.db"])
        return self.saved()

    def each(self, what, modes=MODES):
        for name in self.databases:
            if name.startswith(what + "-") and name.endswith(tuple("-" + mode for mode in modes)):
                with self.subTest(name):
                    self.use(name)
                    yield name

    def test_a_commit(self):
        for name in self.each("commit"):
            before = rows_of(self.path)
            writers = []

            def commit():
                writers.append(write(self, self.path, UPDATE))
                # With a log it does not wait for readers.
                return name.endswith("wal") and writers[0].wait(60)

            data = self.save_while(commit)
            self.assertEqual(writers.pop().wait(60), 0)
            self.assertEqual({len(content) for _, content in rows_of(self.path)}, {50000})
            # Of one that nobody had open nothing keeps the log from being begun.
            self.assert_holds(data, rows_of(self.path) if name.endswith("wal") else before)

    def test_with_several_threads(self):
        """By then it may have been read to its end."""
        for name in ("touched-large-delete", "touched-large-wal"):
            self.use(name)
            before = rows_of(self.path)
            writers = []
            data = self.save_while(
                lambda: writers.append(write(self, self.path, UPDATE)), threads=2)
            self.assertEqual(writers.pop().wait(60), 0)
            with self.snapshot(data) as connection:
                found = connection.execute("SELECT * FROM t ORDER BY n").fetchall()
            self.assertTrue(found in (before, rows_of(self.path)), "neither state")

    def test_a_transaction_that_is_open_at_the_end(self):
        for _ in self.each("open"):
            before = rows_of(self.path)
            users = []
            data = self.save_while(lambda: users.append(User(
                self, self.path, "BEGIN IMMEDIATE", "DELETE FROM t WHERE n < 3")))
            self.assert_holds(data, before)
            users.pop().kill()

    def test_a_transaction_that_was_left(self):
        for _ in self.each("left", MODES[:3]):
            before = rows_of(self.path)

            def leave():
                hold(self, self.path, "BEGIN", UPDATE)(kill=True)
                self.assertTrue(os.path.exists(self.path + "-journal"))

            self.assert_holds(self.save_while(leave), before)

    def test_a_log_that_is_left(self):
        for _ in self.each("log", ["wal"]):
            before = rows_of(self.path)

            def leave():
                hold(self, self.path, "PRAGMA wal_autocheckpoint = 0", UPDATE)(kill=True)
                self.assertGreater(os.path.getsize(self.path + "-wal"), MIB)

            data = self.save_while(leave)
            self.assertNotEqual(rows_of(self.path), before)
            self.assert_holds(data, rows_of(self.path))

    def test_another_in_its_place(self):
        for name in self.each("replaced", ["wal", "delete"]):
            other = make(self.root + "/other/" + name, 7)
            expected = rows_of(other)
            data = self.save_while(lambda: os.replace(other, self.path))
            self.assert_holds(data, expected)

    def test_another_time(self):
        for _ in self.each("touched", ["truncate", "persist"]):
            data = self.save_while(lambda: os.utime(self.path, (10**9, 10**9)))
            self.assert_holds(data, rows_of(self.path))
            self.assertEqual(self.opened().licenses[0].mtime, 10**18)


class MakesWay(AtRestCase):
    """Whoever waits to write to a large database waits until it is copied, not until it is
    packed."""

    # Of a kind, and at a level, that take long enough to pack for progress to be told in between.
    databases = {"x": ("large", {"script": "UPDATE t SET content = hex(randomblob(350000))"})}
    LEVEL = 9

    def waits(self, writer):
        """Whether a process has the lock of those who wait for readers to go."""
        with open("/proc/locks") as file:
            locks = [line.split() for line in file]
        return any(lock[3:5] == ["WRITE", str(writer.pid)] and lock[6] == str(1 << 30)
                   for lock in locks if lock[1] == "POSIX")

    def test_a_writer_that_waits(self):
        self.use("x")
        before, size = rows_of(self.path), os.path.getsize(self.path)
        writers, finished = [], []

        def on_event(event):
            done = event.progress.bytes_done if event.status == w.STATUS_PROGRESS else 0
            if 0 < done < size // 2 and not writers:
                writers.append(write(self, self.path, "UPDATE t SET content = 'since'"))
                wait_until(lambda: self.waits(writers[0]), "a writer that waits")
            elif size // 2 < done < size and not finished:
                finished.append(writers[0].wait(60))

        self.restorer.set("Threads", 2)
        self.restorer.set("CompressionLevel", self.LEVEL)
        self.assert_ends(self.restorer.backup(w.OVERWRITE | w.VERIFY, on_event))
        self.assertEqual(finished, [0])
        self.assert_clean(names=[w.BACKUP_NAME])
        self.assert_holds(self.saved(), before)
        self.assertEqual({content for _, content in rows_of(self.path)}, {"since"})


class Damaged(AtRestCase):
    databases = {"%s-%s" % (size, mode): (size, {"mode": mode})
                 for size in SIZES for mode in ("delete", "wal")}

    @classmethod
    def alter(cls, name, path):
        # The first page of t, where everything else of it is found.
        with open(path, "r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 4096)
        support.write(os.path.dirname(path) + "/other", b"license")
        support.write(os.path.dirname(path) + "/z", b"another")

    def test_it_is_told(self):
        for name in self.databases:
            for threads in (1, 2, 8):
                with self.subTest(name, threads=threads):
                    self.use(name)
                    self.restorer.set("Threads", threads)
                    with self.untouched():
                        outcome = self.restorer.backup(0)
                        self.assert_fails(outcome, DATASTORE_CORRUPT, self.path)
                        self.assert_clean()
                        outcome = self.restorer.backup(w.PARTIAL | w.VERIFY)
                    others = [b"other", b"z"]
                    self.assert_partial(outcome, {b"x.db": DATASTORE_CORRUPT}, others)
                    progress = outcome[1][-2].progress
                    self.assertEqual((progress.licenses_done, progress.bytes_done), (2, 14))
                    os.unlink(self.target)


class Restored(AtRestCase):
    databases = {"%s-%s" % (size, mode): (size, {"mode": mode})
                 for size in SIZES for mode in ("delete", "wal")}

    def test_it_is_what_it_was(self):
        for name in self.databases:
            self.use(name)
            self.assert_ends(self.restorer.backup(w.OVERWRITE))
            place = self.root + "/restored-" + name
            os.mkdir(place)
            restorer = self.new_restorer(store=place, RestorePath=self.backups)
            self.assert_ends(restorer.restore())
            self.assertTrue(support.read(place + "/x.db") == support.read(self.path))
            with opened(place + "/x.db") as connection:
                self.assertEqual(
                    connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])


if __name__ == "__main__":
    unittest.main()
