"""Databases in each state in which players keep them; what of a store is a database, and what
is not; many of them among other licenses."""

import os
import unittest

import support
import wmlb_ctypes as w
from sqlite_support import (
    FULL, INSERT, MIB, MODES, PAGE_SIZES, SIBLINGS, DatabaseCase, User, make, rows_of,
)

# (rows, bytes of each): less than a frame, and several of them.
SIZES = {"small": (60, 1000), "large": (50, 100000)}


class States(DatabaseCase):
    """Each journal mode, with the database in each state: what is committed is saved."""

    def each(self, mode, name, user=None):
        """For each page size and size: a database, its rows, and a process that has it open
        and has run the statements."""
        for page_size in PAGE_SIZES:
            for size, (rows, blob) in SIZES.items():
                if not FULL and size == "large" and page_size in (512, 32768):
                    continue
                with self.subTest(name, mode=mode, page_size=page_size, size=size):
                    self.path = "%s/%s-%s-%d-%s" % (self.store, name, mode, page_size, size)
                    make(self.path, rows, mode, blob, page_size)
                    expected = rows_of(self.path)
                    self.assertEqual(len(expected), rows)
                    process = None
                    if user is not None:
                        process = User(self, self.path, *user)
                    yield expected
                    if process is not None:
                        process.kill()
                    for suffix in ("",) + SIBLINGS:
                        if os.path.exists(self.path + suffix):
                            os.unlink(self.path + suffix)

    def save(self, expected):
        """The whole store is the database."""
        name = os.fsencode(os.path.basename(self.path))
        files = self.assert_saves(expected, name)
        self.assertEqual(list(files), [name])

    def test_closed(self):
        for mode in MODES:
            for expected in self.each(mode, "closed"):
                self.assertFalse(os.path.exists(self.path + "-wal"))
                self.save(expected)
                # Nothing is to be done to it: it is saved as it is.
                data, = self.opened().files().values()
                self.assertTrue(data == support.read(self.path), "other bytes")

    def test_open(self):
        for mode in MODES:
            for expected in self.each(mode, "open", ["SELECT * FROM t"]):
                self.assertEqual(os.path.exists(self.path + "-shm"), mode == "wal")
                self.save(expected)

    def test_in_a_transaction(self):
        for mode in MODES:
            begin = ["PRAGMA journal_mode = " + mode, "BEGIN IMMEDIATE",
                     "DELETE FROM t WHERE n < 10",
                     "INSERT INTO t VALUES(5000, 'not committed')"]
            for expected in self.each(mode, "transaction", begin):
                if mode != "wal":
                    self.assertTrue(os.path.exists(self.path + "-journal"))
                self.save(expected)

    def test_a_log_with_content(self):
        statements = ["PRAGMA wal_autocheckpoint = 0", INSERT % (1001, 30, 3000),
                      "DELETE FROM t WHERE n < 10"]
        for expected in self.each("wal", "log", statements):
            self.assertGreater(os.path.getsize(self.path + "-wal"), 90000)
            now = rows_of(self.path)
            self.assertEqual(len(now), len(expected) + 30 - 9)
            self.save(now)

    def test_a_log_with_a_transaction_that_is_not_committed(self):
        statements = ["PRAGMA wal_autocheckpoint = 0", "PRAGMA cache_size = 5",
                      "PRAGMA cache_spill = 1", INSERT % (1001, 3, 3000), "BEGIN",
                      INSERT % (2001, 3000, 1000)]
        for _ in self.each("wal", "spilled", statements):
            self.assertGreater(os.path.getsize(self.path + "-wal"), MIB, "nothing was spilled")
            now = rows_of(self.path)
            self.assertEqual([row[0] for row in now[-3:]], [1001, 1002, 1003])
            self.save(now)

    def test_a_log_of_one_who_shares_nothing(self):
        """With locking_mode = EXCLUSIVE there is no index of the log that others could use, and
        so no way to read what is in it as long as that process lives."""
        make(self.path, 20, "wal")
        user = User(self, self.path, "PRAGMA locking_mode = EXCLUSIVE",
                    "PRAGMA wal_autocheckpoint = 0", INSERT % (1001, 30, 3000))
        self.assertFalse(os.path.exists(self.path + "-shm"))
        now = rows_of(self.path)
        self.assertEqual(len(now), 50)
        with self.untouched():
            self.assert_fails(self.restorer.backup(), w.BUSY, self.path)
            self.assert_clean()
        user.kill()
        self.save(now)

    def test_a_lock_that_is_kept_for_reading(self):
        """As browsers do."""
        for mode in MODES[:3]:
            statements = ["PRAGMA locking_mode = EXCLUSIVE", "SELECT * FROM t"]
            for expected in self.each(mode, "kept", statements):
                self.save(expected)

    def test_a_reader_that_keeps_the_log_from_being_moved(self):
        make(self.path, 50, "wal", 1000)
        User(self, self.path, "BEGIN", "SELECT * FROM t")
        User(self, self.path, INSERT % (1001, 30, 3000), "PRAGMA wal_checkpoint(FULL)")
        now = rows_of(self.path)
        self.assertEqual(len(now), 80)
        self.save(now)


class Entries(DatabaseCase):
    def fill_siblings(self):
        """A database of each kind, in use; the names of all of its files but the first."""
        make(self.path, 100, "wal")
        User(self, self.path, INSERT % (1001, 3, 100))
        for mode in ("truncate", "persist"):
            make("%s/folder/%s" % (self.store, mode), 100, mode=mode)
            User(self, "%s/folder/%s" % (self.store, mode),
                 "PRAGMA journal_mode = " + mode, INSERT % (1001, 3, 100))
            self.assertTrue(os.path.exists("%s/folder/%s-journal" % (self.store, mode)))

    def test_siblings_are_none(self):
        self.fill_siblings()
        made = self.fill(3)
        with self.untouched():
            events = self.assert_ends(self.restorer.backup())
        self.assertEqual(events[-2].progress.licenses_total, 6)
        self.assertEqual(events[-2].progress.licenses_done, 6)
        names = [b"folder/persist", b"folder/truncate", *sorted([*made, b"x.db"])]
        self.assertEqual(self.opened().names(), names)

    def test_they_are_not_listed(self):
        self.fill_siblings()
        hr, licenses = self.restorer.enumerate("store")
        self.assert_hr(hr, w.S_OK, self.restorer.last_error())
        self.assertEqual(
            [(found.name, found.format) for found in licenses],
            [(b"folder/persist", b"sqlite"), (b"folder/truncate", b"sqlite"),
             (b"x.db", b"sqlite")])
        self.assertEqual({found.right for found in licenses}, {w.RIGHT_NOT_STATED})

    def test_what_is_only_called_so_is_one(self):
        make(self.path, 100)
        expected = {
            b"alone-wal": b"1", b"alone-journal": b"2", b"alone-shm": b"",
            b"x.lic": b"3", b"x.lic-journal": b"4", b"x.lic-wal": b"5", b"x.lic-shm": b"6",
            b"-journal": b"7", b"-wal": b"8", b"-shm": b"9",
            # Its database is in another folder.
            b"below/x.db-wal": b"10",
            b"folder/file": b"11", b"folder-wal": b"12",
            b"x.db-JOURNAL": b"13", b"x.db-wal2": b"14", b"x.db.wal": b"15",
            b"x.db-wal-wal": b"16",
            b"link-journal": b"17",
        }
        for name, content in expected.items():
            support.write(os.fsencode(self.store) + b"/" + name, content)
        # What is behind a link is no database of the store.
        os.symlink("x.db", self.store + "/link")
        events = self.assert_ends(self.restorer.backup())
        self.assertEqual(self.skipped(events), [(b"link", w.E_ACCESSDENIED)])
        files = self.opened().files()
        self.assert_holds(files.pop(b"x.db"), rows_of(self.path))
        self.assertEqual(files, expected)

    def test_an_empty_file_is_a_license(self):
        # SQLite would take it for a database without tables.
        support.write(self.path, b"")
        support.write(self.path + "-journal", b"journal")
        self.assert_ends(self.restorer.backup())
        expected = {b"x.db": b"", b"x.db-journal": b"journal"}
        self.assertEqual(self.opened().files(), expected)

    def test_a_backup_folder_in_the_store(self):
        made = self.fill(2)
        make(self.path, 50, size=100000)
        self.restorer.set("BackupPath", self.store)
        self.target = self.store + "/" + w.BACKUP_NAME
        for _ in range(2):
            self.assert_ends(self.restorer.backup(w.OVERWRITE))
            files = self.opened().files()
            self.assert_holds(files.pop(b"x.db"), rows_of(self.path))
            self.assertEqual(files, made)

    def test_the_time_of_a_member(self):
        for mode in ("truncate", "wal"):
            self.path = self.store + "/" + mode
            make(self.path, 100, mode=mode)
            os.utime(self.path, ns=(10**18, 10**18))
            self.assert_ends(self.restorer.backup(w.OVERWRITE))
            self.assertEqual(self.opened().licenses[-1].mtime, 10**18)
            # What is in the log counts as well.
            if mode == "wal":
                user = User(self, self.path, INSERT % (1001, 1, 1))
                os.utime(self.path, ns=(10**18, 10**18))
                os.utime(self.path + "-wal", ns=(2 * 10**18 + 5, 2 * 10**18 + 5))
                self.assert_ends(self.restorer.backup(w.OVERWRITE))
                self.assertEqual(self.opened().licenses[-1].mtime, 2 * 10**18 + 5)
                user.kill()

    def test_hard_links(self):
        """One database under two names is two licenses."""
        make(self.path, 100)
        os.mkdir(self.store + "/second")
        os.link(self.path, self.store + "/second/name")
        for threads in (1, 8):
            self.restorer.set("Threads", threads)
            files = self.assert_saves(rows_of(self.path))
            self.assert_holds(files[b"second/name"], rows_of(self.path))


class Many(DatabaseCase):
    def setUp(self):
        super().setUp()
        self.made = self.fill(300, 1500)
        self.databases = {}
        for number in range(20):
            name = b"license-%04d.db" % (number * 15)
            path = self.store + "/" + name.decode()
            rows = (5, 90, 800, 3000)[number % 4]
            make(path, rows, MODES[number // 4 % 4], (1200, 700)[number % 2])
            self.databases[name] = rows_of(path)
            if number % 3 == 0:
                User(self, path, "BEGIN IMMEDIATE", "DELETE FROM t WHERE n < 100")

    def test_between_ordinary_licenses(self):
        found = []
        for threads in (1, 8):
            self.restorer.set("Threads", threads)
            with self.untouched():
                events = self.assert_ends(self.restorer.backup(w.OVERWRITE | w.VERIFY))
            self.assertEqual(self.skipped(events), [])
            self.assert_clean(names=[w.BACKUP_NAME])
            backup = self.opened()
            self.assertEqual(backup.names(), sorted([*self.made, *self.databases]))
            files = backup.files()
            self.assertEqual({name: files[name] for name in self.made}, self.made)
            for name, rows in self.databases.items():
                self.assert_holds(files[name], rows)
            progress = events[-2].progress
            self.assertEqual(progress.licenses_done, 320)
            self.assertEqual(progress.bytes_done, sum(map(len, files.values())))
            found.append(backup.between())
        self.assertEqual(found[0], found[1], "the same store, other bytes")

    def test_they_state_no_right(self):
        self.restorer.set("UnstatedRights", "deny")
        keeps = self.databases.keys() | self.made.keys()
        events = self.assert_ends(self.restorer.backup())
        named = [e.value for e in events if e.status == w.STATUS_RESTRICTED]
        self.assertEqual(named, sorted(keeps))
        self.assertEqual(self.opened().files(), {})
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_the_host_is_asked_of_the_snapshot(self):
        asked = {}

        def on_license(license):
            if license.format == b"sqlite":
                asked[license.name] = license
                return w.RIGHT_DENIED if license.name == min(self.databases) else None
            return w.RIGHT_DENIED

        self.assert_hr(self.restorer.ask_rights(on_license), w.S_OK)
        self.assert_ends(self.restorer.backup())
        files = self.opened().files()
        self.assertEqual(asked.keys(), self.databases.keys())
        self.assertEqual(files.keys(), self.databases.keys() - {min(self.databases)})
        for name, data in files.items():
            self.assertEqual(asked[name].size, len(data))

    def test_canceled_at_any_time(self):
        """What is under way is cleared away."""
        events = self.assert_ends(self.restorer.backup())
        os.unlink(self.target)
        for number in range(len(events) - 1):
            left = iter(range(number))
            outcome = self.restorer.backup(
                0, lambda event: 0 if next(left, None) is not None else -1)
            if outcome[1][-1].status == w.STATUS_END:  # fewer events, this time
                os.unlink(self.target)
                continue
            self.assert_fails(outcome, w.CANCELED)
            self.assert_clean()


if __name__ == "__main__":
    unittest.main()
