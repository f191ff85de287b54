"""The interface is what the releases had: tests/abi/X.Y.txt has what came with version X.Y.

A line that is there stays as it is until the major version changes; what is new goes into the
file of the version that it will be released in (tests/abi/layout.py prints it). X.Y-PROCESSOR.txt
has how structs are laid out where pointers have 32 bits.
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


def kept(processor=""):
    """The version that each line came with."""
    lines = {}
    for name in os.listdir(FOLDER):
        version = re.fullmatch(r"(\d+)\.(\d+)" + processor + r"\.txt", name)
        if version:
            with open(os.path.join(FOLDER, name)) as file:
                for line in file.read().splitlines():
                    assert line not in lines, line
                    lines[line] = tuple(int(part) for part in version.groups())
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

    def test_structs_where_pointers_have_32_bits(self):
        for processor in ("armv7", "i686"):
            with self.subTest(processor):
                self.assertEqual(layout.laid_out(HEADER, processor), sorted(kept("-" + processor)))

    def test_structs_of_other_processors_with_64_bits(self):
        ours = sorted(line for line in kept() if line.split()[0] in ("struct", "member"))
        for processor in ("aarch64", "riscv64gc", "s390x"):
            with self.subTest(processor):
                self.assertEqual(layout.laid_out(HEADER, processor), ours)


if __name__ == "__main__":
    unittest.main()
