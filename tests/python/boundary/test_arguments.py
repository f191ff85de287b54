"""Which reason a backup is refused for when there are several, and flags."""

import os
import unittest

import support
import wmlb_ctypes as w

UNKNOWN_FLAGS = [0x2, 0x4, 0x80, 0x40, 0x80000000, 0xFFFFFFFF, w.OVERWRITE | 0x10]


class Order(support.StoreCase):
    """Handle, callback, flags, busy, properties, existing backup file."""

    def start(self, handle, flags, callback):
        return w.lib.wmlb_restorer_backup_licenses(handle, flags, callback, None)

    def setUp(self):
        super().setUp()
        self.called = []

        @w.Callback
        def callback(*arguments):
            self.called.append(arguments)
            return 0

        self.callback = callback
        self.bare = w.Restorer()
        self.addCleanup(self.bare.release)

    def tearDown(self):
        self.assertEqual(self.called, [], "a refused call called back")
        super().tearDown()

    def test_handle_before_callback(self):
        self.assert_hr(self.start(None, 0x80000000, w.NO_CALLBACK), w.E_HANDLE)

    def test_callback_before_flags(self):
        self.assert_hr(self.start(self.bare.handle, 0x80000000, w.NO_CALLBACK), w.E_INVALIDARG)
        self.assertIn("callback", self.bare.last_error())

    def test_flags_before_properties(self):
        for flags in UNKNOWN_FLAGS:
            self.assert_hr(self.start(self.bare.handle, flags, self.callback), w.E_INVALIDARG)
            self.assertIn("flag", self.bare.last_error())

    def test_properties(self):
        self.assert_hr(self.start(self.bare.handle, 0, self.callback), w.NOT_CONFIGURED)
        self.assertIn("BackupPath", self.bare.last_error())

    def test_properties_before_the_existing_file(self):
        support.write(self.target, b"old")
        self.restorer.remove_prop(b"BackupPath")
        self.assert_hr(self.start(self.restorer.handle, 0, self.callback), w.NOT_CONFIGURED)

    def test_existing_file_before_the_store(self):
        support.write(self.target, b"old")
        os.rmdir(self.store)
        self.assert_hr(self.start(self.restorer.handle, 0, self.callback), w.BACKUP_EXISTS)

    def test_no_store_at_all_is_a_matter_of_properties(self):
        def body():
            for name in ("WMLB_STORE_PATH", "XDG_DATA_HOME", "HOME"):
                os.environ.pop(name, None)
            restorer = w.Restorer()
            restorer.set("BackupPath", self.backups)
            return restorer.backup()[0], restorer.last_error()

        hr, words = support.in_child(body)
        self.assert_hr(hr, w.NOT_CONFIGURED)
        self.assertIn("StorePath", words)

    def test_nothing_starts_without_a_callback(self):
        self.assert_hr(self.start(self.restorer.handle, 0, w.NO_CALLBACK), w.E_INVALIDARG)
        result = w.c_int32(-5)
        hr = self.restorer.wait(w.FOREVER, w.ctypes.byref(result))
        self.assertEqual((hr, result.value), (w.S_FALSE, -5))
        self.assert_clean()

    def test_every_known_flag_alone_and_together(self):
        self.fill(2)
        for number in range(8):
            flags = sum(
                flag
                for bit, flag in enumerate((w.OVERWRITE, w.PARTIAL, w.VERIFY))
                if number >> bit & 1
            )
            if os.path.exists(self.target):
                os.unlink(self.target)
            self.assert_ends(self.restorer.backup(flags))

    def test_unknown_flags_are_named(self):
        self.restorer.backup(0x40 | w.VERIFY)
        self.assertIn("0x40", self.restorer.last_error())


class Busy(support.StoreCase):
    def while_running(self, body):
        """Runs body() on this thread between BEGIN and the rest of a backup."""
        begun, go_on = w.threading.Event(), w.threading.Event()

        def on_event(event):
            if event.status == w.STATUS_BEGIN:
                begun.set()
                self.assertTrue(go_on.wait(60))

        self.assert_hr(self.restorer.start(0, on_event), w.S_OK)
        events = self.restorer.events
        try:
            self.assertTrue(begun.wait(60))
            body()
        finally:
            go_on.set()
        self.assert_ends((self.restorer.finish(), events))

    def test_a_second_operation_is_refused_at_once(self):
        self.fill(2)
        other = w.Restorer(self.restorer.handle)
        self.while_running(lambda: self.assert_refused(other.backup(), w.BUSY))
        self.assertIn("running", self.restorer.last_error())

    def test_busy_comes_after_the_flags_and_before_the_properties(self):
        self.fill(2)
        other = w.Restorer(self.restorer.handle)

        def body():
            self.assert_refused(other.backup(0x8), w.E_INVALIDARG)
            other.remove_prop(b"BackupPath")
            self.assert_refused(other.backup(), w.BUSY)
            hr = w.lib.wmlb_restorer_backup_licenses(other.handle, 0, w.NO_CALLBACK, None)
            self.assert_hr(hr, w.E_INVALIDARG)

        self.while_running(body)

    def test_another_restorer_is_not_busy(self):
        self.fill(2)
        other = self.new_restorer(backups=os.path.join(self.root, "other"))
        self.while_running(lambda: self.assert_ends(other.backup()))

    def test_idle_again_after_the_end(self):
        self.fill(2)
        for _ in range(3):
            self.assert_ends(self.restorer.backup(w.OVERWRITE))

    def test_idle_again_after_a_refusal(self):
        self.fill(2)
        self.assert_refused(self.restorer.backup(0x8), w.E_INVALIDARG)
        support.write(self.target, b"old")
        self.assert_refused(self.restorer.backup(), w.BACKUP_EXISTS)
        os.unlink(self.target)
        self.assert_ends(self.restorer.backup())


if __name__ == "__main__":
    unittest.main()
