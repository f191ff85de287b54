"""Licenses and folders that cannot be read, with and without WMLB_BACKUP_PARTIAL."""

import os
import resource
import unittest

import archive
import support
import wmlb_ctypes as w


class Unreadable(support.StoreCase):
    """The backups are made by nobody; the stores are root's, or this user's own."""

    def setUp(self):
        super().setUp()
        self.made = self.fill(3)
        for name in os.listdir(self.store):
            os.chmod(os.path.join(self.store, name), 0o644)
        os.chmod(self.backups, 0o777)

    def close(self, name):
        os.chmod(os.path.join(self.store, name), 0)

    def run_as_nobody(self, flags=0):
        def body():
            hr, events = self.new_restorer().backup(flags)
            return hr, [w.Event(*event) for event in events]

        return support.in_child(body, user=support.drop_to_nobody())

    def test_a_store_of_somebody_else(self):
        self.assert_ends(self.run_as_nobody())
        self.assertEqual(archive.Backup(self.target).files(), self.made)

    def test_a_file_fails_the_backup(self):
        self.close("license-0001.lic")
        outcome = self.run_as_nobody()
        self.assert_fails(outcome, w.E_ACCESSDENIED, self.store + "/license-0001.lic")
        self.assertIn("Permission denied", outcome[1][-1].text)
        self.assert_clean()

    def test_a_folder_fails_the_backup(self):
        support.write(self.store + "/folder/license")
        self.close("folder")
        self.assert_fails(self.run_as_nobody(), w.E_ACCESSDENIED, self.store + "/folder")
        self.assert_clean()

    def test_a_folder_that_can_be_listed_but_not_entered(self):
        support.write(self.store + "/folder/license")
        os.chmod(self.store + "/folder", 0o444)
        self.assert_fails(self.run_as_nobody(), w.E_ACCESSDENIED, self.store + "/folder")
        self.assert_clean()

    def test_a_partial_backup_leaves_out_the_file(self):
        self.close("license-0001.lic")
        events = self.assert_ends(self.run_as_nobody(w.PARTIAL), w.NOT_ALL_STORED)
        skipped = [event for event in events if event.status == w.STATUS_SKIPPED]
        self.assertEqual([event.text for event in skipped], ["license-0001.lic"])
        self.assert_hr(skipped[0].hr, w.E_ACCESSDENIED)
        del self.made[b"license-0001.lic"]
        self.assertEqual(archive.Backup(self.target).files(), self.made)
        last = events[-2].progress
        self.assertEqual((last.licenses_done, last.licenses_skipped), (2, 1))
        self.assertEqual(last.licenses_total, 3)
        self.assertEqual(last.bytes_total, 2000)

    def test_a_partial_backup_leaves_out_the_folder(self):
        support.write(self.store + "/folder/license")
        support.write(self.store + "/zz/license", b"z")
        self.close("folder")
        events = self.assert_ends(self.run_as_nobody(w.PARTIAL), w.NOT_ALL_STORED)
        skipped = [event for event in events if event.status == w.STATUS_SKIPPED]
        self.assertEqual([event.text for event in skipped], ["folder"])
        self.assert_hr(skipped[0].hr, w.E_ACCESSDENIED)
        self.made[b"zz/license"] = b"z"
        self.assertEqual(archive.Backup(self.target).files(), self.made)

    def test_everything_is_left_out(self):
        for name in os.listdir(self.store):
            self.close(name)
        events = self.assert_ends(self.run_as_nobody(w.PARTIAL), w.NOT_ALL_STORED)
        self.assertEqual(events[-2].progress.licenses_skipped, 3)
        self.assertEqual(archive.Backup(self.target).files(), {})

    def test_a_partial_backup_of_a_whole_store_is_whole(self):
        self.assert_ends(self.run_as_nobody(w.PARTIAL), w.S_OK)

    def test_an_earlier_backup_stays(self):
        support.write(self.target, b"earlier")
        os.chmod(self.target, 0o666)
        self.close("license-0001.lic")
        self.assert_fails(self.run_as_nobody(w.OVERWRITE), w.E_ACCESSDENIED)
        self.assertEqual(support.read(self.target), b"earlier")

    def test_the_store_itself(self):
        os.chmod(self.store, 0)
        for flags in (0, w.PARTIAL):
            # With nothing readable there is no part to save.
            self.assert_fails(self.run_as_nobody(flags), w.E_ACCESSDENIED, self.store)
            self.assert_clean()
        os.chmod(self.store, 0o755)

    def test_a_backup_folder_that_cannot_be_written_to(self):
        os.chmod(self.backups, 0o555)
        self.assert_fails(self.run_as_nobody(), w.E_ACCESSDENIED, self.backups)
        os.chmod(self.backups, 0o777)
        self.assert_clean()

    def test_a_backup_folder_that_cannot_be_made(self):
        support.need_root()
        os.chmod(self.root, 0o755)
        folder = self.root + "/new/folder"

        def body():
            return self.new_restorer(backups=folder).backup()

        self.assert_fails(support.in_child(body, user=support.NOBODY), w.E_ACCESSDENIED, "new")
        self.assertFalse(os.path.exists(self.root + "/new"))

    def test_a_backup_folder_that_cannot_be_examined(self):
        os.chmod(self.backups, 0)
        hr, events = self.run_as_nobody()
        os.chmod(self.backups, 0o777)
        self.assert_hr(hr, w.E_ACCESSDENIED)
        self.assertEqual(events, [], "it is refused by the call")


class FewDescriptors(support.StoreCase):
    def test_running_out_of_them_is_never_a_smaller_backup(self):
        made = self.fill(30)
        for number in range(40):
            name = "/".join("f%d" % depth for depth in range(number)) + "/license"
            support.write(os.path.join(self.store, name.lstrip("/")), b"x")
            made[name.lstrip("/").encode()] = b"x"

        def body(spare):
            restorer = self.new_restorer(Threads=4)
            free = os.dup(0)
            os.close(free)
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (free + spare, hard))
            return restorer.backup(w.OVERWRITE | w.PARTIAL)

        codes = set()
        for spare in range(0, 40, 2):
            hr, events = support.in_child(lambda: body(spare))
            codes.add(hr)
            if hr == w.S_OK:
                self.assertEqual(archive.Backup(self.target).files(), made)
                os.unlink(self.target)
            else:
                self.assert_hr(hr, w.TOO_MANY_OPEN_FILES, events)
                self.assert_clean()
        self.assertEqual(codes, {w.S_OK, w.TOO_MANY_OPEN_FILES})


if __name__ == "__main__":
    unittest.main()
