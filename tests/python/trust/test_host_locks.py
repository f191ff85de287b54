"""A player that has its databases open through its own SQLite, in the process that calls the
library: here Python's. Whatever the library does with them, the player's locks stay its own, so
that no other process writes where it writes, or removes a log that it goes on with."""

import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import unittest

import discover_support
import encryption_support
import sqlite_support
import support
import trust_support as trust
import wmlb_ctypes as w
from trust_support import TrustCase

# Another process: what each of these says, without waiting.
OBSERVER = """
import json, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
answers = []
for statement in sys.argv[2:]:
    try:
        answers.append(connection.execute(statement).fetchall())
    except sqlite3.Error as problem:
        answers.append(str(problem))
connection.close()
print(json.dumps(answers))
"""
LOCKED = "database is locked"


def observe(path, *statements):
    done = subprocess.run([sys.executable, "-c", OBSERVER, path, *statements],
                          stdout=subprocess.PIPE, check=True, timeout=trust.HANGS)
    return json.loads(done.stdout)


class HostCase(TrustCase):
    def open(self, path=None, mode="delete", *statements):
        """The player's connection. From here on this process must not open the file itself: to
        close it would end the locks."""
        path = path or self.path
        sqlite_support.make(path, 20, mode=mode)
        connection = sqlite3.connect(
            path, isolation_level=None, timeout=0, check_same_thread=False)
        self.addCleanup(connection.close)
        for statement in statements:
            connection.execute(statement).fetchall()
        return connection

    def operations(self, path=None):
        """name -> what the player has the library do."""
        recipient = encryption_support.key().recipient

        def backup(flags=w.OVERWRITE | w.PARTIAL, on_event=None, **properties):
            return lambda: self.new_restorer(**properties).backup(flags, on_event)

        def in_a_thread():
            thread = threading.Thread(target=backup())
            thread.start()
            thread.join()

        def release():
            restorer = self.new_restorer()
            restorer.start(w.OVERWRITE | w.PARTIAL)
            restorer.release()

        return {
            "list": lambda: self.new_restorer().enumerate("store"),
            "list that is ended": lambda: self.new_restorer().enumerate("store", lambda _: -1),
            "backup": backup(),
            "backup that fails": backup(0),
            "backup that is canceled": backup(on_event=lambda event: -1),
            "verified backup": backup(w.OVERWRITE | w.PARTIAL | w.VERIFY),
            "encrypted backup": backup(
                Recipients=recipient, backups=self.root + "/encrypted"),
            "backup of the database": backup(StorePath=path or self.path),
            "list of the database": lambda: self.new_restorer(
                StorePath=path or self.path).enumerate("store"),
            "backup in a thread": in_a_thread,
            "backup with threads": backup(Threads=4),
            "released backup": release,
            "restore": lambda: self.new_restorer(RestorePath=self.backups).restore(),
            "restore over it": lambda: self.new_restorer(
                RestorePath=self.backups).restore(w.RESTORE_OVERWRITE),
        }

    def each(self, path=None):
        """After each operation, and that it was done."""
        self.assertEqual(os.listdir(self.backups), [])
        for name, operation in self.operations(path).items():
            operation()
            yield "after a " + name


class RollbackJournal(HostCase):
    def test_a_transaction_stays_the_only_one(self):
        self.open(None, "delete", "BEGIN IMMEDIATE", "INSERT INTO t VALUES (99, 1)")
        self.assertEqual(observe(self.path, "BEGIN IMMEDIATE"), [LOCKED])
        for words in self.each():
            self.assertEqual(observe(self.path, "BEGIN IMMEDIATE"), [LOCKED], words)

    def test_where_nobody_is_told_of_them(self):
        """Kernels before 3.15, and sandboxes, which do not know locks of open files."""
        support.need_filters()
        for code in (errno.EINVAL, errno.EPERM):
            for folder in (self.store, self.backups):
                subprocess.run(["rm", "-rf", folder], check=True)
                os.mkdir(folder)

            def body():
                support.filter_calls(
                    *(("fcntl", code, 1, command, "equal") for command in support.OF_OPEN_FILES))
                self.open(None, "delete", "BEGIN IMMEDIATE", "INSERT INTO t VALUES (99, 1)")
                for words in self.each():
                    self.assertEqual(observe(self.path, "BEGIN IMMEDIATE"), [LOCKED], words)

            support.in_child(body)

    def test_a_reader_stays_one(self):
        self.open(None, "delete", "BEGIN", "SELECT * FROM t")
        write = ("BEGIN IMMEDIATE", "INSERT INTO t VALUES (98, 1)", "COMMIT", "ROLLBACK")
        self.assertEqual(observe(self.path, *write)[2], LOCKED)
        for words in self.each():
            self.assertEqual(observe(self.path, *write)[2], LOCKED, words)

    def test_an_exclusive_transaction_stays_one(self):
        """The library cannot have its lock: it waits, and says that the database is in use."""
        self.open(None, "delete", "BEGIN EXCLUSIVE", "INSERT INTO t VALUES (99, 1)")
        for name in ("list", "backup"):
            answer = self.operations()[name]()[0]
            self.assertIn(answer, (w.BUSY, w.NOT_ALL_STORED), name)
            self.assertEqual(observe(self.path, "SELECT count(*) FROM t"), [LOCKED], name)

    def test_a_transaction_that_begins_meanwhile(self):
        connection = self.open()
        begun = []

        def on_event(event):
            if event.status == w.STATUS_BEGIN:
                connection.execute("BEGIN IMMEDIATE")
                begun.append(True)

        self.new_restorer().backup(w.OVERWRITE, on_event)
        self.assertEqual(begun, [True])
        self.assertEqual(observe(self.path, "BEGIN IMMEDIATE"), [LOCKED])

    def test_the_transaction_can_be_committed(self):
        connection = self.open(None, "truncate", "BEGIN IMMEDIATE", "INSERT INTO t VALUES (99, 1)")
        for words in self.each():
            observe(self.path, "BEGIN IMMEDIATE", "INSERT INTO t VALUES (98, 1)", "COMMIT")
        connection.execute("COMMIT")
        self.assertEqual(observe(self.path, "SELECT n FROM t WHERE n > 90"), [[[99]]])


class Log(HostCase):
    def test_a_writer_stays_the_only_one(self):
        self.open(None, "wal", "BEGIN IMMEDIATE", "INSERT INTO t VALUES (99, 1)")
        self.assertEqual(observe(self.path, "BEGIN IMMEDIATE"), [LOCKED])
        for words in self.each():
            self.assertEqual(observe(self.path, "BEGIN IMMEDIATE"), [LOCKED], words)

    def test_a_reader_keeps_the_log(self):
        self.open(None, "wal", "INSERT INTO t VALUES (99, 1)", "BEGIN", "SELECT * FROM t")
        grow = ("INSERT INTO t (content) VALUES (1)", "PRAGMA wal_checkpoint(TRUNCATE)")
        self.assertEqual(observe(self.path, *grow)[1][0][0], 1)
        for words in self.each():
            self.assertEqual(observe(self.path, *grow)[1][0][0], 1, words)

    def test_the_log_stays_while_it_is_open(self):
        """Who closes a database last removes its log: nobody may think he is the last."""
        connection = self.open(None, "wal", "INSERT INTO t VALUES (99, 1)")
        log = os.stat(self.path + "-wal").st_ino
        observe(self.path, "SELECT 1 FROM t")
        self.assertTrue(os.path.exists(self.path + "-wal"))
        number = 100
        for words in self.each():
            observe(self.path, "SELECT 1 FROM t")
            self.assertTrue(os.path.exists(self.path + "-wal"), words)
            self.assertEqual(os.stat(self.path + "-wal").st_ino, log, words)
            connection.execute("INSERT INTO t VALUES (?, 1)", (number,))
            self.assertEqual(observe(self.path, "SELECT max(n) FROM t"), [[[number]]], words)
            number += 1

    def test_a_log_that_is_not_shared(self):
        self.open(None, "wal", "PRAGMA locking_mode = EXCLUSIVE", "INSERT INTO t VALUES (99, 1)")
        for name in ("list", "backup"):
            self.operations()[name]()
            self.assertEqual(observe(self.path, "SELECT count(*) FROM t"), [LOCKED], name)

    def test_several_connections(self):
        """Of one process, of which one goes."""
        first = self.open(None, "wal", "INSERT INTO t VALUES (99, 1)")
        second = sqlite3.connect(self.path, isolation_level=None, timeout=0)
        second.execute("SELECT * FROM t").fetchall()
        self.operations()["backup"]()
        second.close()
        self.operations()["list"]()
        observe(self.path, "SELECT 1 FROM t")
        self.assertTrue(os.path.exists(self.path + "-wal"))
        first.execute("INSERT INTO t VALUES (100, 1)")
        self.assertEqual(observe(self.path, "SELECT max(n) FROM t"), [[[100]]])


class OtherWays(HostCase):
    """By which the library comes to the same file."""

    def transaction(self, path):
        self.open(path, "delete", "BEGIN IMMEDIATE", "INSERT INTO t VALUES (99, 1)")

    def test_another_name(self):
        """Locks belong to the file, not to the name that the library reads it by."""
        player = self.root + "/player/x.db"
        self.transaction(player)
        os.link(player, self.path)
        for words in self.each():
            self.assertEqual(observe(player, "BEGIN IMMEDIATE"), [LOCKED], words)

    def test_discovery(self):
        home = self.root + "/home"
        profile = home + "/.config/chromium/Default"
        self.transaction(profile + "/CdmStorage.db")
        kept = {name: os.environ.pop(name, None) for name in discover_support.VARIABLES}
        try:
            os.environ["HOME"] = home
            hr, stores = w.discover()
        finally:
            for name, value in kept.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
        self.assert_hr(hr, w.S_OK)
        self.assertEqual([store.path for store in stores], [profile + "/CdmStorage.db"])
        self.assertEqual(observe(profile + "/CdmStorage.db", "BEGIN IMMEDIATE"), [LOCKED])

    def test_the_backup_folder_is_the_players(self):
        """It lies there, and is no part of the store."""
        path = self.backups + "/x.db"
        self.transaction(path)
        support.write(self.store + "/license", b"license")
        for name in ("backup", "list"):
            self.operations()[name]()
            self.assertEqual(observe(path, "BEGIN IMMEDIATE"), [LOCKED], name)


class Descriptors(HostCase):
    """What has to stay open stays as long as the player has it open, and is not opened again."""

    def test_they_do_not_add_up(self):
        connection = self.open(None, "wal", "INSERT INTO t VALUES (99, 1)")

        def count():
            return len(os.listdir("/proc/self/fd"))

        before = count()
        counts = []
        for _ in range(30):
            self.new_restorer().enumerate("store")
            self.new_restorer().backup(w.OVERWRITE)
            while self.restorers:
                self.restorers.pop().release()
            counts.append(count())
        self.assertLessEqual(max(counts) - before, 12)
        self.assertLessEqual(counts[-1] - counts[5], 0, counts)
        connection.close()
        # The next operation may see that the player has gone.
        for _ in range(3):
            self.new_restorer().enumerate("store")
        self.assertLessEqual(count(), before)

    def test_they_keep_no_file_of_another(self):
        """A hundred databases, none of which this process has open."""
        for number in range(100):
            sqlite_support.make("%s/%d.db" % (self.store, number), 1, mode="wal")
        before = len(os.listdir("/proc/self/fd"))
        self.assert_ends(self.new_restorer().backup())
        self.assertLessEqual(len(os.listdir("/proc/self/fd")) - before, 0)


PLAYER = """
import os, signal, sqlite3, sys, wmlb_ctypes as w
path, mode, store, backups, operation = sys.argv[1:]
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("PRAGMA journal_mode = " + mode)
connection.execute("PRAGMA synchronous = NORMAL")
connection.execute("CREATE TABLE IF NOT EXISTS l (n)")
connection.execute("INSERT INTO l VALUES (1)")
restorer = w.Restorer()
restorer.set("StorePath", store)
restorer.set("BackupPath", backups)
if operation == "list":
    assert restorer.enumerate("store")[0] == 0
elif operation == "backup":
    assert restorer.backup(w.OVERWRITE)[0] == 0
print("called", flush=True)
sys.stdin.readline()
connection.execute("INSERT INTO l VALUES (2)")
print("committed", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


class Killed(HostCase):
    """The player commits after it had its licenses saved, and is killed: what it committed is
    there."""

    def test_nothing_is_lost(self):
        for mode in ("wal", "delete", "persist"):
            for number, operation in enumerate(("nothing", "list", "backup", "backup")):
                name = "%s-%s-%d" % (mode, operation, number)
                store = "%s/stores/%s" % (self.root, name)
                os.makedirs(store)
                path = store + "/x.db"
                code = "import sys; sys.path.insert(0, %r)\n%s" % (w.HERE, PLAYER)
                player = subprocess.Popen(
                    [sys.executable, "-c", code, path, mode, store, self.root + "/saved-" + name,
                     operation], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                self.addCleanup(player.stdout.close)
                self.assertEqual(player.stdout.readline(), b"called\n", name)
                # Somebody else looks, and closes the database again.
                observe(path, "SELECT count(*) FROM l")
                player.stdin.write(b"\n")
                player.stdin.close()
                self.assertEqual(player.stdout.readline(), b"committed\n", name)
                self.assertEqual(player.wait(trust.HANGS), -signal.SIGKILL)
                self.assertEqual(observe(path, "SELECT n FROM l ORDER BY n"), [[[1], [2]]], name)


if __name__ == "__main__":
    unittest.main()
