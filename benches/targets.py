#!/usr/bin/env python3
"""Backups to a pipe and to a descriptor of a file, beside one to a folder: what each takes, in
turns, and whether the bytes are the same. Needs what packaging/build.sh has built.

    targets.py [--licenses N] [--runs N] [--scratch FOLDER]

Prints the medians, and their ratio to a folder's.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import common

sys.path.insert(0, str(common.TOP / "tests/python"))
import archive  # noqa: E402

KINDS = ("folder", "file", "pipe")


def licenses_in(path):
    """All of it but what differs in any two backups: wmlb.json, and what tells of it."""
    return archive.Backup(path).files()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--licenses", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--scratch", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wmlb-targets-", dir=options.scratch) as name:
        scratch = pathlib.Path(name)
        dist = common.library_folder()
        program = scratch / "targets"
        subprocess.run(
            [os.environ.get("CC", "cc"), "-std=c99", "-O2", f"-I{common.TOP}/include", common.HERE / "targets.c",
             "-o", program, f"-L{dist}", "-lwmlb", f"-Wl,-rpath,{dist}"], check=True)
        store = common.make_store(scratch / "store", options.licenses)
        seconds = {kind: [] for kind in KINDS}
        processor = {kind: [] for kind in KINDS}
        files = {}
        for run in range(options.runs):
            # Each is first as often as last, so that what one leaves behind meets all alike.
            for kind in KINDS[run % 3:] + KINDS[:run % 3]:
                to = scratch / kind
                files[kind] = to / "licenses.wmlb" if kind == "folder" else to
                shutil.rmtree(to) if to.is_dir() else to.unlink(missing_ok=True)
                os.sync()
                began, worked = time.monotonic(), sum(os.times()[2:4])
                subprocess.run([program, kind, store, to], check=True)
                seconds[kind].append(time.monotonic() - began)
                processor[kind].append(sum(os.times()[2:4]) - worked)
        same = all(licenses_in(files[kind]) == licenses_in(files["folder"]) for kind in KINDS)
        sizes = {os.path.getsize(file) for file in files.values()}
        print(f"{options.licenses} licenses, {options.runs} runs; {common.description(scratch)}, {common.machine()}")
        base = statistics.median(seconds["folder"])
        for kind in KINDS:
            took = statistics.median(seconds[kind])
            work = statistics.median(processor[kind])
            print(f"{kind}: {took:.3f} s, {took / base:.3f} x (best {min(seconds[kind]):.3f} s); of the "
                  f"processors {work:.2f} s, {work / statistics.median(processor['folder']):.3f} x")
        print(f"the licenses are {'the same' if same else 'not the same'}; sizes {sorted(sizes)}")
        return not same


if __name__ == "__main__":
    sys.exit(main())
