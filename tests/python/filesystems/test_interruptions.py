"""Operations that are canceled or killed on a file system with each manner: afterwards there is the
old store or the new one, whole, and nothing is left.

tests/filesystems/all.py kills at every system call; this is a sample.
"""

import platform
import unittest

import filesystems_support

import interruptions
import manners
from interruptions import Interrupted

CANCELS = (("backup overwrite", "the end"), ("restore missing", "the end"),
           ("restore overwrite", "the beginning"), ("restore overwrite", "the end"),
           ("restore overwrite", "the moves"))
# How many kills of each operation: of a manner that makes something up, and of others.
KILLS = {"backup overwrite": (2, 1), "restore missing": (1, 0), "restore empty": (1, 0),
         "restore overwrite": (4, 1)}


def check_cancels(self, manner):
    with interruptions.mounted_for(self.world, manner) as mounted:
        for name, moment in CANCELS:
            if manner.counts:
                mounted.remount()
            cell = Interrupted(self.world, manner, mounted)
            self.attempt(lambda: cell.cancel(name, moment), operation=name, canceled_at=moment)


def check_kills(self, manner):
    with interruptions.mounted_for(self.world, manner) as mounted:
        for name, counts in KILLS.items():
            count = counts[0 if manner.makes_up else 1]
            if count == 0:
                continue
            if manner.counts:
                mounted.remount()
            calls = Interrupted(self.world, manner, mounted).calls(name)
            self.assertTrue(calls, "%s makes no system call" % name)
            for number in interruptions.moments_of(calls, count):
                if manner.counts:
                    mounted.remount()
                cell = Interrupted(self.world, manner, mounted)
                self.attempt(lambda: cell.kill(name, number), operation=name,
                             killed_at="%d of %d, %s" % (number, len(calls), calls[number - 1]))


WITHOUT_VARIANTS = [manner for manner in manners.MANNERS if not manner.variant]


@filesystems_support.one_for_each(WITHOUT_VARIANTS, check_cancels)
class Cancels(filesystems_support.WorldCase):
    pass


@unittest.skipUnless(platform.machine() == "x86_64", "the tracer knows these registers only")
@filesystems_support.one_for_each(WITHOUT_VARIANTS, check_kills)
class Kills(filesystems_support.WorldCase):
    pass


if __name__ == "__main__":
    unittest.main()
