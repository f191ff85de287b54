"""A quiet neighbor: how the library's threads stand back from the host's, and from others."""

import ctypes
import errno
import os
import platform
import subprocess
import threading
import unittest

import interrupt
import support
import wmlb_ctypes as w
from restore_support import RestoreCase

libc = ctypes.CDLL(None, use_errno=True)

# Of the kernel's include/uapi/linux/ioprio.h.
THREAD, CLASS = 1, 1 << 13
NO_CLASS, REAL_TIME, BEST_EFFORT, IDLE = (number * CLASS for number in range(4))
# What the library asks for.
LAST = BEST_EFFORT + 7
IOPRIO_SET, IOPRIO_GET = {"x86_64": (251, 252), "aarch64": (30, 31)}.get(platform.machine(), (0, 0))


def call(number, *arguments):
    answer = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    if answer < 0:
        raise OSError(ctypes.get_errno(), "system call %d" % number)
    return answer


def priorities():
    """(niceness, disk priority) of every thread of this process, by its number."""
    found = {}
    for number in support.threads():
        try:
            stat = support.read("/proc/self/task/%d/stat" % number)
            disk = call(IOPRIO_GET, THREAD, number)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        # Fields 1 and 2 are its number and its name, which may hold spaces.
        found[number] = int(stat.rpartition(b")")[2].split()[19 - 3]), disk
    return found


def own():
    return priorities()[threading.get_native_id()]


def be(niceness, disk=NO_CLASS):
    """Makes the calling thread so. Only root can be less nice than it is: anybody else is tested
    with what the tests were started with."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
    except PermissionError:
        assert os.getpriority(os.PRIO_PROCESS, 0) > niceness
    call(IOPRIO_SET, THREAD, 0, disk)


class Bystander:
    """A thread of the host's, which does nothing."""

    def __enter__(self):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.over.wait)
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@unittest.skipUnless(IOPRIO_GET, "the system call numbers of this machine are not known here")
class Neighbor(RestoreCase):
    # To be seen in the events of a backup.
    flags = {"backup": w.OVERWRITE}

    def setUp(self):
        super().setUp()
        self.save({b"%d" % number: os.urandom(1 << 20) for number in range(12)})

    def watch(self, operation="backup", restorer=None, **properties):
        """Runs an operation: what the library's threads were at its events, and how many there
        were at most. The host's are as they were all the time."""
        properties.setdefault("Threads", 4)
        restorer = restorer or self.new_target(store=self.store_for(operation), **properties)
        before, found, numbers = priorities(), set(), [0]

        def on_event(event):
            now = priorities()
            self.assertEqual({number: now[number] for number in before}, before)
            found.update(now[number] for number in now.keys() - before)
            numbers.append(len(now) - len(before))

        run = getattr(restorer, operation)
        self.assert_ends(run(self.flags.get(operation, 0), on_event))
        self.assertEqual({number: priorities()[number] for number in before}, before)
        return found, max(numbers)

    def store_for(self, operation):
        return self.source if operation == "backup" else self.store

    def beside(self, niceness, disk=NO_CLASS, **arguments):
        """The same, started by a thread of this niceness: what that was, and what was found."""

        def body():
            with Bystander():
                be(niceness, disk)
                return own(), self.watch(**arguments)

        return support.in_child(body)

    def assert_steps(self, steps, **properties):
        for niceness in (0, 3, 14, 17, 19):
            (start, disk), (found, _) = self.beside(niceness, **properties)
            self.assertGreaterEqual(start, niceness)
            wanted = (min(start + steps, 19), LAST if steps else disk)
            self.assertEqual(found, {wanted}, "beside %d" % start)

    def test_not_set(self):
        self.assert_steps(5)

    def test_set(self):
        for steps in (1, 5, 19):
            self.assert_steps(steps, Niceness=steps)

    def test_as_the_host(self):
        self.assert_steps(0, Niceness=0)

    def test_removed_again(self):
        def body():
            be(0)
            restorer = self.new_restorer(store=self.source, Niceness=0)
            self.assert_hr(restorer.remove_prop(b"Niceness"), w.S_OK)
            return own()[0], self.watch(restorer=restorer)[0]

        start, found = support.in_child(body)
        self.assertEqual(found, {(min(start + 5, 19), LAST)})

    def test_every_operation_and_every_worker(self):
        for operation in ("backup", "verify", "restore"):
            for threads in (1, 4):
                (start, _), (found, number) = self.beside(
                    0, operation=operation, Threads=threads, Niceness=7)
                self.assertEqual(found, {(min(start + 7, 19), LAST)}, operation)
                self.assertEqual(number, 1 if threads == 1 else 5, operation)

    def test_disk_priorities_of_the_host(self):
        cases = [
            (NO_CLASS, LAST), (BEST_EFFORT, LAST), (BEST_EFFORT + 6, LAST), (LAST, LAST),
            # Less than the library asks for.
            (IDLE, IDLE),
        ]
        if os.geteuid() == 0:
            cases += [(REAL_TIME, LAST), (REAL_TIME + 7, LAST)]
        for disk, wanted in cases:
            (_, start), (found, _) = self.beside(0, disk)
            self.assertEqual(start // CLASS, disk // CLASS)
            self.assertEqual({disk for _, disk in found}, {wanted}, disk)
            _, (found, _) = self.beside(0, disk, Niceness=0)
            self.assertEqual({disk for _, disk in found}, {start}, disk)

    def test_the_scheduling_policy_idle_is_less_than_the_last_level(self):
        def body():
            be(0)
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            return own(), self.watch()[0]

        (start, disk), found = support.in_child(body)
        self.assertEqual(found, {(min(start + 5, 19), disk)})
        self.assertEqual(disk // CLASS, 0)

    def test_it_counts_from_the_thread_that_starts_the_operation(self):
        def body():
            be(0)
            restorer = self.new_restorer(store=self.source)
            started, found = [], set()

            def start():
                be(7)
                started.append(own()[0])
                on_event = lambda event: found.add(own())
                self.assert_hr(restorer.start(w.OVERWRITE, on_event), w.S_OK)

            starter = threading.Thread(target=start)
            starter.start()
            starter.join()
            self.assert_hr(restorer.finish(), w.S_OK)
            return started[0], found

        start, found = support.in_child(body)
        self.assertEqual(found, {(min(start + 5, 19), LAST)})

    def test_it_is_that_of_the_start(self):
        def body():
            be(0)
            restorer = self.new_restorer(store=self.source, Niceness=2)
            found = set()

            def on_event(event):
                self.assert_hr(restorer.set("Niceness", 11), w.S_OK)
                found.add(own()[0])

            self.assert_ends(restorer.backup(w.OVERWRITE, on_event))
            return own()[0], found, self.watch(restorer=restorer)[0]

        start, found, later = support.in_child(body)
        self.assertEqual(found, {min(start + 2, 19)})
        self.assertEqual(later, {(min(start + 11, 19), LAST)})

    def test_what_a_callback_starts_is_as_nice(self):
        field = ["cut", "-d", " ", "-f", "19", "/proc/self/stat"]

        def body():
            be(0)
            found = []

            def on_event(event):
                if event.status == w.STATUS_BEGIN:
                    thread = threading.Thread(target=lambda: found.append(own()[0]))
                    thread.start()
                    thread.join()
                    ran = subprocess.run(field, stdout=subprocess.PIPE, check=True)
                    found.append(int(ran.stdout))

            restorer = self.new_restorer(store=self.source)
            self.assert_ends(restorer.backup(w.OVERWRITE, on_event))
            return own()[0], found

        start, found = support.in_child(body)
        self.assertEqual(found, [min(start + 5, 19)] * 2)

    def test_lists_run_on_the_hosts_thread_and_leave_it_alone(self):
        def body():
            be(0)
            os.environ["WMLB_STORE_PATH"] = self.source
            restorer = self.new_target(store=self.source, Niceness=19)
            before, found = priorities(), []
            # Those that read a large backup ahead end with the list.
            look = lambda listed: found.append(own())
            self.assert_hr(restorer.enumerate("backup", look)[0], w.S_OK)
            self.assert_hr(restorer.enumerate("store", look)[0], w.S_OK)
            self.assertEqual(len(found), 24)
            self.assert_hr(w.discover(look)[0], w.S_OK)
            self.assertGreater(len(found), 24)
            return priorities() == before, set(found) == {own()}

        self.assertEqual(support.in_child(body), (True, True))

    def test_a_system_that_refuses(self):
        support.need_filters()

        def body(code, refused):
            be(3, BEST_EFFORT + 1)
            support.filter_calls(*((name, code) for name in refused))
            return own(), self.watch()[0]

        both = ("setpriority", "ioprio_set")
        for code in (errno.EPERM, errno.EACCES, errno.ENOSYS):
            start, found = support.in_child(lambda: body(code, both))
            self.assertEqual(found, {start})
        # What one call cannot do is no reason to leave the other.
        (start, disk), found = support.in_child(lambda: body(errno.EPERM, both[:1]))
        self.assertEqual(found, {(start, LAST)})
        (start, disk), found = support.in_child(lambda: body(errno.EPERM, both[1:]))
        self.assertEqual(found, {(min(start + 5, 19), disk)})

    @unittest.skipUnless(support.has_program("strace"), "strace is needed")
    def test_the_system_is_asked_once_or_not_at_all(self):
        def calls(steps):
            def body():
                be(0)
                restorer = self.new_restorer(store=self.source, Niceness=steps)
                return restorer.backup(w.OVERWRITE)[0]

            file = os.path.join(self.root, "trace")
            names = "trace=setpriority,ioprio_set"
            outcome = interrupt.run(body, ["-o", file, "-e", names])
            self.assert_hr(outcome.result, w.S_OK)
            lines = support.read(file).decode(errors="replace").splitlines()
            return sum(1 for line in lines if interrupt.CALL.match(line))

        # Those of be().
        self.assertEqual(calls(0), 2)
        self.assertEqual(calls(1), 4)


if __name__ == "__main__":
    unittest.main()
