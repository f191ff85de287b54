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

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# The sources, each with the tests that are the likeliest to see what is changed in it.
SOURCES = {
    "src/archive/writer.rs": "backup.same_bytes backup.file encryption.age",
    "src/archive/reader.rs": "verify.damage restore.success lists.enumerate faults.crafted",
    "src/archive/commit.rs": "backup.commit backup.file backup.failures",
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
# What changes nothing: flags that differ are the same by both, and no bug is seeded.
EQUAL = re.compile(r"replace \| with \^|guard seeded::has\(.*\) with false")
BUILD = ["cargo", "rustc", "--quiet", "--locked", "--lib", "--features", "capi",
         "--crate-type", "cdylib"]
# As it is shipped, but for what takes time to build.
SETTINGS = ["opt-level=1", "debug=false", "debug-assertions=false", "overflow-checks=false",
            'package."*".opt-level=3']


class Tree:
    """A copy of the project to change, build and test."""

    def __init__(self, folder, number):
        self.root = os.path.join(folder, "tree")
        self.temporary = os.path.join(folder, "tmp")
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True,
                                stdout=subprocess.PIPE).stdout
        for name in filter(None, os.fsdecode(listed).split("\0")):
            path = os.path.join(self.root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(os.path.join(ROOT, name), path)
        # It stays, so that not each run builds everything.
        target = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"))
        self.target = os.path.join(target, "mutants-%d" % number)
        self.library = os.path.join(folder, "dist", "libwmlb.so.1")
        os.makedirs(os.path.dirname(self.library))
        os.symlink("libwmlb.so.1", os.path.join(folder, "dist", "libwmlb.so"))

    def build(self):
        command = list(BUILD)
        for setting in SETTINGS:
            command += ["--config", "profile.dev." + setting]
        built = subprocess.run(command, cwd=self.root, stderr=subprocess.PIPE, text=True,
                               env=dict(os.environ, CARGO_TARGET_DIR=self.target))
        if built.returncode == 0:
            shutil.copy(os.path.join(self.target, "debug/libwmlb.so"), self.library + ".new")
            os.replace(self.library + ".new", self.library)
        return built.returncode == 0

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
        shutil.copy(os.path.join(ROOT, mutant["file"]), path)
        subprocess.run(["patch", "--quiet", path], check=True, text=True, input=mutant["diff"])
        try:
            if not self.build():
                return "unviable"
            return "NOT SEEN" if self.passes(SOURCES.get(mutant["file"], "")) else "seen"
        finally:
            shutil.copy(os.path.join(ROOT, mutant["file"]), path)


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
            tree = Tree(os.path.join(folder, str(number)), number)
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
