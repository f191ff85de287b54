"""Restores that are killed, or whose system calls fail, at every moment: the store is old or
new, never anything else, and the next operation leaves nothing beside it.

The default run takes samples; WMLB_FULL=1 runs everything.
"""

import os
import random
import select
import signal
import subprocess
import time
import unittest
import warnings

import interrupt
import support
import wmlb_ctypes as w
from restore_support import RestoreCase, difference, last_progress, snapshot

FULL = os.environ.get("WMLB_FULL") == "1"
# How many of a call's moments the default run tries.
SAMPLES = 2
# Calls that only the end of a process or of a thread makes, and those that nothing in the
# store depends on, are tried too: nothing is left out.


def moments(count):
    """Which calls of so many to interrupt."""
    if FULL or count <= SAMPLES:
        return list(range(1, count + 1))
    step = (count - 1) / (SAMPLES - 1)
    return sorted({1 + round(step * n) for n in range(SAMPLES)})


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class Interrupted(RestoreCase):
    FILES = {
        b"a": b"backup", b"b/c": b"backup", b"b/new/d": b"backup", b"b/new/er/e": b"backup",
        b"n/1/2/3": b"backup", b"n/1/2b/3": b"backup", b"n/1b/2/3": b"backup",
        b"n/1b/2b/3": b"backup", b"o/1/2/3": b"backup", b"o/1/2b/3": b"backup", b"same": b"same",
        b"z": b"backup",
    }
    HAS = {
        b"a": b"store", b"b/c": b"store", b"b/unrelated": b"store", b"same": b"same",
        b"other": b"store", b"z": b"store",
    }

    def setUp(self):
        super().setUp()
        self.save(self.FILES)
        # One of several frames, too.
        self.save({b"m/large": b"l" * (2 << 20)})
        self.tried = 0
        self.ended = {"old": 0, "new": 0}

    def fresh(self):
        return None

    def empty(self):
        os.mkdir(self.store)

    def merge(self):
        self.put(dict(self.HAS))

    def prepare(self, kind):
        subprocess.run(["rm", "-rf", self.place], check=True)
        os.mkdir(self.place)
        kind()

    def operation(self, threads):
        """What the child runs: its result."""
        return lambda: self.new_target(Threads=threads).restore(w.RESTORE_OVERWRITE)[0]

    def old_and_new(self, kind, threads=1):
        self.prepare(kind)
        old = snapshot(self.store)
        self.assert_ends(self.new_target().restore(w.RESTORE_OVERWRITE))
        new = snapshot(self.store)
        self.assertNotEqual(old, new)
        self.prepare(kind)
        return old, new

    def open_the_store(self, words):
        """The next operation: it puts right what was left."""
        hr, why = self.back_up()
        words = "%s; then %s" % (words, why)
        expected = w.S_OK if os.path.exists(self.store) else w.UNABLE_TO_OPEN_DATA_STORE
        self.assert_hr(hr, expected, words)

    def check(self, old, new, words):
        """The store is one of the two, and alone; whether it is the old one."""
        self.open_the_store(words)
        found = snapshot(self.store)
        if found not in (old, new):
            self.fail("%s: to the old one: %s; to the new one: %s" % (
                words, difference(found, old), difference(found, new)))
        self.assert_alone([] if found is None else ["store"])
        self.ended["old" if found == old else "new"] += 1
        return found == old

    def kill_everywhere(self, kind, threads):
        old, new = self.old_and_new(kind)
        operation = self.operation(threads)
        calls = interrupt.calls_of(operation, self.root)
        self.assertIn("renameat2" if kind == self.merge else "renameat", calls)
        self.prepare(kind)
        for name, count in sorted(calls.items()):
            numbers = moments(count)
            while numbers:
                number = numbers.pop(0)
                words = "%s, %d threads, killed at %s %d" % (kind.__name__, threads, name, number)
                killed = interrupt.run(operation, interrupt.kill_at(name, number)).killed
                self.tried += killed
                if not self.check(old, new, words):
                    self.prepare(kind)
                # With several threads one may make more calls than it did before.
                if killed and FULL and not numbers:
                    numbers = [number + 1]

    def report(self, what):
        if FULL:
            print("\n%s: %d, of which the store was old %d and new %d times" % (
                what, self.tried, self.ended["old"], self.ended["new"]), flush=True)

    # Of threads.
    COUNTS = (1, 2)

    # When no file can be moved any more, in the middle.
    STAYS_HALF = True

    def test_killed_at_each_call(self):
        for threads in self.COUNTS:
            for kind in (self.merge, self.fresh, self.empty):
                self.tried, self.ended = 0, {"old": 0, "new": 0}
                self.kill_everywhere(kind, threads)
                self.assertGreater(self.tried, 20)
                self.assertGreater(self.ended["old"], 0)
                self.assertGreater(self.ended["new"], 0)
                self.report("kills at calls, %s, %d threads" % (kind.__name__, threads))

    def test_killed_at_each_call_without_exchanging_renames(self):
        """As on a file system that cannot exchange two files."""
        support.need_filters()
        old, new = self.old_and_new(self.merge)

        def operation():
            support.filter_calls(("renameat2", 22, 4, 2))
            return self.operation(1)()

        calls = interrupt.calls_of(operation, self.root)
        for name in ("renameat", "renameat2", "unlinkat", "mkdirat"):
            for number in moments(calls[name]):
                self.prepare(self.merge)
                words = "killed at %s %d" % (name, number)
                self.tried += interrupt.run(operation, interrupt.kill_at(name, number)).killed
                self.check(old, new, words)
        self.report("kills without exchanging renames")

    def in_a_mount(self):
        support.need_root()
        self.store = os.path.join(self.root, "disk")
        support.mount(self, self.store, "tmpfs")

    def test_killed_with_the_staging_folder_in_the_store(self):
        self.in_a_mount()

        def prepare():
            for name in os.listdir(self.store):
                subprocess.run(["rm", "-rf", os.path.join(self.store, name)], check=True)
            self.put(dict(self.HAS))

        prepare()
        old = snapshot(self.store)
        operation = self.operation(1)
        calls = interrupt.calls_of(operation, self.root)
        new = snapshot(self.store)
        self.assertNotEqual(old, new)
        for name in ("mkdirat", "renameat2", "unlinkat", "openat", "fsync", "syncfs", "write"):
            for number in moments(calls[name]):
                prepare()
                interrupted = interrupt.run(operation, interrupt.kill_at(name, number))
                self.tried += interrupted.killed
                words = "killed at %s %d" % (name, number)
                self.open_the_store(words)
                found = snapshot(self.store)
                self.assertIn(found, (old, new), words)
                self.ended["old" if found == old else "new"] += 1
        self.assertGreater(self.ended["old"], 0)
        self.report("kills with the staging folder in the store")

    def test_what_cannot_be_put_back(self):
        """No file can be moved any more, from one moment on: the next operation puts them back."""
        old, new = self.old_and_new(self.merge)
        operation = self.operation(1)
        moves = interrupt.calls_of(operation, self.root)["renameat2"]
        results = []
        for number in range(1, moves + 1, 3):
            self.prepare(self.merge)
            results.append(interrupt.run(operation, [
                "-o", "/dev/null", "-e", "trace=renameat2,renameat,rename,linkat",
                "-e", "inject=renameat2:error=EIO:when=%d+" % number,
                "-e", "inject=renameat,rename,linkat:error=EIO"]).result)
            if results[-1] != w.RESTORE_FAILURE:
                self.assertEqual(snapshot(self.store), old)
            self.check(old, new, "EIO from %d on" % number)
        self.assertEqual(w.RESTORE_FAILURE in results, self.STAYS_HALF)

    def test_the_recovery_killed_too(self):
        """What puts the store back is killed at each of its calls as well."""
        old, new = self.old_and_new(self.merge)
        operation = self.operation(1)
        recovery = lambda: self.back_up()[0]
        calls = interrupt.calls_of(operation, self.root)
        # After the last move but one; and while the staging folder is being removed.
        first_kills = [
            ("renameat2", calls["renameat2"] - 1), ("renameat2", 3),
            ("unlinkat", 4), ("unlinkat", calls["unlinkat"] // 2),
        ]
        for name, number in first_kills if FULL else first_kills[::2]:
            kill = interrupt.kill_at(name, number)
            self.prepare(self.merge)
            self.assertTrue(interrupt.run(operation, kill).killed)
            left = os.path.join(self.root, "left")
            subprocess.run(["rm", "-rf", left], check=True)
            os.rename(self.place, left)

            def leave():
                subprocess.run(["rm", "-rf", self.place], check=True)
                self.prepare(self.merge)
                self.assertTrue(interrupt.run(operation, kill).killed)

            leave()
            for call, count in sorted(interrupt.calls_of(recovery, self.root).items()):
                for moment in moments(count):
                    leave()
                    killed = interrupt.run(recovery, interrupt.kill_at(call, moment)).killed
                    self.tried += killed
                    words = "restore killed at %s %d, recovery at %s %d" % (
                        name, number, call, moment)
                    self.check(old, new, words)
        self.report("kills of recoveries")

    def fail_everywhere(self, kind, threads, error):
        """Lets each call fail once. The store is old when the restore failed, at once and
        without another operation's help, or new when it says so."""
        old, new = self.old_and_new(kind)
        operation = self.operation(threads)
        calls = interrupt.calls_of(operation, self.root)
        self.prepare(kind)
        problems = []
        for name, count in sorted(calls.items()):
            if name not in FAILING:
                continue
            for number in moments(count):
                words = "%s, %d threads, %s at %s %d" % (
                    kind.__name__, threads, error, name, number)
                result = interrupt.run(operation, interrupt.fail_at(name, number, error)).result
                self.tried += 1
                at_once = snapshot(self.store)
                try:
                    is_old = self.check(old, new, words)
                    if result == w.S_OK and is_old:
                        self.fail(words + ": S_OK, and the store is the old one")
                    if result != w.S_OK and not is_old and not self.may_be_new(name):
                        self.fail(words + ": %s, and the store is new" % w.describe(result))
                    if result == w.RESTORE_FAILURE:
                        self.fail(words + ": one failure, and it could not be put back")
                    if at_once not in (old, new):
                        self.fail(words + ": %s, and the store is in between: %s" % (
                            w.describe(result), difference(at_once, old)))
                except AssertionError as problem:
                    problems.append(str(problem))
                    is_old = False
                if not is_old:
                    self.prepare(kind)
        if problems:
            self.fail("%d of %d:\n%s" % (len(problems), self.tried, "\n".join(problems[:20])))

    def may_be_new(self, name):
        # The folder's fsync that fails after the one rename: the new store stays.
        return name == "fsync"

    def test_each_call_fails(self):
        for threads, kind, error in (
            (1, self.merge, "EIO"), (1, self.fresh, "EIO"), (1, self.empty, "ENOSPC"),
            (2, self.merge, "ENOSPC"), (2, self.fresh, "EIO"),
        ):
            with self.subTest(kind=kind.__name__, threads=threads, error=error):
                self.tried, self.ended = 0, {"old": 0, "new": 0}
                self.fail_everywhere(kind, threads, error)
                self.report("failing calls, %s, %d threads" % (kind.__name__, threads))


FAILING = {
    "chmod", "fallocate", "fchmod", "fchmodat", "fchmodat2", "fcntl", "flock", "fstat", "fsync",
    "ftruncate", "getdents64", "linkat", "lseek", "mkdir", "mkdirat", "newfstatat", "openat",
    "openat2", "pread64", "pwrite64", "read", "readlink", "renameat", "renameat2", "statx",
    "syncfs", "unlinkat", "utimensat", "write", "pwritev", "writev",
}


class AtRandom(RestoreCase):
    """A larger restore, killed from inside at an event, or from outside after a while."""

    KILLS = 200 if FULL else 16

    def setUp(self):
        super().setUp()
        content = random.Random(3)
        files = {}
        for number in range(1500):
            name = b"%d/%d/license-%d" % (number % 7, number % 31, number)
            files[name] = content.randbytes(content.randrange(3000))
        files[b"3/large"] = content.randbytes(3 << 20)
        self.save(files)
        self.has = {name: b"store" for name in sorted(files)[::3]}
        self.has.update({b"unrelated/%d" % n: b"store" for n in range(50)})

    def prepare(self, merge):
        subprocess.run(["rm", "-rf", self.place], check=True)
        os.mkdir(self.place)
        if merge:
            self.put(self.has)

    # A file of the store that is replaced early.
    watched = None

    def look_at_watched(self):
        try:
            return os.stat(self.watched).st_ino
        except FileNotFoundError:
            return None

    def run_child(self, threads, kill_at_event=None, kill_after=None):
        """A restore in a child that kills itself at its n-th event, or is killed so long after
        its BEGIN or the last PROGRESS: (whether it was killed, seconds from that to its end)."""
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                seen = []

                def on_event(event):
                    seen.append(event)
                    if event.status == w.STATUS_BEGIN:
                        os.write(writer, b"B")
                    elif last_progress(event):
                        os.write(writer, b"L")
                    if len(seen) == kill_at_event:
                        os.kill(os.getpid(), signal.SIGKILL)

                restorer = self.new_target(Threads=threads)
                restorer.restore(w.RESTORE_OVERWRITE, on_event)
            finally:
                os._exit(0)
        os.close(writer)
        event, delay = kill_after or (b"L", None)
        begun = time.monotonic()
        try:
            while True:
                self.assertTrue(select.select([reader], [], [], 60)[0], "the restore hangs")
                said = os.read(reader, 1)
                if said == event:
                    begun = time.monotonic()
                    if self.watched:
                        # The moves are a short time among long ones: wait for the first.
                        before = self.look_at_watched()
                        while (self.look_at_watched() == before
                               and not select.select([reader], [], [], 0)[0]):
                            pass
                        begun = time.monotonic()
                    if delay is not None:
                        # Its end comes first, or the moment does.
                        while select.select([reader], [], [], delay)[0] and os.read(reader, 1):
                            delay = max(0, delay + begun - time.monotonic())
                        os.kill(child, signal.SIGKILL)
                        break
                elif not said:
                    break
        finally:
            os.close(reader)
            status = os.waitpid(child, 0)[1]
        return os.WIFSIGNALED(status), time.monotonic() - begun

    def test_at_random_moments(self):
        choice = random.Random(11)
        tried = killed = old_ones = between = 0
        for merge in (True, False):
            self.prepare(merge)
            old = snapshot(self.store)
            # How long there is for a kill before and after the last license was staged.
            lasts = {}
            for event in (b"B", b"L"):
                self.prepare(merge)
                lasts[event] = self.run_child(2, kill_after=(event, 60))[1]
            new = snapshot(self.store)
            self.assertNotEqual(old, new)
            self.prepare(merge)
            for _ in range(self.KILLS // 2):
                tried += 1
                threads = choice.choice((1, 2, 4))
                if choice.random() < 0.2:
                    killed += self.run_child(threads, kill_at_event=choice.randrange(1, 9))[0]
                else:
                    event = choice.choice((b"B", b"L", b"L", b"L"))
                    delay = choice.uniform(0, lasts[event])
                    if merge and event == b"L" and choice.random() < 0.8:
                        self.watched = os.path.join(self.store, os.fsdecode(min(self.has)))
                        delay = choice.expovariate(100)
                    killed += self.run_child(threads, kill_after=(event, delay))[0]
                    self.watched = None
                between += snapshot(self.store) not in (old, new)
                hr, _ = self.back_up()
                if os.path.exists(self.store):
                    self.assert_hr(hr, w.S_OK)
                found = snapshot(self.store)
                if found not in (old, new):
                    self.fail("kill %d: %s" % (tried, difference(found, old)))
                self.assert_alone([] if found is None else ["store"])
                old_ones += found == old
                if found != old:
                    self.prepare(merge)
        self.assertGreater(killed, tried // 3)
        self.assertGreater(old_ones, 0)
        if FULL:
            print("\n%d kills at random of %d tries; the store was old %d times, and %d times "
                  "had to be put back" % (killed, tried, old_ones, between), flush=True)


if __name__ == "__main__":
    unittest.main()
