#!/usr/bin/env python3
"""A player that has its database open through its own SQLite, in the process that calls the
library: it commits, has its licenses listed or saved, somebody else looks and goes, it commits
again, and is killed. What it committed is there, each time.

same_process.py [--rounds N]

Prints a row of a table for each journal mode: what | tried | violated.
"""

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import warnings

import common
import wmlb_ctypes as w

MODES = ("wal", "delete", "truncate", "persist")


def fork(body):
    """A child that runs body(); its number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            body()
            os._exit(0)
        except BaseException as problem:
            print("%r" % problem, file=sys.stderr, flush=True)
            os._exit(1)
    return child


def in_child(body):
    """body() in another process; how that ended."""
    return os.waitpid(fork(body), 0)[1]


class Other:
    """Another program, which opens the database, reads it and closes it when it is told to. It
    begins before the player has anything open, none of which it may have."""

    def __init__(self, path):
        self.path = path
        there, self.tell = os.pipe()
        self.answers, here = os.pipe()

        def body():
            os.close(self.tell)
            if os.read(there, 1):
                os.write(here, self.look())

        self.child = fork(body)
        os.close(there)
        os.close(here)

    def look(self):
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=10)
        connection.execute("SELECT count(*) FROM l").fetchall()
        connection.close()
        return b"looked"

    def go(self):
        os.write(self.tell, b"x")
        assert os.read(self.answers, 100) == b"looked"
        os.waitpid(self.child, 0)


def play(path, mode, number, backups):
    """One round of the player's: it commits two rows, and is killed."""
    other = Other(path)
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    connection.execute("PRAGMA journal_mode = " + mode)
    connection.execute("CREATE TABLE IF NOT EXISTS l (n INTEGER PRIMARY KEY)")
    connection.execute("INSERT INTO l VALUES (?)", (2 * number,))
    restorer = w.Restorer()
    restorer.set("StorePath", os.path.dirname(path))
    restorer.set("BackupPath", backups)
    if number % 2:
        hr = restorer.enumerate("store")[0]
    else:
        hr = restorer.backup(w.OVERWRITE)[0]
    assert hr == w.S_OK, w.describe(hr)
    other.go()
    connection.execute("INSERT INTO l VALUES (?)", (2 * number + 1,))
    os.kill(os.getpid(), signal.SIGKILL)


def numbers_in(path, folder):
    """What is committed, as who comes next sees it; by way of a copy, so that nothing is put in
    order here."""
    copy = os.path.join(folder, "copy.db")
    for suffix in ("", "-wal", "-journal"):
        if os.path.exists(copy + suffix):
            os.unlink(copy + suffix)
        if os.path.exists(path + suffix):
            with open(path + suffix, "rb") as file, open(copy + suffix, "wb") as target:
                target.write(file.read())
    connection = sqlite3.connect(copy, isolation_level=None)
    try:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        if found != [("ok",)]:
            return found
        return [n for n, in connection.execute("SELECT n FROM l ORDER BY n")]
    finally:
        connection.close()


def run(mode, rounds, base=None):
    """(tried, violated)"""
    root = tempfile.mkdtemp(prefix="wmlb-same-process-", dir=base)
    path = os.path.join(root, "store/x.db")
    os.mkdir(os.path.dirname(path))
    violated, expected = [], []
    try:
        for number in range(rounds):
            status = in_child(lambda: play(path, mode, number, os.path.join(root, "backups")))
            if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
                violated.append("round %d: wait status %#x" % (number, status))
            expected += [2 * number, 2 * number + 1]
            found = numbers_in(path, root)
            if found != expected:
                lost = sorted(set(expected) - set(found))
                violated.append("round %d: %s are lost" % (number, lost or found))
                expected = found
    finally:
        subprocess.run(["rm", "-rf", root], check=True)
    return rounds, violated


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=1000)
    options = parser.parse_args()
    code = 0
    for mode in MODES:
        tried, violated = run(mode, options.rounds)
        code |= common.tell("commit, save, kill in one process, %s" % mode, tried, violated)
    return code


if __name__ == "__main__":
    sys.exit(main())
