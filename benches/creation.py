#!/usr/bin/env python3
"""Compares ways to make the files of a restore (creation.c), in alternating runs on new ext4 file
systems, and prints markdown. Root only.

    creation.py [--count N] [--threads N] [--rounds N]

With liburing there is one by io_uring too.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile

import common
import file_systems

WAYS = ["named", "folders", "timeless", "reserved", "unnamed"]


def build(scratch):
    """The program, and the ways that it knows."""
    program = scratch / "creation"
    command = [os.environ.get("CC", "cc"), "-std=c11", "-O2", "-pthread", common.HERE / "creation.c", "-o", program]
    if subprocess.run([*command, "-DRING", "-luring"], stderr=subprocess.DEVNULL).returncode == 0:
        return program, [*WAYS, "ring"]
    subprocess.run(command, check=True)
    return program, WAYS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=common.processors())
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wmlb-bench-") as scratch:
        scratch = pathlib.Path(scratch)
        program, ways = build(scratch)
        store = common.make_store(scratch / "store", arguments.count)
        licenses, size = common.size_of(store)
        runs = {way: [] for way in ways}
        for number in range(arguments.rounds):
            for way in ways if number % 2 else ways[::-1]:
                with file_systems.place(scratch, f"{way}-{number}", licenses, size) as folder:
                    done = subprocess.run([program, way, store, folder / "store", str(arguments.threads)],
                                          stdout=subprocess.PIPE, text=True, check=True)
                runs[way].append([float(word) for word in done.stdout.split()])
        base = statistics.median(made for made, _ in runs["named"])
        print(f"### {licenses:,} files, {size:,} bytes, {arguments.threads} threads\n")
        print("| way | s, median | min - max | ratio | s of syncfs |\n|---|---:|---:|---:|---:|")
        for way, times in runs.items():
            made = [time for time, _ in times]
            print(f"| {way} | {statistics.median(made):.3f} | {min(made):.3f} - {max(made):.3f} | "
                  f"{statistics.median(made) / base:.2f} | {statistics.median(sync for _, sync in times):.3f} |")


if __name__ == "__main__":
    main()
