#!/usr/bin/env python3
"""Compares a backup that is encrypted to a recipient with the same one in clear, in turns.

    encrypted.py [--store DIR | --count N] [--threads N] [--rounds N] [--scratch DIR]

Both read the same store with a warm cache and leave one file that is safe on the disk. Times
are of whole processes. Prints markdown; judges nothing.
"""
import argparse
import os
import pathlib
import statistics
import tempfile

import common

# Of a key that nobody has kept.
RECIPIENT = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=pathlib.Path, help="left out: one is made")
    parser.add_argument("--count", type=int, default=100_000, help="licenses in a store that is made")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", default="mixed", choices=("mixed", "tiny", "large"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--scratch", type=pathlib.Path, help="on the disk to write to")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="wmlb-bench-", dir=arguments.scratch) as scratch:
        scratch = pathlib.Path(scratch)
        program = common.build(scratch)
        store = arguments.store or common.make_store(scratch / "store", arguments.count, arguments.seed, arguments.kind)
        store = store.resolve()
        os.sync()
        count, size = common.size_of(store)
        print("## Encryption\n")
        print(f"Store: {count:,} licenses, {size:,} bytes. {common.machine()} at the start.\n", flush=True)

        ways = {"encrypted": [RECIPIENT], "in clear": []}
        results = {way: [] for way in ways}
        # As in backup.py: nothing is deleted in between, round 0 does not count.
        for number in range(arguments.rounds + 1):
            for way in list(ways) if number % 2 else list(ways)[::-1]:
                folder = scratch / f"{way}-{number}"
                command = [program("client"), store, folder, str(arguments.threads), *ways[way]]
                seconds, kibibytes = common.measured(program, command)
                if number:
                    results[way].append((seconds, kibibytes, (folder / "licenses.wmlb").stat().st_size))

        print("| | median s | min - max s | output bytes | peak RSS KiB |")
        print("|---|---|---|---|---|")
        for way, runs in results.items():
            times = [run[0] for run in runs]
            print(f"| {way} | {statistics.median(times):.3f} | {min(times):.3f} - {max(times):.3f} | "
                  f"{runs[-1][2]:,} | {max(run[1] for run in runs):,} |")

    encrypted, clear = ([run[0] for run in runs] for runs in results.values())
    pairs = statistics.median(one / other for one, other in zip(encrypted, clear))
    print(f"\n{arguments.rounds} rounds, {arguments.threads} threads. Ratio of the medians "
          f"{statistics.median(encrypted) / statistics.median(clear):.2f}; median of the ratios {pairs:.2f}. "
          f"{common.machine()} at the end.")


if __name__ == "__main__":
    main()
