"""What recovery after a killed restore leaves alone, and stores in unusual places."""

import os
import subprocess
import unittest

import interrupt
import support
import wmlb_ctypes as w
from restore_support import STAGING, RestoreCase, files_of, last_progress, snapshot


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class AfterAKill(RestoreCase):
    def kill(self, call, number, body=None):
        body = body or (lambda: self.new_target().restore(w.RESTORE_OVERWRITE)[0])
        self.assertTrue(interrupt.run(body, interrupt.kill_at(call, number)).killed)

    def test_what_was_written_since_stays(self):
        self.save({b"added": b"backup", b"moved": b"backup", b"old": b"backup"})
        self.put({b"old": b"store", b"other": b"store"})
        # The first makes the staged files safe, the second the moves: all are done by then.
        self.kill("syncfs", 2)
        self.assertEqual(files_of(self.store)[b"added"], b"backup")
        with open(self.store + "/added", "r+b") as file:
            file.write(b"written in place")
        support.write(self.store + "/new", b"by another name")
        os.rename(self.store + "/new", self.store + "/old")
        expected = {b"added": b"written in place", b"old": b"by another name", b"other": b"store"}
        for _ in range(2):
            self.assertEqual(self.back_up(), (w.S_OK, ""))
            self.assertEqual(files_of(self.store), expected)
            # What was there before is nowhere else.
            kept = [name for name in os.listdir(self.place) if STAGING.fullmatch(name)]
            self.assertEqual(len(kept), 1)
            self.assertIn(b"store", files_of(os.path.join(self.place, kept[0])).values())
        self.assertEqual(self.new_target().enumerate("store")[0], w.S_OK)
        # Until it is in its place.
        support.write(self.store + "/old", b"store")
        self.assertEqual(self.back_up(), (w.S_OK, ""))
        self.assertEqual(files_of(self.store), {**expected, b"old": b"store"})
        self.assert_alone()

    def test_what_is_kept_undoes_nothing_later(self):
        """A restore that comes after what is kept, and ends well, is not taken back."""
        self.save({b"added": b"backup", b"old": b"backup"})
        self.put({b"old": b"store", b"other": b"store"})
        self.kill("syncfs", 2)
        support.write(self.store + "/old", b"written since")
        self.assertEqual(self.back_up(), (w.S_OK, ""))
        self.assertEqual(files_of(self.store), {b"old": b"written since", b"other": b"store"})
        self.assert_hr(self.new_target().restore(w.RESTORE_OVERWRITE)[0], w.S_OK)
        for _ in range(2):
            self.assertEqual(self.back_up(), (w.S_OK, ""))
            self.assertEqual(files_of(self.store), {
                b"added": b"backup", b"old": b"backup", b"other": b"store"})

    def test_a_list_does_not_put_back_and_refuses(self):
        self.save({b"a": b"backup", b"b": b"backup"})
        self.put({b"a": b"store", b"b": b"store"})
        before = snapshot(self.store)
        self.kill("syncfs", 2)
        left = snapshot(self.place)
        restorer = self.new_target()
        self.assert_hr(restorer.enumerate("store")[0], w.BUSY)
        self.assertIn("half restored", restorer.last_error())
        self.assertEqual(snapshot(self.place), left)
        self.assertEqual(self.back_up(), (w.S_OK, ""))
        self.assertEqual(snapshot(self.store), before)
        self.assert_alone()

    def test_without_locks_it_is_put_back_too(self):
        """None at all, and none but those that are shared."""
        self.save({b"a": b"backup", b"b": b"backup"})
        for error in ("ENOLCK", "EBADF", "EOPNOTSUPP"):
            for which in ("1+", "2+"):
                self.put({b"a": b"store", b"b": b"store"})
                before = snapshot(self.store)
                self.kill("syncfs", 2)
                refuse = "inject=flock:error=%s:when=%s" % (error, which)
                options = ["-o", "/dev/null", "-e", "trace=flock", "-e", refuse]
                done = interrupt.run(self.back_up, options)
                self.assertEqual(done.result, (w.S_OK, ""), refuse)
                self.assertEqual(snapshot(self.store), before)
                self.assert_alone()

    def test_a_removal_that_is_killed_can_be_gone_on_with(self):
        self.save({b"n/1/2/x": b"backup", b"n/1/3/x": b"backup"})
        self.put({b"other": b"store"})
        before = snapshot(self.store)

        def canceled():
            return self.new_target().restore(0, lambda event: -1 if last_progress(event) else None)[0]

        for number in (3, 5, 7):
            self.kill("unlinkat", number, canceled)
        self.assertEqual(self.back_up(), (w.S_OK, ""))
        self.assertEqual(snapshot(self.store), before)
        self.assert_alone()


class UnusualPlaces(RestoreCase):
    def test_a_store_that_is_mounted_from_its_own_file_system(self):
        support.need_root()
        self.save({b"a": b"backup", b"b/c": b"backup"})
        for has in ({}, {b"other": b"store"}):
            real = self.root + "/real-%d" % len(has)
            os.mkdir(real)
            os.makedirs(self.store, exist_ok=True)
            subprocess.run(["mount", "--bind", real, self.store], check=True)
            self.addCleanup(subprocess.run, ["umount", self.store])
            self.put(has)
            self.assert_ends(self.new_target().restore())
            has.update({b"a": b"backup", b"b/c": b"backup"})
            self.assertEqual(files_of(self.store), has)
            self.assert_alone()
            subprocess.run(["umount", self.store], check=True)

    def test_an_empty_store_keeps_its_owner(self):
        support.need_root()
        self.save({b"a": b"backup"})
        os.mkdir(self.store)
        os.chown(self.store, 1000, 1001)
        os.chmod(self.store, 0o2770)
        self.assert_ends(self.new_target().restore())
        status = os.stat(self.store)
        self.assertEqual((status.st_uid, status.st_gid), (1000, 1001))
        self.assertEqual(oct(status.st_mode & 0o7777), "0o2770")
        self.assertEqual(files_of(self.store), {b"a": b"backup"})

    def test_a_parent_that_may_not_be_read(self):
        support.need_root()
        self.save({b"a": b"backup"})
        for path in (self.root, self.backups):
            os.chmod(path, 0o755)
        os.chmod(self.target, 0o644)
        os.chown(self.place, 65534, 65534)
        os.chmod(self.place, 0o333)

        def body():
            return self.new_target().restore()[0]

        self.assert_hr(support.in_child(body, user=65534), w.S_OK)
        self.assertEqual(files_of(self.store), {b"a": b"backup"})

    def test_a_folder_that_takes_the_place_of_a_license_stays(self):
        self.save({b"a": b"backup", b"b": b"backup"})
        self.put({b"a": b"store", b"b": b"store"})

        def on_event(event):
            if last_progress(event):
                os.unlink(self.store + "/b")
                support.write(self.store + "/b/precious", b"store")

        self.assert_fails(
            self.new_target().restore(w.RESTORE_OVERWRITE, on_event), w.SHARING_VIOLATION
        )
        self.assertEqual(files_of(self.store), {b"a": b"store", b"b/precious": b"store"})
        self.assert_alone()


if __name__ == "__main__":
    unittest.main()
