"""What the tests of databases share."""

import contextlib
import os
import sqlite3
import subprocess
import sys

import support
import wmlb_ctypes as w


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
