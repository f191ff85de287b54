"""A rollback journal may end in the name of a super-journal, which SQLite reads and deletes. That
name comes from whoever made the journal: no operation acts on it."""

import os
import sqlite3
import unittest

import archive_forge as forge
import encryption_support
import support
import trust_support as trust
import wmlb_ctypes as w
from trust_support import TrustCase


class SuperJournalCase(TrustCase):
    def setUp(self):
        super().setUp()
        trust.plain_database(self.root + "/other/x.db")
        saver = self.new_restorer(store=self.root + "/other")
        self.assert_ends(saver.backup())

    def operations(self):
        """name -> what is done with a store: its result."""
        recipient = encryption_support.key().recipient
        partial = w.OVERWRITE | w.PARTIAL

        def backup(name, flags=w.OVERWRITE, **properties):
            return lambda: self.new_restorer(
                backups=self.root + "/saved-" + name, **properties).backup(flags)[0]

        return {
            "list": lambda: self.new_restorer().enumerate("store")[0],
            "backup": backup("clear"),
            "partial backup": backup("partial", partial),
            "verified backup": backup("verified", w.OVERWRITE | w.VERIFY),
            "encrypted backup": backup("encrypted", Recipients=recipient),
            "backup of one file": backup("one", StorePath=self.path),
            "list of one file": lambda: self.new_restorer(
                StorePath=self.path).enumerate("store")[0],
            # What is in the store is compared with what the backup has.
            "restore": lambda: self.new_restorer(RestorePath=self.backups).restore()[0],
            "restore over it": lambda: self.new_restorer(
                RestorePath=self.backups).restore(w.RESTORE_OVERWRITE)[0],
        }

    def assert_leaves(self, target, content=b"precious", path=None):
        """No operation does anything to what the journal names, which is at path if it is not
        at target, and made anew each time."""
        path = path or target
        touched = []
        for name, operation in self.operations().items():
            for old in os.listdir(self.store):
                os.unlink(os.path.join(self.store, old))
            support.write(path, content)
            trust.put_hot_journal(self.path, target)
            before = trust.identity(path)
            support.in_child(operation, timeout=trust.HANGS)
            if trust.identity(path) != before or support.read(path) != content:
                touched.append(name)
        self.assertEqual(touched, [], "what the journal names was touched by these")


class Names(SuperJournalCase):
    """What a journal in a store can name."""

    def test_any_file(self):
        self.assert_leaves(self.precious)

    def test_a_relative_name(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.outside)
        self.assert_leaves("precious", path=self.precious)

    def test_a_license_of_the_same_store(self):
        self.assert_leaves(self.store + "/license")

    def test_a_name_that_looks_like_a_super_journal_of_sqlites(self):
        self.assert_leaves(self.path + "-mj01234567")

    def test_a_name_of_many_folders(self):
        name = self.outside + "/.." * 20 + self.outside + "/./precious"
        self.assert_leaves(name, path=self.precious)

    def test_the_backup(self):
        saved = support.read(self.target)
        self.assert_leaves(self.target, saved)

    def test_one_that_names_this_journal(self):
        """As a real one does, which a commit over several databases leaves when it is killed."""
        self.assert_leaves(self.precious, os.fsencode(self.path) + b"-journal\0")

    def test_one_that_names_another_hot_journal(self):
        """SQLite opens what a super-journal lists."""
        other = trust.plain_database(self.root + "/other.db")
        named = self.root + "/list"
        journal = trust.journal_of(other, named)
        support.write(other + "-journal", journal)
        self.assert_leaves(named, os.fsencode(other) + b"-journal\0")
        self.assertEqual(support.read(other + "-journal"), journal)

    def test_through_a_link(self):
        link = self.root + "/link"
        os.symlink(self.precious, link)
        self.assert_leaves(link, path=self.precious)
        self.assertEqual(os.readlink(link), self.precious)

    def test_a_journal_with_pages(self):
        """One that has something to roll back."""
        trust.plain_database(self.path, 500)
        journal = trust.journal_of(self.path, self.precious, pages=(1, 2, 3))
        support.write(self.path + "-journal", journal)
        self.assert_hr(support.in_child(
            lambda: self.new_restorer(backups=self.root + "/saved").backup()[0]), w.S_OK)
        self.assert_outside()


class Kinds(SuperJournalCase):
    """What is no file, or no small one: nothing waits for it, nothing reads it."""

    def test_no_hang(self):
        for kind in trust.KINDS:
            target = os.path.join(self.root, kind)
            trust.make_special(kind, target, "/dev/zero")
            trust.put_hot_journal(self.path, target)
            run = trust.run_apart(self, "store", "save")
            self.assertLess(run.seconds, trust.MOST_SECONDS, kind)
            self.assertLess(run.memory, trust.MOST_MEMORY, kind)
            self.assertTrue(os.path.lexists(target), kind)

    def test_a_huge_file(self):
        huge = os.path.join(self.root, "huge")
        with open(huge, "wb") as file:
            file.truncate(1500 * trust.MIB)
        trust.put_hot_journal(self.path, huge)
        run = trust.run_apart(self, "store", "save")
        self.assertLess(run.seconds, trust.MOST_SECONDS)
        self.assertLess(run.memory, trust.MOST_MEMORY)
        self.assertEqual(os.path.getsize(huge), 1500 * trust.MIB)

    def test_it_is_not_even_looked_at(self):
        if not support.has_program("strace"):
            self.skipTest("strace is needed")
        for operation in (
            lambda: self.new_restorer().enumerate("store")[0],
            lambda: self.new_restorer(backups=self.root + "/saved").backup(w.OVERWRITE)[0],
        ):
            trust.put_hot_journal(self.path, self.precious)
            _, calls = trust.trace(self, operation)
            named = [call for call in calls
                     if trust.is_below(trust.place_of(call), self.outside)]
            self.assertEqual(named, [])
            os.unlink(self.path)


class OutOfArchives(SuperJournalCase):
    """A backup file that brings the database and its journal."""

    def forged(self, record=True):
        folder = self.root + "/forged"
        path = trust.put_hot_journal(folder + "/x.db", self.precious if record else None)
        return {b"x.db": support.read(path), b"x.db-journal": support.read(path + "-journal")}

    def test_it_is_refused_and_nothing_is_deleted(self):
        for has in ({}, {"license": b"had"}):
            for name, content in has.items():
                support.write(os.path.join(self.store, name), content)
            support.write(self.target, forge.small(self.forged()))
            restorer = self.new_restorer(RestorePath=self.backups)
            hr, _ = restorer.restore(w.RESTORE_INDIVIDUALIZE)
            listed, _ = self.new_restorer().enumerate("store")
            self.assert_outside("by a restore, or the list after it")
            self.assert_hr(hr, w.BACKUP_CORRUPT)
            self.assert_hr(listed, w.S_OK)
            self.assertEqual(sorted(os.listdir(self.store)), sorted(has))

    def test_a_store_that_an_older_version_restored(self):
        """What such a file has left in a store stays harmless."""
        for name, content in self.forged().items():
            support.write(os.path.join(self.store, name.decode()), content)
        self.new_restorer().enumerate("store")
        self.new_restorer(backups=self.root + "/saved").backup()
        self.assert_outside()


class SeveralDatabases(SuperJournalCase):
    """A transaction over two databases, as SQLite makes it: its name means something."""

    def two(self):
        """Two databases with 3 rows each; then one transaction over both, seen at the moment
        when the super-journal is written: {name: bytes} of everything."""
        for name in ("x.db", "y.db"):
            connection = sqlite3.connect(os.path.join(self.store, name))
            connection.execute("CREATE TABLE t (n)")
            connection.executemany("INSERT INTO t VALUES (?)", [(1,), (2,), (3,)])
            connection.commit()
            connection.close()

    def rows(self, content):
        path = self.root + "/looked-at"
        support.write(path, content)
        connection = sqlite3.connect(path)
        try:
            return connection.execute("SELECT count(*) FROM t").fetchone()[0]
        finally:
            connection.close()
            os.unlink(path)

    def test_one_that_was_committed_stays_committed(self):
        """The super-journal is gone, which is the commit; the journals are not yet."""
        self.two()
        journals = {}
        for name in ("x.db", "y.db"):
            path = os.path.join(self.store, name)
            gone = path + "-mj0A1B2C3D"
            journals[path + "-journal"] = trust.journal_of(path, gone, pages=(1, 2))
            connection = sqlite3.connect(path)
            connection.execute("INSERT INTO t VALUES (4)")
            connection.commit()
            connection.close()
        for path, content in journals.items():
            support.write(path, content)
        hr, events = self.new_restorer().backup(w.OVERWRITE | w.PARTIAL)
        self.assertIn(hr, (w.S_OK, w.NOT_ALL_STORED), events[-1].value)
        for name, content in self.opened().files().items():
            self.assertEqual(self.rows(content), 4, "%r without what was committed" % name)

    def test_a_journal_without_a_name_is_rolled_back(self):
        """The guard: the tests' journals are journals."""
        self.two()
        journal = trust.journal_of(self.path, None, pages=(1, 2))
        connection = sqlite3.connect(self.path)
        connection.execute("INSERT INTO t VALUES (4)")
        connection.commit()
        connection.close()
        support.write(self.path + "-journal", journal)
        self.assert_ends(self.new_restorer().backup(w.OVERWRITE))
        self.assertEqual(self.rows(self.opened().files()[b"x.db"]), 3)


if __name__ == "__main__":
    unittest.main()
