#!/usr/bin/env python3
"""Bugs put into the library on purpose, each of which a fault loop must see; and the same loops
against the same library without a bug, in which they must see nothing.

    seeded.py [--check] [--only WORD]

Each file in seeded/ is a bug: what it is, the loop that must see it, and a patch that puts it into
a copy of the source. A patch that does not fit the source any more ends the run: it has to be
written anew. --check: only looks whether all of them fit. Prints a row of a table: what | tried |
not seen. Needs the patch command; the part that cuts the power runs as root, with fuse3.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

from tree import HERE, ROOT, Tree

PATCHES = os.path.join(HERE, "seeded")


class Bug:
    def __init__(self, file):
        self.name = file.removesuffix(".patch")
        self.path = os.path.join(PATCHES, file)
        with open(self.path) as content:
            text = content.read()
        self.loop = re.search("^Seen by: (.*)$", text, re.M).group(1)
        self.files = re.findall(r"^\+\+\+ b/(.*)$", text, re.M)

    def put_into(self, root, *options):
        """What is wrong with the patch; "" when it fits, as a whole and exactly."""
        patched = subprocess.run(
            ["patch", "--strip=1", "--fuzz=0", "--force", "--no-backup-if-mismatch",
             "--reject-file=-", "--directory=" + root, "--input=" + self.path, *options],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if patched.returncode == 0:
            return ""
        failures = re.findall("^.*(?:FAILED|find file).*$", patched.stdout, re.M)
        return "%s does not fit %s: %s" % (
            os.path.relpath(self.path, ROOT), ", ".join(self.files),
            "; ".join(failures) or patched.stdout)


def all_bugs():
    return [Bug(file) for file in sorted(os.listdir(PATCHES))]


def misfits():
    """The bugs that cannot be put into the source as it is."""
    return list(filter(None, (bug.put_into(ROOT, "--dry-run") for bug in all_bugs())))


def run(loop, library):
    """Whether a loop could run, whether it saw nothing, and what it says."""
    ran = subprocess.run(os.path.join(HERE, loop), shell=True, text=True, errors="replace",
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env=dict(os.environ, WMLB_LIBRARY=library))
    has_run = re.search(r"^\| .* \| .* \| \d+ \|$", ran.stdout, re.M)
    return bool(has_run), ran.returncode == 0, ran.stdout


def try_all(bugs, tree):
    """What is wrong, each with what was said."""
    if not tree.build(output=None):
        yield "the library does not build", ""
        return
    for loop in dict.fromkeys(bug.loop for bug in bugs):
        has_run, is_well, said = run(loop, tree.library)
        if not has_run or not is_well:
            yield "without a bug, %s" % loop, said
    for bug in bugs:
        problem = bug.put_into(tree.root)
        is_built = not problem and tree.build(output=None)
        for file in bug.files:
            tree.restore(file)
        if not is_built:
            yield "%s cannot be put in" % bug.name, problem
            continue
        has_run, is_well, said = run(bug.loop, tree.library)
        if not has_run or is_well:
            yield bug.name, said
        print("%s: %s" % (bug.name, "seen" if has_run and not is_well else "not seen"),
              file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    wrong = misfits()
    if wrong or given.check:
        sys.exit("\n".join(wrong) or 0)
    bugs = [bug for bug in all_bugs() if given.only in bug.name]
    failed = []
    with tempfile.TemporaryDirectory(prefix="wmlb-seeded-") as folder:
        for what, said in try_all(bugs, Tree(folder, "seeded")):
            failed.append(what)
            print(said, file=sys.stderr)
    for line in failed:
        print(line, file=sys.stderr)
    print("| bugs put in on purpose | %d | %d |" % (len(bugs), len(failed)))
    sys.exit(bool(failed) or not bugs)


if __name__ == "__main__":
    main()
