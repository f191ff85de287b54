"""wmlb watch: backups whenever a store has changed, told by the kernel itself."""

import json
import os
import platform
import select
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

import license_forge as forge
import support
import wmlb_ctypes as w
from command_support import CommandCase

DEADLINE = 60
# The system call that a watch waits with (/proc/PID/syscall).
PPOLL = {"x86_64": "271", "aarch64": "73"}.get(platform.machine())
# What the kernel keeps for who does not read it.
MOST_EVENTS = "/proc/sys/fs/inotify/max_queued_events"


class Watcher:
    """A running watch, and what it has said so far."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=environment)
        self.said = {self.process.stdout: b"", self.process.stderr: b""}
        for stream in self.said:
            os.set_blocking(stream.fileno(), False)

    def read(self, stream):
        """What a stream has now."""
        self.said[stream] += stream.read() or b""
        lines = self.said[stream].split(b"\n")
        self.said[stream] = lines.pop()
        return lines

    def line(self, stream):
        while b"\n" not in self.said[stream]:
            assert select.select([stream], [], [], DEADLINE)[0], "it says nothing"
            more = stream.read()
            assert more, "it has ended"
            self.said[stream] += more
        line, _, self.said[stream] = self.said[stream].partition(b"\n")
        return line

    def next(self, *names):
        """The next event of one of these names."""
        while True:
            event = json.loads(self.line(self.process.stdout))
            if event["event"] in names:
                return event

    def done(self):
        """The next event of the end of a backup, which was made."""
        event = self.next("done", "failed")
        assert event["event"] == "done", event
        return event

    def await_complaint(self, words):
        while words not in self.line(self.process.stderr):
            pass

    def is_idle(self):
        """Whether it waits for changes, and for nothing else."""
        call = support.read("/proc/%d/syscall" % self.process.pid).split()
        return call[0] == PPOLL.encode() and call[2] == b"0x1"

    def rest(self):
        """Waits until it has nothing to do; the backups that were made meanwhile."""
        end = time.monotonic() + DEADLINE
        while not self.is_idle():
            assert time.monotonic() < end, "it does not rest"
        lines = self.read(self.process.stdout)
        return [json.loads(line)["event"] for line in lines].count("done")

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(DEADLINE)

    def close(self):
        self.process.kill()
        self.process.wait()
        for stream in self.said:
            stream.close()


@unittest.skipUnless(platform.system() == "Linux", "changes are told by Linux")
class Watch(CommandCase):
    def setUp(self):
        super().setUp()
        self.environment = {**os.environ, "HOME": self.root, "LD_LIBRARY_PATH":
                            os.path.dirname(os.path.abspath(w.LIBRARY))}

    def watch(self, *options, settle="0", before=(), store=None, backups=None):
        command = [*before, self.program, "watch", "--json", "--settle", settle, *options,
                   store or self.store, backups or self.backups]
        watcher = Watcher(command, self.environment)
        self.addCleanup(watcher.close)
        return watcher

    def put(self, name, content=None):
        """A license that is there at one moment, whole."""
        path, made = os.path.join(self.store, name), os.path.join(self.root, "made")
        support.write(made, content or forge.v1("license of " + name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.rename(made, path)

    def saved(self):
        """The names in the last backup."""
        return sorted(name.decode() for name in self.opened().names())

    def await_saved(self, watcher, *names):
        """Backups until one has these; some may fail meanwhile."""
        watcher.next("done")
        while self.saved() != sorted(names):
            watcher.next("done")

    def test_changes_are_backed_up(self):
        self.put("a")
        watcher = self.watch()
        self.assertEqual(watcher.next("watching")["all"], True)
        self.assertEqual(watcher.done()["licenses"], 1)
        self.put("b")
        self.await_saved(watcher, "a", "b")
        os.rename(os.path.join(self.store, "b"), os.path.join(self.store, "c"))
        self.await_saved(watcher, "a", "c")
        # Folders that come, are filled, move, and go.
        os.makedirs(os.path.join(self.store, "d/e/f"))
        watcher.done()
        self.put("d/e/f/g")
        self.await_saved(watcher, "a", "c", "d/e/f/g")
        os.rename(os.path.join(self.store, "d/e"), os.path.join(self.store, "h"))
        self.await_saved(watcher, "a", "c", "h/f/g")
        self.put("h/f/i")
        self.await_saved(watcher, "a", "c", "h/f/g", "h/f/i")
        os.rename(os.path.join(self.store, "h"), os.path.join(self.root, "h"))
        self.await_saved(watcher, "a", "c")
        shutil.rmtree(os.path.join(self.store, "d"))
        os.unlink(os.path.join(self.store, "c"))
        self.await_saved(watcher, "a")
        # Times and rights are in a backup too.
        os.utime(os.path.join(self.store, "a"), (1, 1))
        while self.opened().licenses[0].mtime != 10**9:
            watcher.done()
        self.assertEqual(watcher.end(), 128 + signal.SIGTERM)
        self.assertEqual(self.leftovers(), [])

    def leftovers(self):
        return [name for name in os.listdir(self.backups) if name.startswith(".")]

    @unittest.skipUnless(PPOLL, "what a process waits for is known by its system call")
    def test_nothing_else_is(self):
        """Neither what goes on outside, nor reading, nor the backups themselves."""
        self.put("a")
        self.put("d/b")
        backups = os.path.join(self.store, "d", "backups")
        watcher = self.watch("--keep", "last=3", backups=backups)
        watcher.done()
        watcher.rest()  # one more, since there is a new folder
        for number in range(3):
            self.put("a", b"%d" % number)
            watcher.done()
            self.assertEqual(watcher.rest(), 0)
        self.assertEqual(len(os.listdir(backups)), 3)
        os.rename(os.path.join(self.store, "d/b"), os.path.join(self.root, "b"))
        watcher.done()
        self.assertEqual(watcher.rest(), 0)
        support.write(os.path.join(self.root, "b"), b"changed")
        support.read(os.path.join(self.store, "a"))
        subprocess.run([self.program, "list", "--store", self.store], env=self.environment,
                       check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(watcher.rest(), 0)

    @unittest.skipUnless(PPOLL, "what a process waits for is known by its system call")
    def test_a_database(self):
        path = os.path.join(self.root, "licenses.db")
        database = sqlite3.connect(path, isolation_level=None)
        self.addCleanup(database.close)
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, content)")
        watcher = self.watch(store=path)
        watcher.done()
        watcher.rest()
        for number in range(3):
            database.execute("INSERT INTO t (content) VALUES (?)", ("content %d" % number,))
            watcher.done()
            watcher.rest()
        saved, = self.opened().files().values()
        self.assertIn(b"content 2", saved)
        support.write(os.path.join(self.root, "licenses.db2"), b"another one")
        self.assertEqual(watcher.rest(), 0)

    def test_a_store_that_never_rests(self):
        self.put("a")
        watcher = self.watch(settle="0.1")
        watcher.done()
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            self.put("b", b"%d" % time.monotonic_ns())
            if any(b'"done"' in line for line in watcher.read(watcher.process.stdout)):
                break
        self.assertEqual(self.saved(), ["a", "b"])

    def test_a_store_that_goes_and_comes_back(self):
        aside = os.path.join(self.root, "aside")
        watcher = self.watch(settle="0.01")
        os.rmdir(self.store)
        # It was there or was not, when the first look was taken.
        watcher.next("waiting")
        os.mkdir(self.store)
        self.put("d/a")
        watcher.next("watching")
        self.await_saved(watcher, "d/a")
        for number in range(2):
            os.rename(self.store, aside)
            watcher.next("waiting")
            watcher.await_complaint(b"waiting for it")
            support.write(os.path.join(aside, "d", "%d" % number), forge.v1("more"))
            os.rename(aside, self.store)
            watcher.next("watching")
            watcher.done()
        self.assertEqual(self.saved(), ["d/0", "d/1", "d/a"])
        # Another folder in its place, in which nothing has changed since.
        shutil.copytree(self.store, aside)
        support.write(os.path.join(aside, "b"), forge.v1("b"))
        os.rename(self.store, os.path.join(self.root, "before"))
        os.rename(aside, self.store)
        self.await_saved(watcher, "b", "d/0", "d/1", "d/a")
        self.put("d/c")
        self.await_saved(watcher, "b", "d/0", "d/1", "d/a", "d/c")
        self.assertEqual(watcher.end(), 128 + signal.SIGTERM)

    @unittest.skipUnless(os.path.exists(MOST_EVENTS), "the kernel's queue is of an unknown length")
    def test_more_changes_than_the_kernel_tells(self):
        self.put("a")
        self.put("b")
        watcher = self.watch()
        watcher.done()
        watcher.process.send_signal(signal.SIGSTOP)
        paths = [os.path.join(self.store, name) for name in "ab"]
        for number in range(int(support.read(MOST_EVENTS)) // 2 + 1):
            for path in paths:
                os.utime(path, (number, number))
        self.put("c/d")
        watcher.process.send_signal(signal.SIGCONT)
        self.await_saved(watcher, "a", "b", "c/d")
        self.put("c/e")
        self.await_saved(watcher, "a", "b", "c/d", "c/e")

    def test_more_folders_than_may_be_watched(self):
        limit = 'echo 2 >/proc/sys/user/max_inotify_watches && exec "$@"'
        before = ["unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh"]
        if subprocess.run([*before, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no limit of one's own is to be had")
        for folder in "abc":
            self.put(folder + "/license")
        watcher = self.watch(before=before)
        self.assertFalse(watcher.next("watching")["all"])
        watcher.await_complaint(b"max_user_watches): it is looked at every 1 s instead")
        watcher.done()
        names = [folder + "/license" for folder in "abc"]
        for folder in "abc":
            self.put(folder + "/more")
            names.append(folder + "/more")
            self.await_saved(watcher, *names)

    def test_backups_that_fail(self):
        os.rmdir(self.backups)
        support.write(self.backups, b"a file in the place of the folder")
        for name in ("d/0", "d/1", "d/2", "e/3"):
            self.put(name)
        watcher = self.watch()
        watcher.next("failed")
        os.unlink(self.backups)
        watcher.next("done")  # tried again, though nothing has changed
        for folder in "de":
            os.rename(os.path.join(self.store, folder), os.path.join(self.root, folder))
            if folder == "d":
                event = watcher.next("fewer_licenses")
                self.assertEqual((event["before"], event["now"]), (4, 1))
                watcher.await_complaint(b"the earlier backup stays")
        while watcher.next("failed")["code"] != "NS_E_DRM_LICENSE_STORE_ERROR":
            pass
        self.assertEqual(self.saved(), ["d/0", "d/1", "d/2", "e/3"])
        os.rename(os.path.join(self.root, "d"), os.path.join(self.store, "d"))
        self.await_saved(watcher, "d/0", "d/1", "d/2")

    def test_a_signal_while_a_backup_is_made(self):
        self.put("a")
        watcher = self.watch("--level", "19")
        watcher.done()
        whole = support.read(self.target)
        text = b"".join(b"%d " % (number * number) for number in range(700_000))
        self.put("large", text)
        watcher.next("progress")
        self.assertEqual(watcher.end(signal.SIGINT), 128 + signal.SIGINT)
        self.assertEqual(support.read(self.target), whole)
        self.assertEqual(self.leftovers(), [])

    def test_what_people_see(self):
        self.put("a")
        process = subprocess.Popen(
            [self.program, "watch", "--settle=0", self.store, self.backups],
            env=self.environment, stdout=subprocess.PIPE)
        self.addCleanup(process.kill)
        with process.stdout as said:
            self.assertEqual(said.readline(), b"watching %s\n" % self.store.encode())
            self.assertRegex(said.readline(), b"^backed up 1 license ")
            self.put("b")
            self.assertRegex(said.readline(), b"^backed up 2 licenses ")
            process.send_signal(signal.SIGHUP)
            self.assertEqual(process.wait(DEADLINE), 128 + signal.SIGHUP)

    def test_wrong_usage(self):
        for code, words, arguments in (
                (2, b"a store and a folder are needed", [self.store]),
                (2, b"a folder is needed, not -", [self.store, "-"]),
                (2, b"a folder is needed, not s3://", [self.store, "s3://bucket/prefix"]),
                (2, b"not a number of seconds: soon", ["--settle", "soon", self.store, "x"]),
                (2, b'--keep: "some" is not', ["--keep", "some", self.store, self.backups]),
                (2, b"not an option here: --all", ["--all", self.store, self.backups]),
                (1, b"there is no store nobody", ["nobody", self.backups])):
            done = subprocess.run([self.program, "watch", *arguments], env=self.environment,
                                  timeout=DEADLINE, capture_output=True, cwd=self.root)
            self.assertEqual(done.returncode, code, done)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
