"""Databases that another process has locked: they are waited for, but not for ever."""

import os
import time
import unittest

import sqlite_support
import support
import wmlb_ctypes as w
from sqlite_support import MODES, PATIENCE, DatabaseCase, User, make, rows_of

# More than the waiting itself can take, less than if it were done twice.
PROMPT = 1.5


class Locked(DatabaseCase):
    def setUp(self):
        super().setUp()
        make(self.path, 50)
        self.rows = rows_of(self.path)
        self.made = self.fill(3)

    def lock(self, path=None, *before):
        return User(self, path or self.path, *before, "BEGIN EXCLUSIVE")

    def timed(self, flags=0):
        begun = time.monotonic()
        outcome = self.restorer.backup(flags)
        return outcome, time.monotonic() - begun

    def test_as_long_as_it_is_said(self):
        self.lock()
        with self.untouched():
            outcome, seconds = self.timed()
            self.assert_fails(outcome, w.BUSY, self.path, "in use")
            self.assert_clean()
        self.assertGreaterEqual(seconds, PATIENCE)
        self.assertLess(seconds, PATIENCE + PROMPT)

    def test_the_others_are_saved(self):
        other = make(self.store + "/y.db", 20, "wal")
        self.lock()
        with self.untouched():
            outcome, seconds = self.timed(w.PARTIAL)
        self.assert_partial(outcome, {b"x.db": w.BUSY}, [*self.made, b"y.db"])
        self.assert_holds(self.opened().files()[b"y.db"], rows_of(other))
        self.assertGreaterEqual(seconds, PATIENCE)
        self.assertLess(seconds, PATIENCE + PROMPT)

    def test_a_lock_that_goes_away(self):
        for mode in MODES[:3]:
            with self.subTest(mode):
                user = self.lock(self.path, "PRAGMA journal_mode = " + mode)
                user.run("UPDATE t SET content = ? WHERE n = 1", mode)
                self.assert_hr(self.restorer.start(w.OVERWRITE), w.S_OK)
                sqlite_support.until_it_waits()
                user.run("COMMIT")
                self.assert_ends((self.restorer.finish(), self.restorer.events))
                files = self.opened().files()
                self.assertEqual(rows_of(self.path)[0], (1, mode))
                self.assert_holds(files[b"x.db"], rows_of(self.path))
                user.kill()

    def test_canceled_while_it_waits(self):
        self.lock()
        for cancel in (self.restorer.cancel, self.restorer.cancel_license_backup):
            self.assert_hr(self.restorer.start(), w.S_OK)
            sqlite_support.until_it_waits()
            begun = time.monotonic()
            self.assert_hr(cancel(), w.S_OK)
            self.assert_fails((self.restorer.finish(), self.restorer.events), w.CANCELED)
            self.assertLess(time.monotonic() - begun, PROMPT)
            self.assert_clean()

    def test_released_while_it_waits(self):
        self.lock()
        restorer = self.new_restorer()
        self.assert_hr(restorer.start(), w.S_OK)
        sqlite_support.until_it_waits()
        begun = time.monotonic()
        restorer.release()
        self.assertLess(time.monotonic() - begun, PROMPT)
        self.assert_hr(restorer.events[-1].hr, w.CANCELED)
        self.assert_clean()

    def test_one_that_may_not_be_read(self):
        support.need_root()
        os.chmod(self.path, 0o600)
        os.chmod(self.backups, 0o777)

        def body(flags):
            hr, events = self.new_restorer().backup(flags)
            return hr, [tuple(event) for event in events]

        for flags in (0, w.PARTIAL):
            hr, events = support.in_child(lambda: body(flags), user=support.NOBODY)
            events = [w.Event(*event) for event in events]
            if flags:
                self.assert_partial((hr, events), {b"x.db": w.E_ACCESSDENIED}, self.made)
            else:
                self.assert_fails((hr, events), w.E_ACCESSDENIED, self.path)


if __name__ == "__main__":
    unittest.main()
