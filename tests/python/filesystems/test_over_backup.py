"""A restore into the folder that the backup is in leaves that backup alone."""

import os
import shutil
import unittest

import filesystems_support  # noqa: F401

import cells
import support
import wmlb_ctypes as w


class OverItsOwnBackup(support.StoreCase):
    def test_a_license_named_like_the_backup(self):
        """An earlier backup was saved as a license by a backup to elsewhere."""
        away = os.path.join(self.root, "away")
        support.write(os.path.join(self.store, "a"), b"one")
        outcomes = [cells.operate("backup_licenses", self.store, self.store)]
        support.write(os.path.join(self.store, "b"), b"two")
        outcomes.append(cells.operate("backup_licenses", self.store, away))
        for outcome in outcomes:
            self.assert_hr(outcome.hr, w.S_OK, outcome.words)
        target = os.path.join(self.store, w.BACKUP_NAME)
        shutil.copy(os.path.join(away, w.BACKUP_NAME), target)
        before = support.read(target)
        self.assertIn(w.BACKUP_NAME.encode(), self.opened(target).names())
        os.unlink(os.path.join(self.store, "b"))
        for flags in (0, w.RESTORE_OVERWRITE):
            with self.subTest(flags=flags):
                outcome = cells.operate("restore_licenses", self.store, self.store, flags)
                self.assertTrue(support.read(target) == before,
                                "%s, and the backup was replaced" % outcome)
                if outcome.hr == w.S_OK:
                    self.assertEqual(support.read(os.path.join(self.store, "b")), b"two")
                self.assertEqual([name for name in os.listdir(self.store) if name[0] == "."], [])


if __name__ == "__main__":
    unittest.main()
