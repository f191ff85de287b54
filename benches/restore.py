#!/usr/bin/env python3
"""Compares a restore into a missing store with `zstd -dc | tar x` and a sync of the file system,
and a verification with `zstd -dc | tar t`, in turns.

    restore.py [--store DIR | --count N] [--threads N] [--rounds N] [--scratch DIR]
    restore.py --memory [--store DIR | --count N]

The backup file is read with a warm cache; what is restored is safe on the disk in the end.
For root each timed run has a file system of its own, ext4 in a file in memory: to create files
where many were deleted a moment ago is slow. Others get a new folder in --scratch each time.
Times are of whole processes. Prints markdown; judges nothing.
"""
import argparse
import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import common

UNPACK = 'set -e; zstd -q -dc "$1" | tar -x -C "$2"; sync -f "$2"'
LIST = 'zstd -q -dc "$1" | tar -t > /dev/null'
IN_MEMORY = pathlib.Path("/dev/shm")


def build(scratch):
    program = common.build(scratch)
    dist = common.TOP / os.environ.get("CARGO_TARGET_DIR", "target") / "dist"
    subprocess.run([os.environ.get("CC", "cc"), "-std=c99", "-O2", f"-I{common.TOP}/include", common.HERE / "restorer.c",
                    "-o", scratch / "restorer", f"-L{dist}", "-lwmlb", f"-Wl,-rpath,{dist}"], check=True)
    return program


@contextlib.contextmanager
def file_system(scratch, number, needed):
    """A place to restore to on which nothing was deleted yet."""
    place = scratch / f"place-{number}"
    place.mkdir()
    if not own_file_systems():
        yield place
        return
    with tempfile.NamedTemporaryFile(prefix="wmlb-bench-", dir=IN_MEMORY) as image:
        image.truncate(needed)
        path = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        options = "lazy_itable_init=0,lazy_journal_init=0"
        subprocess.run(["mkfs.ext4", "-q", "-F", "-i", "4096", "-E", options, image.name], check=True, env=path)
        subprocess.run(["mount", "-o", "loop", image.name, place], check=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", place], check=True)


def own_file_systems():
    return os.geteuid() == 0 and IN_MEMORY.is_dir() and shutil.which("mkfs.ext4", path="/usr/sbin:/sbin:/usr/bin")


def count_files(folder):
    return sum(len(names) for _, _, names in os.walk(folder))


def table(title, names, results):
    print(f"## {title}\n")
    print("| | median s | min - max s | peak RSS KiB |")
    print("|---|---|---|---|")
    for way, name in names.items():
        times = [seconds for seconds, _ in results[way]]
        print(f"| {name} | {statistics.median(times):.3f} | {min(times):.3f} - {max(times):.3f} | "
              f"{max(kibibytes for _, kibibytes in results[way]):,} |")
    one, other = (results[way] for way in names)
    medians = [statistics.median(seconds for seconds, _ in each) for each in (one, other)]
    pairs = statistics.median(ours[0] / theirs[0] for ours, theirs in zip(one, other))
    print(f"\nRatio of the medians {medians[0] / medians[1]:.2f}; median of the ratios {pairs:.2f}.\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true", help="measure memory instead")
    parser.add_argument("--store", type=pathlib.Path, help="left out: one is made")
    parser.add_argument("--count", type=int, help="licenses in a store that is made: 10,000; with --memory 100,000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", default="mixed", choices=("mixed", "tiny", "large"))
    parser.add_argument("--threads", type=int, default=0, help="0: as the library chooses")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--scratch", type=pathlib.Path, help="on the disk to write to")
    arguments = parser.parse_args()
    for tool in ("tar", "zstd", "sync"):
        if not shutil.which(tool):
            sys.exit(f"restore.py needs the command {tool}")
    count = arguments.count or (100_000 if arguments.memory else 10_000)

    with tempfile.TemporaryDirectory(prefix="wmlb-bench-", dir=arguments.scratch) as scratch:
        scratch = pathlib.Path(scratch)
        program = build(scratch)
        store = arguments.store or common.make_store(scratch / "store", count, arguments.seed, arguments.kind)
        subprocess.run([program("client"), store.resolve(), scratch / "backup"], check=True)
        os.sync()
        backup = scratch / "backup/licenses.wmlb"
        licenses, size = common.size_of(store)
        # Blocks of 4 KiB, inodes, the journal; and as much again.
        needed = 2 * (size + licenses * 8192) + (256 << 20)
        threads = str(arguments.threads)
        print(f"Store: {licenses:,} licenses, {size:,} bytes; backup file: {backup.stat().st_size:,} bytes. "
              f"{common.machine()} at the start.\n", flush=True)

        def restore(place):
            return [program("restorer"), "restore", backup, place / "store", threads], place / "store"

        def unpack(place):
            (place / "store").mkdir()
            return ["sh", "-c", UNPACK, "sh", backup, place / "store"], place / "store/licenses"

        def timed(way, number):
            """A run of one way on a file system of its own."""
            with file_system(scratch, number, needed) as place:
                command, restored = way(place)
                result = common.measured(program, command)
                if count_files(restored) != licenses:
                    sys.exit(f"{restored} has {count_files(restored)} files, not {licenses}")
            return result

        if arguments.memory:
            print("| | threads | peak RSS KiB |\n|---|---|---|")
            numbers = iter(range(1000))
            for each in ("1", "2", "8"):
                threads = each
                print(f"| restore | {each} | {timed(restore, next(numbers))[1]:,} |")
                command = [program("restorer"), "verify", backup, each]
                print(f"| verify | {each} | {common.measured(program, command)[1]:,} |", flush=True)
            return

        # Round 0 warms the caches and does not count; who begins changes by turns.
        results = {restore: [], unpack: []}
        numbers = iter(range(10 * arguments.rounds + 10))
        for number in range(arguments.rounds + 1):
            for way in (restore, unpack) if number % 2 else (unpack, restore):
                result = timed(way, next(numbers))
                if number:
                    results[way].append(result)
        table("Restore", {restore: "libwmlb", unpack: "zstd -dc \\| tar x, sync -f"}, results)

        commands = {
            "verify": [program("restorer"), "verify", backup, threads],
            "list": ["sh", "-c", LIST, "sh", backup],
        }
        results = {way: [] for way in commands}
        for number in range(arguments.rounds + 1):
            for way in commands if number % 2 else reversed(commands):
                result = common.measured(program, commands[way])
                if number:
                    results[way].append(result)
        table("Verify", {"verify": "libwmlb", "list": "zstd -dc \\| tar t"}, results)
    where = "ext4 in memory, a new one each time" if own_file_systems() else "a folder each"
    print(f"{arguments.rounds} rounds, threads {arguments.threads or 'as the library chooses'}, {where}. Peak RSS is "
          f"that of the largest process. {common.machine()} at the end.")


if __name__ == "__main__":
    main()
