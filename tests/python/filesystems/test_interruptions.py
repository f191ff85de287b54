"""Operations that are canceled or killed on a file system with each manner: afterwards there is the
old store or the new one, whole, and nothing is left.

WMLB_FULL=1 kills at every system call under each manner that makes something up, and at some
under the others; otherwise this is a sample.
"""

import platform
import unittest

import filesystems_support

import interruptions
import manners
from interruptions import Interrupted

CANCELS = (("restore missing", "the end"), ("restore overwrite", "the end"),
           ("restore overwrite", "the moves"))
if filesystems_support.FULL:
    CANCELS = (("backup overwrite", "the beginning"), ("backup overwrite", "the end"),
               ("restore overwrite", "the beginning"), ("restore missing", "the beginning"),
               ("restore missing", "the moves"), *CANCELS)
# How many kills of each operation: of a manner that makes something up, and of others.
KILLS = {"backup overwrite": (1, 0), "restore missing": (1, 0), "restore empty": (1, 0),
         "restore overwrite": (4, 1)}
SOME = 8


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
            count = SOME if filesystems_support.FULL else counts[0 if manner.makes_up else 1]
            if count == 0:
                continue
            if manner.counts:
                mounted.remount()
            calls = Interrupted(self.world, manner, mounted).calls(name)
            self.assertTrue(calls, "%s makes no system call" % name)
            moments = interruptions.moments_of(calls, count)
            if filesystems_support.FULL and manner.makes_up:
                moments = range(1, len(calls) + 1)
            for number in moments:
                if manner.counts:
                    mounted.remount()
                cell = Interrupted(self.world, manner, mounted)
                self.attempt(lambda: cell.kill(name, number), operation=name,
                             killed_at="%d of %d, %s" % (number, len(calls), calls[number - 1]))


TRIED = [one for one in manners.MANNERS if filesystems_support.FULL or not one.variant]


@filesystems_support.one_for_each(TRIED, check_cancels)
class Cancels(filesystems_support.WorldCase):
    pass


@unittest.skipUnless(platform.machine() == "x86_64", "the tracer knows these registers only")
@filesystems_support.one_for_each(TRIED, check_kills)
class Kills(filesystems_support.WorldCase):
    pass


if __name__ == "__main__":
    unittest.main()
