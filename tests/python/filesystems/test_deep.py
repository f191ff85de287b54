"""Licenses in very deep folders: what is done for one is in proportion to its name's length, and a
cancel is seen in the middle of it."""

import os
import platform
import subprocess
import threading
import unittest

import filesystems_support

import cells
import interrupt
import mounts
import restore_support
import support
import wmlb_ctypes as w

# A name may have 16,384 bytes, four times what one system call takes.
COMPONENT = "f" * 99
LONGEST = 16384
# Of a restore's system calls: some for each folder, and some that there are always.
FOR_EACH_FOLDER, ALWAYS = 30, 600


class Deep(restore_support.RestoreCase):
    def setUp(self):
        mounts.need_fuse()
        super().setUp()

    def make(self):
        """A backup of one license; how deep that is."""
        depth = (LONGEST - len("leaf")) // (len(COMPONENT) + 1)
        self.save({os.fsencode("/".join([COMPONENT] * depth + ["leaf"])): b"hello"})
        return depth

    @unittest.skipUnless(platform.machine() == "x86_64", "the tracer knows these registers only")
    def test_system_calls_in_proportion(self):
        depth = self.make()
        world = filesystems_support.world()
        for populated in (False, True):
            with self.subTest(populated=populated):
                subprocess.run(["rm", "-rf", self.store], check=True)
                if populated:
                    self.put({b"own": b"own"})
                for what in ("restore", "look", "backup"):
                    backups = self.backups if what == "restore" else self.root + "/other"
                    command = [world.path("inject"), "any", "0", "log", world.path("client"), what,
                               self.store, backups]
                    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                                         errors="replace", timeout=cells.scene.PATIENCE)
                    self.assertEqual(ran.stdout.split("\n")[-2], "0 exit 0", ran.stdout[-300:])
                    calls = sum(line.isidentifier() for line in ran.stdout.split("\n"))
                    self.assertLess(calls, FOR_EACH_FOLDER * depth + ALWAYS,
                                    "%s of one license %d folders deep" % (what, depth))

    @unittest.skipUnless(support.has_program("strace"), "strace is needed")
    def test_a_cancel_amid_one_license(self):
        depth = self.make()
        self.put({b"own": b"own"})
        before = restore_support.snapshot(self.place)

        def restore():
            restorer, ended, started = w.Restorer(), threading.Event(), threading.Event()
            for name, value in (("StorePath", self.store), ("RestorePath", self.backups)):
                assert restorer.set(name, value) == w.S_OK

            def cancel():
                while not ended.is_set() and not self.has_begun():
                    os.sched_yield()
                started.set()
                restorer.cancel()

            canceler = threading.Thread(target=cancel)
            canceler.start()
            hr, _ = restorer.restore(w.RESTORE_OVERWRITE)
            ended.set()
            canceler.join()
            restorer.release()
            return hr

        # Each folder takes so long that whoever cancels comes in time.
        counted = os.path.join(self.root, "trace")
        outcome = interrupt.run(restore, ["-o", counted, "-e", "trace=mkdirat", "-e",
                                          "inject=mkdirat:delay_enter=30000"])
        self.assert_hr(outcome.result, w.CANCELED)
        with open(counted, errors="replace") as lines:
            made = sum("mkdirat(" in line for line in lines)
        self.assertLess(made, depth // 2, "the cancel was seen after %d folders" % made)
        self.assert_same(restore_support.snapshot(self.place), before)

    def has_begun(self):
        """Whether some of the license's folders are there, wherever."""
        return any(path.count(COMPONENT) == 20 for path, _, _ in os.walk(self.place))


if __name__ == "__main__":
    unittest.main()
