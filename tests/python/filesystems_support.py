"""What the tests of file systems with other manners share; tests/filesystems has what they use."""

import atexit
import functools
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "filesystems"))

import cells  # noqa: E402
import mounts  # noqa: E402
import support  # noqa: E402

FULL = os.environ.get("WMLB_FULL") == "1"
import wmlb_ctypes as w  # noqa: E402


@functools.cache
def world():
    """Made once for this process, which compiles what the tests run."""
    made = cells.World()
    atexit.register(made.close)
    return made


class WorldCase(unittest.TestCase):
    """Tests that share what their cells begin with."""

    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        mounts.need_fuse()
        cls.world = world()

    def attempt(self, body, **words):
        """One cell, which fails alone."""
        with self.subTest(**words):
            try:
                body()
            except cells.Wrong as wrong:
                self.fail(str(wrong))


def name_of(manner):
    """A manner's name as part of a test's."""
    words = "".join(letter if letter.isalnum() else " " for letter in manner.name)
    return "_".join(words.split())


def one_for_each(manners, body):
    """Decorates a class: a test for each manner, which body(self, manner) runs."""

    def add(cls):
        for manner in manners:
            def test(self, manner=manner):
                body(self, manner)
            name = "test_" + name_of(manner)
            assert not hasattr(cls, name), name
            test.__name__ = test.__qualname__ = name
            setattr(cls, name, test)
        return cls

    return add


class MountedCase(support.StoreCase):
    """A store and backups on a file system with manners; more of them seen elsewhere."""

    def setUp(self):
        mounts.need_fuse()
        super().setUp()

    def mount(self, options="", behind=None):
        """A mounted folder, until the test ends."""
        mounted = mounts.Mounted(world().program, options, base=cells.memory_folder(), behind=behind)
        self.addCleanup(mounted.close)
        return mounted

    def make_backup(self, files, folder=None):
        """A backup of these licenses: name -> bytes."""
        source = os.path.join(self.root, "source")
        subprocess.run(["rm", "-rf", source], check=True)
        cells.write_files(source, files)
        folder = folder or self.backups
        outcome = cells.operate("backup_licenses", source, folder, w.OVERWRITE)
        self.assert_hr(outcome.hr, w.S_OK, outcome.words)
        return folder
