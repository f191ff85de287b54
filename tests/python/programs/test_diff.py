"""The wmlb command, and what differs between a store and a backup."""

import json
import os
import shutil
import subprocess
import unittest

import support
import wmlb_ctypes as w
from command_support import CommandCase
from encryption_support import key


class Diff(CommandCase):
    def setUp(self):
        super().setUp()
        for name, content in (("same", b"1"), ("gone", b"2"), ("other", b"3")):
            support.write(os.path.join(self.store, name), content)

    def run_it(self, code, *arguments):
        done = subprocess.run(
            [self.program, *arguments], capture_output=True, timeout=60, text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "HOME": self.root, "LD_LIBRARY_PATH":
                 os.path.dirname(os.path.abspath(w.LIBRARY))})
        self.assertEqual(done.returncode, code, done)
        return done.stdout

    def diff(self, code, *arguments):
        return self.run_it(code, "diff", "--store", self.store, *arguments, self.backups)

    def change(self):
        os.unlink(self.store + "/gone")
        support.write(self.store + "/other", b"4")
        support.write(self.store + "/\x1b[7m", b"new")

    def test_what_differs(self):
        self.assert_ends(self.restorer.backup())
        self.assertEqual(self.diff(0), "")
        self.assertEqual(self.diff(0, "--json"), "[]\n")
        self.change()
        self.assertEqual(self.diff(7), "+ ?[7m\n- gone\n~ other\n")
        self.assertEqual(self.diff(7, "--only", "o*"), "~ other\n")
        self.assertEqual(self.diff(0, "--only", "same"), "")
        added, removed, changed = json.loads(self.diff(7, "--json"))
        self.assertEqual([one["difference"] for one in (added, removed, changed)],
                         ["added", "removed", "changed"])
        self.assertEqual((added["in_backup"], added["in_store"]["name"]), (None, "\x1b[7m"))
        self.assertEqual((removed["in_store"], removed["in_backup"]["size"]), (None, 1))
        self.assertEqual(changed["in_store"]["format"], "opaque")
        self.assertEqual(changed["in_backup"]["name"], "other")

    def test_an_earlier_one(self):
        for number in range(2):
            self.run_it(0, "backup", "--quiet", "--keep", "last=3", "--store", self.store,
                        self.backups)
            support.write(self.store + "/%d" % number, b"new")
        earlier, = [name for name in os.listdir(self.backups) if name != w.BACKUP_NAME]
        self.assertEqual(self.diff(7), "+ 1\n")
        self.assertEqual(
            self.run_it(7, "diff", "--store", self.store, os.path.join(self.backups, earlier)),
            "+ 0\n+ 1\n")
        self.assertEqual(self.diff(1, "--at", "2001-01-01"), "")

    def test_failures(self):
        self.assertEqual(self.diff(1), "")
        self.restorer.set("Recipients", key().recipient)
        self.assert_ends(self.restorer.backup())
        self.diff(5)
        keys = os.path.join(self.root, "keys")
        support.write(keys, key().text.encode())
        self.assertEqual(self.diff(0, "--identity", keys), "")
        support.write(self.target, b"no backup")
        self.diff(6)
        self.run_it(2, "diff", "--store", self.store)
        shutil.rmtree(self.store)
        self.diff(6)


if __name__ == "__main__":
    unittest.main()
