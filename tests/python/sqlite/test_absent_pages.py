"""Pages that a log says there are and that are nowhere: free ones, which nobody reads, and made-up
ones, which would be hours of reading zeros."""

import os
import struct
import sys
import unittest

import support
import trust_support as trust
import wmlb_ctypes as w
from sqlite_support import DatabaseCase, make, opened, rows_of

sys.path.insert(0, os.path.join(w.ROOT, "tests/trust"))

import database_mutants  # noqa: E402

FRAME = 24


class AbsentPages(DatabaseCase):
    def forsake(self, path):
        """Copies a database and its log from under their writer, as a kill leaves them."""
        for suffix in ("", "-wal"):
            support.write(self.path + suffix, support.read(path + suffix))

    def with_a_log(self, *statements, page_size=4096):
        """A database in the store whose log has what the last of these do."""
        path = make("%s/written-%d/x.db" % (self.root, page_size), 20, "wal", page_size=page_size)
        with opened(path) as connection:
            for statement in ("PRAGMA wal_autocheckpoint = 0", *statements):
                connection.execute(statement).fetchall()
            self.forsake(path)

    def test_free_ones(self):
        """Nobody ever reads what is in them: without them a database is whole."""
        for page_size in (1024, 4096, 65536):
            with self.subTest(page_size=page_size):
                self.with_a_log(
                    "CREATE TABLE emptied (content BLOB)",
                    "INSERT INTO emptied WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL"
                    " SELECT n + 1 FROM series WHERE n < 80) SELECT zeroblob(100000) FROM series",
                    "DELETE FROM emptied", "PRAGMA wal_checkpoint(TRUNCATE)",
                    "INSERT INTO t (content) VALUES ('new')", page_size=page_size)
                os.truncate(self.path, os.stat(self.path).st_size - 50 * page_size)
                self.assert_saves(rows_of(self.path))

    def test_made_up_ones(self):
        """In its last transaction a log says how many pages there are after it. It is damaged, and
        told so in no time."""
        self.with_a_log("INSERT INTO t (content) VALUES ('new')")
        log = bytearray(support.read(self.path + "-wal"))
        page_size, = struct.unpack_from(">I", log, 8)
        last = len(log) - page_size - FRAME
        for pages in (1 << 14, 1 << 24, (1 << 32) - 1):
            with self.subTest(pages=pages):
                struct.pack_into(">I", log, last + 4, pages)
                support.write(self.path + "-wal", database_mutants.right_log(bytes(log)))
                with self.untouched():
                    run = trust.run_apart(self, "store", "partial")
                hr, text, _ = run.results["store"]
                self.assert_hr(hr, w.hresult(w.FAILURES["NS_E_DRM_DATASTORE_CORRUPT"]))
                self.assertIn("neither in its file nor beside it", text)
                self.assert_hr(run.results["partial"][0], w.NOT_ALL_STORED)
                self.assertLess(run.seconds, trust.MOST_SECONDS)
                self.assertLess(run.memory, trust.MOST_MEMORY)


if __name__ == "__main__":
    unittest.main()
