#!/usr/bin/env python3
"""Counts the instructions that a license costs, in user mode, by one thread.

    instructions.py [--write | --check]

Unlike times they are the same on a busy machine. What starting and ending costs is taken off: a
large store's count less a small one's. callgrind counts, on the processor that it plays; its
version, the compiler and the C library are part of the figure. --write keeps the figures in
instructions.json; --check fails where one of these has grown by more than 3 %, and ends with 77
where the figures are another machine's.
"""
import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

import common

SMALL, LARGE = 500, 2000
MOST_GROWTH = 1.03
NOT_COMPARABLE = 77
KEPT = common.HERE / "instructions.json"
# Features of an x86 processor, as its leaves 1 and 7 tell them.
FEATURES = """
#include <cpuid.h>
#include <stdio.h>

int main(void)
{
    unsigned one[4] = {0}, seven[4] = {0};

    __get_cpuid(1, &one[0], &one[1], &one[2], &one[3]);
    __get_cpuid_count(7, 0, &seven[0], &seven[1], &seven[2], &seven[3]);
    printf("%08x %08x %08x %08x %08x\\n", one[2], one[3], seven[1], seven[2], seven[3]);
    return 0;
}
"""


def count(command, library):
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command],
        stderr=subprocess.PIPE, text=True, check=True, env=dict(os.environ, LD_LIBRARY_PATH=library))
    return int(re.search(r"refs:\s+([\d,]+)", done.stderr)[1].replace(",", ""))


def of_a_store(licenses, scratch, library):
    """What each operation takes for a store of so many."""
    folder = scratch / str(licenses)
    store, backups, restored = folder / "store", folder / "backups", folder / "restored"
    folder.mkdir()
    common.make_store(store, licenses)
    client, restorer = scratch / "client", scratch / "restorer"
    return {
        "backup": count([client, store, backups, "1"], library),
        "restore": count([restorer, "restore", backups, restored, "1"], library),
        "verify": count([restorer, "verify", backups, "1"], library),
    }


def measure():
    library = common.library_folder()
    with tempfile.TemporaryDirectory(prefix="wmlb-instructions-") as scratch:
        scratch = pathlib.Path(scratch)
        for name in ("client", "restorer"):
            subprocess.run([os.environ.get("CC", "cc"), "-O2", f"-I{common.TOP}/include", common.HERE / f"{name}.c",
                            "-o", scratch / name, f"-L{library}", "-lwmlb"], check=True)
        small, large = (of_a_store(licenses, scratch, library) for licenses in (SMALL, LARGE))
    return {name: round((large[name] - small[name]) / (LARGE - SMALL)) for name in small}


def where():
    """What the figures depend on besides the library's own source."""
    def version(*command):
        if not shutil.which(command[0]):
            return ""
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")[0]

    return {"rustc": version("rustc", "--version"), "valgrind": version("valgrind", "--version"),
            "machine": platform.machine(), "what the played processor can": played(),
            "C library": " ".join(platform.libc_ver())}


def played():
    """What the processor can that callgrind plays: less than most that it plays on, and the same
    on many of these."""
    if platform.machine() != "x86_64":
        return ""
    with tempfile.TemporaryDirectory(prefix="wmlb-instructions-") as scratch:
        program = pathlib.Path(scratch) / "features"
        subprocess.run([os.environ.get("CC", "cc"), "-x", "c", "-", "-o", program], input=FEATURES, text=True,
                       check=True)
        return subprocess.run(["valgrind", "--quiet", "--tool=none", program], stdout=subprocess.PIPE, text=True,
                              check=True).stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--write", action="store_true")
    way.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    here = where()
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {"where": None, "per license": {}}
    if arguments.check and kept["where"] != here:
        print(f"not compared: the figures are of {kept['where']}, this is {here}")
        sys.exit(NOT_COMPARABLE)
    found = measure()
    grown = []
    print("| operation | instructions per license | against those that are kept |\n|---|---|---|")
    for name, number in found.items():
        before = kept["per license"].get(name)
        growth = number / before if before else None
        print(f"| {name} | {number:,} | {f'{growth:.3f}' if growth else ''} |")
        if growth and growth > MOST_GROWTH:
            grown.append(name)
    if arguments.write:
        KEPT.write_text(json.dumps({"where": here, "per license": found}, indent=2) + "\n")
    if arguments.check and grown:
        sys.exit(f"more than 3 % above what is kept: {', '.join(grown)}")


if __name__ == "__main__":
    main()
