#!/usr/bin/env python3
"""What looking at the licenses costs a backup: the library, against a build of it that does not
look, in turns.

    inspection.py [--store DIR | --count N] [--threads N] [--rounds N] [--scratch DIR]

With --full the host is asked of each license, which takes all there is to know of it; the other
build never asks. Times are of whole processes, wall and processor. Prints markdown; judges nothing.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import common

BUILDS = ("looks", "does not")


def timed(command, library):
    """Seconds: wall, processor."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, "LD_LIBRARY_PATH": str(library)})
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} failed")
    return wall, usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=pathlib.Path, help="left out: one is made")
    parser.add_argument("--count", type=int, default=100_000, help="licenses in a store that is made")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", default="mixed", choices=("mixed", "tiny", "large", "xml"))
    parser.add_argument("--threads", type=int, default=0, help="0: as the library chooses")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--full", action="store_true", help="with a host that is asked of each license")
    parser.add_argument("--scratch", type=pathlib.Path, help="on the disk to write to")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="wmlb-bench-", dir=arguments.scratch) as scratch:
        scratch = pathlib.Path(scratch)
        program = common.build(scratch)
        target = common.TOP / os.environ.get("CARGO_TARGET_DIR", "target")
        other = target / "without-inspection"
        flags = f"{os.environ.get('RUSTFLAGS', '')} --cfg wmlb_without_inspection".strip()
        subprocess.run([common.TOP / "packaging/build.sh"], check=True,
                       env={**os.environ, "CARGO_TARGET_DIR": str(other), "RUSTFLAGS": flags})
        libraries = dict(zip(BUILDS, (target / "dist", other / "dist")))
        store = arguments.store or common.make_store(scratch / "store", arguments.count, arguments.seed, arguments.kind)
        store = store.resolve()
        os.sync()
        count, size = common.size_of(store)
        wish = ["ask"] if arguments.full else []

        print("## Inspection\n")
        print(f"Store: {count:,} licenses, {size:,} bytes. {common.machine()} at the start.\n", flush=True)
        results = {build: [] for build in BUILDS}
        # Round 0 warms the caches and does not count; who begins changes by turns.
        for number in range(arguments.rounds + 1):
            for build in BUILDS if number % 2 else reversed(BUILDS):
                folder = scratch / f"{build.replace(' ', '-')}-{number}"
                command = [program("client"), store, folder, str(arguments.threads), *wish]
                result = timed(command, libraries[build])
                if number:
                    results[build].append(result)
        medians = {build: [statistics.median(column) for column in zip(*results[build])] for build in BUILDS}
        print("| build | wall, s | processor, s |\n|---|---|---|")
        for build in BUILDS:
            wall, processor = medians[build]
            print(f"| {build} | {wall:.3f} | {processor:.3f} |")
        wall, processor = (one / two for one, two in zip(*(medians[build] for build in BUILDS)))
        print(f"| ratio | {wall:.3f} | {processor:.3f} |")


if __name__ == "__main__":
    main()
