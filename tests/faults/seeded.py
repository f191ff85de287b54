#!/usr/bin/env python3
"""Bugs put into the library on purpose, each of which a fault loop must see; and the same loops
against the same library without a bug, in which they must see nothing.

    seeded.py [--only WORD]

It builds a library with `--cfg wmlb_seeded`, of which the environment then chooses the bug
(src/sys/seeded.rs). Prints a row of a table: what | tried | not seen. The part that cuts the power
runs as root, with fuse3.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

LOOPS = "loops.py --only '%s'"
BACKUP = LOOPS % "backup, directory, clear"
RESTORE = LOOPS % "restore, directory, clear"
VERIFY = LOOPS % "verify, directory, clear"
POWER = "power.py --only ext4 --subsets 10"
# The loop that sees each bug.
SEEN_BY = {
    "archive-not-flushed": POWER,
    "name-not-flushed": POWER,
    "restore-not-flushed": POWER,
    "flush-failure-ignored": BACKUP + " errors",
    "temporary-left": BACKUP + " errors",
    "unreadable-is-damaged": VERIFY + " errors",
    "replaced-in-two-steps": BACKUP + " kills",
    "left-over-stays": BACKUP + " kills",
    "restore-not-taken-back": RESTORE + " kills",
    "short-read-is-the-end": VERIFY + " short",
    "no-reserve": BACKUP + " memory",
    "frame-not-checked": "flips.py --every 20",
    "released-still-works": "abuse.py --only 'random ABI calls, 1'",
    "release-does-not-wait": "abuse.py --only 'threads on one handle'",
    "deaf-to-cancel": "abuse.py --sample --only cancels",
    "changed-is-saved": "abuse.py --only changing",
}


def build(folder):
    """The library with the bugs; where it is. Little is optimized: it is to be built soon."""
    command = ["cargo", "rustc", "--quiet", "--locked", "--release", "--lib", "--features", "capi",
               "--crate-type", "cdylib"]
    for setting in ("lto=false", "codegen-units=16"):
        command += ["--config", "profile.release." + setting]
    flags = os.environ.get("RUSTFLAGS", "") + " --cfg wmlb_seeded"
    target = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"), "seeded")
    subprocess.run(command, check=True, cwd=ROOT,
                   env=dict(os.environ, RUSTFLAGS=flags, CARGO_TARGET_DIR=target))
    library = os.path.join(folder, "libwmlb.so.1")
    shutil.copy(os.path.join(target, "release/libwmlb.so"), library)
    os.symlink("libwmlb.so.1", os.path.join(folder, "libwmlb.so"))
    return library


def bugs_in_source():
    with open(os.path.join(ROOT, "src/sys/seeded.rs")) as file:
        return set(re.findall(r'Bug::\w+ => "([\w-]+)"', file.read()))


def run(loop, library, bug=""):
    """Whether a loop ends well, and what it says."""
    ran = subprocess.run(os.path.join(HERE, loop), shell=True, text=True, errors="replace",
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env=dict(os.environ, WMLB_LIBRARY=library, WMLB_SEEDED=bug))
    # A loop that could not run has seen nothing.
    if not re.search(r"^\| .* \| .* \| \d+ \|$", ran.stdout, re.M):
        return bool(bug), ran.stdout
    return ran.returncode == 0, ran.stdout


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    wrong = sorted(bugs_in_source() ^ set(SEEN_BY))
    if wrong:
        sys.exit("without a loop, or without a bug: %s" % wrong)
    bugs = [bug for bug in SEEN_BY if given.only in bug]
    failed = []
    with tempfile.TemporaryDirectory(prefix="wmlb-seeded-") as folder:
        library = build(folder)
        for loop in dict.fromkeys(SEEN_BY[bug] for bug in bugs):
            is_well, said = run(loop, library)
            if not is_well:
                failed.append("without a bug, %s" % loop)
                print(said, file=sys.stderr)
        for bug in bugs:
            is_well, said = run(SEEN_BY[bug], library, bug)
            if is_well:
                failed.append(bug)
                print(said, file=sys.stderr)
            print("%s: %s" % (bug, "not seen" if is_well else "seen"), file=sys.stderr, flush=True)
    for line in failed:
        print(line, file=sys.stderr)
    print("| bugs put in on purpose | %d | %d |" % (len(bugs), len(failed)))
    sys.exit(bool(failed) or not bugs)


if __name__ == "__main__":
    main()
