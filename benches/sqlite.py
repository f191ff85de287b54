#!/usr/bin/env python3
"""Compares a backup of a database with `sqlite3 .backup`, `zstd -3 -T2` and a sync of its file.

    sqlite.py [--database FILE | --rows N] [--threads N] [--rounds N] [--scratch DIR]

Both take a consistent snapshot of the same database, by turns, with a warm cache, and leave
one file that is safe on the disk. Times are of whole processes. Needs the commands sqlite3
and zstd. Prints markdown; judges nothing.
"""
import argparse
import os
import pathlib
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile

import common

sys.path.insert(0, str(common.TOP / "tests"))
import make_store

PIPELINE = 'set -e; sqlite3 "$1" ".backup $2"; zstd -q -3 -T2 -o "$3" "$2"; sync "$3"; rm "$2"'
SNAPSHOT = 'sqlite3 "$1" ".backup $2"'

# As the browser makes it: its licence modules keep their files in rows.
SCHEMA = """
CREATE TABLE meta(key LONGVARCHAR NOT NULL UNIQUE PRIMARY KEY, value LONGVARCHAR);
INSERT INTO meta VALUES('mmap_status', '-1'), ('version', '2'), ('last_compatible_version', '2');
CREATE TABLE cdm_storage(
    storage_key TEXT NOT NULL, cdm_type BLOB NOT NULL, file_name TEXT NOT NULL, data BLOB NOT NULL,
    file_size INTEGER NOT NULL, last_modified INTEGER NOT NULL,
    PRIMARY KEY(storage_key, cdm_type, file_name));
"""
CDM_TYPE = bytes.fromhex("6099CADCE508D9057A1598AC0ED392CD")
ROW = "INSERT INTO cdm_storage VALUES(?, ?, ?, ?, ?, ?)"
SECONDS_FROM_1601 = 11_644_473_600


def make_database(path, rows, seed=1):
    """One with the licenses that a made store has."""
    store, times = make_store.Store(seed), random.Random(f"times {seed}")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA page_size = 32768")
    # What a browser sets, but for the sake of time.
    connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;" + SCHEMA)
    for _ in range(rows):
        name, data = store.license("mixed")[:2]
        origin = f"https://{times.choice(make_store.HOSTS)}/"
        seconds = make_store.EPOCH + times.randrange(make_store.FOUR_YEARS) + SECONDS_FROM_1601
        connection.execute(ROW, (origin, CDM_TYPE, name, data, len(data), seconds * 1_000_000))
    connection.execute("COMMIT")
    connection.close()
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", type=pathlib.Path, help="left out: one is made")
    parser.add_argument("--rows", type=int, default=100_000, help="licenses in a database that is made")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="0: as the library chooses")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--scratch", type=pathlib.Path, help="on the disk to write to")
    arguments = parser.parse_args()
    for tool in ("sqlite3", "zstd", "sync"):
        if not shutil.which(tool):
            sys.exit(f"sqlite.py needs the command {tool}")

    with tempfile.TemporaryDirectory(prefix="wmlb-bench-", dir=arguments.scratch) as scratch:
        scratch = pathlib.Path(scratch)
        program = common.build(scratch)
        database = arguments.database or make_database(scratch / "CdmStorage.db", arguments.rows, arguments.seed)
        database = database.resolve()
        # What making it left to be written is no part of the first rounds.
        os.sync()

        def ours(number):
            folder = scratch / f"ours-{number}"
            return [program("client"), database, folder, str(arguments.threads)], folder / "licenses.wmlb"

        def theirs(number):
            file = scratch / f"theirs-{number}.db.zst"
            return ["sh", "-c", PIPELINE, "sh", database, scratch / "snapshot.db", file], file

        def snapshot(number):
            file = scratch / "only-snapshot.db"
            file.unlink(missing_ok=True)
            return ["sh", "-c", SNAPSHOT, "sh", database, file], file

        print("## Databases\n")
        print(f"Database: {database.stat().st_size:,} bytes. {common.machine()} at the start.\n", flush=True)
        ways = {
            "libwmlb": ours, "sqlite3 .backup, zstd -3 -T2, sync": theirs, "sqlite3 .backup alone": snapshot,
        }
        results = {name: [] for name in ways}
        # As in backup.py: round 0 warms the caches and does not count; who begins changes by turns.
        for number in range(arguments.rounds + 1):
            for name in list(ways) if number % 2 else list(ways)[::-1]:
                command, file = ways[name](number)
                seconds, kibibytes = common.measured(program, command)
                if number:
                    results[name].append((seconds, kibibytes, file.stat().st_size))

        print("| | median s | min - max s | output bytes | peak RSS KiB |")
        print("|---|---|---|---|---|")
        for name, runs in results.items():
            times = [run[0] for run in runs]
            print(f"| {name} | {statistics.median(times):.3f} | {min(times):.3f} - {max(times):.3f} | "
                  f"{runs[-1][2]:,} | {max(run[1] for run in runs):,} |")

    one, other = ([run[0] for run in results[name]] for name in list(ways)[:2])
    pairs = statistics.median(ours / theirs for ours, theirs in zip(one, other))
    print(f"\n{arguments.rounds} rounds, threads {arguments.threads or 'as the library chooses'}. Ratio of the medians "
          f"{statistics.median(one) / statistics.median(other):.2f}; median of the ratios {pairs:.2f}. "
          f"Peak RSS is that of the largest process. {common.machine()} at the end.")


if __name__ == "__main__":
    main()
