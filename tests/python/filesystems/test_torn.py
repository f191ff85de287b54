"""Licenses that others write to, or hold, while they are read: what a backup with S_OK holds is one
version of each, never half of one and half of the next."""

import fcntl
import os
import signal
import time
import unittest

import filesystems_support

import cells
import support
import wmlb_ctypes as w

NAME = "rewritten.lic"
# In one frame of a backup, in one read; in several reads; in several frames.
SIZES = (3000, 300_000, 4_000_000)
# File systems have the times of a server, too.
YOUNG = 60


class Torn(filesystems_support.MountedCase):
    """A player rewrites a license in place. Its times are those of the moment when the write
    began, so they are the same before and after a reader sees half of it."""

    def check(self, size, seconds, operation="backup_licenses"):
        mounted = self.mount("torn=" + NAME)
        store = os.path.join(mounted.behind, "store")
        new = b"n" * size
        cells.write_files(store, {NAME: new, "another.lic": b"another"})
        began = time.time() + seconds
        os.utime(os.path.join(store, NAME), (began, began))
        outcome = cells.operate(operation, os.path.join(mounted.through, "store"), self.backups)
        if outcome.hr == w.SHARING_VIOLATION:
            self.assert_clean()
            return
        self.assert_hr(outcome.hr, w.S_OK, outcome.words)
        back = os.path.join(self.root, "back")
        outcome = cells.operate("restore_licenses", back, self.backups)
        self.assert_hr(outcome.hr, w.S_OK, outcome.words)
        found = cells.contents(cells.files_of(back))[NAME]
        self.assertTrue(found == new, "S_OK, and %d of %d bytes are of another version" % (
            len(found) - found.count(b"n"), size))

    def test_a_write_that_is_under_way(self):
        for size in SIZES:
            with self.subTest(size=size):
                self.check(size, YOUNG)
                os.unlink(self.target) if os.path.exists(self.target) else None
                cells.shutil.rmtree(os.path.join(self.root, "back"), ignore_errors=True)


class Leases(support.StoreCase):
    """Another program holds a lease, as file servers do, and gives it up as soon as it is asked."""

    def hold(self, path, kind):
        """Has a child hold a lease of a file until somebody opens that; when it is held."""
        ready, tell = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
                file = os.open(path, os.O_RDWR if kind == fcntl.F_WRLCK else os.O_RDONLY)
                fcntl.fcntl(file, fcntl.F_SETLEASE, kind)
                os.write(tell, b"x")
                signal.sigwait({signal.SIGIO})
                os.close(file)
                signal.pause()
            finally:
                os._exit(1)
        self.addCleanup(os.waitpid, child, 0)
        self.addCleanup(os.kill, child, signal.SIGKILL)
        os.close(tell)
        self.assertEqual(os.read(ready, 1), b"x", "there are no leases here")
        os.close(ready)

    def test_leases_that_are_given_up(self):
        expected = self.fill(4)
        for name in sorted(expected)[:3]:
            self.hold(os.path.join(self.store, os.fsdecode(name)), fcntl.F_WRLCK)
        self.assert_ends(self.restorer.backup())
        self.assertEqual(self.opened().files(), expected)

    def test_a_lease_of_a_backup(self):
        self.fill(4)
        self.assert_ends(self.restorer.backup())
        self.assert_hr(self.restorer.set("RestorePath", self.backups), w.S_OK)
        for operation in ("verify_backup", "backup"):
            with self.subTest(operation=operation):
                self.hold(self.target, fcntl.F_WRLCK)
                outcome = cells.operate(operation, None, self.backups)
                self.assert_hr(outcome.hr, w.S_OK, outcome.words)


if __name__ == "__main__":
    unittest.main()
