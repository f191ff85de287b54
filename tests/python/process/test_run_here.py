"""WMLB_RUN_HERE: an operation on the calling thread."""

import os
import signal
import threading
import unittest
from ctypes import byref, c_int32

import archive
import support
import wmlb_ctypes as w
from host_support import HostCase

HERE = w.RUN_HERE


class HereCase(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.made = self.fill(5)
        self.restorer.set("RestorePath", self.backups)


class Running(HereCase):
    def test_every_operation(self):
        for operation, flags in (
            ("backup_licenses", w.OVERWRITE), ("verify_backup", 0), ("restore_licenses", 0),
        ):
            _, expected = self.restorer.backup(flags, operation=operation)
            if operation == "backup_licenses":
                os.unlink(self.target)
            self.restorer.start(flags | HERE, operation=operation)
            events = self.restorer.events
            self.assertEqual([e.status for e in events], [e.status for e in expected], operation)
            self.assertEqual({event.thread for event in events}, {threading.get_native_id()})
            self.assert_hr(self.restorer.finish(), w.S_OK)
        self.assertEqual(archive.Backup(self.target).files(), self.made)

    def test_the_call_returns_the_result(self):
        self.assert_hr(self.restorer.start(HERE), w.S_OK)
        self.assert_hr(self.restorer.start(HERE), w.BACKUP_EXISTS)
        self.assertEqual(self.restorer.events, [])
        os.unlink(self.target)
        self.restorer.set("StorePath", self.root + "/nowhere")
        self.assert_hr(self.restorer.start(HERE), w.UNABLE_TO_OPEN_DATA_STORE)
        self.assertEqual(self.restorer.events[-1].status, w.STATUS_ERROR)
        self.assertEqual(self.restorer.last_error(), self.restorer.events[-1].text)
        self.assert_hr(self.restorer.finish(), w.UNABLE_TO_OPEN_DATA_STORE)

    def test_refusals(self):
        self.assert_refused((self.restorer.start(HERE | 0x40000000), self.restorer.events),
                            w.E_INVALIDARG)
        self.assert_hr(self.restorer.backup_licenses(HERE, w.NO_CALLBACK, None), w.E_INVALIDARG)
        self.restorer.remove_prop(b"BackupPath")
        self.assert_refused((self.restorer.start(HERE), self.restorer.events), w.NOT_CONFIGURED)
        result = c_int32()
        self.assert_hr(self.restorer.wait(0, byref(result)), w.S_FALSE)

    def test_one_thread_is_no_other(self):
        self.restorer.set("Threads", 1)
        before, seen = support.threads().keys(), set()

        def look(event):
            seen.update(support.threads().keys() - before)

        for operation, flags in (
            ("backup_licenses", w.VERIFY), ("verify_backup", 0), ("restore_licenses", 0),
        ):
            self.assert_ends(self.restorer.backup(flags | HERE, look, operation))
        self.assertEqual(seen, set())

    def test_workers_are_as_nice_as_ever_and_this_thread_stays(self):
        for number in range(40):
            support.write(self.store + "/%d" % number, os.urandom(1 << 19))
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
        self.addCleanup(signal.pthread_sigmask, signal.SIG_SETMASK, mask)
        own = threading.get_native_id()

        def look(_event=None):
            nice, blocked = {}, {}
            for number, name in support.threads().items():
                if number == own or name.startswith("wmlb"):
                    try:
                        stat = support.read("/proc/self/task/%d/stat" % number)
                        status = support.read("/proc/self/task/%d/status" % number)
                    except OSError:
                        continue
                    nice[number] = int(stat.rpartition(b")")[2].split()[19 - 3])
                    line = next(x for x in status.splitlines() if x.startswith(b"SigBlk"))
                    blocked[number] = int(line.split()[1], 16)
            return nice, blocked

        before, seen = look(), []
        self.restorer.set("Threads", 4)
        self.restorer.set("Niceness", 3)
        self.assert_ends(self.restorer.backup(HERE, lambda event: seen.append(look(event))))
        self.assertEqual(look(), before)
        workers = set()
        for nice, blocked in seen:
            self.assertEqual((nice.pop(own), blocked.pop(own)), (before[0][own], before[1][own]))
            for worker in nice:
                # One that has just begun is about to become nicer.
                if nice[worker] != before[0][own]:
                    workers.add(min(nice[worker] - before[0][own], 3))
            self.assertTrue(all(mask >> (signal.SIGALRM - 1) & 1 for mask in blocked.values()))
        self.assertEqual(workers, {3})

    def test_on_any_thread_and_several_at_once(self):
        outcomes = {}

        def run(number):
            restorer = self.new_restorer(backups="%s/%d" % (self.root, number))
            hr = restorer.start(HERE)
            own = {event.thread for event in restorer.events} == {threading.get_native_id()}
            outcomes[number] = hr, own

        runners = [threading.Thread(target=run, args=(number,)) for number in range(4)]
        for runner in runners:
            runner.start()
        for runner in runners:
            runner.join()
        self.assertEqual(outcomes, {number: (w.S_OK, True) for number in range(4)})

    def test_a_full_queue_does_not_keep_it_waiting(self):
        """The thread that would read is this one."""
        for number in range(3000):
            os.symlink("nowhere", self.store + "/link-%06d" % number)
        queue = w.Queue()
        self.assert_hr(self.restorer.backup_licenses(HERE, w.Queue.push, queue.handle), w.S_OK)
        events = queue.rest(0)
        skipped = [event.text for event in events if event.status == w.STATUS_SKIPPED]
        self.assertEqual(skipped, ["link-%06d" % number for number in range(3000)])
        self.assertEqual(events[-1].status, w.STATUS_END)
        queue.release()

    def test_signals_come_all_the_time(self):
        """This thread does not block them, and their handlers do not restart system calls."""
        for number in range(30):
            support.write(self.store + "/%d" % number, os.urandom(1 << 19))
        support.write(self.store + "/many/x", b"1")

        def child():
            came = []
            signal.signal(signal.SIGALRM, lambda *_: came.append(1))
            signal.siginterrupt(signal.SIGALRM, True)
            restorer = self.new_restorer()
            restorer.set("RestorePath", self.backups)
            restorer.set("Threads", 2)
            signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
            for _ in range(5):
                self.assert_ends(restorer.backup(HERE | w.OVERWRITE | w.VERIFY))
                self.assert_ends(restorer.verify(HERE))
                restorer.set("StorePath", self.root + "/restored")
                self.assert_ends(restorer.restore(HERE | w.RESTORE_OVERWRITE))
                restorer.set("StorePath", self.store)
            signal.setitimer(signal.ITIMER_REAL, 0)
            return len(came)

        self.assertGreater(support.in_child(child, timeout=120), 20)


class Calling(HereCase):
    def test_a_cancel_in_a_callback(self):
        for cancel in (lambda: -1, self.restorer.cancel, self.restorer.cancel_license_backup):
            hr = self.restorer.start(HERE, lambda event: cancel())
            self.assert_hr(hr, w.CANCELED)
            self.assertEqual(self.restorer.events[-1].status, w.STATUS_ERROR)
            self.assert_clean()

    def test_a_cancel_from_another_thread(self):
        def on_event(event):
            if event.status == w.STATUS_BEGIN:
                other = threading.Thread(target=self.restorer.cancel)
                other.start()
                other.join()

        self.assert_hr(self.restorer.start(HERE, on_event), w.CANCELED)
        self.assert_clean()

    def test_a_cancel_by_its_queue(self):
        queue = w.Queue()

        @w.Callback
        def callback(*arguments):
            queue.cancel()
            return w.lib.wmlb_queue_push(*arguments)

        self.assert_hr(self.restorer.backup_licenses(HERE, callback, queue.handle), w.CANCELED)
        self.assertEqual(queue.rest(0)[-1].hr, w.CANCELED)
        queue.release()

    def test_within_a_callback(self):
        other = self.new_restorer(backups=self.root + "/other")
        again = w.Restorer(self.restorer.handle)
        for way in 0, HERE:
            answers, result = set(), c_int32(-5)

            def on_event(event):
                answers.add((
                    other.start(HERE), again.start(HERE), again.start(0),
                    self.restorer.wait(0, byref(result)),
                ))
                self.assertEqual(other.events, [])

            self.assert_ends(self.restorer.backup(way | w.OVERWRITE, on_event))
            illegal = w.E_ILLEGAL_METHOD_CALL
            self.assertEqual(answers, {(illegal, w.BUSY, w.BUSY, illegal)})
        result = c_int32(-5)
        self.assert_hr(other.wait(0, byref(result)), w.S_FALSE, "it has run")

    def test_after_it_this_thread_is_in_no_callback(self):
        self.assert_hr(self.restorer.start(HERE), w.S_OK)
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        other = self.new_restorer(backups=self.root + "/other")
        self.assert_hr(other.start(HERE), w.S_OK)

    def test_in_the_callback_of_a_list(self):
        hr, licenses = self.restorer.enumerate(
            "store", lambda license: self.assert_hr(self.restorer.start(HERE | w.OVERWRITE), 0)
        )
        self.assertEqual((hr, len(licenses)), (w.S_OK, 5))

    def test_released_in_its_callback(self):
        restorer = self.new_restorer()
        hr = restorer.start(HERE, lambda event: self.assert_hr(restorer.release(), w.S_OK))
        self.assert_hr(hr, w.CANCELED)
        self.assertEqual([event.status for event in restorer.events], [w.STATUS_BEGIN])
        self.assert_clean()
        self.assertEqual(restorer.problems, [])

    def test_others_wait_for_it_and_release_it(self):
        for end in "wait", "release":
            restorer, found = self.new_restorer(), []

            def finish():
                found.append(restorer.finish() if end == "wait" else restorer.release())

            other = threading.Thread(target=finish)

            def on_event(event):
                if event.status == w.STATUS_BEGIN:
                    other.start()
                    support.wait_until_asleep(other.native_id)

            hr = restorer.start(HERE | w.OVERWRITE, on_event)
            other.join()
            self.assertEqual((hr, found), {
                "wait": (w.S_OK, [w.S_OK]), "release": (w.CANCELED, [w.S_OK]),
            }[end])
            self.assertTrue(restorer.events[-1].is_terminal)

    def test_busy(self):
        answers = []

        def on_event(event):
            other = threading.Thread(target=lambda: answers.append(
                w.Restorer(self.restorer.handle).start(HERE)
            ))
            other.start()
            other.join()

        self.assert_ends(self.restorer.backup(HERE, on_event))
        self.assertEqual(set(answers), {w.BUSY})

    def test_a_fork_in_a_callback(self):
        """As on a thread of its own: the child's copy of the operation never goes on."""

        def body():
            restorer, children = self.new_restorer(), []

            def on_event(event):
                if event.status == w.STATUS_BEGIN:
                    child = os.fork()
                    if child:
                        children.append(child)

            parent = os.getpid()
            hr = restorer.start(HERE, on_event)
            if os.getpid() != parent:
                os._exit(77)
            return hr, os.waitpid(children[0], 0)[1]

        self.assertEqual(support.in_child(body), (w.S_OK, 0))
        self.assertEqual(archive.Backup(self.target).files(), self.made)


class HostsFunctions(HostCase):
    def test_they_are_called_here(self):
        """Store, rights and authorizer."""
        own, threads = threading.get_native_id(), set()
        store, restorer = self.host({b"a": b"1", b"b": b"2"})
        store.listed_here = True

        def look(_):
            threads.add(threading.get_native_id())

        restorer.ask_rights(look)
        restorer.authorize(look)
        self.assert_ends(restorer.backup(HERE))
        self.assert_ends(restorer.restore(HERE | w.RESTORE_OVERWRITE))
        self.assertEqual((threads, store.threads), ({own}, {own}))


if __name__ == "__main__":
    unittest.main()
