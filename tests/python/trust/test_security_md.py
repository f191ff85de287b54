"""SECURITY.md: each promise and limit names tests that are there, and the versions of what is
built in are those of the library."""

import os
import re
import unittest

import support
import wmlb_ctypes as w

# Names of SQLite's own parts.
OF_SQLITE = (b"fts5vocab", b"rtreenode", b"sqlite_dbpage", b"sqlite3_extension_init",
             b"sqlite_schema_version")


class SecurityMd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = support.read(os.path.join(w.ROOT, "SECURITY.md")).decode()
        cls.library = support.read(w.LIBRARY)

    def rows(self, heading):
        part = self.text.split("## %s\n" % heading, 1)[1].split("\n## ", 1)[0]
        lines = [line for line in part.splitlines() if line.startswith("| ")]
        return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]

    def test_tests_are_there(self):
        limits = "What is not trusted, and its limits"
        for heading, column in (("What is promised", 1), (limits, 2)):
            rows = self.rows(heading)
            self.assertGreater(len(rows), 7, heading)
            for row in rows:
                for path in re.findall(r"`([^`]+)`", row[column]):
                    self.assertTrue(os.path.isfile(os.path.join(w.ROOT, path)), path)

    def test_each_promise_has_one(self):
        """But for what cannot be tried."""
        rows = self.rows("What is promised")
        without = [row[0][:40] for row in rows if len(row) < 2 or not row[1]]
        self.assertEqual(without, ["Licenses are read and never decrypted; t"])

    def test_each_test_of_trust_is_named(self):
        folder = os.path.dirname(os.path.abspath(__file__))
        for name in sorted(os.listdir(folder)):
            if name.startswith("test_") and name != "test_programs.py":
                self.assertIn("tests/python/trust/" + name, self.text)

    def test_versions_are_those_that_are_built_in(self):
        versions = {row[0]: row[1] for row in self.rows("What is built in")}
        lock = support.read(os.path.join(w.ROOT, "Cargo.lock")).decode()
        found = re.findall(r'name = "zstd-sys"\nversion = "[^+"]*\+zstd\.([^"]*)"', lock)
        self.assertEqual(found, [versions["zstd"]])

    def test_sqlite_is_not_in_it(self):
        self.assertEqual([name for name in OF_SQLITE if name in self.library], [])


if __name__ == "__main__":
    unittest.main()
