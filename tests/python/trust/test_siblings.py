"""What lies beside a database under the names of its journal, its log and the index of that, and is
none: others made it. Nothing waits for it, nothing follows it, nothing changes it."""

import contextlib
import os
import sys
import time
import unittest

import archive_forge as forge
import host_support
import sqlite_support
import support
import trust_support as trust
import wmlb_ctypes as w
from trust_support import TrustCase

CORRUPT = w.hresult(w.FAILURES["NS_E_DRM_DATASTORE_CORRUPT"])
LATER = time.time() + 10**6


class SiblingCase(TrustCase):
    def put(self, mode="delete", later=False):
        """A database and another license. One of the future is never taken for one at rest."""
        sqlite_support.make(self.path, 3, mode=mode)
        if later:
            os.utime(self.path, (LATER, LATER))
        support.write(self.store + "/other", b"license")

    def clear(self):
        for name in os.listdir(self.store):
            path = os.path.join(self.store, name)
            os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)

    def cases(self, suffixes=trust.SIBLINGS, kinds=trust.KINDS):
        """Each kind under each name, beside each kind of database."""
        for suffix in suffixes:
            for kind in kinds:
                for mode, later in (("delete", False), ("delete", True), ("wal", True)):
                    self.put(mode, later)
                    trust.make_special(kind, self.path + suffix, self.precious)
                    yield "%s as %s, %s%s" % (suffix, kind, mode, ", new" * later)
                    self.clear()

    def run_apart(self, words, *operations, **properties):
        # One that hangs ends the test: each would take its time.
        try:
            run = trust.run_apart(self, *operations, **properties)
        except AssertionError as problem:
            self.fail("%s: %s" % (words, problem))
        self.assertLess(run.seconds, trust.MOST_SECONDS, words)
        self.assertLess(run.memory, trust.MOST_MEMORY, words)
        self.assertEqual(run.left, [], words)
        self.assert_outside(words)
        return run.results


class NoFiles(SiblingCase):
    """FIFOs, sockets, links, folders, devices. Their database is an error; the others are saved."""

    def check(self, suffix):
        for words in self.cases([suffix]):
            results = self.run_apart(words, "store", "save", "partial")
            self.assertIn(results["store"][0], (w.S_OK, w.E_ACCESSDENIED, CORRUPT), words)
            hr, said, _ = results["save"]
            self.assertIn(hr, (w.E_ACCESSDENIED, CORRUPT), "%s: %s" % (words, said))
            self.assertIn("x.db", said, words)
            self.assert_hr(results["partial"][0], w.NOT_ALL_STORED, words)
            self.assertEqual(set(self.opened().files()), {b"other"}, words)
            os.unlink(self.target)

    def test_as_a_journal(self):
        self.check("-journal")

    def test_as_a_log(self):
        self.check("-wal")

    def test_as_an_index(self):
        self.check("-shm")

    def test_the_same_of_one_database(self):
        for words in self.cases(kinds=("fifo", "link")):
            results = self.run_apart(words, "store", "save", StorePath=self.path)
            self.assertIn(results["save"][0], (w.E_ACCESSDENIED, CORRUPT), words)

    def test_a_restore(self):
        """It compares the database that is there, and moves away what lies beside it."""
        self.put()
        self.assert_ends(self.restorer.backup())
        self.clear()
        for words in self.cases(kinds=("fifo", "link", "device")):
            results = self.run_apart(words, "restore")
            if results["restore"][0] == w.S_OK:
                for suffix in ("-journal", "-wal"):
                    self.assertFalse(os.path.lexists(self.path + suffix), words)


class HardLinks(SiblingCase):
    """A regular file of somebody else's, under a second name: it may be read, and no more."""

    def assert_leaves(self, suffix, mode):
        self.put(mode, later=True)
        support.need_root()
        os.chown(self.store, trust.MALLORY, trust.MALLORY)
        trust.give(trust.MALLORY, self.path)
        os.chmod(self.precious, 0o600)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path + suffix)
        os.link(self.precious, self.path + suffix)
        before = trust.identity(self.precious)
        for operations in (("store",), ("partial",), ("restore",)):
            trust.run_apart(self, *operations)
            if operations == ("restore",):
                # Moved, or removed here, it has one name less.
                self.assertEqual(support.read(self.precious), b"precious")
                self.assertEqual(trust.owner(self.precious), (0, 0, oct(0o100600)))
                continue
            self.assertEqual(trust.identity(self.precious), before, operations)
        self.assert_outside()

    def test_as_the_index_of_a_log_that_is_open(self):
        """The owner opens the database with a log, and puts the foreign file in the place of its
        index: SQLite would give that to him, and write to it."""
        self.put("wal")
        support.need_root()
        trust.give(trust.MALLORY, self.store, self.path)
        os.chmod(self.precious, 0o600)
        stop = sqlite_support.hold(self, self.path, "INSERT INTO t VALUES (99, 1)")
        os.unlink(self.path + "-shm")
        os.link(self.precious, self.path + "-shm")
        before = trust.identity(self.precious)
        for operation in ("store", "save"):
            trust.run_apart(self, operation)
            self.assertEqual(trust.identity(self.precious), before, operation)
        stop(kill=True)
        self.assert_outside()

    def test_each(self):
        for suffix in trust.SIBLINGS:
            for mode in ("delete", "wal"):
                with self.subTest(suffix=suffix, mode=mode):
                    self.assert_leaves(suffix, mode)
                    self.clear()
                    support.write(self.precious, b"precious")


class ArchivesWithSiblings(TrustCase):
    """A file that brings a database and what would lie beside it: the reader refuses it, whatever
    is in the store, and no writer makes one."""

    def setUp(self):
        super().setUp()
        self.database = sqlite_support.database(self.root, 3)

    def assert_refused_with(self, files):
        support.write(self.target, forge.small(files))
        for had in ({}, {b"x.db": self.database}, {b"other": b"had"}):
            for name in os.listdir(self.store):
                os.unlink(os.path.join(self.store, name))
            for name, content in had.items():
                support.write(os.path.join(os.fsencode(self.store), name), content)
            before = trust.hashes(self.store)
            results = trust.run_apart(self, "verify", "backup", "restore").results
            for operation, (hr, said, _) in results.items():
                self.assert_hr(hr, w.BACKUP_CORRUPT, "%s: %s" % (operation, said))
            self.assertEqual(trust.hashes(self.store), before)

    def test_the_reader_refuses_each(self):
        for suffix in (b"-journal", b"-wal", b"-shm"):
            self.assert_refused_with({b"x.db": self.database, b"x.db" + suffix: b"anything"})

    def test_the_reader_refuses_one_deep_in_folders(self):
        """With others between the two in the order of names."""
        self.assert_refused_with({
            b"a/b/x.db": self.database, b"a/b/x.db!": b"between", b"a/b/x.db-journal": b"j",
            b"z": b"other"})

    def test_the_reader_refuses_an_empty_one(self):
        self.assert_refused_with({b"x.db": self.database, b"x.db-journal": b""})

    def test_the_reader_refuses_folders_under_these_names(self):
        """They would lie beside the database just so."""
        self.assert_refused_with({b"x.db": self.database, b"x.db-wal/inner": b"x"})

    def test_the_reader_takes_what_only_is_called_so(self):
        """No database is there: licenses are called as players like."""
        files = {b"x": b"no database", b"x-journal": b"1", b"x-wal": b"2", b"y-shm": b"3"}
        support.write(self.target, forge.small(files))
        results = trust.run_apart(self, "verify", "backup", "restore").results
        self.assertEqual([hr for hr, *_ in results.values()], [w.S_OK] * 3)

    def test_no_writer_makes_one(self):
        """Of a folder they are part of the snapshot; a host's store may tell both."""
        for suffix in (b"-journal", b"-wal", b"-shm"):
            for order in (1, -1):
                licenses = [(b"x.db", self.database), (b"x.db" + suffix, b"anything")][::order]
                store = host_support.MemoryStore(dict(licenses))
                restorer = self.new_restorer()
                self.assert_hr(store.set_on(restorer), w.S_OK)
                hr, events = restorer.backup(w.OVERWRITE)
                self.assertEqual(store.problems, [])
                self.assertLess(hr, 0, "%r was written" % suffix)
                self.assertEqual(events[-1].status, w.STATUS_ERROR)
                self.assert_clean()

    def test_what_was_saved_of_a_folder_can_be_restored(self):
        """The guard: a store with databases in use is saved, and what was saved is no such file."""
        stop = sqlite_support.hold(
            self, sqlite_support.make(self.path, 3, mode="wal"), "INSERT INTO t VALUES (99, 1)")
        self.assert_ends(self.restorer.backup())
        stop()
        self.assertEqual(set(self.opened().files()), {b"x.db"})
        results = trust.run_apart(self, "verify", "restore", StorePath=self.root + "/new").results
        self.assertEqual([hr for hr, *_ in results.values()], [w.S_OK] * 2)


class Cut(SiblingCase):
    """A process that may write to the store cuts off the index while the library reads."""

    @unittest.skipUnless(support.has_program("strace"), "strace is needed")
    def test_the_index_is_never_mapped(self):
        sqlite_support.make(self.path, 20, mode="wal")
        stop = sqlite_support.hold(self, self.path, "INSERT INTO t VALUES (99, 1)")
        for operation in (
            lambda: self.new_restorer().enumerate("store")[0],
            lambda: self.new_restorer().backup(w.OVERWRITE)[0],
        ):
            _, calls = trust.trace(self, operation, "%file,mmap,mremap")
            mapped = [call.arguments for call in calls
                      if call.name == "mmap" and self.store in call.arguments]
            self.assertEqual(mapped, [], "a file of the store can be cut off while it is mapped")
        stop()

    def test_nobody_dies_of_it(self):
        cutter = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA wal_autocheckpoint = 0")
for _ in range(2000):
    connection.execute("INSERT INTO t (content) VALUES (randomblob(500))")
index = os.open(sys.argv[1] + "-shm", os.O_RDWR)
size = os.fstat(index).st_size
kept = os.pread(index, size, 0)
print("ready", flush=True)
while True:
    os.ftruncate(index, 0)
    os.ftruncate(index, size)
    os.pwrite(index, kept, 0)
"""
        sqlite_support.make(self.path, 3, mode="wal")
        with trust.background(sys.executable, "-c", cutter, self.path) as process:
            self.assertEqual(process.stdout.readline(), b"ready\n")

            def body():
                for _ in range(25):
                    self.new_restorer().backup(w.OVERWRITE)
                    self.new_restorer().enumerate("store")

            # One that dies of a signal fails the test.
            support.in_child(body, timeout=15 * trust.HANGS)


if __name__ == "__main__":
    unittest.main()
