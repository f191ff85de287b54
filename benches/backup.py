#!/usr/bin/env python3
"""Compares a backup with `tar | zstd -3 -T2` and a sync of its file, in turns.

    backup.py [--store DIR | --count N] [--threads N] [--rounds N] [--scratch DIR]

Both read the same store with a warm cache and leave one file that is safe on the disk. Times
are of whole processes. Prints markdown; judges nothing.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import sys
import tempfile

import common

PIPELINE = 'set -e; cd "$1"; tar -cf - . | zstd -q -3 -T2 -o "$2"; sync "$2"'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=pathlib.Path, help="left out: one is made")
    parser.add_argument("--count", type=int, default=10_000, help="licenses in a store that is made")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", default="mixed", choices=("mixed", "tiny", "large"))
    parser.add_argument("--threads", type=int, default=0, help="0: as the library chooses")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--scratch", type=pathlib.Path, help="on the disk to write to")
    arguments = parser.parse_args()
    for tool in ("tar", "zstd", "sync"):
        if not shutil.which(tool):
            sys.exit(f"backup.py needs the command {tool}")

    with tempfile.TemporaryDirectory(prefix="wmlb-bench-", dir=arguments.scratch) as scratch:
        scratch = pathlib.Path(scratch)
        program = common.build(scratch)
        store = arguments.store or common.make_store(scratch / "store", arguments.count, arguments.seed, arguments.kind)
        store = store.resolve()
        # What making the store left to be written is no part of the first rounds.
        os.sync()
        count, size = common.size_of(store)

        def ours(number):
            folder = scratch / f"ours-{number}"
            return [program("client"), store, folder, str(arguments.threads)], folder / "licenses.wmlb"

        def theirs(number):
            file = scratch / f"theirs-{number}.tar.zst"
            return ["sh", "-c", PIPELINE, "sh", store, file], file

        print("## Backup\n")
        print(f"Store: {count:,} licenses, {size:,} bytes. {common.machine()} at the start.\n", flush=True)
        results = {ours: [], theirs: []}
        # Nothing is deleted in between: a file system may be busy with that for a while.
        # Round 0 warms the caches and does not count; who begins changes by turns.
        for number in range(arguments.rounds + 1):
            for way in (ours, theirs) if number % 2 else (theirs, ours):
                command, file = way(number)
                seconds, kibibytes = common.measured(program, command)
                if number:
                    results[way].append((seconds, kibibytes, file.stat().st_size))

        print("| | median s | min - max s | output bytes | peak RSS KiB |")
        print("|---|---|---|---|---|")
        for way, name in (ours, "libwmlb"), (theirs, "tar \\| zstd -3 -T2, sync"):
            times = [result[0] for result in results[way]]
            print(f"| {name} | {statistics.median(times):.3f} | {min(times):.3f} - {max(times):.3f} | "
                  f"{results[way][-1][2]:,} | {max(result[1] for result in results[way]):,} |")

    median = {way: statistics.median(result[0] for result in results[way]) for way in results}
    pairs = statistics.median(one[0] / other[0] for one, other in zip(results[ours], results[theirs]))
    sizes = results[ours][-1][2] / results[theirs][-1][2]
    print(f"\n{arguments.rounds} rounds, threads {arguments.threads or 'as the library chooses'}. "
          f"Ratio of the medians {median[ours] / median[theirs]:.2f}; median of the ratios {pairs:.2f}; "
          f"output size {100 * (sizes - 1):+.1f} %. Peak RSS is that of the largest process: of tar and zstd, zstd. "
          f"{common.machine()} at the end.")


if __name__ == "__main__":
    main()
