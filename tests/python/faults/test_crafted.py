"""A sample of tests/faults/crafted.py; WMLB_FULL=1 runs it whole. restore/test_hostile.py has
those archives that are right but for one thing."""

import os
import sys
import unittest

import support
import wmlb_ctypes as w

FAULTS = os.path.join(w.ROOT, "tests/faults")
sys.path.insert(0, FAULTS)

import crafted  # noqa: E402

FULL = os.environ.get("WMLB_FULL") == "1"


@unittest.skipUnless(support.has_program("age-keygen"), "age is needed")
class Crafted(unittest.TestCase):
    def test_none_is_taken(self):
        every = 1 if FULL else 11
        tried, violated, memory, seconds = crafted.run(every, seed=2, whole=FULL)
        print("\n%d tried, one of %d: at most %.1f MiB, %.2f s" % (
            tried, every, memory / 1024, seconds))
        self.assertGreater(tried, 120)
        self.assertEqual(violated, [])


if __name__ == "__main__":
    unittest.main()
