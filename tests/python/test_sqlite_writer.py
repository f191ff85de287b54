"""Backups while another process writes: every snapshot is a moment of its history.

The default run takes fewer; WMLB_FULL=1 runs 1,000 transactions and 50 backups in each mode.
"""

import json
import os
import subprocess
import sys
import unittest

import support
import wmlb_ctypes as w
from sqlite_support import make, opened

FULL = os.environ.get("WMLB_FULL") == "1"
TRANSACTIONS = 1000 if FULL else 150
BACKUPS = 50 if FULL else 10

# Each transaction adds its number, and to the sum of all. It ends when so many are done and it
# is told to; what it prints is how many it did, and how long the longest took.
WRITER = """
import json, sqlite3, sys, time
import select
path, least = sys.argv[1], int(sys.argv[2])
connection = sqlite3.connect(path, isolation_level=None, timeout=5)
connection.execute("PRAGMA synchronous = FULL")
print("ready", flush=True)
done, longest = 0, 0
while done < least or not select.select([sys.stdin], [], [], 0)[0]:
    begun = time.monotonic()
    done += 1
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO history VALUES (?, randomblob(300))", [done])
    connection.execute("UPDATE state SET count = count + 1, sum = sum + ?", [done])
    if done % 3 == 0:
        connection.execute("UPDATE t SET content = ? WHERE n = ?", [b"%08d" % done, done % 50 + 1])
    connection.execute("COMMIT")
    longest = max(longest, time.monotonic() - begun)
print(json.dumps({"done": done, "longest": longest}), flush=True)
"""


class Writer(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.store, "x.db")

    def moment(self):
        """How many transactions the saved snapshot holds: all of its parts agree."""
        looked_at = os.path.join(self.root, "looked-at.db")
        support.write(looked_at, self.opened().files()[b"x.db"])
        with opened(looked_at) as connection:
            check = connection.execute("PRAGMA integrity_check").fetchall()
            self.assertEqual(check, [("ok",)])
            count, total = connection.execute("SELECT count, sum FROM state").fetchone()
            numbers = [row[0] for row in connection.execute("SELECT n FROM history ORDER BY n")]
            last = connection.execute(
                "SELECT max(CAST(CAST(content AS TEXT) AS INTEGER)) FROM t WHERE length(content) = 8"
            ).fetchone()[0]
        self.assertEqual(numbers, list(range(1, count + 1)))
        self.assertEqual(total, count * (count + 1) // 2)
        self.assertEqual(last or 0, count - count % 3)
        return count

    def write_and_save(self, mode, rows, threads, backups=BACKUPS):
        self.store = os.path.join(self.root, "store-%s" % mode)
        self.path = make(os.path.join(self.store, "x.db"), rows, mode, size=4000, script="""
            CREATE TABLE history (n INTEGER PRIMARY KEY, filler BLOB);
            CREATE TABLE state (count INTEGER, sum INTEGER); INSERT INTO state VALUES (0, 0);""")
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, self.path, str(TRANSACTIONS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        try:
            self.assertEqual(writer.stdout.readline(), b"ready\n")
            self.restorer = self.new_restorer(Threads=threads)
            moments = []
            for _ in range(backups):
                self.assert_ends(self.restorer.backup(w.OVERWRITE))
                moments.append(self.moment())
                hr, licenses = self.restorer.enumerate("store")
                self.assert_hr(hr, w.S_OK, self.restorer.last_error())
                self.assertEqual([each.name for each in licenses], [b"x.db"])
            said, errors = writer.communicate(b"\n")
        finally:
            writer.kill()
            writer.communicate()
        self.assertEqual(writer.returncode, 0, errors.decode())
        said = json.loads(said)
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        moments.append(self.moment())
        self.assertEqual(moments, sorted(moments))
        self.assertEqual(moments[-1], said["done"])
        self.assertLess(said["longest"], 5)
        if FULL:
            print("\n%s, %d rows: %d transactions, the longest %.3f s; %d backups, %d moments" % (
                mode, rows, said["done"], said["longest"], len(moments), len(set(moments))),
                flush=True)
        return len(set(moments))

    def test_a_small_database(self):
        for mode in ("wal", "truncate", "delete"):
            with self.subTest(mode):
                self.assertGreater(self.write_and_save(mode, 50, 2), 3)

    def test_one_that_takes_several_steps(self):
        for mode in ("wal", "truncate"):
            with self.subTest(mode):
                self.assertGreater(self.write_and_save(mode, 6000, 1, BACKUPS // 2), 3)


if __name__ == "__main__":
    unittest.main()
