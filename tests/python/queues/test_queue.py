"""Events that are fetched: wmlb_queue_*."""

import ctypes
import os
import resource
import select
import threading
import unittest
from ctypes import byref, c_int32, c_void_p

import archive
import support
import wmlb_ctypes as w

LIMIT = 1024


def is_readable(fd):
    return bool(select.select([fd], [], [], 0)[0])


class QueueCase(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.queue = w.Queue()
        self.addCleanup(self.queue.release)

    def start(self, flags=0, restorer=None, operation="backup_licenses", queue=None):
        call = getattr(restorer or self.restorer, operation)
        return call(flags, w.Queue.push, (queue or self.queue).handle)

    def links(self, count):
        for number in range(count):
            os.symlink("nowhere", self.store + "/link-%06d" % number)


class Fetching(QueueCase):
    def test_a_backup(self):
        made = self.fill(5)
        self.links(3)
        self.assert_hr(self.start(), w.S_OK)
        events = self.queue.rest()
        statuses = [event.status for event in events]
        self.assertEqual(statuses[0], w.STATUS_BEGIN)
        self.assertEqual(statuses[-1], w.STATUS_END)
        self.assertEqual(events[-1].text, self.target)
        self.assertTrue(events[-1].nul)
        skipped = [event.text for event in events if event.status == w.STATUS_SKIPPED]
        self.assertEqual(skipped, ["link-%06d" % number for number in range(3)])
        progress = [event for event in events if event.status == w.STATUS_PROGRESS][-1].progress
        self.assertEqual((progress.licenses_done, progress.licenses_skipped), (5, 3))
        self.assertEqual(self.restorer.finish(), w.S_OK)
        self.assertEqual(archive.Backup(self.target).files(), made)

    def test_the_events_are_those_of_a_callback(self):
        self.fill(5)
        self.links(3)
        for operation in "backup_licenses", "verify_backup", "restore_licenses":
            self.restorer.set("RestorePath", self.backups)
            flags = w.OVERWRITE if operation == "backup_licenses" else 0
            _, expected = self.restorer.backup(flags, operation=operation)
            self.assert_hr(self.start(flags, operation=operation), w.S_OK)
            fetched = self.queue.rest()

            def essence(events):
                others = [event for event in events if event.status != w.STATUS_PROGRESS]
                last = [event.value for event in events if event.status == w.STATUS_PROGRESS][-1]
                return [event[:7] for event in others], last

            self.assertEqual(essence(fetched), essence(expected), operation)

    def test_whoever_fetches_the_last_event_can_start_again(self):
        self.fill(1)
        for _ in range(200):
            self.assert_hr(self.start(w.OVERWRITE), w.S_OK)
            while not self.queue.next()[1].is_terminal:
                pass
        self.assertEqual(self.queue.rest(), [])

    def test_one_for_several_restorers(self):
        self.fill(3)
        restorers = [self.new_restorer(backups="%s/b%d" % (self.root, n)) for n in range(5)]
        for restorer in restorers:
            self.assert_hr(self.start(restorer=restorer), w.S_OK)
        events = self.queue.rest()
        ends = sorted(event.text for event in events if event.status == w.STATUS_END)
        self.assertEqual(ends, ["%s/b%d/licenses.wmlb" % (self.root, n) for n in range(5)])
        self.assertEqual(sum(event.status == w.STATUS_BEGIN for event in events), 5)

    def test_a_failure(self):
        os.rmdir(self.store)
        self.assert_hr(self.start(), w.S_OK)
        last = self.queue.rest()[-1]
        self.assertEqual((last.status, last.hr), (w.STATUS_ERROR, w.UNABLE_TO_OPEN_DATA_STORE))
        self.assertIn(self.store, last.text)
        self.assertEqual(self.restorer.last_error(), last.text)

    def test_a_start_that_is_refused_feeds_nothing(self):
        self.restorer.remove_prop(b"BackupPath")
        self.assert_hr(self.start(), w.NOT_CONFIGURED)
        self.assert_hr(self.queue.next()[0], w.S_FALSE)
        self.assertFalse(is_readable(self.queue.fd()))

    def test_time_out(self):
        self.fill(1)
        begun, go_on = threading.Event(), threading.Event()

        # A callback of the host's that hands on to the queue that is its user data.
        @w.Callback
        def callback(status, hr, kind, value, size, queue):
            begun.set()
            go_on.wait(60)
            return w.lib.wmlb_queue_push(status, hr, kind, value, size, queue)

        self.assert_hr(self.restorer.backup_licenses(0, callback, self.queue.handle), w.S_OK)
        begun.wait(60)
        for timeout in 0, 1, 30:
            self.assert_hr(self.queue.next(timeout)[0], w.WAIT_TIMEOUT)
        go_on.set()
        events = self.queue.rest()
        self.assertEqual(events[0].status, w.STATUS_BEGIN)
        self.assertEqual(events[-1].status, w.STATUS_END)
        self.restorer.finish()

    def test_nothing_feeds_a_new_one(self):
        for timeout in 0, 1, w.FOREVER:
            self.assert_hr(self.queue.next(timeout)[0], w.S_FALSE)

    def test_a_value_stays_until_the_next(self):
        self.assert_hr(self.queue.say(7, 0, w.TYPE_STRING, b"one"), w.S_OK)
        self.assert_hr(self.queue.say(8, 0, w.TYPE_STRING, b"two"), w.S_OK)
        event = w.QueueEvent(struct_size=ctypes.sizeof(w.QueueEvent))
        w.lib.wmlb_queue_next(self.queue.handle, 0, byref(event))
        kept = event.value
        for _ in range(1000):
            self.queue.say(9, 0, w.TYPE_STRING, b"x" * 100)
        self.assertEqual(ctypes.string_at(kept, 4), b"one\0")

    def test_what_a_host_says_itself(self):
        for kind, value in (
            (w.TYPE_STRING, b"words"), (w.TYPE_BINARY, bytes(range(64))), (w.TYPE_DWORD, None),
            (w.TYPE_STRING, b""),
        ):
            self.assert_hr(self.queue.say(0x2000, -5, kind, value), w.S_OK)
            hr, event = self.queue.next(0)
            self.assertEqual(event[:5], (0x2000, -5, kind, value or b"", len(value or b"")))
            self.assertEqual(event.is_null, value is None)
        # Its own PROGRESS belongs to no operation, so none takes the place of another.
        for _ in range(3):
            self.queue.say(w.STATUS_PROGRESS)
        self.assertEqual(len(self.queue.rest()), 3)

    def test_progress_is_aligned(self):
        self.fill(3)
        self.assert_hr(self.start(), w.S_OK)
        event = w.QueueEvent(struct_size=ctypes.sizeof(w.QueueEvent))
        found = 0
        while w.lib.wmlb_queue_next(self.queue.handle, w.HANGS, byref(event)) == w.S_OK:
            if event.status == w.STATUS_PROGRESS:
                found += 1
                self.assertEqual(event.value % 8, 0)
                self.assertEqual(event.value_len, ctypes.sizeof(w.Progress))
        self.assertGreater(found, 0)


class Full(QueueCase):
    def setUp(self):
        super().setUp()
        self.links(3 * LIMIT)
        self.fill(2)

    def assert_waits(self):
        """The operation waits with its last unread event."""
        named = []
        while not named:
            named = [number for number, name in support.threads().items() if name == "wmlb"]
        support.wait_until_asleep(named[0])
        result = c_int32()
        self.assert_hr(self.restorer.wait(0, byref(result)), w.WAIT_TIMEOUT)

    def test_none_is_lost(self):
        self.assert_hr(self.start(), w.S_OK)
        self.assert_waits()
        events = self.queue.rest()
        skipped = [event.text for event in events if event.status == w.STATUS_SKIPPED]
        self.assertEqual(skipped, ["link-%06d" % number for number in range(3 * LIMIT)])
        self.assertEqual(events[-1].status, w.STATUS_END)

    def test_progress_is_replaced(self):
        self.assert_hr(self.start(), w.S_OK)
        self.assert_waits()
        events = self.queue.rest()
        first = [event.status for event in events[:LIMIT]]
        self.assertLessEqual(first.count(w.STATUS_PROGRESS), 1)

    def ended(self, end):
        self.assert_hr(self.start(), w.S_OK)
        self.assert_waits()
        self.assert_hr(end(), w.S_OK)
        self.assertEqual(self.restorer.finish(), w.CANCELED)
        self.assert_clean()

    def test_a_cancel_of_the_queue_wakes_it(self):
        self.ended(self.queue.cancel)
        events = self.queue.rest()
        self.assertEqual((events[-1].status, events[-1].hr), (w.STATUS_ERROR, w.CANCELED))
        self.assertGreaterEqual(len(events), LIMIT)

    def test_a_cancel_of_the_operation_wakes_it(self):
        for cancel in self.restorer.cancel, self.restorer.cancel_license_backup:
            self.ended(cancel)
            self.assertTrue(self.queue.rest()[-1].is_terminal)

    def test_a_release_of_the_queue_wakes_it(self):
        self.ended(self.queue.release)
        self.assert_hr(self.queue.next(0)[0], w.E_HANDLE)

    def test_a_release_of_the_restorer_wakes_it(self):
        restorer = self.new_restorer()
        self.assert_hr(self.start(restorer=restorer), w.S_OK)
        self.assert_hr(restorer.release(), w.S_OK)
        self.assertEqual(self.queue.rest()[-1].hr, w.CANCELED)

    def test_the_host_itself_never_waits(self):
        for number in range(LIMIT + 10):
            self.assert_hr(self.queue.say(number), w.S_OK)
        self.assertEqual([event.status for event in self.queue.rest()], list(range(LIMIT + 10)))


class Descriptor(QueueCase):
    def test_it_is_readable_while_there_are_events(self):
        fd = self.queue.fd()
        self.assertEqual(self.queue.fd(), fd)
        self.assertGreater(fd, 2)
        self.assertTrue(os.get_blocking(fd) is False and not os.get_inheritable(fd))
        self.assertFalse(is_readable(fd))
        self.queue.say(1)
        self.queue.say(2)
        self.assertTrue(is_readable(fd))
        self.queue.next(0)
        self.assertTrue(is_readable(fd))
        self.queue.next(0)
        self.assertFalse(is_readable(fd))

    def test_events_from_before_it_was_asked_for(self):
        self.queue.say(1)
        self.assertTrue(is_readable(self.queue.fd()))

    def test_a_loop(self):
        self.fill(20)
        fd, events, hr = self.queue.fd(), [], w.S_OK
        self.assert_hr(self.start(), w.S_OK)
        while hr != w.S_FALSE:
            self.assertTrue(select.select([fd], [], [], 60)[0], "the loop sleeps for ever")
            hr, event = self.queue.next(0)
            while hr == w.S_OK:
                events.append(event)
                hr, event = (w.S_FALSE, None) if event.is_terminal else self.queue.next(0)
        self.assertEqual(events[-1].status, w.STATUS_END)

    def test_an_operation_that_falls_silent(self):
        """Its restorer is released in a callback, so that it makes no last event."""
        self.fill(3)
        restorer, fd = w.Restorer(), self.queue.fd()
        restorer.set("StorePath", self.store)
        restorer.set("BackupPath", self.backups)

        @w.Callback
        def callback(status, hr, kind, value, size, queue):
            answer = w.lib.wmlb_queue_push(status, hr, kind, value, size, queue)
            restorer.release()
            return answer

        self.assert_hr(restorer.backup_licenses(0, callback, self.queue.handle), w.S_OK)
        self.assertEqual(self.queue.next()[1].status, w.STATUS_BEGIN)
        self.assertTrue(select.select([fd], [], [], 60)[0], "the loop sleeps for ever")
        self.assert_hr(self.queue.next()[0], w.S_FALSE)
        self.assertFalse(is_readable(fd))

    def test_without_descriptors(self):
        def child():
            queue, fd = w.Queue(), c_int32(-5)
            before = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
            hr = w.lib.wmlb_queue_fd(queue.handle, byref(fd))
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            self.assert_hr(hr, w.TOO_MANY_OPEN_FILES)
            self.assertEqual(fd.value, -5)
            self.assert_hr(queue.say(1), w.S_OK)
            self.assertEqual(queue.next(0)[1].status, 1)
            self.assertGreater(queue.fd(), 2)

        support.in_child(child)

    def test_release_closes_it(self):
        fd = self.queue.fd()
        self.queue.release()
        with self.assertRaises(OSError):
            os.fstat(fd)

    def test_a_queue_that_nobody_polls_has_none(self):
        before = set(os.listdir("/proc/self/fd"))
        queue = w.Queue()
        queue.say(1)
        queue.next(0)
        self.assertEqual(set(os.listdir("/proc/self/fd")), before)
        queue.release()


class Ending(QueueCase):
    def test_cancel(self):
        self.assert_hr(self.queue.cancel(), w.S_FALSE)
        for number in range(40):
            support.write(self.store + "/%d" % number, os.urandom(1 << 20))
        self.assert_hr(self.start(), w.S_OK)
        self.assert_hr(self.queue.cancel(), w.S_OK)
        self.assertEqual(self.queue.rest()[-1].hr, w.CANCELED)
        self.assert_hr(self.queue.cancel(), w.S_FALSE)
        # The next operation is another one.
        self.assert_hr(self.start(), w.S_OK)
        self.assertEqual(self.queue.rest()[-1].status, w.STATUS_END)

    def test_a_release_wakes_who_waits(self):
        begun, go_on, found = threading.Event(), threading.Event(), []

        @w.Callback
        def callback(status, hr, kind, value, size, queue):
            begun.set()
            go_on.wait(60)
            return w.lib.wmlb_queue_push(status, hr, kind, value, size, queue)

        self.fill(1)
        self.restorer.backup_licenses(0, callback, self.queue.handle)
        begun.wait(60)
        reader = threading.Thread(target=lambda: found.append(self.queue.next(w.FOREVER)[0]))
        reader.start()
        support.wait_until_asleep(reader.native_id)
        self.assert_hr(self.queue.release(), w.S_OK)
        reader.join()
        self.assertEqual(found, [w.E_HANDLE])
        go_on.set()
        self.assertEqual(self.restorer.finish(), w.CANCELED)

    def test_handles(self):
        stale = w.Queue()
        self.assert_hr(stale.release(), w.S_OK)
        event, fd = w.QueueEvent(struct_size=ctypes.sizeof(w.QueueEvent)), c_int32()
        for handle in (None, 1, 8, self.restorer.handle, stale.handle, self.queue.handle + 1):
            for hr in (
                w.lib.wmlb_queue_push(0, 0, 0, None, 0, handle),
                w.lib.wmlb_queue_next(handle, w.FOREVER, byref(event)),
                w.lib.wmlb_queue_next(handle, 0, None),
                w.lib.wmlb_queue_fd(handle, byref(fd)),
                w.lib.wmlb_queue_fd(handle, None),
                w.lib.wmlb_queue_cancel(handle),
                w.lib.wmlb_queue_release(handle),
                self.restorer.backup_licenses(0, w.Queue.push, handle),
            ):
                self.assert_hr(hr, w.E_HANDLE)
            self.assertIn("queue", self.restorer.last_error())
        self.assert_hr(self.restorer.wait(0, byref(fd)), w.S_FALSE, "something has started")
        # Nor is a queue a restorer.
        self.assert_hr(w.lib.wmlb_restorer_release(self.queue.handle), w.E_HANDLE)
        self.assert_hr(w.lib.wmlb_restorer_cancel(self.queue.handle), w.E_HANDLE)

    def test_arguments(self):
        self.assert_hr(w.lib.wmlb_queue_create(None), w.E_POINTER)
        handle = self.queue.handle
        self.queue.say(5)
        self.assert_hr(w.lib.wmlb_queue_next(handle, 0, None), w.E_POINTER)
        event = w.QueueEvent(struct_size=ctypes.sizeof(c_void_p) - 1)
        self.assert_hr(w.lib.wmlb_queue_next(handle, 0, byref(event)), w.E_INVALIDARG)
        self.assert_hr(w.lib.wmlb_queue_fd(handle, None), w.E_POINTER)
        self.assert_hr(w.lib.wmlb_queue_push(0, 0, 0, None, 1, handle), w.E_POINTER)
        self.assert_hr(w.lib.wmlb_queue_push(0, 0, 0, b"", 1 << 62, handle), w.E_INVALIDARG)
        # No more than the caller's struct has is written, and the event is still there.
        event = w.QueueEvent(struct_size=w.QueueEvent.hr.offset, hr=77, value_len=88)
        self.assert_hr(w.lib.wmlb_queue_next(handle, 0, byref(event)), w.S_OK)
        self.assertEqual((event.status, event.hr, event.value_len), (5, 77, 88))
        self.assertEqual(event.struct_size, w.QueueEvent.hr.offset)

    def test_in_a_callback(self):
        self.fill(2)
        answers = set()

        def on_event(event):
            answers.update((self.queue.next(1)[0], self.queue.next(w.FOREVER)[0]))
            self.assert_hr(self.queue.say(3), w.S_OK)
            self.assertEqual(self.queue.next(0)[1].status, 3)

        self.assert_ends(self.restorer.backup(0, on_event))
        self.assertEqual(answers, {w.E_ILLEGAL_METHOD_CALL})

    def test_after_fork(self):
        self.fill(2)
        fd = self.queue.fd()
        self.queue.say(1)

        def child():
            event, number = w.QueueEvent(struct_size=ctypes.sizeof(w.QueueEvent)), c_int32()
            handle = self.queue.handle
            for hr in (
                w.lib.wmlb_queue_push(0, 0, 0, None, 0, handle),
                w.lib.wmlb_queue_next(handle, w.FOREVER, byref(event)),
                w.lib.wmlb_queue_fd(handle, byref(number)),
                w.lib.wmlb_queue_cancel(handle),
                w.lib.wmlb_queue_release(handle),
            ):
                self.assert_hr(hr, w.E_HANDLE)
            queue, restorer = w.Queue(), w.Restorer()
            restorer.set("StorePath", self.store)
            restorer.set("BackupPath", self.root + "/child")
            self.assert_hr(self.start(restorer=restorer, queue=queue), w.S_OK)
            self.assertEqual(queue.rest()[-1].status, w.STATUS_END)

        support.in_child(child)
        # The parent's is as it was.
        self.assertTrue(is_readable(fd))
        self.assertEqual(self.queue.next(0)[1].status, 1)
        self.assertFalse(is_readable(fd))

    def test_a_fork_while_others_push_and_fetch(self):
        """At moments nobody chose: its lock may be held."""

        def body():
            queue, ended = w.Queue(), threading.Event()

            def push():
                while not ended.is_set():
                    queue.say(1)
                    queue.next(0)

            pushers = [threading.Thread(target=push) for _ in range(2)]
            for pusher in pushers:
                pusher.start()
            for _ in range(50):

                def child():
                    self.assert_hr(queue.say(2), w.E_HANDLE)
                    own = w.Queue()
                    self.assert_hr(own.say(3), w.S_OK)
                    self.assertEqual(own.next(0)[1].status, 3)
                    own.fd()
                    self.assert_hr(own.release(), w.S_OK)

                support.in_child(child)
            ended.set()
            for pusher in pushers:
                pusher.join()

        support.in_child(body, timeout=120)


if __name__ == "__main__":
    unittest.main()
