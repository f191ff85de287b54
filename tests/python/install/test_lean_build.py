"""A build without encryption and SQLite says so, and does everything else."""

import json
import os
import shutil
import subprocess
import unittest

import support
import wmlb_ctypes as w
from encryption_support import EncryptedCase, encrypt, key
from sqlite_support import INSERT, MODES, DatabaseCase, User, make, until_old

IN_THE_LEAN_BUILD = """
import json, wmlb_ctypes as w
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
        self.assertEqual(len(found), 5 + 6 + 6)
        for what, (hr, words) in found.items():
            with self.subTest(what):
                other = w.S_FALSE if what.startswith("remove") else w.E_NOTIMPL
                self.assert_hr(hr, expected.get(what, other))
                self.assertIn("no encryption", words)
        # What it has written, the other build reads, and encrypts.
        self.assert_ends(self.restorer.verify())
        self.write_archive(encrypt(support.read(self.target), key().recipient))
        self.assert_ends(self.restorer.verify())


ONE_BACKUP = """
import json, support, wmlb_ctypes as w
if sys.argv[4:]:
    support.without_named_files()
restorer = w.Restorer()
for name, value in zip(("StorePath", "BackupPath"), sys.argv[1:]):
    assert restorer.set(name, value) == w.S_OK
hr, events = restorer.backup(int(sys.argv[3]))
skipped = [(e.text, e.hr) for e in events if e.status == w.STATUS_SKIPPED]
print(json.dumps([hr, events[-1].text, skipped]))
"""


class Databases(DatabaseCase):
    """Without SQLite they are files: saved as they are when nothing lies beside them that
    belongs to them, and otherwise not at all."""

    def setUp(self):
        super().setUp()
        self.library = build(self)
        needed = subprocess.run(
            ["nm", "-C", self.library], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertNotIn("sqlite3_backup_init", needed)
        self.made = self.fill(2)

    def save(self, flags=w.OVERWRITE, store=None, *restricted):
        """(result, words, skipped) of a backup with the lean library."""
        with self.untouched():
            done = support.run_python(
                ONE_BACKUP, store or self.store, self.backups, str(flags), *restricted,
                env=dict(os.environ, WMLB_LIBRARY=self.library),
            )
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)

    def assert_saved_as_it_is(self):
        hr, words, _ = self.save()
        self.assert_hr(hr, w.S_OK, words)
        files = self.opened().files()
        self.assertEqual(files, {**self.made, b"x.db": support.read(self.path)})
        self.assert_clean(names=[w.BACKUP_NAME])
        hr, words, _ = self.save(store=self.path)
        self.assert_hr(hr, w.S_OK, words)
        self.assertEqual(self.opened().files(), {b"x.db": support.read(self.path)})
        self.assertEqual(self.opened().info["store"], "sqlite")

    def assert_not_saved(self):
        for store in (self.store, self.path):
            hr, words, _ = self.save(store=store)
            self.assert_hr(hr, w.E_NOTIMPL, words)
            self.assertIn(self.path, words)
            self.assertIn("no SQLite", words)
        hr, words, skipped = self.save(w.OVERWRITE | w.PARTIAL)
        self.assert_hr(hr, w.NOT_ALL_STORED, words)
        self.assertEqual(skipped, [["x.db", w.E_NOTIMPL]])
        self.assertEqual(self.opened().files(), self.made)
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_at_rest(self):
        for mode in MODES:
            for rows in (10, 3000):
                with self.subTest(mode=mode, rows=rows):
                    make(self.path, rows, mode, 800)
                    self.assert_saved_as_it_is()
                    # As browsers leave it.
                    support.write(self.path + "-journal")
                    self.assert_saved_as_it_is()
                    for suffix in ("", "-journal"):
                        os.unlink(self.path + suffix)

    def test_without_a_copy(self):
        support.need_filters()
        made = [make("%s/%s-%d" % (self.store, mode, rows), rows, mode, 1000)
                for mode in MODES for rows in (10, 3000, 12000)]
        until_old(*made)
        hr, words, _ = self.save(w.OVERWRITE, self.store, "without named files")
        self.assert_hr(hr, w.S_OK, words)
        files = self.opened().files()
        self.assertEqual(len(files), len(made) + len(self.made))
        for path in made:
            name = os.fsencode(os.path.basename(path))
            self.assertTrue(files[name] == support.read(path), path)

    def test_a_journal(self):
        make(self.path, 200, size=1000)
        user = User(self, self.path, "PRAGMA cache_size = 2", "PRAGMA cache_spill = 1", "BEGIN",
                    "UPDATE t SET content = randomblob(1000)")
        user.kill()
        self.assertGreater(os.path.getsize(self.path + "-journal"), 0)
        self.assert_not_saved()

    def test_a_log(self):
        make(self.path, 20, "wal")
        User(self, self.path, INSERT % (100, 3, 100)).kill()
        self.assertGreater(os.path.getsize(self.path + "-wal"), 0)
        self.assert_not_saved()


if __name__ == "__main__":
    unittest.main()
