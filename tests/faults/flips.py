#!/usr/bin/env python3
"""Backups in which one bit is flipped, that are cut, or have blocks swapped or added: none may
verify, and none may be called unreadable.

    flips.py [--every K] [--seed S]

Prints a row of a table: what | tried | missed. With --every K one of K damages is tried.
"""

import argparse
import concurrent.futures
import os
import subprocess
import sys
import tempfile

import loops
import scene

PROCESSES = 2


def run(every=1, seed=0, base=None):
    """(tried, missed): of clear and encrypted backups of each kind of store."""
    if base is None and os.access("/dev/shm", os.W_OK):
        base = "/dev/shm"
    with tempfile.TemporaryDirectory(prefix="wmlb-flips-", dir=base) as folder:
        scene.build(folder)
        keys = loops.make_keys(folder)
        jobs = []
        for secret in (None, keys):
            for store in ("directory", "sqlite", "host"):
                identity = secret.split(",")[1] if secret else ""
                for part in range(PROCESSES):
                    # Each changes a file of its own.
                    one = scene.Scene(folder, folder, "backup", store, secret)
                    jobs.append((folder, one.backups, identity, seed, every, part))
        with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
            results = list(pool.map(damage, jobs))
    return tuple(map(sum, zip(*results)))


def damage(job):
    folder, backups, identity, seed, every, part = job
    command = [os.path.join(folder, "flips"), backups, identity, str(seed),
               str(every * PROCESSES), str(every * part + seed % every)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if ran.returncode not in (0, 1):
        raise scene.Violated("flips ended with %d" % ran.returncode)
    return tuple(map(int, ran.stdout.split()))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    tried, missed = run(given.every, given.seed)
    print("| bits flipped, cuts, swaps, additions | %d | %d |" % (tried, missed))
    sys.exit(missed > 0 or tried == 0)


if __name__ == "__main__":
    main()
