#!/usr/bin/env python3
"""The whole matrix of file systems: each operation, each cancel and a kill at each system call,
under each manner; afterwards there must be the old store or the new one, whole, and nothing left.

    all.py [--only WORDS] [--every K] [--seed N] [operations|cancels|kills|torn]...

--only: manners whose name has these words; --every: one of K kills. As root, with FUSE. What is
wrong goes to the standard error; a table is printed in the end, and the exit code is 1 if
anything was wrong.
"""

import argparse
import collections
import concurrent.futures
import functools
import sys
import time

import cells
import interruptions
import manners
import mounts
import torn
from interruptions import Interrupted

# One of so many system calls of each is a kill's.
KILLS = {"restore overwrite": 1, "restore missing": 4, "restore empty": 4, "backup overwrite": 4}
CANCELS = [("backup overwrite", moment) for moment in interruptions.BACKUP_MOMENTS]
CANCELS += [(name, moment) for name in ("restore missing", "restore overwrite")
            for moment in interruptions.RESTORE_MOMENTS]
WHAT = {"operations": "operations under each manner", "cancels": "cancels under each manner",
        "kills": "kills at each system call under each manner that makes something up",
        "torn": "backups while licenses are rewritten in place"}
SECONDS_OF_TORN = 15


@functools.cache
def world():
    """Of this process."""
    return cells.World()


class Tries:
    """What was tried under one manner, and what was wrong."""

    def __init__(self, manner, mounted):
        self.manner, self.mounted = manner, mounted
        self.tried, self.wrong = 0, []

    def attempt(self, words, body):
        """body(cell) in a place of its own."""
        if self.manner.counts:
            self.mounted.remount()
        self.tried += 1
        try:
            body(Interrupted(world(), self.manner, self.mounted))
        except (cells.Wrong, AssertionError) as wrong:
            self.wrong.append("%s, %s: %s" % (self.manner.name, words, wrong))
            print(self.wrong[-1], file=sys.stderr, flush=True)
        world().clear()


def operations(tries):
    for name in cells.OPERATIONS:
        tries.attempt(name, lambda cell: cell.run(name))


def cancels(tries):
    for name, moment in CANCELS:
        tries.attempt("%s, canceled at %s" % (name, moment),
                      lambda cell: cell.cancel(name, moment))


def kills(tries, every, seed):
    for name, one_of in KILLS.items():
        step = one_of * every
        calls = []
        tries.attempt(name, lambda cell: calls.extend(cell.calls(name)))
        for number in range(1 + seed % step, len(calls) + 1, step):
            words = "%s, killed at %d of %d, %s" % (name, number, len(calls), calls[number - 1])
            tries.attempt(words, lambda cell: cell.kill(name, number))


def run_manner(kind, manner, every, seed):
    """(tried, what was wrong) of one manner."""
    begun = time.monotonic()
    with interruptions.mounted_for(world(), manner) as mounted:
        tries = Tries(manner, mounted)
        if kind == "kills":
            kills(tries, every, seed)
        else:
            {"operations": operations, "cancels": cancels}[kind](tries)
    print("%s, %s: %d tried, %d wrong, %.0f s" % (
        kind, manner.name, tries.tried, len(tries.wrong), time.monotonic() - begun),
        file=sys.stderr, flush=True)
    return tries.tried, tries.wrong


def run(kind, only="", every=1, seed=0):
    """(tried, what was wrong), two manners at a time."""
    if kind == "torn":
        return torn.run(world(), SECONDS_OF_TORN)
    chosen = [manner for manner in manners.MANNERS
              if only in manner.name and (kind != "kills" or manner.makes_up)]
    tried, wrong = 0, []
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        ran = [pool.submit(run_manner, kind, manner, every, seed) for manner in chosen]
        for one in ran:
            some, words = one.result()
            tried += some
            wrong += words
        for _ in range(2):
            pool.submit(end_world)
    return tried, wrong


def end_world():
    if world.cache_info().currsize:
        world().close()
        world.cache_clear()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(WHAT))
    parser.add_argument("--only", default="")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    reason = mounts.why_not()
    if reason:
        sys.exit(reason)
    results = collections.OrderedDict()
    for kind in given.kinds:
        results[kind] = run(kind, given.only, given.every, given.seed)
    end_world()
    print("| what | tried | wrong |\n|---|---|---|")
    for kind, (tried, wrong) in results.items():
        print("| %s | %d | %d |" % (WHAT[kind], tried, len(wrong)))
    sys.exit(any(wrong or not tried for tried, wrong in results.values()))


if __name__ == "__main__":
    main()
