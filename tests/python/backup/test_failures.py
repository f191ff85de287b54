"""Disks that are full, read-only or damaged: an earlier backup stays, nothing else does."""

import errno
import os
import resource
import signal
import subprocess
import threading
import unittest

import archive
import interrupt
import sqlite_support
import support
import wmlb_ctypes as w


class FullDisk(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.disk = self.root + "/disk"
        support.mount(self, self.disk, "tmpfs", "size=2m")
        self.restorer.set("BackupPath", self.disk)
        self.target = self.disk + "/" + w.BACKUP_NAME

    def fill_up(self):
        for number in range(8):
            support.write(self.store + "/%d" % number, os.urandom(1 << 20))

    def test_nothing_is_left(self):
        self.fill_up()
        for flags in (0, w.VERIFY, w.PARTIAL):
            self.assert_fails(self.restorer.backup(flags), w.DISK_FULL, self.disk)
            self.assert_clean(self.disk)
        free = os.statvfs(self.disk)
        self.assertGreater(free.f_bavail * free.f_bsize, 1900000)

    def test_the_earlier_backup_is_intact(self):
        made = self.fill(5)
        self.assert_ends(self.restorer.backup())
        before = support.read(self.target)
        self.fill_up()
        outcome = self.restorer.backup(w.OVERWRITE)
        self.assert_fails(outcome, w.DISK_FULL, self.disk)
        self.assertIn("No space left", outcome[1][-1].text)
        self.assertEqual(support.read(self.target), before)
        self.assertEqual(self.opened().files(), made)
        self.assert_clean(self.disk, [w.BACKUP_NAME])

    def test_with_a_file_that_has_a_name(self):
        support.need_filters()
        self.fill_up()

        def body():
            support.without_unnamed_files()
            return self.new_restorer(backups=self.disk).backup()

        self.assert_fails(support.in_child(body), w.DISK_FULL)
        self.assert_clean(self.disk)

    def test_no_room_for_another_name(self):
        # Not even an inode: the backup folder cannot be made.
        disk = self.root + "/no-inodes"
        support.mount(self, disk, "tmpfs", "size=2m,nr_inodes=1")
        self.restorer.set("BackupPath", disk + "/folder")
        self.fill(1)
        self.assert_fails(self.restorer.backup(), w.DISK_FULL, disk)


class ReadOnly(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.fill(2)
        self.disk = self.root + "/disk"
        support.mount(self, self.disk, "tmpfs", "size=1m")
        support.write(self.disk + "/old/licenses.wmlb", b"earlier")
        subprocess.run(["mount", "-o", "remount,ro", self.disk], check=True)

    def test_a_backup_to_it(self):
        self.restorer.set("BackupPath", self.disk)
        self.assert_fails(self.restorer.backup(), w.WRITE_PROTECT, self.disk)

    def test_over_an_earlier_one(self):
        self.restorer.set("BackupPath", self.disk + "/old")
        self.assert_refused(self.restorer.backup(), w.BACKUP_EXISTS)
        self.assert_fails(self.restorer.backup(w.OVERWRITE), w.WRITE_PROTECT)
        self.assertEqual(support.read(self.disk + "/old/licenses.wmlb"), b"earlier")

    def test_a_folder_that_cannot_be_made(self):
        self.restorer.set("BackupPath", self.disk + "/new")
        self.assert_fails(self.restorer.backup(), w.WRITE_PROTECT, self.disk + "/new")

    def test_a_store_on_it(self):
        self.restorer.set("StorePath", self.disk)
        self.assert_ends(self.restorer.backup())
        self.assertEqual(self.opened().files(), {b"old/licenses.wmlb": b"earlier"})


class FileSizeLimit(support.StoreCase):
    def test_the_process_lives(self):
        support.write(self.store + "/large", os.urandom(3 << 20))

        def body():
            restorer = self.new_restorer()
            # What a program that knows nothing of limits has; Python ignores it.
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
            first = restorer.backup()
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            left = os.listdir(self.backups)
            return first, left, restorer.backup()[0]

        outcome, left, again = support.in_child(body)
        self.assert_fails(outcome, w.FILE_TOO_LARGE, self.backups)
        self.assertEqual(left, [])
        self.assert_hr(again, w.S_OK)


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class TemporaryFiles(support.StoreCase):
    def backup_under(self, *options, before=lambda: None):
        def body():
            before()
            return self.new_restorer(Threads=1).backup()[0]

        return interrupt.run(body, ["-o", "/dev/null", *options]).result

    def test_each_is_taken_by_somebody_else(self):
        """The code says that somebody has it, not that there is a file already."""
        # The first lock is that of the store.
        inject = "inject=flock:error=EAGAIN:when=2+"
        hr = self.backup_under("-e", "trace=flock", "-e", inject,
                               before=support.without_unnamed_files)
        self.assert_hr(hr, w.SHARING_VIOLATION)
        self.assert_clean()

    def test_one_is_swept_before_it_is_locked(self):
        """Another backup has locked it first, and removed it."""
        swept = []
        done = threading.Event()

        def sweep():
            while not swept and not done.is_set():
                for name in os.listdir(self.backups):
                    os.unlink(os.path.join(self.backups, name))
                    swept.append(name)

        sweeper = threading.Thread(target=sweep)
        sweeper.start()
        try:
            # In microseconds: ample time to be swept.
            inject = "inject=flock:delay_enter=500000"
            hr = self.backup_under("-e", "trace=flock", "-e", inject,
                                   before=support.without_unnamed_files)
        finally:
            done.set()
            sweeper.join()
        self.assert_hr(hr, w.S_OK)
        self.assertEqual([name.startswith(".licenses.wmlb.") for name in swept], [True])
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_somebody_else_makes_the_backup_at_the_last_moment(self):
        for call, before in (
            ("linkat", lambda: None),
            ("renameat2", support.without_unnamed_files),
        ):
            inject = "inject=%s:error=EEXIST:when=1" % call
            hr = self.backup_under("-e", "trace=" + call, "-e", inject, before=before)
            self.assert_hr(hr, w.BACKUP_EXISTS, call)
            self.assert_clean()

    def test_the_disk_has_no_room_for_its_name(self):
        """Where links are refused, whatever the reason, the file is copied; here there is no
        room for another one either."""

        def before():
            support.filter_calls(("openat", errno.ENOSPC, 2, os.O_CREAT))

        hr = self.backup_under("-e", "trace=linkat", "-e", "inject=linkat:error=ENOSPC",
                               before=before)
        self.assert_hr(hr, w.DISK_FULL)
        self.assert_clean()

    def test_of_a_user_who_is_not_root(self):
        support.need_root()
        sqlite_support.make(self.store + "/licenses.db", 5)
        subprocess.run(["chown", "-R", str(support.NOBODY), self.root], check=True)
        self.assert_hr(
            support.in_child(lambda: self.new_restorer().backup()[0], user=support.NOBODY), w.S_OK
        )

    def test_some_are_taken_by_somebody_else(self):
        inject = "inject=flock:error=EAGAIN:when=2..51"
        hr = self.backup_under("-e", "trace=flock", "-e", inject,
                               before=support.without_unnamed_files)
        self.assert_hr(hr, w.S_OK)
        self.assert_clean(names=[w.BACKUP_NAME])


class Verify(support.StoreCase):
    """Damage between writing and reading back, done through the descriptor that writes."""

    def setUp(self):
        super().setUp()
        for number in range(4):
            support.write(self.store + "/%d" % number, os.urandom(1 << 20))

    def written_file(self):
        """The temporary file, whatever it is called or not called."""
        for name in os.listdir("/proc/self/fd"):
            path = "/proc/self/fd/" + name
            try:
                link = os.readlink(path)
            except OSError:
                continue
            if link.startswith(self.backups + "/"):
                return path
        self.fail("no file in the backup folder is open")

    def damaging(self, offset):
        def on_event(event):
            if event.status == w.STATUS_PROGRESS and event.progress.bytes_total:
                with open(self.written_file(), "r+b", buffering=0) as file:
                    size = file.seek(0, os.SEEK_END)
                    at = offset(size)
                    byte = os.pread(file.fileno(), 1, at)
                    os.pwrite(file.fileno(), bytes([byte[0] ^ 1]), at)

        return on_event

    def test_one_bit_anywhere(self):
        for offset in (
            lambda size: 0,
            lambda size: 20,
            lambda size: size // 3,
            lambda size: size // 2,
            lambda size: size - 1,
        ):
            for threads in (1, 4):
                self.restorer.set("Threads", threads)
                outcome = self.restorer.backup(w.VERIFY, self.damaging(offset))
                self.assert_fails(outcome, w.BACKUP_CORRUPT, self.target)
                self.assert_clean()

    def test_an_earlier_backup_stays(self):
        support.write(self.target, b"earlier")
        damage = self.damaging(lambda size: size // 2)
        self.assert_fails(self.restorer.backup(w.VERIFY | w.OVERWRITE, damage), w.BACKUP_CORRUPT)
        self.assertEqual(support.read(self.target), b"earlier")
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_cut_off(self):
        def on_event(event):
            if event.status == w.STATUS_PROGRESS and event.progress.bytes_total:
                path = self.written_file()
                os.truncate(path, os.stat(path).st_size // 2)

        hr, events = self.restorer.backup(w.VERIFY, on_event)
        self.assertEqual(events[-1].status, w.STATUS_ERROR)
        self.assert_hr(hr, w.BACKUP_CORRUPT, events[-1].text)
        self.assert_clean()

    def test_without_damage(self):
        for threads in (1, 4):
            self.restorer.set("Threads", threads)
            self.assert_ends(self.restorer.backup(w.VERIFY | w.OVERWRITE))
            self.assertEqual(len(self.opened().files()), 4)

    def test_without_the_flag_nobody_looks(self):
        # That the damage is real, and only the flag notices it.
        self.assert_ends(self.restorer.backup(0, self.damaging(lambda size: size // 2)))
        with self.assertRaises((archive.Malformed, subprocess.CalledProcessError)):
            self.opened()


if __name__ == "__main__":
    unittest.main()
