"""The licenses in databases of Chromium's schemas, as lists tell them."""

import contextlib
import os
import resource
import sqlite3
import struct
import unittest

import support
import wmlb_ctypes as w
from sqlite_support import hold

# Of third_party/widevine/cdm/widevine_cdm_common.h: the words of the token, the bytes as the
# database has them, and the text.
WORDS = (0x05D908E5DCCA9960, 0xCD92D30EAC98157A)
BLOB = bytes.fromhex("6099CADCE508D9057A1598AC0ED392CD")
TEXT = "05D908E5DCCA9960CD92D30EAC98157A"
# Seconds from 1601 to 1970.
EPOCH = 11644473600

META = """
CREATE TABLE meta (key LONGVARCHAR NOT NULL UNIQUE PRIMARY KEY, value LONGVARCHAR);
INSERT INTO meta VALUES ('version', '%d'), ('last_compatible_version', '%d'), ('mmap_status', '-1');
"""
CDM_STORAGE = """
CREATE TABLE cdm_storage (
    storage_key TEXT NOT NULL, cdm_type BLOB NOT NULL, file_name TEXT NOT NULL,
    data BLOB NOT NULL, %s PRIMARY KEY (storage_key, cdm_type, file_name));
"""
SIZE_AND_TIME = "file_size INTEGER NOT NULL, last_modified INTEGER NOT NULL,"
LICENSES = """
CREATE TABLE licenses (
    cdm_type TEXT NOT NULL, file_name TEXT NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (cdm_type, file_name));
"""


def chromium_time(seconds):
    return (seconds + EPOCH) * 10**6


class RowCase(support.StoreCase):
    def make(self, script, rows, name="CdmStorage.db", mode="truncate"):
        """A database as Chromium makes it; the rows are (statement, values)."""
        path = os.path.join(self.store, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA page_size = 32768")
            connection.execute("PRAGMA journal_mode = " + mode)
            connection.executescript(script)
            for values in rows:
                table = "licenses" if "licenses" in script else "cdm_storage"
                marks = ", ".join("?" * len(values))
                connection.execute("INSERT INTO %s VALUES (%s)" % (table, marks), values)
            connection.commit()
        return path

    def list(self, restorer=None):
        restorer = restorer or self.restorer
        hr, licenses = restorer.enumerate("store")
        self.assert_hr(hr, w.S_OK, restorer.last_error())
        return licenses

    def assert_rows(self, licenses, database, expected):
        """The database, and the rows after it: (name, size, time)."""
        self.assertEqual(licenses[0].name, database.encode())
        self.assertEqual(licenses[0].format, b"sqlite")
        self.assertEqual(licenses[0].size, os.path.getsize(os.path.join(self.store, database)))
        found = [(each.name, each.size, each.modified) for each in licenses[1:]]
        prefix = database.encode() + b"/"
        self.assertEqual(found, [(prefix + name.encode(), *rest) for name, *rest in expected])
        for each in licenses[1:]:
            self.assertEqual(each.format, b"opaque")
            self.assertEqual(each.right, w.RIGHT_NOT_STATED)
            self.assertEqual(each.text, each.name)


class NothingIsWritten(RowCase):
    """Not to the store, and not to any folder for temporary files: there may be none."""

    def rows(self, count):
        return [("https://%05d.example/" % number, BLOB, "f", b"data", 4, 0)
                for number in range(count)]

    def test_a_header_with_two_versions(self):
        """One to write and another to read: SQLite goes by that to read."""
        for written, read in ((1, 2), (2, 1)):
            with self.subTest(written=written, read=read):
                path = self.make(META % (2, 2) + CDM_STORAGE % SIZE_AND_TIME, self.rows(3),
                                 "c-%d.db" % read, "delete")
                content = bytearray(support.read(path))
                content[18:20] = written, read
                support.write(path, bytes(content))
                self.assertEqual(len(self.list()), 4)
                self.assert_ends(self.restorer.backup(w.OVERWRITE))
                self.assertEqual(os.listdir(self.store), [os.path.basename(path)])
                self.assertEqual(support.read(path), bytes(content))
                os.unlink(path)

    def test_many_rows_and_no_room_for_files(self):
        self.make(META % (2, 2) + CDM_STORAGE % SIZE_AND_TIME, self.rows(30000))

        def body():
            os.environ.update(TMPDIR="/nonexistent", SQLITE_TMPDIR="/nonexistent")
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            return len(self.list(self.new_restorer(StorePath=self.store)))

        self.assertEqual(support.in_child(body), 30001)


class CurrentSchema(RowCase):
    def test_the_bytes_of_a_cdm(self):
        self.assertEqual(struct.pack("<QQ", *WORDS), BLOB)
        self.assertEqual("%016X%016X" % WORDS, TEXT)

    def test_version_2(self):
        origin, partitioned = "https://example.com/", "https://cdn.example/^0https://example.com^31"
        self.make(META % (2, 2) + CDM_STORAGE % SIZE_AND_TIME, [
            (origin, BLOB, "b", b"x" * 4800, 4800, chromium_time(1600000000) + 999999),
            (origin, BLOB, "a", b"", 0, chromium_time(1)),
            # As the upgrade from version 1 leaves it.
            (partitioned, b"\1" * 16, "é", b"y" * 100000, 1, 0),
        ])
        self.assert_rows(self.list(), "CdmStorage.db", [
            ("https://cdn.example/^0https://example.com^31/%s/é" % ("01" * 16), 100000,
             w.NOT_STATED),
            ("https://example.com//%s/a" % TEXT, 0, 1),
            ("https://example.com//%s/b" % TEXT, 4800, 1600000000),
        ])

    def test_version_1(self):
        self.make(META % (1, 1) + CDM_STORAGE % "", [("https://a.example/", BLOB, "f", b"data")])
        self.assert_rows(self.list(), "CdmStorage.db", [
            ("https://a.example//%s/f" % TEXT, 4, w.NOT_STATED),
        ])

    def test_a_later_version_with_more_columns(self):
        columns = SIZE_AND_TIME + " more TEXT,"
        self.make(META % (3, 2) + CDM_STORAGE % columns, [
            ("https://a.example/", BLOB, "f", b"data", 4, chromium_time(5), "more"),
        ])
        self.assert_rows(self.list(), "CdmStorage.db", [("https://a.example//%s/f" % TEXT, 4, 5)])

    def test_in_a_log(self):
        path = self.make(
            META % (2, 2) + CDM_STORAGE % SIZE_AND_TIME,
            [("o/", BLOB, "f", b"data", 4, chromium_time(5))], mode="wal",
        )
        insert = "INSERT INTO cdm_storage VALUES ('o/', x'%s', 'g', 'more!', 5, 0)" % BLOB.hex()
        expected = [("o//%s/f" % TEXT, 4, 5), ("o//%s/g" % TEXT, 5, w.NOT_STATED)]
        stop = hold(self, path, insert)
        self.assert_rows(self.list(), "CdmStorage.db", expected)
        stop()
        # And in one that nobody has open.
        killed = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("DELETE FROM cdm_storage WHERE file_name = 'f'")
connection.commit()
os._exit(0)
"""
        self.assertEqual(support.run_python(killed, path).returncode, 0)
        before = {name: support.read(os.path.join(self.store, name))
                  for name in os.listdir(self.store)}
        self.assertGreater(len(before["CdmStorage.db-wal"]), 0)
        self.assert_rows(self.list(), "CdmStorage.db", expected[1:])
        self.assertEqual(before, {name: support.read(os.path.join(self.store, name))
                                  for name in os.listdir(self.store)})

    def test_locked(self):
        path = self.make(META % (2, 2) + CDM_STORAGE % SIZE_AND_TIME, [])
        hold(self, path, "BEGIN EXCLUSIVE")
        hr, _ = self.restorer.enumerate("store")
        self.assert_hr(hr, w.BUSY, self.restorer.last_error())
        self.assertIn(path, self.restorer.last_error())

    def test_no_lock_while_they_are_told(self):
        path = self.make(META % (2, 2) + CDM_STORAGE % SIZE_AND_TIME, [
            ("o/", BLOB, str(n), b"", 0, 0) for n in range(3)
        ])
        told = []

        def write(license):
            with contextlib.closing(sqlite3.connect(path, timeout=0)) as connection:
                connection.execute("DELETE FROM cdm_storage")
                connection.commit()
            told.append(license.name)
            return w.S_OK

        hr, _ = self.restorer.enumerate("store", write)
        self.assert_hr(hr, w.S_OK, self.restorer.last_error())
        # The first was told before anything was listed.
        self.assertEqual(len(told), 1)
        self.make_again(path)
        told.clear()
        hr, _ = self.restorer.enumerate("store", lambda license: (
            write(license) if license.format == b"opaque" else w.S_OK))
        self.assert_hr(hr, w.S_OK, self.restorer.last_error())
        self.assertEqual(len(told), 3)

    def make_again(self, path):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.executemany("INSERT INTO cdm_storage VALUES ('o/', 'c', ?, '', 0, 0)", "abc")
            connection.commit()

    def test_an_answer_ends_the_list(self):
        self.make(META % (2, 2) + CDM_STORAGE % SIZE_AND_TIME, [
            ("o/", BLOB, str(n), b"", 0, 0) for n in range(3)
        ])
        support.write(os.path.join(self.store, "z"))
        for stop_at in (1, 2, 4):
            told = []

            def count(license):
                told.append(license)
                return w.E_ACCESSDENIED if len(told) == stop_at else w.S_OK

            hr, _ = self.restorer.enumerate("store", count)
            self.assert_hr(hr, w.E_ACCESSDENIED)
            self.assertEqual(len(told), stop_at)

    def test_many(self):
        rows = [("https://a.example/", BLOB, "%06d" % n, b"d" * 50, 50, chromium_time(n + 1))
                for n in range(20000)]
        self.make(META % (2, 2) + CDM_STORAGE % SIZE_AND_TIME, rows)
        licenses = self.list()
        self.assertEqual(len(licenses), 20001)
        self.assertEqual([each.modified for each in licenses[1:]], list(range(1, 20001)))

    def test_odd_values(self):
        """Whatever a table holds, it is told as well as it can be."""
        self.make("CREATE TABLE cdm_storage (storage_key, cdm_type, file_name, data, "
                  "file_size, last_modified)", [
            (None, None, None, None, None, None),
            (1, 2, 3, 4, 5, "text"),
            (b"\xff", b"\x01\x02", b"\xfe", "\u00e9", 0, -(1 << 63)),
            ("k", 1.5, "n\nl", b"12", 0, (1 << 63) - 1),
        ])
        licenses = self.list()
        self.assertEqual([(each.name, each.size) for each in licenses[1:]], [
            (b"CdmStorage.db//", 0),
            (b"CdmStorage.db/1/2/3", 1),
            (b"CdmStorage.db/k//n\nl", 2),
            (b"CdmStorage.db/\xff/0102/\xfe", 2),
        ])

    def test_named_by_store_path(self):
        path = self.make(META % (2, 2) + CDM_STORAGE % SIZE_AND_TIME, [
            ("o/", BLOB, "f", b"data", 4, chromium_time(5)),
        ])
        support.write(os.path.join(self.store, "beside"))
        licenses = self.list(self.new_restorer(store=path))
        self.assert_rows(licenses, "CdmStorage.db", [("o//%s/f" % TEXT, 4, 5)])

    def test_a_backup_is_one_snapshot(self):
        self.make(META % (2, 2) + CDM_STORAGE % SIZE_AND_TIME, [
            ("o/", BLOB, "f", b"data", 4, chromium_time(5)),
        ])
        self.assert_ends(self.restorer.backup(0))
        self.assertEqual(self.opened().names(), [b"CdmStorage.db"])
        lister = self.new_restorer(RestorePath=self.backups)
        hr, licenses = lister.enumerate("backup")
        self.assert_hr(hr, w.S_OK)
        self.assertEqual([(each.name, each.format) for each in licenses],
                         [(b"CdmStorage.db", b"sqlite")])


class OlderSchema(RowCase):
    NAME = "WebStorage/3/Media Licenses/Media Licenses.db"

    def test_version_1(self):
        self.make(META % (1, 1) + LICENSES, [(TEXT, "b", b"data"), (TEXT, "a", b"")], self.NAME)
        self.assert_rows(self.list(), self.NAME, [
            (TEXT + "/a", 0, w.NOT_STATED), (TEXT + "/b", 4, w.NOT_STATED),
        ])

    def test_a_table_of_somebody_else(self):
        self.make("CREATE TABLE licenses (id INTEGER, text TEXT)", [], "app.db")
        self.assert_rows(self.list(), "app.db", [])


if __name__ == "__main__":
    unittest.main()
