"""Backups, lists and verifications share a store; a restore has it alone: who comes second is told
that it is busy, and nothing is a mixture of before and after."""

import os
import subprocess
import threading
import unittest

import filesystems_support

import cells
import restore_support
import support
import wmlb_ctypes as w

COUNT = 400
# What runs on the store when something else comes.
READERS = ("backup", "list")
COMERS = ("backup", "list", "restore")


class Busy(restore_support.RestoreCase):
    def setUp(self):
        super().setUp()
        self.new = {b"%04d" % number: b"bbbb %d" % number for number in range(COUNT)}
        self.old = {b"%04d" % number: b"aaaa %d" % number for number in range(COUNT)}
        self.save(self.new)
        self.put(self.old)
        self.elsewhere = os.path.join(self.root, "elsewhere")
        self.seen = {}

    def come(self, operation, number=0):
        """Another operation on the same store."""
        if operation == "backup":
            folder = "%s-%d" % (self.elsewhere, number)
            return cells.operate("backup_licenses", self.store, folder)
        if operation == "list":
            return cells.operate("store", self.store)
        return cells.operate("restore_licenses", self.store, self.backups, w.RESTORE_OVERWRITE)

    def come_here_and_there(self):
        """All that may come, in this process and in another; once. Not on the thread of an
        operation, which may not wait for another."""
        if not self.seen:
            comer = threading.Thread(target=self.come_all)
            comer.start()
            comer.join()

    def come_all(self):
        for number, operation in enumerate(COMERS):
            self.seen[operation, "here"] = self.come(operation, number)
            self.seen[operation, "there"] = support.in_child(
                lambda: self.come(operation, number + len(COMERS)))

    def contents_of(self, folder):
        back = folder + "-back"
        outcome = cells.operate("restore_licenses", back, folder)
        self.assert_hr(outcome.hr, w.S_OK, outcome.words)
        return restore_support.files_of(back)

    def run_reader(self, reader):
        """A backup or a list that is in the middle of the store when the others come."""
        if reader == "list":
            hr, licenses = self.restorer.enumerate(
                "store", lambda _: self.come_here_and_there())
            self.assert_hr(hr, w.S_OK)
            return {one.name for one in licenses}
        self.restorer.ask_rights(lambda _: self.come_here_and_there())
        self.assert_hr(self.restorer.set("BackupPath", self.elsewhere), w.S_OK)
        self.assert_ends(self.restorer.backup())
        return self.contents_of(self.elsewhere)

    def test_a_restore_during_a_reader(self):
        for reader in READERS:
            with self.subTest(reader=reader):
                self.seen = {}
                subprocess.run("rm -rf %s*" % self.elsewhere, shell=True, check=True)
                found = self.run_reader(reader)
                self.assertEqual(found, self.old.keys() if reader == "list" else self.old)
                for (operation, where), outcome in self.seen.items():
                    expected = w.BUSY if operation == "restore" else w.S_OK
                    self.assert_hr(outcome.hr, expected, "%s %s: %s" % (
                        operation, where, outcome.words))
                self.assertEqual(restore_support.files_of(self.store), self.old)
                self.assert_alone()

    def test_anything_during_a_restore(self):
        for flags in (w.RESTORE_OVERWRITE, 0):
            with self.subTest(flags=flags):
                self.seen = {}
                before = restore_support.files_of(self.store)

                def on_event(event):
                    if restore_support.last_progress(event):
                        self.come_here_and_there()

                hr, events = self.restorer.restore(flags, on_event)
                self.assert_hr(hr, w.S_OK, events[-1].value)
                for (operation, where), outcome in self.seen.items():
                    self.assert_hr(outcome.hr, w.BUSY, "%s %s: %s" % (
                        operation, where, outcome.words))
                    self.assertIn(self.store, outcome.words)
                after = self.new if flags else before
                self.assertEqual(restore_support.files_of(self.store), after)
                self.assert_alone()

    def test_a_verification_during_a_restore(self):
        """It reads the backup alone."""
        outcomes = []

        def verify():
            outcomes.append(cells.operate("verify_backup", None, self.backups))

        def on_event(event):
            if restore_support.last_progress(event):
                verifier = threading.Thread(target=verify)
                verifier.start()
                verifier.join()

        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE, on_event))
        self.assert_hr(outcomes[0].hr, w.S_OK, outcomes[0].words)

    def test_a_store_is_free_again(self):
        """After each of them, whatever its end, a restore works."""
        for answer in (0, -1):
            with self.subTest(answer=answer):
                self.restorer.ask_rights(lambda _: None)
                self.restorer.set("BackupPath", self.elsewhere + str(answer))
                self.restorer.backup(0, lambda _: answer)
                self.restorer.enumerate("store", lambda _: answer)
                outcome = self.come("restore")
                self.assert_hr(outcome.hr, w.S_OK, outcome.words)
                self.restorer.restore(0, lambda _: answer)
                outcome = self.come("backup", answer + 10)
                self.assert_hr(outcome.hr, w.S_OK, outcome.words)


if __name__ == "__main__":
    unittest.main()
