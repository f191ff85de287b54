"""File systems behind servers and daemons let calls be interrupted by signals, SA_RESTART or not.

Operations block signals on their threads; lists run on the host's own.
"""

import unittest

import interrupt
import sqlite_support
import support
import wmlb_ctypes as w
from restore_support import RestoreCase

CALLS = ("openat", "openat2", "statx,newfstatat,fstat", "readlinkat", "read,pread64", "getdents64",
         "fsync,syncfs", "flock")


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class Interrupted(RestoreCase):
    def setUp(self):
        super().setUp()
        files = {b"%d/license-%02d" % (n % 3, n): b"%d" % n for n in range(20)}
        self.save(files)
        self.count = len(files) + 1

    def list_store(self):
        hr, found = self.new_restorer(store=self.source).enumerate("store")
        return hr, len(found)

    def list_backup(self):
        hr, found = self.new_target().enumerate("backup")
        return hr, len(found)

    def save_again(self):
        restorer = self.new_restorer(store=self.source)
        return restorer.backup(w.OVERWRITE)[0], self.count

    def restore_all(self):
        return self.new_target().restore(w.RESTORE_OVERWRITE)[0], self.count

    def test_each_kind_of_call(self):
        """Every third one of a thread."""
        with sqlite_support.opened(self.source + "/c.db") as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE t (x)")
            database.commit()
            self.save_again()
            for calls in CALLS:
                inject = "inject=%s:error=EINTR:when=2+3" % calls
                for body in (self.list_store, self.list_backup, self.save_again, self.restore_all):
                    with self.subTest(calls=calls, operation=body.__name__):
                        outcome = interrupt.run(body, ["-e", "trace=" + calls, "-e", inject])
                        self.assertEqual(outcome.result, (w.S_OK, self.count))


if __name__ == "__main__":
    unittest.main()
