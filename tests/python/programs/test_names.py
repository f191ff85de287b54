"""The wmlb command, and lists of names alone."""

import json
import os
import subprocess

import license_forge as forge
import support
import wmlb_ctypes as w
from command_support import CommandCase


class Names(CommandCase):
    def run_it(self, *arguments):
        done = subprocess.run(
            [self.program, "list", *arguments], capture_output=True, timeout=60,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "HOME": self.root, "LD_LIBRARY_PATH":
                 os.path.dirname(os.path.abspath(w.LIBRARY))})
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout

    def setUp(self):
        super().setUp()
        for name, content in (("a", b"1"), ("b", forge.v7().encode()), ("\x1b[7m", b"3"),
                              (b"\xff", b"4"), ("日本", b"5")):
            support.write(os.path.join(os.fsencode(self.store), os.fsencode(name)), content)
        self.assert_ends(self.restorer.backup())
        self.listed = json.loads(self.run_it("--json", self.backups))

    def test_a_line_each(self):
        for source in ([self.backups], ["--store", self.store]):
            said = self.run_it("--names", *source).decode()
            self.assertEqual(said.splitlines(), ["?[7m", "a", "b", "日本", "\ufffd"])

    def test_objects(self):
        said = json.loads(self.run_it("-Nj", self.backups))
        keys = ("name", "name_hex", "size", "modified")
        self.assertEqual(said, [{key: one[key] for key in keys if key in one}
                                for one in self.listed])
        self.assertEqual(said[-1]["name_hex"], "ff")

    def test_some_of_them(self):
        key = next(one["key_ids"][0] for one in self.listed if one["key_ids"])
        for only, expected in (("[ab]", b"a\nb\n"), ("key:" + key, b"b\n")):
            self.assertEqual(self.run_it("-N", "--only", only, self.backups), expected)
