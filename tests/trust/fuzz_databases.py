#!/usr/bin/env python3
"""Databases with journals and logs of which something is wrong, one after the other: each is listed
and saved, in little time and memory, without a crash, and with nothing written anywhere but to the
backup.

fuzz_databases.py [--seconds N] [--seed S] [--case N]

Prints a row of a table: what | tried | violated, and the most seconds and memory that one took.
What is violated is told by its number, which --case tries again.
"""

import argparse
import json
import os
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time

import common
import database_mutants
import restore_support
import support
import trust_support as trust
import wmlb_ctypes as w

BASES = 24
# Seconds of the processor's, for a list and a backup.
MOST_SECONDS = 1.0
# Seconds of anybody's clock: what hangs is ended.
HANGS = 30


class Worker:
    """The process that tries them."""

    def __init__(self, root):
        self.root = root
        self.store, self.backups, self.canary = (
            os.path.join(root, name) for name in ("store", "backups", "outside/canary"))
        for folder in ("store", "backups", "outside", "home", "tmp"):
            os.makedirs(os.path.join(root, folder), exist_ok=True)
        self.bases = [database_mutants.base(number) for number in range(BASES)]
        self.path = os.path.join(self.store, "x.db")

    def prepare(self, number):
        for name in os.listdir(self.store):
            os.unlink(os.path.join(self.store, name))
        support.write(self.canary, b"canary")
        support.write(self.store + "/other", b"license")
        for suffix, content in database_mutants.Mutator(
                number, self.canary, self.bases).mutant().items():
            support.write(self.path + suffix, content)
        if number % 3 == 0:
            # Not at rest.
            later = time.time() + 10**6
            os.utime(self.path, (later, later))

    def try_it(self, number):
        """(what is wrong, None if nothing; seconds; the results)"""
        self.prepare(number)
        before = trust.hashes(self.store)
        begun = time.process_time()
        restorer = w.Restorer()
        for name, value in (("StorePath", self.store), ("BackupPath", self.backups)):
            restorer.set(name, value)
        restorer.set("Threads", 1)
        listed, _ = restorer.enumerate("store")
        saved, events = restorer.backup(w.OVERWRITE | w.PARTIAL)
        restorer.release()
        seconds = time.process_time() - begun
        if trust.hashes(self.store) != before:
            return "the store was written to", seconds, saved
        outside = sorted(name for folder in ("outside", "home", "tmp", "backups")
                         for _, _, names in os.walk(os.path.join(self.root, folder))
                         for name in names)
        if outside != ["canary", w.BACKUP_NAME] or support.read(self.canary) != b"canary":
            return "outside of the store there is %s" % outside, seconds, saved
        if saved not in (w.S_OK, w.NOT_ALL_STORED):
            return "a partial backup failed: %s" % w.describe(saved), seconds, saved
        if seconds > MOST_SECONDS:
            return "it took %.2f s" % seconds, seconds, saved
        return None, seconds, saved

    def work(self, first, seconds, report):
        """Tries one after the other; tells each before it and after it."""
        end = time.monotonic() + seconds
        number = first
        while time.monotonic() < end:
            report({"begun": number})
            problem, took, saved = self.try_it(number)
            report({"ended": number, "problem": problem, "seconds": took, "whole": saved == w.S_OK,
                    "memory": restore_support.memory("VmHWM")})
            number += 1


def start(root, first, seconds):
    """A worker, and the pipe that it tells of its cases through."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(here)
            os.environ.update(HOME=root + "/home", TMPDIR=root + "/tmp")
            os.environ.pop("XDG_CACHE_HOME", None)

            def report(what):
                text = json.dumps(what).encode()
                os.write(there, struct.pack("<I", len(text)) + text)

            worker = Worker(root)
            before = restore_support.memory("VmHWM")
            report({"before": before})
            worker.work(first, seconds, report)
        finally:
            os._exit(0)
    os.close(there)
    return child, here


def reports(pipe):
    """What a worker tells, until it ends; None when it says nothing for too long."""
    waiting = b""
    while True:
        while len(waiting) >= 4 and len(waiting) >= 4 + struct.unpack_from("<I", waiting)[0]:
            length, = struct.unpack_from("<I", waiting)
            yield json.loads(waiting[4 : 4 + length])
            waiting = waiting[4 + length:]
        if not select.select([pipe], [], [], HANGS)[0]:
            yield None
            return
        piece = os.read(pipe, 65536)
        if not piece:
            return
        waiting += piece


def fuzz(seconds, seed=0, base=None):
    """(tried, violated, figures)"""
    if base is None and os.access("/dev/shm", os.W_OK):
        base = "/dev/shm"
    root = tempfile.mkdtemp(prefix="wmlb-fuzz-", dir=base)
    violated, tried, whole, most, memory = [], 0, 0, 0.0, 0
    number = seed * 10**9
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            child, pipe = start(root, number, end - time.monotonic())
            before, begun, hung = 0, number, False
            for report in reports(pipe):
                if report is None:
                    hung = True
                    break
                before = report.get("before", before)
                begun = report.get("begun", begun)
                if "ended" in report:
                    tried += 1
                    whole += report["whole"]
                    most = max(most, report["seconds"])
                    memory = max(memory, report["memory"] - before)
                    if report["problem"]:
                        violated.append("case %d: %s" % (report["ended"], report["problem"]))
            os.close(pipe)
            if hung:
                violated.append("case %d: it hangs" % begun)
                os.kill(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
            if not hung and os.WIFSIGNALED(status):
                violated.append("case %d: died of signal %d" % (begun, os.WTERMSIG(status)))
            number = begun + 1
    finally:
        subprocess.run(["rm", "-rf", root], check=True)
    if memory << 10 > trust.MOST_MEMORY:
        violated.append("%.1f MiB of memory" % (memory / 1024))
    figures = "%d of %d were saved whole; most %.3f s, %.1f MiB" % (
        whole, tried, most, memory / 1024)
    return tried, violated, figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int)
    options = parser.parse_args()
    if options.case is not None:
        root = tempfile.mkdtemp(prefix="wmlb-fuzz-")
        print(Worker(root).try_it(options.case))
        print("its files are in %s" % root)
        return 0
    tried, violated, figures = fuzz(options.seconds, options.seed)
    return common.tell("mutated databases, journals and logs", tried, violated, figures)


if __name__ == "__main__":
    sys.exit(main())
