"""Who opens a backup with a passphrase or an identity expects that only who has it could have
made the file. Whoever may replace the file could put one in clear in its place: it is refused,
unless the caller says that it may be taken."""

import os
import unittest

import archive_forge as forge
import encryption_support
import support
import trust_support as trust
import wmlb_ctypes as w
from encryption_support import INVALID_PASSWORD, EncryptedCase
from restore_support import files_of, snapshot


class DowngradeCase(EncryptedCase):
    SECRETS = {
        "a passphrase": {"Passphrase": "a long passphrase"},
        "an identity": {"Identities": None},
        "both": {"Passphrase": "a long passphrase", "Identities": None},
    }

    def setUp(self):
        super().setUp()
        self.put({b"license": b"as it was"})

    def secrets(self):
        for words, properties in self.SECRETS.items():
            properties = {name: value or encryption_support.key().text
                          for name, value in properties.items()}
            yield words, properties

    def put_clear(self):
        """A whole file of this device, as somebody makes it who has no secret."""
        device = self.device()
        self.write_archive(forge.small({b"license": b"forged"}, device=device))

    def device(self):
        """The number that this device's backups have: nothing secret."""
        folder = self.root + "/for-the-device"
        support.write(folder + "/store/x", b"x")
        restorer = self.new_restorer(store=folder + "/store", backups=folder)
        restorer.remove_prop(b"Recipients")
        self.assert_ends(restorer.backup())
        clear = encryption_support.archive.Backup(folder + "/licenses.wmlb")
        return clear.info["device"]


class Refused(DowngradeCase):
    def test_each_operation(self):
        self.put_clear()
        before = snapshot(self.place)
        for words, secrets in self.secrets():
            with self.subTest(secret=words):
                self.assert_all(self.open_with(**secrets), INVALID_PASSWORD, "not encrypted")
                self.assert_same(snapshot(self.place), before, "the store was touched")

    def test_the_flags_that_a_restore_has(self):
        """None of them allows it."""
        self.put_clear()
        before = snapshot(self.place)
        for flags in (w.RESTORE_OVERWRITE, w.RESTORE_INDIVIDUALIZE,
                      w.RESTORE_OVERWRITE | w.RESTORE_INDIVIDUALIZE):
            outcome = self.open_with(Passphrase="x").restore(flags)
            self.assert_untouched(outcome, INVALID_PASSWORD, before, "not encrypted")

    def test_no_license_is_told(self):
        self.put_clear()
        hr, licenses = self.open_with(Passphrase="x").enumerate("backup")
        self.assert_hr(hr, INVALID_PASSWORD)
        self.assertEqual(licenses, [])

    def test_a_file_that_is_named_itself(self):
        self.put_clear()
        restorer = self.open_with(Passphrase="x", RestorePath=self.target)
        self.assert_all(restorer, INVALID_PASSWORD, "not encrypted")

    def test_the_command(self):
        self.put_clear()
        folder = self.root + "/program"
        os.mkdir(folder)
        program = trust.build_command(folder)
        support.write(self.root + "/passphrase", b"a long passphrase\n")
        key = encryption_support.key().path
        before = snapshot(self.place)
        for secret in (["--passphrase-file", self.root + "/passphrase"], ["--identity", key]):
            for command in (["verify"], ["list"], ["restore", "--force", "--store", self.store]):
                done = encryption_support.subprocess.run(
                    [program, *command, *secret, self.backups],
                    env=trust.command_environment(self.root), timeout=trust.HANGS,
                    stdout=-1, stderr=-1)
                self.assertEqual(done.returncode, 5, (command, secret, done))
                self.assertIn(b"not encrypted", done.stderr)
        self.assert_same(snapshot(self.place), before, "the store was touched")


class Allowed(DowngradeCase):
    def test_when_the_caller_says_so(self):
        self.put_clear()
        for words, secrets in self.secrets():
            restorer = self.open_with(**secrets)
            self.assert_ends(restorer.verify(trust.ALLOW_CLEAR))
            self.assert_ends(restorer.restore(trust.ALLOW_CLEAR | w.RESTORE_OVERWRITE))
            self.assertEqual(files_of(self.store), {b"license": b"forged"}, words)
            self.put({b"license": b"as it was"})

    def test_encrypted_ones_are_opened_as_before(self):
        """With it and without."""
        self.saver.set("Recipients", encryption_support.key().recipient)
        self.save({b"license": b"from the backup"})
        for flags in (0, trust.ALLOW_CLEAR):
            restorer = self.open_with(Identities=encryption_support.key().text)
            self.assert_ends(restorer.verify(flags))
            wrong = self.open_with(Identities=encryption_support.key(1).text)
            self.assert_fails(wrong.verify(flags), INVALID_PASSWORD)

    def test_it_is_no_flag_of_a_backup(self):
        self.assert_refused(self.saver.backup(trust.ALLOW_CLEAR), w.E_INVALIDARG)


class AsBefore(DowngradeCase):
    """The guards."""

    def test_without_a_secret_a_file_in_clear_is_taken(self):
        self.put_clear()
        self.assert_all(self.open_with(), w.S_OK)
        # To encrypt to somebody says nothing of what one reads.
        self.assert_all(self.open_with(Recipients=encryption_support.key().recipient), w.S_OK)

    def test_what_is_no_backup_is_none(self):
        for content in (b"", b"no backup at all", b"\x28\xb5\x2f\xfd" + bytes(20)):
            self.write_archive(content)
            for name, hr, said in self.all_operations(self.open_with(Passphrase="x")):
                self.assertIn(hr, (w.BAD_DATA, w.BACKUP_CORRUPT, INVALID_PASSWORD), said)


if __name__ == "__main__":
    unittest.main()
