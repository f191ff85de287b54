"""The stores that make_store.py makes, and what is restricted in them."""

import hashlib
import json
import os
import subprocess
import sys
import unittest

import wmlb_ctypes as w
from license_support import LicenseCase, in_order, title
from restore_support import files_of, snapshot

# SHA-256 of what came of these arguments before there were rights.
KNOWN = {
    "mixed": "5997a50b6353ab32b671d3130a07be39d424375ed4b435e265b4ac8f54e68f57",
    "tiny": "fd9183f9ca3169685ef2ba0728e5d429b0e1f18c1f8a577cb0034256308b66e4",
    "large": "d8ead40292f641e2c016533f1cfe6ccba70b0ac1b264b1af0c7c0241bcdb0f4d",
}


class MakeStore(LicenseCase):
    def make(self, name, **arguments):
        """A store, and what was printed."""
        folder = os.path.join(self.root, name)
        command = [sys.executable, os.path.join(w.ROOT, "tests/make_store.py"), "--out", folder]
        for option, value in arguments.items():
            command += ["--" + option.replace("_", "-"), str(value)]
        return folder, subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout

    def manifest_of(self, name, **arguments):
        path = os.path.join(self.root, name + ".manifest")
        folder, printed = self.make(name, manifest=path, **arguments)
        with open(path) as file:
            return folder, json.loads(printed), [json.loads(line) for line in file]

    def test_earlier_arguments_make_the_same_bytes(self):
        for kind, known in KNOWN.items():
            folder, printed = self.make(kind, count=40, seed=3, kind=kind)
            hashed = hashlib.sha256(printed)
            for above, folders, names in os.walk(folder):
                folders.sort()
                for name in sorted(names):
                    path = os.path.join(above, name)
                    status = os.stat(path)
                    relative = os.fsencode(os.path.relpath(path, folder))
                    hashed.update(b"%s %d %d\n" % (relative, status.st_size, status.st_mtime_ns))
                    with open(path, "rb") as file:
                        hashed.update(file.read())
            self.assertEqual(hashed.hexdigest(), known, kind)

    def check(self, kind, count, percent):
        """Exactly what the manifest marks is left out and named, with any number of threads."""
        self.source, printed, manifest = self.manifest_of(
            kind, count=count, kind=kind, restricted_percent=percent)
        files = files_of(self.source)
        entries = {entry["name"].encode(): entry for entry in manifest}
        self.assertEqual(files.keys(), entries.keys())
        restricted = [name for name in in_order(files) if entries[name]["restricted"]]
        self.assertEqual(printed["restricted"], len(restricted))
        self.restorer.set("StorePath", self.source)
        licenses = {license.name: license for license in self.list("store")}
        for name, license in licenses.items():
            self.assertEqual(license.format.decode(), entries[name]["format"])
            self.assertEqual(license.key_ids.decode(), "\n".join(entries[name]["key_ids"]))
            self.assertEqual(license.right == w.RIGHT_DENIED, entries[name]["restricted"])
        denied = [licenses[name] for name in restricted]
        self.assertEqual([title(license).decode() for license in denied],
                         [entries[name]["key_ids"][0] for name in restricted])
        for threads in (1, 4):
            self.check_backup(files, denied, Threads=threads)
        return manifest, restricted

    def test_restricted_xml(self):
        manifest, restricted = self.check("xml", 1500, 20)
        self.assertTrue(240 < len(restricted) < 360, len(restricted))
        self.assertEqual({entry["format"] for entry in manifest}, {"wmdrm-v7"})
        # Both ways of saying so are there.
        said = {b'type="Backup"' in self.read(name) for name in restricted}
        self.assertEqual(said, {True, False})

    def read(self, name):
        with open(os.path.join(os.fsencode(self.source), name), "rb") as file:
            return file.read()

    def test_restricted_ones_of_all_kinds(self):
        manifest, restricted = self.check("mixed", 800, 50)
        self.assertTrue(200 < len(restricted) < 400, len(restricted))
        kinds = {entry["format"] for entry in manifest if entry["restricted"]}
        self.assertEqual(kinds, {"wmdrm-v7", "xmr"})

    def test_all_and_none(self):
        self.assertEqual(len(self.check("xml", 20, 100)[1]), 20)
        folder, printed, manifest = self.manifest_of("none", count=20, kind="xml")
        self.assertNotIn("restricted", printed)
        self.assertEqual({entry["restricted"] for entry in manifest}, {False})

    def test_the_same_arguments_make_the_same_store(self):
        first, second = (
            self.manifest_of(name, count=60, seed=9, kind="mixed", restricted_percent=30)
            for name in ("first", "second")
        )
        self.assertEqual(first[1:], second[1:])
        self.assert_same(snapshot(first[0]), snapshot(second[0]))


if __name__ == "__main__":
    unittest.main()
