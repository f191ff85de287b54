"""A program that has a database of the store open through a SQLite of its own, in the same process:
nothing that the library does ends the locks of that."""

import fcntl
import json
import os
import unittest

import sqlite_support
import support
import wmlb_ctypes as w
from sqlite_support import FULL, MODES, DatabaseCase, make, opened, rows

ROUNDS = 1000 if FULL else 20

# What a host does, in a process of its own: a connection that stays open, a call of the library's,
# a look of somebody else's, which takes the log away if he thinks that he is the last to leave, and
# one row more, which is committed. Then it is killed.
HOST = """
import json, os, signal, sqlite3, subprocess, wmlb_ctypes as w
arguments = json.loads(sys.argv[1])
store, path = arguments["store"], arguments["path"]
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("PRAGMA journal_mode = " + arguments["mode"])
connection.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, content BLOB)")

def somebody(*statements):
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)"
    code += "".join("; c.execute(%r).fetchall()" % statement for statement in statements)
    done = subprocess.run([sys.executable, "-c", code + "; c.close()", path],
                          stderr=subprocess.PIPE)
    return done.returncode == 0

def use(restorer):
    what = arguments["what"]
    if what == "list":
        hr = restorer.enumerate("store")[0]
    elif what == "restore":
        hr = restorer.restore()[0]
    else:
        hr = restorer.backup(w.OVERWRITE)[0]
    assert hr in (w.S_OK, w.BUSY), hex(hr & 0xFFFFFFFF)

restorer = w.Restorer()
for name in ("StorePath", "BackupPath", "RestorePath"):
    restorer.set(name, store if name == "StorePath" else arguments["backups"])
restorer.set("Threads", arguments["threads"])
"""


class InTheSameProcess(DatabaseCase):
    def host(self, code, **arguments):
        arguments = {"store": self.store, "path": self.path, "backups": self.backups, "mode": "wal",
                     "threads": 2, "what": "list", **arguments}
        return support.run_python(HOST + code, json.dumps(arguments))

    def assert_committed(self, what, threads, mode="wal"):
        """What the host commits after a call is there when it was killed."""
        if not os.path.exists(self.path):
            make(self.path, 0, mode)
        before = rows(self.path)
        done = self.host(
            """
connection.execute("INSERT INTO t (content) VALUES ('before')")
use(restorer)
assert somebody("SELECT count(*) FROM t")
connection.execute("INSERT INTO t (content) VALUES ('after')")
os.kill(os.getpid(), signal.SIGKILL)
""", what=what, threads=threads, mode=mode)
        self.assertEqual(done.returncode, -9, done.stderr.decode())
        self.assertEqual(rows(self.path), before + 2)

    def test_what_is_committed_afterwards(self):
        make(self.path, 3)
        self.assert_ends(self.restorer.backup())
        for what in ("list", "backup", "restore"):
            for threads in (1, 8):
                for mode in MODES:
                    with self.subTest(what, threads=threads, mode=mode):
                        self.assert_committed(what, threads, mode)

    def test_many_times(self):
        make(self.path, 3)
        self.assert_ends(self.restorer.backup())
        for number in range(ROUNDS):
            self.assert_committed(("list", "backup", "restore")[number % 3], number % 4 + 1)

    def test_a_transaction_that_is_open(self):
        """Nobody else comes to write in it."""
        for mode in MODES:
            for what in ("list", "backup"):
                with self.subTest(mode, what=what):
                    make(self.path, 3, mode)
                    done = self.host("""
connection.execute("BEGIN IMMEDIATE")
connection.execute("INSERT INTO t (content) VALUES ('one')")
use(restorer)
assert not somebody("INSERT INTO t (content) VALUES ('another')")
connection.execute("INSERT INTO t (content) VALUES ('two')")
connection.execute("COMMIT")
assert somebody("INSERT INTO t (content) VALUES ('another')")
connection.close()
""", mode=mode, what=what)
                    self.assertEqual(done.returncode, 0, done.stderr.decode())
                    self.assertEqual(rows(self.path), 6)
                    os.unlink(self.path)

    def test_one_that_is_opened_meanwhile(self):
        """When some of the store was read already."""
        self.fill(50)
        self.path = self.store + "/z.db"
        make(self.path, 3, "wal")
        done = self.host("""
connection.close()
opened = []
def on_event(event):
    if not opened:
        opened.append(sqlite3.connect(
            path, isolation_level=None, check_same_thread=False))
        opened[0].execute("INSERT INTO t (content) VALUES ('before')")
hr, events = restorer.backup(w.OVERWRITE, on_event)
assert hr == 0, events[-1]
hr, licenses = restorer.enumerate("store")
assert hr == 0
assert somebody("SELECT count(*) FROM t")
opened[0].execute("INSERT INTO t (content) VALUES ('after')")
os.kill(os.getpid(), signal.SIGKILL)
""")
        self.assertEqual(done.returncode, -9, done.stderr.decode())
        self.assertEqual(rows(self.path), 5)

    def test_descriptors(self):
        """No more are kept than the host has files open, and none when it has closed them."""
        make(self.path, 3)
        for mode in MODES:
            done = self.host("""
count = lambda: len(os.listdir("/proc/self/fd"))
connection.execute("INSERT INTO t (content) VALUES ('x')")
use(restorer)
before = count()
for _ in range(20):
    for arguments["what"] in ("list", "backup"):
        use(restorer)
assert count() <= before + arguments["threads"], (before, count())
before = count()
connection.close()
use(restorer)
assert count() < before - 1, (before, count())
kept = [os.readlink("/proc/self/fd/" + each) for each in os.listdir("/proc/self/fd") if int(each) > 2
        and os.path.exists("/proc/self/fd/" + each)]
assert not [each for each in kept if each.startswith(store)], kept
""", mode=mode, what="backup")
            self.assertEqual(done.returncode, 0, done.stderr.decode())

    def test_a_lock_on_a_license_that_is_no_database(self):
        made = self.fill(3)
        path = os.path.join(self.store, os.fsdecode(min(made)))
        with open(path, "r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            self.assert_ends(self.restorer.backup())
            self.assert_hr(self.restorer.enumerate("store")[0], w.S_OK)
            code = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
            self.assertNotEqual(support.run_python(code, path).returncode, 0, "the lock is gone")
        self.assertEqual(support.run_python(code, path).returncode, 0)

    def test_two_connections(self):
        """A reader of the host's own, in the middle of its rows."""
        make(self.path, 200, "wal", 1000)
        with opened(self.path) as reader, opened(self.path) as writer:
            cursor = reader.execute("SELECT * FROM t ORDER BY n")
            cursor.fetchone()
            for number in range(10):
                writer.execute("UPDATE t SET content = ?", (number,))
                self.assert_ends(self.restorer.backup(w.OVERWRITE))
                data, = self.opened().files().values()
                self.assert_holds(data, [(n, number) for n in range(1, 201)])
            self.assertEqual(len(cursor.fetchall()), 199)
        self.assertEqual(sqlite_support.rows(self.path), 200)


if __name__ == "__main__":
    unittest.main()
