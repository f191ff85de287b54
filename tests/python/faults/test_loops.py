"""A sample of the fault loops; tests/faults/all.sh, or WMLB_FULL=1, runs them whole."""

import os
import platform
import sys
import unittest

import support
import wmlb_ctypes as w

FAULTS = os.path.join(w.ROOT, "tests/faults")
sys.path.insert(0, FAULTS)

import loops  # noqa: E402

FULL = os.environ.get("WMLB_FULL") == "1"


@unittest.skipUnless(platform.machine() == "x86_64", "the tracer knows these registers only")
@unittest.skipUnless(support.has_program("age-keygen"), "age is needed")
class Loops(unittest.TestCase):
    def check(self, kind, every, least):
        every = 1 if FULL else every
        seed = 3 % every
        tried, violated = loops.run([kind], every, seed)[kind]
        print("\n%s: %d tried, one of %d, from the %d. on" % (kind, tried, every, seed + 1))
        self.assertGreater(tried, least)
        self.assertEqual(violated, [])

    def test_calls_that_fail(self):
        self.check("errors", 101, 400)

    def test_kills(self):
        self.check("kills", 31, 200)

    def test_memory(self):
        self.check("memory", 41, 300)

    def test_short_reads_and_writes(self):
        self.check("short", 13, 50)


if __name__ == "__main__":
    unittest.main()
