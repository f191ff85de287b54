"""The interface is what the releases had: tests/abi/X.Y.txt has what came with version X.Y.

A line that is there stays as it is until the major version changes; what is new goes into the
file of the version that it will be released in (tests/abi/layout.py prints it).
"""

import os
import platform
import re
import subprocess
import sys
import unittest

import wmlb_ctypes as w

FOLDER = os.path.join(w.ROOT, "tests/abi")
sys.path.insert(0, FOLDER)
import layout  # noqa: E402

HEADER = os.path.join(w.ROOT, "include/wmlb.h")


def kept():
    """The version that each line came with."""
    lines = {}
    for name in os.listdir(FOLDER):
        if name.endswith(".txt"):
            with open(os.path.join(FOLDER, name)) as file:
                for line in file.read().splitlines():
                    assert line not in lines, line
                    lines[line] = tuple(int(part) for part in name[:-4].split("."))
    return lines


@unittest.skipUnless(platform.machine() in ("x86_64", "aarch64"), "sizes are those of 64 bits")
class Abi(unittest.TestCase):
    def test_the_header_has_what_the_releases_had(self):
        self.assertEqual(sorted(layout.interface(HEADER)), sorted(kept()))

    def test_the_library_exports_it(self):
        names = {re.search(r"\b(wmlb_\w+)\s*\(", line).group(1)
                 for line in kept() if line.startswith("function ")}
        out = subprocess.run(["nm", "-D", "--defined-only", w.LIBRARY], check=True,
                             capture_output=True, text=True).stdout
        self.assertEqual({line.split()[-1] for line in out.splitlines()}, names)

    def test_no_version_is_later_than_the_header(self):
        with open(HEADER) as file:
            version = re.search(r'#define WMLB_VERSION "(\d+)\.(\d+)', file.read())
        self.assertLessEqual(max(kept().values()), tuple(int(part) for part in version.groups()))


if __name__ == "__main__":
    unittest.main()
