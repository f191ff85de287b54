"""Each operation on a file system with each manner: done, or refused with everything as before."""

import unittest

import filesystems_support

import cells
import interruptions
import manners


def check(self, manner):
    with interruptions.mounted_for(self.world, manner) as mounted:
        for name in cells.OPERATIONS:
            if manner.variant and name not in manners.WRITES:
                continue
            if manner.counts:
                mounted.remount()
            cell = cells.Cell(self.world, manner, mounted)
            self.attempt(lambda: cell.run(name), operation=name)


@filesystems_support.one_for_each(manners.MANNERS, check)
class Manners(filesystems_support.WorldCase):
    pass


if __name__ == "__main__":
    unittest.main()
