#!/usr/bin/env python3
"""Crafted archives, given to verify, list and restore, each in a process of its own: each is
refused by the code that is right for it, with nothing touched, in little memory and time.

    crafted.py [--every K] [--seed S] [--own]

Prints a row of a table: what | tried | violated. With --every K one of K archives is tried, with
--own those only that no other test has. What was violated goes to the standard error.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import archives
import loops
import scene

MOST_MEMORY = 100 << 10  # KiB
MOST_SECONDS = 2.0
# A run may be held up by what else the machine does: the quickest counts.
TRIES = 3
OPERATIONS = ("verify", "list", "restore")
OUTSIDE = ("/tmp/wmlb-hostile", "/etc/wmlb-hostile", "/escape", "/outside")
SAID = re.compile(r"^memory: (\d+)\n(-?\d+) (-?\d+) (\d+) [0-9a-f]{16} ?(.*)\Z", re.M | re.S)


class Place:
    """A folder with a backup, a store of the restore's, and something beside both."""

    def __init__(self, programs, base):
        self.client = os.path.join(programs, "client")
        self.root = tempfile.mkdtemp(prefix="crafted-", dir=base)
        self.backups = os.path.join(self.root, "backups")
        self.place = os.path.join(self.root, "place")
        self.store = os.path.join(self.place, "store")
        self.target = os.path.join(self.backups, scene.BACKUP_NAME)
        for folder in ("backups", "place", "outside"):
            os.mkdir(os.path.join(self.root, folder))
        with open(os.path.join(self.root, "outside/kept"), "wb") as file:
            file.write(b"kept")

    def fill(self, filled):
        """By turns the store is missing, and has something in it."""
        shutil.rmtree(self.store, ignore_errors=True)
        if filled:
            os.makedirs(self.store + "/y")
            for name in ("a", "y/old"):
                with open(os.path.join(self.store, name), "wb") as file:
                    file.write(b"in the store")

    def look(self):
        """All but the archive."""
        found = scene.snapshot(self.root)
        del found[os.path.relpath(self.target, self.root)]
        return found

    def run(self, operation, secret, threads):
        """(code, KiB, seconds, words)"""
        command = [self.client, operation, self.store, self.backups] + [secret] * bool(secret)
        environment = dict(os.environ, WMLB_THREADS=str(threads), WMLB_MEASURED="1")
        begun = time.monotonic()
        try:
            ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 timeout=scene.PATIENCE, env=environment, errors="replace")
        except subprocess.TimeoutExpired:
            raise scene.Violated("%s hangs" % operation) from None
        seconds = time.monotonic() - begun
        said = SAID.search(ran.stdout)
        if not said or ran.returncode not in (0, 1) or said[2] != said[3]:
            raise scene.Violated("%s: exit code %d: %s" % (
                operation, ran.returncode, ran.stdout[-300:]))
        return int(said[2]), int(said[1]), seconds, said[5][:300]

    def check(self, form, number):
        """(most KiB, most seconds) of the three operations."""
        _, data, secret, codes = form
        with open(self.target, "wb") as file:
            file.write(data)
        self.fill(number % 2)
        before = self.look()
        most_memory, most_seconds, found = 0, 0, set()
        for operation in OPERATIONS:
            quickest = scene.PATIENCE
            for _ in range(TRIES):
                code, memory, seconds, words = self.run(operation, secret, 1 + number % 3)
                quickest = min(quickest, seconds)
                if seconds <= MOST_SECONDS:
                    break
            found.add(code)
            if code not in codes:
                raise scene.Violated("%s: %#x (%s)" % (operation, code & 0xFFFFFFFF, words))
            if code != scene.S_OK and self.look() != before:
                raise scene.Violated("%s touched something" % operation)
            if memory > MOST_MEMORY:
                raise scene.Violated("%s takes %d KiB" % (operation, memory))
            if quickest > MOST_SECONDS:
                raise scene.Violated("%s takes %.1f s" % (operation, quickest))
            most_memory, most_seconds = max(most_memory, memory), max(most_seconds, quickest)
        if len(found) > 1:
            raise scene.Violated("one of %s, as it is looked at" % found)
        if scene.S_OK in codes:
            inside = os.path.relpath(self.store, self.root) + "/"
            others = {name: value for name, value in self.look().items()
                      if not name.startswith(inside) and name + "/" != inside}
            before = {name: value for name, value in before.items()
                      if not name.startswith(inside) and name + "/" != inside}
            if others != before:
                raise scene.Violated("something was written outside of the store")
        if any(map(os.path.lexists, OUTSIDE)):
            raise scene.Violated("something was written far outside")
        return most_memory, most_seconds


def run(every=1, seed=0, whole=True, base=None):
    """(tried, what was violated, most KiB, most seconds)"""
    if base is None and os.access("/dev/shm", os.W_OK):
        base = "/dev/shm"
    tried, violated, most_memory, most_seconds, slowest = 0, [], 0, 0, ""
    with tempfile.TemporaryDirectory(prefix="wmlb-crafted-", dir=base) as folder:
        scene.build(folder)
        keys = loops.make_keys(folder)
        places = [Place(folder, folder) for _ in range(2)]

        def check(place, jobs):
            results = []
            for number, form in jobs:
                try:
                    results.append((form[0], *place.check(form, number), None))
                except scene.Violated as problem:
                    results.append((form[0], 0, 0, problem))
            return results

        def batches():
            """So many at once that not all of them are in memory."""
            batch = []
            for each in archives.all_forms(keys, whole, every, seed):
                batch.append(each)
                if len(batch) == 64:
                    yield batch
                    batch = []
            yield batch

        with concurrent.futures.ThreadPoolExecutor(len(places)) as pool:
            for batch in batches():
                shares = [batch[part::len(places)] for part in range(len(places))]
                for results in pool.map(check, places, shares):
                    for what, memory, seconds, problem in results:
                        tried += 1
                        most_memory = max(most_memory, memory)
                        if seconds > most_seconds:
                            most_seconds, slowest = seconds, what
                        if problem:
                            violated.append("%s: %s" % (what, problem))
                            print(violated[-1], file=sys.stderr, flush=True)
    print("the slowest: %s" % slowest, file=sys.stderr)
    return tried, violated, most_memory, most_seconds


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--own", action="store_true")
    given = parser.parse_args()
    tried, violated, memory, seconds = run(given.every, given.seed, not given.own)
    print("| crafted archives, to verify, list and restore: at most %.1f MiB, %.2f s | %d | %d |" % (
        memory / 1024, seconds, tried, len(violated)))
    sys.exit(bool(violated) or tried == 0)


if __name__ == "__main__":
    main()
