"""No file that the library opens is passed on to what the host executes, not even for a moment."""

import os
import re
import shutil
import unittest

import encryption_support as e
import interrupt
import support
import wmlb_ctypes as w
from restore_support import RestoreCase, files_of
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

    def test_standard_streams_that_are_closed(self):
        """Their numbers are given to the next files that are opened; what a host prints is not to
        be written into those."""
        # Listed before the backup file is made, so that nothing else has the numbers by then.
        # SQLite sees to its own files.
        os.rename(self.source + "/folder/0", self.source + "/license")
        shutil.rmtree(self.source + "/folder")
        for name in ("at-rest.db", "wal.db"):
            os.unlink(os.path.join(self.source, name))

        def quietly(operation):
            def body():
                def on_event(_):
                    for number in (1, 2):
                        try:
                            os.write(number, b"what a host says of it\n")
                        except OSError:
                            pass

                restorer = self.new_target(store=self.source, **secrets)
                for number in range(3):
                    os.close(number)
                return operation(restorer, on_event)[0]

            self.assertEqual(support.in_child(body), w.S_OK)

        def named(restorer, on_event):
            support.without_unnamed_files()
            return restorer.backup(w.OVERWRITE, on_event)

        keys = {"Recipients": e.key().recipient, "Identities": e.key().text}
        for secrets in ({"Threads": 1}, {"Threads": 2}, {"Threads": 1, **keys}):
            with self.subTest(properties=secrets.keys()):
                quietly(lambda r, f: r.backup(w.OVERWRITE, f))
                self.assert_ends(self.new_target(store=self.source, **secrets).verify())
                quietly(named)
                self.assert_ends(self.new_target(store=self.source, **secrets).verify())
                before = files_of(self.source)
                os.unlink(self.source + "/license")
                quietly(lambda r, f: r.restore(0, f))
                self.assertEqual(files_of(self.source), before)
                shutil.rmtree(self.source)
                quietly(lambda r, f: r.restore(0, f))
                self.assertEqual(files_of(self.source), before)


if __name__ == "__main__":
    unittest.main()
