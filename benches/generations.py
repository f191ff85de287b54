#!/usr/bin/env python3
"""How much space generations take, on file systems that share extents and on one that does not,
and prints markdown.

    generations.py [--count N] [--generations N] [--changes N] [--file-systems NAME,...]
                   [--scratch DIR]

A store of --count licenses is backed up --generations times with a rule that keeps all of them,
and --changes of its licenses change each time. The space is what the file system says is in use,
so that what files share counts once. Root only: each file system is a new one in a file, mounted
meanwhile.
"""
import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import common
import file_systems

def used(folder):
    """Bytes of a file system that are in use."""
    subprocess.run(["sync", "-f", folder], check=True)
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def change(store, names, count, chance):
    """Other contents for some licenses, of the same size."""
    for name in chance.sample(names, count):
        path = store / name
        path.write_bytes(chance.randbytes(path.stat().st_size))


def measure(arguments, kind, scratch, store, names, program):
    """Space of one backup, of all, and seconds of each backup but the first."""
    chance = random.Random(arguments.seed)
    rule = f"last={arguments.generations}"
    room = common.size_of(store)[1] * (arguments.generations + 2) + (1 << 30)
    seconds = []
    with file_systems.mounted(kind, scratch / kind, room) as folder:
        empty, place = used(folder), folder / "backups"
        for number in range(arguments.generations):
            if number:
                change(store, names, arguments.changes, chance)
            begin = time.monotonic()
            subprocess.run([program("wmlb"), "backup", "-q", "--keep", rule, "--store", store, place], check=True)
            seconds.append(time.monotonic() - begin)
            if number == 0:
                one = used(folder) - empty
        files = len(list(place.iterdir()))
        if files != arguments.generations:
            sys.exit(f"{files} files in place of {arguments.generations}")
        return one, used(folder) - empty, sorted(seconds[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--generations", type=int, default=30)
    parser.add_argument("--changes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file-systems", default=",".join(file_systems.MAKERS))
    parser.add_argument("--scratch", type=pathlib.Path, help="on the disk to write to")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wmlb-bench-", dir=arguments.scratch) as scratch:
        scratch = pathlib.Path(scratch)
        program = common.build(scratch)
        store = common.make_store(scratch / "store", arguments.count, arguments.seed)
        names = sorted(path.relative_to(store) for path in store.rglob("*") if path.is_file())
        print(f"{common.description(scratch)}. {arguments.count:,} licenses, {arguments.changes} changes each time.\n")
        print("| | bytes of one | generations | bytes of all | ratio | median s of the others |")
        print("|---|---:|---:|---:|---:|---:|", flush=True)
        for kind in arguments.file_systems.split(","):
            if not file_systems.can_make(kind):
                print(f"Left out: {kind}, for want of root or {file_systems.MAKERS[kind][0]}.")
                continue
            one, all_of_them, seconds = measure(arguments, kind, scratch, store, names, program)
            print(f"| {kind} | {one:,} | {arguments.generations} | {all_of_them:,} | {all_of_them / one:.2f} | "
                  f"{seconds[len(seconds) // 2]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
