"""A backup that is killed: the old file stays, and at most one temporary file is left."""

import os
import random
import re
import signal
import unittest

import support
import wmlb_ctypes as w

TEMPORARY = re.compile(r"\.licenses\.wmlb\.[0-9a-f]{16}\.tmp")


class Killed(support.StoreCase):
    most_left = 1
    moments = 25

    def setUp(self):
        super().setUp()
        self.made = self.fill(20, 100000)
        self.assert_ends(self.restorer.backup())

    def assert_intact(self):
        """The backup is whole; the rest is one temporary file at the most, and it goes."""
        self.assertEqual(self.opened().files(), self.made)
        others = set(os.listdir(self.backups)) - {w.BACKUP_NAME}
        self.assertLessEqual(len(others), self.most_left)
        for name in others:
            self.assertRegex(name, TEMPORARY)

    def assert_swept(self):
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        self.assert_clean(names=[w.BACKUP_NAME])

    def kill_at(self, status, prepare=lambda: None):
        before = os.stat(self.target)

        def body():
            prepare()

            def on_event(event):
                if event.status == status:
                    os.kill(os.getpid(), signal.SIGKILL)

            self.new_restorer().backup(w.OVERWRITE, on_event)

        support.in_child(body, expect_signal=signal.SIGKILL)
        self.assert_intact()
        return os.stat(self.target).st_ino == before.st_ino

    def test_in_the_callback(self):
        for status in (w.STATUS_BEGIN, w.STATUS_PROGRESS):
            self.assertTrue(self.kill_at(status), "the old file was replaced too early")
            self.assert_swept()

    def test_in_the_last_event_the_new_one_is_there(self):
        self.assertFalse(self.kill_at(w.STATUS_END))
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_with_a_file_that_has_a_name(self):
        support.need_filters()
        self.assertTrue(self.kill_at(w.STATUS_PROGRESS, support.without_unnamed_files))
        # Here one must be left, or the test kills nothing.
        self.assertIn(len(os.listdir(self.backups)) - 1, range(1, self.most_left + 1))
        self.assert_swept()

    def test_a_first_backup(self):
        os.unlink(self.target)

        def body():
            support.without_unnamed_files()

            def on_event(event):
                if event.status == w.STATUS_PROGRESS:
                    os.kill(os.getpid(), signal.SIGKILL)

            self.new_restorer().backup(0, on_event)

        support.need_filters()
        support.in_child(body, expect_signal=signal.SIGKILL)
        self.assertFalse(os.path.exists(self.target))
        self.assert_ends(self.restorer.backup())
        self.assert_clean(names=[w.BACKUP_NAME])

    def at_random_moments(self, prepare):
        moments = random.Random(5)
        for _ in range(self.moments):
            seconds = moments.uniform(0.0005, 0.02)

            def body():
                prepare()
                restorer = self.new_restorer()
                # The default action of this signal is an end like that of SIGKILL.
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.setitimer(signal.ITIMER_REAL, seconds)
                while True:
                    restorer.backup_licenses(w.OVERWRITE, native, None)
                    restorer.finish()

            native = w.native_callback()
            support.in_child(body, expect_signal=signal.SIGALRM)
            self.assert_intact()
            if moments.random() < 0.5:
                self.assert_swept()
        self.assert_swept()

    def test_at_random_moments(self):
        self.at_random_moments(lambda: None)

    def test_at_random_moments_with_a_file_that_has_a_name(self):
        support.need_filters()
        self.at_random_moments(support.without_unnamed_files)


if __name__ == "__main__":
    unittest.main()
