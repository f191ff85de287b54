"""A sample of the matrix on real file systems; WMLB_FULL=1 tries all of it, as
tests/filesystems/real.py does."""

import unittest

import filesystems_support

import real
import squashed
from recipes import RECIPES

# Those that go wrong most: sticks, shares, and folders shown by other programs.
CHOSEN = ("exfat-fuse", "ntfs-3g", "sshfs", "mergerfs without its inode numbers", "bindfs", "ext4",
          "overlay, the store in a lower layer")
OPERATIONS = ("backup", "backup overwrite", "backup of the store", "restore missing",
              "restore kept", "restore overwrite", "restore overwrite, canceled at the end",
              "restore missing, the disk full", "backup overwrite, the disk full",
              "restore overwrite, killed, 0", "backup overwrite, killed, 0")


def check(self, recipe):
    try:
        if filesystems_support.FULL:
            tried, wrong = real.run(self.world, recipe)
        else:
            tried, wrong = real.run(self.world, recipe, kills=1, operations=OPERATIONS)
    except real.Skipped as reason:
        self.skipTest(str(reason))
    self.assertGreaterEqual(tried, len(OPERATIONS))
    self.assertEqual(wrong, [])


TRIED = [one for one in RECIPES if filesystems_support.FULL or one.name in CHOSEN]


@filesystems_support.one_for_each(TRIED, check)
class Real(filesystems_support.WorldCase):
    def test_squashfs(self):
        try:
            tried, wrong = squashed.run(self.world)
        except real.Skipped as reason:
            self.skipTest(str(reason))
        self.assertTrue(tried)
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
