#!/usr/bin/env python3
"""Compares libwmlb with other ways to do the same, in alternating runs, and prints markdown.

    compare.py [--work WORK,...] [--count N,...] [--store DIR] [--threads N] [--rounds N]

    backup     a store with a warm cache, by two threads and by one
    encrypted  the same to a recipient
    cold       the same as backup, with nothing of the store in memory (root only)
    restore    into a missing store, for root on a new file system each time
    verify     a backup file
    list       the licenses in it, on one line each
    one        of it, one license back by its name: into a missing store, in clear and encrypted
    sqlite     a store that is one database
    start      from dlopen() to the end of a backup of 10 licenses
    scale      the time a license, in a store of 10,000 and in one of --scale-to
    repeat     a store that has hardly changed since its last backup: repeat.py

What libwmlb writes is safe on the disk when it ends; of the others only what says "sync". Times
are of whole processes. "the floor" is what the machine takes at least: floor.c. It judges nothing.
"""
import argparse
import contextlib
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import common
import databases
import file_systems
import peers
import repeat

WORKS = ("backup", "encrypted", "cold", "restore", "verify", "list", "one", "sqlite", "start", "scale", "repeat")
OURS = "libwmlb"
FLOOR = "the floor (floor.c)"
# Of a backup file, that are no licenses.
OWN_MEMBERS = 2
STARTS = 50
ONES = 50


class Bench:
    def __init__(self, arguments, scratch):
        self.arguments = arguments
        self.scratch = scratch
        self.program = common.build(scratch)
        self.number = 0
        self.runs = 0
        self.disturbed = 0

    def fresh(self, name, place=None):
        self.number += 1
        return (place or self.scratch) / f"{name}-{self.number}"

    def store(self, count):
        """The store that is there, or one with so many licenses."""
        return (self.arguments.store or self.made_store(count)).resolve()

    def made_store(self, count):
        path = self.scratch / f"store-{count}"
        if not path.exists():
            common.make_store(path, count, self.arguments.seed, self.arguments.kind)
            # What making it left to be written is no part of the first runs.
            os.sync()
        return path

    def measure(self, command):
        """A run, and whether others had more than a tenth of the machine meanwhile."""
        before = common.busy_seconds()
        run = common.measured(self.program, command)
        others = common.busy_seconds() - before - run.processor
        self.runs += 1
        self.disturbed += others > 0.1 * run.seconds * common.processors() + 0.02
        return run

    def compare(self, title, ways, base, prepare=None):
        """ways: by name, a context that gives a command and the file it makes, or None."""
        for name in [name for name in ways if name in peers.SHELL and peers.missing(name)]:
            print(f"Left out: {name}, for want of {', '.join(peers.missing(name))}.\n")
            del ways[name]
        results = {name: [] for name in ways}
        # Round 0 warms the caches and does not count; who begins changes by turns.
        for number in range(self.arguments.rounds + 1):
            for name in list(ways) if number % 2 else list(ways)[::-1]:
                with ways[name]() as (command, file):
                    if prepare:
                        subprocess.run(["sh", "-c", prepare], check=True)
                    run = self.measure(command)
                    size = total_size(file) if file else 0
                    if number:
                        results[name].append((run, size))
                    # One file, and no tree of them.
                    if file and file.is_file():
                        file.unlink()
        self.table(title, results, base)
        return {name: [run for run, _ in runs] for name, runs in results.items()}

    def table(self, title, results, base):
        print(f"### {title}\n")
        print("| | median s | min - max | ratio | ratio in pairs | processor s | MiB | output bytes | ratio |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
        others = results.get(base)
        for name, runs in results.items():
            times = [run.seconds for run, _ in runs]
            median, size = statistics.median(times), runs[-1][1]
            ratio = pairs = sizes = "-"
            if others:
                ratio = "%.2f" % (median / statistics.median(run.seconds for run, _ in others))
                both = zip(times, (run.seconds for run, _ in others))
                pairs = "%.2f" % statistics.median(one / other for one, other in both)
                sizes = "%.3f" % (size / others[-1][1]) if size else "-"
            processor = statistics.median(run.processor for run, _ in runs)
            memory = max(run.kibibytes for run, _ in runs) / 1024
            print(f"| {name} | {median:.3f} | {min(times):.3f} - {max(times):.3f} | {ratio} | {pairs} | "
                  f"{processor:.3f} | {memory:.1f} | {f'{size:,}' if size else '-'} | {sizes} |")
        print(flush=True)

    def ours(self, store, threads, recipient=None):
        @contextlib.contextmanager
        def way():
            folder = self.fresh("ours")
            more = [recipient] if recipient else []
            yield [self.program("client"), store, folder, str(threads), *more], folder / "licenses.wmlb"
        return way

    def peer(self, name, source, place=None):
        @contextlib.contextmanager
        def way():
            file = self.fresh("theirs", place)
            yield peers.command(name, source, file), file
        return way

    def floor(self, ways, *command):
        """Adds what the least takes of a backup or a verification: floor.c."""
        if not common.can_build_floor():
            return

        @contextlib.contextmanager
        def way():
            file = self.fresh("floor")
            yield [self.program("floor"), *(file if part is ... else part for part in command)], \
                file if ... in command else None

        ways[f"{FLOOR}, {command[-1]} thread{'s' * (command[-1] != '1')}"] = way

    def backup(self, count):
        store, threads = self.store(count), self.arguments.threads
        base = "tar \\| zstd -3 -T2"
        ways = {f"{OURS}, {threads} threads": self.ours(store, threads), f"{OURS}, 1 thread": self.ours(store, 1)}
        for workers in (threads, 1):
            self.floor(ways, "backup", store, ..., str(workers))
        for name in (base, base + ", sync") + (("restic backup", "borg create, zstd,3") if self.arguments.all else ()):
            ways[name] = self.peer(name, store)
        self.compare(f"Backup, {describe(store)}", ways, base)

    def encrypted(self, count):
        store, threads = self.store(count), self.arguments.threads
        base = "tar \\| zstd -3 -T2 \\| age -r"
        ways = {OURS: self.ours(store, threads, peers.RECIPIENT), base: self.peer(base, store)}
        self.compare(f"Encrypted backup, {threads} threads, {describe(store)}", ways, base)

    def cold(self, count):
        if not os.access("/proc/sys/vm/drop_caches", os.W_OK):
            print("Left out: cold, which only root can measure.\n")
            return
        store, threads = self.store(count), self.arguments.threads
        base = "tar \\| zstd -3 -T2"
        ways = {OURS: self.ours(store, threads), base: self.peer(base, store)}
        self.compare(f"Backup, cold, {threads} threads, {describe(store)}", ways, base, peers.FORGET)

    def archives(self, store):
        """A backup of ours and one of tar's, of the same store."""
        archive = self.scratch / f"archive-{store.name}.tar.zst"
        folder = self.scratch / f"backup-{store.name}"
        if not archive.exists():
            subprocess.run(peers.command("tar \\| zstd -3 -T2", store, archive), check=True)
            subprocess.run([self.program("client"), store, folder], check=True)
            os.sync()
        return folder / "licenses.wmlb", archive

    def restore(self, count):
        store, threads = self.store(count), self.arguments.threads
        backup, archive = self.archives(store)
        licenses, size = common.size_of(store)

        @contextlib.contextmanager
        def place(expected):
            self.number += 1
            with file_systems.place(self.scratch, self.number, licenses, size) as folder:
                yield folder
                found = sum(len(names) for _, _, names in os.walk(folder / "store"))
                if found != expected:
                    sys.exit(f"{folder}/store has {found} files, not {expected}")

        @contextlib.contextmanager
        def ours():
            with place(peers.count_members(backup) - OWN_MEMBERS) as folder:
                yield [self.program("restorer"), "restore", backup, folder / "store", str(threads)], None

        def peer(name):
            @contextlib.contextmanager
            def way():
                with place(licenses) as folder:
                    (folder / "store").mkdir()
                    yield peers.command(name, archive, folder / "store"), None
            return way

        @contextlib.contextmanager
        def floor():
            with place(licenses) as folder:
                yield [self.program("floor"), "restore", store, folder / "store", str(threads)], None

        base = "zstd -d \\| tar x"
        ways = {OURS: ours, base: peer(base), base + ", sync -f": peer(base + ", sync -f")}
        if common.can_build_floor():
            ways[FLOOR] = floor
        where = "a new ext4 in memory each" if file_systems.are_possible() else "a new folder each"
        self.compare(f"Restore, {threads} threads, {describe(store)}, {where}", ways, base)

    def read(self, title, count, work, base):
        """A program that reads a backup, and one that reads the archive of tar."""
        store, threads = self.store(count), self.arguments.threads
        backup, archive = self.archives(store)
        commands = {OURS: [self.program("restorer"), work, backup, str(threads)],
                    base: peers.command(base, archive)}
        ways = {name: lambda command=command: contextlib.nullcontext((command, None))
                for name, command in commands.items()}
        if work == "verify":
            self.floor(ways, "verify", backup, str(threads))
        self.compare(f"{title}, {threads} threads, {describe(store)}", ways, base)

    def verify(self, count):
        self.read("Verify", count, "verify", "zstd -dc \\| tar t")

    def list(self, count):
        self.read("List", count, "list", "zstd -dc \\| tar tv")
        backup, archive = self.archives(self.store(count))
        base = "zstd -dc \\| tar tv"
        commands = {"wmlb list": [self.program("wmlb"), "list", backup],
                    "wmlb list --names": [self.program("wmlb"), "list", "--names", backup],
                    base: peers.command(base, archive)}
        ways = {name: lambda command=command: contextlib.nullcontext((to_nowhere(command), None))
                for name, command in commands.items()}
        self.compare(f"The command's lists, {describe(self.store(count))}", ways, base)

    def one(self, count):
        store = self.store(count)
        names = sorted(path.relative_to(store) for path in store.rglob("*") if path.is_file())
        kinds = {"in clear": ([], [])}
        if shutil.which("age-keygen"):
            key = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True).stdout
            kinds["encrypted"] = [re.search("age1.*", key)[0]], [re.search("AGE-SECRET-KEY.*", key)[0]]
        print(f"### One by its name, of {describe(store)}\n")
        print("| | median ms | min - max | KiB of the file read |\n|---|---:|---:|---:|")
        for kind, (recipient, identity) in kinds.items():
            folder = self.fresh("backup")
            threads = str(self.arguments.threads)
            subprocess.run([self.program("client"), store, folder, threads, *recipient], check=True)

            def command(number):
                name = names[number * len(names) // ONES]
                return [self.program("restorer"), "restore", folder / "licenses.wmlb", self.fresh("store"), threads,
                        name, *identity]

            times = [self.measure(command(number)).seconds * 1e3 for number in range(ONES)]
            read = "-"
            if shutil.which("strace"):
                trace = self.scratch / "trace"
                subprocess.run(["strace", "-f", "-y", "-e", "trace=read,pread64", "-o", trace, *command(ONES // 2)],
                               check=True)
                lines = [line for line in trace.read_text().splitlines() if "licenses.wmlb" in line]
                read = "%.0f" % (sum(int(line.rsplit("=", 1)[1].split()[0]) for line in lines) / 1024)
            print(f"| {kind} | {statistics.median(times):.1f} | {min(times):.1f} - {max(times):.1f} | {read} |")
        print(flush=True)

    def sqlite(self, count):
        database = self.arguments.database
        if database is None:
            database = self.scratch / f"{count}.db"
            if not database.exists():
                databases.make_database(database, count, self.arguments.seed)
                os.sync()
        base = "sqlite3 .backup, zstd -3 -T2"
        ways = {OURS: self.ours(database.resolve(), self.arguments.threads), base: self.peer(base, database)}
        size = database.stat().st_size
        self.compare(f"Database, {self.arguments.threads} threads, {size:,} bytes", ways, base)

    def repeat(self, count):
        repeat.run(self, count, self.arguments.parts.split(","))

    def start(self):
        store = self.made_store(10)
        library = common.library_folder() / "libwmlb.so"
        command = [self.program("start"), library, store]
        times = []
        for _ in range(STARTS + 1):
            done = subprocess.run([*command, self.fresh("start")], stdout=subprocess.PIPE, text=True, check=True)
            times.append(float(done.stdout))
        print("### Start\n")
        print(f"dlopen to the end of a backup of 10 licenses, median of {STARTS}: {statistics.median(times[1:]):.1f} ms "
              f"({min(times[1:]):.1f} - {max(times[1:]):.1f}).\n", flush=True)

    def scale(self):
        # Both stores first, then in turn: what runs after a million files are written feels it.
        stores = {count: self.made_store(count) for count in (10_000, self.arguments.scale_to)}
        os.sync()
        runs = {count: [] for count in stores}
        for number in range(self.arguments.rounds + 1):
            for count, store in stores.items():
                folder = self.fresh("scale")
                run = self.measure([self.program("client"), store, folder, str(self.arguments.threads)])
                (folder / "licenses.wmlb").unlink()
                if number:
                    runs[count].append(run)
        print("### Scale\n")
        print("| licenses | us a license | MiB |\n|---:|---:|---:|")
        for count in stores:
            each = statistics.median(run.seconds for run in runs[count]) / count * 1e6
            print(f"| {count:,} | {each:.2f} | {max(run.kibibytes for run in runs[count]) / 1024:.1f} |")
        print(flush=True)


def to_nowhere(command):
    """Without what it prints, which is not the measurer's."""
    return ["sh", "-c", 'exec "$@" > /dev/null', "sh", *command]


def total_size(path):
    return path.stat().st_size if path.is_file() else common.size_of(path)[1]


def describe(store):
    licenses, size = common.size_of(store)
    return f"{licenses:,} licenses, {size:,} bytes"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", default=",".join(WORKS[:-2]), help="left out: all but scale and repeat")
    parser.add_argument("--count", default="1000,10000,100000", help="licenses in the stores that are made")
    parser.add_argument("--kind", default="mixed", choices=("mixed", "tiny", "large", "xml"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", type=pathlib.Path, help="a store that is there, instead")
    parser.add_argument("--database", type=pathlib.Path, help="the same for sqlite")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--all", action="store_true", help="compare backups with restic and borg too")
    parser.add_argument("--scale-to", type=int, default=1_000_000)
    parser.add_argument("--parts", default=",".join(repeat.PARTS), help="of repeat")
    parser.add_argument("--scratch", type=pathlib.Path, help="on the disk to write to")
    arguments = parser.parse_args()
    works = arguments.work.split(",")
    unknown = set(works) - set(WORKS)
    if unknown:
        parser.error(f"no such work: {', '.join(unknown)}")
    counts = [0] if arguments.store else [int(count) for count in arguments.count.split(",")]

    with tempfile.TemporaryDirectory(prefix="wmlb-bench-", dir=arguments.scratch) as scratch:
        scratch = pathlib.Path(scratch)
        bench = Bench(arguments, scratch)
        library = (common.library_folder() / "libwmlb.so").resolve()
        print(f"{common.description(scratch)}. {peers.versions()}. {library.name}: {library.stat().st_size:,} bytes. "
              f"{arguments.rounds} rounds; MiB are of the largest process.\n", flush=True)
        for work in works:
            if work in ("start", "scale"):
                getattr(bench, work)()
                continue
            for count in counts:
                if work == "sqlite" and count == 0 and not arguments.database:
                    continue
                getattr(bench, work)(count)
        print(f"In {bench.disturbed} of {bench.runs} runs others had more than a tenth of the processors.")


if __name__ == "__main__":
    main()
