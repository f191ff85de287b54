"""wait, cancel and get_progress, before, during and after an operation."""

import ctypes
import os
import threading
import unittest
from ctypes import byref, c_int32, c_size_t

import support
import wmlb_ctypes as w

WORDS = ctypes.sizeof(w.Progress) // 8


class Paused(support.StoreCase):
    """A backup that stands still in its first event as long as the test wants."""

    def setUp(self):
        super().setUp()
        self.fill(5)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def tearDown(self):
        self.go_on.set()
        super().tearDown()

    def start_paused(self, flags=0):
        def on_event(event):
            if event.status == w.STATUS_BEGIN:
                self.begun.set()
                self.assertTrue(self.go_on.wait(60))

        self.assert_hr(self.restorer.start(flags, on_event), w.S_OK)
        self.assertTrue(self.begun.wait(60))

    def wait(self, timeout):
        """(hr, result); -5 is what the result was."""
        result = c_int32(-5)
        return self.restorer.wait(timeout, byref(result)), result.value


class Wait(Paused):
    def test_before_any_operation(self):
        for timeout in (0, 1, 100000, w.FOREVER):
            self.assertEqual(self.wait(timeout), (w.S_FALSE, -5))

    def test_after_a_refusal_there_still_was_none(self):
        self.assert_refused(self.restorer.backup(0x8), w.E_INVALIDARG)
        self.assertEqual(self.wait(w.FOREVER), (w.S_FALSE, -5))

    def test_a_time_out_leaves_the_result(self):
        self.start_paused()
        for timeout in (0, 1, 20):
            self.assertEqual(self.wait(timeout), (w.WAIT_TIMEOUT, -5))
        self.assertEqual(w.WAIT_TIMEOUT & 0xFFFFFFFF, 0x80070102)
        self.go_on.set()
        self.assertEqual(self.wait(w.FOREVER), (w.S_OK, w.S_OK))

    def test_any_number_of_times(self):
        self.assert_ends(self.restorer.backup())
        for timeout in (0, 1, w.FOREVER) * 3:
            self.assertEqual(self.wait(timeout), (w.S_OK, w.S_OK))

    def test_the_result_is_that_of_the_last_operation(self):
        self.assert_ends(self.restorer.backup())
        self.assert_fails(self.restorer.backup(w.OVERWRITE, lambda event: -1), w.CANCELED)
        self.assertEqual(self.wait(0), (w.S_OK, w.CANCELED))
        # A call that was refused is no operation.
        self.assert_refused(self.restorer.backup(), w.BACKUP_EXISTS)
        self.assertEqual(self.wait(0), (w.S_OK, w.CANCELED))

    def test_a_time_out_during_a_second_operation(self):
        self.assert_ends(self.restorer.backup())
        self.start_paused(w.OVERWRITE)
        self.assertEqual(self.wait(0), (w.WAIT_TIMEOUT, -5))

    def test_many_wait_at_once(self):
        self.start_paused()
        found = []
        waiters = [
            threading.Thread(target=lambda: found.append(self.wait(w.FOREVER))) for _ in range(8)
        ]
        for thread in waiters:
            thread.start()
        self.go_on.set()
        for thread in waiters:
            thread.join(60)
        self.assertEqual(found, [(w.S_OK, w.S_OK)] * 8)

    def test_a_failure_of_the_operation_is_a_success_of_wait(self):
        self.restorer.set("StorePath", self.root + "/missing")
        self.restorer.backup()
        self.assertEqual(self.wait(0), (w.S_OK, w.UNABLE_TO_OPEN_DATA_STORE))

    def test_the_callback_has_returned_when_wait_does(self):
        returned = []

        def on_event(event):
            if event.is_terminal:
                for _ in range(200):
                    os.sched_yield()
                returned.append(event.status)

        for number in range(1, 30):
            self.assert_ends(self.restorer.backup(w.OVERWRITE, on_event))
            self.assertEqual(len(returned), number)


class Cancel(Paused):
    def test_with_nothing_running(self):
        for cancel in (self.restorer.cancel, self.restorer.cancel_license_backup):
            self.assert_hr(cancel(), w.S_FALSE)
        self.assert_ends(self.restorer.backup())
        for cancel in (self.restorer.cancel, self.restorer.cancel_license_backup):
            self.assert_hr(cancel(), w.S_FALSE)

    def test_from_another_thread(self):
        for name in ("cancel", "cancel_license_backup"):
            self.begun.clear()
            self.go_on.clear()
            self.start_paused()
            self.assert_hr(getattr(self.restorer, name)(), w.S_OK)
            self.assert_hr(getattr(self.restorer, name)(), w.S_OK)
            self.go_on.set()
            self.assert_fails((self.restorer.finish(), self.restorer.events), w.CANCELED)
            self.assert_clean()

    def test_one_restorer_does_not_cancel_another(self):
        other = self.new_restorer()
        self.start_paused()
        self.assert_hr(other.cancel(), w.S_FALSE)
        self.go_on.set()
        self.assert_ends((self.restorer.finish(), self.restorer.events))

    def test_within_a_long_license(self):
        path = self.store + "/zeros"
        support.write(path)
        os.truncate(path, 1 << 40)
        self.restorer.set("Threads", 1)

        def on_event(event):
            # Only the huge file is left by the time this many bytes are done.
            if event.status == w.STATUS_PROGRESS and event.progress.bytes_done > 1 << 20:
                self.restorer.cancel()

        self.assert_fails(self.restorer.backup(0, on_event), w.CANCELED)
        self.assert_clean()

    def test_a_wish_to_cancel_ends_with_its_operation(self):
        self.start_paused()
        self.restorer.cancel()
        self.go_on.set()
        self.restorer.finish()
        self.assert_ends(self.restorer.backup())


class GetProgress(Paused):
    FILLER = 0xAAAAAAAAAAAAAAAA

    def raw(self, struct_size):
        """(hr, the words of a struct with room for more than there is today)."""
        words = (ctypes.c_uint64 * (WORDS + 4))(*[self.FILLER] * (WORDS + 4))
        c_size_t.from_buffer(words).value = struct_size
        pointer = ctypes.cast(words, ctypes.POINTER(w.Progress))
        return self.restorer.get_progress(pointer), list(words)

    def test_before_any_operation(self):
        progress = self.restorer.progress()
        self.assertEqual(bytes(progress)[8:], bytes(56))

    def test_after_one(self):
        events = self.assert_ends(self.restorer.backup())
        self.assertEqual(bytes(self.restorer.progress()), events[-2].value)
        self.assertEqual(self.restorer.progress().licenses_done, 5)

    def test_after_a_canceled_one_it_is_how_far_that_came(self):
        self.assert_ends(self.restorer.backup())
        self.assert_fails(self.restorer.backup(w.OVERWRITE, lambda event: -1), w.CANCELED)
        self.assertEqual(self.restorer.progress().licenses_done, 0)

    def test_during_one(self):
        self.assert_ends(self.restorer.backup())
        self.start_paused(w.OVERWRITE)
        self.assertEqual(self.restorer.progress().licenses_done, 0)

    def test_an_older_program_gets_what_it_knows(self):
        self.assert_ends(self.restorer.backup())
        expected = [5, 5, 5000, 5000, 0, 0, 0]
        for known in range(1, WORDS):
            hr, words = self.raw(8 * known)
            self.assert_hr(hr, w.S_OK)
            self.assertEqual(words[1:known], expected[: known - 1])
            self.assertEqual(words[known:], [self.FILLER] * (WORDS + 4 - known))
            self.assertEqual(words[0], 8 * known)

    def test_a_size_in_the_middle_of_a_field(self):
        self.assert_ends(self.restorer.backup())
        for size in range(8, 65):
            _, words = self.raw(size)
            self.assertEqual(bytes((ctypes.c_uint64 * len(words))(*words))[size:].strip(b"\xaa"), b"")

    def test_a_newer_program_gets_what_there_is(self):
        self.assert_ends(self.restorer.backup())
        for size in (8 * (WORDS + 1), 8 * (WORDS + 4)):
            hr, words = self.raw(size)
            self.assert_hr(hr, w.S_OK)
            self.assertEqual(words[1:WORDS], [5, 5, 5000, 5000, 0, 0, 0])
            self.assertEqual(words[WORDS:], [self.FILLER] * 4)

    def test_a_size_too_small_for_itself(self):
        for size in (0, 1, 7):
            hr, words = self.raw(size)
            self.assert_hr(hr, w.E_INVALIDARG)
            self.assertEqual(words[1:], [self.FILLER] * (WORDS + 3))

    def test_null(self):
        self.assert_hr(self.restorer.get_progress(None), w.E_POINTER)


if __name__ == "__main__":
    unittest.main()
