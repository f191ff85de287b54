#!/usr/bin/env python3
"""Changes the source in small ways, one at a time, as `cargo mutants` lists them, and counts those
that the tests see. Needs cargo-mutants, and hours.

    mutants.py [--only PATTERN] [--jobs N] [FILE...]

Prints a row of a table: what | tried | not seen. PATTERN: what is searched for in
"file:line:column: what is changed". FILE: the sources to change; without any those that write the
archive, read it, put it in place, and run operations.
"""

import argparse
import concurrent.futures
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile

from tree import ROOT, Tree

# The sources, each with the tests that are the likeliest to see what is changed in it.
SOURCES = {
    "src/archive/writer.rs": "backup.same_bytes backup.file encryption.age",
    "src/archive/reader.rs": "verify.damage restore.success lists.enumerate faults.crafted",
    "src/target/folder.rs": "backup.commit backup.file backup.failures",
    "src/restorer.rs": "boundary.waiting boundary.handles backup.events process.threads",
}
# The quick ones first, and with each the seconds after which it hangs.
TESTS = [
    (120, "backup.commit backup.file process.descriptors boundary.handles boundary.waiting "
          "backup.events backup.store_and_backup_folder boundary.last_error "
          "boundary.callback_calls restore.recovery backup.failures boundary.property_effects"),
    (300, "backup.kill process.fork lists.enumerate process.sandboxes encryption.damage "
          "host.calls process.threads process.niceness process.manners process.limits "
          "process.one_thread"),
    (900, "verify.damage restore.success restore.events restore.failures restore.hostile "
          "faults.abuse faults.loops faults.power sqlite.at_rest"),
]
# What changes nothing: flags that differ are the same by both.
EQUAL = re.compile(r"replace \| with \^")


class Tested(Tree):
    """A copy with the means to test it."""

    def __init__(self, folder, number):
        super().__init__(folder, "mutants-%d" % number)
        self.temporary = os.path.join(folder, "tmp")

    def passes(self, likely="", output=subprocess.DEVNULL):
        """Whether all the tests do, the likely ones first."""
        for patience, names in [(300, likely)] * bool(likely) + TESTS:
            os.makedirs(self.temporary)
            os.chmod(self.temporary, 0o1777)
            modules = [name.replace(".", ".test_") for name in names.split()]
            # Its own group, for what a test leaves when it is ended.
            tests = subprocess.Popen(
                [sys.executable, "-m", "unittest", "--failfast", *modules],
                cwd=os.path.join(self.root, "tests/python"), start_new_session=True,
                stdout=output, stderr=output,
                env=dict(os.environ, WMLB_LIBRARY=self.library, TMPDIR=self.temporary))
            try:
                passed = tests.wait(patience) == 0
            except subprocess.TimeoutExpired:
                passed = False
            try:
                os.killpg(tests.pid, 9)
            except ProcessLookupError:
                pass
            tests.wait()
            shutil.rmtree(self.temporary, ignore_errors=True)
            if not passed:
                return False
        return True

    def check(self, mutant):
        """unviable, seen, or NOT SEEN."""
        path = os.path.join(self.root, mutant["file"])
        subprocess.run(["patch", "--quiet", path], check=True, text=True, input=mutant["diff"])
        try:
            if not self.build():
                return "unviable"
            return "NOT SEEN" if self.passes(SOURCES.get(mutant["file"], "")) else "seen"
        finally:
            self.restore(mutant["file"])


def mutants(sources, only):
    command = ["cargo", "mutants", "--list", "--json", "--diff"]
    for source in sources:
        command += ["--file", source]
    listed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    return [mutant for mutant in json.loads(listed)
            if re.search(only, mutant["name"]) and not EQUAL.search(mutant["name"])]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("sources", nargs="*", default=SOURCES)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args()
    tried = missed = 0
    with tempfile.TemporaryDirectory(prefix="wmlb-mutants-") as folder:
        # Some tests run as another user.
        os.chmod(folder, 0o755)
        trees = queue.SimpleQueue()
        for number in range(given.jobs):
            tree = Tested(os.path.join(folder, str(number)), number)
            if not tree.build() or number == 0 and not tree.passes(output=sys.stderr):
                sys.exit("the tests do not pass as it is")
            trees.put(tree)

        def check(mutant):
            tree = trees.get()
            try:
                return mutant, tree.check(mutant)
            finally:
                trees.put(tree)

        with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
            for mutant, result in pool.map(check, mutants(given.sources, given.only)):
                print("%s: %s" % (result, mutant["name"]), file=sys.stderr, flush=True)
                tried += result != "unviable"
                missed += result == "NOT SEEN"
    print("| changes of the source | %d | %d |" % (tried, missed))
    # Nine in ten; what is left is looked at.
    sys.exit(tried == 0 or missed * 10 > tried)


if __name__ == "__main__":
    main()
