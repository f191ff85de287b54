"""Samples of the programs in tests/faults that call at random, crowd and end suddenly."""

import os
import subprocess
import sys
import tempfile
import unittest

import wmlb_ctypes as w

sys.path[:0] = [os.path.join(w.ROOT, "tests/faults"), os.path.join(w.ROOT, "tests/c")]
import abi
import abuse


class Abuse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.built = {
            program: abuse.build(folder.name, program)
            for program in {program for _, program, _, _ in abuse.RUNS}
        }

    def test_the_driver_calls_every_function(self):
        listed = subprocess.run(
            [self.built["abuse"], "--functions"], check=True, capture_output=True, text=True
        )
        with open(w.HEADER) as header:
            declared = abi.declared(header.read())
        self.assertGreater(len(declared), 30)
        self.assertEqual(sorted(listed.stdout.split()), sorted(declared))

    def test_samples(self):
        for name, program, sample, _ in abuse.RUNS:
            for arguments in sample:
                with self.subTest(name):
                    self.assertEqual(abuse.run(self.built[program], arguments)[1], "")


if __name__ == "__main__":
    unittest.main()
