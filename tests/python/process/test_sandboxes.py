"""Systems that refuse a call the library would like to make: old kernels, sandboxes."""

import errno
import os
import subprocess
import unittest

import archive
import support
import wmlb_ctypes as w


class Sandbox(support.StoreCase):
    def setUp(self):
        super().setUp()
        support.need_filters()
        self.made = self.fill(5)
        support.write(self.store + "/a/b/c/d", b"deep")
        self.made[b"a/b/c/d"] = b"deep"

    def check_commits(self, prepare):
        """Everything a commit promises, in a child that prepares itself first."""

        def body():
            prepare()
            restorer = self.new_restorer(backups=self.root + "/new/folder")
            target = self.root + "/new/folder/" + w.BACKUP_NAME
            self.assert_ends(restorer.backup())
            self.assertEqual(archive.Backup(target).files(), self.made)
            self.assertEqual(oct(os.stat(target).st_mode & 0o7777), oct(0o600))
            self.assert_refused(restorer.backup(), w.BACKUP_EXISTS)
            self.assert_ends(restorer.backup(w.OVERWRITE | w.VERIFY))
            self.assert_clean(os.path.dirname(target), [w.BACKUP_NAME])
            self.assert_fails(restorer.backup(w.OVERWRITE, lambda event: -1), w.CANCELED)
            os.unlink(target)

            def appears(event):
                if event.status == w.STATUS_PROGRESS:
                    support.write(target, b"the other one's")

            self.assert_fails(restorer.backup(0, appears), w.BACKUP_EXISTS)
            self.assertEqual(support.read(target), b"the other one's")
            self.assert_clean(os.path.dirname(target), [w.BACKUP_NAME])

        support.in_child(body)

    def test_no_unnamed_files(self):
        for code in (errno.EOPNOTSUPP, errno.EINVAL, errno.EISDIR):
            subprocess.run(["rm", "-rf", self.root + "/new"], check=True)
            self.check_commits(
                lambda: support.filter_calls(("openat", code, 2, support.O_TMPFILE_BIT))
            )

    def test_no_links(self):
        for code in (errno.EPERM, errno.EACCES, errno.ENOSYS):
            subprocess.run(["rm", "-rf", self.root + "/new"], check=True)
            self.check_commits(lambda: support.filter_calls(("linkat", code)))

    def test_no_rename_that_does_not_replace(self):
        def prepare():
            support.filter_calls(("renameat2", errno.EINVAL))
            support.without_unnamed_files()

        self.check_commits(prepare)

    def test_none_of_them(self):
        def prepare():
            support.filter_calls(("renameat2", errno.ENOSYS), ("linkat", errno.EPERM))
            support.without_unnamed_files()

        self.check_commits(prepare)

    def test_no_openat2(self):
        for code in (errno.ENOSYS, errno.EPERM):
            subprocess.run(["rm", "-rf", self.root + "/new"], check=True)
            self.check_commits(lambda: support.filter_calls(("openat2", code)))

    def test_links_in_the_way_are_not_followed_without_openat2(self):
        support.write(self.root + "/outside/secret", b"secret")

        def body():
            support.filter_calls(("openat2", errno.ENOSYS))
            restorer = self.new_restorer(Threads=1)
            for number in range(3):
                support.write(self.store + "/0-%d" % number, os.urandom(2 << 20))

            def on_event(event):
                if event.status == w.STATUS_PROGRESS and not os.path.islink(self.store + "/a/b"):
                    os.rename(self.store + "/a/b", self.store + "/a/away")
                    os.makedirs(self.root + "/outside/c", exist_ok=True)
                    support.write(self.root + "/outside/c/d", b"secret")
                    os.symlink(self.root + "/outside", self.store + "/a/b")

            return restorer.backup(0, on_event)[0]

        hr = support.in_child(body)
        if hr == w.S_OK:
            self.assertNotIn(b"secret", archive.Backup(self.target).files().values())

    def test_no_proc(self):
        support.need_root()

        def prepare():
            support.unshare_mounts()
            subprocess.run(["mount", "-t", "tmpfs", "none", "/proc"], check=True)

        self.check_commits(prepare)


class FailingSync(support.StoreCase):
    """A disk that loses what it is given, seen from the one call that tells."""

    def setUp(self):
        super().setUp()
        support.need_filters()
        self.fill(5)

    def test_before_the_commit(self):
        support.write(self.target, b"earlier")

        def body():
            support.filter_calls(("fsync", errno.EIO))
            return self.new_restorer().backup(w.OVERWRITE)

        outcome = support.in_child(body)
        self.assert_fails(outcome, w.from_win32(1117), self.backups)
        self.assertEqual(support.read(self.target), b"earlier")
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_no_room_is_told_as_that(self):
        def body():
            support.filter_calls(("fsync", errno.EDQUOT))
            return self.new_restorer().backup()

        self.assert_fails(support.in_child(body), w.DISK_FULL)
        self.assert_clean()

    def test_of_the_folder_after_the_commit(self):
        support.write(self.target, b"earlier")

        def body():
            def on_event(event):
                if event.status == w.STATUS_PROGRESS and event.progress.bytes_total:
                    for name in os.listdir("/proc/self/fd"):
                        path = "/proc/self/fd/" + name
                        if os.path.lexists(path) and os.readlink(path) == self.backups:
                            support.filter_calls(("fsync", errno.EIO, 0, int(name), "equal"))

            return self.new_restorer().backup(w.OVERWRITE, on_event)

        # It is told, and the new file, which has its name, stays.
        self.assert_fails(support.in_child(body), w.from_win32(1117), self.backups)
        self.assertEqual(len(archive.Backup(self.target).files()), 5)
        self.assert_clean(names=[w.BACKUP_NAME])


class FailingListing(support.StoreCase):
    """A listing that does not come to its end is never a smaller backup."""

    def setUp(self):
        super().setUp()
        support.need_filters()
        self.fill(5)

    def backup_with(self, code, flags=0):
        def body():
            support.filter_calls(("getdents64", code))
            return self.new_restorer().backup(flags)

        return support.in_child(body)

    def test_a_disk_that_fails(self):
        for flags in (0, w.PARTIAL):
            outcome = self.backup_with(errno.EIO, flags)
            self.assert_fails(outcome, w.from_win32(1117), self.store)
            self.assert_clean()

    def test_a_folder_that_has_vanished(self):
        # What Linux says to who lists a folder that was removed while it was open.
        outcome = self.backup_with(errno.ENOENT)
        self.assert_fails(outcome, w.SHARING_VIOLATION, self.store)
        self.assert_clean()


if __name__ == "__main__":
    unittest.main()
