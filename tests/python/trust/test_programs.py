"""A few seconds of each long try of tests/trust; tests/trust/all.sh, or WMLB_FULL=1, runs them
whole."""

import os
import sys
import unittest

import support
import wmlb_ctypes as w

sys.path.insert(0, os.path.join(w.ROOT, "tests/trust"))

import fuzz_databases  # noqa: E402
import race  # noqa: E402
import same_process  # noqa: E402
import writers  # noqa: E402

FULL = os.environ.get("WMLB_FULL") == "1"


class Programs(unittest.TestCase):
    def check(self, what, tried, violated, least, figures=""):
        print("\n%s: %d tried%s" % (what, tried, figures and ", " + figures), flush=True)
        self.assertGreaterEqual(tried, least)
        self.assertEqual(violated[:10], [], "%d violated" % len(violated))

    def race(self, operation):
        support.need_root()
        tried, violated, results = race.race(operation, 600 if FULL else 6)
        self.check("races of two users, " + operation, tried, violated, 5, str(dict(results)))

    def test_races_with_backups(self):
        self.race("backup")

    def test_races_with_lists(self):
        self.race("list")

    def test_races_with_restores(self):
        self.race("restore")

    def test_writers(self):
        seconds, databases = (600, 100) if FULL else (4, 16)
        snapshots, violated, figures = writers.run(seconds, databases)
        self.check("snapshots of databases that are written to", snapshots, violated, 16, figures)

    def test_a_player_in_the_same_process(self):
        for mode in same_process.MODES:
            with self.subTest(mode=mode):
                tried, violated = same_process.run(mode, 1000 if FULL else 12)
                self.check("commit, save, kill, " + mode, tried, violated, 12)

    def test_mutated_databases(self):
        tried, violated, figures = fuzz_databases.fuzz(600 if FULL else 8)
        self.check("mutated databases", tried, violated, 50, figures)


if __name__ == "__main__":
    unittest.main()
