#!/usr/bin/env python3
"""Programs that go on writing to their databases, with logs and with rollback journals, while the
store is backed up again and again: each database in each backup is whole, of one moment between the
backup's beginning and its end, and the writers wait no longer than for a copy.

writers.py [--seconds N] [--databases N] [--processes N]

Prints rows of a table: what | tried | violated, and the longest wait of a writer, with backups
and before the first.
"""

import argparse
import mmap
import multiprocessing
import os
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

import common
import archive
import wmlb_ctypes as w

MODES = ("wal", "delete", "truncate", "persist")
ROWS = 12
# Seconds that a writer may wait: as long as the library is patient with him.
MOST_WAIT = 5.0
# Of each database: begun and committed transactions. Of each process: waits in microseconds.
SLOT = struct.Struct("<QQ")


def make(path, mode):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = " + mode)
    connection.execute("CREATE TABLE m (k INTEGER PRIMARY KEY, n, filler)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO m VALUES (?, 0, ?)",
                           ((key, os.urandom(2000)) for key in range(ROWS)))
    connection.execute("COMMIT")
    connection.close()


class Counters:
    """What writers have begun and committed, in memory that all processes share."""

    def __init__(self, databases, processes):
        self.databases = databases
        self.memory = mmap.mmap(-1, SLOT.size * databases + 16 * processes)

    def put(self, number, begun, committed):
        SLOT.pack_into(self.memory, SLOT.size * number, begun, committed)

    def get(self, number):
        return SLOT.unpack_from(self.memory, SLOT.size * number)

    def _wait_at(self, process):
        return SLOT.size * self.databases + 16 * process

    def note_wait(self, process, seconds):
        at = self._wait_at(process)
        longest, = struct.unpack_from("<d", self.memory, at)
        if seconds > longest:
            struct.pack_into("<d", self.memory, at, seconds)

    def take_waits(self, processes):
        """The longest of all, which begin anew."""
        found = []
        for process in range(processes):
            at = self._wait_at(process)
            found.append(struct.unpack_from("<d", self.memory, at)[0])
            struct.pack_into("<d", self.memory, at, 0.0)
        return max(found)


def write(paths, numbers, process, counters, problems):
    """One of the programs: it has its databases open, and writes to one after the other."""
    chosen = random.Random(process)
    connections = [
        sqlite3.connect(path, isolation_level=None, timeout=60) for path in paths]
    counts = [0] * len(paths)
    while True:
        index = chosen.randrange(len(paths))
        connection, number = connections[index], numbers[index]
        counts[index] += 1
        count = counts[index]
        try:
            counters.put(number, count, count - 1)
            begun = time.monotonic()
            connection.execute("BEGIN IMMEDIATE")
            for key in range(ROWS):
                connection.execute(
                    "UPDATE m SET n = ?, filler = randomblob(2000) WHERE k = ?", (count, key))
            connection.execute("COMMIT")
            counters.note_wait(process, time.monotonic() - begun)
            counters.put(number, count, count)
        except sqlite3.Error as problem:
            problems.put("the writer of %s: %s" % (paths[index], problem))
            return
        time.sleep(chosen.random() * 0.01)


def problem_of(content, folder, earliest, latest):
    """What is wrong with a snapshot, which is of a moment after so many transactions at least, and
    at most; None when nothing is."""
    path = os.path.join(folder, "looked-at.db")
    with open(path, "wb") as file:
        file.write(content)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        if found != [("ok",)]:
            return "it is damaged: %s" % found[:3]
        rows = {n for n, in connection.execute("SELECT n FROM m")}
        if len(rows) != 1:
            return "it is of several moments: %s" % sorted(rows)
        number, = rows
        if not earliest <= number <= latest:
            return "it is of transaction %d, not of %d to %d" % (number, earliest, latest)
    except sqlite3.Error as problem:
        return str(problem)
    finally:
        connection.close()
        for suffix in ("", "-wal", "-shm", "-journal"):
            if os.path.exists(path + suffix):
                os.unlink(path + suffix)
    return None


def run(seconds, databases=100, processes=2, base=None):
    """(snapshots, violated, figures)"""
    root = tempfile.mkdtemp(prefix="wmlb-writers-", dir=base)
    store, backups = os.path.join(root, "store"), os.path.join(root, "backups")
    os.mkdir(store)
    names = ["%s-%03d.db" % (MODES[n % len(MODES)], n) for n in range(databases)]
    for number, name in enumerate(names):
        make(os.path.join(store, name), MODES[number % len(MODES)])
    counters = Counters(databases, processes)
    problems = multiprocessing.SimpleQueue()
    writers = []
    violated, snapshots, skipped, rounds, longest = [], 0, 0, 0, 0.0
    try:
        for process in range(processes):
            numbers = list(range(process, databases, processes))
            paths = [os.path.join(store, names[number]) for number in numbers]
            child = os.fork()
            if child == 0:
                try:
                    write(paths, numbers, process, counters, problems)
                finally:
                    os._exit(0)
            writers.append(child)
        time.sleep(min(seconds / 5, 10))
        alone = counters.take_waits(processes)
        restorer = w.Restorer()
        restorer.set("StorePath", store)
        restorer.set("BackupPath", backups)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = [counters.get(number)[1] for number in range(databases)]
            begun = time.monotonic()
            hr, events = restorer.backup(w.OVERWRITE | w.PARTIAL)
            longest = max(longest, time.monotonic() - begun)
            after = [counters.get(number)[0] for number in range(databases)]
            rounds += 1
            if hr not in (w.S_OK, w.NOT_ALL_STORED):
                violated.append("backup %d: %s" % (rounds, events[-1].value))
                continue
            for event in events:
                if event.status == w.STATUS_SKIPPED:
                    skipped += 1
                    violated.append("backup %d: %s is left out: %s" % (
                        rounds, event.value.decode(), w.describe(event.hr)))
            files = archive.Backup(os.path.join(backups, w.BACKUP_NAME)).files()
            for number, name in enumerate(names):
                if name.encode() in files:
                    snapshots += 1
                    problem = problem_of(
                        files[name.encode()], root, before[number], after[number])
                    if problem:
                        violated.append("backup %d, %s: %s" % (rounds, name, problem))
        with_backups = counters.take_waits(processes)
        restorer.release()
        while not problems.empty():
            violated.append(problems.get())
        if with_backups > MOST_WAIT:
            violated.append("a writer waited for %.2f s" % with_backups)
        committed = sum(counters.get(number)[1] for number in range(databases))
        figures = ("%d backups, %d snapshots, %d left out, %d transactions; longest wait of a "
                   "writer %.3f s (before the first backup %.3f s), longest backup %.3f s" % (
                       rounds, snapshots, skipped, committed, with_backups, alone, longest))
    finally:
        for child in writers:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        subprocess.run(["rm", "-rf", root], check=True)
    return snapshots, violated, figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--databases", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    snapshots, violated, figures = run(options.seconds, options.databases, options.processes)
    return common.tell("snapshots of databases that are written to", snapshots, violated, figures)


if __name__ == "__main__":
    sys.exit(main())
