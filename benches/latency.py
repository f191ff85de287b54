#!/usr/bin/env python3
"""How long a host waits for a start and for a cancel, and how much memory a backup takes.

    latency.py [--store DIR | --count N] [--starts N] [--cancels N] [--scratch DIR]
    latency.py --memory [--store DIR | --count N]

Prints markdown; judges nothing.
"""
import argparse
import math
import pathlib
import subprocess
import tempfile

import common


def percentile(sorted_values, percent):
    """The nearest-rank percentile."""
    return sorted_values[math.ceil(percent / 100 * len(sorted_values)) - 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true", help="measure memory instead")
    parser.add_argument("--store", type=pathlib.Path, help="left out: one is made")
    parser.add_argument("--count", type=int, help="licenses in a store that is made: 10,000; with --memory 100,000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--starts", type=int, default=1000)
    parser.add_argument("--cancels", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3, help="of --memory, for each number of threads")
    parser.add_argument("--scratch", type=pathlib.Path, help="on the disk to write to")
    arguments = parser.parse_args()
    count = arguments.count or (100_000 if arguments.memory else 10_000)

    with tempfile.TemporaryDirectory(prefix="wmlb-bench-", dir=arguments.scratch) as scratch:
        scratch = pathlib.Path(scratch)
        program = common.build(scratch)
        store = arguments.store or common.make_store(scratch / "store", count, arguments.seed)
        store = store.resolve()
        count, size = common.size_of(store)
        print("## Memory\n" if arguments.memory else "## Latency\n")
        print(f"Store: {count:,} licenses, {size:,} bytes. {common.machine()} at the start.\n", flush=True)

        if arguments.memory:
            print("| threads | peak RSS KiB, largest of the rounds | s |")
            print("|---|---|---|")
            for threads in (0, 1, 2, 8):
                results = [common.measured(program, [program("client"), store, scratch / f"{threads}-{number}", str(threads)])
                           for number in range(arguments.rounds)]
                print(f"| {threads or 'default'} | {max(result.kibibytes for result in results):,} | "
                      f"{min(result.seconds for result in results):.2f} |", flush=True)
        else:
            print("| | count | p50 | p99 | max | |")
            print("|---|---|---|---|---|---|")
            for what, rounds, unit, divisor in (("start", arguments.starts, "µs", 1e3), ("cancel", arguments.cancels, "ms", 1e6)):
                done = subprocess.run([program("latency"), what, store, scratch / what, str(rounds)],
                                      stdout=subprocess.PIPE, text=True, check=True)
                *lines, note = done.stdout.splitlines()
                values = sorted(int(line) / divisor for line in lines)
                print(f"| {what} | {len(values)} | {percentile(values, 50):.2f} {unit} | {percentile(values, 99):.2f} {unit} | "
                      f"{values[-1]:.2f} {unit} | {note[2:]} |", flush=True)
    print(f"\n{common.machine()} at the end.")


if __name__ == "__main__":
    main()
