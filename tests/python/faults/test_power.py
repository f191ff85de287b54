"""A sample of tests/faults/power.py on ext4; WMLB_FULL=1 runs it whole, on each file system."""

import os
import sys
import unittest

import support
import wmlb_ctypes as w

FAULTS = os.path.join(w.ROOT, "tests/faults")
sys.path.insert(0, FAULTS)

import power  # noqa: E402

FULL = os.environ.get("WMLB_FULL") == "1"


@unittest.skipUnless(os.geteuid() == 0, "only root mounts")
@unittest.skipUnless(os.path.exists("/dev/fuse"), "there is no FUSE")
@unittest.skipUnless(support.has_program("age-keygen"), "age is needed")
class Power(unittest.TestCase):
    def check(self, kind, least):
        if not support.has_program("mkfs." + kind):
            self.skipTest("there is no mkfs." + kind)
        tried, violated = power.cuts(kind, 80 if FULL else 2, seed=5)
        print("\n%s: %d tried" % (kind, tried))
        self.assertGreater(tried, least)
        self.assertEqual(violated, [])

    def test_ext4(self):
        self.check("ext4", 100)

    @unittest.skipUnless(FULL, "in the whole run")
    def test_xfs(self):
        self.check("xfs", 500)

    @unittest.skipUnless(FULL, "in the whole run")
    def test_btrfs(self):
        self.check("btrfs", 500)


if __name__ == "__main__":
    unittest.main()
