"""What is encrypted later is in clear nowhere under a name, not for a moment and after no kill; and
private copies have no name that others could make first."""

import contextlib
import os
import re
import unittest

import encryption_support
import host_support
import interrupt
import sqlite_support
import support
import trust_support as trust
import wmlb_ctypes as w
from trust_support import TrustCase

TEMPORARY = re.compile(r"\.licenses\.wmlb\.[0-9a-f]{16}\.tmp")
# Where else something could be put down.
ELSEWHERE = ("/var/tmp", "/dev/shm")
WRITING = ("write", "pwrite64", "pwritev", "writev", "copy_file_range", "sendfile", "ftruncate",
           "fsync", "unlinkat", "unlink", "fallocate", "memfd_create", "openat", "mkdirat")


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class ClearCase(TrustCase):
    def setUp(self):
        super().setUp()
        self.secret = b"SECRET-LICENSE-" + os.urandom(12).hex().encode()
        self.recipient = encryption_support.key().recipient
        self.home, self.temporary = self.root + "/home", self.root + "/tmp"
        for folder in (self.home, self.temporary):
            os.mkdir(folder)
        # For the children.
        self.environment = {"HOME": self.home, "TMPDIR": self.temporary}

    def surroundings(self):
        os.environ.update(self.environment)
        for name in ("XDG_CACHE_HOME", "SQLITE_TMPDIR"):
            os.environ.pop(name, None)

    def put_databases(self):
        """In each state in which a copy has to be made of it: with a journal, with a log that
        nobody has open, with one that somebody has, written a moment ago."""
        journal, log, used, new = (
            "%s/%s.db" % (self.store, name) for name in ("journal", "log", "used", "new"))
        insert = "INSERT INTO t (content) VALUES ('%s')" % self.secret.decode()
        for path, mode in ((journal, "delete"), (log, "wal"), (used, "wal"), (new, "delete")):
            sqlite_support.make(path, 200, mode=mode, size=2000, script=insert)
        stop = sqlite_support.hold(
            self, journal, "PRAGMA cache_size = 2", "PRAGMA cache_spill = 2", "BEGIN",
            "UPDATE t SET content = content || '%s'" % self.secret.decode())
        stop(kill=True)
        self.assertGreater(os.path.getsize(journal + "-journal"), 0)
        stop = sqlite_support.hold(self, log, insert, "BEGIN", "SELECT * FROM t")
        with sqlite_support.opened(log) as connection:
            connection.execute(insert)
        stop(kill=True)
        self.assertGreater(os.path.getsize(log + "-wal"), 0)
        sqlite_support.hold(self, used, insert, insert)
        support.write(self.store + "/large", self.secret * (3 << 20 >> 5))

    def save(self, prepare=lambda: None, **properties):
        """An encrypted backup, as a child does it."""
        def body():
            self.surroundings()
            prepare()
            return self.new_restorer(
                Recipients=self.recipient, **properties).backup(w.OVERWRITE)[0]
        return body

    def holding_secret(self):
        """The files outside of the store that the secret is in."""
        found = []
        for folder in (self.root,) + ELSEWHERE:
            for where, folders, names in os.walk(folder):
                folders[:] = [name for name in folders if os.path.join(where, name) != self.store]
                for name in names:
                    path = os.path.join(where, name)
                    if os.path.isfile(path) and not os.path.islink(path):
                        if self.secret in support.read(path):
                            found.append(path)
                if folder != self.root:
                    break
        return found

    def made(self, calls):
        """The names of files that were made."""
        return [trust.place_of(call) for call in calls
                if call.name in trust.OPENS and trust.writes(call)
                and ("O_CREAT" in call.arguments or call.name == "creat")
                and "O_TMPFILE" not in call.arguments
                and not (trust.place_of(call) or "").startswith("/dev/")]

    def assert_only_the_archive(self, calls, most=1):
        """Nothing was made but the file that the backup becomes."""
        made = self.made(calls)
        # What loses its name before anything is in it never had one that mattered.
        removed = [trust.place_of(call) for call in calls if call.name == "unlinkat"]
        made = [path for path in made if path not in removed]
        others = [path for path in made if os.path.dirname(path) != self.backups
                  or not TEMPORARY.fullmatch(os.path.basename(path))]
        self.assertEqual(others, [])
        self.assertLessEqual(len(made), most, made)


class Encrypted(ClearCase):
    def test_nothing_else_has_a_name(self):
        """With unnamed files, and without: then memory serves."""
        self.put_databases()
        for prepare in (lambda: None, support.without_unnamed_files):
            support.need_filters()
            result, calls = trust.trace(self, self.save(prepare))
            self.assert_hr(result, w.S_OK)
            self.assert_only_the_archive(calls)
            self.assertEqual(self.holding_secret(), [])
            os.unlink(self.target)

    def test_killed_at_any_moment(self):
        self.put_databases()
        operation = self.save()
        counts = interrupt.calls_of(operation, self.root)
        killed = 0
        for name in WRITING:
            for number in sorted({1, counts[name] // 3, counts[name] // 2, counts[name]} - {0}):
                killed += interrupt.run(operation, interrupt.kill_at(name, number)).killed
                self.assertEqual(self.holding_secret(), [], "killed at %s %d" % (name, number))
        self.assertGreater(killed, 5)
        self.assert_hr(support.in_child(operation), w.S_OK)
        self.assertEqual(os.listdir(self.backups), [w.BACKUP_NAME])

    def test_killed_without_unnamed_files(self):
        support.need_filters()
        self.put_databases()
        operation = self.save(support.without_unnamed_files)
        counts = interrupt.calls_of(operation, self.root)
        for name in ("write", "pwrite64", "copy_file_range", "unlinkat", "fsync"):
            for number in sorted({1, counts[name] // 2, counts[name]} - {0}):
                interrupt.run(operation, interrupt.kill_at(name, number))
                self.assertEqual(self.holding_secret(), [], "killed at %s %d" % (name, number))

    def test_a_list_of_licenses_in_databases(self):
        """It has to bring a copy in order, too, and knows of no encryption: one without a name, or
        in a folder that it has just made for itself."""
        self.put_databases()

        def body():
            self.surroundings()
            return self.new_restorer().enumerate("store")[0]

        result, calls = trust.trace(self, body)
        self.assert_hr(result, w.S_OK)
        own = {trust.place_of(call) for call in calls
               if call.name in ("mkdir", "mkdirat") and call.arguments.endswith("0700")}
        elsewhere = [path for path in self.made(calls) if os.path.dirname(path) not in own]
        self.assertEqual(elsewhere, [])
        self.assertEqual(self.holding_secret(), [])

    def test_a_store_of_the_hosts(self):
        """Its licenses are kept until the first is packed, the more the longer."""
        licenses = {b"license-%02d" % number: self.secret * 50000 for number in range(15)}

        def save(prepare):
            def body():
                self.surroundings()
                prepare()
                store = host_support.MemoryStore(dict(licenses))
                restorer = self.new_restorer(Recipients=self.recipient)
                store.set_on(restorer)
                return restorer.backup(w.OVERWRITE)[0]
            return body

        support.need_filters()
        for prepare in (lambda: None, support.without_unnamed_files):
            result, calls = trust.trace(self, save(prepare))
            self.assert_hr(result, w.S_OK)
            self.assert_only_the_archive(calls)
            counts = interrupt.calls_of(save(prepare), self.root)
            for name in ("write", "pwrite64"):
                for number in sorted({1, counts[name] // 2} - {0}):
                    interrupt.run(save(prepare), interrupt.kill_at(name, number))
                    self.assertEqual(self.holding_secret(), [], "at %s %d" % (name, number))


class Clear(ClearCase):
    """Of a backup in clear nothing is secret, but its scratch files are nobody else's, either."""

    def test_scratch_has_no_name_in_the_backup_folder(self):
        self.put_databases()

        def body():
            self.surroundings()
            return self.new_restorer().backup(w.OVERWRITE)[0]

        result, calls = trust.trace(self, body)
        self.assert_hr(result, w.S_OK)
        beside = [path for path in self.made(calls) if os.path.dirname(path) == self.backups]
        self.assertLessEqual(len(beside), 1, "more than the archive: %s" % beside)


SUFFIXES = ("-wal", "-journal", "-shm")
GUESSES = ("0", "1", "scratch-0", "scratch-1", "x.db", "database", "new")


class Planter:
    """Makes links to a file under all names that one might be used for."""

    def __init__(self, folder, target, whole):
        # whole: under the names themselves, too, and not only what is appended to them.
        self.folder, self.target, self.whole = folder, target, whole
        self.done = {w.BACKUP_NAME, "store"}

    def plant(self, path):
        for suffix in SUFFIXES:
            with contextlib.suppress(OSError):
                os.symlink(self.target, path + suffix)

    def __call__(self):
        for name in set(os.listdir(self.folder)) - self.done:
            self.done.add(name)
            if name.endswith(SUFFIXES + (".away",)):
                continue
            path = os.path.join(self.folder, name)
            self.plant(path)
            if os.path.isdir(path) and not os.path.islink(path):
                # A folder of his own in its place, with the names that are looked for in it.
                os.rename(path, path + ".away")
                os.mkdir(path, 0o777)
                for guess in GUESSES:
                    if self.whole:
                        os.symlink(self.target, os.path.join(path, guess))
                    self.plant(os.path.join(path, guess))


class Planted(TrustCase):
    """Whoever may write to the backup folder, or beside the store, makes links under the names of
    scratch files, as soon as he sees them."""

    def setUp(self):
        super().setUp()
        support.need_root()
        os.chmod(self.outside, 0o755)
        self.place = self.shared(0o777)
        self.store = self.place + "/store"
        os.mkdir(self.store)

    def put_hostile(self, size=60 * trust.MIB):
        """A database that takes its time to copy, and a log that is what somebody wants to be
        written somewhere."""
        path = os.path.join(self.store, "x.db")
        with open(path, "wb") as file:
            file.write(b"SQLite format 3\0" + bytes(84))
            file.truncate(size)
        support.write(path + "-wal", b"written by somebody else")
        support.write(path + "-journal", b"written by somebody else")
        trust.give(trust.MALLORY, self.store, path, path + "-wal", path + "-journal")

    def attack(self, folder, operation, user=None, rounds=3):
        """Somebody plants what he can, while a user does this; what it should not touch."""
        for number in range(rounds):
            planter = Planter(folder, self.precious, number % 2 == 1)
            with trust.beside(planter, trust.MALLORY):
                support.in_child(operation, user=user, timeout=trust.HANGS)
            self.assert_outside("a link was followed")

    def test_in_the_backup_folder(self):
        """Of root, and of another user."""
        self.put_hostile()
        for user in (0, trust.ALICE):
            os.chown(self.precious, user, user)
            backups = self.shared(0o777)
            self.attack(backups, lambda: self.new_restorer(backups=backups).backup(
                w.OVERWRITE | w.PARTIAL)[0], user)

    def test_beside_the_store(self):
        """A restore compares databases by way of its staging folder."""
        for number in range(4):
            support.write(self.store + "/a-large-%d" % number, os.urandom(4 << 20))
        sqlite_support.make(self.store + "/x.db", 3)
        self.assert_ends(self.new_restorer().backup())
        self.put_hostile()
        for number in range(4):
            support.write(self.store + "/a-large-%d" % number, b"changed")
        self.attack(self.place, lambda: self.new_restorer(RestorePath=self.backups).restore(
            w.RESTORE_OVERWRITE)[0])

    def test_in_the_cache(self):
        """What a list or an encrypted backup uses instead, in a home that others may write to."""
        self.put_hostile()
        home = self.shared(0o777)
        cache = home + "/.cache/wmlb"
        os.makedirs(cache)
        for folder in (home + "/.cache", cache):
            os.chmod(folder, 0o777)
        recipient = encryption_support.key().recipient

        def operation():
            os.environ["HOME"] = home
            os.environ.pop("XDG_CACHE_HOME", None)
            self.new_restorer().enumerate("store")
            return self.new_restorer(Recipients=recipient).backup(w.OVERWRITE | w.PARTIAL)[0]

        self.attack(cache, operation)


if __name__ == "__main__":
    unittest.main()
