"""Calls from inside the callback, and release from there and from other threads."""

import os
import threading
import unittest
from ctypes import byref, c_int32

import archive
import support
import wmlb_ctypes as w


class Inside(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.made = self.fill(5)
        os.symlink("nowhere", self.store + "/link")

    def at_every_event(self, body, flags=0):
        """A backup that calls body(event) at each event; what they gave."""
        found = []

        def on_event(event):
            found.append(body(event))

        events = self.assert_ends(self.restorer.backup(flags, on_event))
        self.assertEqual(len(found), len(events))
        return found

    def test_wait(self):
        result = c_int32(-5)
        for timeout in (0, 1, w.FOREVER):
            answers = self.at_every_event(
                lambda event: self.restorer.wait(timeout, byref(result)), w.OVERWRITE
            )
            self.assertEqual(set(answers), {w.E_ILLEGAL_METHOD_CALL})
            self.assertEqual(result.value, -5)

    def test_wait_for_another_restorer(self):
        other = self.new_restorer()
        result = c_int32(-5)
        answers = self.at_every_event(lambda event: other.wait(0, byref(result)))
        self.assertEqual(set(answers), {w.E_ILLEGAL_METHOD_CALL})

    def test_starting_an_operation(self):
        again = w.Restorer(self.restorer.handle)
        answers = self.at_every_event(lambda event: again.backup(w.OVERWRITE)[0])
        self.assertEqual(set(answers), {w.BUSY}, "the last event comes before idleness")

    def test_starting_one_on_another_restorer(self):
        other = self.new_restorer(backups=self.root + "/other")

        def on_event(event):
            return other.start() if event.status == w.STATUS_BEGIN else None

        answers = self.at_every_event(on_event)
        self.assertEqual(answers[0], w.S_OK)
        self.assert_hr(other.finish(), w.S_OK)
        self.assertEqual(archive.Backup(self.root + "/other/licenses.wmlb").files(), self.made)

    def test_properties(self):
        def body(event):
            self.assert_hr(self.restorer.set("RestorePath", "/%d" % event.status), w.S_OK)
            self.assertEqual(self.restorer.get("RestorePath")[2], "/%d" % event.status)
            self.assertEqual(self.restorer.count(), 3)
            self.assert_hr(self.restorer.remove_prop(b"RestorePath"), w.S_OK)

        self.at_every_event(body)

    def test_progress_agrees_with_the_event(self):
        def body(event):
            now = self.restorer.progress()
            if event.status == w.STATUS_PROGRESS:
                self.assertEqual(bytes(now), event.value)

        self.at_every_event(body)

    def test_names_and_errors(self):
        def body(event):
            self.assertNotEqual(w.lib.wmlb_status_name(event.status), b"unknown")
            self.assertEqual(w.lib.wmlb_hresult_name(0), b"S_OK")
            return self.restorer.last_error()

        self.assertEqual(set(self.at_every_event(body)), {""})

    def test_creating_and_releasing_another(self):
        def body(event):
            other = w.Restorer()
            return other.release()

        self.assertEqual(set(self.at_every_event(body)), {w.S_OK})

    def test_cancel(self):
        for cancel in (self.restorer.cancel, self.restorer.cancel_license_backup):
            answers = []

            def on_event(event):
                if not event.is_terminal:
                    answers.append(cancel())

            events = self.assert_fails(self.restorer.backup(0, on_event), w.CANCELED)
            self.assertEqual(answers, [w.S_OK])
            self.assertEqual(len(events), 2)
            self.assert_clean()

    def test_cancel_in_the_last_event_changes_nothing(self):
        def on_event(event):
            if event.is_terminal:
                self.restorer.cancel()

        self.assert_ends(self.restorer.backup(0, on_event))
        self.assert_ends(self.restorer.backup(w.OVERWRITE), w.S_OK)

    def test_releasing_the_default_restorer(self):
        answers = self.at_every_event(
            lambda event: w.lib.wmlb_restorer_release(w.lib.wmlb_default_restorer())
        )
        self.assertEqual(set(answers), {w.E_ILLEGAL_METHOD_CALL})


class ReleaseInside(support.StoreCase):
    """In a child each, which can look at its own threads when they have ended."""

    def setUp(self):
        super().setUp()
        self.fill(5)
        os.symlink("nowhere", self.store + "/link")

    def run_released(self, status):
        def body():
            restorer = self.new_restorer()
            answers = []

            def on_event(event):
                if event.status == status and not answers:
                    answers.append(restorer.release())
                    answers.append(restorer.get("Threads")[0])
                    answers.append(restorer.cancel())
                    answers.append(restorer.release())

            before = support.threads().keys()
            self.assert_hr(restorer.start(0, on_event), w.S_OK)
            result = c_int32()
            # The handle may be gone already; this only gives the thread time to end.
            restorer.wait(w.HANGS, byref(result))
            while support.threads().keys() - before:
                os.sched_yield()
            if restorer.problems:
                raise restorer.problems[0]
            return answers, [event.status for event in restorer.events]

        return support.in_child(body)

    def test_no_event_comes_after_it(self):
        for status in (w.STATUS_BEGIN, w.STATUS_SKIPPED, w.STATUS_PROGRESS):
            answers, statuses = self.run_released(status)
            self.assertEqual(answers, [w.S_OK] + [w.E_HANDLE] * 3)
            self.assertEqual(statuses[-1], status)
            self.assertEqual(statuses.count(status), 1)
            self.assert_clean()

    def test_in_the_last_event(self):
        answers, statuses = self.run_released(w.STATUS_END)
        self.assertEqual(answers, [w.S_OK] + [w.E_HANDLE] * 3)
        self.assertEqual(statuses[-1], w.STATUS_END)
        self.assertTrue(os.path.exists(self.target))

    def test_by_the_callback_of_another_restorer(self):
        def body():
            other, restorer = self.new_restorer(), self.new_restorer(backups=self.root + "/b")
            begun, go_on = threading.Event(), threading.Event()

            def on_others_event(event):
                if event.status == w.STATUS_BEGIN:
                    begun.set()
                    go_on.wait(60)

            def on_event(event):
                if event.status == w.STATUS_BEGIN:
                    go_on.set()
                    self.assert_hr(other.release(), w.S_OK)
                    self.assertTrue(other.events[-1].is_terminal)

            self.assert_hr(other.start(0, on_others_event), w.S_OK)
            begun.wait(60)
            self.assert_ends(restorer.backup(0, on_event))

        support.in_child(body)


class ReleaseOutside(support.StoreCase):
    def test_the_last_event_is_delivered_and_then_nothing(self):
        self.fill(5)
        for _ in range(20):
            restorer = self.new_restorer()
            begun, go_on = threading.Event(), threading.Event()

            def on_event(event):
                if event.status == w.STATUS_BEGIN:
                    begun.set()
                    self.assertTrue(go_on.wait(60))

            self.assert_hr(restorer.start(w.OVERWRITE, on_event), w.S_OK)
            self.assertTrue(begun.wait(60))
            answers = []
            releaser = threading.Thread(target=lambda: answers.append(restorer.release()))
            releaser.start()
            # From the moment the handle is gone, the cancellation is under way.
            while restorer.cancel() != w.E_HANDLE:
                os.sched_yield()
            go_on.set()
            releaser.join(60)
            self.assertEqual(answers, [w.S_OK])
            count = len(restorer.events)
            self.assertTrue(restorer.events[-1].is_terminal)
            self.assertEqual(support.wait_for_threads(), set())
            self.assertEqual(len(restorer.events), count)
            self.assertEqual(restorer.problems, [])

    def test_of_a_running_operation_is_a_cancellation(self):
        self.fill(5)
        released = threading.Event()

        def on_event(event):
            if event.status == w.STATUS_BEGIN:
                releaser.start()
                while restorer.cancel() != w.E_HANDLE:
                    os.sched_yield()

        restorer = self.new_restorer()
        releaser = threading.Thread(target=lambda: (restorer.release(), released.set()))
        self.assert_hr(restorer.start(0, on_event), w.S_OK)
        self.assertTrue(released.wait(60))
        releaser.join()
        # The release has taken the handle before it cancels, so END is possible too.
        self.assertIn(restorer.events[-1].status, (w.STATUS_ERROR, w.STATUS_END))
        if restorer.events[-1].status == w.STATUS_ERROR:
            self.assert_hr(restorer.events[-1].hr, w.CANCELED)
            self.assert_clean()

    def test_of_an_idle_one(self):
        self.fill(2)
        restorer = self.new_restorer()
        self.assert_ends(restorer.backup())
        self.assert_hr(restorer.release(), w.S_OK)

    def test_without_waiting_first(self):
        self.fill(50)
        for _ in range(50):
            restorer = self.new_restorer()
            self.assert_hr(restorer.start(w.OVERWRITE), w.S_OK)
            self.assert_hr(restorer.release(), w.S_OK)
            self.assertTrue(restorer.events[-1].is_terminal)

    def test_somebody_who_waits_is_woken(self):
        self.fill(5)
        restorer = self.new_restorer()
        begun, go_on, waited = threading.Event(), threading.Event(), []

        def on_event(event):
            if event.status == w.STATUS_BEGIN:
                begun.set()
                go_on.wait(60)

        self.assert_hr(restorer.start(0, on_event), w.S_OK)
        begun.wait(60)

        def wait():
            result = c_int32(-5)
            waited.append((restorer.wait(w.HANGS, byref(result)), result.value))

        waiters = [threading.Thread(target=wait) for _ in range(4)]
        releaser = threading.Thread(target=restorer.release)
        for thread in waiters + [releaser]:
            thread.start()
        while restorer.cancel() != w.E_HANDLE:
            os.sched_yield()
        go_on.set()
        for thread in waiters + [releaser]:
            thread.join(60)
            self.assertFalse(thread.is_alive())
        final = restorer.events[-1].hr
        for hr, result in waited:
            self.assertIn((hr, result), [(w.S_OK, final), (w.E_HANDLE, -5)])


if __name__ == "__main__":
    unittest.main()
