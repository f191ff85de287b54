"""Limits of the process and of the disk, for every operation that reads or writes a backup."""

import os
import resource
import signal
import subprocess
import unittest

import encryption_support as e
import sqlite_support
import support
import wmlb_ctypes as w
from restore_support import snapshot

MIB = 1 << 20


def limit(what, value):
    """Sets a limit that can be taken back; what takes it back."""
    soft, hard = resource.getrlimit(what)
    resource.setrlimit(what, (value, hard))
    return lambda: resource.setrlimit(what, (soft, hard))


class LimitCase(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.fill(10)
        self.fill(2, folder=self.store + "/nested")

    def encrypted(self):
        return self.new_restorer(Recipients=e.key().recipient, Identities=e.key().identity)

    def operations(self, restorer):
        """Every operation, with what it may leave: name -> function that gives its result."""
        restorer.set("RestorePath", self.backups)
        return {
            "backup": lambda: restorer.backup(w.OVERWRITE | w.VERIFY)[0],
            "verify": lambda: restorer.verify()[0],
            "restore": lambda: restorer.restore(w.RESTORE_OVERWRITE)[0],
            "list": lambda: restorer.enumerate("backup")[0],
            "look": lambda: restorer.enumerate("store")[0],
        }

    def look(self):
        """The store and the backup, as they are."""
        return snapshot(self.store), support.read(self.target), os.listdir(self.backups)


class Descriptors(LimitCase):
    def with_room(self, room, prepare, name):
        """The operation with so many descriptors free, each a number below the limit."""
        operation = self.operations(prepare())[name]
        used = [os.open("/dev/null", os.O_RDONLY)]
        top = max(map(int, os.listdir("/proc/self/fd")))
        # What lies between those in use is free, too: fill it.
        while used[-1] <= top:
            used.append(os.open("/dev/null", os.O_RDONLY))
        os.close(used[-1])
        back = limit(resource.RLIMIT_NOFILE, used[-1] + room)
        try:
            return operation()
        finally:
            back()

    def check(self, prepare):
        self.assert_ends(prepare().backup())
        # What is to be restored is the same, so that the store does not change either way.
        for name in ("backup", "verify", "restore", "list", "look"):
            codes = []
            for room in range(0, 21):
                before = self.look()
                hr = support.in_child(lambda: self.with_room(room, prepare, name))
                words = "%s with %d descriptors" % (name, room)
                self.assertIn(hr, (w.S_OK, w.TOO_MANY_OPEN_FILES), words + ": " + w.describe(hr))
                codes.append(hr)
                after = self.look()
                self.assertEqual(after[0], before[0], words)
                self.assertEqual(after[2], [w.BACKUP_NAME], words)
                if hr != w.S_OK or name != "backup":
                    self.assertEqual(after[1], before[1], words)
            self.assertEqual(codes[0], w.TOO_MANY_OPEN_FILES, name + " needs none")
            self.assertEqual(codes[-1], w.S_OK, name + " needs more than twenty")
            # More are never worse.
            self.assertEqual(codes, sorted(codes), name)

    def test_clear(self):
        self.check(lambda: self.new_restorer(Threads=1))

    def test_encrypted(self):
        self.check(self.encrypted)

    def test_a_database(self):
        sqlite_support.make(self.store + "/licenses.db", 20)
        self.check(lambda: self.new_restorer(Threads=1))


class FileSize(LimitCase):
    def test_any_size(self):
        """The header of an encrypted backup is a write like any other, too."""
        for number in range(4):
            support.write(self.store + "/large-%d" % number, os.urandom(100000))
        for prepare in (self.new_restorer, self.encrypted):
            prepare().backup(w.OVERWRITE)
            whole = os.stat(self.target).st_size
            for size in (0, 1, 20, 100, 180, 220, 1000, 65536, 70000, whole // 2, whole - 4000):
                before = self.look()

                def body():
                    restorer = prepare()
                    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
                    back = limit(resource.RLIMIT_FSIZE, size)
                    outcome = restorer.backup(w.OVERWRITE)
                    back()
                    return outcome

                self.assert_fails(support.in_child(body), w.FILE_TOO_LARGE, self.backups)
                self.assertEqual(self.look(), before, "limit %d" % size)


class FullDisk(LimitCase):
    def test_ext4(self):
        """A file system that knows late how much room there is; clear and encrypted."""
        support.need_root()
        if not support.has_program("mkfs.ext4"):
            self.skipTest("mkfs.ext4 is needed")
        image, self.backups = self.root + "/image", self.root + "/disk"
        with open(image, "wb") as file:
            file.truncate(4 * MIB)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
        support.mount(self, self.backups, "ext4", "loop", image)
        os.rmdir(self.backups + "/lost+found")
        self.target = os.path.join(self.backups, w.BACKUP_NAME)
        self.restorer.set("BackupPath", self.backups)
        self.assert_ends(self.restorer.backup())
        before = self.look()
        for number in range(8):
            support.write(self.store + "/%d" % number, os.urandom(MIB))
        for prepare in (self.new_restorer, self.encrypted):
            for flags in (0, w.VERIFY, w.PARTIAL):
                outcome = prepare().backup(w.OVERWRITE | flags)
                self.assert_fails(outcome, w.DISK_FULL, self.backups)
                self.assertEqual(self.look()[1:], before[1:])


class Threads(LimitCase):
    def test_none_can_be_started(self):
        """Every operation that needs one fails with E_OUTOFMEMORY, and nothing is touched."""
        support.need_root()
        self.assert_ends(self.restorer.backup())
        os.chmod(self.backups, 0o777)
        os.chmod(self.target, 0o644)
        subprocess.run(["chmod", "-R", "a+rwX", self.store], check=True)
        before = self.look()
        for name in ("backup", "verify", "restore"):
            def body():
                restorer = self.new_restorer()
                operation = self.operations(restorer)[name]
                back = limit(resource.RLIMIT_NPROC, 0)
                hr = operation()
                words = restorer.last_error()
                back()
                return hr, words, operation()

            hr, words, again = support.in_child(body, user=support.NOBODY)
            self.assert_hr(hr, w.E_OUTOFMEMORY, name)
            self.assertIn("thread", words)
            self.assert_hr(again, w.S_OK, name + " afterwards")
            if name != "backup":
                self.assertEqual(self.look(), before, name)
            before = self.look()


if __name__ == "__main__":
    unittest.main()
