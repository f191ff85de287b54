"""A store and a backup folder that lie in one another: a backup never backs itself up."""

import os
import unittest

import archive
import support
import wmlb_ctypes as w

TEMPORARY = ".licenses.wmlb.0123456789abcdef.tmp"
ALIKE = [
    "licenses.wmlb.bak", "Licenses.wmlb", ".licenses.wmlb", "licenses.wmlb~",
    ".licenses.wmlb.0123456789abcde.tmp", ".licenses.wmlb.0123456789abcdef0.tmp",
    ".licenses.wmlb.0123456789abcdeg.tmp", ".licenses.wmlb.0123456789abcdef",
    ".licenses.wmlb..tmp", "x.licenses.wmlb.0123456789abcdef.tmp",
]


class Overlap(support.StoreCase):
    def backups_of(self, store, folder, times=3):
        """What the last of several backups holds; each has the earlier one before it."""
        restorer = self.new_restorer(store=store, backups=folder)
        for _ in range(times):
            self.assert_ends(restorer.backup(w.OVERWRITE))
        return archive.Backup(os.path.join(folder, w.BACKUP_NAME)).files()

    def test_backup_folder_inside_the_store(self):
        made = self.fill(3)
        self.assertEqual(self.backups_of(self.store, self.store + "/backups"), made)

    def test_backup_folder_made_inside_the_store(self):
        made = self.fill(3)
        self.assertEqual(self.backups_of(self.store, self.store + "/a/b/c", 1), made)

    def test_backup_folder_is_the_store(self):
        made = self.fill(3)
        self.assertEqual(self.backups_of(self.store, self.store), made)

    def test_the_same_folder_by_another_name(self):
        made = self.fill(3)
        os.symlink("store", self.root + "/link")
        self.assertEqual(self.backups_of(self.store, self.root + "/link/../link/."), made)

    def test_store_inside_the_backup_folder(self):
        made = self.fill(3)
        support.write(self.root + "/other", b"not in the store")
        self.assertEqual(self.backups_of(self.store, self.root), made)

    def test_other_files_in_the_backup_folder_are_licenses(self):
        support.write(self.store + "/backups/beside", b"beside")
        found = self.backups_of(self.store, self.store + "/backups")
        self.assertEqual(found, {b"backups/beside": b"beside"})

    def test_names_of_backups_elsewhere_are_licenses(self):
        made = {}
        for folder in ("", "sub/", "sub/sub/"):
            for name in (w.BACKUP_NAME, TEMPORARY):
                support.write(self.store + "/" + folder + name, name.encode())
                made[(folder + name).encode()] = name.encode()
        self.assertEqual(self.backups_of(self.store, self.backups), made)
        # In the folder of the backup they are not; below it they are.
        del made[b"licenses.wmlb"], made[TEMPORARY.encode()]
        self.assertEqual(self.backups_of(self.store, self.store), made)

    def test_names_that_only_look_like_ours_are_licenses(self):
        made = {}
        for name in ALIKE:
            support.write(self.store + "/" + name, name.encode())
            made[name.encode()] = name.encode()
        self.assertEqual(self.backups_of(self.store, self.store), made)

    def test_many_backups_of_one_folder_by_several_restorers(self):
        made = self.fill(3)
        restorers = [self.new_restorer(store=self.store, backups=self.store) for _ in range(4)]
        for _ in range(10):
            for restorer in restorers:
                self.assert_hr(restorer.start(w.OVERWRITE), w.S_OK)
            for restorer in restorers:
                hr = restorer.finish()
                # The store is the folder they all write to, so it may keep changing.
                self.assertIn(hr, (w.S_OK, w.SHARING_VIOLATION))
        self.assert_ends(restorers[0].backup(w.OVERWRITE))
        self.assertEqual(archive.Backup(self.store + "/licenses.wmlb").files(), made)
        self.assertEqual(len(os.listdir(self.store)), 4)


if __name__ == "__main__":
    unittest.main()
