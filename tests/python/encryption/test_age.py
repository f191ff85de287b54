"""Encrypted backups and the age command open each other's files."""

import os
import random
import subprocess
import unittest

import support
import wmlb_ctypes as w
from encryption_support import (
    EncryptedCase, Encrypted, age_with_passphrase, decrypt, encrypt, key,
)
from restore_support import files_of, snapshot
from backup import test_commit, test_failures, test_kill
from store import test_changes

PASSPHRASE = "corréct horse battery  staple "


class Interoperation(EncryptedCase):
    def setUp(self):
        super().setUp()
        content = random.Random(7)
        self.made = {b"%d/license-%03d" % (n % 3, n): content.randbytes(n * 40) for n in range(60)}
        self.made[b"large"] = content.randbytes((3 << 20) + 17)
        self.made["ö\n".encode() + b"\xff"] = b"odd"

    def assert_unpacks(self, identity_file):
        """age -d | zstd -d | tar x gives the store."""
        out = os.path.join(self.root, "out")
        script = 'mkdir "$2" && age -d -i "$3" "$1" | zstd -dq | tar -x -C "$2"'
        command = ["bash", "-o", "pipefail", "-c", script, "sh", self.target, out, identity_file]
        # GNU tar remarks on a record that it does not know.
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        self.assertEqual(files_of(out + "/licenses"), self.made)
        subprocess.run(["rm", "-r", out], check=True)

    def assert_restores(self, restorer):
        hr, licenses = restorer.enumerate("backup")
        self.assert_hr(hr, w.S_OK, restorer.last_error())
        self.assertEqual({found.name for found in licenses}, set(self.made))
        self.assert_ends(restorer.verify())
        events = self.assert_ends(restorer.restore())
        statuses = [event.status for event in events if event.status != w.STATUS_PROGRESS]
        self.assertEqual(statuses, [
            w.STATUS_CONNECTING, w.STATUS_DISCONNECTING, w.STATUS_BEGIN, w.STATUS_END,
        ])
        self.assert_same(snapshot(self.store), self.restored(), "not as it was")
        subprocess.run(["rm", "-r", self.store], check=True)

    def test_age_opens_what_is_encrypted_to_one(self):
        self.save(self.made)
        self.assert_unpacks(key().path)
        self.assert_restores(self.restorer)

    def test_age_opens_what_is_encrypted_to_several(self):
        recipients = "\n# the second\n\n".join(key(n).recipient for n in range(3)) + "\n"
        self.assert_hr(self.saver.set("Recipients", recipients), w.S_OK)
        self.save(self.made)
        for number in range(3):
            self.assert_unpacks(key(number).path)
            self.assert_restores(self.open_with(Identities=key(number).identity))
        with self.assertRaises(subprocess.CalledProcessError):
            decrypt(support.read(self.target), key(3).path)

    def test_one_of_several_identities(self):
        self.save(self.made)
        several = "".join(key(n).text for n in (1, 0, 2)).replace("\n", "\r\n")
        self.assert_restores(self.open_with(Identities=several))

    def test_what_age_has_encrypted(self):
        self.save(self.made)
        clear = decrypt(support.read(self.target))
        self.write_archive(encrypt(clear, key(1).recipient))
        self.assert_restores(self.open_with(Identities=key(1).identity))
        self.write_archive(encrypt(clear, key(2).recipient, key(3).recipient, key(1).recipient))
        self.assert_restores(self.open_with(Identities=key(1).identity))
        # The first recipient is none of it any more.
        hr, _ = self.restorer.verify()
        self.assertLess(hr, 0)
        # And a clear one, of a restorer that has none.
        self.write_archive(clear)
        self.assert_restores(self.open_with())

    def test_a_passphrase_that_age_is_told(self):
        self.save_with(PASSPHRASE, self.made)
        clear = os.path.join(self.root, "clear")
        self.assertEqual(age_with_passphrase(PASSPHRASE, "-d", "-o", clear, self.target), 0)
        self.assert_restores(self.open_with(Passphrase=PASSPHRASE))
        self.assertNotEqual(age_with_passphrase("another", "-d", "-o", clear, self.target), 0)
        self.write_archive(support.read(clear))
        self.assert_restores(self.open_with())

    def test_a_passphrase_that_age_was_told(self):
        self.save(self.made)
        clear = os.path.join(self.root, "clear")
        support.write(clear, decrypt(support.read(self.target)))
        self.assertEqual(age_with_passphrase(PASSPHRASE, "-p", "-o", self.target, clear), 0)
        self.assertIn(b"-> scrypt ", support.read(self.target)[:100])
        self.assert_restores(self.open_with(Passphrase=PASSPHRASE))

    def test_with_both_secrets_each_file_takes_its_own(self):
        restorer = self.open_with(Passphrase=PASSPHRASE, Identities=key().identity)
        self.save(self.made)
        self.assert_restores(restorer)
        self.save_with(PASSPHRASE)
        self.assert_restores(restorer)

    def test_the_content_is_that_of_a_clear_one(self):
        self.save(self.made)
        encrypted = self.opened()
        for threads in (1, 2, 8):
            self.saver.set("Threads", threads)
            self.save()
            self.assertEqual(self.opened().between(), encrypted.between())
        self.saver.remove_prop(b"Recipients")
        self.save()
        clear = support.read(self.target)
        self.write_archive(encrypt(clear, key().recipient))
        self.assertEqual(self.opened().between(), encrypted.between())

    def test_nothing_of_it_shows(self):
        names = {b"a-name-to-be-found-%d" % n: b"content to be found " * 50 for n in range(40)}
        self.save(names)
        data = support.read(self.target)
        for word in (b"a-name-to", b"to be found", b"wmlb", b"ustar", b"\x28\xb5\x2f\xfd"):
            self.assertNotIn(word, data)
        # No two files have the same key.
        self.save()
        self.assertNotEqual(support.read(self.target)[:200], data[:200])

    def test_an_empty_store(self):
        self.made = {}
        self.save()
        self.assertEqual(self.restorer.enumerate("backup"), (w.S_OK, []))
        self.assert_ends(self.restorer.verify())
        self.assert_ends(self.restorer.restore())
        self.assertEqual(os.listdir(self.store), [])


class Named(Encrypted, support.StoreCase):
    """Without files that have no name, what large licenses wait in loses its own at once."""

    def test_nothing_is_left(self):
        support.need_filters()
        for number in range(2):
            support.write(self.store + "/%d" % number, os.urandom(12 << 20).hex().encode())

        def body():
            support.without_unnamed_files()
            seen = set()

            def on_event(event):
                seen.add(len(os.listdir(self.backups)))

            # Slow enough for events in the middle of a license.
            hr, _ = self.new_restorer(Threads=1, CompressionLevel=9).backup(0, on_event)
            return hr, seen

        hr, seen = support.in_child(body)
        self.assert_hr(hr, w.S_OK)
        self.assertEqual(max(seen), 1, "more than the backup itself")
        self.assert_clean(names=[w.BACKUP_NAME])
        self.assertEqual(self.opened().files(), files_of(self.store))


class Waiting(Encrypted, support.StoreCase):
    """What waits on the disk for a large license to turn out whole is encrypted too."""

    def files_on_the_disk(self):
        found = {}
        for name in os.listdir("/proc/self/fd"):
            path = "/proc/self/fd/" + name
            try:
                if os.readlink(path).startswith(self.backups + "/"):
                    found[os.stat(path).st_ino] = support.read(path)
            except FileNotFoundError:
                pass
        return list(found.values())

    def test_no_clear_text(self):
        # More than waits in memory.
        content = os.urandom(12 << 20).hex().encode()
        support.write(self.store + "/a", b"compresses well " * (100 << 10))
        support.write(self.store + "/large", content)
        sizes = []

        def on_event(event):
            if event.status == w.STATUS_PROGRESS:
                found = self.files_on_the_disk()
                sizes.append(sorted(map(len, found)))
                for data in found:
                    self.assertIn(data[: len(b"age")], (b"age", b""))
                    self.assertNotIn(b"\x28\xb5\x2f\xfd", data)
                    for at in range(0, len(content), 1 << 18):
                        self.assertNotIn(content[at + 1000 : at + 1016], data)

        # Slow enough for events in the middle of the license.
        restorer = self.new_restorer(Threads=1, CompressionLevel=9)
        hr, _ = restorer.backup(0, on_event)
        self.assert_hr(hr, w.S_OK)
        self.assertTrue(any(len(now) == 2 and now[-1] > 1 << 20 for now in sizes), sizes)
        self.assertEqual(self.opened().files(), files_of(self.store))


# Whatever holds of clear backups holds of encrypted ones.

class CommitEncrypted(Encrypted, test_commit.Commit):
    pass


class LeftoversEncrypted(Encrypted, test_commit.Leftovers):
    pass


class InTheMiddleEncrypted(Encrypted, test_changes.InTheMiddle):
    # One of them verifies what it made.
    properties = EncryptedCase.properties


class MutatedEncrypted(Encrypted, test_changes.Mutated):
    pass


class FullDiskEncrypted(Encrypted, test_failures.FullDisk):
    def test_no_room_for_a_large_license_to_wait(self):
        # Twice: where all of it waits that does not in memory, and in its place.
        disk = self.root + "/larger-disk"
        support.mount(self, disk, "tmpfs", "size=14m")
        self.restorer.set("BackupPath", disk)
        support.write(self.store + "/large", os.urandom(12 << 20))
        self.assert_fails(self.restorer.backup(), w.DISK_FULL, disk)
        self.assert_clean(disk)


class FileSizeLimitEncrypted(Encrypted, test_failures.FileSizeLimit):
    pass


class VerifyEncrypted(Encrypted, test_failures.Verify):
    pass


class KilledEncrypted(Encrypted, test_kill.Killed):
    most_left = 2
    moments = 10

    def setUp(self):
        super().setUp()
        # One that waits elsewhere until it is whole.
        support.write(self.store + "/large", bytes(range(256)) * (6 << 10))
        self.made[b"large"] = support.read(self.store + "/large")
        self.assert_ends(self.restorer.backup(w.OVERWRITE))


def load_tests(loader, tests, pattern):
    """Without what was imported only to be derived from."""
    mine = unittest.TestSuite()
    for case in list(globals().values()):
        if isinstance(case, type) and case.__module__ == __name__:
            mine.addTests(loader.loadTestsFromTestCase(case))
    return mine


if __name__ == "__main__":
    unittest.main()
