"""Databases that are restored: what lies beside them, who has them open, where they go."""

import os
import unittest

import support
from restore import test_kill
import wmlb_ctypes as w
from restore_support import RestoreCase, STAGING, last_progress, snapshot
from sqlite_support import SIBLINGS, database, hold, make, opened, rows


class OldAndNewCase(RestoreCase):
    """A backup of a folder with a database of 20 rows, and a store that has one of 5."""

    def setUp(self):
        super().setUp()
        self.new = database(self.root, 20)
        self.old = database(self.root, 5)
        self.path = os.path.join(self.store, "d", "x.db")
        self.save({b"d/x.db": self.new, b"d/other": b"license"})

    def open_the_store(self, words):
        hr, why = self.back_up()
        self.assert_hr(hr, w.S_OK, "%s: %s" % (words, why))

    def siblings(self):
        return [suffix for suffix in SIBLINGS if os.path.lexists(self.path + suffix)]


class Siblings(OldAndNewCase):
    def test_to_a_store_that_is_missing(self):
        self.assert_ends(self.restorer.restore(0))
        self.assertEqual(rows(self.path), 20)
        self.assert_alone()

    def test_stale_ones_go_with_what_is_replaced(self):
        self.put({
            b"d/x.db": self.old, b"d/x.db-journal": b"stale", b"d/x.db-wal": b"stale",
            b"d/x.db-shm": b"stale", b"d/x.db-mine": b"mine", b"d/y-journal": b"mine",
        })
        events = self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(self.skipped(events), [])
        self.assertEqual(self.siblings(), [])
        self.assertEqual(rows(self.path), 20)
        self.assertEqual(
            sorted(os.listdir(os.path.join(self.store, "d"))),
            ["other", "x.db", "x.db-mine", "y-journal"],
        )
        self.assert_alone()

    def test_stale_ones_without_their_database(self):
        self.put({b"d/x.db-wal": b"stale", b"d/x.db-journal": b"stale"})
        self.assert_ends(self.restorer.restore(0))
        self.assertEqual(self.siblings(), [])
        self.assertEqual(rows(self.path), 20)

    def test_none_goes_with_what_is_kept(self):
        files = {b"d/x.db": self.old, b"d/x.db-journal": b"", b"d/x.db-wal": b""}
        self.put(files)
        before = snapshot(self.store)
        events = self.assert_ends(self.restorer.restore(0))
        self.assertEqual(self.skipped(events), [(b"d/x.db", w.FILE_EXISTS)])
        after = snapshot(self.store)
        self.assertIsNotNone(after.pop(b"d/other"))
        self.assert_same(after, before)

    def test_a_folder_that_is_called_as_one_stays(self):
        self.put({b"d/x.db": self.old, b"d/x.db-wal/inner": b"mine"})
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(support.read(self.path + "-wal/inner"), b"mine")
        self.assertEqual(support.read(self.path), self.opened().files()[b"d/x.db"])

    def test_a_database_that_is_called_as_one_stays(self):
        for suffix in SIBLINGS:
            support.write(self.path + suffix, self.old)
        self.assert_ends(self.restorer.restore(0))
        for suffix in SIBLINGS:
            self.assertEqual(support.read(self.path + suffix), self.old)
        self.assertEqual(rows_without_journal(self.path), 20)

    def test_a_large_database(self):
        self.new = database(self.root, 300, size=16000)
        self.save({b"d/x.db": self.new})
        self.put({b"d/x.db": self.old, b"d/x.db-journal": b"stale"})
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(rows(self.path), 300)
        self.assertEqual(self.siblings(), [])
        before = snapshot(self.store)
        self.assertEqual(self.skipped(self.assert_ends(self.restorer.restore(0))), [])
        self.assert_same(snapshot(self.store), before)

    def test_what_was_not_a_database(self):
        for content in (b"", b"something else", self.old[:1000], self.old[:50]):
            self.put({b"d/x.db": content})
            events = self.assert_ends(self.restorer.restore(0))
            self.assertEqual(self.skipped(events), [(b"d/x.db", w.FILE_EXISTS)])
            self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
            self.assertEqual(rows(self.path), 20)


class Comparing(OldAndNewCase):
    """A database in the store is compared by what it holds."""

    def setUp(self):
        super().setUp()
        self.same = self.new_target(StorePath=self.source)
        self.source_path = os.path.join(self.source, "d", "x.db")

    def assert_equal_to_the_backup(self):
        before = snapshot(self.source)
        for flags in (0, w.RESTORE_OVERWRITE):
            events = self.assert_ends(self.same.restore(flags))
            self.assertEqual(self.skipped(events), [])
            self.assert_same(snapshot(self.source), before)

    def test_the_one_that_was_saved(self):
        self.assert_equal_to_the_backup()

    def test_one_with_a_log(self):
        support.write(self.source_path, database(self.root, 30, mode="wal"))
        self.save()
        self.assert_equal_to_the_backup()

    def test_changes_in_a_log_that_nobody_has_open(self):
        support.write(self.source_path, database(self.root, 30, mode="wal"))
        self.save()
        hold_code = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("INSERT INTO t (content) VALUES ('more')")
connection.commit()
os._exit(0)
"""
        self.assertEqual(support.run_python(hold_code, self.source_path).returncode, 0)
        self.assertGreater(os.path.getsize(self.source_path + "-wal"), 0)
        before = snapshot(self.source)
        events = self.assert_ends(self.same.restore(0))
        self.assertEqual(self.skipped(events), [(b"d/x.db", w.FILE_EXISTS)])
        self.assert_same(snapshot(self.source), before)
        self.assert_ends(self.same.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(rows(self.source_path), 30)

    def test_one_row_more(self):
        with opened(self.source_path) as connection:
            connection.execute("UPDATE t SET content = 'x' WHERE n = 1")
        events = self.assert_ends(self.same.restore(0))
        self.assertEqual(self.skipped(events), [(b"d/x.db", w.FILE_EXISTS)])


class InUse(OldAndNewCase):
    def assert_in_use(self, *statements):
        self.put({b"d/x.db": self.old})
        stop = hold(self, self.path, *statements)
        before = snapshot(self.place)
        for flags in (0, w.RESTORE_OVERWRITE):
            self.assert_untouched(
                self.restorer.restore(flags), w.BUSY, before, self.path
            )
        stop()
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(rows(self.path), 20)
        self.assertEqual(self.siblings(), [])

    def test_written_to(self):
        self.assert_in_use("BEGIN IMMEDIATE", "INSERT INTO t (content) VALUES ('x')")

    def test_read(self):
        self.assert_in_use("BEGIN", "SELECT * FROM t")

    def test_locked_for_itself(self):
        self.assert_in_use("PRAGMA locking_mode = EXCLUSIVE", "UPDATE t SET content = 'x'")

    def test_open_with_a_log(self):
        self.assert_in_use("PRAGMA journal_mode = wal", "SELECT * FROM t")

    def test_in_this_process(self):
        self.put({b"d/x.db": self.old})
        before = snapshot(self.place)
        with opened(self.path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            self.assert_untouched(
                self.restorer.restore(w.RESTORE_OVERWRITE), w.BUSY, before,
                self.path,
            )

    def test_opened_just_before_the_commit(self):
        """After all was staged, and before it is put in place."""
        self.put({b"d/x.db": self.old, b"d/other": b"another"})
        before = snapshot(self.place)
        stops = []

        def last(event):
            if last_progress(event):
                stops.append(hold(self, self.path, "BEGIN", "SELECT * FROM t"))

        outcome = self.restorer.restore(w.RESTORE_OVERWRITE, last)
        self.assertEqual(len(stops), 1)
        self.assert_untouched(outcome, w.BUSY, before, self.path)


class NamedByStorePath(RestoreCase):
    """StorePath is a database."""

    def setUp(self):
        super().setUp()
        self.new = database(self.root, 20)
        self.database = os.path.join(self.source, "x.db")
        support.write(self.database, self.new)
        self.saver = self.new_restorer(store=self.database)
        self.assert_ends(self.saver.backup(w.OVERWRITE))
        self.assertEqual(self.opened().info["store"], "sqlite")
        self.path = os.path.join(self.place, "renamed.sqlite")
        self.restorer = self.new_restorer(RestorePath=self.backups, StorePath=self.path)

    def test_missing(self):
        self.assert_ends(self.restorer.restore(0))
        self.assertEqual(rows(self.path), 20)
        self.assertEqual(os.listdir(self.place), ["renamed.sqlite"])
        self.assertEqual(os.listdir(self.root).count("place"), 1)

    def test_missing_beside_something_else(self):
        support.write(os.path.join(self.place, "mine"), b"mine")
        self.assert_ends(self.restorer.restore(0))
        self.assertEqual(rows(self.path), 20)
        self.assertEqual(sorted(os.listdir(self.place)), ["mine", "renamed.sqlite"])

    def test_in_a_folder_that_is_missing(self):
        path = os.path.join(self.place, "a/b/c.db")
        self.assert_hr(self.restorer.set("StorePath", path), w.S_OK)
        self.assert_ends(self.restorer.restore(0))
        self.assertEqual(rows(path), 20)
        self.assertEqual(os.listdir(self.place), ["a"])

    def test_there(self):
        support.write(os.path.join(self.place, "mine"), b"mine")
        support.write(self.path, database(self.root, 5))
        support.write(self.path + "-journal", b"stale")
        events = self.assert_ends(self.restorer.restore(0))
        self.assertEqual(self.skipped(events), [(b"renamed.sqlite", w.FILE_EXISTS)])
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(rows(self.path), 20)
        self.assertEqual(sorted(os.listdir(self.place)), ["mine", "renamed.sqlite"])

    def test_there_and_damaged(self):
        support.write(self.path, self.new[:1000])
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(rows(self.path), 20)

    def test_through_a_link(self):
        real = os.path.join(self.root, "elsewhere", "real.db")
        support.write(real, database(self.root, 5))
        os.symlink(real, self.path)
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(rows(real), 20)
        self.assertTrue(os.path.islink(self.path))
        self.assertEqual(os.listdir(os.path.dirname(real)), ["real.db"])

    def test_to_a_folder(self):
        for name in ("there", "made/"):
            folder = os.path.join(self.place, name)
            if name == "there":
                os.mkdir(folder)
            self.assert_hr(self.restorer.set("StorePath", folder), w.S_OK)
            self.assert_ends(self.restorer.restore(0))
            self.assertEqual(rows(os.path.join(folder, "x.db")), 20)

    def test_to_the_default_store(self):
        code = """
import wmlb_ctypes as w
restorer = w.Restorer()
assert restorer.set("RestorePath", sys.argv[1]) == 0
hr, events = restorer.restore(0)
assert hr == 0, events[-1]
"""
        environment = {**os.environ, "XDG_DATA_HOME": self.place}
        environment.pop("WMLB_STORE_PATH", None)
        done = support.run_python(code, self.backups, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual(rows(os.path.join(self.place, "wmlb/licenses/x.db")), 20)

    def test_licenses_are_no_database(self):
        files = self.new_restorer(store=self.source)
        self.assert_ends(files.backup(w.OVERWRITE))
        support.write(self.path, database(self.root, 5))
        before = snapshot(self.place)
        self.assert_untouched(
            self.restorer.restore(w.RESTORE_OVERWRITE), w.UNABLE_TO_OPEN_DATA_STORE, before,
            self.path,
        )

    def test_round_trip(self):
        self.assert_ends(self.restorer.restore(0))
        again = self.new_restorer(store=self.path, backups=os.path.join(self.root, "again"))
        self.assert_ends(again.backup(0))
        copy = self.opened(os.path.join(self.root, "again", w.BACKUP_NAME))
        self.assertEqual(copy.names(), [b"renamed.sqlite"])
        self.assertEqual(
            copy.files()[b"renamed.sqlite"], self.opened().files()[b"x.db"]
        )


class KilledWithDatabases(test_kill.Interrupted):
    """The kills of restore/test_kill.py, with databases and what lies beside them."""

    COUNTS = (1, 2) if test_kill.FULL else (2,)
    STAYS_HALF = False  # what was written to databases can be written back

    def setUp(self):
        self.made = support.tempfile.mkdtemp()
        self.addCleanup(support.shutil.rmtree, self.made)
        new, old = database(self.made, 20), database(self.made, 5)
        self.FILES = {b"a.db": new, b"b/c.db": new, b"b/new.db": new, b"z": b"backup"}
        self.HAS = {
            b"a.db": old, b"a.db-journal": b"stale", b"a.db-wal": b"", b"b/c.db": old,
            b"b/c.db-wal": b"stale", b"b/c.db-shm": b"stale", b"b/new.db-wal": b"stale",
            b"b/unrelated": b"store", b"z": b"store",
        }
        super().setUp()


class SomebodyWritesAfterAKill(OldAndNewCase):
    """What was written to the new database since the kill stays, without the old journal."""

    @unittest.skipUnless(support.has_program("strace"), "strace is needed")
    def test_the_old_journal_stays_away(self):
        interrupt = test_kill.interrupt
        operation = lambda: self.new_target(Threads=1).restore(w.RESTORE_OVERWRITE)[0]

        def prepare():
            self.put({
                b"d/x.db": self.old, b"d/x.db-journal": b"stale", b"d/other": b"another",
            })

        prepare()
        # At the moment when all was moved, and may still be taken back.
        self.assertTrue(interrupt.run(operation, interrupt.kill_at("syncfs", 2)).killed)
        self.assertEqual(rows_without_journal(self.path), 20)
        with opened(self.path) as connection:
            connection.execute("INSERT INTO t (content) VALUES ('since')")
        self.open_the_store("written to")
        self.assertEqual(rows(self.path), 21)
        self.assertEqual(self.siblings(), [])
        # The old database and its journal are nowhere else.
        self.assertEqual(self.kept(), sorted([b"stale", self.old]))


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class LogsAfterAKill(RestoreCase):
    """A player uses the database between a kill and the next operation."""

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.store, "x.db")
        self.save({b"x.db": database(self.root, 300, mode="wal")})

    def kill(self, name, number=1):
        operation = lambda: self.new_target(Threads=1).restore(w.RESTORE_OVERWRITE)[0]
        options = test_kill.interrupt.kill_at(name, number)
        self.assertTrue(test_kill.interrupt.run(operation, options).killed)

    def opened_again(self, expected=w.S_OK):
        hr, words = self.back_up()
        self.assert_hr(hr, expected, words)

    def test_an_old_log_is_not_put_back_beside_what_was_written_since(self):
        make(self.path, 50, mode="wal")
        more = "INSERT INTO t (content) SELECT zeroblob(100) FROM t"
        hold(self, self.path, "PRAGMA wal_autocheckpoint = 0", more)(kill=True)
        # The log is in the staging folder, and the old database still in its place: the first two
        # were a try, and a sign in the store.
        self.kill("renameat2", 3)
        self.assertEqual([n for n in os.listdir(self.store) if n.startswith("x")], ["x.db"])
        with opened(self.path) as connection:
            for statement in (
                "DELETE FROM t WHERE n % 2", "CREATE TABLE u AS SELECT * FROM t", "DROP TABLE t",
                "CREATE TABLE t (n INTEGER PRIMARY KEY, content BLOB)",
                "INSERT INTO t SELECT * FROM u",
            ):
                connection.execute(statement)
        self.opened_again()
        self.assertEqual(rows(self.path), 25)
        # It belongs to what nobody has any more.
        self.assertEqual([content[:3] for content in self.kept()], [b"7\x7f\x06"])

    def test_an_old_log_is_put_back_beside_what_nobody_touched(self):
        make(self.path, 50, mode="wal")
        more = "INSERT INTO t (content) SELECT zeroblob(100) FROM t"
        hold(self, self.path, "PRAGMA wal_autocheckpoint = 0", more)(kill=True)
        self.kill("renameat2", 3)
        with opened("file:%s?mode=ro" % self.path, uri=True) as connection:
            connection.execute("SELECT count(*) FROM t").fetchone()
        self.opened_again()
        self.assertEqual(rows(self.path), 100)
        self.assert_alone()

    def test_a_new_log_stays_with_the_new_database(self):
        for killed in (True, False):
            with self.subTest(killed=killed):
                support.shutil.rmtree(self.store, ignore_errors=True)
                make(self.path, 50, mode="wal")
                # All is moved, and may still be taken back.
                self.kill("syncfs", 2)
                self.assertEqual(rows_without_journal(self.path), 300)
                change = "UPDATE t SET content = 'since' WHERE n > 250"
                stop = hold(self, self.path, "PRAGMA wal_autocheckpoint = 0", change)
                if not killed:
                    # It is not taken away from whoever has it open.
                    self.opened_again(w.BUSY)
                stop(kill=True)
                self.opened_again()
                self.assertEqual(rows(self.path), 300)
                with opened(self.path) as connection:
                    since = "SELECT count(*) FROM t WHERE content = 'since'"
                    self.assertEqual(connection.execute(since).fetchone()[0], 50)
                self.assertEqual(len(self.kept()), 1)
                support.shutil.rmtree(self.place)


def rows_without_journal(path):
    """Looked at as it is, so that nothing beside it is."""
    uri = "file:%s?immutable=1" % path
    with opened(uri, uri=True) as connection:
        return connection.execute("SELECT count(*) FROM t").fetchone()[0]


if __name__ == "__main__":
    unittest.main()
