"""A build without encryption says so, and does everything else."""

import json
import os
import shutil
import subprocess
import unittest

import support
import wmlb_ctypes as w
from encryption_support import EncryptedCase, encrypt, key

IN_THE_LEAN_BUILD = """
import json, generations_support as g, wmlb_ctypes as w
store, backups, to_key, to_passphrase, place, recipient, identity = sys.argv[1:]
found = {}
restorer = w.Restorer()
for name, value in (("StorePath", store), ("BackupPath", backups), ("RestorePath", backups)):
    assert restorer.set(name, value) == w.S_OK
for name, value in (("Passphrase", "secret words"), ("Recipients", recipient),
                    ("Identities", identity), ("Passphrase", ""), ("Identities", "none")):
    found["set " + name + " " + value[:1]] = restorer.set(name, value), restorer.last_error()
    assert value == "" or value not in restorer.last_error()
for name in ("Passphrase", "Identities", "Recipients"):
    found["get " + name] = restorer.get(name)[0], "no encryption"
    found["remove " + name] = restorer.remove_prop(name.encode()), "no encryption"
assert restorer.count() == 3
for kind, archive in (("key", to_key), ("passphrase", to_passphrase)):
    restorer.set("RestorePath", archive)
    restorer.set("StorePath", place)
    for operation in ("verify", "restore"):
        hr, events = getattr(restorer, operation)()
        found[operation + " " + kind] = hr, events[-1].text
        assert archive in events[-1].text
    found["enumerate " + kind] = restorer.enumerate("backup")[0], restorer.last_error()
    found["info " + kind] = g.backup_info(restorer)[0], restorer.last_error()
restorer.set("RestorePath", backups)
restorer.set("StorePath", store)
clear = [restorer.backup(w.VERIFY)[0], restorer.verify()[0], len(restorer.enumerate("backup")[1])]
print(json.dumps([found, clear]))
"""


def build(test):
    """The path of the lean library."""
    command = ["cargo", "build", "--quiet", "--locked", "--lib", "--no-default-features",
               "--features", "capi"]
    built = subprocess.run(command, stderr=subprocess.PIPE, check=True, cwd=w.ROOT)
    test.assertEqual(built.stderr, b"", "a warning")
    # The next build of another kind takes its place.
    library = os.path.join(test.root, "libwmlb.so")
    target = os.path.join(w.ROOT, os.environ.get("CARGO_TARGET_DIR", "target"))
    shutil.copy(os.path.join(target, "debug/libwmlb.so"), library)
    return library


class LeanBuild(EncryptedCase):
    def test_it(self):
        library = build(self)
        needed = subprocess.run(
            ["nm", "-C", library], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertNotIn("chacha20", needed)

        self.save({b"%d" % number: b"x" * number for number in range(20)})
        to_key = support.read(self.target)
        support.write(self.root + "/to-key", to_key)
        passphrase = self.save_with("secret words")
        support.write(self.root + "/to-passphrase", passphrase)
        os.unlink(self.target)
        done = support.run_python(
            IN_THE_LEAN_BUILD, self.source, self.backups, self.root + "/to-key",
            self.root + "/to-passphrase", self.store, key().recipient, key().identity,
            env=dict(os.environ, WMLB_LIBRARY=library),
        )
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        found, clear = json.loads(done.stdout)
        self.assertEqual(clear, [w.S_OK, w.S_OK, 20])
        expected = {
            "get Passphrase": w.E_ACCESSDENIED, "get Identities": w.E_ACCESSDENIED,
            "get Recipients": w.S_FALSE,
        }
        self.assertEqual(len(found), 5 + 6 + 8)
        for what, (hr, words) in found.items():
            with self.subTest(what):
                other = w.S_FALSE if what.startswith("remove") else w.E_NOTIMPL
                self.assert_hr(hr, expected.get(what, other))
                self.assertIn("no encryption", words)
        # What it has written, the other build reads, and encrypts.
        self.assert_ends(self.restorer.verify(w.ALLOW_CLEAR))
        self.write_archive(encrypt(support.read(self.target), key().recipient))
        self.assert_ends(self.restorer.verify())


if __name__ == "__main__":
    unittest.main()
