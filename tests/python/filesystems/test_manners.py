"""Each operation on a file system with each manner: done, or refused with everything as before.

WMLB_FULL=1 tries all of them with those manners too that are variants of others.
"""

import unittest

import filesystems_support

import cells
import interruptions
import manners


def check(self, manner):
    with interruptions.mounted_for(self.world, manner) as mounted:
        for name in cells.OPERATIONS:
            if manner.counts:
                mounted.remount()
            cell = cells.Cell(self.world, manner, mounted)
            self.attempt(lambda: cell.run(name), operation=name)


TRIED = [one for one in manners.MANNERS if filesystems_support.FULL or not one.variant]


@filesystems_support.one_for_each(TRIED, check)
class Manners(filesystems_support.WorldCase):
    pass


if __name__ == "__main__":
    unittest.main()
