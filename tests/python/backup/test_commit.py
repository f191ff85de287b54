"""How a backup file takes its name: whole or not at all."""

import fcntl
import os
import socket
import stat
import unittest

import support
import wmlb_ctypes as w


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def at_the_last_progress(body):
    """Calls body() when everything is written but the end, and not yet in place."""

    def on_event(event):
        if event.status == w.STATUS_PROGRESS and event.progress.bytes_total:
            body()

    return on_event


class Commit(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.made = self.fill(5)

    def assert_whole(self):
        self.assertEqual(self.opened().files(), self.made)

    def test_an_existing_backup_is_not_replaced_unasked(self):
        support.write(self.target, b"earlier", 10**18)
        before = os.stat(self.target)
        for flags in (0, w.PARTIAL, w.VERIFY):
            self.assert_refused(self.restorer.backup(flags), w.BACKUP_EXISTS)
        self.assertEqual(support.read(self.target), b"earlier")
        after = os.stat(self.target)
        self.assertEqual(
            (after.st_ino, after.st_mtime_ns, after.st_ctime_ns),
            (before.st_ino, before.st_mtime_ns, before.st_ctime_ns),
        )
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_it_is_replaced_when_asked(self):
        support.write(self.target, b"earlier")
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        self.assert_whole()
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_the_flag_needs_no_earlier_one(self):
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        self.assert_whole()

    def test_who_reads_the_old_one_reads_on(self):
        self.assert_ends(self.restorer.backup())
        old = support.read(self.target)
        with open(self.target, "rb") as reader:
            start = reader.read(10)
            support.write(self.store + "/one-more", b"x" * 100000)
            self.assert_ends(self.restorer.backup(w.OVERWRITE))
            self.assertEqual(start + reader.read(), old)

    def test_an_empty_file_counts_as_a_backup(self):
        support.write(self.target, b"")
        self.assert_refused(self.restorer.backup(), w.BACKUP_EXISTS)

    def test_another_name_of_the_old_file_stays(self):
        support.write(self.target, b"earlier")
        os.link(self.target, self.root + "/kept")
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        self.assertEqual(support.read(self.root + "/kept"), b"earlier")

    def test_the_store_is_not_touched(self):
        def look():
            return sorted((entry.name, entry.stat()) for entry in os.scandir(self.store))

        before = [(name, s.st_mtime_ns, s.st_ctime_ns, s.st_mode) for name, s in look()]
        self.assert_ends(self.restorer.backup())
        after = [(name, s.st_mtime_ns, s.st_ctime_ns, s.st_mode) for name, s in look()]
        self.assertEqual(after, before)

    def test_targets_that_are_no_files(self):
        support.write(self.root + "/victim", b"victim")

        def make_socket():
            listener = socket.socket(socket.AF_UNIX)
            self.addCleanup(listener.close)
            here = os.open(self.backups, os.O_RDONLY)
            listener.bind("/proc/self/fd/%d/%s" % (here, w.BACKUP_NAME))
            os.close(here)

        for make in (
            lambda: os.symlink(self.root + "/victim", self.target),
            lambda: os.symlink("nowhere", self.target),
            lambda: os.symlink(w.BACKUP_NAME, self.target),
            lambda: os.mkfifo(self.target),
            make_socket,
            lambda: os.mkdir(self.target),
        ):
            make()
            before = os.lstat(self.target)
            for flags in (0, w.OVERWRITE):
                self.assert_refused(self.restorer.backup(flags), w.E_ACCESSDENIED)
            after = os.lstat(self.target)
            self.assertEqual((after.st_ino, after.st_mode), (before.st_ino, before.st_mode))
            self.assert_clean(names=[w.BACKUP_NAME])
            if not stat.S_ISDIR(before.st_mode):
                os.unlink(self.target)
        self.assertEqual(support.read(self.root + "/victim"), b"victim")
        self.assertFalse(os.path.lexists(self.root + "/nowhere"))

    def test_a_file_that_appears_meanwhile(self):
        for status in (w.STATUS_BEGIN, w.STATUS_PROGRESS):

            def on_event(event):
                if event.status == status:
                    support.write(self.target, b"the other one's")

            outcome = self.restorer.backup(0, on_event)
            self.assert_fails(outcome, w.BACKUP_EXISTS, self.target)
            self.assertEqual(support.read(self.target), b"the other one's")
            self.assert_clean(names=[w.BACKUP_NAME])
            os.unlink(self.target)

    def test_with_the_flag_it_is_replaced(self):
        appear = at_the_last_progress(lambda: support.write(self.target, b"the other one's"))
        self.assert_ends(self.restorer.backup(w.OVERWRITE, appear))
        self.assert_whole()

    def test_what_is_no_file_appears_meanwhile(self):
        support.write(self.root + "/victim", b"victim")
        for make, remove in (
            (lambda: os.symlink(self.root + "/victim", self.target), os.unlink),
            (lambda: os.mkfifo(self.target), os.unlink),
            (lambda: os.mkdir(self.target), os.rmdir),
        ):
            for flags in (0, w.OVERWRITE):
                outcome = self.restorer.backup(flags, at_the_last_progress(make))
                self.assert_fails(outcome, w.E_ACCESSDENIED, self.target)
                self.assertFalse(stat.S_ISREG(os.lstat(self.target).st_mode))
                self.assert_clean(names=[w.BACKUP_NAME])
                remove(self.target)
        self.assertEqual(support.read(self.root + "/victim"), b"victim")

    def test_the_backup_folder_is_renamed_meanwhile(self):
        # It goes where it was to go, or nowhere; never half.
        moved = self.root + "/moved"
        move = at_the_last_progress(lambda: os.rename(self.backups, moved))
        self.assert_ends(self.restorer.backup(0, move))
        self.assertEqual(self.opened(moved + "/" + w.BACKUP_NAME).files(), self.made)

    def test_the_backup_folder_is_removed_meanwhile(self):
        outcome = self.restorer.backup(0, at_the_last_progress(lambda: os.rmdir(self.backups)))
        hr, events = outcome
        self.assertLess(hr, 0)
        self.assertEqual(events[-1].status, w.STATUS_ERROR)
        self.assertFalse(os.path.exists(self.backups))

    def test_relative_paths_count_from_where_the_operation_started(self):
        def body():
            os.chdir(self.root)
            restorer = self.new_restorer(store="store", backups="backups")

            def on_event(event):
                if event.status == w.STATUS_BEGIN:
                    os.chdir("/")

            return restorer.backup(0, on_event)[0]

        self.assert_hr(support.in_child(body), w.S_OK)
        self.assert_whole()


class Folders(support.StoreCase):
    def backup_to(self, folder, umask=None):
        def body():
            if umask is not None:
                os.umask(umask)
            return self.new_restorer(backups=folder).backup(w.OVERWRITE)

        return support.in_child(body)

    def test_missing_parents_are_made_for_the_user_alone(self):
        for number, umask in enumerate((0, 0o022, 0o077)):
            first = "%s/new-%d" % (self.root, number)
            self.assert_ends(self.backup_to(first + "/a/b", umask))
            for folder in (first, first + "/a", first + "/a/b"):
                self.assertEqual(oct(mode(folder)), oct(0o700), "umask %#o" % umask)

    def test_an_odd_umask_does_not_lock_the_user_out(self):
        folder = self.root + "/new"
        self.assert_ends(self.backup_to(folder + "/a", 0o777))
        self.assertEqual(oct(mode(folder)), oct(0o700))
        self.assertEqual(oct(mode(folder + "/a")), oct(0o700))

    def test_existing_folders_keep_their_modes(self):
        os.chmod(self.backups, 0o755)
        self.assert_ends(self.backup_to(self.backups))
        self.assertEqual(oct(mode(self.backups)), oct(0o755))

    def test_the_file_is_for_the_user_alone(self):
        for umask in (0, 0o022, 0o077, 0o777):
            for _ in ("new", "replaced"):
                self.assert_ends(self.backup_to(self.backups, umask))
                self.assertEqual(oct(mode(self.target)), oct(0o600), "umask %#o" % umask)
            os.unlink(self.target)

    def test_the_old_files_mode_is_not_taken_over(self):
        support.write(self.target, b"earlier")
        os.chmod(self.target, 0o666)
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        self.assertEqual(oct(mode(self.target)), oct(0o600))

    def test_a_linked_folder_is_followed(self):
        os.symlink("backups", self.root + "/link")
        self.assert_ends(self.backup_to(self.root + "/link"))
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_paths_that_lead_through_a_file(self):
        support.write(self.root + "/file", b"kept")
        for path in ("/file", "/file/below", "/file/below/it"):
            hr, events = self.backup_to(self.root + path)
            self.assertLess(hr, 0)
            self.assertEqual([e.status for e in events if e.status == w.STATUS_END], [])
        self.assertEqual(support.read(self.root + "/file"), b"kept")

    def test_a_dangling_link_as_the_folder(self):
        os.symlink("nowhere", self.root + "/link")
        hr, _ = self.backup_to(self.root + "/link")
        self.assertLess(hr, 0)
        self.assertFalse(os.path.exists(self.root + "/nowhere"))

    def test_a_name_too_long(self):
        hr, _ = self.backup_to(self.root + "/" + "x" * 256)
        self.assert_hr(hr, w.NAME_TOO_LONG)


class Leftovers(support.StoreCase):
    """What a killed backup left is removed by the next, and nothing else is."""

    STALE = ".licenses.wmlb.%016x.tmp"

    def setUp(self):
        super().setUp()
        self.fill(2)

    def test_unlocked_ones_are_removed(self):
        for number in (0, 7, 0xFFFFFFFFFFFFFFFF):
            support.write(self.backups + "/" + self.STALE % number, b"stale")
        self.assert_ends(self.restorer.backup())
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_locked_ones_are_not(self):
        names = [self.STALE % number for number in range(3)]
        for name in names:
            support.write(self.backups + "/" + name, b"in use")
        with open(self.backups + "/" + names[1], "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.assert_ends(self.restorer.backup())
            self.assert_clean(names=[w.BACKUP_NAME, names[1]])
            self.assertEqual(support.read(file.name), b"in use")
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_other_names_are_not(self):
        names = [
            ".licenses.wmlb.tmp", ".licenses.wmlb.012345678.tmp", "licenses.wmlb.tmp",
            ".licenses.wmlb.0123456789abcdeg.tmp", ".licenses.wmlb.0123456789abcdef0.tmp",
            ".licenses.wmlb.0123456789abcdef.tmp~", ".other.wmlb.0123456789abcdef.tmp",
        ]
        for name in names:
            support.write(self.backups + "/" + name, b"kept")
        self.assert_ends(self.restorer.backup())
        self.assert_clean(names=names + [w.BACKUP_NAME])

    def test_what_is_no_file_is_left_alone(self):
        support.write(self.root + "/victim", b"victim")
        names = [self.STALE % number for number in range(3)]
        os.mkfifo(self.backups + "/" + names[0])
        os.symlink(self.root + "/victim", self.backups + "/" + names[1])
        os.mkdir(self.backups + "/" + names[2])
        self.assert_ends(self.restorer.backup())
        self.assert_clean(names=names + [w.BACKUP_NAME])
        self.assertEqual(support.read(self.root + "/victim"), b"victim")

    def test_in_other_folders_they_are_left_alone(self):
        support.write(self.backups + "/sub/" + self.STALE % 1, b"kept")
        support.write(self.store + "/" + self.STALE % 1, b"kept")
        self.assert_ends(self.restorer.backup())
        self.assertEqual(os.listdir(self.backups + "/sub"), [self.STALE % 1])
        self.assertTrue(os.path.exists(self.store + "/" + self.STALE % 1))

    def test_nothing_is_left_after_success_failure_and_cancel(self):
        self.assert_ends(self.restorer.backup())
        self.assert_clean(names=[w.BACKUP_NAME])
        self.assert_fails(self.restorer.backup(w.OVERWRITE, lambda event: -1), w.CANCELED)
        self.assert_clean(names=[w.BACKUP_NAME])
        fail = at_the_last_progress(lambda: (os.unlink(self.target), os.mkdir(self.target)))
        self.assert_fails(self.restorer.backup(w.OVERWRITE, fail), w.E_ACCESSDENIED)
        self.assert_clean(names=[w.BACKUP_NAME])


if __name__ == "__main__":
    unittest.main()
