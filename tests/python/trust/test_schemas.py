"""Databases whose schema or pages were made to be run or read for ever: of a database only its
tables are read, with little time and memory, and what is refused is told."""

import contextlib
import os
import sqlite3
import threading
import time
import unittest

import sqlite_forge as forge
import sqlite_support
import support
import trust_support as trust
import wmlb_ctypes as w
from trust_support import TrustCase

CORRUPT = w.hresult(w.FAILURES["NS_E_DRM_DATASTORE_CORRUPT"])
# Of a list, and of a backup with its look whether the database is sound.
MOST_SECONDS = 2 * trust.MOST_SECONDS
# Of what only a deadline ends.
DEADLINE = 12

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
LONG = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 20000000)"
COLUMNS = "AS storage_key, 1 AS cdm_type, 1 AS file_name, 1 AS data"
FEW = "AS cdm_type, 1 AS file_name, 1 AS data"
LARGE = "hex(zeroblob(300000000))"


class SchemaCase(TrustCase):
    def put(self, script, name="x.db", later=False):
        path = os.path.join(self.store, name)
        with sqlite_support.opened(path) as connection:
            connection.executescript(script)
        if later:
            os.utime(path, (time.time() + 10**6,) * 2)
        return path

    def run_within(self, words, *operations, seconds=MOST_SECONDS):
        """Results of operations that take no more than is stated."""
        run = trust.run_apart(self, *operations)
        self.assertLess(run.seconds, seconds, words)
        self.assertLess(run.memory, trust.MOST_MEMORY, words)
        self.assertEqual(run.left, [], words)
        return run.results

    def check(self, scripts, *operations):
        """Each of these schemas, at rest and not."""
        for words, script in scripts.items():
            for later in (False, True):
                self.put(script, later=later)
                yield words, self.run_within(words, *operations)
                for name in os.listdir(self.store):
                    os.unlink(os.path.join(self.store, name))


class Views(SchemaCase):
    """What is called as a table that licenses are kept in, and is none."""

    def assert_no_rows(self, scripts):
        for words, results in self.check(scripts, "store"):
            hr, said, count = results["store"]
            self.assertIn(hr, (w.S_OK, CORRUPT), "%s: %s" % (words, said))
            self.assertLessEqual(count, 1, words + ": rows that no table has")

    def test_that_never_end(self):
        self.assert_no_rows({
            "endless rows": "CREATE VIEW cdm_storage AS %s SELECT x %s FROM c" % (
                ENDLESS, COLUMNS),
            "endless rows of the older schema": "CREATE VIEW licenses AS %s SELECT x %s FROM c" % (
                ENDLESS, FEW),
            "endless large rows": "CREATE VIEW cdm_storage AS %s SELECT zeroblob(100000) %s FROM c"
            % (ENDLESS, COLUMNS),
        })

    def test_that_take_time(self):
        self.assert_no_rows({
            "a count": "CREATE VIEW cdm_storage AS %s SELECT count(*) %s FROM c" % (LONG, COLUMNS),
            "a sort": "CREATE VIEW licenses AS %s SELECT x %s FROM c ORDER BY random()" % (
                LONG, FEW),
            "a view of a view": "CREATE VIEW v AS %s SELECT count(*) AS n FROM c; "
            "CREATE VIEW cdm_storage AS SELECT n %s FROM v" % (LONG, COLUMNS),
        })

    def test_that_take_memory(self):
        self.assert_no_rows({
            "a large value": "CREATE VIEW cdm_storage AS SELECT %s %s" % (LARGE, COLUMNS),
            "a large value that is not shown": "CREATE VIEW licenses AS SELECT length(%s) %s" % (
                LARGE, FEW),
        })

    def test_with_rows_of_an_honest_table(self):
        """However harmless: it says nothing about licenses."""
        self.assert_no_rows({
            "another case": "CREATE TABLE t (n); INSERT INTO t VALUES (1), (2), (3); "
            "CREATE VIEW Cdm_Storage AS SELECT n %s FROM t" % COLUMNS,
            "plain": "CREATE TABLE t (n); INSERT INTO t VALUES (1), (2), (3); "
            "CREATE VIEW cdm_storage AS SELECT n %s FROM t" % COLUMNS,
        })

    def test_virtual_tables(self):
        scripts = {
            "of a module that is not there": "PRAGMA writable_schema = ON; INSERT INTO "
            "sqlite_schema VALUES ('table', 'cdm_storage', 'cdm_storage', 0, "
            "'CREATE VIRTUAL TABLE cdm_storage USING nothing(storage_key, cdm_type)')",
        }
        with contextlib.closing(sqlite3.connect(":memory:")) as connection:
            modules = [name for name, in connection.execute("PRAGMA module_list")]
        for module in ("fts5", "fts3", "rtree"):
            if module in modules:
                columns = "storage_key, cdm_type, file_name, data"
                columns = "id, a, b, c, d" if module == "rtree" else columns
                scripts[module] = "CREATE VIRTUAL TABLE cdm_storage USING %s(%s)" % (
                    module, columns)
        self.assert_no_rows(scripts)

    def test_they_are_saved_as_they_are(self):
        """A database with views and triggers is one like others: its bytes are saved."""
        script = ("CREATE TABLE t (n); INSERT INTO t VALUES (1);"
                  "CREATE VIEW v AS %s SELECT x FROM c;"
                  "CREATE VIEW cdm_storage AS %s SELECT x %s FROM c;"
                  "CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM t; END" % (
                      LONG, ENDLESS, COLUMNS))
        for words, results in self.check({"views": script}, "save"):
            self.assert_hr(results["save"][0], w.S_OK, words)
            saved = self.root + "/saved.db"
            support.write(saved, self.opened().files()[b"x.db"])
            with sqlite_support.opened(saved) as connection:
                self.assertEqual(connection.execute("SELECT n FROM t").fetchall(), [(1,)])
            os.unlink(saved)


class Expressions(SchemaCase):
    """SQL in a schema that a look at the database would run."""

    def test_generated_columns(self):
        """Neither for a list nor for the look whether the database is sound."""
        table = "CREATE TABLE cdm_storage (storage_key, cdm_type, data, file_name AS (%s));"
        row = "INSERT INTO cdm_storage (storage_key, cdm_type, data) VALUES (1, 2, 3);"
        heavy = "CREATE TABLE t (a, b TEXT GENERATED ALWAYS AS (%s) VIRTUAL NOT NULL);"
        for words, results in self.check({
            "in the table that is listed": table % LARGE + row,
            "in another": heavy % LARGE + "INSERT INTO t (a) VALUES (1);",
            "in many rows": heavy % "hex(zeroblob(3000000))" +
            LONG.replace("20000000", "200").replace("WITH", "INSERT INTO t (a) WITH") +
            " SELECT x FROM c",
        }, "store", "save"):
            self.assertIn(results["store"][0], (w.S_OK, CORRUPT), words)
            self.assertLessEqual(results["store"][2], 1, words)
            self.assert_hr(results["save"][0], w.S_OK, words + ": " + results["save"][1])

    def test_constraints_and_indexes(self):
        rows = "INSERT INTO t %s SELECT x FROM c WHERE x < 100" % ENDLESS.replace(
            "FROM c)", "FROM c WHERE x < 100)")
        heavy = "length(hex(zeroblob(n * 3000000)))"
        for words, results in self.check({
            "a constraint": "CREATE TABLE t (n CHECK (%s >= 0)); PRAGMA ignore_check_constraints "
            "= ON; %s" % (heavy, rows),
            "a default": "CREATE TABLE t (n, m DEFAULT (%s)); INSERT INTO t VALUES (1, 2)" % LARGE,
            "an index of an expression": "CREATE TABLE t (n); CREATE INDEX i ON t (length(n)); "
            "INSERT INTO t VALUES (1); PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql "
            "= 'CREATE INDEX i ON t (%s)' WHERE name = 'i'" % heavy.replace("n *", "100 *"),
            "a part of an index": "CREATE TABLE t (n); CREATE INDEX i ON t (n) WHERE n > 0; INSERT "
            "INTO t VALUES (1); PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = "
            "'CREATE INDEX i ON t (n) WHERE %s' WHERE name = 'i'" % heavy.replace("n *", "100 *"),
        }, "store", "partial"):
            self.assertIn(results["partial"][0], (w.S_OK, w.NOT_ALL_STORED), words)


class Sizes(SchemaCase):
    """Much of everything."""

    def test_a_schema_of_many_tables(self):
        path = os.path.join(self.store, "x.db")
        with sqlite_support.opened(path) as connection:
            connection.execute("PRAGMA page_size = 512")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN")
            for number in range(8000):
                connection.execute("CREATE TABLE t%d (a, b, c)" % number)
            connection.execute("COMMIT")
        results = self.run_within("8,000 tables", "store", "partial")
        self.assertIn(results["partial"][0], (w.S_OK, w.NOT_ALL_STORED))

    def test_one_statement_of_many_megabytes(self):
        script = ("CREATE TABLE cdm_storage (storage_key, cdm_type, file_name, data); PRAGMA "
                  "writable_schema = ON; UPDATE sqlite_schema SET sql = sql || "
                  "'/*' || hex(zeroblob(60000000)) || '*/'")
        self.put(script)
        self.run_within("a statement of 120 MB", "store", "partial")

    def test_many_rows(self):
        """An honest database of 200,000 licenses: told in order, and nothing is put elsewhere."""
        trust.plain_database(self.path, 200000)
        run = trust.run_apart(self, "store")
        self.assertEqual(run.results["store"][::2], [w.S_OK, 200001])
        self.assertLess(run.memory, trust.MOST_MEMORY)

    @unittest.skipUnless(support.has_program("strace"), "strace is needed")
    def test_nothing_is_made_in_folders_for_temporary_files(self):
        trust.plain_database(self.path, 200000)
        os.utime(self.path, (time.time() + 10**6,) * 2)
        for operation in (
            lambda: self.new_restorer().enumerate("store")[0],
            lambda: self.new_restorer().backup(w.OVERWRITE | w.VERIFY)[0],
        ):
            os.environ["TMPDIR"] = self.root + "/tmp"
            self.addCleanup(os.environ.pop, "TMPDIR", None)
            result, calls = trust.trace(self, operation)
            self.assert_hr(result, w.S_OK)
            made = [call.path for call in calls if call.name in trust.OPENS and trust.writes(call)
                    and ("etilqs" in call.path or call.path.startswith((
                        self.root + "/tmp", "/var/tmp", "/usr/tmp", "/tmp/etilqs")))]
            self.assertEqual(made, [])
            looked = [call.path for call in calls
                      if call.path in ("/var/tmp", "/usr/tmp", self.root + "/tmp")]
            self.assertEqual(looked, [], "a place for temporary files was looked for")


class Pages(SchemaCase):
    """Pages that no SQLite has written."""

    def test_a_tree_without_end(self):
        """Each page has the next one below it 40 times: 40 to the power of 10 rows."""
        forge.endless_tree(self.path)
        results = self.run_within("a tree without end", "store", "partial", seconds=DEADLINE)
        self.assertLess(results["store"][0], 0)
        self.assert_hr(results["partial"][0], w.NOT_ALL_STORED)

    def test_a_name_of_half_a_gigabyte(self):
        for column in (0, 1, 2):
            forge.huge_text(self.path, 500 << 20, column)
            run = trust.run_apart(self, "store")
            self.assertLess(run.seconds, MOST_SECONDS)
            self.assertLess(run.memory, trust.MOST_MEMORY, column)
            os.unlink(self.path)

    def test_the_forge(self):
        """The guard: an honest tree by the same means is read."""
        root = forge.database(self.path, forge.STORAGE)["cdm_storage"]
        rows = [(number, forge.record(b"k%d" % number, b"t", b"f", b"d")) for number in range(1, 5)]
        forge.put_pages(self.path, {
            root: forge.interior([root + 1, root + 2], 512),
            root + 1: forge.leaf(rows[:1], 512), root + 2: forge.leaf(rows[1:], 512)})
        hr, licenses = self.new_restorer().enumerate("store")
        self.assert_hr(hr, w.S_OK)
        self.assertEqual([each.name for each in licenses], [b"x.db"] + [
            b"x.db/k%d/t/f" % number for number in range(1, 5)])


class Canceled(SchemaCase):
    """Cancel works in a list, too."""

    def waiting(self):
        """A store whose list waits for a lock."""
        trust.plain_database(self.path)
        return sqlite_support.hold(self, self.path, "BEGIN EXCLUSIVE")

    def test_by_another_thread(self):
        self.waiting()
        restorer = self.new_restorer()
        found = []
        thread = threading.Thread(target=lambda: found.append(restorer.enumerate("store")))
        begun = time.monotonic()
        thread.start()
        hr = w.S_FALSE
        while hr == w.S_FALSE and thread.is_alive():
            hr = restorer.cancel()
            os.sched_yield()
        thread.join(trust.HANGS)
        self.assertFalse(thread.is_alive())
        self.assert_hr(hr, w.S_OK, "a list could not be canceled")
        self.assert_hr(found[0][0], w.CANCELED)
        self.assertLess(time.monotonic() - begun, sqlite_support.PATIENCE - 1)

    def test_in_its_callback(self):
        for number in range(5):
            support.write("%s/license-%d" % (self.store, number), b"license")
        restorer = self.new_restorer()
        answers = []
        hr, licenses = restorer.enumerate(
            "store", lambda license: answers.append(restorer.cancel()))
        self.assertEqual(answers[:1], [w.S_OK])
        self.assert_hr(hr, w.CANCELED)
        self.assertEqual(len(licenses), 1)

    def test_of_a_backup(self):
        self.fill()
        self.assert_ends(self.new_restorer().backup())
        restorer = self.new_restorer(RestorePath=self.backups)
        hr, licenses = restorer.enumerate("backup", lambda license: restorer.cancel() and None)
        self.assert_hr(hr, w.CANCELED)
        self.assertEqual(len(licenses), 1)

    def test_nothing_is_canceled_afterwards(self):
        self.fill()
        restorer = self.new_restorer()
        restorer.enumerate("store", lambda license: restorer.cancel() and None)
        self.assert_hr(restorer.cancel(), w.S_FALSE)
        self.assert_hr(restorer.enumerate("store")[0], w.S_OK)
        self.assert_ends(restorer.backup())

    def test_the_command_by_a_signal(self):
        self.waiting()
        folder = self.root + "/program"
        os.mkdir(folder)
        program = trust.build_command(folder)
        environment = trust.command_environment(self.root)
        with trust.background(program, "list", "--store", self.store, env=environment) as process:
            # Its handler is there when the store is being read.
            def reads_the_store():
                links = "/proc/%d/fd" % process.pid
                return any(os.readlink(os.path.join(links, each)).startswith(self.store)
                           for each in os.listdir(links))

            def looks():
                with contextlib.suppress(OSError):
                    return reads_the_store()
                return False

            sqlite_support.wait_until(looks, "a list that reads the store")
            begun = time.monotonic()
            process.send_signal(2)
            self.assertEqual(process.wait(timeout=trust.HANGS), 130)
            self.assertLess(time.monotonic() - begun, sqlite_support.PATIENCE - 1)


if __name__ == "__main__":
    unittest.main()
