"""The library's threads: none before, none after, and how they behave in between."""

import fcntl
import os
import resource
import signal
import threading
import unittest

import support
import wmlb_ctypes as w


def signals_blocked(thread):
    with open("/proc/self/task/%d/status" % thread) as file:
        for line in file:
            if line.startswith("SigBlk:"):
                return int(line.split()[1], 16)


class Threads(support.StoreCase):
    def setUp(self):
        super().setUp()
        for number in range(12):
            support.write(self.store + "/%d" % number, os.urandom(1 << 20))

    def during(self, threads):
        """The library's threads as seen at each event: {number: name}."""
        self.restorer.set("Threads", threads)
        before = support.threads().keys()
        seen = []

        def on_event(event):
            now = support.threads()
            seen.append({number: now[number] for number in now.keys() - before})

        events = self.assert_ends(self.restorer.backup(w.OVERWRITE, on_event))
        return seen, events

    def test_one_thread_is_one_thread(self):
        seen, events = self.during(1)
        for threads in seen:
            self.assertEqual(list(threads), [events[0].thread])

    def test_the_callback_comes_on_a_thread_of_its_own_with_our_name(self):
        seen, events = self.during(1)
        self.assertNotEqual(events[0].thread, threading.get_native_id())
        self.assertEqual(seen[0][events[0].thread], "wmlb")
        comm = "/proc/self/task/%d/comm"
        names = []
        self.restorer.backup(
            w.OVERWRITE,
            lambda event: names.append(support.read(comm % threading.get_native_id())),
        )
        self.assertEqual(set(names), {b"wmlb\n"})

    def test_no_more_than_asked_for_and_the_operations_own(self):
        # Reads in flight may be more by the contract, but not without any limit.
        for number in (2, 4):
            seen, _ = self.during(number)
            self.assertLessEqual(max(map(len, seen)), 2 * number + 2)

    def test_every_signal_is_blocked(self):
        self.restorer.set("Threads", 4)
        before = support.threads().keys()
        masks = []

        def on_event(event):
            for number in support.threads().keys() - before:
                masks.append(signals_blocked(number))

        self.assert_ends(self.restorer.backup(w.OVERWRITE, on_event))
        # Those that cannot be blocked, and those the C library keeps for itself.
        exempt = {signal.SIGKILL, signal.SIGSTOP, 32, 33, 34}
        wanted = sum(1 << number - 1 for number in range(1, 65) if number not in exempt)
        self.assertGreater(len(masks), 2)
        for mask in masks:
            self.assertEqual(mask & wanted, wanted)

    def test_the_callers_signals_are_as_they_were(self):
        for blocked in (set(), {signal.SIGUSR1}):
            before = signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            try:
                self.assert_ends(self.restorer.backup(w.OVERWRITE))
                self.assertEqual(signal.pthread_sigmask(signal.SIG_BLOCK, []), blocked)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def test_signal_handlers_are_as_they_were(self):
        numbers = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
        before = [signal.getsignal(number) for number in numbers]
        with open("/proc/self/status") as file:
            caught = [line for line in file if line.startswith(("SigIgn", "SigCgt"))]
        self.assert_ends(self.restorer.backup())
        self.assertEqual([signal.getsignal(number) for number in numbers], before)
        with open("/proc/self/status") as file:
            self.assertEqual([line for line in file if line.startswith(("SigIgn", "SigCgt"))], caught)

    def test_none_is_left_when_wait_has_returned(self):
        # Threads that are about to end when wait returns are seen only now and then.
        self.restorer.set("Threads", 8)
        left = []
        for number in range(150):
            stop_early = -1 if number % 2 else 0

            def on_event(event):
                return stop_early if event.status == w.STATUS_PROGRESS else 0

            self.restorer.backup(w.OVERWRITE, on_event)
            left.append(support.library_threads())
        self.assertEqual([names for names in left if names], [])

    def test_none_is_left_when_release_has_returned(self):
        left = []
        for _ in range(150):
            restorer = self.new_restorer(Threads=8)
            begun = threading.Event()
            self.assert_hr(restorer.start(w.OVERWRITE, lambda event: begun.set()), w.S_OK)
            begun.wait(60)
            self.assert_hr(restorer.release(), w.S_OK)
            left.append(support.library_threads())
        self.assertEqual([names for names in left if names], [])

    def test_none_is_left_when_two_have_waited(self):
        for _ in range(50):
            self.assert_hr(self.restorer.start(w.OVERWRITE), w.S_OK)
            left = []

            def wait():
                self.restorer.finish()
                left.append([name for name in support.threads().values() if name == "wmlb"])

            waiters = [threading.Thread(target=wait) for _ in range(4)]
            for thread in waiters:
                thread.start()
            for thread in waiters:
                thread.join()
            self.assertEqual(left, [[]] * 4)

    def test_none_comes_before_an_operation(self):
        def body():
            before = support.threads()
            restorer = self.new_restorer()
            restorer.set("Threads", 8)
            restorer.backup(0x8)
            restorer.last_error()
            return before == support.threads()

        self.assertTrue(support.in_child(body))

    def test_no_descriptor_is_left(self):
        self.assert_ends(self.restorer.backup())
        before = set(os.listdir("/proc/self/fd"))
        for flags in (w.OVERWRITE, w.OVERWRITE | w.VERIFY):
            self.assert_ends(self.restorer.backup(flags))
        self.assert_fails(self.restorer.backup(w.OVERWRITE, lambda event: -1), w.CANCELED)
        self.assertEqual(set(os.listdir("/proc/self/fd")), before)

    def test_descriptors_are_not_inherited(self):
        before = set(os.listdir("/proc/self/fd"))
        found = []

        def on_event(event):
            for number in set(os.listdir("/proc/self/fd")) - before:
                try:
                    found.append(fcntl.fcntl(int(number), fcntl.F_GETFD) & fcntl.FD_CLOEXEC)
                except OSError:
                    pass  # that of the listing itself, or of a license

        self.assert_ends(self.restorer.backup(0, on_event))
        self.assertTrue(found)
        self.assertNotIn(0, found)

    def test_the_working_directory_and_environment_are_as_they_were(self):
        before = os.getcwd(), support.read("/proc/self/environ"), dict(os.environ)
        self.assert_ends(self.restorer.backup())
        self.assertEqual((os.getcwd(), support.read("/proc/self/environ"), dict(os.environ)), before)

    def test_no_thread_can_be_started(self):
        if os.geteuid() != 0:
            raise unittest.SkipTest("the limit would count this user's other processes")
        os.chmod(self.backups, 0o777)

        def body():
            restorer = self.new_restorer()
            resource.setrlimit(resource.RLIMIT_NPROC, (0, resource.getrlimit(resource.RLIMIT_NPROC)[1]))
            hr, events = restorer.backup()
            words = restorer.last_error()
            resource.setrlimit(resource.RLIMIT_NPROC, (resource.getrlimit(resource.RLIMIT_NPROC)[1],) * 2)
            again = restorer.backup()[0]
            return hr, len(events), words, again

        hr, events, words, again = support.in_child(body, user=support.NOBODY)
        self.assert_hr(hr, w.E_OUTOFMEMORY)
        self.assertEqual(events, 0)
        self.assertIn("thread", words)
        self.assert_hr(again, w.S_OK, "busy for ever")


if __name__ == "__main__":
    unittest.main()
