"""Stores of which the system holds nothing in memory: files are read ahead of the workers."""

import os
import resource
import unittest

import archive
import interrupt
import support
import wmlb_ctypes as w
from restore_support import RestoreCase

FORGET = "/proc/sys/vm/drop_caches"


def forget():
    os.sync()
    with open(FORGET, "w") as file:
        file.write("3")


@unittest.skipUnless(os.access(FORGET, os.W_OK), "only root can have the system forget")
class Cold(RestoreCase):
    def setUp(self):
        super().setUp()
        for number in range(3000):
            name = "%s/%02d/%04d" % (self.source, number % 7, number)
            support.write(name, b"%d " % number * (number % 300))
        support.write(self.source + "/large", os.urandom(5 << 20))
        os.symlink("large", self.source + "/link")

    def backup(self, threads):
        restorer = self.new_restorer(store=self.source, Threads=threads)
        self.assert_ends(restorer.backup(w.OVERWRITE))
        # The first frame has the time of the backup.
        return archive.Backup(self.target)

    def test_the_same_bytes(self):
        warm = self.backup(1)
        for threads in (1, 2, 8):
            forget()
            cold = self.backup(threads)
            self.assertEqual(cold.files(), warm.files())
            frames = lambda backup: [frame.content for frame in backup.frames[1:-1]]
            self.assertEqual(frames(cold), frames(warm))

    def backup_with(self, spare):
        """Whether a backup succeeds that may open so many descriptors."""

        def body():
            restorer = self.new_restorer(store=self.source, Threads=2)
            # The limit is one of numbers, so the free ones below the highest are taken.
            highest = max(map(int, os.listdir("/proc/self/fd")))
            while (taken := os.dup(0)) < highest:
                pass
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (taken + 1 + spare, hard))
            return restorer.backup(w.OVERWRITE)[0]

        hr = support.in_child(body)
        self.assertIn(hr, (w.S_OK, w.from_win32(4)), w.describe(hr))
        return hr == w.S_OK

    def test_few_descriptors(self):
        """Those who read ahead have some, and give them back where they are needed."""
        files = self.backup(1).files()
        # What a backup needs that reads nothing ahead.
        needed = next(spare for spare in range(8, 40) if self.backup_with(spare))
        for spare in range(needed, needed + 24, 3):
            forget()
            self.assertTrue(self.backup_with(spare), (needed, spare))
            self.assertEqual(archive.Backup(self.target).files(), files)

    @unittest.skipUnless(support.has_program("strace"), "strace is needed")
    def test_one_thread_reads_nothing_ahead(self):
        def asked(threads):
            def body():
                self.backup(threads)

            forget()
            file = os.path.join(self.root, "trace")
            interrupt.run(body, ["-o", file, "-e", "trace=fadvise64"])
            return support.read(file).count(b"POSIX_FADV_WILLNEED")

        self.assertEqual(asked(1), 0)
        self.assertGreater(asked(2), 1000)


if __name__ == "__main__":
    unittest.main()
