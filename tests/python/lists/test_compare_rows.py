"""What differs between the rows of a database in a store and in a backup."""

import contextlib
import os
import sqlite3

import sqlite.test_rows as rows
import wmlb_ctypes as w
from compare_support import ADDED, CHANGED, REMOVED, compare
from encryption_support import key

NAME = "CdmStorage.db"
SCRIPT = rows.META % (2, 2) + rows.CDM_STORAGE % rows.SIZE_AND_TIME
KEYLESS = "CREATE TABLE licenses (cdm_type TEXT, file_name TEXT, data BLOB);"
MIB = 1 << 20


def row(host, data=b"data", time=0):
    return (host, rows.BLOB, "f", data, len(data), time and rows.chromium_time(time))


def name_of(host):
    return ("%s/%s/%s/f" % (NAME, host, rows.TEXT)).encode()


class Rows(rows.RowCase):
    def setUp(self):
        super().setUp()
        self.restorer.set("RestorePath", self.backups)

    def differ(self, on_difference=None):
        hr, found = compare(self.restorer, on_difference)
        self.assert_hr(hr, w.S_OK if found else w.S_FALSE, self.restorer.last_error())
        return found

    def marks(self):
        return [each.mark for each in self.differ()]

    def saved(self, script, made, **more):
        path = self.make(script, made, **more)
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        return path

    @contextlib.contextmanager
    def changed(self, path):
        """A connection that stays open while the two are compared."""
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as user:
            yield user

    def test_added_removed_and_changed(self):
        for mode in ("truncate", "wal"):
            with self.subTest(mode=mode):
                path = self.saved(SCRIPT, [row("b"), row("c"), row("d")], mode=mode)
                with self.changed(path) as user:
                    self.assertEqual(self.marks(), [])
                    user.execute("INSERT INTO cdm_storage VALUES (?, ?, ?, ?, ?, ?)", row("a"))
                    user.execute("DELETE FROM cdm_storage WHERE storage_key = 'b'")
                    user.execute("UPDATE cdm_storage SET data = x'00' WHERE storage_key = 'c'")
                    if mode == "wal":
                        self.assertGreater(os.path.getsize(path + "-wal"), 0)
                    self.assertEqual(self.marks(), [
                        (CHANGED, NAME.encode()), (ADDED, name_of("a")), (REMOVED, name_of("b")),
                        (CHANGED, name_of("c"))])
                os.unlink(path)

    def test_what_is_told_of_a_row(self):
        path = self.saved(SCRIPT, [row("a", b"12345", 1700000000)])
        with self.changed(path) as user:
            user.execute("UPDATE cdm_storage SET data = ?, last_modified = ?",
                         (b"123", rows.chromium_time(1700000001)))
        _, found = self.differ()
        for side, size, time in ((found.in_backup, 5, 1700000000),
                                 (found.in_store, 3, 1700000001)):
            self.assertEqual((side.name, side.size, side.modified), (name_of("a"), size, time))
            self.assertEqual((side.format, side.right), (b"opaque", w.RIGHT_NOT_STATED))

    def test_contents_count_and_not_times(self):
        path = self.saved(SCRIPT, [row("a", b"1", 5)])
        with self.changed(path) as user:
            user.execute("UPDATE cdm_storage SET last_modified = 7")
            self.assertEqual(self.marks(), [(CHANGED, NAME.encode())])
            # The same bytes, and no blob.
            user.execute("UPDATE cdm_storage SET data = CAST(data AS TEXT)")
            self.assertEqual(self.marks(), [(CHANGED, NAME.encode()), (CHANGED, name_of("a"))])

    def test_a_large_row(self):
        data = os.urandom(20 * MIB)
        path = self.saved(SCRIPT, [row("a", data), row("b", data)])
        with self.changed(path) as user:
            user.execute("UPDATE cdm_storage SET data = ? WHERE storage_key = 'b'",
                         (data[:-1] + bytes([data[-1] ^ 1]),))
            self.assertEqual(self.marks(), [(CHANGED, NAME.encode()), (CHANGED, name_of("b"))])

    def test_rows_that_share_a_name(self):
        """A table without a key."""
        path = self.saved(KEYLESS, [("c", "f", b"%d" % n) for n in (1, 2, 2, 3)])
        name = (NAME + "/c/f").encode()
        for remaining, expected in (
            ((1, 2, 2, 3), []),
            ((3, 2, 1, 2), []),
            ((1, 2, 3), [REMOVED]),
            ((1, 2, 2, 3, 3), [ADDED]),
            ((1, 2, 4, 3), [CHANGED]),
            ((5, 6, 7, 8, 9), [CHANGED] * 4 + [ADDED]),
            ((), [REMOVED] * 4),
        ):
            with self.subTest(remaining=remaining), self.changed(path) as user:
                user.execute("DELETE FROM licenses")
                user.executemany("INSERT INTO licenses VALUES ('c', 'f', ?)",
                                 [(b"%d" % n,) for n in remaining])
                found = [mark for mark in self.marks() if mark != (CHANGED, NAME.encode())]
                self.assertEqual(found, [(kind, name) for kind in expected])

    def test_rows_come_with_their_database(self):
        path = self.saved(SCRIPT, [row("a")])
        with self.changed(path) as user:
            user.execute("UPDATE cdm_storage SET data = x'00'")
            for only, expected in ((NAME, [NAME.encode(), name_of("a")]), ("*/a/*", [])):
                self.restorer.set("Only", only)
                self.assertEqual([name for _, name in self.marks()], expected)

    def test_an_end_among_the_rows(self):
        path = self.saved(SCRIPT, [row("a"), row("b")])
        with self.changed(path) as user:
            user.execute("UPDATE cdm_storage SET data = x'00'")
            hr, found = compare(self.restorer, lambda each: -5 if b"/" in each.name else 0)
        self.assertEqual((hr, len(found)), (-5, 2))

    def test_a_database_that_is_the_store(self):
        path = self.make(SCRIPT, [row("a")])
        one = self.new_restorer(store=path, RestorePath=self.backups)
        self.assert_ends(one.backup(w.OVERWRITE))
        other = os.path.join(self.store, "other")
        os.rename(path, other)
        with self.changed(other) as user:
            user.execute("UPDATE cdm_storage SET data = x'00'")
        hr, found = compare(self.new_restorer(store=other, RestorePath=self.backups))
        self.assert_hr(hr, w.S_OK)
        self.assertEqual([(each.in_backup.name, each.in_store.name) for each in found],
                         [(NAME.encode(), b"other"),
                          (name_of("a"), name_of("a").replace(NAME.encode(), b"other"))])

    def test_where_one_side_has_no_such_table(self):
        path = self.saved(SCRIPT, [row("a")])
        with self.changed(path) as user:
            user.execute("ALTER TABLE cdm_storage RENAME TO other")
            self.assertEqual(self.marks(), [(CHANGED, NAME.encode())])

    def test_of_an_encrypted_backup(self):
        self.restorer.set("Recipients", key().recipient)
        path = self.saved(SCRIPT, [row("a")])
        self.restorer.set("Identities", key().identity)
        with self.changed(path) as user:
            user.execute("DELETE FROM cdm_storage")
            self.assertEqual(self.marks(), [(CHANGED, NAME.encode()), (REMOVED, name_of("a"))])
