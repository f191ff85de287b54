"""The bugs that tests/faults/seeded.py puts into the library, to see whether the loops see them."""

import os
import sys
import unittest

import wmlb_ctypes as w

sys.path.insert(0, os.path.join(w.ROOT, "tests/faults"))
import seeded  # noqa: E402


class Seeded(unittest.TestCase):
    def test_each_can_be_put_into_the_source_as_it_is(self):
        self.assertEqual(len(seeded.all_bugs()), 16)
        self.assertEqual(seeded.misfits(), [])


if __name__ == "__main__":
    unittest.main()
