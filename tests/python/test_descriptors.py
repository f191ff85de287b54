"""No file that the library opens is passed on to what the host executes, not even for a moment."""

import os
import re
import shutil
import unittest

import encryption_support as e
import interrupt
import support
import wmlb_ctypes as w
from restore_support import RestoreCase
from sqlite_support import make

CALL = re.compile(r"\d+\s+(\w+)\((.*)")
# What gives a descriptor.
OPENING = ("open,openat,openat2,creat,dup,dup2,dup3,memfd_create,pipe,pipe2,socket,eventfd2,"
           "epoll_create1")


def in_named_files(restorer):
    support.without_unnamed_files()
    return restorer.backup(w.OVERWRITE)[0]


class Descriptors(RestoreCase):
    LEFT_OVER = ".licenses.wmlb.0123456789abcdef.tmp"

    def setUp(self):
        super().setUp()
        if not support.has_program("strace"):
            self.skipTest("strace is needed")
        for number in range(3):
            support.write("%s/folder/%d" % (self.source, number), b"license %d" % number)
        support.write(self.source + "/large", os.urandom(5 << 20))
        make(self.source + "/at-rest.db", 10)
        make(self.source + "/wal.db", 10, mode="wal")
        # The first callback has libffi open files.
        self.save()

    def check(self, body):
        trace = self.root + "/trace"
        options = ["-o", trace, "-e", "trace=" + OPENING]
        self.assertEqual(interrupt.run(body, options).result, w.S_OK)
        with open(trace, errors="replace") as lines:
            calls = [match.groups() for match in map(CALL.match, lines) if match]
        self.assertTrue(calls)
        self.assertEqual([call for call in calls if "CLOEXEC" not in call[1]], [])

    def test_all_operations(self):
        left_over = os.path.join(self.backups, self.LEFT_OVER)
        for secrets in ({}, {"Recipients": e.key().recipient, "Identities": e.key().text}):
            def work(operation):
                # A handle from before is none in the child.
                self.check(lambda: operation(self.new_target(store=self.source, **secrets)))

            with self.subTest(encrypted=bool(secrets)):
                # What an earlier one has left is taken away.
                support.write(left_over, b"left over")
                work(lambda r: r.backup(w.OVERWRITE | w.VERIFY)[0])
                self.assertFalse(os.path.exists(left_over))
                work(lambda r: r.verify()[0])
                work(lambda r: r.enumerate("backup")[0])
                work(lambda r: r.enumerate("store")[0])
                work(lambda r: r.restore(w.RESTORE_OVERWRITE)[0])
                support.write(self.source + "/folder/0", b"changed")
                work(lambda r: r.restore(w.RESTORE_OVERWRITE)[0])
                work(in_named_files)
                os.rename(self.source, self.source + ".saved")
                work(lambda r: r.restore()[0])
                shutil.rmtree(self.source)
                os.rename(self.source + ".saved", self.source)


if __name__ == "__main__":
    unittest.main()
