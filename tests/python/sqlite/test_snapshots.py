"""Databases in a store: each is saved as one consistent snapshot, and never written to."""

import contextlib
import os
import resource
import signal
import socket
import threading
import time
import unittest

import encryption_support
import interrupt
import support
import wmlb_ctypes as w
from restore_support import snapshot
from sqlite_support import (
    DATASTORE_CORRUPT, SIBLINGS, database, hold, make, opened, rows_in,
)

MAGIC = b"SQLite format 3\0"


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path)


class SqliteCase(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.store, "x.db")

    def content_of_store(self):
        """Without the index of a log, which is memory that processes share."""
        found = snapshot(self.store)
        return {name: entry for name, entry in found.items() if not name.endswith(b"-shm")}

    def save(self, flags=w.OVERWRITE, expected=w.S_OK):
        """A backup that leaves the store as it is; its licenses."""
        before = self.content_of_store()
        self.assert_ends(self.restorer.backup(flags), expected)
        self.assertEqual(self.content_of_store(), before)
        self.assert_clean(names=[w.BACKUP_NAME])
        return self.opened().files()

    def assert_saved(self, rows, name=b"x.db"):
        files = self.save()
        self.assertEqual(list(files), [name])
        self.assertEqual(rows_in(self, files[name]), rows)


class Snapshots(SqliteCase):
    def test_a_database_that_is_called_as_if_it_belonged_to_another(self):
        make(self.path, 3)
        for number, suffix in enumerate(("-journal", "-wal", "-shm")):
            support.write(self.path + suffix, database(self.root, 10 + number))
        files = self.save()
        counts = {name: rows_in(self, content) for name, content in files.items()}
        expected = {b"x.db": 3, b"x.db-journal": 10, b"x.db-wal": 11, b"x.db-shm": 12}
        self.assertEqual(counts, expected)

    def test_what_is_no_file_and_called_as_if_it_did(self):
        """SQLite would use it, whatever it is."""
        make(self.path, 3)
        support.write(os.path.join(self.store, "other"), b"license")
        kinds = {
            "folder": os.mkdir, "link": lambda path: os.symlink("nowhere", path),
            "fifo": os.mkfifo, "socket": make_socket,
        }
        for kind, make_one in kinds.items():
            for suffix in SIBLINGS:
                with self.subTest(kind, suffix=suffix):
                    path = self.path + suffix
                    make_one(path)
                    self.assert_fails(self.restorer.backup(0), w.E_ACCESSDENIED, path)
                    hr, _ = self.restorer.enumerate("store")
                    self.assert_hr(hr, w.E_ACCESSDENIED)
                    self.assertIn(path, self.restorer.last_error())
                    flags = w.PARTIAL | w.OVERWRITE
                    events = self.assert_ends(self.restorer.backup(flags), w.NOT_ALL_STORED)
                    skipped = [e.value for e in events if e.status == w.STATUS_SKIPPED]
                    expected = [b"x.db"] + [os.fsencode("x.db" + suffix)] * (kind != "folder")
                    self.assertEqual(skipped, expected)
                    self.assertEqual(self.opened().names(), [b"other"])
                    os.unlink(self.target)
                    (os.rmdir if kind == "folder" else os.unlink)(path)

    def test_the_same_store_gives_the_same_bytes(self):
        make(self.path, 300, size=8000)
        first = self.save()
        self.assertEqual(self.save(), first)


class LeftByAKill(SqliteCase):
    """What a killed program left is brought in order in the snapshot, and nowhere else."""

    def leave_journal(self):
        make(self.path, 200, size=1000)
        stop = hold(
            self, self.path, "PRAGMA cache_size = 2", "PRAGMA cache_spill = 2", "BEGIN",
            "UPDATE t SET content = randomblob(1000)", "DELETE FROM t WHERE n > 10",
        )
        stop(kill=True)
        journal = support.read(self.path + "-journal")
        self.assertNotEqual(journal[:1] or b"\0", b"\0", "the journal is not hot")

    def leave_log(self):
        make(self.path, 20, "wal")
        # A reader that is killed later keeps the log from being written back.
        stop = hold(
            self, self.path, "INSERT INTO t (content) VALUES (randomblob(100))", "BEGIN",
            "SELECT * FROM t",
        )
        with opened(self.path) as connection:
            connection.execute("INSERT INTO t (content) VALUES (randomblob(100))")
        stop(kill=True)
        self.assertGreater(os.path.getsize(self.path + "-wal"), 0)

    def test_journal(self):
        self.leave_journal()
        self.assert_saved(200)

    def test_log(self):
        self.leave_log()
        self.assertTrue(os.path.exists(self.path + "-shm"))
        before = support.read(self.path + "-shm")
        self.assert_saved(22)
        self.assertEqual(support.read(self.path + "-shm"), before)
        os.unlink(self.path + "-shm")
        self.assert_saved(22)
        self.assertFalse(os.path.exists(self.path + "-shm"))

    def test_in_a_store_that_cannot_be_written_to(self):
        support.need_root()
        for leave, rows in ((self.leave_journal, 200), (self.leave_log, 22)):
            leave()
            os.chmod(self.backups, 0o777)
            os.chmod(self.store, 0o555)
            outcome = support.in_child(
                lambda: self.new_restorer().backup(w.OVERWRITE)[0], user=support.NOBODY
            )
            self.assert_hr(outcome, w.S_OK)
            self.assertEqual(rows_in(self, self.opened().files()[b"x.db"]), rows)
            os.chmod(self.store, 0o755)
            for name in os.listdir(self.store):
                os.unlink(os.path.join(self.store, name))

    def test_a_stale_log_beside_a_database_without_one(self):
        """It is not there when SQLite looks, so nobody may see to it but in a copy."""
        make(self.path, 20)
        for suffix in ("-wal", "-journal"):
            support.write(self.path + suffix, b"stale" * 1000)
            self.assert_saved(20)


class Locked(SqliteCase):
    def setUp(self):
        super().setUp()
        make(self.path, 20)
        support.write(os.path.join(self.store, "other"), b"license")

    def test_for_good(self):
        hold(self, self.path, "BEGIN EXCLUSIVE")
        begun = time.monotonic()
        self.assert_fails(self.restorer.backup(0), w.BUSY, self.path)
        self.assertGreaterEqual(time.monotonic() - begun, 5)
        self.assert_clean()
        events = self.assert_ends(self.restorer.backup(w.PARTIAL), w.NOT_ALL_STORED)
        skipped = [
            (event.value, event.hr) for event in events if event.status == w.STATUS_SKIPPED
        ]
        self.assertEqual(skipped, [(b"x.db", w.BUSY)])
        self.assertEqual(self.opened().names(), [b"other"])
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_for_a_while(self):
        stop = hold(self, self.path, "BEGIN EXCLUSIVE", "DELETE FROM t WHERE n > 15", "COMMIT",
                    "BEGIN EXCLUSIVE")
        self.assert_hr(self.restorer.start(0), w.S_OK)
        stop()
        self.assert_ends((self.restorer.finish(), self.restorer.events))
        self.assertEqual(rows_in(self, self.opened().files()[b"x.db"]), 15)

    def test_canceled(self):
        hold(self, self.path, "BEGIN EXCLUSIVE")
        self.assert_hr(self.restorer.start(0), w.S_OK)
        begun = time.monotonic()
        self.assert_hr(self.restorer.cancel(), w.S_OK)
        self.assert_fails((self.restorer.finish(), self.restorer.events), w.CANCELED)
        self.assertLess(time.monotonic() - begun, 4)
        self.assert_clean()


class OddPlaces(SqliteCase):
    def test_nothing_is_made_beside_one_that_was_kept_by_its_writer(self):
        for look in (
            lambda: self.assert_ends(self.restorer.backup(w.OVERWRITE)),
            lambda: self.assert_hr(self.restorer.enumerate("store")[0], w.S_OK),
        ):
            make(self.path, 50, mode="wal")
            stop = hold(
                self, self.path, "PRAGMA locking_mode = EXCLUSIVE", "INSERT INTO t VALUES (99, 1)"
            )
            timer = threading.Timer(1, stop)
            timer.start()
            look()
            timer.join()
            self.assertEqual(os.listdir(self.store), ["x.db"])
            os.unlink(self.path)

    def test_a_name_too_long_for_siblings(self):
        for length in (247, 248, 251, 252, 255):
            path = make(os.path.join(self.root, "made", "x.db"), 3)
            os.rename(path, os.path.join(self.store, "d" * length))
        files = self.save()
        self.assertEqual({rows_in(self, content) for content in files.values()}, {3})
        self.assertEqual(len(files), 5)
        self.assert_hr(self.restorer.enumerate("store")[0], w.S_OK)


class Damaged(SqliteCase):
    def setUp(self):
        super().setUp()
        self.sound = database(self.root, 300, size=1000)
        support.write(os.path.join(self.store, "other"), b"license")

    def assert_damaged(self, content):
        support.write(self.path, content)
        self.assert_fails(self.restorer.backup(w.OVERWRITE), DATASTORE_CORRUPT, self.path)
        events = self.assert_ends(self.restorer.backup(w.OVERWRITE | w.PARTIAL), w.NOT_ALL_STORED)
        skipped = [
            (event.value, event.hr) for event in events if event.status == w.STATUS_SKIPPED
        ]
        self.assertEqual(skipped, [(b"x.db", DATASTORE_CORRUPT)])
        self.assertEqual(self.opened().names(), [b"other"])
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_cut_off(self):
        for length in (len(MAGIC), 20, 100, 4096, 40960, len(self.sound) - 4096):
            with self.subTest(length=length):
                self.assert_damaged(self.sound[:length])

    def test_nothing_but_the_magic(self):
        for rest in (b"\0" * 8000, b"\xff" * 8000, b"garbage" * 1000):
            self.assert_damaged(MAGIC + rest)

    def test_a_page(self):
        for page in (1, 2, 30):
            for filler in (b"\0", b"\xff"):
                with self.subTest(page=page, filler=filler):
                    content = bytearray(self.sound)
                    content[page * 4096:(page + 1) * 4096] = filler * 4096
                    self.assert_damaged(bytes(content))

    def test_one_bit(self):
        """Of those that say where the cells of a page are."""
        content = bytearray(self.sound)
        content[4096 + 8] ^= 0x40
        self.assert_damaged(bytes(content))

    def test_odd_ones_are_sound(self):
        odd = {
            "empty": "DROP TABLE t",
            "without rowid": "CREATE TABLE u (a PRIMARY KEY, b) WITHOUT ROWID;"
                             "INSERT INTO u VALUES ('x', 'y')",
            "indexed": "CREATE UNIQUE INDEX i ON t (content, n); CREATE INDEX j ON t (n % 7);"
                       "CREATE VIEW v AS SELECT n FROM t;"
                       "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END",
            "numbered": "PRAGMA user_version = 7; PRAGMA application_id = 9",
            "unused pages": "DELETE FROM t",
            "unchecked": "CREATE TABLE u (a CHECK (a > 5)); PRAGMA ignore_check_constraints = ON;"
                         "INSERT INTO u VALUES (1)",
            "null where none should be":
                "CREATE TABLE u (a); INSERT INTO u VALUES (NULL); PRAGMA writable_schema = ON;"
                "UPDATE sqlite_schema SET sql = 'CREATE TABLE u (a NOT NULL)' WHERE name = 'u'",
            "another's module":
                "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ("
                "'table', 'u', 'u', 0, 'CREATE VIRTUAL TABLE u USING unheard_of(a)')",
            "another's collation":
                "CREATE TABLE u (a TEXT); INSERT INTO u VALUES ('a'), ('b');"
                "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = "
                "'CREATE TABLE u (a TEXT COLLATE unheard_of)' WHERE name = 'u'",
            "another's function": "CREATE TABLE u (a); INSERT INTO u VALUES (1);"
                "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = "
                "'CREATE TABLE u (a, b AS (unheard_of(a)))' WHERE name = 'u'",
        }
        for name, script in odd.items():
            with self.subTest(name):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.path)
                make(self.path, 50, script=script)
                self.assertIn(b"x.db", self.save())

    def test_vacuumed_by_itself(self):
        with opened(self.path) as connection:
            connection.execute("PRAGMA auto_vacuum = FULL")
            connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, content BLOB)")
            connection.execute("INSERT INTO t (content) VALUES (randomblob(100000))")
        self.assertEqual(rows_in(self, self.save()[b"x.db"]), 1)


class NamedByStorePath(SqliteCase):
    def setUp(self):
        super().setUp()
        make(self.path, 20)
        support.write(os.path.join(self.store, "beside"), b"not in the store")

    def saved(self, path):
        restorer = self.new_restorer(store=path)
        self.assert_ends(restorer.backup(w.OVERWRITE))
        backup = self.opened()
        self.assertEqual(backup.info["store"], "sqlite")
        name, = backup.names()
        self.assertEqual(rows_in(self, backup.files()[name]), 20)
        return name

    def test_path(self):
        self.assertEqual(self.saved(self.path), b"x.db")

    def test_link(self):
        link = os.path.join(self.root, "link")
        os.symlink(self.path, link)
        self.assertEqual(self.saved(link), b"x.db")

    def test_through_a_linked_folder(self):
        link = os.path.join(self.root, "folder")
        os.symlink(self.store, link)
        self.assertEqual(self.saved(os.path.join(link, "x.db")), b"x.db")

    def test_relative(self):
        code = """
import os, wmlb_ctypes as w
os.chdir(sys.argv[1])
restorer = w.Restorer()
restorer.set("StorePath", "x.db")
restorer.set("BackupPath", "backup")
hr, events = restorer.backup(0)
assert hr == 0, events[-1]
"""
        done = support.run_python(code, self.store)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        target = os.path.join(self.store, "backup", w.BACKUP_NAME)
        self.assertEqual(self.opened(target).names(), [b"x.db"])

    def test_odd_names(self):
        for name in ("a b", "%41", "a?mode=memory", "a#b", "é", "file:x", "-wal", "x.db-journal"):
            path = os.path.join(self.store, name)
            make(path, 20, "wal")
            self.assertEqual(self.saved(path), name.encode())

    def test_no_database(self):
        for name in ("beside", "missing", "missing/x.db", "x.db/y", "beside/"):
            restorer = self.new_restorer(store=os.path.join(self.store, name))
            self.assert_fails(restorer.backup(w.OVERWRITE), w.UNABLE_TO_OPEN_DATA_STORE)

    def test_the_backup_never_takes_its_place(self):
        path = os.path.join(self.backups, w.BACKUP_NAME)
        make(path, 20)
        before = support.read(path)
        restorer = self.new_restorer(store=path)
        self.assert_fails(restorer.backup(w.OVERWRITE), w.BACKUP_EXISTS, path)
        self.assertEqual(support.read(path), before)


class NothingIsWritten(SqliteCase):
    """Of a database nothing is anywhere but in the backup, whatever its state is."""

    def setUp(self):
        super().setUp()
        self.leave = LeftByAKill.leave_journal.__get__(self), LeftByAKill.leave_log.__get__(self)

    def test_an_encrypted_backup_without_a_home(self):
        code = """
import os, wmlb_ctypes as w
restorer = w.Restorer()
for name, value in zip(("StorePath", "BackupPath", "Recipients"), sys.argv[1:]):
    assert restorer.set(name, value) == 0
hr, events = restorer.backup(w.OVERWRITE)
assert hr == 0, events[-1]
"""
        kept = {name: value for name, value in os.environ.items()
                if name not in ("HOME", "XDG_CACHE_HOME")}
        for leave in self.leave:
            leave()
            done = support.run_python(
                code, self.store, self.backups, encryption_support.key().recipient, env=kept,
                cwd=self.root)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            for name in os.listdir(self.store):
                os.unlink(os.path.join(self.store, name))

    def test_a_list_without_room_for_anything(self):
        """Not even one byte of a file may be written, and no file may be made."""
        support.need_filters()

        def body():
            support.without_named_files()
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            hr, licenses = self.new_restorer().enumerate("store")
            return hr, [license.name for license in licenses]

        for leave in self.leave:
            leave()
            self.assertEqual(support.in_child(body), (w.S_OK, [b"x.db"]))
            for name in os.listdir(self.store):
                os.unlink(os.path.join(self.store, name))

    def test_any_umask(self):
        support.need_root()
        os.chmod(self.backups, 0o777)
        for leave, rows in zip(self.leave, (200, 22)):
            leave()
            for umask in (0o277, 0o477, 0o777):

                def body():
                    os.umask(umask)
                    return self.new_restorer().backup(w.OVERWRITE)[0]

                self.assert_hr(support.in_child(body, user=support.NOBODY), w.S_OK)
                self.assertEqual(rows_in(self, self.opened().files()[b"x.db"]), rows)
            for name in os.listdir(self.store):
                os.unlink(os.path.join(self.store, name))

    @unittest.skipUnless(support.has_program("strace"), "strace is needed")
    def test_how_it_is_opened(self):
        """By its name in a folder that is open, following no link, waiting for nothing, and
        for reading only."""
        for leave in self.leave:
            leave()
            log = os.path.join(self.root, "calls")
            for operation in (lambda: self.new_restorer().backup(w.OVERWRITE)[0],
                              lambda: self.new_restorer().enumerate("store")[0]):
                self.assertEqual(interrupt.run(operation, ["-e", "trace=open,openat,openat2,creat", "-o", log]).result, w.S_OK)
                with open(log) as file:
                    calls = [line for line in file if '"x.db' in line or "/x.db" in line]
                self.assertGreater(len(calls), 1)
                for call in calls:
                    self.assertRegex(call, r'openat\(\d+, "x\.db')
                    self.assertIn("O_RDONLY|", call)
                    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY"):
                        self.assertIn(flag, call)
            for name in os.listdir(self.store):
                os.unlink(os.path.join(self.store, name))


if __name__ == "__main__":
    unittest.main()
