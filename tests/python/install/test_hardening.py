"""The shared library as it is shipped: what its file says of itself, and what it must not say."""

import os
import re
import subprocess
import unittest

import wmlb_ctypes as w


def readelf(*options):
    command = ["readelf", "--wide", *options, w.LIBRARY]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


class Hardening(unittest.TestCase):
    def test_is_bound_and_read_only_before_its_code_runs(self):
        dynamic = readelf("--dynamic")
        self.assertRegex(dynamic, r"\(FLAGS\).*BIND_NOW")
        self.assertRegex(dynamic, r"\(FLAGS_1\).*NOW")
        self.assertIn("GNU_RELRO", readelf("--program-headers"))

    def test_stays_when_it_is_closed(self):
        self.assertRegex(readelf("--dynamic"), r"\(FLAGS_1\).*NODELETE")

    def test_has_no_stack_that_runs_and_no_code_that_is_written(self):
        headers = readelf("--program-headers")
        flags = re.findall(r"^ +(\w+) +(?:0x[0-9a-f]+ ){5}([R ][W ][E ]) +(?:0x)?[0-9a-f]+ *$", headers, re.M)
        self.assertIn("GNU_STACK", [kind for kind, _ in flags])
        self.assertEqual([one for one in flags if "W" in one[1] and "E" in one[1]], [])
        self.assertNotIn("TEXTREL", readelf("--dynamic"))

    def test_has_its_name_and_no_search_path(self):
        dynamic = readelf("--dynamic")
        self.assertRegex(dynamic, r"\(SONAME\) .*\[libwmlb\.so\.1\]")
        self.assertNotRegex(dynamic, r"\((RPATH|RUNPATH)\)")

    def test_parts_in_c_look_after_their_stack(self):
        self.assertIn("__stack_chk_fail", readelf("--dyn-syms"))

    def test_needs_the_c_library_alone(self):
        needed = re.findall(r"\(NEEDED\).*\[([^]]+)\]", readelf("--dynamic"))
        allowed = r"(libgcc_s|libm|libc|libdl|libpthread|librt|ld-linux-[\w-]+)\.so\.\d+"
        self.assertEqual([name for name in needed if not re.fullmatch(allowed, name)], [])

    def test_says_nothing_of_the_folders_it_was_built_in(self):
        with open(w.LIBRARY, "rb") as file:
            content = file.read()
        crates = os.environ.get("CARGO_HOME") or os.path.expanduser("~/.cargo")
        for folder in (str(w.ROOT), crates, os.path.expanduser("~") + "/"):
            self.assertNotIn(folder.encode(), content)


if __name__ == "__main__":
    unittest.main()
