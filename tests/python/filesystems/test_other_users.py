"""A restore that was killed half way, and another user, another name of the store, or fixed modes
after it: nobody is told S_OK over a half-restored store."""

import os
import subprocess
import tempfile
import unittest

import filesystems_support

import cells
import interrupt
import support
import wmlb_ctypes as w

COUNT = 60
KILLED_AT_MOVE = 31


def names():
    return ["%03d" % number for number in range(COUNT)]


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class AfterAKill(filesystems_support.MountedCase):
    def setUp(self):
        super().setUp()
        self.old = {name: b"old " + name.encode() for name in names()}
        self.new = {name: b"new " + name.encode() for name in names()}
        self.make_backup(self.new)

    def kill(self, store, user):
        """A restore in its moves, of this user's."""
        subprocess.run(["chmod", "-R", "a+rX", self.root], check=True)

        def body():
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            return cells.operate("restore_licenses", store, self.backups, w.RESTORE_OVERWRITE)

        for call in ("renameat2", "renameat"):
            outcome = interrupt.run(body, interrupt.kill_at(call, KILLED_AT_MOVE))
            if outcome.killed:
                return
        self.fail("it makes no moves, and ends: %s" % (outcome.result,))

    def check_next(self, store, behind, user, may_recover):
        """A list and a backup of this user's: of the old store, or refused."""
        states = [cells.contents(cells.files_of(behind))]
        self.assertNotIn(states[0], (self.old, self.new), "it was not killed in its moves")
        for operation in ("store", "backup_licenses"):
            with self.subTest(operation=operation):
                plain = tempfile.mkdtemp(dir=self.root)
                os.chmod(plain, 0o777)
                outcome = support.in_child(
                    lambda: cells.operate(operation, store, plain), user=user)
                refusable = operation == "store" or not may_recover
                if refusable and outcome.hr == w.BUSY:
                    self.assertIn(store, outcome.words)
                    continue
                self.assert_hr(outcome.hr, w.S_OK, outcome.words)
                self.check_state(behind, self.old)
                if operation == "backup_licenses":
                    back = os.path.join(plain, "back")
                    outcome = cells.operate("restore_licenses", back, plain)
                    self.assert_hr(outcome.hr, w.S_OK, outcome.words)
                    self.check_state(back, self.old)

    def check_state(self, folder, expected):
        found = cells.contents(cells.files_of(folder))
        if found != expected:
            old = sum(content in self.old.values() for content in found.values())
            self.fail("S_OK, and of %d licenses %d are old ones" % (len(found), old))

    def check_cleared(self, store, behind, user=None):
        """Who made it puts it back, and restores."""
        outcome = support.in_child(lambda: cells.operate(
            "restore_licenses", store, self.backups, w.RESTORE_OVERWRITE), user=user)
        self.assert_hr(outcome.hr, w.S_OK, outcome.words)
        self.check_state(behind, self.new)
        self.assertEqual(os.listdir(os.path.dirname(behind)), ["store"])

    def test_another_user(self):
        nobody = support.NOBODY
        for first, second, may_recover in (
            (nobody, None, True), (None, nobody, False), (nobody, nobody, True),
        ):
            with self.subTest(first=first, second=second):
                place = os.path.join(self.root, "place-%s-%s" % (first, second))
                store = os.path.join(place, "store")
                cells.write_files(store, self.old)
                if first is not None:
                    subprocess.run(["chown", "-R", "%d:%d" % (first, first), place], check=True)
                self.kill(store, first)
                self.check_next(store, store, second, may_recover)
                self.check_cleared(store, store, first)

    def test_another_name_of_the_same_store(self):
        """A bind mount, as of a container."""
        place = os.path.join(self.root, "place")
        store = os.path.join(place, "store")
        cells.write_files(store, self.old)
        self.kill(store, None)
        elsewhere = os.path.join(self.root, "elsewhere")
        os.mkdir(elsewhere)
        subprocess.run(["mount", "--bind", place, elsewhere], check=True)
        self.addCleanup(subprocess.run, ["umount", elsewhere], check=True)
        other = os.path.join(elsewhere, "store")
        self.check_next(other, store, None, True)
        self.check_cleared(other, store)

    def test_another_mount(self):
        """The same file system, mounted again elsewhere, with modes that are fixed."""
        options = "file_mode=755,dir_mode=755"
        mounted = self.mount(options)
        behind = os.path.join(mounted.behind, "place", "store")
        cells.write_files(behind, self.old)
        self.kill(os.path.join(mounted.through, "place", "store"), None)
        other = self.mount(options, behind=mounted.behind)
        store = os.path.join(other.through, "place", "store")
        self.check_next(store, behind, None, True)
        self.check_cleared(store, behind)


if __name__ == "__main__":
    unittest.main()
