"""What the tests of databases share."""

import contextlib
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time

import restore_support
import support
import wmlb_ctypes as w

FULL = os.environ.get("WMLB_FULL") == "1"
MODES = ("delete", "truncate", "persist", "wal")
PAGE_SIZES = (512, 4096, 32768, 65536)
DATASTORE_CORRUPT = w.hresult(w.FAILURES["NS_E_DRM_DATASTORE_CORRUPT"])
MIB = 1 << 20
SIBLINGS = ("-journal", "-wal", "-shm")
# Seconds that a database which is locked is waited for.
PATIENCE = 5


@contextlib.contextmanager
def opened(path, **arguments):
    """A connection in which every statement is a transaction unless it says otherwise."""
    connection = sqlite3.connect(path, isolation_level=None, **arguments)
    with contextlib.closing(connection):
        yield connection


def make(path, rows, mode="delete", size=100, page_size=4096, script=""):
    """A database with a table t of so many rows, as a file at path that nobody has open."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with opened(path) as connection:
        connection.execute("PRAGMA page_size = %d" % page_size)
        connection.execute("PRAGMA journal_mode = " + mode)
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, content BLOB)")
        connection.execute("BEGIN")
        contents = ((b"%08d" % n * (size // 8),) for n in range(rows))
        connection.executemany("INSERT INTO t (content) VALUES (?)", contents)
        connection.execute("COMMIT")
        connection.executescript(script)
    return path


def database(folder, rows, **arguments):
    """The bytes of one."""
    path = make(os.path.join(folder, "made.db"), rows, **arguments)
    content = support.read(path)
    os.unlink(path)
    return content


def settled(test, path):
    """The bytes of a database as a backup of it has them: those of a backup of them, too."""
    folder = os.path.join(test.root, "settled")
    restorer = test.new_restorer(store=path, backups=folder)
    test.assert_ends(restorer.backup(w.OVERWRITE))
    content, = test.opened(os.path.join(folder, w.BACKUP_NAME)).files().values()
    return content


def rows(path):
    """How many rows t has in a database that is sound."""
    with opened(path) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        assert found == [("ok",)], found
        return connection.execute("SELECT count(*) FROM t").fetchone()[0]


def rows_in(test, content):
    """The same, of a database's bytes."""
    path = os.path.join(test.root, "looked-at.db")
    support.write(path, content)
    found = rows(path)
    os.unlink(path)
    for suffix in ("-journal", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)
    return found


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement).fetchall()
print("ready", flush=True)
sys.stdin.read()
"""


def hold(test, path, *statements):
    """Another process that has the database open, with these statements done, until the test
    ends or what is given is called. kill=True leaves everything as it is."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path, *statements],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )

    def stop(kill=False):
        if process.poll() is None:
            if kill:
                process.kill()
            process.communicate()

    test.addCleanup(stop)
    test.assertEqual(process.stdout.readline(), b"ready\n")
    return stop


USER = """
import json, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5)
for line in sys.stdin:
    try:
        rows = connection.execute(*json.loads(line)).fetchall()
        answer = [True, [[x.hex() if type(x) is bytes else x for x in row] for row in rows]]
    except Exception as problem:
        answer = [False, repr(problem)]
    print(json.dumps(answer), flush=True)
"""


class User:
    """Another process that has a database open, and does what it is told."""

    def __init__(self, test, path, *statements):
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        test.addCleanup(self.kill)
        for statement in statements:
            self.run(statement)

    def run(self, statement, *values):
        print(json.dumps([statement, values]), file=self.process.stdin, flush=True)
        worked, answer = json.loads(self.process.stdout.readline())
        if not worked:
            raise AssertionError("%s: %s" % (statement, answer))
        return answer

    def close(self):
        """Ends it as a program ends that closes its database."""
        self.run("SELECT 1")
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def kill(self):
        self.process.kill()
        self.process.wait(60)
        for pipe in (self.process.stdin, self.process.stdout):
            # What was not flushed has nowhere to go.
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


# More rows: the number of the first, how many, the bytes of each.
INSERT = ("WITH RECURSIVE series(n) AS (SELECT %d UNION ALL SELECT n + 1 FROM series LIMIT %d)"
          " INSERT INTO t SELECT n, randomblob(%d) FROM series")


def rows_of(path, query="SELECT * FROM t ORDER BY n"):
    """What a database holds for those who may write to it, by way of a copy."""
    with copied(path) as copy, opened(copy) as connection:
        return connection.execute(query).fetchall()


@contextlib.contextmanager
def copied(path):
    """A copy of a database that nobody writes to at the moment, with its log and journal."""
    folder = path + ".copy-for-a-test"
    try:
        for suffix in ("", "-journal", "-wal"):
            if os.path.exists(path + suffix):
                support.write(folder + "/copy" + suffix, support.read(path + suffix))
        yield folder + "/copy"
    finally:
        subprocess.run(["rm", "-rf", folder], check=True)


class DatabaseCase(support.StoreCase):
    """Backups of stores with databases."""

    def setUp(self):
        super().setUp()
        self.path = self.store + "/x.db"
        self.snapshots = 0

    def look(self, folder=None):
        """All about the store's files that no backup may change. The index of a log is memory
        that its readers share: of that, only whether it is there."""
        found = restore_support.snapshot(folder or self.store)
        return {
            name: name if name.endswith(b"-shm") else entry for name, entry in found.items()
        }

    @contextlib.contextmanager
    def untouched(self, folder=None):
        before = self.look(folder)
        yield
        after = self.look(folder)
        if after != before:
            self.fail("the store was touched: " + restore_support.difference(after, before))

    @contextlib.contextmanager
    def snapshot(self, data):
        """A connection to what a member of a backup holds, which must be sound."""
        self.snapshots += 1
        path = "%s/snapshots/%d" % (self.root, self.snapshots)
        support.write(path, data)
        with opened(path) as connection:
            # What rows ought to be is their owner's matter.
            connection.execute("PRAGMA ignore_check_constraints = ON")
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            yield connection
        subprocess.run(["rm", "-f"] + [path + suffix for suffix in ("",) + SIBLINGS], check=True)

    def assert_holds(self, data, rows, query="SELECT * FROM t ORDER BY n"):
        with self.snapshot(data) as connection:
            found = connection.execute(query).fetchall()
            if found != rows:
                self.fail("%d rows, the first %r, the last %r, instead of %d, %r, %r" % (
                    len(found), found[:1], found[-1:], len(rows), rows[:1], rows[-1:]))

    def assert_saves(self, rows, name=b"x.db", flags=w.OVERWRITE, restorer=None):
        """A backup leaves the store untouched, and has these rows."""
        with self.untouched():
            events = self.assert_ends((restorer or self.restorer).backup(flags))
        self.assertEqual(self.skipped(events), [])
        self.assert_clean(names=[w.BACKUP_NAME])
        files = self.opened().files()
        self.assert_holds(files[name], rows)
        return files

    def skipped(self, events):
        return [(e.value, e.hr) for e in events if e.status == w.STATUS_SKIPPED]

    def assert_partial(self, outcome, skipped, saved):
        """A PARTIAL backup that left out these, each with its code, and saved those."""
        events = self.assert_ends(outcome, w.NOT_ALL_STORED)
        self.assertEqual(dict(self.skipped(events)), skipped)
        self.assertEqual(len(self.skipped(events)), len(skipped))
        self.assertEqual(set(self.opened().files()), set(saved))
        self.assert_clean(names=[w.BACKUP_NAME])


def sleeping_threads():
    """The library's threads that wait for the clock now, and for nothing else."""
    sleeps = {"230", "35", "115", "101"}  # clock_nanosleep, nanosleep: x86_64, aarch64
    found = set()
    for number, name in support.threads().items():
        if name.startswith("wmlb"):
            with contextlib.suppress(OSError), open("/proc/self/task/%d/syscall" % number) as file:
                if file.read().split()[0] in sleeps:
                    found.add(number)
    return found


def wait_until(condition, words):
    """Looks again and again, until it is so."""
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("in a minute not: " + words)
        os.sched_yield()


def until_it_waits():
    """Until an operation of this process waits for a lock on a database."""
    wait_until(sleeping_threads, "an operation that waits for a lock")


def chained(checksum, number):
    """The checksum of a history, after the transaction with this number."""
    return hashlib.sha256(("%s %d" % (checksum, number)).encode()).hexdigest()
