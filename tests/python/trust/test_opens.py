"""What the library opens in a store, and how: every name relative to a descriptor, without
following links; nothing for writing; and not a byte of it is changed. Seen by the system calls
it makes."""

import hashlib
import os
import unittest

import encryption_support
import sqlite_support
import support
import trust_support as trust
import wmlb_ctypes as w
from trust_support import TrustCase

# By path, they follow a link at the end, or say nothing of what is there a moment later.
BY_PATH = ("chmod", "chown", "fchmodat", "fchownat", "lchown", "truncate", "utimensat", "setxattr",
           "lsetxattr")


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class OpensCase(TrustCase):
    def put_databases(self):
        """One of each journal mode in each state, each in a folder of its own: at rest; in use;
        in a transaction; left by a kill with something in its journal or log."""
        for mode in sqlite_support.MODES:
            rest = self.make(mode, "rest")
            os.utime(rest, (0, 0))
            sqlite_support.hold(self, self.make(mode, "used"), "INSERT INTO t VALUES (98, 1)",
                                "INSERT INTO t VALUES (99, 1)")
            sqlite_support.hold(
                self, self.make(mode, "written"), "BEGIN IMMEDIATE", "INSERT INTO t VALUES (99, 1)")
            stop = sqlite_support.hold(
                self, self.make(mode, "left"), "PRAGMA journal_mode = " + mode,
                "PRAGMA cache_size = 2", "PRAGMA cache_spill = 2", "BEGIN",
                "UPDATE t SET content = randomblob(2000)")
            stop(kill=True)
        stop = sqlite_support.hold(
            self, self.make("wal", "alone"), "PRAGMA locking_mode = EXCLUSIVE", "SELECT 1 FROM t")
        stop(kill=True)
        self.left_log()
        support.write(self.store + "/license", b"license")
        support.write(self.store + "/deep/er/license", b"license")
        os.symlink("/etc", self.store + "/deep/link")

    def make(self, mode, state):
        name = "%s-%s-%d" % (mode, state, len(os.listdir(self.store)))
        return sqlite_support.make("%s/%s/x.db" % (self.store, name), 30, mode=mode, size=2000)

    def left_log(self):
        path = self.make("wal", "log")
        stop = sqlite_support.hold(self, path, "BEGIN", "SELECT * FROM t")
        with sqlite_support.opened(path) as connection:
            connection.execute("INSERT INTO t (content) VALUES (randomblob(100))")
            connection.execute("BEGIN")
            connection.execute("SELECT * FROM t").fetchall()
            stop(kill=True)
            for suffix in ("", "-wal", "-shm"):
                support.write(path + "-kept" + suffix, support.read(path + suffix))
        for suffix in ("", "-wal", "-shm"):
            os.replace(path + "-kept" + suffix, path + suffix)

    def content(self):
        """Name -> hash of everything in the store, the indexes of logs too."""
        found = {}
        for where, _, names in os.walk(self.store):
            for name in names:
                path = os.path.join(where, name)
                if not os.path.islink(path):
                    found[path] = hashlib.sha256(support.read(path)).hexdigest()
        return found

    def in_store(self, calls):
        """Those that name something below the store; the store itself may be found by its path."""
        return [call for call in calls
                if trust.is_below(trust.place_of(call), self.store)
                and trust.place_of(call).rstrip("/") not in (
                    self.store, self.store + "/.", self.store + "/..")]

    def operations(self):
        """name -> what is done."""
        def backup(**properties):
            flags = w.OVERWRITE | w.PARTIAL
            return lambda: self.new_restorer(**properties).backup(flags)[0]

        return {
            "list": lambda: self.new_restorer().enumerate("store")[0],
            "backup": backup(),
            "encrypted backup": backup(
                backups=self.root + "/encrypted", Recipients=encryption_support.key().recipient),
            "verification": lambda: self.new_restorer(RestorePath=self.backups).verify()[0],
        }


class Reading(OpensCase):
    """Of a backup, a list and a verification."""

    def test_every_name_is_looked_up_safely(self):
        self.put_databases()
        for name, operation in self.operations().items():
            result, calls = trust.trace(self, operation)
            self.assertIn(result, (w.S_OK, w.NOT_ALL_STORED), name)
            named = self.in_store(calls)
            if name != "verification":
                self.assertGreater(len(named), 20, "strace does not tell of the store")
            unsafe = ["%s(%s)" % (call.name, call.arguments) for call in named
                      if call.name in trust.OPENS and not trust.is_safe(call)]
            self.assertEqual(unsafe[:5], [], "%d unsafe opens of a %s" % (len(unsafe), name))

    def test_nothing_is_looked_at_by_its_path(self):
        """The file that is looked at might be another one than the one that is opened."""
        self.put_databases()
        for name, operation in self.operations().items():
            _, calls = trust.trace(self, operation)
            unsafe = ["%s(%s)" % (call.name, call.arguments) for call in self.in_store(calls)
                      if call.name not in trust.OPENS and not trust.is_safe(call)]
            self.assertEqual(unsafe[:5], [], "%d looks of a %s" % (len(unsafe), name))

    def test_nothing_is_opened_for_writing(self):
        self.put_databases()
        for name, operation in self.operations().items():
            _, calls = trust.trace(self, operation)
            opened = [call for call in calls if call.name in trust.OPENS and trust.writes(call)
                      and (trust.is_below(call.result, self.store)
                           or trust.is_below(trust.place_of(call), self.store))]
            self.assertEqual(opened[:5], [], "%d of a %s" % (len(opened), name))

    def test_nothing_is_changed(self):
        """The index of a log, too."""
        self.put_databases()
        for name, operation in self.operations().items():
            before = self.content()
            support.in_child(operation, timeout=trust.HANGS)
            after = self.content()
            changed = {path for path in before.keys() | after.keys()
                       if before.get(path) != after.get(path)}
            self.assertEqual(changed, set(), "by a " + name)

    def test_one_database_by_its_path(self):
        """StorePath is the database itself: what lies beside it is found from its folder."""
        for mode in ("delete", "wal"):
            path = self.make(mode, "named")
            stop = sqlite_support.hold(self, path, "INSERT INTO t VALUES (99, 1)")
            for operation in (
                lambda: self.new_restorer(StorePath=path).enumerate("store")[0],
                lambda: self.new_restorer(StorePath=path).backup(w.OVERWRITE)[0],
            ):
                result, calls = trust.trace(self, operation)
                self.assert_hr(result, w.S_OK)
                # It may be no folder, which has to be seen; and what lies beside it is no other.
                beside = [call for call in calls if call.name in trust.OPENS
                          and (trust.place_of(call) or "").startswith(path)
                          and not (call.path == path and "O_DIRECTORY" in call.arguments)]
                unsafe = [call.arguments for call in beside if not trust.is_safe(call)]
                self.assertEqual(unsafe[:5], [], mode)
                writing = [call.arguments for call in beside if trust.writes(call)]
                self.assertEqual(writing[:5], [], mode)
            stop()


class Restoring(OpensCase):
    def test_every_name_is_looked_up_safely(self):
        """In the store and in the staging folder beside it."""
        self.put_databases()
        self.assertIn(self.restorer.backup(w.PARTIAL)[0], (w.S_OK, w.NOT_ALL_STORED))
        for has in (False, True):
            place = "%s/place-%d" % (self.root, has)
            store = place + "/store"
            os.makedirs(store if has else place, exist_ok=True)
            if has:
                support.write(store + "/license", b"another")
                for name in os.listdir(self.store):
                    mode, _, state = name.partition("-")
                    if state.startswith("rest"):
                        sqlite_support.make("%s/%s/x.db" % (store, name), 3, mode=mode)
            result, calls = trust.trace(self, lambda: self.new_restorer(
                RestorePath=self.backups, StorePath=store).restore(w.RESTORE_OVERWRITE)[0])
            self.assert_hr(result, w.S_OK)
            named = [call for call in calls if trust.is_below(trust.place_of(call), place)
                     and trust.place_of(call) not in (place, store)]
            self.assertGreater(len(named), 10)
            unsafe = ["%s(%s)" % (call.name, call.arguments) for call in named
                      if not trust.is_safe(call)]
            self.assertEqual(unsafe[:5], [], "%d, with a store: %s" % (len(unsafe), has))

    def test_modes_and_owners_are_set_on_descriptors(self):
        """With a umask that takes everything, so that each has to be set."""
        support.write(self.store + "/a/license", b"license")
        support.write(self.store + "/b", b"license")
        deep = self.root + "/made/by/the/backup"

        def backup():
            os.umask(0o777)
            return self.new_restorer(backups=deep).backup()[0]

        def restore(store):
            def body():
                os.umask(0o777)
                return self.new_restorer(RestorePath=deep, StorePath=store).restore(
                    w.RESTORE_OVERWRITE)[0]
            return body

        empty, filled = self.root + "/empty", self.root + "/filled"
        os.mkdir(empty)
        support.write(filled + "/b", b"another")
        support.need_root()
        trust.give(trust.ALICE, empty, filled, filled + "/b")
        for name, operation in {
            "backup": backup, "restore to nothing": restore(self.root + "/new/folder/store"),
            "restore to an empty store": restore(empty), "restore": restore(filled),
        }.items():
            result, calls = trust.trace(self, operation)
            self.assert_hr(result, w.S_OK, name)
            by_path = ["%s(%s)" % (call.name, call.arguments) for call in calls
                       if call.name in BY_PATH and call.path
                       and not call.path.startswith("/proc/self/fd/")]
            self.assertEqual(by_path, [], name)
        self.assertEqual(oct(os.stat(deep).st_mode & 0o777), "0o700")
        self.assertEqual(oct(os.stat(self.root + "/new/folder").st_mode & 0o777), "0o700")


class BackupFolder(OpensCase):
    def test_every_name_in_it_is_looked_up_safely(self):
        """Opened once; all in it from its descriptor."""
        self.put_databases()
        for flags in (0, w.OVERWRITE | w.VERIFY):
            _, calls = trust.trace(
                self, lambda: self.new_restorer().backup(flags | w.PARTIAL)[0])
            named = [call for call in calls if call.name in trust.OPENS
                     and trust.is_below(trust.place_of(call), self.backups)
                     and trust.place_of(call) not in (self.backups, self.backups + "/.")]
            unsafe = ["%s(%s)" % (call.name, call.arguments) for call in named
                      if not trust.is_safe(call) and "O_TMPFILE" not in call.arguments]
            self.assertEqual(unsafe[:5], [], "%d opens" % len(unsafe))

    def test_the_same_without_unnamed_files(self):
        support.need_filters()
        self.put_databases()

        def body():
            support.without_unnamed_files()
            return self.new_restorer().backup(w.PARTIAL)[0]

        _, calls = trust.trace(self, body)
        named = [call for call in calls if call.name in trust.OPENS
                 and trust.is_below(trust.place_of(call), self.backups)
                 and trust.place_of(call) not in (self.backups, self.backups + "/.")]
        self.assertGreater(len(named), 0)
        unsafe = [call.arguments for call in named if not trust.is_safe(call)]
        self.assertEqual(unsafe[:5], [], "%d opens" % len(unsafe))


if __name__ == "__main__":
    unittest.main()
