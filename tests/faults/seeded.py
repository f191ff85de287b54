#!/usr/bin/env python3
"""Bugs put into the library on purpose, each of which a fault loop must see; and the same loops
against the same library without a bug, in which they must see nothing.

    seeded.py [--check] [--only WORD]

Each file in seeded/ is a bug: what it is, the loop that must see it, and a patch that puts it into
a copy of the source. A patch whose lines are not in the source any more, or in several places, ends
the run: it has to be written anew. --check: only looks whether all of them fit. Prints a row of a
table: what | tried | not seen. The part that cuts the power runs as root, with fuse3.
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
        with open(os.path.join(PATCHES, file)) as content:
            text = content.read()
        self.loop = re.search("^Seen by: (.*)$", text, re.M).group(1)
        # What each hunk wants to find, and what it puts there.
        self.hunks = []
        for hunk in re.split("^@@ .* @@\n", text, flags=re.M)[1:]:
            lines = hunk.split("\n--- ")[0].splitlines(keepends=True)
            self.hunks.append(tuple("".join(line[1:] for line in lines if line[0] in marks)
                                    for marks in (" -", " +")))

    def changes(self, root):
        """The files that it changes, with what is in them then. A hunk goes where its lines are,
        in whichever file: sources move. They must be in one place only."""
        sources = {}
        for folder, _, names in os.walk(os.path.join(root, "src")):
            for name in filter(lambda name: name.endswith(".rs"), names):
                with open(os.path.join(folder, name)) as file:
                    sources[os.path.join(folder, name)] = file.read()
        changed = {}
        for old, new in self.hunks:
            found = [path for path, text in sources.items() for _ in range(text.count(old))]
            if len(found) != 1 or not old:
                raise Misfit("%s.patch: in %d places of the source there is:\n%s" % (
                    self.name, len(found), old))
            sources[found[0]] = changed[found[0]] = sources[found[0]].replace(old, new)
        return changed


class Misfit(Exception):
    pass


def all_bugs():
    return [Bug(file) for file in sorted(os.listdir(PATCHES))]


def misfits():
    """What is wrong with those that cannot be put into the source as it is."""
    found = []
    for bug in all_bugs():
        try:
            bug.changes(ROOT)
        except Misfit as misfit:
            found.append(str(misfit))
    return found


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
        changes = bug.changes(tree.root)
        for path, text in changes.items():
            with open(path, "w") as file:
                file.write(text)
        is_built = tree.build(output=None)
        for path in changes:
            tree.restore(os.path.relpath(path, tree.root))
        if not is_built:
            yield "%s does not build" % bug.name, ""
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
