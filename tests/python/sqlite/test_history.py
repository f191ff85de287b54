"""Databases that others write to while they are backed up: each snapshot is one moment of
their history, and the writers do not notice.

The default run takes fewer transactions; WMLB_FULL=1 takes all.
"""

import mmap
import os
import struct
import subprocess
import sys
import unittest

import sqlite_support
import support
import wmlb_ctypes as w
from sqlite_support import FULL, MIB, DatabaseCase, chained

# Transactions whose rows stay, so that the database does not grow as long as the test lasts.
WINDOW = 1000

# Numbers that writer and test share: the last transaction that is committed, how many there
# are to be at least, and whether the test is still at it.
SHARED = struct.Struct("=QQQ")

SCRIPT = """
CREATE TABLE history(number INTEGER PRIMARY KEY, checksum TEXT, data BLOB);
CREATE TABLE state(number INTEGER, checksum TEXT);
INSERT INTO state VALUES(0, '');
CREATE TABLE bulk(id INTEGER PRIMARY KEY, number INTEGER, data BLOB);
WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series LIMIT %d)
INSERT INTO bulk SELECT n, 0, randomblob(20000) FROM series;
"""

WRITER = """
import mmap, sqlite3, struct
import sqlite_support
shared_numbers = struct.Struct("=QQQ")
path, journal, shared, window, synchronous = sys.argv[1:4] + [int(sys.argv[4]), sys.argv[5]]
with open(shared, "r+b") as file:
    shared = mmap.mmap(file.fileno(), shared_numbers.size)
# Whoever cannot write within five seconds has failed.
connection = sqlite3.connect(path, isolation_level=None, timeout=5)
connection.execute("PRAGMA synchronous = " + synchronous)
assert connection.execute("PRAGMA journal_mode = " + journal).fetchone()[0] == journal
checksum, number = "", 0
while True:
    done, least, more = shared_numbers.unpack(shared[:])
    if number >= least and not more:
        break
    number += 1
    checksum = sqlite_support.chained(checksum, number)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO history VALUES(?, ?, randomblob(200))", (number, checksum))
    connection.execute("DELETE FROM history WHERE number <= ?", (number - window,))
    connection.execute("UPDATE state SET number = ?, checksum = ?", (number, checksum))
    # One that lies elsewhere in the file, so that pages all over it change.
    connection.execute("UPDATE bulk SET number = ? WHERE id = ? % (SELECT max(id) FROM bulk) + 1",
                       (number, 37 * number))
    connection.execute("COMMIT")
    shared[:8] = number.to_bytes(8, sys.byteorder)
connection.close()
"""


class History(DatabaseCase):
    transactions, rounds = (1000, 50) if FULL else (150, 15)
    # Otherwise it depends on the disk how long a transaction takes.
    synchronous = "OFF"
    # After so many transactions.
    checksums = [""]

    def write_history(self, path, journal, bulk):
        """A process that writes, and goes on until it is told to stop."""
        sqlite_support.make(path, 0, journal, script=SCRIPT % bulk)
        shared = self.root + "/shared-" + journal
        support.write(shared, SHARED.pack(0, self.transactions, 1))
        with open(shared, "r+b") as file:
            self.shared = mmap.mmap(file.fileno(), SHARED.size)
        self.addCleanup(self.shared.close)
        code = "import sys; sys.path.insert(0, %r)\n%s" % (w.HERE, WRITER)
        self.writer = subprocess.Popen(
            [sys.executable, "-c", code, path, journal, shared, str(WINDOW), self.synchronous],
            stderr=subprocess.PIPE,
        )
        self.addCleanup(self.writer.stderr.close)
        self.addCleanup(self.writer.wait)
        self.addCleanup(self.writer.kill)

    def written(self):
        """The last transaction that the writer has seen committed."""
        return SHARED.unpack(self.shared[:])[0]

    def stop_writer(self):
        """It has not failed."""
        self.shared[16:24] = bytes(8)
        _, words = self.writer.communicate(timeout=120)
        self.assertEqual(self.writer.returncode, 0, words.decode())

    def numbers(self, data):
        """The last transaction in a snapshot, which holds all of those before it and nothing
        of any after."""
        with self.snapshot(data) as connection:
            (number, checksum), = connection.execute("SELECT number, checksum FROM state")
            while len(self.checksums) <= number:
                self.checksums.append(chained(self.checksums[-1], len(self.checksums)))
            self.assertEqual(checksum, self.checksums[number])
            history = connection.execute("SELECT number, checksum FROM history ORDER BY number")
            last = range(max(1, number - WINDOW + 1), number + 1)
            self.assertEqual(history.fetchall(), [(each, self.checksums[each]) for each in last])
            (latest,), = connection.execute("SELECT max(number) FROM bulk")
            self.assertEqual(latest, number)
        return number

    def back_up_meanwhile(self, journal, bulk=10, named=True):
        self.write_history(self.path, journal, bulk)
        sqlite_support.wait_until(lambda: self.written() > 5, "a writer that has begun")
        if named:
            self.restorer.set("StorePath", self.path)
        found = []
        while len(found) < self.rounds or self.written() < self.transactions:
            self.assertIsNone(self.writer.poll(), "the writer has ended")
            before = self.written()
            self.assert_ends(self.restorer.backup(w.OVERWRITE))
            after = self.written()
            self.assert_clean(names=[w.BACKUP_NAME])
            files = self.opened().files()
            self.assertEqual(list(files), [b"x.db"])
            number = self.numbers(files[b"x.db"])
            # The writer may not have said yet that the last one is committed.
            self.assertTrue(before <= number <= after + 1, (before, number, after))
            found.append(number)
            hr, licenses = self.restorer.enumerate("store")
            self.assert_hr(hr, w.S_OK, self.restorer.last_error())
            self.assertEqual([each.name for each in licenses], [b"x.db"])
        self.stop_writer()
        self.assertEqual(found, sorted(found))
        # Or nothing was written meanwhile.
        self.assertGreater(len(set(found)), len(found) // 3)


class Small(History):
    def test_wal(self):
        self.back_up_meanwhile("wal")

    def test_truncate(self):
        self.back_up_meanwhile("truncate")

    def test_delete(self):
        self.back_up_meanwhile("delete")

    def test_persist(self):
        self.back_up_meanwhile("persist")

    def test_found_in_a_folder(self):
        for journal in sqlite_support.MODES:
            with self.subTest(journal):
                self.path = "%s/%s/x.db" % (self.store, journal)
                os.mkdir(self.store + "/" + journal)
                self.restorer.set("StorePath", self.store + "/" + journal)
                self.back_up_meanwhile(journal, named=False)


class Durable(History):
    """A writer that waits for the disk, and has the database locked nearly all the time."""

    synchronous = "FULL"

    def test_truncate(self):
        self.back_up_meanwhile("truncate")

    def test_delete(self):
        self.back_up_meanwhile("delete")


class Large(History):
    """Copied in several steps, between which the writer has its turn."""

    transactions, rounds = (1000, 50) if FULL else (40, 6)

    def back_up_meanwhile(self, journal):
        super().back_up_meanwhile(journal, bulk=1000)
        self.assertGreater(os.path.getsize(self.path), 19 * MIB)

    def test_wal(self):
        self.back_up_meanwhile("wal")

    def test_truncate(self):
        self.back_up_meanwhile("truncate")


if __name__ == "__main__":
    unittest.main()
