"""A sample of the matrix on real file systems; tests/filesystems/real.py tries all of them."""

import unittest

import filesystems_support

import real
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
        tried, wrong = real.run(self.world, recipe, kills=1, operations=OPERATIONS)
    except real.Skipped as reason:
        self.skipTest(str(reason))
    self.assertEqual(tried, len(OPERATIONS))
    self.assertEqual(wrong, [])


@filesystems_support.one_for_each([one for one in RECIPES if one.name in CHOSEN], check)
class Real(filesystems_support.WorldCase):
    pass


if __name__ == "__main__":
    unittest.main()
