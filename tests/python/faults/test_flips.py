"""A sample of tests/faults/flips.py; WMLB_FULL=1 runs it whole."""

import os
import sys
import unittest

import support
import wmlb_ctypes as w

FAULTS = os.path.join(w.ROOT, "tests/faults")
sys.path.insert(0, FAULTS)

import flips  # noqa: E402


@unittest.skipUnless(support.has_program("age-keygen"), "age is needed")
class Flips(unittest.TestCase):
    def test_every_damage_is_seen(self):
        every = 1 if os.environ.get("WMLB_FULL") == "1" else 101
        tried, missed = flips.run(every, seed=7)
        print("\n%d tried, one of %d" % (tried, every))
        self.assertGreater(tried, 8000)
        self.assertEqual(missed, 0)


if __name__ == "__main__":
    unittest.main()
